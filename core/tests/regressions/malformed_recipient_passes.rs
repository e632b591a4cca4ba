//! Without the feature `oaep-sha1`, a malformed recipient of kind 2 passed.

use libseal::{ErrorKind, Header};

use crate::common::Vector;

#[test]
fn kind_2_with_an_impossible_length() {
    let vector = Vector::accepted("rsa_2048_oaep_sha_1");
    let header = Header::parse(&vector.message).unwrap();
    let key = header.wrapped_keys().next().unwrap();
    assert_eq!((key.kind(), key.ciphertext().len()), (2, 256));

    let mac = header.len() - 32;
    let mut shorter = header.as_bytes()[..mac - 1].to_vec();
    shorter.extend([0; 32]);
    let len_at = mac - 256 - 2;
    shorter[len_at..len_at + 2].copy_from_slice(&255_u16.to_be_bytes());
    let error = Header::parse(&shorter).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::HeaderMalformed);
}
