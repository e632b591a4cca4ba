//! Sealing: what comes back, what a message looks like, and what is refused.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod common;

use common::{LENGTHS, local_unwrapper, pattern, public_key, seal_in_pieces};
use libseal::{
    Envelope, ErrorKind, Header, MAX_CONTEXT_LEN, MAX_HEADER_LEN, MAX_KEY_ID_LEN, MAX_RECIPIENTS,
    Recipient, Sealer, WrapAlgorithm, unseal,
};

#[test]
fn every_length_comes_back_whatever_the_pieces() {
    let key = public_key("rsa-2048");
    let unwrapper = local_unwrapper("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let envelope = Envelope::new(&recipients);
    for len in LENGTHS {
        let plaintext = pattern(len);
        for piece_len in [1, 13, 16, 4096, 16384, 16385, usize::MAX] {
            let message = seal_in_pieces(&envelope, &plaintext, piece_len);
            assert_eq!(
                message.len() as u64,
                envelope.sealed_len(len as u64).unwrap()
            );
            assert_eq!(unseal(&message, &unwrapper, &[]).unwrap(), plaintext);
        }
        let message = envelope.seal(&plaintext).unwrap();
        assert_eq!(unseal(&message, &unwrapper, &[]).unwrap(), plaintext);
    }
}

#[test]
fn every_key_size_and_algorithm() {
    for name in ["rsa-2048", "rsa-2048-e3", "rsa-3072", "rsa-4096"] {
        let key = public_key(name);
        for algorithm in WrapAlgorithm::ALL {
            let recipient = Recipient::new(&key).with_algorithm(*algorithm);
            let message = Envelope::new(&[recipient]).seal(b"secret").unwrap();
            let wrapped = Header::parse(&message).unwrap();
            let wrapped = wrapped.wrapped_keys().next().unwrap();
            assert_eq!(wrapped.algorithm(), Some(*algorithm));
            assert_eq!(WrapAlgorithm::from_name(algorithm.name()), Some(*algorithm));
            assert_eq!(wrapped.ciphertext().len(), key.bits() / 8);
            assert_eq!(
                unseal(&message, local_unwrapper(name), &[]).unwrap(),
                b"secret"
            );
        }
    }
}

#[test]
fn any_of_sixteen_recipients_opens_alone() {
    let names = ["rsa-2048", "rsa-2048-b", "rsa-3072", "rsa-4096"];
    let keys = names.map(public_key);
    let recipients: Vec<_> = keys
        .iter()
        .cycle()
        .take(MAX_RECIPIENTS)
        .map(Recipient::new)
        .collect();
    let message = Envelope::new(&recipients).seal(b"secret").unwrap();
    for name in names {
        assert_eq!(
            unseal(&message, local_unwrapper(name), &[]).unwrap(),
            b"secret"
        );
    }
}

#[test]
fn the_header_says_what_was_given() {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key).with_key_id("alias/prüfstand")];
    let envelope = Envelope::new(&recipients).with_context(&[("z", ""), ("a", "1"), ("aa", "2")]);
    let message = envelope.seal(b"").unwrap();
    let header = Header::parse(&message).unwrap();
    assert_eq!(
        header.context().collect::<Vec<_>>(),
        [("a", "1"), ("aa", "2"), ("z", "")]
    );
    let wrapped = header.wrapped_keys().next().unwrap();
    assert_eq!(wrapped.key_id(), "alias/prüfstand");
    assert_eq!(wrapped.fingerprint(), key.fingerprint());
}

#[test]
fn two_messages_have_nothing_in_common() {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let envelope = Envelope::new(&recipients);
    let [one, two] = [(); 2].map(|()| envelope.seal(b"the same text").unwrap());
    let header = Header::parse(&one).unwrap().len();
    let wrapped_start = header - 32 - 256;
    let equal = |range: std::ops::Range<usize>| {
        one[range.clone()]
            .iter()
            .zip(&two[range])
            .filter(|(a, b)| a == b)
            .count()
    };
    // About one byte in 256 is equal by chance.
    assert!(equal(wrapped_start..header) < 16, "wrapped key or MAC");
    assert!(equal(header..one.len()) < 16, "payload");
}

