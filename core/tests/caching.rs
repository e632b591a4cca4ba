//! `CachingUnwrapper`: one call of the inner unwrapper for each data key.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod common;

use std::{
    cell::Cell,
    error::Error as _,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Barrier, OnceLock, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use common::{local_unwrapper, public_key};
use libseal::{
    CacheLimits, CacheStatistics, CachingUnwrapper, DataKey, Envelope, Error, ErrorKind, Header,
    Recipient, SealingKey, Unwrap, Unwrapped, WrappedKey, unseal,
};

const FINGERPRINT: [u8; 32] = [7; 32];

fn wrapped(ciphertext: &[u8]) -> WrappedKey<'_> {
    WrappedKey::new(1, &FINGERPRINT, "a hint", ciphertext)
}

/// The data key that a `Kms` answers for a ciphertext.
fn data_key(ciphertext: &[u8]) -> DataKey {
    let mut bytes = [0; 32];
    bytes[..ciphertext.len()].copy_from_slice(ciphertext);
    bytes.into()
}

#[derive(Debug)]
struct Denied;

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("denied")
    }
}

impl std::error::Error for Denied {}

/// Counts calls, takes its time, and answers as the ciphertext begins.
#[derive(Default)]
struct Kms {
    calls: AtomicUsize,
    delay: Duration,
}

impl Kms {
    fn slow() -> Self {
        let delay = Duration::from_millis(200);
        Self {
            delay,
            ..Self::default()
        }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

impl Unwrap for Kms {
    fn unwrap_key(&self, key: &WrappedKey<'_>) -> Unwrapped {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        thread::sleep(self.delay);
        match key.ciphertext() {
            b"down" => Unwrapped::Stop(Error::from(ErrorKind::KmsUnavailable).into()),
            b"denied" => Unwrapped::Failed(Denied.into()),
            b"foreign" => Unwrapped::NotMine,
            b"bug" if call == 0 => panic!("a bug"),
            ciphertext => Unwrapped::DataKey(data_key(ciphertext)),
        }
    }

    fn unwrap_keys(&self, keys: &[WrappedKey<'_>]) -> Unwrapped {
        panic!("asked about {} keys at once", keys.len())
    }

    fn fingerprints(&self) -> Vec<[u8; 32]> {
        vec![FINGERPRINT]
    }
}

fn cached(kms: Kms) -> CachingUnwrapper<Kms> {
    CachingUnwrapper::new(kms, CacheLimits::default())
}

#[track_caller]
fn is_key_of(answer: Unwrapped, ciphertext: &[u8]) {
    let Unwrapped::DataKey(found) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(found.as_bytes(), data_key(ciphertext).as_bytes());
}

/// What sixteen threads are answered that ask at the same time.
fn sixteen(cache: &CachingUnwrapper<Kms>, ciphertext: &[u8]) -> Vec<thread::Result<Unwrapped>> {
    let start = Barrier::new(16);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..16)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    cache.unwrap_key(&wrapped(ciphertext))
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join()).collect()
    })
}

#[test]
fn sixteen_threads_cause_one_call() {
    let cache = cached(Kms::slow());
    for answer in sixteen(&cache, b"key") {
        is_key_of(answer.unwrap(), b"key");
    }
    is_key_of(cache.unwrap_key(&wrapped(b"key")), b"key");
    assert_eq!(cache.inner().calls(), 1);
    let statistics = cache.statistics();
    assert_eq!((statistics.misses, statistics.entries), (1, 1));
    assert_eq!((statistics.shared, statistics.hits), (15, 1));
}
