//! One data key for many messages.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod common;

use std::{
    cell::{Cell, OnceCell},
    collections::HashSet,
    fmt::Debug,
};

use common::{LENGTHS, key_ring, local_unwrapper, pattern, public_key, repeatable, seal_rest};
use libseal::{
    DataKey, Envelope, Error, ErrorKind, Header, LocalUnwrapper, PublicKey, RandomSource,
    Recipient, SealingKey, SealingLimits, SystemRandom, Unwrap, Unwrapped, WrappedKey, unseal,
};

const CONTEXT: &[(&str, &str)] = &[("device", "42"), ("site", "x")];
const REQUIRED: &[(&str, Option<&str>)] = &[("device", Some("42")), ("site", Some("x"))];

fn sealing_key(limits: SealingLimits) -> SealingKey<'static> {
    sealing_key_with(SystemRandom, limits)
}

fn sealing_key_with<R: RandomSource>(random: R, limits: SealingLimits) -> SealingKey<'static, R> {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let envelope = Envelope::new(&recipients).with_context(CONTEXT);
    SealingKey::new(envelope.with_random(random), limits).unwrap()
}

fn unseal_own(message: &[u8]) -> Vec<u8> {
    unseal(message, local_unwrapper("rsa-2048"), REQUIRED).unwrap()
}

/// A source of random bytes that does as it is told.
struct Switched(Cell<Does>);

#[derive(Clone, Copy)]
enum Does {
    Work,
    Fail,
    Nothing,
    Panic,
}

impl Switched {
    fn new(does: Does) -> Self {
        Self(Cell::new(does))
    }
}

impl RandomSource for Switched {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        match self.0.get() {
            Does::Work => SystemRandom.fill(out),
            Does::Fail => Err(ErrorKind::RandomFailed.into()),
            Does::Nothing => Ok(()),
            Does::Panic => panic!("random bytes are drawn for nothing"),
        }
    }
}

#[track_caller]
fn refused<T: Debug>(result: Result<T, Error>) -> ErrorKind {
    result.unwrap_err().kind()
}

/// Asks its KMS for each data key only once, and counts how often.
struct Cached {
    kms: LocalUnwrapper,
    wrapped: OnceCell<Vec<u8>>,
    data_key: OnceCell<[u8; 32]>,
    calls: Cell<u32>,
}

impl Unwrap for Cached {
    fn unwrap_key(&self, key: &WrappedKey<'_>) -> Unwrapped {
        let wrapped = self.wrapped.get_or_init(|| key.ciphertext().to_vec());
        assert_eq!(wrapped, key.ciphertext(), "another wrapped key");
        let data_key = self.data_key.get_or_init(|| {
            self.calls.set(self.calls.get() + 1);
            match self.kms.unwrap_key(key) {
                Unwrapped::DataKey(data_key) => *data_key.as_bytes(),
                other => panic!("{other:?}"),
            }
        });
        Unwrapped::DataKey(DataKey::from(*data_key))
    }
}

#[test]
fn every_message_opens_and_one_unwrapping_serves_them_all() {
    let mut key = sealing_key(SealingLimits::default());
    let cached = Cached {
        kms: local_unwrapper("rsa-2048"),
        wrapped: OnceCell::new(),
        data_key: OnceCell::new(),
        calls: Cell::new(0),
    };
    for number in 0..100 {
        let reading = format!("reading {number}");
        let message = key.seal(reading.as_bytes()).unwrap();
        let found = unseal(&message, &cached, REQUIRED).unwrap();
        assert_eq!(found, reading.as_bytes());
    }
    assert_eq!(cached.calls.get(), 1);
}

#[test]
fn messages_share_the_header_and_nothing_else() {
    let mut key = sealing_key(SealingLimits::default());
    let messages: Vec<_> = (0..50)
        .map(|_| key.seal(b"the same text").unwrap())
        .collect();
    let header_len = Header::parse(&messages[0]).unwrap().len();
    let parts = |from: usize, to: usize| -> HashSet<_> {
        let parts = messages.iter().map(|message| &message[from..to]);
        parts.collect()
    };
    let (salt, commitment) = (header_len + 24, header_len + 24 + 32);
    let end = messages[0].len();
    assert_eq!(parts(0, header_len).len(), 1, "headers");
    assert_eq!(parts(header_len, salt).len(), 50, "salts");
    assert_eq!(parts(salt, commitment).len(), 50, "commitments");
    assert_eq!(parts(commitment, end - 16).len(), 50, "ciphertexts");
    assert_eq!(parts(end - 16, end).len(), 50, "tags");

    // Another sealing key has another data key.
    let other = sealing_key(SealingLimits::default()).seal(b"").unwrap();
    assert_ne!(other[..header_len], messages[0][..header_len]);
}

