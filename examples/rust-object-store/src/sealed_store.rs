//! A store of the plaintext of sealed objects.

use std::{collections::HashMap, fmt, ops::Range, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{
    FutureExt, StreamExt, TryStreamExt,
    future::{ready, try_join_all},
    stream::{self, BoxStream},
};
use libseal::{DataKeys, ErrorKind, Next, Reading};
use object_store::{
    CopyOptions, Error, GetOptions, GetRange, GetResult, GetResultPayload, ListResult,
    MultipartUpload, OBJECT_STORE_COALESCE_DEFAULT, ObjectMeta, ObjectStore, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, Result, path::Path,
};

use crate::{Object, Scan};

const NAME: &str = "SealedStore";
/// How much plaintext of a long range is fetched at a time, and how often at the same time.
const PIECE_LEN: u64 = 8 * 1024 * 1024;
const AT_ONCE: usize = 2;

/// The plaintext of sealed objects: lengths, ranges and all. It only reads.
///
/// It knows the objects that were scanned, as they were then; others are not there, also in listings. One
/// that was replaced meanwhile is refused.
#[derive(Clone)]
pub struct SealedStore {
    inner: Arc<dyn ObjectStore>,
    objects: Arc<HashMap<Path, Object>>,
    data_keys: Arc<DataKeys>,
}

impl SealedStore {
    /// The objects that were found in `inner`, of which `data_keys` has the keys.
    #[must_use]
    pub fn new(inner: Arc<dyn ObjectStore>, scan: Scan, data_keys: DataKeys) -> Self {
        let objects = scan.objects.into_iter();
        Self {
            inner,
            objects: Arc::new(
                objects
                    .map(|object| (object.meta.location.clone(), object))
                    .collect(),
            ),
            data_keys: Arc::new(data_keys),
        }
    }

    fn object(&self, location: &Path) -> Result<&Object> {
        self.objects.get(location).ok_or_else(|| Error::NotFound {
            path: location.to_string(),
            source: "no sealed object of this name was scanned".into(),
        })
    }

    /// Ranges of the plaintext, none of which ends after it. What they need of the object is fetched with
    /// as few requests as is sensible, all at the same time. The end of the object is verified too, so
    /// that an object that was cut is not taken for a whole one.
    async fn read(&self, object: &Object, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let plaintext_len = plaintext_len(object)?;
        // The last chunk is the one that would hold the next byte.
        let last = plaintext_len..plaintext_len + 1;
        let wanted: Vec<_> = ranges.iter().cloned().chain([last]).collect();
        let wanted = object
            .header
            .ciphertext_ranges(&wanted, OBJECT_STORE_COALESCE_DEFAULT);
        let fetched = wanted.into_iter().map(|range| async move {
            let range = range.start..range.end.min(object.meta.size);
            let options = GetOptions::new()
                .with_range(Some(range.clone()))
                .with_if_match(object.meta.e_tag.clone());
            let result = self.inner.get_opts(&object.meta.location, options).await?;
            Ok::<_, Error>((range.start, result.bytes().await?))
        });
        let mut pieces = try_join_all(fetched).await?;
        pieces.push((0, object.beginning.clone()));
        // Where other tasks share the thread, long ranges are better unsealed with `spawn_blocking`.
        unseal(object, &self.data_keys, &pieces, ranges).map_err(|error| own_error(object, error))
    }

    fn meta(&self, sealed: &ObjectMeta) -> Option<ObjectMeta> {
        let object = self.objects.get(&sealed.location)?;
        let size = plaintext_len(object).ok()?;
        Some(ObjectMeta {
            size,
            ..object.meta.clone()
        })
    }
}

fn plaintext_len(object: &Object) -> Result<u64> {
    let len = object.header.plaintext_len(object.meta.size);
    len.map_err(|error| own_error(object, error))
}

/// Unseals ranges of the plaintext from pieces of the message, each with its offset.
fn unseal(
    object: &Object,
    data_keys: &DataKeys,
    pieces: &[(u64, Bytes)],
    ranges: &[Range<u64>],
) -> Result<Vec<Bytes>, libseal::Error> {
    let data_key = object.header.unwrap_with(data_keys)?;
    let mut reading = Reading::with_key(object.header.clone(), data_key)?;
    let read = |reading: &mut Reading, out: &mut [u8]| match reading.next(out.len())? {
        Next::Message(wanted) => reading.feed(held(pieces, &wanted), out),
        Next::Plaintext => reading.read(out),
        // The key is there, and no range ends after the plaintext.
        Next::Key | Next::End => Err(ErrorKind::Internal.into()),
    };
    // Nothing of a message that was cut may be taken for a part of a whole one.
    reading.set_message_len(object.meta.size);
    reading.confirm_end()?;
    while reading.plaintext_len().is_none() {
        read(&mut reading, &mut [])?;
    }
    let parts = ranges.iter().map(|range| {
        reading.seek(range.start);
        let len = usize::try_from(range.end - range.start).map_err(|_| ErrorKind::Internal)?;
        let (mut part, mut filled) = (vec![0; len], 0);
        while filled < len {
            filled += read(&mut reading, &mut part[filled..])?;
        }
        Ok(part.into())
    });
    parts.collect()
}

/// What the pieces have of a range, from its beginning on. Nothing would be the end of the message.
fn held<'p>(pieces: &'p [(u64, Bytes)], wanted: &Range<u64>) -> &'p [u8] {
    let held = pieces.iter().find_map(|(offset, piece)| {
        let skip = usize::try_from(wanted.start.checked_sub(*offset)?).ok()?;
        piece.get(skip..).filter(|rest| !rest.is_empty())
    });
    let held = held.unwrap_or_default();
    let len = usize::try_from(wanted.end - wanted.start).unwrap_or(usize::MAX);
    &held[..held.len().min(len)]
}

