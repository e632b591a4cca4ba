//! Algorithms for wrapping: which a build has, and that every build reads about all of them.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod common;

use common::{Vector, known_key, public_key, repeatable};
use libseal::{Envelope, ErrorKind, Header, Recipient, WrapAlgorithm, unseal};

/// A message of the vectors, whose recipients are of both kinds.
fn both() -> Vector {
    Vector::accepted("recipients_both_algorithms")
}

#[test]
fn algorithms_have_the_names_of_kms() {
    let names = WrapAlgorithm::ALL.iter().map(|algorithm| algorithm.name());
    let names: Vec<_> = names.collect();
    assert_eq!(names, ["RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1"]);
    for algorithm in WrapAlgorithm::ALL {
        assert_eq!(WrapAlgorithm::from_name(algorithm.name()), Some(*algorithm));
        assert_eq!(WrapAlgorithm::from_kind(algorithm.kind()), Some(*algorithm));
    }
    assert_eq!(WrapAlgorithm::default(), WrapAlgorithm::RsaesOaepSha256);
    for name in ["", "rsaes_oaep_sha_256", "RSAES_OAEP_SHA_512"] {
        assert_eq!(WrapAlgorithm::from_name(name), None, "{name}");
    }
    for kind in [0, 3, 255] {
        assert_eq!(WrapAlgorithm::from_kind(kind), None, "{kind}");
    }
}

#[test]
fn sha_1_is_for_builds_with_its_feature() {
    let key = public_key("rsa-2048");
    let sha_1 = Recipient::new(&key).with_algorithm(WrapAlgorithm::RsaesOaepSha1);
    let recipients = [Recipient::new(&key), sha_1];
    let envelope = Envelope::new(&recipients).with_random(repeatable("seed"));
    // Its length is known in any case.
    assert_eq!(envelope.header_len().unwrap(), 9 + 2 * (37 + 256) + 32);
    let sealed = envelope.seal(b"plaintext");
    if cfg!(feature = "oaep-sha1") {
        let header = Header::parse(&sealed.unwrap()).unwrap();
        let kinds: Vec<_> = header.wrapped_keys().map(|key| key.kind()).collect();
        assert_eq!(kinds, [1, 2]);
    } else {
        let error = sealed.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnsupportedAlgorithm);
        // Also if it is not the first, and in a buffer.
        let error = envelope.start(&mut [0; 1000]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnsupportedAlgorithm);
    }
}

#[test]
fn every_build_reads_about_every_algorithm() {
    let vector = both();
    let header = Header::parse(&vector.message).unwrap();
    let algorithms: Vec<_> = header.wrapped_keys().map(|key| key.algorithm()).collect();
    let sha_1 = Some(WrapAlgorithm::RsaesOaepSha1);
    assert!(algorithms.contains(&sha_1));
    assert!(algorithms.contains(&Some(WrapAlgorithm::RsaesOaepSha256)));
    for key in header.wrapped_keys() {
        let data_key = key.data_key(&vector.data_key.unwrap()).unwrap();
        assert_eq!(data_key.as_bytes(), &vector.data_key.unwrap());
    }
    let unwrapper = known_key(vector.data_key.unwrap());
    assert!(unseal(&vector.message, unwrapper, &[]).is_ok());
}

#[test]
fn every_build_refuses_a_wrapped_key_that_no_rsa_key_makes() {
    let vector = both();
    let bound_end = 8 + usize::from(u16::from_be_bytes([vector.message[6], vector.message[7]]));
    for kind in [1, 2] {
        // A header with one recipient, by hand: kind, fingerprint, no key id, wrapped key.
        let header = |wrapped_len: u16| {
            let mut bytes = vector.message[..bound_end].to_vec();
            bytes.extend([1, kind]);
            bytes.extend([7; 32]);
            bytes.extend([0, 0]);
            bytes.extend(wrapped_len.to_be_bytes());
            bytes.resize(bytes.len() + usize::from(wrapped_len) + 32, 0xcc);
            Header::parse(&bytes)
        };
        for len in [256, 384, 512] {
            let found = header(len).unwrap();
            let key = found.wrapped_keys().next().unwrap();
            assert_eq!((key.kind(), key.ciphertext().len()), (kind, len.into()));
        }
        for len in [0, 1, 255, 257, 511, 513, 1024, 6144, 6145] {
            let error = header(len).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::HeaderMalformed, "{kind}, {len}");
        }
    }
}
