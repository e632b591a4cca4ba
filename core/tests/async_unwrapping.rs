//! Unwrapping with an `await`, alone and through a cache that tasks share.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod common;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use common::{local_unwrapper, public_key, seal};
use libseal::{
    AsyncUnwrap, CacheLimits, CachingUnwrapper, Envelope, Error, ErrorKind, Header, LocalUnwrapper,
    Next, Reading, Recipient, Unsealer, Unwrap, Unwrapped, WrappedKey, unseal_async,
};
use tokio::{
    sync::Semaphore,
    task::{JoinSet, yield_now},
};

/// A KMS that answers when it is let, and counts its calls.
struct Kms {
    key: LocalUnwrapper,
    /// A permit for each call that may answer.
    answers: Semaphore,
    calls: AtomicUsize,
    failure: Option<ErrorKind>,
}

impl Kms {
    fn new(answers: usize) -> Self {
        Self {
            key: local_unwrapper("rsa-2048"),
            answers: Semaphore::new(answers),
            calls: AtomicUsize::new(0),
            failure: None,
        }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl AsyncUnwrap for Kms {
    async fn unwrap_key(&self, key: &WrappedKey<'_>) -> Unwrapped {
        if key.fingerprint() != self.key.public_key().fingerprint() {
            return Unwrapped::NotMine;
        }
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.answers.acquire().await.unwrap().forget();
        match self.failure {
            Some(kind) => Unwrapped::Failed(Error::with_source(kind, "throttled").into()),
            None => Unwrap::unwrap_key(&self.key, key),
        }
    }

    fn fingerprints(&self) -> Vec<[u8; 32]> {
        vec![*self.key.public_key().fingerprint()]
    }
}

/// Always gives the same answer, after a while.
enum Answer {
    NotMine,
    Failed(ErrorKind),
    Stop,
    DataKey,
}

impl AsyncUnwrap for Answer {
    async fn unwrap_key(&self, _: &WrappedKey<'_>) -> Unwrapped {
        yield_now().await;
        match self {
            Self::NotMine => Unwrapped::NotMine,
            Self::Failed(kind) => Unwrapped::Failed(Error::with_source(*kind, "no").into()),
            Self::Stop => Unwrapped::Stop("stop".into()),
            Self::DataKey => Unwrapped::DataKey([7; 32].into()),
        }
    }
}

#[tokio::test]
async fn a_message_opens_with_an_await() {
    let message = seal(&[("device", "42")], b"21.5 C");
    let kms = Kms::new(usize::MAX >> 3);
    let required = [("device", Some("42"))];
    let plaintext = unseal_async(&message, &kms, &required).await.unwrap();
    assert_eq!(plaintext, b"21.5 C");

    let refused = unseal_async(&message, &kms, &[("device", Some("43"))]).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::ContextMismatch);
    assert_eq!(kms.calls(), 1, "the KMS is not asked for what is refused");

    let mut reading = Reading::new(&required);
    let mut found = Vec::new();
    loop {
        match reading.next(100).unwrap() {
            Next::Message(range) => {
                let end = message.len().min(usize::try_from(range.end).unwrap());
                let start = usize::try_from(range.start).unwrap().min(end);
                reading.feed(&message[start..end], &mut []).unwrap();
            }
            Next::Key => reading.unwrap_with_async(&kms).await.unwrap(),
            Next::Plaintext => {
                let mut out = [0; 100];
                let len = reading.read(&mut out).unwrap();
                found.extend_from_slice(&out[..len]);
            }
            Next::End => break,
        }
    }
    assert_eq!(found, b"21.5 C");
}

#[tokio::test]
async fn what_counts_of_several_answers_is_as_without_an_await() {
    let keys = [public_key("rsa-2048"), public_key("rsa-3072")];
    let recipients = [Recipient::new(&keys[0]), Recipient::new(&keys[1])];
    let message = Envelope::new(&recipients).seal(b"").unwrap();
    let header = Header::parse(&message).unwrap();
    let refused = || Answer::Failed(ErrorKind::KmsRefused);
    let down = || Answer::Failed(ErrorKind::KmsUnavailable);
    for (unwrappers, expected) in [
        (vec![], ErrorKind::NoMatchingRecipient),
        (vec![Answer::NotMine], ErrorKind::NoMatchingRecipient),
        (vec![Answer::NotMine, refused()], ErrorKind::KmsRefused),
        (vec![refused(), down()], ErrorKind::KmsUnavailable),
        (vec![down(), refused()], ErrorKind::KmsUnavailable),
        (
            vec![down(), Answer::Stop, Answer::DataKey],
            ErrorKind::UnwrapFailed,
        ),
    ] {
        let error = header.unwrap_with_async(&unwrappers).await.unwrap_err();
        assert_eq!(error.kind(), expected);
    }
    let unwrappers = [refused(), Answer::DataKey];
    let data_key = header.unwrap_with_async(&unwrappers[..]).await.unwrap();
    assert_eq!(*data_key.as_bytes(), [7; 32]);

    let foreign = Envelope::new(&recipients[1..]).seal(b"").unwrap();
    let error = unseal_async(&foreign, Kms::new(0), &[]).await.unwrap_err();
    let held: String = (public_key("rsa-2048").fingerprint().iter())
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert!(error.to_string().contains(&held[..8]), "{error}");
}

#[tokio::test]
async fn an_unsealer_whose_future_was_dropped_still_needs_the_key() {
    let message = seal(&[], b"21.5 C");
    let mut unsealer = Unsealer::default();
    let header_len = unsealer.update(&message, &mut []).unwrap().consumed;
    let kms = Kms::new(0);
    tokio::select! {
        biased;
        _ = unsealer.unwrap_with_async(&kms) => panic!("the KMS does not answer"),
        () = yield_now() => {}
    }
    assert!(unsealer.needs_key());
    kms.answers.add_permits(1);
    unsealer.unwrap_with_async(&kms).await.unwrap();
    let mut plaintext = [0; 6];
    let written = unsealer.finish_with(&message[header_len..], &mut plaintext);
    assert_eq!((written.unwrap(), &plaintext), (6, b"21.5 C"));
}

type Cached = Arc<CachingUnwrapper<Kms>>;

fn cached(kms: Kms) -> Cached {
    Arc::new(CachingUnwrapper::new(kms, CacheLimits::default()))
}

fn spawn_unsealing(
    tasks: &mut JoinSet<Result<Vec<u8>, Error>>,
    unwrapper: &Cached,
    message: &[u8],
) {
    let (unwrapper, message) = (Arc::clone(unwrapper), message.to_vec());
    tasks.spawn(async move { unseal_async(&message, &unwrapper, &[]).await });
}

/// Lets every task run until it waits.
async fn settle() {
    for _ in 0..100 {
        yield_now().await;
    }
}

#[tokio::test]
async fn tasks_that_want_one_key_cause_one_call() {
    let messages = [seal(&[], b"21.5 C"), seal(&[], b"21.5 C")];
    let unwrapper = cached(Kms::new(0));
    let mut tasks = JoinSet::new();
    for number in 0..200 {
        spawn_unsealing(&mut tasks, &unwrapper, &messages[number % 2]);
    }
    settle().await;
    assert_eq!(unwrapper.inner().calls(), 2, "one for each data key");
    unwrapper.inner().answers.add_permits(2);
    for opened in tasks.join_all().await {
        assert_eq!(opened.unwrap(), b"21.5 C");
    }
    let statistics = unwrapper.statistics();
    assert_eq!((statistics.misses, statistics.shared), (2, 198));

    for message in &messages {
        unseal_async(message, &unwrapper, &[]).await.unwrap();
    }
    assert_eq!(unwrapper.inner().calls(), 2);
}

#[tokio::test]
async fn a_failure_is_told_to_those_who_waited_and_to_no_one_else() {
    let message = seal(&[], b"21.5 C");
    let unwrapper = cached(Kms {
        failure: Some(ErrorKind::KmsUnavailable),
        ..Kms::new(0)
    });
    for round in 1..=2 {
        let mut tasks = JoinSet::new();
        for _ in 0..16 {
            spawn_unsealing(&mut tasks, &unwrapper, &message);
        }
        settle().await;
        unwrapper.inner().answers.add_permits(1);
        for refused in tasks.join_all().await {
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::KmsUnavailable);
        }
        assert_eq!(unwrapper.inner().calls(), round);
    }
}