#[test]
fn every_length_comes_back_whatever_the_pieces() {
    let recipient = public_key("rsa-2048");
    let recipients = [Recipient::new(&recipient)];
    let envelope = Envelope::new(&recipients).with_context(CONTEXT);
    let mut key = sealing_key(SealingLimits::default());
    for len in LENGTHS {
        let plaintext = pattern(len);
        let message = key.seal(&plaintext).unwrap();
        assert_eq!(unseal_own(&message), plaintext);
        // Like any other message in length.
        let expected = envelope.sealed_len(len as u64).unwrap();
        assert_eq!(message.len() as u64, expected);
        assert_eq!(key.sealed_len(len as u64).unwrap(), expected);

        for piece_len in [13, 16384, usize::MAX] {
            let mut start = vec![0; key.start_len()];
            let sealer = key.start(len as u64, &mut start).unwrap();
            let message = seal_rest(sealer, start, &plaintext, piece_len);
            assert_eq!(message.len() as u64, expected);
            assert_eq!(unseal_own(&message), plaintext);
        }
    }
}

#[test]
fn any_recipient_opens_alone() {
    let names = ["rsa-2048", "rsa-2048-e3", "rsa-3072", "rsa-4096"];
    let keys: [PublicKey; 4] = names.map(public_key);
    let recipients = keys
        .each_ref()
        .map(|key| Recipient::new(key).with_key_id("alias/fleet"));
    let envelope = Envelope::new(&recipients).with_context(CONTEXT);
    let mut key = SealingKey::new(envelope, SealingLimits::default()).unwrap();
    for text in [&b"first"[..], b"second"] {
        let message = key.seal(text).unwrap();
        let header = Header::parse(&message).unwrap();
        assert_eq!(header.context().collect::<Vec<_>>(), CONTEXT);
        assert!(
            header
                .wrapped_keys()
                .all(|key| key.key_id() == "alias/fleet")
        );
        for name in names {
            let found = unseal(&message, local_unwrapper(name), REQUIRED).unwrap();
            assert_eq!(found, text, "{name}");
        }
        let stranger = key_ring(&["rsa-2048-b"]);
        assert_eq!(
            refused(unseal(&message, &stranger, &[])),
            ErrorKind::NoMatchingRecipient
        );
        let elsewhere = [("site", Some("y"))];
        assert_eq!(
            refused(unseal(&message, local_unwrapper(names[0]), &elsewhere)),
            ErrorKind::ContextMismatch
        );
    }
}

#[test]
fn what_is_wrong_with_the_arguments_is_said_at_once() {
    let key = public_key("rsa-2048");
    let plain = Recipient::new(&key);
    let limits = SealingLimits::default();
    for (recipients, context, kind) in [
        (&[][..], &[][..], ErrorKind::NoRecipients),
        (&[plain; 17], &[], ErrorKind::TooManyRecipients),
        (&[plain], &[("", "v")], ErrorKind::ContextKeyEmpty),
        (
            &[plain],
            &[("libseal:x", "")],
            ErrorKind::ContextKeyReserved,
        ),
    ] {
        let envelope = Envelope::new(recipients).with_context(context);
        let envelope = envelope.with_random(Switched::new(Does::Panic));
        assert_eq!(refused(envelope.header_len()), kind);
        let mut place = [0; 1000];
        let key = SealingKey::new_in(envelope, limits, &mut place);
        assert_eq!(refused(key), kind);
        let envelope = Envelope::new(recipients).with_context(context);
        assert_eq!(refused(SealingKey::new(envelope, limits)), kind);
    }
}

#[test]
fn the_limits_are_generous_unless_set() {
    let limits = SealingLimits::default();
    assert_eq!((limits.messages(), limits.bytes()), (1 << 20, 1 << 36));
    let limits = limits.with_messages(7).with_bytes(9);
    assert_eq!((limits.messages(), limits.bytes()), (7, 9));
    assert_eq!(sealing_key(limits).left(), limits);
}

#[test]
fn a_key_seals_exactly_as_many_messages_as_it_may() {
    let mut key = sealing_key(SealingLimits::default().with_messages(3).with_bytes(100));
    let mut start = vec![0; key.start_len()];
    key.seal(b"one").unwrap();
    // One that is never finished counts like any other.
    drop(key.start(10, &mut start).unwrap());
    key.seal(b"").unwrap();
    let left = SealingLimits::default().with_messages(0).with_bytes(87);
    assert_eq!(key.left(), left);
    for _ in 0..2 {
        assert_eq!(refused(key.seal(b"")), ErrorKind::SealingKeyExhausted);
        assert_eq!(
            refused(key.start(0, &mut start)),
            ErrorKind::SealingKeyExhausted
        );
        assert_eq!(key.left(), left);
    }
}