#[test]
fn a_small_message_costs_at_most_410_bytes() {
    let key = public_key("rsa-2048");
    let message = Envelope::new(&[Recipient::new(&key)])
        .seal(&[0; 1024])
        .unwrap();
    assert!(
        message.len() - 1024 <= 410,
        "{} bytes of overhead",
        message.len() - 1024
    );
}

#[test]
fn limits_are_met_exactly() {
    let key = public_key("rsa-2048");
    let plain = Recipient::new(&key);
    let kind = |recipients: &[Recipient<'_>], context: &[(&str, &str)]| {
        let envelope = Envelope::new(recipients).with_context(context);
        let start_len = envelope.start_len().map(|_| ());
        let sealed = envelope.seal(b"").map(|_| ());
        let [start_len, sealed] = [start_len, sealed].map(|result| result.err().map(|e| e.kind()));
        assert_eq!(start_len, sealed);
        sealed
    };

    let key_id = "k".repeat(MAX_KEY_ID_LEN + 1);
    assert_eq!(kind(&[plain.with_key_id(&key_id[1..])], &[]), None);
    assert_eq!(
        kind(&[plain.with_key_id(&key_id)], &[]),
        Some(ErrorKind::KeyIdTooLong)
    );

    assert_eq!(kind(&[], &[]), Some(ErrorKind::NoRecipients));
    assert_eq!(kind(&[plain; MAX_RECIPIENTS], &[]), None);
    assert_eq!(
        kind(&[plain; MAX_RECIPIENTS + 1], &[]),
        Some(ErrorKind::TooManyRecipients)
    );

    let value = "v".repeat(MAX_CONTEXT_LEN - 5 + 1);
    assert_eq!(kind(&[plain], &[("k", &value[1..])]), None);
    assert_eq!(
        kind(&[plain], &[("k", &value)]),
        Some(ErrorKind::ContextTooLong)
    );
    assert_eq!(
        kind(&[plain], &[("", "v")]),
        Some(ErrorKind::ContextKeyEmpty)
    );
    let twice = [("k", "1"), ("other", ""), ("k", "2")];
    assert_eq!(kind(&[plain], &twice), Some(ErrorKind::ContextKeyDuplicate));
    assert_eq!(
        kind(&[plain], &[("libseal:x", "")]),
        Some(ErrorKind::ContextKeyReserved)
    );
    assert_eq!(kind(&[plain], &[("libseal", "")]), None);

    // The largest header there can be is far from the limit.
    let widest = public_key("rsa-4096");
    let widest = Recipient::new(&widest).with_key_id(&key_id[1..]);
    let (recipients, context) = ([widest; MAX_RECIPIENTS], [("k", &value[1..])]);
    let largest = Envelope::new(&recipients).with_context(&context);
    assert!(largest.start_len().unwrap() < MAX_HEADER_LEN);
}

#[test]
fn a_buffer_one_byte_short_consumes_nothing() {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let envelope = Envelope::new(&recipients);
    let mut message = vec![0; envelope.start_len().unwrap()];
    let short = message.len() - 1;
    let error = envelope.start(&mut message[..short]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BufferTooSmall);
    assert!(message.iter().all(|byte| *byte == 0));

    let mut sealer = envelope.start(&mut message).unwrap();
    let plaintext = pattern(40_000);
    let mut sealed = vec![0; sealer.update_len(plaintext.len())];
    let short = sealed.len() - 1;
    let error = sealer.update(&plaintext, &mut sealed[..short]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BufferTooSmall);
    sealer.update(&plaintext, &mut sealed).unwrap();
    message.extend(sealed);
    let mut last = [0; Sealer::FINISH_LEN];
    let error = sealer.finish(&mut last[1..]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BufferTooSmall);
    assert_eq!(sealer.finish(&mut last).unwrap(), last.len());
    message.extend(last);
    assert_eq!(
        unseal(&message, local_unwrapper("rsa-2048"), &[]).unwrap(),
        plaintext
    );
}