#[tokio::test]
async fn when_the_task_that_asks_is_cancelled_one_of_the_others_asks() {
    let message = seal(&[], b"21.5 C");
    let unwrapper = cached(Kms::new(0));
    let spawn = || {
        let (unwrapper, message) = (Arc::clone(&unwrapper), message.clone());
        tokio::spawn(async move { unseal_async(&message, &unwrapper, &[]).await })
    };
    let mut tasks: Vec<_> = (0..16).map(|_| spawn()).collect();
    settle().await;
    // Tasks run in the order in which they were woken, so that each of these asks when it is its turn.
    for round in 1..=10 {
        assert_eq!(unwrapper.inner().calls(), round);
        tasks.remove(0).abort();
        settle().await;
    }
    // Some of those who only wait.
    tasks.pop().unwrap().abort();
    settle().await;
    assert_eq!(unwrapper.inner().calls(), 11);
    unwrapper.inner().answers.add_permits(1);
    assert_eq!(tasks.len(), 5);
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap(), b"21.5 C");
    }
    assert_eq!(unwrapper.inner().calls(), 11);
}

#[test]
fn tasks_on_several_threads_share_a_cache() {
    let messages: Vec<_> = (0..5_u8).map(|n| (n, seal(&[], &[n]))).collect();
    let unwrapper = cached(Kms::new(usize::MAX >> 3));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread();
                let runtime = { runtime }.build().unwrap();
                runtime.block_on(async {
                    for (n, message) in messages.iter().cycle().take(200) {
                        let opened = unseal_async(message, &unwrapper, &[]).await;
                        assert_eq!(opened.unwrap(), [*n]);
                    }
                });
            });
        }
    });
    assert_eq!(unwrapper.inner().calls(), 5);
}

