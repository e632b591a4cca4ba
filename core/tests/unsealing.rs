//! Unsealing: what comes out of good messages, and what is said about bad ones.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod common;

use common::{LENGTHS, Vector, key_ring, known_key, local_unwrapper, pattern, public_key, seal};
use libseal::{
    DataKey, Envelope, Error, ErrorKind, Header, Recipient, Unsealer, Unwrap, Unwrapped,
    plaintext_len, unseal, unseal_into, unwrap_fn,
};

fn key_of(vector: &Vector) -> impl Unwrap {
    known_key(vector.data_key.unwrap())
}

fn unseal_error(message: &[u8], unwrapper: impl Unwrap) -> ErrorKind {
    unseal(message, unwrapper, &[]).unwrap_err().kind()
}

#[test]
fn a_message_cut_anywhere_is_refused() {
    let vector = Vector::accepted("length_16385");
    let unwrapper = key_of(&vector);
    let message = &vector.message;
    let payload = Header::parse(message).unwrap().len();
    let last_chunk = payload + 56 + 16400;
    let header_and_start = 0..=payload + 56 + 16;
    let chunk_ends = last_chunk - 2..message.len();
    for len in header_and_start.chain(chunk_ends) {
        let expected = match len {
            0 => ErrorKind::EmptyMessage,
            // A cut there leaves what could be a last chunk: altered and cut look the same.
            len if (payload + 72..last_chunk).contains(&len) || len >= last_chunk + 16 => {
                ErrorKind::EndNotAuthentic
            }
            _ => ErrorKind::Truncated,
        };
        assert_eq!(
            unseal_error(&message[..len], &unwrapper),
            expected,
            "cut at {len}"
        );
    }
}

#[test]
fn no_bit_can_be_altered() {
    let vector = Vector::accepted("worked_example");
    let unwrapper = key_of(&vector);
    let payload = Header::parse(&vector.message).unwrap().len();
    for bit in 0..vector.message.len() * 8 {
        let mut message = vector.message.clone();
        message[bit / 8] ^= 1 << (bit % 8);
        let kind = unseal_error(&message, &unwrapper);
        if bit / 8 >= payload + 56 {
            assert_eq!(kind, ErrorKind::EndNotAuthentic, "bit {bit}");
        } else if bit / 8 >= payload - 32 {
            assert_eq!(kind, ErrorKind::AuthenticationFailed, "bit {bit}");
        }
    }
}

#[test]
fn nothing_can_be_added() {
    let vector = Vector::accepted("length_16384");
    let unwrapper = key_of(&vector);
    for more in [1, 15, 16, 17, 16383, 16384, 16400, 16401, 40_000] {
        let mut message = vector.message.clone();
        message.resize(message.len() + more, 0);
        // What fills the last chunk up to a full one looks like one that was altered.
        let expected = match more {
            ..16384 => ErrorKind::EndNotAuthentic,
            _ => ErrorKind::AuthenticationFailed,
        };
        assert_eq!(unseal_error(&message, &unwrapper), expected, "{more}");
    }
}

#[test]
fn after_a_failed_check_no_plaintext_is_left() {
    let vector = Vector::accepted("length_32768");
    let mut message = vector.message.clone();
    let second_chunk = message.len() - 16 - 16400;
    message[second_chunk] ^= 1;

    let mut out = vec![0xaa; plaintext_len(&message).unwrap()];
    unseal_into(&message, key_of(&vector), &[], &mut out).unwrap_err();
    assert!(out.iter().all(|byte| *byte == 0), "one shot");

    let mut unsealer = Unsealer::default();
    let header = unsealer.update(&message, &mut []).unwrap().consumed;
    unsealer
        .provide_key(vector.data_key.unwrap().into())
        .unwrap();
    let mut out = vec![0xaa; unsealer.update_len(message.len() - header)];
    unsealer.update(&message[header..], &mut out).unwrap_err();
    assert!(out.iter().all(|byte| *byte == 0), "streaming");

    message[second_chunk] ^= 1;
    *message.last_mut().unwrap() ^= 1;
    let mut out = vec![0xaa; plaintext_len(&message).unwrap()];
    unseal_into(&message, key_of(&vector), &[], &mut out).unwrap_err();
    assert!(out.iter().all(|byte| *byte == 0), "last chunk");
}

