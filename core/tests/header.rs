//! Headers: what a message says about itself, kept apart from it, and where to go on with it.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod common;

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
};

use common::{LENGTHS, Vector, data_key_of, pattern, public_key, seal};
use libseal::{
    DataKey, Envelope, ErrorKind, Header, Recipient, SealingKey, SealingLimits, Unsealer,
};

const CONTEXT: &[(&str, &str)] = &[("device", "42"), ("empty", ""), ("site", "x")];

fn message() -> Vec<u8> {
    seal(CONTEXT, b"plaintext")
}

fn hash(header: &Header) -> u64 {
    let mut hasher = DefaultHasher::new();
    header.hash(&mut hasher);
    hasher.finish()
}

#[test]
fn a_header_is_the_beginning_of_its_message() {
    for vector in Vector::all().iter().filter(|vector| vector.expect == "OK") {
        let header = Header::parse(&vector.message).unwrap();
        let bytes = header.as_bytes();
        assert_eq!(bytes.len(), header.len());
        assert!(vector.message.starts_with(bytes), "{}", vector.name);
        // Stored and read again, it is the same.
        let again = Header::parse(bytes).unwrap();
        assert_eq!(again, header);
        assert_eq!(again.as_bytes(), bytes);
        assert_eq!(hash(&again), hash(&header));
        assert_eq!(again.clone(), header);
    }
}

#[test]
fn no_less_than_a_header_will_do() {
    let message = message();
    let header_len = Header::parse(&message).unwrap().len();
    assert_eq!(
        Header::parse(b"").unwrap_err().kind(),
        ErrorKind::EmptyMessage
    );
    for len in 1..header_len {
        let error = Header::parse(&message[..len]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Truncated, "{len}");
    }
    for len in header_len..message.len() {
        assert_eq!(Header::parse(&message[..len]).unwrap().len(), header_len);
    }
}

#[test]
fn headers_are_equal_if_their_bytes_are() {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let envelope = Envelope::new(&recipients);
    let mut sealing_key = SealingKey::new(envelope, SealingLimits::default()).unwrap();
    let messages = [(); 3].map(|()| sealing_key.seal(b"reading").unwrap());
    let one_key: HashSet<_> = messages.map(|m| Header::parse(&m).unwrap()).into();
    assert_eq!(one_key.len(), 1, "messages under one data key");

    let messages = [(); 3].map(|()| message());
    let own_keys: HashSet<_> = messages.map(|m| Header::parse(&m).unwrap()).into();
    assert_eq!(own_keys.len(), 3, "messages under data keys of their own");

    // One byte of the MAC, which nothing checks yet, makes another header.
    let message = message();
    let header = Header::parse(&message).unwrap();
    let mut altered = message.clone();
    altered[header.len() - 1] ^= 1;
    assert_ne!(Header::parse(&altered).unwrap(), header);
}

#[test]
fn required_pairs_are_those_of_the_context() {
    let header = Header::parse(&message()).unwrap();
    for fulfilled in [
        &[][..],
        &[("device", Some("42"))],
        &[("device", None)],
        &[("empty", Some(""))],
        &[("empty", None)],
        &[("site", Some("x")), ("device", None), ("empty", Some(""))],
        &[("device", Some("42")), ("device", None)],
    ] {
        header.require(fulfilled).unwrap();
    }
    for missing in [
        &[("device", Some("43"))][..],
        &[("device", Some(""))],
        &[("device", Some("4"))],
        &[("Device", None)],
        &[("devic", None)],
        &[("", None)],
        &[("", Some(""))],
        &[("42", None)],
        &[("device", Some("42")), ("more", None)],
        &[("device", Some("42")), ("device", Some("43"))],
    ] {
        let error = header.require(missing).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ContextMismatch, "{missing:?}");
    }
}

#[test]
fn a_missing_pair_is_named_with_what_was_found() {
    let header = Header::parse(&message()).unwrap();
    let text = |required| header.require(required).unwrap_err().to_string();
    assert_eq!(
        text(&[("device", Some("4\n3"))]),
        r#"the encryption context has "device" = "42", and "4\n3" is required"#
    );
    assert_eq!(
        text(&[("tenant", Some("7"))]),
        r#"the encryption context has no "tenant", and "7" is required"#
    );
    assert_eq!(
        text(&[("tenant", None)]),
        r#"the encryption context has no "tenant", which is required"#
    );
    let long = "ä".repeat(2000);
    assert!(text(&[("tenant", Some(&long))]).contains(&format!("{}\"... is", "ä".repeat(100))));
}

#[test]
fn a_context_and_recipients_come_in_the_order_of_the_header() {
    let names = ["rsa-2048", "rsa-4096"];
    let keys = names.map(public_key);
    let recipients: [_; 2] =
        std::array::from_fn(|i| Recipient::new(&keys[i]).with_key_id(names[i]));
    let context: Vec<_> = CONTEXT.iter().rev().copied().collect();
    let envelope = Envelope::new(&recipients).with_context(&context);
    let header = Header::parse(&envelope.seal(b"").unwrap()).unwrap();
    assert_eq!(header.context().collect::<Vec<_>>(), CONTEXT);
    let found: Vec<_> = header
        .wrapped_keys()
        .map(|key| (key.key_id(), key.fingerprint(), key.ciphertext().len()))
        .collect();
    let expected = [
        (names[0], keys[0].fingerprint(), 256),
        (names[1], keys[1].fingerprint(), 512),
    ];
    assert_eq!(found, expected);
}

