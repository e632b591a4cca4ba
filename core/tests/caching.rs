//! A cache around an unwrapper: one call for each data key, and nothing kept that should not be.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod common;

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use common::{data_key_of, local_unwrapper, public_key, seal};
use libseal::{
    BoxError, CacheLimits, CacheStatistics, CachingUnwrapper, DataKey, Envelope, Error, ErrorKind,
    Header, LocalUnwrapper, Recipient, SealingKey, SealingLimits, Unwrap, Unwrapped, WrappedKey,
    unseal,
};

const THREADS: usize = 16;

/// What a KMS does beside unwrapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Good,
    Failing,
    Stopping,
    Panicking,
}

/// Holds the key `rsa-2048`, and counts the calls.
struct Kms {
    local: LocalUnwrapper,
    calls: AtomicU64,
    time: Duration,
    mood: fn(u64) -> Mood,
}

impl Kms {
    fn new() -> Self {
        Self {
            local: local_unwrapper("rsa-2048"),
            calls: AtomicU64::new(0),
            time: Duration::ZERO,
            mood: |_| Mood::Good,
        }
    }

    fn slow() -> Self {
        let time = Duration::from_millis(200);
        Self {
            time,
            ..Self::new()
        }
    }

    fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }
}

#[derive(Debug)]
struct Denied;

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("denied")
    }
}

impl std::error::Error for Denied {}

impl Unwrap for Kms {
    fn unwrap_key(&self, key: &WrappedKey<'_>) -> Unwrapped {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        thread::sleep(self.time);
        match (self.mood)(call) {
            Mood::Good => self.local.unwrap_key(key),
            Mood::Failing => Unwrapped::Failed(Denied.into()),
            Mood::Stopping => Unwrapped::Stop(Denied.into()),
            Mood::Panicking => panic!("the client has a bug"),
        }
    }