#[test]
fn buffers_one_byte_short_consume_nothing() {
    let vector = Vector::accepted("length_16385");
    let unwrapper = key_of(&vector);
    let message = &vector.message;
    let len = plaintext_len(message).unwrap();
    assert_eq!(len, 16385);
    let unwrap_nothing = unwrap_fn(|_| panic!("the KMS is asked though the buffer is too small"));
    let error = unseal_into(message, unwrap_nothing, &[], &mut vec![0; len - 1]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BufferTooSmall);

    let mut unsealer = Unsealer::new(&[]);
    let header = unsealer.update(message, &mut []).unwrap().consumed;
    unsealer.unwrap_with(&unwrapper).unwrap();
    let rest = &message[header..];
    let mut out = vec![0; unsealer.update_len(rest.len())];
    let short = out.len() - 1;
    let error = unsealer.update(rest, &mut out[..short]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BufferTooSmall);
    assert_eq!(unsealer.update(rest, &mut out).unwrap().written, out.len());
    assert_eq!(unsealer.finish_len(), 1);
    assert_eq!(
        unsealer.finish(&mut []).unwrap_err().kind(),
        ErrorKind::BufferTooSmall
    );
    assert_eq!(unsealer.finish(&mut [0]).unwrap(), 1);
}

#[test]
fn update_bound_holds_for_every_length() {
    let vector = Vector::accepted("length_32768");
    let message = &vector.message;
    for first in [1, 16399, 16400, 16401] {
        let mut unsealer = Unsealer::new(&[]);
        let header = unsealer.update(message, &mut []).unwrap().consumed;
        unsealer
            .provide_key(vector.data_key.unwrap().into())
            .unwrap();
        let (first, rest) = message[header..].split_at(56 + first);
        let mut out = vec![0; 40_000];
        let _ = unsealer.update(first, &mut out).unwrap();
        for len in 0..rest.len() {
            let exact = unsealer.update_len(len);
            assert!(exact <= Unsealer::update_bound(len));
            assert!(Unsealer::update_bound(len) < len + 16400);
        }
    }
}

#[test]
fn calls_out_of_order_are_refused() {
    let vector = Vector::accepted("length_1");
    let data_key = || DataKey::from(vector.data_key.unwrap());
    let invalid = |result: Result<(), Error>| {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidState);
    };

    let mut unsealer = Unsealer::new(&[]);
    invalid(unsealer.provide_key(data_key()));
    invalid(unsealer.unwrap_with(key_of(&vector)));
    let header = unsealer.update(&vector.message, &mut []).unwrap().consumed;
    assert!(unsealer.needs_key());
    invalid(unsealer.finish(&mut []).map(|_| ()));
    // Nothing is taken while the key is missing.
    invalid(
        unsealer
            .update(&vector.message[header..], &mut [])
            .map(|_| ()),
    );
    assert_eq!(unsealer.update(&[], &mut []).unwrap().consumed, 0);
    assert!(unsealer.needs_key());

    unsealer.provide_key(data_key()).unwrap();
    invalid(unsealer.provide_key(data_key()));
    let _ = unsealer.update(&vector.message[header..], &mut []).unwrap();
    assert_eq!(unsealer.finish(&mut [0]).unwrap(), 1);
    invalid(unsealer.update(b"more", &mut [0; 100]).map(|_| ()));
    invalid(unsealer.finish(&mut [0]).map(|_| ()));
    assert!(unsealer.header().is_some());
}

#[test]
fn an_error_is_final() {
    let vector = Vector::accepted("length_1");
    let mut unsealer = Unsealer::new(&[]);
    assert_eq!(
        unsealer.update(b"%PDF", &mut []).unwrap_err().kind(),
        ErrorKind::NotSealed
    );
    let again = unsealer.update(&vector.message, &mut []).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::InvalidState);

    let mut unsealer = Unsealer::new(&[]);
    let _ = unsealer.update(&vector.message, &mut []).unwrap();
    let wrong = unsealer.provide_key([0; 32].into()).unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::AuthenticationFailed);
    let again = unsealer
        .provide_key(vector.data_key.unwrap().into())
        .unwrap_err();
    assert_eq!(again.kind(), ErrorKind::InvalidState);
}

#[test]
fn a_file_of_openssl_enc_is_refused_with_the_command_that_reads_it() {
    let file = b"Salted__\x01\x02\x03\x04\x05\x06\x07\x08 and ciphertext";
    let whole = Unsealer::new(&[]).update(file, &mut []).unwrap_err();
    let parsed = Header::parse(file).unwrap_err();
    let mut unsealer = Unsealer::new(&[]);
    let _ = unsealer.update(&file[..3], &mut []).unwrap();
    let second_piece = unsealer.update(&file[3..], &mut []).unwrap_err();
    for error in [whole, parsed, second_piece] {
        assert_eq!(error.kind(), ErrorKind::NotSealed);
        assert!(error.to_string().contains("`libseal import-openssl`"));
    }
    // Bytes that only begin alike have the usual text.
    for other in [
        &b"Salted_"[..],
        b"Salted peanuts",
        b"salted__",
        b"SEAMlted__",
    ] {
        let error = Header::parse(other).unwrap_err();
        assert_eq!(error.to_string(), ErrorKind::NotSealed.message());
    }
}