/// Answers threads and tasks.
struct Both(Kms);

impl Unwrap for Both {
    fn unwrap_key(&self, _: &WrappedKey<'_>) -> Unwrapped {
        panic!("the task asks")
    }
}

impl AsyncUnwrap for Both {
    async fn unwrap_key(&self, key: &WrappedKey<'_>) -> Unwrapped {
        AsyncUnwrap::unwrap_key(&self.0, key).await
    }
}

#[test]
fn a_thread_waits_for_the_call_of_a_task() {
    let message = seal(&[], b"21.5 C");
    let unwrapper = CachingUnwrapper::new(Both(Kms::new(0)), CacheLimits::default());
    let calls = || unwrapper.inner().0.calls();
    thread::scope(|scope| {
        scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread();
            let opening = unseal_async(&message, &unwrapper, &[]);
            assert_eq!(
                { runtime }.build().unwrap().block_on(opening).unwrap(),
                b"21.5 C"
            );
        });
        while calls() == 0 {
            thread::yield_now();
        }
        let thread = scope.spawn(|| libseal::unseal(&message, &unwrapper, &[]));
        thread::sleep(Duration::from_millis(50));
        assert!(!thread.is_finished());
        unwrapper.inner().0.answers.add_permits(1);
        assert_eq!(thread.join().unwrap().unwrap(), b"21.5 C");
    });
    assert_eq!(calls(), 1);
}
