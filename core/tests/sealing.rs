//! What whoever seals gets.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod common;

use common::{LENGTHS, local_unwrapper, pattern, public_key, seal_in_pieces};
use libseal::{
    ErrorKind, Header, MAX_CONTEXT_LEN, MAX_KEY_ID_LEN, MAX_RECIPIENTS, Recipient, Sealer,
    WrapAlgorithm, seal, seal_into, sealed_len, unseal,
};

#[test]
fn every_length_comes_back_whatever_the_pieces() {
    let key = public_key("rsa-2048");
    let unwrapper = local_unwrapper("rsa-2048");
    let recipients = [Recipient::new(&key)];
    for len in LENGTHS {
        let plaintext = pattern(len);
        for piece_len in [1, 13, 16, 4096, 16384, 16385, usize::MAX] {
            let message = seal_in_pieces(&recipients, &[], &plaintext, piece_len);
            assert_eq!(
                message.len() as u64,
                sealed_len(&recipients, &[], len as u64).unwrap()
            );
            assert_eq!(unseal(&message, &unwrapper, &[]).unwrap(), plaintext);
        }
        let message = seal(&recipients, &[], &plaintext).unwrap();
        assert_eq!(unseal(&message, &unwrapper, &[]).unwrap(), plaintext);
    }
}

#[test]
fn every_key_size_and_algorithm() {
    for name in ["rsa-2048", "rsa-2048-e3", "rsa-3072", "rsa-4096"] {
        let key = public_key(name);
        for algorithm in WrapAlgorithm::ALL {
            let recipient = Recipient::new(&key).with_algorithm(*algorithm);
            let message = seal(&[recipient], &[], b"secret").unwrap();
            let wrapped = Header::parse(&message).unwrap();
            let wrapped = wrapped.wrapped_keys().next().unwrap();
            assert_eq!(wrapped.algorithm(), Some(*algorithm));
            assert_eq!(WrapAlgorithm::from_name(algorithm.name()), Some(*algorithm));
            assert_eq!(wrapped.ciphertext().len(), key.bits() / 8);
            assert_eq!(
                unseal(&message, &local_unwrapper(name), &[]).unwrap(),
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
    let message = seal(&recipients, &[], b"secret").unwrap();
    for name in names {
        assert_eq!(
            unseal(&message, &local_unwrapper(name), &[]).unwrap(),
            b"secret"
        );
    }
}

#[test]
fn the_header_says_what_was_given() {
    let key = public_key("rsa-2048");
    let recipient = Recipient::new(&key).with_key_id("alias/prüfstand");
    let message = seal(&[recipient], &[("z", ""), ("a", "1"), ("aa", "2")], b"").unwrap();
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
    let [one, two] = [(); 2].map(|()| seal(&recipients, &[], b"the same text").unwrap());
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
    let message = seal(&[Recipient::new(&key)], &[], &[0; 1024]).unwrap();
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
        let start_len = Sealer::start_len(recipients, context).map(|_| ());
        let sealed = seal(recipients, context, b"").map(|_| ());
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
    let start_len = Sealer::start_len(&[widest; MAX_RECIPIENTS], &[("k", &value[1..])]).unwrap();
    assert!(start_len < libseal::MAX_HEADER_LEN);
}

#[test]
fn a_buffer_one_byte_short_consumes_nothing() {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let mut message = vec![0; Sealer::start_len(&recipients, &[]).unwrap()];
    let short = message.len() - 1;
    let error = Sealer::start(&recipients, &[], &mut message[..short]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BufferTooSmall);
    assert!(message.iter().all(|byte| *byte == 0));

    let mut sealer = Sealer::start(&recipients, &[], &mut message).unwrap();
    let plaintext = pattern(40_000);
    let mut sealed = vec![0; sealer.update_len(plaintext.len())];
    let short = sealed.len() - 1;
    let error = sealer.update(&plaintext, &mut sealed[..short]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BufferTooSmall);
    sealer.update(&plaintext, &mut sealed).unwrap();
    message.extend(sealed);
    message.extend(sealer.finish());
    assert_eq!(
        unseal(&message, &local_unwrapper("rsa-2048"), &[]).unwrap(),
        plaintext
    );
}

#[test]
fn seal_into_writes_exactly_the_message() {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    for len in LENGTHS {
        let plaintext = pattern(len);
        let sealed_len =
            usize::try_from(sealed_len(&recipients, &[], len as u64).unwrap()).unwrap();
        let mut out = vec![0xaa; sealed_len + 10];
        let short = seal_into(&recipients, &[], &plaintext, &mut out[..sealed_len - 1]);
        assert_eq!(short.unwrap_err().kind(), ErrorKind::BufferTooSmall);
        assert_eq!(
            seal_into(&recipients, &[], &plaintext, &mut out).unwrap(),
            sealed_len
        );
        assert_eq!(out[sealed_len..], [0xaa; 10]);
        assert_eq!(
            unseal(&out[..sealed_len], &local_unwrapper("rsa-2048"), &[]).unwrap(),
            plaintext
        );
    }
}

#[test]
fn a_message_ends_with_any_rest() {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    for len in LENGTHS {
        for first_len in LENGTHS.into_iter().filter(|first| *first <= len) {
            let plaintext = pattern(len);
            let (first, rest) = plaintext.split_at(first_len);
            let mut message = vec![0; Sealer::start_len(&recipients, &[]).unwrap()];
            let mut sealer = Sealer::start(&recipients, &[], &mut message).unwrap();
            let mut sealed = vec![0; sealer.update_len(first_len)];
            sealer.update(first, &mut sealed).unwrap();
            message.extend(sealed);
            let mut sealed = vec![0xee; sealer.finish_with_len(rest.len()) + 1];
            let written = sealer.finish_with(rest, &mut sealed).unwrap();
            assert_eq!((written, sealed.pop()), (sealed.len(), Some(0xee)));
            message.extend(sealed);
            assert_eq!(
                unseal(&message, &local_unwrapper("rsa-2048"), &[]).unwrap(),
                plaintext
            );
        }
    }
    let mut start = vec![0; Sealer::start_len(&recipients, &[]).unwrap()];
    let sealer = Sealer::start(&recipients, &[], &mut start).unwrap();
    let error = sealer.finish_with(b"rest", &mut [0; 19]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BufferTooSmall);
}

#[test]
fn an_unfinished_message_is_truncated() {
    let key = public_key("rsa-2048");
    let mut message = seal_in_pieces(&[Recipient::new(&key)], &[], &pattern(16384), 1000);
    message.truncate(message.len() - Sealer::FINISH_LEN);
    let error = unseal(&message, &local_unwrapper("rsa-2048"), &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Truncated);
}

#[test]
fn nothing_secret_is_printed() {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let mut message = vec![0; Sealer::start_len(&recipients, &[]).unwrap()];
    let sealer = Sealer::start(&recipients, &[], &mut message).unwrap();
    assert_eq!(format!("{sealer:?}"), "Sealer(..)");
    assert_eq!(
        format!("{:?}", libseal::DataKey::from([7; 32])),
        "DataKey(..)"
    );
    assert!(!format!("{:?}", local_unwrapper("rsa-2048")).contains("RsaPrivateKey"));
}
