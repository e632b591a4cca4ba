//! Data keys that were unwrapped once, and their way to other processes.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod common;

use std::cell::Cell;

use common::{data_key_of, local_unwrapper, public_key, seal};
use libseal::{
    DataKey, DataKeys, Envelope, ErrorKind, Header, JobKey, Recipient, SealingKey, Unwrap,
    UnwrapFn, WrappedKey, unseal, unwrap_fn,
};

fn header(message: &[u8]) -> Header {
    Header::parse(message).unwrap()
}

/// Unwraps with the key `rsa-2048`, and counts.
fn counting(
    calls: &Cell<usize>,
) -> UnwrapFn<impl Fn(&WrappedKey<'_>) -> Result<Option<DataKey>, libseal::BoxError>> {
    let unwrapper = local_unwrapper("rsa-2048");
    unwrap_fn(move |key| {
        if unwrapper.public_key().fingerprint() != key.fingerprint() {
            return Ok(None);
        }
        calls.set(calls.get() + 1);
        match unwrapper.unwrap_key(key) {
            libseal::Unwrapped::DataKey(data_key) => Ok(Some(data_key)),
            other => panic!("{other:?}"),
        }
    })
}

fn of(messages: &[&[u8]]) -> DataKeys {
    let mut keys = DataKeys::new();
    for message in messages {
        let unwrapper = local_unwrapper("rsa-2048");
        keys.unwrap(&header(message), &unwrapper).unwrap();
    }
    keys
}

#[test]
fn a_data_key_is_asked_for_once() {
    let calls = Cell::new(0);
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let mut sealing_key = SealingKey::new(Envelope::new(&recipients), Default::default()).unwrap();
    let messages = sealing_key.seal_many(&[b"one", b"two"]).unwrap();
    let other = seal(&[], b"other");

    let mut keys = DataKeys::new();
    assert!(keys.is_empty() && !keys.contains(&header(&other)));
    for message in [&messages[0], &messages[1], &other, &other] {
        let header = header(message);
        keys.unwrap(&header, counting(&calls)).unwrap();
        assert!(keys.contains(&header));
    }
    assert_eq!((calls.get(), keys.len()), (2, 2));
    assert_eq!(unseal(&messages[1], &keys, &[]).unwrap(), b"two");
    assert_eq!(unseal(&other, &keys, &[]).unwrap(), b"other");
}

#[test]
fn what_is_not_there_is_left_to_the_next_unwrapper() {
    let (here, elsewhere) = (seal(&[], b"here"), seal(&[], b"elsewhere"));
    let keys = of(&[&here]);
    let error = unseal(&elsewhere, &keys, &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoMatchingRecipient);

    let calls = Cell::new(0);
    let kms = counting(&calls);
    let unwrappers: [&dyn Unwrap; 2] = [&keys, &kms];
    assert_eq!(unseal(&here, unwrappers, &[]).unwrap(), b"here");
    assert_eq!(calls.get(), 0);
    assert_eq!(unseal(&elsewhere, unwrappers, &[]).unwrap(), b"elsewhere");
    assert_eq!(calls.get(), 1);
}

#[test]
fn an_unwrapper_that_fails_leaves_nothing() {
    let message = seal(&[], b"plaintext");
    let mut keys = DataKeys::new();
    let failing = unwrap_fn(|_| Err("out of order".into()));
    let error = keys.unwrap(&header(&message), failing).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnwrapFailed);
    let other = local_unwrapper("rsa-3072");
    let error = keys.unwrap(&header(&message), other).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoMatchingRecipient);
    assert!(keys.is_empty());
}