#[test]
fn a_key_seals_exactly_as_many_bytes_as_it_may() {
    let mut key = sealing_key(SealingLimits::default().with_messages(4).with_bytes(40_000));
    key.seal(&pattern(30_000)).unwrap();
    let left = SealingLimits::default().with_messages(3).with_bytes(10_000);
    assert_eq!(key.left(), left);
    let mut start = vec![0; key.start_len()];
    for too_much in [10_001, 40_000, (1 << 52) - 1] {
        assert_eq!(
            refused(key.start(too_much, &mut start)),
            ErrorKind::SealingKeyExhausted
        );
    }
    assert_eq!(
        refused(key.seal(&pattern(10_001))),
        ErrorKind::SealingKeyExhausted
    );
    assert_eq!(key.left(), left);
    let message = key.seal(&pattern(10_000)).unwrap();
    assert_eq!(unseal_own(&message), pattern(10_000));
    assert_eq!((key.left().messages(), key.left().bytes()), (2, 0));
    // An empty message takes no bytes.
    assert_eq!(unseal_own(&key.seal(b"").unwrap()), b"");
    assert_eq!(refused(key.seal(b"x")), ErrorKind::SealingKeyExhausted);
    assert_eq!((key.left().messages(), key.left().bytes()), (1, 0));
}

#[test]
fn a_key_without_limits_goes_on() {
    let limits = SealingLimits::default()
        .with_messages(u64::MAX)
        .with_bytes(u64::MAX);
    let mut key = sealing_key(limits);
    let mut start = vec![0; key.start_len()];
    let longest = (1 << 52) - 1;
    let sealer = key.start(longest, &mut start).unwrap();
    assert_eq!(
        (key.left().messages(), key.left().bytes()),
        (u64::MAX - 1, u64::MAX - longest)
    );
    for too_long in [longest + 1, u64::MAX] {
        let mut start = vec![0; key.start_len()];
        let found = refused(key.start(too_long, &mut start));
        assert_eq!(found, ErrorKind::MessageTooLong);
        let found = refused(key.sealed_len(too_long));
        assert_eq!(found, ErrorKind::MessageTooLong);
    }
    assert_eq!(unseal_own(&seal_rest(sealer, start, b"x", 1)), b"x");
}

#[test]
fn a_message_holds_what_was_announced_and_no_byte_more() {
    let mut key = sealing_key(SealingLimits::default());
    let plaintext = pattern(40_000);
    let mut message = vec![0; key.start_len()];
    let mut sealer = key.start(40_000, &mut message).unwrap();
    let mut out = vec![0; 50_000];
    let mut update = |input: &[u8]| {
        let written = sealer.update(input, &mut out)?;
        message.extend_from_slice(&out[..written]);
        Ok(())
    };
    assert_eq!(refused(update(&pattern(40_001))), ErrorKind::MessageTooLong);
    update(&plaintext[..30_000]).unwrap();
    assert_eq!(
        refused(update(&plaintext[..10_001])),
        ErrorKind::MessageTooLong
    );
    update(&plaintext[30_000..]).unwrap();
    update(b"").unwrap();
    assert_eq!(refused(update(b"x")), ErrorKind::MessageTooLong);
    let len = sealer.finish(&mut out).unwrap();
    message.extend_from_slice(&out[..len]);
    assert_eq!(
        unseal_own(&message),
        plaintext,
        "what was refused is not in it"
    );

    // Less is no error, and the limits do not get back what is not used.
    let left = key.left();
    let mut start = vec![0; key.start_len()];
    let sealer = key.start(100, &mut start).unwrap();
    assert_eq!(unseal_own(&seal_rest(sealer, start, b"less", 4)), b"less");
    assert_eq!(key.left().bytes(), left.bytes() - 100);

    let mut start = vec![0; key.start_len()];
    let mut nothing = key.start(0, &mut start).unwrap();
    assert_eq!(
        refused(nothing.update(b"x", &mut out)),
        ErrorKind::MessageTooLong
    );
    assert_eq!(unseal_own(&seal_rest(nothing, start, b"", 1)), b"");
}

#[test]
fn several_messages_at_a_time_and_after_the_key() {
    let mut key = sealing_key(SealingLimits::default());
    let begun = ["first", "second"].map(|text| {
        let mut start = vec![0; key.start_len()];
        let sealer = key.start(text.len() as u64, &mut start).unwrap();
        (text, sealer, start)
    });
    drop(key);
    for (text, sealer, start) in begun {
        let message = seal_rest(sealer, start, text.as_bytes(), 2);
        assert_eq!(unseal_own(&message), text.as_bytes());
    }
}

