//! What a reader of the store of plaintext gets.

mod common;

use std::sync::Arc;

use common::Counting;
use futures::TryStreamExt;
use libseal::{DataKeys, Envelope, LocalUnwrapper, Recipient, SealingKey};
use libseal_rust_object_store::{Scan, SealedStore, scan};
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt, path::Path};

const PRIVATE_KEY: &[u8] = include_bytes!("../../../tests/vectors/keys/rsa-2048.key.pem");
const MIB: usize = 1024 * 1024;

/// Bytes in which no chunk looks like another.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i ^ (i >> 8) ^ (i >> 14)) as u8).collect()
}

fn unwrapper() -> LocalUnwrapper {
    LocalUnwrapper::new(PRIVATE_KEY, None).unwrap()
}

/// Seals all of them under one data key.
fn seal(plaintexts: &[&[u8]], key_id: &str) -> Vec<Vec<u8>> {
    let unwrapper = unwrapper();
    let recipients = [Recipient::new(unwrapper.public_key()).with_key_id(key_id)];
    let envelope = Envelope::new(&recipients);
    let mut key = SealingKey::new(envelope, Default::default()).unwrap();
    key.seal_many(plaintexts).unwrap()
}

async fn store_of(objects: &[(&str, Vec<u8>)]) -> Arc<Counting> {
    let store = Arc::new(Counting::default());
    for (name, content) in objects {
        store
            .put(&Path::from(*name), content.clone().into())
            .await
            .unwrap();
    }
    store
}

async fn scanned(store: &Arc<Counting>) -> Scan {
    scan(store.clone(), &Path::from("logs")).await.unwrap()
}

fn opened(store: &Arc<Counting>, scan: Scan) -> SealedStore {
    let mut data_keys = DataKeys::new();
    for header in scan.plan.headers() {
        data_keys.unwrap(header, unwrapper()).unwrap();
    }
    store.take();
    SealedStore::new(store.clone(), scan, data_keys)
}

#[tokio::test]
async fn every_range_is_that_of_the_plaintext() {
    for len in [1, 16_383, 16_384, 16_385, 100_000] {
        let plaintext = pattern(len);
        let message = seal(&[&plaintext], "").remove(0);
        let store = store_of(&[("logs/a", message)]).await;
        let sealed = opened(&store, scanned(&store).await);
        let path = Path::from("logs/a");
        for (start, end) in [
            (0, len),
            (0, 1),
            (len - 1, len),
            (len / 2, len),
            (len / 3, len / 2 + 1),
        ] {
            let part = sealed
                .get_range(&path, start as u64..end as u64)
                .await
                .unwrap();
            assert_eq!(part, plaintext[start..end], "{start}..{end} of {len}");
        }
        let whole = sealed.get(&path).await.unwrap().bytes().await.unwrap();
        assert_eq!(whole, plaintext);
        assert_eq!(sealed.head(&path).await.unwrap().size, len as u64);
        let beyond = sealed.get_range(&path, 0..u64::MAX).await.unwrap();
        assert_eq!(beyond, plaintext, "as far as there is anything");
        let suffix = GetOptions::new().with_range(Some(GetRange::Suffix(1)));
        let suffix = sealed.get_opts(&path, suffix).await.unwrap();
        assert_eq!(suffix.bytes().await.unwrap(), plaintext[len - 1..]);
        sealed
            .get_range(&path, len as u64..len as u64 + 1)
            .await
            .unwrap_err();
    }
}

#[tokio::test]
async fn an_empty_object_is_empty() {
    let store = store_of(&[("logs/a", seal(&[b""], "").remove(0))]).await;
    let sealed = opened(&store, scanned(&store).await);
    let result = sealed.get(&Path::from("logs/a")).await.unwrap();
    assert_eq!(
        (result.meta.size, result.bytes().await.unwrap().len()),
        (0, 0)
    );
}

#[tokio::test]
async fn only_the_chunks_that_are_wanted_are_fetched() {
    let plaintext = pattern(20 * MIB);
    let store = store_of(&[("logs/a", seal(&[&plaintext], "").remove(0))]).await;
    let sealed = opened(&store, scanned(&store).await);
    let path = Path::from("logs/a");
    let (start, end) = (5 * MIB as u64, 5 * MIB as u64 + 1000);
    let part = sealed.get_range(&path, start..end).await.unwrap();
    assert_eq!(part, plaintext[start as usize..end as usize]);
    // One chunk, and the last one, which is empty.
    assert_eq!(store.take(), (2, 16_400 + 16));

    // Near ones with one request, and the far one with the end.
    let ranges = [0..10, 19 * MIB as u64..19 * MIB as u64 + 10, 50_000..50_010];
    let parts = sealed.get_ranges(&path, &ranges).await.unwrap();
    for (range, part) in ranges.iter().zip(parts) {
        assert_eq!(part, plaintext[range.start as usize..range.end as usize]);
    }
    assert_eq!(store.take().0, 2);

    // Streamed in pieces of 8 MiB.
    let mut pieces = sealed.get(&path).await.unwrap().into_stream();
    let mut read = Vec::new();
    while let Some(piece) = pieces.try_next().await.unwrap() {
        assert!(piece.len() <= 8 * MIB);
        read.extend_from_slice(&piece);
    }
    assert!(read == plaintext);
}

