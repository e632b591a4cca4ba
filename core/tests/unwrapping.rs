//! Unwrapping: the four answers of an unwrapper, and unwrappers made of unwrappers.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod common;

use std::{cell::RefCell, error::Error as _, fmt, rc::Rc, sync::Arc};

use common::{data_key_of, known_key, local_unwrapper, public_key};
use libseal::{
    BoxError, DataKey, Envelope, Error, ErrorKind, Header, Recipient, Stop, Unsealer, Unwrap,
    Unwrapped, WrapAlgorithm, WrappedKey, unseal, unwrap_fn,
};

/// The recipients of the message here, in the order of its header.
const NAMES: [&str; 3] = ["rsa-2048", "rsa-2048-b", "rsa-2048-e3"];

fn message() -> Vec<u8> {
    let keys = NAMES.map(public_key);
    let recipients: [_; 3] =
        std::array::from_fn(|i| Recipient::new(&keys[i]).with_key_id(NAMES[i]));
    Envelope::new(&recipients).seal(b"secret").unwrap()
}

#[derive(Debug, PartialEq, Eq)]
struct KmsError(String);

impl fmt::Display for KmsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for KmsError {}

fn kms_error(text: &str) -> BoxError {
    KmsError(text.into()).into()
}

#[track_caller]
fn source_of(error: &Error) -> String {
    assert_eq!(error.kind(), ErrorKind::UnwrapFailed);
    error.source().unwrap().to_string()
}

/// What an unwrapper answers for one key.
#[derive(Clone, Copy)]
enum Answer {
    DataKey([u8; 32]),
    NotMine,
    Failed,
    Stop,
}

/// Answers as it is told, for each recipient in turn, and notes what it was asked.
struct Scripted {
    name: &'static str,
    answers: [Answer; 3],
    asked: RefCell<Vec<String>>,
}

impl Scripted {
    fn new(name: &'static str, answers: [Answer; 3]) -> Self {
        let asked = RefCell::default();
        Self {
            name,
            answers,
            asked,
        }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.take()
    }
}

impl Unwrap for Scripted {
    fn unwrap_key(&self, key: &WrappedKey<'_>) -> Unwrapped {
        self.asked.borrow_mut().push(key.key_id().into());
        let number = NAMES.iter().position(|name| *name == key.key_id()).unwrap();
        let error = || kms_error(&format!("{}: {}", self.name, key.key_id()));
        match self.answers[number] {
            Answer::DataKey(bytes) => Unwrapped::DataKey(bytes.into()),
            Answer::NotMine => Unwrapped::NotMine,
            Answer::Failed => Unwrapped::Failed(error()),
            Answer::Stop => Unwrapped::Stop(error()),
        }
    }
}

#[test]
fn recipients_are_tried_in_order_until_one_gives_the_data_key() {
    use Answer::{Failed, NotMine};
    let message = message();
    let right = Answer::DataKey(data_key_of(&message, NAMES[0]));
    for (answers, asked) in [
        ([right; 3], &NAMES[..1]),
        ([NotMine, right, right], &NAMES[..2]),
        ([Failed, NotMine, right], &NAMES[..3]),
    ] {
        let unwrapper = Scripted::new("kms", answers);
        assert_eq!(unseal(&message, &unwrapper, &[]).unwrap(), b"secret");
        assert_eq!(unwrapper.asked(), asked);
    }
}

#[test]
fn the_first_failure_is_the_one_that_is_reported() {
    use Answer::{Failed, NotMine};
    let message = message();
    for (answers, expected) in [
        ([Failed; 3], "kms: rsa-2048"),
        ([NotMine, Failed, Failed], "kms: rsa-2048-b"),
        ([NotMine, NotMine, Failed], "kms: rsa-2048-e3"),
    ] {
        let unwrapper = Scripted::new("kms", answers);
        let error = unseal(&message, &unwrapper, &[]).unwrap_err();
        assert_eq!(source_of(&error), expected);
        assert_eq!(unwrapper.asked(), NAMES, "all were tried");
        let own = error.source().unwrap().downcast_ref::<KmsError>().unwrap();
        assert_eq!(*own, KmsError(expected.into()));
    }
    let unwrapper = Scripted::new("kms", [NotMine; 3]);
    let error = unseal(&message, &unwrapper, &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoMatchingRecipient);
    assert!(error.source().is_none());
}

