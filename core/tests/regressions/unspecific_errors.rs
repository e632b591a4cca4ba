//! Errors that did not say which of several things had happened.

use libseal::{
    Envelope, Error, ErrorKind, Header, Reading, Recipient, Unsealer, unseal, unwrap_fn,
};

use crate::common::{data_key_of, key_ring, local_unwrapper, pattern, public_key, seal};

fn hex(fingerprint: &[u8; 32]) -> String {
    fingerprint
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[track_caller]
fn says(error: Error, kind: ErrorKind, text: &str) {
    assert_eq!(error.kind(), kind);
    assert!(error.to_string().contains(text), "{error}");
}

fn for_two_keys() -> (Vec<u8>, [String; 2]) {
    let (first, second) = (public_key("rsa-2048"), public_key("rsa-3072"));
    let long = "\n".repeat(500);
    let recipients = [
        Recipient::new(&first).with_key_id("alias/device"),
        Recipient::new(&second).with_key_id(&long),
    ];
    let message = Envelope::new(&recipients).seal(b"plaintext").unwrap();
    (message, [first, second].map(|key| hex(key.fingerprint())))
}

#[test]
fn no_matching_recipient_names_both_sides() {
    let (message, [first, second]) = for_two_keys();
    let held = key_ring(&["rsa-2048-b", "rsa-4096"]);
    let error = unseal(&message, held, &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoMatchingRecipient);
    let text = error.to_string();
    assert!(
        text.contains(&format!("\"alias/device\" ({first})")),
        "{text}"
    );
    assert!(text.contains(&second), "{text}");
    let (_, held) = text.split_once("holds").unwrap();
    for name in ["rsa-2048-b", "rsa-4096"] {
        assert!(
            held.contains(&hex(public_key(name).fingerprint())),
            "{text}"
        );
    }
    // What a stranger wrote is escaped and cut.
    assert!(text.len() < 800 && !text.contains('\n'), "{text}");
}

#[test]
fn an_unwrapper_that_knows_no_fingerprints_is_no_trouble() {
    let (message, [first, _]) = for_two_keys();
    let error = unseal(&message, unwrap_fn(|_| Ok(None)), &[]).unwrap_err();
    assert!(error.to_string().contains(&first), "{error}");
    let many = key_ring(&["rsa-2048-b"; 20]);
    let error = unseal(&message, many, &[]).unwrap_err();
    assert!(error.to_string().ends_with(" and 4 more"), "{error}");
}

#[test]
fn wrong_states_of_an_unsealer() {
    let message = seal(&[], &pattern(100));
    let data_key = || data_key_of(&message, "rsa-2048").into();
    let header_len = Header::parse(&message).unwrap().len();
    let state = ErrorKind::InvalidState;

    let mut unsealer = Unsealer::new(&[]);
    let missing = "the header is not complete";
    says(
        unsealer.provide_key(data_key()).unwrap_err(),
        state,
        missing,
    );
    says(unsealer.seek(5).unwrap_err(), state, "the data key");
    let progress = unsealer.update(&message, &mut []).unwrap();
    assert_eq!(progress.consumed, header_len);
    let payload = &message[header_len..];
    // A loop that takes no notice of the key ends here.
    let needed = "the data key is needed";
    says(
        unsealer.update(payload, &mut []).unwrap_err(),
        state,
        needed,
    );
    says(unsealer.finish(&mut []).unwrap_err(), state, needed);
    unsealer.provide_key(data_key()).unwrap();
    let there = "the data key is there already";
    says(unsealer.provide_key(data_key()).unwrap_err(), state, there);
    unsealer.finish_with(payload, &mut [0; 100]).unwrap();
    let ended = "the message has ended";
    says(unsealer.update(b"more", &mut []).unwrap_err(), state, ended);
    says(unsealer.finish(&mut []).unwrap_err(), state, ended);

    let mut unsealer = Unsealer::new(&[]);
    unsealer.update(b"junk", &mut []).unwrap_err();
    let failed = "an error has ended the message";
    says(
        unsealer.update(b"more", &mut []).unwrap_err(),
        state,
        failed,
    );
    says(unsealer.seek(0).unwrap_err(), state, failed);
    says(unsealer.finish(&mut []).unwrap_err(), state, failed);
    let unwrapped = unsealer.unwrap_with(local_unwrapper("rsa-2048"));
    says(unwrapped.unwrap_err(), state, failed);
}

#[test]
fn wrong_states_of_a_reading() {
    let state = ErrorKind::InvalidState;
    let mut reading = Reading::new(&[]);
    let unknown = "the length of the message is not known";
    says(reading.confirm_end().unwrap_err(), state, unknown);
    let unasked = "not asked for";
    says(reading.feed(b"SEAL", &mut []).unwrap_err(), state, unasked);
    let _ = reading.next(1).unwrap();
    says(
        reading.feed(&[0; 5000], &mut []).unwrap_err(),
        state,
        unasked,
    );
    reading.feed(b"junk", &mut []).unwrap_err();
    let failed = "an error has ended the message";
    says(reading.feed(b"junk", &mut []).unwrap_err(), state, failed);
    says(reading.next(1).unwrap_err(), state, failed);
    says(reading.read(&mut [0]).unwrap_err(), state, failed);
}