    fn unwrap_keys(&self, keys: &[WrappedKey<'_>]) -> Unwrapped {
        assert_eq!(keys.len(), 1, "which of them would the data key belong to?");
        self.unwrap_key(&keys[0])
    }

    fn fingerprints(&self) -> Vec<[u8; 32]> {
        self.local.fingerprints()
    }
}

fn caching(kms: Kms) -> CachingUnwrapper<Kms> {
    CachingUnwrapper::new(kms, CacheLimits::default())
}

/// The answers of many threads that ask for the key of `message` at once.
fn in_threads<T: Send>(ask: impl Fn() -> T + Sync) -> Vec<T> {
    let start = Barrier::new(THREADS);
    thread::scope(|scope| {
        let threads = (0..THREADS).map(|_| {
            scope.spawn(|| {
                start.wait();
                ask()
            })
        });
        let threads: Vec<_> = threads.collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    })
}

#[test]
fn one_call_for_all_messages_of_a_sealing_key() {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let limits = SealingLimits::default();
    let mut sealing_key = SealingKey::new(Envelope::new(&recipients), limits).unwrap();
    let unwrapper = caching(Kms::new());
    for text in [&b"one"[..], b"two", b"three"] {
        let message = sealing_key.seal(text).unwrap();
        assert_eq!(unseal(&message, &unwrapper, &[]).unwrap(), text);
    }
    assert_eq!(unwrapper.inner().calls(), 1);
    let found = unwrapper.statistics();
    assert_eq!((found.hits, found.misses, found.entries), (2, 1, 1));
}

#[test]
fn threads_that_want_one_key_cause_one_call() {
    let (message, unwrapper) = (seal(&[], b"secret"), caching(Kms::slow()));
    let texts = in_threads(|| unseal(&message, &unwrapper, &[]).unwrap());
    assert!(texts.iter().all(|text| text == b"secret"));
    assert_eq!(unwrapper.inner().calls(), 1);
    let found = unwrapper.statistics();
    assert_eq!(found.misses, 1);
    assert_eq!(found.hits + found.shared, THREADS as u64 - 1);
}

#[test]
fn threads_that_want_different_keys_do_not_wait_for_each_other() {
    let unwrapper = caching(Kms::slow());
    let messages: Vec<_> = (0..THREADS).map(|_| seal(&[], b"secret")).collect();
    let next = AtomicU64::new(0);
    let start = std::time::Instant::now();
    in_threads(|| {
        let number = usize::try_from(next.fetch_add(1, Ordering::SeqCst)).unwrap();
        unseal(&messages[number], &unwrapper, &[]).unwrap()
    });
    assert_eq!(unwrapper.inner().calls(), THREADS as u64);
    // One after the other, they would take at least this long.
    assert!(start.elapsed() < unwrapper.inner().time * 16);
}

#[test]
fn a_failure_is_shared_by_those_who_waited_and_not_kept() {
    for mood in [Mood::Failing, Mood::Stopping] {
        let message = seal(&[], b"secret");
        let first = match mood {
            Mood::Failing => |call| [Mood::Failing, Mood::Good][usize::from(call > 0)],
            _ => |call| [Mood::Stopping, Mood::Good][usize::from(call > 0)],
        };
        let unwrapper = caching(Kms {
            mood: first,
            ..Kms::slow()
        });
        for error in in_threads(|| unseal(&message, &unwrapper, &[]).unwrap_err()) {
            assert_eq!(error.kind(), ErrorKind::UnwrapFailed);
            let source = std::error::Error::source(&error).unwrap();
            assert!(source.is::<Denied>(), "{mood:?}: {source}");
        }
        assert_eq!(unwrapper.inner().calls(), 1);
        assert_eq!(unwrapper.statistics().failures, 1);
        assert_eq!(unseal(&message, &unwrapper, &[]).unwrap(), b"secret");
        assert_eq!(unwrapper.inner().calls(), 2);
    }
}

#[test]
fn after_a_stop_no_other_recipient_is_tried() {
    let keys = ["rsa-2048-b", "rsa-2048"].map(public_key);
    let message = Envelope::new(&keys.each_ref().map(Recipient::new))
        .seal(b"")
        .unwrap();
    for (mood, calls) in [
        ((|_| Mood::Stopping) as fn(u64) -> Mood, 1),
        (|_| Mood::Failing, 2),
    ] {
        let unwrapper = caching(Kms { mood, ..Kms::new() });
        unseal(&message, &unwrapper, &[]).unwrap_err();
        assert_eq!(unwrapper.inner().calls(), calls);
    }
}

#[test]
fn an_error_keeps_its_kind() {
    struct Throttled;
    impl Unwrap for Throttled {
        fn unwrap_key(&self, _: &WrappedKey<'_>) -> Unwrapped {
            Unwrapped::Failed(Error::with_source(ErrorKind::KmsUnavailable, Denied).into())
        }
    }
    let unwrapper = CachingUnwrapper::new(Throttled, CacheLimits::default());
    let error = unseal(&seal(&[], b""), &unwrapper, &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::KmsUnavailable);
    assert_eq!(format!("{error:#}"), format!("{error}: denied"));
}

#[test]
fn after_a_panic_another_thread_asks() {
    let message = seal(&[], b"secret");
    let unwrapper = caching(Kms {
        mood: |call| [Mood::Panicking, Mood::Good][usize::from(call > 0)],
        ..Kms::slow()
    });
    let ask = AssertUnwindSafe(|| unseal(&message, &unwrapper, &[]).unwrap());
    let results = in_threads(|| catch_unwind(*ask));
    assert_eq!(results.iter().filter(|result| result.is_err()).count(), 1);
    assert_eq!(unwrapper.inner().calls(), 2);
}

#[test]
fn strangers_drive_out_no_key() {
    let limits = CacheLimits::default().with_max_entries(2);
    let unwrapper = CachingUnwrapper::new(Kms::new(), limits);
    let message = seal(&[], b"secret");
    unseal(&message, &unwrapper, &[]).unwrap();
    for number in 0..1000_u16 {
        let ciphertext = [number.to_be_bytes(); 128].concat();
        let foreign = WrappedKey::new(1, &[9; 32], "", &ciphertext);
        assert!(matches!(unwrapper.unwrap_key(&foreign), Unwrapped::NotMine));
    }
    unseal(&message, &unwrapper, &[]).unwrap();
    assert_eq!(unwrapper.inner().calls(), 1001);
    let expected = (1, 1, 0, 1);
    let found = unwrapper.statistics();
    assert_eq!(
        (found.hits, found.misses, found.evictions, found.entries),
        expected
    );
}

/// The key of a message is found only with its algorithm, fingerprint and ciphertext; the key id is a hint.
#[test]
fn what_a_data_key_belongs_to() {
    let message = seal(&[], b"");
    let header = Header::parse(&message).unwrap();
    let key = header.wrapped_keys().next().unwrap();
    let unwrapper = caching(Kms::new());
    unwrapper.put(&key, DataKey::from(data_key_of(&message, "rsa-2048")));
    let other = WrappedKey::new(
        key.kind(),
        key.fingerprint(),
        "another name",
        key.ciphertext(),
    );
    assert!(unwrapper.get(&other).is_some());
    for other in [
        WrappedKey::new(2, key.fingerprint(), "", key.ciphertext()),
        WrappedKey::new(key.kind(), &[1; 32], "", key.ciphertext()),
        WrappedKey::new(key.kind(), key.fingerprint(), "", &key.ciphertext()[1..]),
    ] {
        assert!(unwrapper.get(&other).is_none());
    }
    assert_eq!(unwrapper.inner().calls(), 0);
}

#[test]
fn age_counts_from_when_the_call_began() {
    let message = seal(&[], b"secret");
    let limits = CacheLimits::default().with_max_age(Duration::from_millis(100));
    let unwrapper = CachingUnwrapper::new(Kms::slow(), limits);
    for _ in 0..2 {
        unseal(&message, &unwrapper, &[]).unwrap();
    }
    assert_eq!(unwrapper.inner().calls(), 2);

    let unwrapper = CachingUnwrapper::new(Kms::new(), limits);
    unseal(&message, &unwrapper, &[]).unwrap();
    thread::sleep(Duration::from_millis(150));
    assert_eq!(unwrapper.statistics().entries, 0);

    let unwrapper = CachingUnwrapper::new(Kms::new(), limits.with_max_age(Duration::MAX));
    for _ in 0..2 {
        unseal(&message, &unwrapper, &[]).unwrap();
    }
    assert_eq!(unwrapper.inner().calls(), 1);
}

#[test]
fn uses() {
    let message = seal(&[], b"secret");
    for (max_uses, calls) in [(1, 12), (3, 4), (12, 1), (u64::MAX, 1)] {
        let limits = CacheLimits::default().with_max_uses(max_uses);
        let unwrapper = CachingUnwrapper::new(Kms::new(), limits);
        for _ in 0..12 {
            unseal(&message, &unwrapper, &[]).unwrap();
        }
        assert_eq!(unwrapper.inner().calls(), calls, "{max_uses}");
    }
    // All who wait for a call have its data key.
    let limits = CacheLimits::default().with_max_uses(2);
    let unwrapper = CachingUnwrapper::new(Kms::slow(), limits);
    in_threads(|| unseal(&message, &unwrapper, &[]).unwrap());
    assert_eq!(unwrapper.inner().calls(), 1);
    assert_eq!(unwrapper.statistics().entries, 0);
}

#[test]
fn the_key_that_was_not_used_for_longest_makes_room() {
    let limits = CacheLimits::default().with_max_entries(2);
    let unwrapper = CachingUnwrapper::new(Kms::new(), limits);
    let messages = [(); 3].map(|()| seal(&[], b"secret"));
    for (number, calls) in [(0, 1), (1, 2), (0, 2), (2, 3), (0, 3), (1, 4)] {
        unseal(&messages[number], &unwrapper, &[]).unwrap();
        assert_eq!(unwrapper.inner().calls(), calls);
    }
    assert_eq!(unwrapper.statistics().evictions, 2);
    unwrapper.clear();
    assert_eq!(unwrapper.statistics().entries, 0);
}

/// A call that ends after `clear` is answered, and its data key is not kept.
#[test]
fn clearing_during_a_call() {
    let (message, unwrapper) = (seal(&[], b"secret"), caching(Kms::slow()));
    thread::scope(|scope| {
        scope.spawn(|| unseal(&message, &unwrapper, &[]).unwrap());
        while unwrapper.inner().calls() == 0 {
            thread::yield_now();
        }
        unwrapper.clear();
    });
    assert_eq!(unwrapper.statistics().entries, 0);
}

#[test]
fn recipients_in_the_cache_go_first() {
    let keys = ["rsa-2048-b", "rsa-2048"].map(public_key);
    let message = Envelope::new(&keys.each_ref().map(Recipient::new))
        .seal(b"")
        .unwrap();
    let unwrapper = caching(Kms::new());
    for _ in 0..3 {
        unseal(&message, &unwrapper, &[]).unwrap();
    }
    assert_eq!(unwrapper.inner().calls(), 2);
}

#[test]
fn whoever_waits_can_give_up() {
    let (message, unwrapper) = (
        seal(&[], b"secret"),
        caching(Kms {
            time: Duration::from_secs(2),
            ..Kms::new()
        }),
    );
    let header = Header::parse(&message).unwrap();
    let key = header.wrapped_keys().next().unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            unseal(&message, &unwrapper, &[]).unwrap();
            done.store(true, Ordering::SeqCst);
        });
        while unwrapper.inner().calls() == 0 {
            thread::yield_now();
        }
        let answer = unwrapper.unwrap_key_unless(&key, || Some(BoxError::from("Ctrl-C")));
        assert!(!done.load(Ordering::SeqCst), "before the call is over");
        assert!(matches!(answer, Unwrapped::Stop(error) if error.to_string() == "Ctrl-C"));
    });
}