#[test]
fn seal_into_writes_exactly_the_message() {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let envelope = Envelope::new(&recipients);
    for len in LENGTHS {
        let plaintext = pattern(len);
        let sealed_len = usize::try_from(envelope.sealed_len(len as u64).unwrap()).unwrap();
        let mut out = vec![0xaa; sealed_len + 10];
        let short = envelope.seal_into(&plaintext, &mut out[..sealed_len - 1]);
        assert_eq!(short.unwrap_err().kind(), ErrorKind::BufferTooSmall);
        assert_eq!(
            envelope.seal_into(&plaintext, &mut out).unwrap(),
            sealed_len
        );
        assert_eq!(out[sealed_len..], [0xaa; 10]);
        assert_eq!(
            unseal(&out[..sealed_len], local_unwrapper("rsa-2048"), &[]).unwrap(),
            plaintext
        );
    }
}

#[test]
fn a_message_ends_with_any_rest() {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let envelope = Envelope::new(&recipients);
    for len in LENGTHS {
        for first_len in LENGTHS.into_iter().filter(|first| *first <= len) {
            let plaintext = pattern(len);
            let (first, rest) = plaintext.split_at(first_len);
            let mut message = vec![0; envelope.start_len().unwrap()];
            let mut sealer = envelope.start(&mut message).unwrap();
            let mut sealed = vec![0; sealer.update_len(first_len)];
            sealer.update(first, &mut sealed).unwrap();
            message.extend(sealed);
            let mut sealed = vec![0xee; sealer.finish_with_len(rest.len()) + 1];
            let written = sealer.finish_with(rest, &mut sealed).unwrap();
            assert_eq!((written, sealed.pop()), (sealed.len(), Some(0xee)));
            message.extend(sealed);
            assert_eq!(
                unseal(&message, local_unwrapper("rsa-2048"), &[]).unwrap(),
                plaintext
            );
        }
    }
    let mut start = vec![0; envelope.start_len().unwrap()];
    let mut sealer = envelope.start(&mut start).unwrap();
    let error = sealer.finish_with(b"rest", &mut [0; 19]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BufferTooSmall);
}

#[test]
fn after_the_end_a_sealer_seals_nothing() {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let envelope = Envelope::new(&recipients);
    for len in LENGTHS {
        for at_once in [true, false] {
            let mut start = vec![0; envelope.start_len().unwrap()];
            let mut sealer = envelope.start(&mut start).unwrap();
            let (plaintext, mut out) = (pattern(len), vec![0; 100_000]);
            if at_once {
                sealer.finish_with(&plaintext, &mut out).unwrap();
            } else {
                sealer.update(&plaintext, &mut out).unwrap();
                sealer.finish(&mut out).unwrap();
            }
            out.fill(0xaa);
            for _ in 0..2 {
                for more in [&b""[..], b"x", &[0; 16384], &[0; 40_000]] {
                    let updated = sealer.update(more, &mut out);
                    assert_eq!(updated.unwrap_err().kind(), ErrorKind::InvalidState);
                    let finished = sealer.finish_with(more, &mut out);
                    assert_eq!(finished.unwrap_err().kind(), ErrorKind::InvalidState);
                }
                let finished = sealer.finish(&mut out);
                assert_eq!(finished.unwrap_err().kind(), ErrorKind::InvalidState);
            }
            assert!(out.iter().all(|byte| *byte == 0xaa), "{len}: written");
        }
    }
}

#[test]
fn an_unfinished_message_is_truncated() {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let mut message = seal_in_pieces(&Envelope::new(&recipients), &pattern(16384), 1000);
    message.truncate(message.len() - Sealer::FINISH_LEN);
    let error = unseal(&message, local_unwrapper("rsa-2048"), &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Truncated);
}

#[test]
fn nothing_secret_is_printed() {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let envelope = Envelope::new(&recipients);
    let mut message = vec![0; envelope.start_len().unwrap()];
    let sealer = envelope.start(&mut message).unwrap();
    assert_eq!(format!("{sealer:?}"), "Sealer(..)");
    assert_eq!(
        format!("{:?}", libseal::DataKey::from([7; 32])),
        "DataKey(..)"
    );
    assert!(!format!("{:?}", local_unwrapper("rsa-2048")).contains("RsaPrivateKey"));
}