#[test]
fn required_context_is_checked_before_the_kms_is_asked() {
    let message = seal(&[("device", "42"), ("site", "x")], b"");
    let unwrapper = local_unwrapper("rsa-2048");
    for required in [
        &[][..],
        &[("site", Some("x"))],
        &[("site", Some("x")), ("device", Some("42"))],
        &[("site", None)],
        &[("device", None), ("site", Some("x"))],
    ] {
        assert_eq!(unseal(&message, &unwrapper, required).unwrap(), b"");
    }
    let unwrap_nothing = unwrap_fn(|_| panic!("the KMS is asked for a message of another context"));
    for required in [
        &[("site", Some("y"))][..],
        &[("Site", Some("x"))],
        &[("device", Some("42")), ("more", Some(""))],
        &[("Site", None)],
        &[("device", Some("42")), ("more", None)],
    ] {
        let error = unseal(&message, unwrap_nothing, required).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ContextMismatch);
        assert_ne!(error.to_string(), ErrorKind::ContextMismatch.message());
    }
}

#[test]
fn an_unwrapper_is_never_asked_about_reserved_kinds() {
    let vector = Vector::accepted("recipient_of_reserved_kind_3_skipped");
    assert!(
        Header::parse(&vector.message)
            .unwrap()
            .wrapped_keys()
            .any(|key| key.algorithm().is_none())
    );
    let unwrap = unwrap_fn(|key| {
        assert!(key.algorithm().is_some());
        Ok(Some(vector.data_key.unwrap().into()))
    });
    assert!(unseal(&vector.message, unwrap, &[]).is_ok());
}

#[derive(Debug, PartialEq, Eq)]
struct KmsError(&'static str);

impl std::fmt::Display for KmsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for KmsError {}

#[test]
fn the_unwrappers_own_error_is_kept() {
    let keys = ["rsa-2048", "rsa-2048-b"].map(public_key);
    let recipients = keys.each_ref().map(Recipient::new);
    let message = Envelope::new(&recipients).seal(b"secret").unwrap();

    let fail = unwrap_fn(|key| {
        let first = key.fingerprint() == keys[0].fingerprint();
        Err(KmsError(if first { "first" } else { "second" }).into())
    });
    let error = unseal(&message, fail, &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnwrapFailed);
    assert_eq!(
        std::error::Error::source(&error).unwrap().to_string(),
        "first"
    );
    let source = std::error::Error::source(&error)
        .unwrap()
        .downcast_ref::<KmsError>()
        .unwrap();
    assert_eq!(*source, KmsError("first"));

    // One key is disabled, the other still opens.
    let second = local_unwrapper("rsa-2048-b");
    let second_only = unwrap_fn(|key| match second.unwrap_key(key) {
        Unwrapped::DataKey(data_key) => Ok(Some(data_key)),
        _ => Err(KmsError("disabled").into()),
    });
    assert_eq!(unseal(&message, second_only, &[]).unwrap(), b"secret");
}

#[test]
fn wrong_answers_of_an_unwrapper_are_told_apart() {
    let message = seal(&[], b"secret");
    let answer = |bytes: &'static [u8]| unwrap_fn(move |_| Ok(Some(DataKey::try_from(bytes)?)));
    assert_eq!(
        unseal_error(&message, answer(&[0; 31])),
        ErrorKind::DataKeyLength
    );
    assert_eq!(
        unseal_error(&message, answer(&[0; 33])),
        ErrorKind::DataKeyLength
    );
    assert_eq!(
        unseal_error(&message, answer(&[])),
        ErrorKind::DataKeyLength
    );
    assert_eq!(
        unseal_error(&message, answer(&[0; 32])),
        ErrorKind::AuthenticationFailed
    );
    let others = key_ring(&["rsa-2048-b", "rsa-4096"]);
    assert_eq!(
        unseal_error(&message, &others),
        ErrorKind::NoMatchingRecipient
    );
}

#[test]
fn plaintext_len_is_exact() {
    for len in LENGTHS {
        let message = seal(&[], &pattern(len));
        assert_eq!(plaintext_len(&message).unwrap(), len);
    }
    assert_eq!(
        plaintext_len(b"").unwrap_err().kind(),
        ErrorKind::EmptyMessage
    );
    assert_eq!(
        plaintext_len(b"SEAL").unwrap_err().kind(),
        ErrorKind::Truncated
    );
}

#[test]
fn the_end_is_not_lost_by_a_call_too_many() {
    let vector = Vector::accepted("length_16385");
    let header = Header::parse(&vector.message).unwrap();
    let payload = &vector.message[header.len()..];
    let mut unsealer = Unsealer::with_key(header, vector.data_key.unwrap().into()).unwrap();
    let mut out = vec![0; 16385];
    unsealer.finish_with(payload, &mut out).unwrap();
    for input in [&b""[..], b"x"] {
        let error = unsealer.update(input, &mut out).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidState);
    }
    unsealer.seek(0).unwrap();
}