#[test]
fn a_data_key_is_kept_if_it_verifies_the_header() {
    let message = seal(&[("device", "42")], b"plaintext");
    let mut altered = message.clone();
    let place = header(&message).len() - 1;
    altered[place] ^= 1;
    let calls = Cell::new(0);
    let mut keys = DataKeys::new();
    let error = keys.unwrap(&header(&message), common::known_key([7; 32]));
    assert_eq!(error.unwrap_err().kind(), ErrorKind::AuthenticationFailed);
    for _ in 0..2 {
        let error = keys
            .unwrap(&header(&altered), counting(&calls))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AuthenticationFailed);
    }
    assert!(keys.is_empty());
    keys.unwrap(&header(&message), counting(&calls)).unwrap();
    assert_eq!(calls.get(), 3);
    // Now that it is known, no one is asked about the altered one.
    let error = keys.unwrap(&header(&altered), counting(&calls));
    assert_eq!(error.unwrap_err().kind(), ErrorKind::AuthenticationFailed);
    assert_eq!((calls.get(), keys.len()), (3, 1));
}

#[test]
fn a_message_cannot_give_another_ones_wrapped_key_a_wrong_data_key() {
    let good = seal(&[], b"good");
    // A stranger puts the wrapped key of the good message beside one of his own.
    let key = public_key("rsa-2048");
    let strange = seal(&[], b"strange");
    let data_key = DataKey::from(data_key_of(&strange, "rsa-2048"));
    let strange = header(&strange).rewrap(&data_key, |_| true, &[Recipient::new(&key)]);
    let first = header(&good)
        .wrapped_keys()
        .next()
        .unwrap()
        .ciphertext()
        .to_vec();
    let mut bytes = strange.unwrap().as_bytes().to_vec();
    let place = bytes.len() - 32 - first.len();
    bytes[place..place + 256].copy_from_slice(&first);

    let mut keys = DataKeys::new();
    let error = keys.unwrap(&header(&bytes), local_unwrapper("rsa-2048"));
    assert_eq!(error.unwrap_err().kind(), ErrorKind::AuthenticationFailed);
    assert!(!keys.contains(&header(&good)));
    keys.unwrap(&header(&good), local_unwrapper("rsa-2048"))
        .unwrap();
    assert_eq!(unseal(&good, &keys, &[]).unwrap(), b"good");
}

#[test]
fn a_key_that_came_in_another_way_can_be_put_in() {
    let message = seal(&[], b"plaintext");
    let header = header(&message);
    let wrapped = header.wrapped_keys().next().unwrap();
    let mut keys = DataKeys::new();
    keys.insert(&wrapped, data_key_of(&message, "rsa-2048").into());
    assert_eq!(unseal(&message, &keys, &[]).unwrap(), b"plaintext");
    // The key id is a hint that anyone can change, so it does not count; the ciphertext does.
    let (kind, fingerprint) = (wrapped.kind(), wrapped.fingerprint());
    let renamed = WrappedKey::new(kind, fingerprint, "alias/other", wrapped.ciphertext());
    assert!(matches!(
        keys.unwrap_key(&renamed),
        libseal::Unwrapped::DataKey(_)
    ));
    let altered = WrappedKey::new(kind, fingerprint, "", &wrapped.ciphertext()[1..]);
    assert!(matches!(
        keys.unwrap_key(&altered),
        libseal::Unwrapped::NotMine
    ));
    let elsewhere = WrappedKey::new(kind, &[0; 32], "", wrapped.ciphertext());
    assert!(matches!(
        keys.unwrap_key(&elsewhere),
        libseal::Unwrapped::NotMine
    ));
}

#[test]
fn a_worker_gets_the_part_that_it_needs() {
    let messages = [(); 3].map(|()| seal(&[], b"plaintext"));
    let [first, second, third] = messages.each_ref().map(Vec::as_slice);
    let all = of(&[first, second]);
    let part = all.for_headers([&header(second), &header(third), &header(second)]);
    assert_eq!(part.len(), 1);
    assert!(part.contains(&header(second)) && !part.contains(&header(first)));
    let mut together = of(&[third]);
    together.extend(part);
    assert_eq!(together.len(), 2);
    assert!(together.contains(&header(second)) && together.contains(&header(third)));
}