#[tokio::test]
async fn a_scan_takes_one_request_for_each_object_and_no_key() {
    let mut objects = Vec::new();
    for (key, name) in ["a", "b", "c"].into_iter().enumerate() {
        let messages = seal(&[&pattern(key * 20_000), &pattern(7)], "alias/example");
        for (number, message) in messages.into_iter().enumerate() {
            objects.push((format!("logs/{name}/{number}.sealed"), message));
        }
    }
    let objects: Vec<_> = objects
        .iter()
        .map(|(name, sealed)| (&**name, sealed.clone()))
        .collect();
    let store = store_of(&objects).await;
    let scan = scanned(&store).await;
    assert_eq!(store.take().0, 6);
    assert_eq!((scan.plan.len(), scan.plan.headers().len()), (6, 3));
    assert!(scan.failures.is_empty());

    let sealed = opened(&store, scan);
    let listed: Vec<_> = sealed.list(None).try_collect().await.unwrap();
    let listed: Vec<_> = listed
        .iter()
        .map(|meta| (meta.location.as_ref(), meta.size))
        .collect();
    let lens = [0, 7, 20_000, 7, 40_000, 7];
    assert!(listed.iter().map(|(_, size)| *size).eq(lens), "{listed:?}");
    let folder = sealed
        .list_with_delimiter(Some(&Path::from("logs/b")))
        .await
        .unwrap();
    assert_eq!(
        folder
            .objects
            .iter()
            .map(|meta| meta.size)
            .collect::<Vec<_>>(),
        [20_000, 7]
    );
}

#[tokio::test]
async fn a_long_header_takes_a_second_request() {
    let unwrapper = unwrapper();
    let id = "x".repeat(2000);
    let recipients = [(); 4].map(|()| Recipient::new(unwrapper.public_key()).with_key_id(&id));
    let message = Envelope::new(&recipients).seal(&pattern(30_000)).unwrap();
    let store = store_of(&[("logs/a", message)]).await;
    let scan = scanned(&store).await;
    assert_eq!(store.take().0, 2);
    let sealed = opened(&store, scan);
    let part = sealed
        .get_range(&Path::from("logs/a"), 20_000..20_010)
        .await
        .unwrap();
    assert_eq!(part, pattern(30_000)[20_000..20_010]);
}

#[tokio::test]
async fn what_is_not_sealed_is_named_and_never_read() {
    let message = seal(&[&pattern(20_000)], "").remove(0);
    let store = store_of(&[
        ("logs/cut_in_its_header", message[..100].to_vec()),
        (
            "logs/cut_to_no_message",
            message[..message.len() - 3620].to_vec(),
        ),
        ("logs/empty", Vec::new()),
        ("logs/foreign", b"PAR1 and more".to_vec()),
        ("logs/good", message.clone()),
    ])
    .await;
    let scan = scanned(&store).await;
    let failed: Vec<_> = scan
        .failures
        .iter()
        .map(|(path, _)| path.as_ref())
        .collect();
    let bad = [
        "logs/cut_in_its_header",
        "logs/cut_to_no_message",
        "logs/empty",
        "logs/foreign",
    ];
    assert_eq!(failed, bad);

    let sealed = opened(&store, scan);
    for bad in bad {
        let error = sealed.get(&Path::from(bad)).await.unwrap_err();
        assert!(
            matches!(error, object_store::Error::NotFound { .. }),
            "{error}"
        );
    }
    let listed: Vec<_> = sealed.list(None).try_collect().await.unwrap();
    assert_eq!(listed.len(), 1);
}

#[tokio::test]
async fn an_object_that_was_damaged_is_refused() {
    let message = seal(&[&pattern(50_000)], "").remove(0);
    let mut altered = message.clone();
    altered[25_000] ^= 1;
    // At a length that a message can have.
    let cut = message[..message.len() - 500].to_vec();
    let store = store_of(&[("logs/altered", altered), ("logs/cut", cut)]).await;
    let sealed = opened(&store, scanned(&store).await);

    let path = Path::from("logs/altered");
    assert_eq!(sealed.get_range(&path, 0..10).await.unwrap(), pattern(10));
    let error = sealed.get_range(&path, 20_000..20_010).await.unwrap_err();
    assert!(
        error.to_string().contains("logs/altered: not authentic"),
        "{error}"
    );
    // Not even its good beginning: nothing of it may be taken for a part of a whole message.
    let error = sealed
        .get_range(&Path::from("logs/cut"), 0..10)
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("logs/cut: the end of the message"),
        "{error}"
    );
}

#[tokio::test]
async fn an_object_that_was_replaced_is_refused() {
    let messages = seal(&[&pattern(50_000), &pattern(50_000)], "");
    let store = store_of(&[("logs/a", messages[0].clone())]).await;
    let sealed = opened(&store, scanned(&store).await);
    let path = Path::from("logs/a");
    store.put(&path, messages[1].clone().into()).await.unwrap();
    let error = sealed.get_range(&path, 0..10).await.unwrap_err();
    assert!(
        matches!(error, object_store::Error::Precondition { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn without_its_data_key_an_object_is_refused() {
    let store = store_of(&[("logs/a", seal(&[&pattern(10)], "").remove(0))]).await;
    let scan = scanned(&store).await;
    let sealed = SealedStore::new(store.clone(), scan, DataKeys::new());
    assert_eq!(sealed.head(&Path::from("logs/a")).await.unwrap().size, 10);
    let error = sealed
        .get_range(&Path::from("logs/a"), 0..10)
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("sealed for other keys"),
        "{error}"
    );
}

#[tokio::test]
async fn it_only_reads() {
    let store = store_of(&[("logs/a", seal(&[b"x"], "").remove(0))]).await;
    let sealed = opened(&store, scanned(&store).await);
    let (path, other) = (Path::from("logs/a"), Path::from("logs/b"));
    sealed.put(&other, "plaintext".into()).await.unwrap_err();
    sealed.copy(&path, &other).await.unwrap_err();
    sealed.delete(&path).await.unwrap_err();
    assert_eq!(
        store
            .list(None)
            .try_collect::<Vec<_>>()
            .await
            .unwrap()
            .len(),
        1
    );
}
