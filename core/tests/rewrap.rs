//! Rewrapping: other recipients for a message, whose payload stays.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod common;

use common::{
    LENGTHS, Vector, data_key_of, key_ring, known_key, local_unwrapper, pattern, public_key, seal,
};
use libseal::{
    DataKey, Envelope, ErrorKind, Header, MAX_HEADER_LEN, MAX_KEY_ID_LEN, MAX_RECIPIENTS,
    PublicKey, Recipient, WrapAlgorithm, unseal,
};

const CONTEXT: &[(&str, &str)] = &[("device", "42"), ("site", "x")];

/// The message with a header for other recipients.
fn rewrapped(
    message: &[u8],
    data_key: &DataKey,
    keep: impl Fn(&libseal::WrappedKey<'_>) -> bool,
    recipients: &[Recipient<'_>],
) -> Vec<u8> {
    let header = Header::parse(message).unwrap();
    let new = header.rewrap(data_key, keep, recipients).unwrap();
    assert_eq!(Header::parse(new.as_bytes()).unwrap(), new);
    [new.as_bytes(), &message[header.len()..]].concat()
}

fn fingerprints(message: &[u8]) -> Vec<[u8; 32]> {
    let header = Header::parse(message).unwrap();
    let keys = header.wrapped_keys();
    keys.map(|key| *key.fingerprint()).collect()
}

fn refusal(message: &[u8], key: &str) -> ErrorKind {
    unseal(message, local_unwrapper(key), &[])
        .unwrap_err()
        .kind()
}

#[test]
fn the_new_key_opens_the_message_and_the_old_one_does_not() {
    let new_key = public_key("rsa-3072");
    for len in LENGTHS {
        let plaintext = pattern(len);
        let message = seal(CONTEXT, &plaintext);
        let data_key = DataKey::from(data_key_of(&message, "rsa-2048"));
        let recipients = [Recipient::new(&new_key).with_key_id("alias/new")];
        let message = rewrapped(&message, &data_key, |_| false, &recipients);

        let required = &[("device", Some("42")), ("site", Some("x"))];
        let opened = unseal(&message, local_unwrapper("rsa-3072"), required).unwrap();
        assert_eq!(opened, plaintext, "{len}");
        assert_eq!(
            refusal(&message, "rsa-2048"),
            ErrorKind::NoMatchingRecipient
        );
        let header = Header::parse(&message).unwrap();
        assert_eq!(header.context().collect::<Vec<_>>(), CONTEXT);
        assert_eq!(header.wrapped_keys().next().unwrap().key_id(), "alias/new");
    }
}

#[test]
fn recipients_are_added_and_removed() {
    let names = ["rsa-2048", "rsa-3072", "rsa-4096"];
    let keys = names.map(public_key);
    let [first, second, third] = keys.each_ref().map(PublicKey::fingerprint);
    let message = seal(&[], b"plaintext");
    let data_key = DataKey::from(data_key_of(&message, "rsa-2048"));

    let added = [
        Recipient::new(&keys[1]),
        Recipient::new(&keys[2]).with_algorithm(WrapAlgorithm::RsaesOaepSha256),
    ];
    let three = rewrapped(&message, &data_key, |_| true, &added);
    assert_eq!(fingerprints(&three), [*first, *second, *third]);
    for name in names {
        assert_eq!(data_key_of(&three, name), *data_key.as_bytes());
        assert_eq!(
            unseal(&three, local_unwrapper(name), &[]).unwrap(),
            b"plaintext"
        );
    }

    let without = |key: &libseal::WrappedKey<'_>| key.fingerprint() != second;
    let two = rewrapped(&three, &data_key, without, &[]);
    assert_eq!(fingerprints(&two), [*first, *third]);
    assert_eq!(refusal(&two, "rsa-3072"), ErrorKind::NoMatchingRecipient);
    let kept = Header::parse(&three).unwrap();
    let kept: Vec<_> = kept.wrapped_keys().filter(without).collect();
    let header = Header::parse(&two).unwrap();
    assert_eq!(
        header.wrapped_keys().collect::<Vec<_>>(),
        kept,
        "as they were"
    );
    assert_eq!(
        unseal(&two, key_ring(&["rsa-4096"]), &[]).unwrap(),
        b"plaintext"
    );
}

#[test]
fn every_accepted_vector_can_be_rewrapped() {
    let key = public_key("rsa-2048");
    for vector in Vector::all().iter().filter(|vector| vector.expect == "OK") {
        let data_key = vector.data_key.unwrap();
        let plaintext = unseal(&vector.message, known_key(data_key), &[]).unwrap();
        let data_key = DataKey::from(data_key);
        let old = Header::parse(&vector.message).unwrap();
        let recipients = [Recipient::new(&key)];
        let refusal = || {
            let result = old.rewrap(&data_key, |_| true, &recipients);
            result.unwrap_err().kind()
        };
        if old.wrapped_keys().count() == MAX_RECIPIENTS {
            assert_eq!(refusal(), ErrorKind::TooManyRecipients);
            continue;
        }
        if old.len() > MAX_HEADER_LEN - 1 - 32 - 2 - 2 - 256 {
            assert_eq!(refusal(), ErrorKind::HeaderTooLarge);
            continue;
        }
        let message = rewrapped(&vector.message, &data_key, |_| true, &recipients);
        let opened = unseal(&message, local_unwrapper("rsa-2048"), &[]);
        assert_eq!(opened.unwrap(), plaintext, "{}", vector.name);
        // Nothing added and nothing removed: nothing changed.
        let same = old.rewrap(&data_key, |_| true, &[]).unwrap();
        assert_eq!(same, old, "{}", vector.name);
    }
}

#[test]
fn a_header_that_is_not_authentic_is_not_rewrapped() {
    let key = public_key("rsa-3072");
    let message = seal(CONTEXT, b"plaintext");
    let data_key = DataKey::from(data_key_of(&message, "rsa-2048"));
    let header = Header::parse(&message).unwrap();
    let recipients = [Recipient::new(&key)];
    let wrong = header.rewrap(&DataKey::from([7; 32]), |_| true, &recipients);
    assert_eq!(wrong.unwrap_err().kind(), ErrorKind::AuthenticationFailed);
    for offset in 0..header.len() {
        let mut altered = message.clone();
        altered[offset] ^= 1;
        let Ok(altered) = Header::parse(&altered) else {
            continue;
        };
        let error = altered
            .rewrap(&data_key, |_| true, &recipients)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AuthenticationFailed, "{offset}");
    }
}

#[test]
fn what_no_message_can_have_is_refused() {
    let key = public_key("rsa-2048");
    let message = seal(CONTEXT, b"plaintext");
    let data_key = DataKey::from(data_key_of(&message, "rsa-2048"));
    let header = Header::parse(&message).unwrap();
    let refused = |keep: bool, recipients: &[Recipient<'_>]| {
        let result = header.rewrap(&data_key, |_| keep, recipients);
        result.unwrap_err().kind()
    };
    assert_eq!(refused(false, &[]), ErrorKind::NoRecipients);
    let many = vec![Recipient::new(&key); MAX_RECIPIENTS];
    assert_eq!(refused(true, &many), ErrorKind::TooManyRecipients);
    let long = "k".repeat(MAX_KEY_ID_LEN + 1);
    let long = [Recipient::new(&key).with_key_id(&long)];
    assert_eq!(refused(true, &long), ErrorKind::KeyIdTooLong);

    let most = header.rewrap(&data_key, |_| false, &many).unwrap();
    assert_eq!(most.wrapped_keys().count(), MAX_RECIPIENTS);
    let id = "k".repeat(MAX_KEY_ID_LEN);
    let largest = vec![Recipient::new(&key).with_key_id(&id); MAX_RECIPIENTS];
    let largest = header.rewrap(&data_key, |_| false, &largest).unwrap();
    let message = [largest.as_bytes(), &message[header.len()..]].concat();
    assert_eq!(
        unseal(&message, known_key(*data_key.as_bytes()), &[]).unwrap(),
        b"plaintext"
    );
}

#[test]
fn each_rewrapping_draws_new_random_bytes() {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let message = Envelope::new(&recipients).seal(b"plaintext").unwrap();
    let data_key = DataKey::from(data_key_of(&message, "rsa-2048"));
    let header = Header::parse(&message).unwrap();
    let again = || header.rewrap(&data_key, |_| false, &recipients).unwrap();
    assert_ne!(again(), again());
}