#[test]
fn after_a_stop_nothing_else_is_tried() {
    use Answer::{Failed, NotMine, Stop};
    let message = message();
    let right = Answer::DataKey(data_key_of(&message, NAMES[0]));
    for (answers, expected, asked) in [
        ([Stop, right, right], "first: rsa-2048", 1),
        ([NotMine, Stop, right], "first: rsa-2048-b", 2),
        // What stops is the error, not what failed before.
        ([Failed, Stop, right], "first: rsa-2048-b", 2),
    ] {
        let both = [
            Scripted::new("first", answers),
            Scripted::new("second", [right; 3]),
        ];
        let error = unseal(&message, &both, &[]).unwrap_err();
        assert_eq!(source_of(&error), expected);
        assert_eq!(both[0].asked(), NAMES[..asked]);
        assert!(both[1].asked().is_empty());
    }
}

#[test]
fn a_wrong_data_key_is_final() {
    let message = message();
    let right = Answer::DataKey(data_key_of(&message, NAMES[0]));
    let unwrapper = Scripted::new("kms", [Answer::DataKey([7; 32]), right, right]);
    let error = unseal(&message, &unwrapper, &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AuthenticationFailed);
    assert_eq!(unwrapper.asked(), NAMES[..1]);
}

#[test]
fn a_closure_says_the_same_with_question_marks() {
    let message = message();
    let ask = |answer: fn() -> Result<Option<DataKey>, BoxError>| {
        let asked = RefCell::new(0);
        let unwrapper = unwrap_fn(|_| {
            *asked.borrow_mut() += 1;
            answer()
        });
        let error = unseal(&message, unwrapper, &[]).unwrap_err();
        (error, asked.take())
    };
    let (error, asked) = ask(|| Ok(None));
    assert_eq!((error.kind(), asked), (ErrorKind::NoMatchingRecipient, 3));
    let (error, asked) = ask(|| Err(kms_error("throttled"))?);
    assert_eq!((source_of(&error).as_str(), asked), ("throttled", 3));
    let (error, asked) = ask(|| Err("only a text".into()));
    assert_eq!((source_of(&error).as_str(), asked), ("only a text", 3));
    let (error, asked) = ask(|| Ok(Some(DataKey::try_from(&[0; 31][..])?)));
    assert_eq!((error.kind(), asked), (ErrorKind::DataKeyLength, 3));

    // `Stop` marks any error, goes through `?`, and does not come out.
    let (error, asked) = ask(|| {
        let down: Result<DataKey, KmsError> = Err(KmsError("down".into()));
        Ok(Some(down.map_err(Stop::new)?))
    });
    assert_eq!((source_of(&error).as_str(), asked), ("down", 1));
    let own = error.source().unwrap().downcast_ref::<KmsError>().unwrap();
    assert_eq!(*own, KmsError("down".into()));
    let (error, asked) = ask(|| Err(Stop::new("the user gave up").into()));
    assert_eq!((source_of(&error).as_str(), asked), ("the user gave up", 1));
}

#[test]
fn a_stop_reads_like_its_error() {
    let inner = io_error_with_a_source();
    let expected = (inner.to_string(), inner.source().map(ToString::to_string));
    let stop = Stop::new(inner);
    let source = stop.source().map(ToString::to_string);
    assert_eq!((stop.to_string(), source), expected);
}

/// Its source is the unwrapper's own error.
fn io_error_with_a_source() -> Error {
    let error = Error::unwrap_failed(KmsError("unplugged".into()));
    assert!(error.source().is_some());
    error
}

#[test]
fn an_error_for_unwrapping_elsewhere_keeps_its_source() {
    let error = Error::unwrap_failed(KmsError("denied".into()));
    assert_eq!(source_of(&error), "denied");
    assert_eq!(error.to_string(), ErrorKind::UnwrapFailed.message());
    assert_eq!(source_of(&Error::unwrap_failed("a text")), "a text");

    // An error of this library stays what it is.
    let own = Error::unwrap_failed(Error::from(ErrorKind::DataKeyLength));
    assert_eq!(own.kind(), ErrorKind::DataKeyLength);
    let again = Error::unwrap_failed(BoxError::from(error));
    assert_eq!(source_of(&again), "denied");
}

