//! `unseal_into` asked the KMS for the data key of a message that was cut, although `out` was too small
//! for what is left of it.

use std::cell::Cell;

use libseal::{ErrorKind, Header, unseal_into, unwrap_fn};

use crate::common::{pattern, seal};

#[test]
fn out_is_measured_before_the_key_is_unwrapped() {
    let message = seal(&[], &pattern(40_000));
    let chunks = Header::parse(&message).unwrap().len() + 56;
    for cut in [
        message.len(),
        message.len() - 1,
        chunks + 32800,
        chunks + 20,
    ] {
        let calls = Cell::new(0);
        let unwrapper = unwrap_fn(|_| {
            calls.set(calls.get() + 1);
            Ok(None)
        });
        let mut out = [0; 3];
        let error = unseal_into(&message[..cut], unwrapper, &[], &mut out).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BufferTooSmall, "{cut}");
        assert_eq!(calls.get(), 0, "{cut}");
    }
}

#[test]
fn what_is_cut_before_its_first_chunk_needs_no_room() {
    let message = seal(&[], &pattern(100));
    let header_len = Header::parse(&message).unwrap().len();
    let nothing_held = unwrap_fn(|_| Ok(None));
    let error = unseal_into(&message[..header_len], nothing_held, &[], &mut []).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoMatchingRecipient);
}