#[test]
fn an_unwrapper_that_would_wait_for_itself() {
    use std::sync::{Arc, OnceLock, Weak};

    #[derive(Default)]
    struct Circular(OnceLock<Weak<CachingUnwrapper<Circular>>>);
    impl Unwrap for Circular {
        fn unwrap_key(&self, key: &WrappedKey<'_>) -> Unwrapped {
            self.0.get().unwrap().upgrade().unwrap().unwrap_key(key)
        }
    }
    let limits = CacheLimits::default();
    let unwrapper = Arc::new(CachingUnwrapper::new(Circular::default(), limits));
    let _ = unwrapper.inner().0.set(Arc::downgrade(&unwrapper));
    let error = unseal(&seal(&[], b""), &unwrapper, &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidState);
    assert!(error.to_string().contains("wait for itself"), "{error}");
}

#[test]
fn it_knows_what_it_holds_and_shows_no_key() {
    let message = seal(&[], b"");
    let unwrapper = CachingUnwrapper::new(local_unwrapper("rsa-2048"), CacheLimits::default());
    unseal(&message, &unwrapper, &[]).unwrap();
    assert_eq!(unwrapper.fingerprints(), unwrapper.inner().fingerprints());
    let shown = format!("{unwrapper:?}");
    assert!(shown.contains("entries: 1"), "{shown}");
    let secret = hex::encode(data_key_of(&message, "rsa-2048"));
    assert!(!shown.contains(&secret) && !shown.contains("DataKey"));
    assert_eq!(unwrapper.into_inner().fingerprints().len(), 1);
}