/// Every pointer to an unwrapper, and every row of them, unwraps.
#[test]
fn unwrappers_compose() {
    let message = message();
    let opens = |unwrapper: &dyn Unwrap| {
        assert_eq!(unseal(&message, unwrapper, &[]).unwrap(), b"secret");
    };
    let right = data_key_of(&message, NAMES[0]);
    let own = || local_unwrapper(NAMES[1]);
    let stranger = || local_unwrapper("rsa-3072");
    opens(&own());
    opens(&&own());
    opens(&&mut own());
    opens(&Box::new(own()));
    opens(&Rc::new(own()));
    opens(&Arc::new(own()));
    let boxed: Box<dyn Unwrap> = Box::new(own());
    opens(&boxed);
    let shared: Arc<dyn Unwrap + Send + Sync> = Arc::new(own());
    opens(&shared);
    opens(&shared.clone());
    opens(&[stranger(), own()]);
    opens(&vec![stranger(), own()]);
    let slice: &[_] = &[stranger(), own()];
    opens(&slice);
    let mixed: Vec<Box<dyn Unwrap>> = vec![
        Box::new(stranger()),
        Box::new(unwrap_fn(|_| Err("down".into()))),
        Box::new(vec![shared, Arc::new(stranger())]),
        Box::new(known_key(right)),
    ];
    opens(&mixed);
    // And the plain function takes them by value.
    assert_eq!(unseal(&message, mixed, &[]).unwrap(), b"secret");
    assert_eq!(unseal(&message, [own()], &[]).unwrap(), b"secret");

    let none: [Box<dyn Unwrap>; 0] = [];
    let error = unseal(&message, none, &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoMatchingRecipient);
}

#[test]
fn several_unwrappers_are_asked_one_after_the_other() {
    use Answer::{Failed, NotMine};
    let message = message();
    let right = Answer::DataKey(data_key_of(&message, NAMES[0]));
    let three = vec![
        Scripted::new("first", [NotMine; 3]),
        Scripted::new("second", [NotMine, Failed, Failed]),
        Scripted::new("third", [Failed, right, right]),
    ];
    assert_eq!(unseal(&message, &three, &[]).unwrap(), b"secret");
    let asked: Vec<_> = three.iter().map(|one| one.asked().len()).collect();
    assert_eq!(asked, [3, 3, 2]);

    let error = unseal(&message, &three[..2], &[]).unwrap_err();
    assert_eq!(source_of(&error), "second: rsa-2048-b");
}

#[test]
fn a_row_of_unwrappers_answers_for_one_key_as_well() {
    use Answer::{Failed, NotMine, Stop};
    let message = message();
    let header = Header::parse(&message).unwrap();
    let key = header.wrapped_keys().next().unwrap();
    let right = Answer::DataKey([7; 32]);
    let row = |answers: [Answer; 3]| answers.map(|answer| Scripted::new("kms", [answer; 3]));
    let answer = row([NotMine, Failed, right]).unwrap_key(&key);
    assert!(matches!(answer, Unwrapped::DataKey(_)));
    let answer = Vec::from(row([NotMine, Stop, right])).unwrap_key(&key);
    assert!(matches!(answer, Unwrapped::Stop(_)));
    let answer = row([NotMine, Failed, NotMine]).unwrap_key(&key);
    assert!(matches!(answer, Unwrapped::Failed(_)));
    let answer = row([NotMine; 3]).unwrap_key(&key);
    assert!(matches!(answer, Unwrapped::NotMine));
}

/// Prefers the last recipient, and is never asked for a single one.
struct SeesAll {
    seen: RefCell<Vec<String>>,
    unwrapper: Box<dyn Unwrap>,
}

impl Unwrap for SeesAll {
    fn unwrap_key(&self, _: &WrappedKey<'_>) -> Unwrapped {
        panic!("asked for one recipient, not for all")
    }