#[test]
fn a_buffer_one_byte_short_costs_nothing() {
    let limits = SealingLimits::default().with_messages(2);
    let recipient = public_key("rsa-2048");
    let recipients = [Recipient::new(&recipient)];
    let envelope = Envelope::new(&recipients).with_context(CONTEXT);
    let envelope = envelope.with_random(Switched::new(Does::Panic));
    let mut header = vec![0xaa; envelope.header_len().unwrap()];
    let short = header.len() - 1;
    let key = SealingKey::new_in(envelope, limits, &mut header[..short]);
    assert_eq!(refused(key), ErrorKind::BufferTooSmall);
    assert!(
        header.iter().all(|byte| *byte == 0xaa),
        "nothing is written"
    );

    let random = &Switched::new(Does::Work);
    let mut key = sealing_key_with(random, limits);
    random.0.set(Does::Panic);
    let plaintext = pattern(20_000);
    let mut out = vec![0xaa; key.sealed_len(20_000).unwrap().try_into().unwrap()];
    let short = out.len() - 1;
    let sealed = key.seal_into(&plaintext, &mut out[..short]);
    assert_eq!(refused(sealed), ErrorKind::BufferTooSmall);
    let short = key.start_len() - 1;
    let started = key.start(20_000, &mut out[..short]);
    assert_eq!(refused(started), ErrorKind::BufferTooSmall);
    assert!(out.iter().all(|byte| *byte == 0xaa), "nothing is written");
    assert_eq!(key.left(), limits);
    random.0.set(Does::Work);

    // One that is longer keeps its end.
    let len = out.len();
    out.extend([0xaa; 10]);
    assert_eq!(key.seal_into(&plaintext, &mut out).unwrap(), len);
    assert_eq!(unseal_own(&out[..len]), plaintext);
    assert_eq!(out[len..], [0xaa; 10]);
}

#[test]
fn a_source_of_random_bytes_that_fails_costs_nothing() {
    let limits = SealingLimits::default().with_messages(1).with_bytes(5);
    let random = &Switched::new(Does::Work);
    let mut key = sealing_key_with(random, limits);
    let mut out = vec![0; 1000];
    for does in [Does::Fail, Does::Nothing] {
        random.0.set(does);
        assert_eq!(
            refused(key.seal_into(b"hello", &mut out)),
            ErrorKind::RandomFailed
        );
        assert_eq!(refused(key.start(5, &mut out)), ErrorKind::RandomFailed);
        assert_eq!(key.left(), limits);
    }
    random.0.set(Does::Work);
    assert_eq!(unseal_own(&key.seal(b"hello").unwrap()), b"hello");
}

#[test]
fn the_header_lies_in_the_callers_buffer() {
    let recipient = public_key("rsa-2048");
    let recipients = [Recipient::new(&recipient)];
    let envelope = Envelope::new(&recipients).with_context(CONTEXT);
    let envelope = envelope.with_random(repeatable("seed"));
    let len = envelope.header_len().unwrap();
    let mut place = vec![0xaa; len + 10];
    let mut key = SealingKey::new_in(envelope, SealingLimits::default(), &mut place).unwrap();
    let mut messages = [[0; 1000]; 2];
    for out in &mut messages {
        let len = key.seal_into(b"reading", out).unwrap();
        assert_eq!(unseal_own(&out[..len]), b"reading");
    }
    for message in &messages {
        assert_eq!(message[..len], place[..len]);
        assert_eq!(Header::parse(message).unwrap().len(), len);
    }
    assert_eq!(place[len..], [0xaa; 10]);
}

#[cfg(feature = "std")]
#[test]
fn a_key_grows_old() {
    use std::{thread, time::Duration};

    let limits = SealingLimits::default();
    assert_eq!(limits.age(), None);
    let mut young = sealing_key(limits.with_age(Duration::from_secs(3600)));
    young.seal(b"x").unwrap();
    thread::sleep(Duration::from_millis(2));
    let left = young.left().age().unwrap();
    assert!(left < Duration::from_millis(3_599_999) && left > Duration::from_secs(3000));

    let mut old = sealing_key(limits.with_age(Duration::from_millis(1)));
    thread::sleep(Duration::from_millis(2));
    assert_eq!(refused(old.seal(b"x")), ErrorKind::SealingKeyExhausted);
    assert_eq!(
        refused(old.seal_into(b"x", &mut [0; 999])),
        ErrorKind::SealingKeyExhausted
    );
    assert_eq!(old.left().age(), Some(Duration::ZERO));
    assert_eq!(old.left().messages(), limits.messages());
}

#[test]
fn nothing_secret_is_printed() {
    let key = sealing_key(SealingLimits::default().with_messages(7).with_bytes(9));
    assert_eq!(
        format!("{key:?}"),
        "SealingKey { left: SealingLimits { messages: 7, bytes: 9, age: None }, .. }"
    );
}