fn own_error(object: &Object, error: libseal::Error) -> Error {
    Error::Generic {
        store: NAME,
        source: format!("{}: {error:#}", object.meta.location).into(),
    }
}

#[async_trait]
impl ObjectStore for SealedStore {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let object = self.object(location)?;
        let size = plaintext_len(object)?;
        let meta = ObjectMeta {
            size,
            ..object.meta.clone()
        };
        options.check_preconditions(&meta)?;
        let range = match &options.range {
            _ if options.head => 0..0,
            None => 0..size,
            Some(range) => resolved(range, size)?,
        };
        let starts = range
            .clone()
            .step_by(usize::try_from(PIECE_LEN).unwrap_or(usize::MAX));
        let (this, object, end) = (self.clone(), object.clone(), range.end);
        let pieces = stream::iter(starts).map(move |start| {
            let (this, object) = (this.clone(), object.clone());
            async move {
                let piece = start..end.min(start + PIECE_LEN);
                let parts = this.read(&object, &[piece]).await?;
                Ok(parts.into_iter().next().unwrap_or_default())
            }
        });
        Ok(GetResult {
            payload: GetResultPayload::Stream(pieces.buffered(AT_ONCE).boxed()),
            meta,
            range,
            attributes: Default::default(),
            extensions: Default::default(),
        })
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let object = self.object(location)?;
        let size = plaintext_len(object)?;
        let ranges = ranges
            .iter()
            .map(|range| resolved(&range.clone().into(), size));
        self.read(object, &ranges.collect::<Result<Vec<_>>>()?)
            .await
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let this = self.clone();
        let listed = self.inner.list(prefix);
        listed
            .try_filter_map(move |sealed| ready(Ok(this.meta(&sealed))))
            .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let listed = self.inner.list_with_delimiter(prefix).await?;
        let objects = listed
            .objects
            .iter()
            .filter_map(|sealed| self.meta(sealed))
            .collect();
        Ok(ListResult { objects, ..listed })
    }

    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        Err(only_reads("put"))
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Err(only_reads("put_multipart"))
    }

    fn delete_stream(
        &self,
        _: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        ready(Err(only_reads("delete"))).into_stream().boxed()
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(only_reads("copy"))
    }
}

fn resolved(range: &GetRange, size: u64) -> Result<Range<u64>> {
    range.as_range(size).map_err(|error| Error::Generic {
        store: NAME,
        source: error.into(),
    })
}

fn only_reads(operation: &str) -> Error {
    Error::NotImplemented {
        operation: operation.to_owned(),
        implementer: NAME.to_owned(),
    }
}

impl fmt::Display for SealedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{NAME}({})", self.inner)
    }
}

impl fmt::Debug for SealedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(NAME)
            .field("inner", &self.inner)
            .field("objects", &self.objects.len())
            .finish_non_exhaustive()
    }
}
