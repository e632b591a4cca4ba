//! Envelopes: one seals any number of messages in every way, and says exactly how long they are.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod common;

use std::{cell::RefCell, collections::HashSet, mem::MaybeUninit};

use common::{
    LENGTHS, data_key_of, local_unwrapper, pattern, public_key, repeatable, seal_in_pieces,
    seal_rest,
};
#[cfg(feature = "std")]
use libseal::SealWriter;
use libseal::{
    Envelope, Error, ErrorKind, Header, MAX_CONTEXT_LEN, MAX_KEY_ID_LEN, MAX_RECIPIENTS,
    RandomSource, Recipient, SealingKey, SealingLimits, SystemRandom, Writing, random_fn, unseal,
};

const CONTEXT: &[(&str, &str)] = &[("device", "42"), ("site", "x")];

#[test]
fn one_envelope_seals_many_messages_in_every_way() {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key).with_key_id("alias/fleet")];
    let envelope = Envelope::new(&recipients).with_context(CONTEXT);
    let plaintext = pattern(40_000);

    let mut messages = vec![
        envelope.seal(&plaintext).unwrap(),
        envelope.seal(&plaintext).unwrap(),
        seal_in_pieces(&envelope, &plaintext, 1000),
        seal_in_place(&envelope, &plaintext),
    ];
    let len = envelope.sealed_len(plaintext.len() as u64).unwrap();
    let mut message = vec![0; len.try_into().unwrap()];
    envelope.seal_into(&plaintext, &mut message).unwrap();
    messages.push(message);
    let mut sealing_key = SealingKey::new(envelope, SealingLimits::default()).unwrap();
    messages.push(sealing_key.seal(&plaintext).unwrap());
    #[cfg(feature = "std")]
    messages.push({
        let mut writer = SealWriter::new(Vec::new(), &envelope).unwrap();
        std::io::Write::write_all(&mut writer, &plaintext).unwrap();
        writer.finish().unwrap()
    });

    let required = CONTEXT.iter().map(|(key, value)| (*key, Some(*value)));
    let required: Vec<_> = required.collect();
    let unwrapper = local_unwrapper("rsa-2048");
    let mut data_keys = HashSet::new();
    for message in &messages {
        assert_eq!(message.len() as u64, len);
        assert!(unseal(message, &unwrapper, &required).unwrap() == plaintext);
        let header = Header::parse(message).unwrap();
        let wrapped = header.wrapped_keys().next().unwrap();
        assert_eq!(wrapped.key_id(), "alias/fleet");
        data_keys.insert(data_key_of(message, "rsa-2048"));
    }
    assert_eq!(data_keys.len(), messages.len(), "a data key for each");
}

fn seal_in_place(envelope: &Envelope<'_, impl RandomSource>, plaintext: &[u8]) -> Vec<u8> {
    let mut place = MaybeUninit::uninit();
    let mut message = vec![0; envelope.start_len().unwrap()];
    let sealer = envelope.start_in(&mut place, &mut message).unwrap();
    let mut rest = vec![0; sealer.finish_with_len(plaintext.len())];
    assert_eq!(
        sealer.finish_with(plaintext, &mut rest).unwrap(),
        rest.len()
    );
    [message, rest].concat()
}

#[test]
fn a_sealer_in_its_place_is_a_sealer() {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let envelope = || Envelope::new(&recipients).with_random(repeatable("seed"));
    for len in LENGTHS {
        let expected = seal_in_pieces(&envelope(), &pattern(len), usize::MAX);
        assert!(seal_in_place(&envelope(), &pattern(len)) == expected);
    }
    let limits = SealingLimits::default();
    for len in LENGTHS {
        let mut by_value = SealingKey::new(envelope(), limits).unwrap();
        let mut start = vec![0; by_value.start_len()];
        let sealer = by_value.start(len as u64, &mut start).unwrap();
        let expected = seal_rest(sealer, start, &pattern(len), usize::MAX);

        let mut in_place = SealingKey::new(envelope(), limits).unwrap();
        let mut place = MaybeUninit::uninit();
        let mut message = vec![0; in_place.start_len()];
        let sealer = in_place.start_in(&mut place, len as u64, &mut message);
        let sealer = sealer.unwrap();
        let mut rest = vec![0; sealer.finish_with_len(len)];
        sealer.finish_with(&pattern(len), &mut rest).unwrap();
        assert!([message, rest].concat() == expected);
    }
}