    fn unwrap_keys(&self, keys: &[WrappedKey<'_>]) -> Unwrapped {
        self.seen
            .replace(keys.iter().map(|key| key.key_id().into()).collect());
        self.unwrapper.unwrap_key(keys.last().unwrap())
    }
}

#[test]
fn an_unwrapper_can_see_all_recipients_at_once() {
    let message = message();
    let unwrapper = || SeesAll {
        seen: RefCell::default(),
        unwrapper: Box::new(local_unwrapper(NAMES[2])),
    };
    let one = unwrapper();
    assert_eq!(unseal(&message, &one, &[]).unwrap(), b"secret");
    assert_eq!(one.seen.take(), NAMES);

    // Through pointers and rows too.
    let boxed: Rc<SeesAll> = Rc::new(unwrapper());
    let row: Vec<Box<dyn Unwrap>> = vec![
        Box::new(local_unwrapper("rsa-3072")),
        Box::new(Rc::clone(&boxed)),
    ];
    assert_eq!(unseal(&message, [row], &[]).unwrap(), b"secret");
    assert_eq!(boxed.seen.take(), NAMES);
}

#[test]
fn after_a_failure_another_unwrapper_can_be_tried() {
    let message = message();
    let mut unsealer = Unsealer::default();
    let header_len = unsealer.update(&message, &mut []).unwrap().consumed;
    for answer in [Answer::NotMine, Answer::Failed, Answer::Stop] {
        let unwrapper = Scripted::new("kms", [answer; 3]);
        unsealer.unwrap_with(&unwrapper).unwrap_err();
        assert!(unsealer.needs_key());
    }
    unsealer.unwrap_with(local_unwrapper(NAMES[1])).unwrap();
    assert!(!unsealer.needs_key());
    let mut out = [0; 6];
    let written = unsealer
        .finish_with(&message[header_len..], &mut out)
        .unwrap();
    assert_eq!(&out[..written], b"secret");
}

#[test]
fn what_a_kms_returns_becomes_a_data_key() {
    let fingerprint = [1; 32];
    for algorithm in WrapAlgorithm::ALL {
        let key = WrappedKey::new(algorithm.kind(), &fingerprint, "id", &[0; 256]);
        assert_eq!(key.algorithm(), Some(*algorithm));
        assert_eq!(key.data_key(&[7; 32]).unwrap().as_bytes(), &[7; 32]);
        for len in [0, 1, 31, 33, 64] {
            let error = key.data_key(&vec![7; len]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::DataKeyLength, "{len}");
        }
    }
    for kind in [0, 3, 255] {
        let key = WrappedKey::new(kind, &fingerprint, "id", &[0; 256]);
        assert_eq!(key.algorithm(), None);
        let error = key.data_key(&[7; 32]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnsupportedAlgorithm);
    }
}

#[test]
fn nothing_secret_is_printed() {
    assert_eq!(
        format!("{:?}", Unwrapped::DataKey([7; 32].into())),
        "DataKey(DataKey(..))"
    );
    let message = message();
    let header = Header::parse(&message).unwrap();
    let key = header.wrapped_keys().next().unwrap();
    let printed = format!("{key:?}");
    assert!(printed.contains("rsa-2048") && printed.contains("ciphertext_len: 256"));
}

#[test]
fn a_failure_that_may_go_away_counts_more_than_a_lasting_one() {
    let message = message();
    let kinds = [
        ErrorKind::WrappedKeyRejected,
        ErrorKind::KmsUnavailable,
        ErrorKind::KmsRefused,
    ];
    let failing = |kind| move |_: &WrappedKey<'_>| Err(Error::with_source(kind, "kms").into());
    for kind in kinds {
        let error = unseal(&message, unwrap_fn(failing(kind)), &[]).unwrap_err();
        assert_eq!(error.kind(), kind);
        assert_eq!(
            error.kind().is_retryable(),
            kind == ErrorKind::KmsUnavailable
        );
        assert_eq!(error.source().unwrap().to_string(), "kms");
        assert_eq!(error.clone().to_string(), kind.message());
    }
    let error = unseal(&message, kinds.map(failing).map(unwrap_fn), &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::KmsUnavailable);
    let lasting = [kinds[0], kinds[2]];
    let error = unseal(&message, lasting.map(failing).map(unwrap_fn), &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrappedKeyRejected);
}

#[test]
fn a_message_is_at_fault_the_kms_is_or_neither() {
    for kind in ErrorKind::ALL {
        assert!(!(kind.is_retryable() && kind.never_opens()), "{kind:?}");
        let is_of_the_message = (200..400).contains(&kind.code());
        assert!(kind.never_opens() || !is_of_the_message, "{kind:?}");
    }
    assert!(ErrorKind::NoMatchingRecipient.never_opens());
    assert!(ErrorKind::WrappedKeyRejected.never_opens());
    for kind in [
        ErrorKind::KmsUnavailable,
        ErrorKind::KmsRefused,
        ErrorKind::UnwrapFailed,
        ErrorKind::Internal,
        ErrorKind::InvalidState,
    ] {
        assert!(!kind.never_opens(), "{kind:?}");
    }
}
