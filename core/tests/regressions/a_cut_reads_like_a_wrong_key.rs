//! A message that was cut inside a chunk read "altered, cut, or unwrapped with the wrong data key", so a
//! program that asks again for what was cut never did.

use std::io::{Cursor, ErrorKind as IoKind, Read, Seek, SeekFrom};

use libseal::{DataKey, ErrorKind, Header, UnsealReader, Unsealer, unseal};

use crate::common::{data_key_of, known_key, local_unwrapper, pattern, seal};

/// Of the plaintext that makes two full chunks and another.
const LEN: usize = 40_000;

struct Sample {
    message: Vec<u8>,
    data_key: [u8; 32],
    chunks: usize,
}

fn sample() -> Sample {
    let message = seal(&[], &pattern(LEN));
    Sample {
        data_key: data_key_of(&message, "rsa-2048"),
        chunks: Header::parse(&message).unwrap().len() + 56,
        message,
    }
}

impl Sample {
    fn in_one_call(&self, message: &[u8]) -> ErrorKind {
        let unsealed = unseal(message, known_key(self.data_key), &[]);
        unsealed.unwrap_err().kind()
    }

    fn in_pieces(&self, message: &[u8], piece_len: usize) -> ErrorKind {
        let header = Header::parse(message).unwrap();
        let payload = &message[header.len()..];
        let mut unsealer = Unsealer::with_key(header, self.data_key.into()).unwrap();
        let mut out = vec![0; LEN + piece_len];
        for piece in payload.chunks(piece_len) {
            match unsealer.update(piece, &mut out) {
                Ok(progress) => assert_eq!(progress.consumed, piece.len()),
                Err(error) => return error.kind(),
            }
        }
        unsealer.finish(&mut out).unwrap_err().kind()
    }

    fn as_stream(&self, message: &[u8]) -> ErrorKind {
        let unwrapper = known_key(self.data_key);
        let read = || UnsealReader::new(message, unwrapper, &[])?.read_to_end(&mut Vec::new());
        let error = read().unwrap_err();
        error.downcast::<libseal::Error>().unwrap().kind()
    }

    fn at_the_end(&self, message: &[u8]) -> ErrorKind {
        let unwrapper = known_key(self.data_key);
        let mut reader = UnsealReader::new(Cursor::new(message), unwrapper, &[]).unwrap();
        let error = reader.seek(SeekFrom::Start(1)).unwrap_err();
        error.downcast::<libseal::Error>().unwrap().kind()
    }
}

#[test]
fn every_cut_of_the_payload_says_that_it_is_one() {
    let sample = sample();
    let payload = sample.chunks - 56;
    assert_eq!(sample.message.len() - payload, 40_104);
    let mut told = [0, 0];
    // One call costs as much as the message is long: every cut near a boundary, and some others.
    let near = |cut: usize| (cut - payload) % 16400 < 150 || (cut - payload).is_multiple_of(509);
    for cut in (payload..sample.message.len()).filter(|cut| near(*cut)) {
        let message = &sample.message[..cut];
        let is_certain = cut < sample.chunks || (cut - sample.chunks) % 16400 < 16;
        let expected = match is_certain {
            true => ErrorKind::Truncated,
            false => ErrorKind::EndNotAuthentic,
        };
        told[usize::from(is_certain)] += 1;
        assert_eq!(sample.in_one_call(message), expected, "{cut}");
        assert_eq!(sample.in_pieces(message, 7000), expected, "{cut}");
        assert_eq!(sample.as_stream(message), expected, "{cut}");
        assert_eq!(sample.at_the_end(message), expected, "{cut}");
    }
    assert!(told[0] > 300 && told[1] > 100, "{told:?}");
}

#[test]
fn bytes_after_the_end_are_told_as_such() {
    let sample = sample();
    for more in [1, 15, 16, 1000] {
        let mut message = sample.message.clone();
        message.resize(message.len() + more, 7);
        let expected = ErrorKind::EndNotAuthentic;
        assert_eq!(sample.in_one_call(&message), expected);
        assert_eq!(sample.in_pieces(&message, 100), expected);
        assert_eq!(sample.as_stream(&message), expected);
        assert_eq!(sample.at_the_end(&message), expected);
    }
}

/// Whatever reads them from the start says the same of the same bytes.
#[test]
fn a_full_chunk_that_does_not_verify_is_no_end() {
    let sample = sample();
    for (altered, expected) in [
        (sample.chunks - 1, ErrorKind::AuthenticationFailed),
        (sample.chunks, ErrorKind::AuthenticationFailed),
        (sample.chunks + 16400, ErrorKind::AuthenticationFailed),
        (sample.chunks + 32800, ErrorKind::EndNotAuthentic),
        (sample.message.len() - 1, ErrorKind::EndNotAuthentic),
    ] {
        let mut message = sample.message.clone();
        message[altered] ^= 1;
        assert_eq!(sample.in_one_call(&message), expected, "{altered}");
        assert_eq!(sample.in_pieces(&message, 5000), expected, "{altered}");
        assert_eq!(sample.in_pieces(&message, 50_000), expected, "{altered}");
        assert_eq!(sample.as_stream(&message), expected, "{altered}");
        // And without what follows it.
        if expected == ErrorKind::AuthenticationFailed {
            let cut = &message[..message.len() - 5000];
            assert_eq!(sample.in_one_call(cut), expected, "{altered}");
            assert_eq!(sample.as_stream(cut), expected, "{altered}");
        }
    }
}

#[test]
fn a_wrong_key_is_no_cut() {
    let sample = sample();
    let cut = &sample.message[..sample.message.len() - 100];
    let wrong = unseal(cut, known_key([7; 32]), &[]).unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::AuthenticationFailed);
    assert!(!wrong.to_string().contains("cut"), "{wrong}");
    let header = Header::parse(cut).unwrap();
    let wrong = Unsealer::with_key(header, DataKey::from([7; 32])).unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::AuthenticationFailed);
}

#[test]
fn for_std_io_it_is_an_unexpected_end() {
    let sample = sample();
    let cut = &sample.message[..sample.message.len() - 100];
    let mut reader = UnsealReader::new(cut, local_unwrapper("rsa-2048"), &[]).unwrap();
    let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), IoKind::UnexpectedEof);
    assert!(error.to_string().contains("cut short"), "{error}");
}