#[test]
fn every_length_is_exact() {
    let keys = ["rsa-2048", "rsa-3072", "rsa-4096"].map(public_key);
    let long_id = "k".repeat(MAX_KEY_ID_LEN);
    let [small, middle, large] = keys.each_ref().map(Recipient::new);
    let value = "v".repeat(MAX_CONTEXT_LEN - 5);
    let full = [("k", &*value)];
    for (recipients, context) in [
        (&[small][..], &[][..]),
        (&[small], CONTEXT),
        (&[middle], &[("k", "")]),
        (&[large.with_key_id("id")], &[]),
        (&[small, middle, large], &full),
        (&[large.with_key_id(&long_id); MAX_RECIPIENTS], &full),
    ] {
        let envelope = Envelope::new(recipients).with_context(context);
        let header_len = envelope.header_len().unwrap();
        let start_len = envelope.start_len().unwrap();
        for len in LENGTHS {
            let message = envelope.seal(&pattern(len)).unwrap();
            assert_eq!(Header::parse(&message).unwrap().len(), header_len);
            assert_eq!(start_len, header_len + 56);
            let sealed_len = envelope.sealed_len(len as u64).unwrap();
            assert_eq!(sealed_len, message.len() as u64);
            assert_eq!(message.len(), start_len + len + 16 * (len / 16384 + 1));
        }
    }
    // The figures of the documentation.
    let smallest = Envelope::new(&[small]).start_len().unwrap();
    assert_eq!(smallest, 390);
}

#[test]
fn a_message_holds_less_than_4_pib() {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let envelope = Envelope::new(&recipients);
    let longest = (1_u64 << 52) - 1;
    let start_len = envelope.start_len().unwrap() as u64;
    let expected = start_len + longest + 16 * (1 << 38);
    assert_eq!(envelope.sealed_len(longest).unwrap(), expected);
    for too_long in [longest + 1, u64::MAX] {
        let error = envelope.sealed_len(too_long).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MessageTooLong);
    }
}

/// Every call that an envelope begins a message with, and every one that tells a length.
fn all_errors(
    envelope: &Envelope<'_, &dyn RandomSource>,
    out: &mut [u8],
) -> Vec<(&'static str, Option<ErrorKind>)> {
    let kind = |result: Result<(), Error>| result.err().map(|error| error.kind());
    let mut errors = vec![
        ("header_len", kind(envelope.header_len().map(drop))),
        ("start_len", kind(envelope.start_len().map(drop))),
        ("sealed_len", kind(envelope.sealed_len(5).map(drop))),
    ];
    let mut place = MaybeUninit::uninit();
    let limits = SealingLimits::default();
    errors.extend([
        ("start", kind(envelope.start(out).map(drop))),
        (
            "start_in",
            kind(envelope.start_in(&mut place, out).map(|_| ())),
        ),
        ("seal", kind(envelope.seal(b"plain").map(drop))),
        (
            "seal_into",
            kind(envelope.seal_into(b"plain", out).map(drop)),
        ),
        ("Writing", kind(Writing::new(envelope).map(drop))),
        (
            "SealingKey",
            kind(SealingKey::new(*envelope, limits).map(drop)),
        ),
        (
            "SealingKey in",
            kind(SealingKey::new_in(*envelope, limits, out).map(drop)),
        ),
    ]);
    #[cfg(feature = "std")]
    errors.push((
        "SealWriter",
        kind(SealWriter::new(std::io::sink(), envelope).map(drop)),
    ));
    errors
}

#[test]
fn what_is_refused_is_refused_in_every_way_before_random_bytes_are_drawn() {
    let no_random = random_fn(|_| panic!("random bytes are drawn for nothing"));
    let key = public_key("rsa-2048");
    let plain = Recipient::new(&key);
    let long_id = "k".repeat(MAX_KEY_ID_LEN + 1);
    let value = "v".repeat(MAX_CONTEXT_LEN - 4);
    for (recipients, context, expected) in [
        (&[][..], &[][..], ErrorKind::NoRecipients),
        (
            &[plain; MAX_RECIPIENTS + 1],
            &[],
            ErrorKind::TooManyRecipients,
        ),
        (
            &[plain, plain.with_key_id(&long_id)],
            &[],
            ErrorKind::KeyIdTooLong,
        ),
        (&[plain], &[("k", &*value)], ErrorKind::ContextTooLong),
        (
            &[plain],
            &[("a", "1"), ("", "v")],
            ErrorKind::ContextKeyEmpty,
        ),
        (
            &[plain],
            &[("k", "1"), ("other", ""), ("k", "1")],
            ErrorKind::ContextKeyDuplicate,
        ),
        (&[plain], &[("libseal:", "")], ErrorKind::ContextKeyReserved),
        (
            &[plain],
            &[("libseal:x", "")],
            ErrorKind::ContextKeyReserved,
        ),
    ] {
        let envelope = Envelope::new(recipients).with_context(context);
        let envelope = envelope.with_random(&no_random as &dyn RandomSource);
        let mut out = vec![0xaa; 100_000];
        for (call, kind) in all_errors(&envelope, &mut out) {
            assert_eq!(kind, Some(expected), "{call}");
        }
        assert!(out.iter().all(|byte| *byte == 0xaa), "nothing is written");
    }
}