#[cfg(unix)]
mod forks {
    use super::*;
    use common::forks::in_a_child;

    #[test]
    fn a_child_begins_empty() {
        let (message, unwrapper) = (seal(&[], b"secret"), caching(Kms::new()));
        unseal(&message, &unwrapper, &[]).unwrap();
        in_a_child(|| {
            assert_eq!(unwrapper.statistics(), CacheStatistics::default());
            for _ in 0..2 {
                unseal(&message, &unwrapper, &[]).unwrap();
            }
            assert_eq!(unwrapper.inner().calls(), 2);
            // And its child as well.
            in_a_child(|| assert_eq!(unwrapper.statistics(), CacheStatistics::default()));
        });
        unseal(&message, &unwrapper, &[]).unwrap();
        assert_eq!(unwrapper.inner().calls(), 1);
    }

    #[test]
    fn a_child_does_not_wait_for_the_calls_of_its_parent() {
        let (message, unwrapper) = (seal(&[], b"secret"), caching(Kms::slow()));
        thread::scope(|scope| {
            let asking = scope.spawn(|| unseal(&message, &unwrapper, &[]).unwrap());
            while unwrapper.inner().calls() == 0 {
                thread::yield_now();
            }
            in_a_child(|| assert_eq!(unseal(&message, &unwrapper, &[]).unwrap(), b"secret"));
            assert_eq!(asking.join().unwrap(), b"secret");
        });
    }

    /// Whatever another thread holds at the fork.
    #[test]
    fn a_child_never_hangs() {
        let (message, unwrapper) = (seal(&[], b"secret"), caching(Kms::new()));
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let header = Header::parse(&message).unwrap();
                let key = header.wrapped_keys().next().unwrap();
                while !is_over.load(Ordering::SeqCst) {
                    let _ = unwrapper.get(&key);
                }
            });
            for _ in 0..50 {
                in_a_child(|| assert_eq!(unseal(&message, &unwrapper, &[]).unwrap(), b"secret"));
            }
            is_over.store(true, Ordering::SeqCst);
        });
    }
}