#[test]
fn with_its_data_key_a_header_is_where_unsealing_starts() {
    for len in LENGTHS {
        let plaintext = pattern(len);
        let message = seal(CONTEXT, &plaintext);
        let data_key = data_key_of(&message, "rsa-2048");
        let header = Header::parse(&message).unwrap();
        let payload = &message[header.len()..];
        let start = || Unsealer::with_key(header.clone(), DataKey::from(data_key)).unwrap();

        let mut unsealer = start();
        assert_eq!(unsealer.header(), Some(&header));
        assert!(!unsealer.needs_key());
        let mut out = vec![0; unsealer.finish_with_len(payload.len())];
        assert_eq!(unsealer.finish_with(payload, &mut out).unwrap(), len);
        assert_eq!(out, plaintext);

        // In the middle: salt and commitment first, then any chunk.
        for position in LENGTHS.into_iter().filter(|position| *position <= len) {
            let mut unsealer = start();
            let first = header.ciphertext_range(0, 0).start;
            let first = usize::try_from(first).unwrap();
            let progress = unsealer.update(&message[header.len()..first], &mut []);
            assert_eq!(progress.unwrap().consumed, 56);
            let offset = unsealer.seek(position as u64).unwrap();
            let rest = &message[usize::try_from(offset).unwrap()..];
            let mut out = vec![0; unsealer.finish_with_len(rest.len())];
            unsealer.finish_with(rest, &mut out).unwrap();
            assert_eq!(out, plaintext[position..], "{len}: {position}");
        }
    }
}

#[test]
fn a_header_and_another_data_key_do_not_go_together() {
    let (one, other) = (message(), message());
    let header = Header::parse(&one).unwrap();
    for wrong in [[0; 32], data_key_of(&other, "rsa-2048")] {
        let error = Unsealer::with_key(header.clone(), wrong.into()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AuthenticationFailed);
    }
    // Nor do a header and the payload of another message.
    let data_key = data_key_of(&one, "rsa-2048");
    let mut unsealer = Unsealer::with_key(header.clone(), data_key.into()).unwrap();
    let payload = &other[header.len()..];
    let error = unsealer.finish_with(payload, &mut [0; 100]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AuthenticationFailed);
}

#[test]
fn a_header_says_which_bytes_hold_which_plaintext() {
    let header = Header::parse(&message()).unwrap();
    let first = header.len() as u64 + 56;
    for (start, len, chunks) in [
        (0, 0, 0..0),
        (0, 1, 0..1),
        (16383, 1, 0..1),
        (16383, 2, 0..2),
        (16384, 16384, 1..2),
        (16384, 16385, 1..3),
        (40_000, 0, 2..2),
    ] {
        let range = header.ciphertext_range(start, len);
        assert_eq!(range.start, first + chunks.start * 16400);
        assert_eq!(range.end, first + chunks.end * 16400);
        let back = header.plaintext_range(range.start, range.end - range.start);
        assert_eq!(back, chunks.start * 16384..chunks.end * 16384);
    }
    for len in LENGTHS {
        let message = seal(CONTEXT, &pattern(len));
        let header = Header::parse(&message).unwrap();
        let whole = header.plaintext_range(0, message.len() as u64);
        assert_eq!(whole, 0..len as u64);
    }
}

#[test]
fn a_header_prints_what_anyone_can_read() {
    let printed = format!("{:?}", Header::parse(&message()).unwrap());
    assert!(printed.contains(r#"("device", "42")"#));
    assert!(printed.contains("ciphertext_len: 256"));
}

#[test]
fn the_length_of_the_plaintext_needs_no_key() {
    for len in LENGTHS {
        let message = seal(CONTEXT, &pattern(len));
        let header = Header::parse(&message).unwrap();
        let message_len = message.len() as u64;
        assert_eq!(header.plaintext_len(message_len).unwrap(), len as u64);
    }
    let header = Header::parse(&message()).unwrap();
    let payload = header.len() as u64;
    for impossible in [0, payload, payload + 56 + 15, payload + 56 + 16_400 + 15] {
        let error = header.plaintext_len(impossible).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Truncated, "{impossible}");
    }
}

#[test]
fn ranges_are_merged_where_they_are_near() {
    let header = Header::parse(&message()).unwrap();
    let chunk = |number: u64| header.ciphertext_range(number * 16_384, 1).start;
    // Chunks 0, 1, 3 and 9, out of order and overlapping.
    let wanted = [
        150_000..150_001,
        49_152..50_000,
        0..1,
        5..16_385,
        49_200..49_201,
    ];
    let apart = [chunk(0)..chunk(2), chunk(3)..chunk(4), chunk(9)..chunk(10)];
    assert_eq!(header.ciphertext_ranges(&wanted, 0), apart);
    assert_eq!(header.ciphertext_ranges(&wanted, 16_399), apart);
    let near = [chunk(0)..chunk(4), chunk(9)..chunk(10)];
    assert_eq!(header.ciphertext_ranges(&wanted, 16_400), near);
    assert_eq!(header.ciphertext_ranges(&wanted, 5 * 16_400 - 1), near);
    for max_gap in [5 * 16_400, u64::MAX] {
        let ranges = header.ciphertext_ranges(&wanted, max_gap);
        assert_eq!((ranges.len(), &ranges[0]), (1, &(chunk(0)..chunk(10))));
    }
}

#[test]
#[allow(clippy::reversed_empty_ranges, reason = "a caller may give one")]
fn empty_ranges_need_no_bytes() {
    let header = Header::parse(&message()).unwrap();
    assert!(header.ciphertext_ranges(&[], 0).is_empty());
    assert!(
        header
            .ciphertext_ranges(&[5..5, 9..3, u64::MAX..0], 0)
            .is_empty()
    );
    let far = header.ciphertext_ranges(&[u64::MAX - 1..u64::MAX, 0..1], 0);
    assert_eq!(far[1].end, u64::MAX);
}