#[test]
fn a_source_that_fails_is_reported_in_every_way() {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let fails = random_fn(|_| Err(ErrorKind::RandomFailed.into()));
    let envelope = Envelope::new(&recipients).with_random(&fails as &dyn RandomSource);
    for (call, kind) in all_errors(&envelope, &mut [0; 1000]) {
        let expected = match call {
            "header_len" | "start_len" | "sealed_len" => None,
            _ => Some(ErrorKind::RandomFailed),
        };
        assert_eq!(kind, expected, "{call}");
    }
}

#[test]
fn a_buffer_one_byte_short_costs_no_random_bytes() {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let no_random = random_fn(|_| panic!("random bytes are drawn for nothing"));
    let envelope = Envelope::new(&recipients).with_random(no_random);
    let mut out = vec![0xaa; 1000];
    let short = envelope.start_len().unwrap() - 1;
    let mut place = MaybeUninit::uninit();
    let error = envelope
        .start_in(&mut place, &mut out[..short])
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BufferTooSmall);
    for short in [0, short] {
        let error = envelope.start(&mut out[..short]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BufferTooSmall);
    }
    let len = usize::try_from(envelope.sealed_len(5).unwrap()).unwrap();
    for short in [0, short, len - 1] {
        let error = envelope.seal_into(b"plain", &mut out[..short]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BufferTooSmall);
    }
    assert!(out.iter().all(|byte| *byte == 0xaa), "nothing is written");
}

#[test]
fn a_longer_buffer_keeps_its_end() {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let envelope = Envelope::new(&recipients);
    let len = envelope.start_len().unwrap();
    let mut out = vec![0xaa; len + 10];
    drop(envelope.start(&mut out).unwrap());
    assert_eq!(out[len..], [0xaa; 10]);
    let mut place = MaybeUninit::uninit();
    let _ = envelope.start_in(&mut place, &mut out).unwrap();
    assert_eq!(out[len..], [0xaa; 10]);
}

#[test]
fn a_message_takes_its_random_bytes_from_any_kind_of_source() {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let envelope = Envelope::new(&recipients);
    let expected = envelope.with_random(repeatable("seed")).seal(b"x").unwrap();

    let borrowed = repeatable("seed");
    assert_eq!(
        envelope.with_random(&borrowed).seal(b"x").unwrap(),
        expected
    );
    let boxed: Box<dyn RandomSource> = Box::new(repeatable("seed"));
    assert_eq!(envelope.with_random(&*boxed).seal(b"x").unwrap(), expected);
    // One that needs `&mut self`.
    let mutable = RefCell::new((repeatable("seed"), 0));
    let source = random_fn(|out| {
        let (source, calls) = &mut *mutable.borrow_mut();
        *calls += 1;
        source.fill(out)
    });
    assert_eq!(envelope.with_random(source).seal(b"x").unwrap(), expected);
    assert_eq!(mutable.borrow().1, 3);

    let own = envelope.with_random(SystemRandom).seal(b"x").unwrap();
    assert_ne!(own, expected);
}

#[test]
fn the_order_of_the_context_does_not_matter() {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let sealed = |context| {
        let envelope = Envelope::new(&recipients).with_context(context);
        envelope.with_random(repeatable("seed")).seal(b"x").unwrap()
    };
    let one = sealed(&[("a", "1"), ("b", "2"), ("aa", "3")]);
    assert_eq!(sealed(&[("aa", "3"), ("b", "2"), ("a", "1")]), one);
    assert_ne!(sealed(&[("aa", "3"), ("b", "2"), ("a", "2")]), one);
}

#[test]
fn an_envelope_is_copied_and_changed() {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let plain = Envelope::new(&recipients);
    let with_context = plain.with_context(CONTEXT);
    let context_of = |envelope: Envelope<'_>| {
        let header = Header::parse(&envelope.seal(b"").unwrap()).unwrap();
        header.context().count()
    };
    assert_eq!((context_of(plain), context_of(with_context)), (0, 2));
    assert_eq!(context_of(with_context.with_context(&[])), 0);
}

#[test]
fn an_envelope_prints_who_it_is_for() {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key).with_key_id("alias/fleet")];
    let printed = format!("{:?}", Envelope::new(&recipients).with_context(CONTEXT));
    assert!(printed.contains("alias/fleet") && printed.contains("device"));
}