#[test]
fn encrypted_keys_open_under_their_job_key_alone() {
    let message = seal(&[], b"plaintext");
    let data_key = data_key_of(&message, "rsa-2048");
    let keys = of(&[&message]);
    let (job_key, other) = (JobKey::generate().unwrap(), JobKey::generate().unwrap());
    let encrypted = keys.encrypt(&job_key).unwrap();
    assert!(!encrypted.windows(8).any(|window| window == &data_key[..8]));
    assert_ne!(keys.encrypt(&job_key).unwrap(), encrypted, "a fresh salt");

    let again = DataKeys::decrypt(&job_key, &encrypted).unwrap();
    assert_eq!(unseal(&message, &again, &[]).unwrap(), b"plaintext");
    let error = DataKeys::decrypt(&other, &encrypted).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AuthenticationFailed);
    assert!(error.to_string().contains("another job key"), "{error}");
}

#[test]
fn encrypted_keys_that_were_damaged_are_refused() {
    let keys = of(&[&seal(&[], b"plaintext")]);
    let job_key = JobKey::generate().unwrap();
    let encrypted = keys.encrypt(&job_key).unwrap();
    assert_eq!(encrypted.len(), 1 + 56 + 64 + 16);
    let kind = |bytes: &[u8]| DataKeys::decrypt(&job_key, bytes).unwrap_err().kind();
    for len in 0..encrypted.len() {
        assert_eq!(kind(&encrypted[..len]), ErrorKind::AuthenticationFailed);
    }
    assert_eq!(
        kind(&[&encrypted[..], b"x"].concat()),
        ErrorKind::AuthenticationFailed
    );
    for place in 1..encrypted.len() {
        let mut altered = encrypted.clone();
        altered[place] ^= 1;
        assert_eq!(kind(&altered), ErrorKind::AuthenticationFailed, "{place}");
    }
    let newer = [&[2], &encrypted[1..]].concat();
    assert_eq!(kind(&newer), ErrorKind::UnsupportedVersion);
}

#[test]
fn many_keys_and_none_at_all_travel_too() {
    let message = seal(&[], b"plaintext");
    let header = header(&message);
    let wrapped = header.wrapped_keys().next().unwrap();
    let job_key = JobKey::generate().unwrap();
    // Chunks hold 256 of them.
    for count in [0_u32, 255, 256, 257, 1000] {
        let ciphertexts: Vec<_> = (0..count)
            .map(|number| number.to_be_bytes().repeat(64))
            .collect();
        let keys = ciphertexts.iter().map(|ciphertext| {
            WrappedKey::new(wrapped.kind(), wrapped.fingerprint(), "", ciphertext)
        });
        let keys: Vec<_> = keys.collect();
        let mut all = DataKeys::new();
        for (key, byte) in keys.iter().zip((0..=255).cycle()) {
            all.insert(key, [byte; 32].into());
        }
        let again = DataKeys::decrypt(&job_key, &all.encrypt(&job_key).unwrap()).unwrap();
        assert_eq!(again.len(), count as usize);
        for (key, byte) in keys.iter().zip((0_u8..=255).cycle()) {
            match again.unwrap_key(key) {
                libseal::Unwrapped::DataKey(found) => assert_eq!(found.as_bytes(), &[byte; 32]),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn a_job_key_is_text_for_the_environment() {
    let keys = of(&[&seal(&[], b"plaintext")]);
    let job_key = JobKey::generate().unwrap();
    let encrypted = keys.encrypt(&job_key).unwrap();
    let text = job_key.to_text();
    assert_eq!(text.len(), 43);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    assert!(text.bytes().all(is_plain));
    for text in [text.as_str(), &format!(" {}\n", *text)] {
        let again = JobKey::from_text(text).unwrap();
        assert_eq!(DataKeys::decrypt(&again, &encrypted).unwrap().len(), 1);
    }
    for bad in [
        "",
        "short",
        &text[1..],
        &format!("{}A", *text),
        &"!".repeat(43),
        &format!("{}=", *text),
    ] {
        let error = JobKey::from_text(bad).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotAJobKey, "{bad}");
    }
    assert_ne!(*JobKey::generate().unwrap().to_text(), *text);
}

#[test]
fn debug_output_holds_no_secret() {
    let message = seal(&[], b"plaintext");
    let job_key = JobKey::generate().unwrap();
    assert_eq!(format!("{job_key:?}"), "JobKey(..)");
    assert_eq!(format!("{:?}", of(&[&message])), "DataKeys { len: 1, .. }");
}
