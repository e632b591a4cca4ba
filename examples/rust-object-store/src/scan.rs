//! Finding sealed objects, from their beginnings alone.

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use libseal::{ErrorKind, Header, MAX_HEADER_LEN, Plan};
use object_store::{GetOptions, ObjectMeta, ObjectStore, path::Path};

/// How much of an object is fetched first: more than nearly all headers.
const BEGINNING_LEN: u64 = 4096;
/// What follows the header before the first chunk: salt and commitment.
const START_LEN: usize = 56;
/// How many requests are under way at the same time.
const AT_ONCE: usize = 32;

/// An object, as it was when it was scanned.
#[derive(Clone, Debug)]
pub struct Object {
    /// Of the sealed object.
    pub meta: ObjectMeta,
    /// Not verified yet.
    pub header: Header,
    /// Header, salt and commitment.
    pub(crate) beginning: Bytes,
}

/// What [`scan`] found.
#[derive(Debug, Default)]
pub struct Scan {
    /// The sealed objects, and which headers they have.
    pub plan: Plan,
    /// In the order of the plan.
    pub objects: Vec<Object>,
    /// What is no sealed object, or could not be read.
    pub failures: Vec<(Path, anyhow::Error)>,
}

/// Finds the sealed objects under `prefix`, with one request for the beginning of each. Needs no key.
///
/// # Errors
/// What listing failed with.
pub async fn scan(store: Arc<dyn ObjectStore>, prefix: &Path) -> object_store::Result<Scan> {
    let listed: Vec<_> = store.list(Some(prefix)).try_collect().await?;
    let mut found = futures::stream::iter(listed)
        .map(|meta| {
            let store = store.clone();
            async move { (meta.clone(), beginning_of(&*store, &meta).await) }
        })
        .buffered(AT_ONCE);

    let mut scan = Scan::default();
    while let Some((meta, beginning)) = found.next().await {
        let location = meta.location.clone();
        let added = beginning.and_then(|beginning| scan.add(meta, &beginning));
        if let Err(error) = added {
            scan.failures.push((location, error));
        }
    }
    Ok(scan)
}

impl Scan {
    fn add(&mut self, meta: ObjectMeta, beginning: &Bytes) -> anyhow::Result<()> {
        let header = Header::parse(beginning)?;
        self.plan.add(beginning, meta.size)?;
        let start_end = beginning.len().min(header.len() + START_LEN);
        self.objects.push(Object {
            meta,
            // A copy, so that the rest need not be kept.
            beginning: Bytes::copy_from_slice(&beginning[..start_end]),
            header,
        });
        Ok(())
    }
}

async fn beginning_of(store: &dyn ObjectStore, meta: &ObjectMeta) -> anyhow::Result<Bytes> {
    let mut len = BEGINNING_LEN;
    loop {
        // If the object was replaced since it was listed, its length is another one.
        let options = GetOptions::new()
            .with_range(Some(0..len.min(meta.size.max(1))))
            .with_if_match(meta.e_tag.clone());
        let beginning = store
            .get_opts(&meta.location, options)
            .await?
            .bytes()
            .await?;
        let is_enough = match Header::parse(&beginning) {
            Ok(header) => beginning.len() >= header.len() + START_LEN,
            Err(error) => error.kind() != ErrorKind::Truncated,
        };
        if is_enough || beginning.len() as u64 == meta.size || len > BEGINNING_LEN {
            return Ok(beginning);
        }
        len = (MAX_HEADER_LEN + START_LEN) as u64;
    }
}
