//! Every vector, through every way to unseal.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod common;

use std::io::{self, Read};

use common::{Vector, key_ring};
use libseal::{DataKey, Error, Header, UnsealReader, Unsealer, unseal};
use sha2::{Digest, Sha256};

#[track_caller]
fn check(vector: &Vector, way: &str, result: Result<Vec<u8>, Error>) {
    let name = &vector.name;
    match result {
        Ok(plaintext) => {
            assert_eq!(vector.expect, "OK", "{name}, {way}: accepted");
            let found = (plaintext.len(), hex::encode(Sha256::digest(&plaintext)));
            assert_eq!(vector.plaintext, Some(found), "{name}, {way}");
        }
        Err(error) => assert_eq!(vector.expect, error.kind().name(), "{name}, {way}: {error}"),
    }
}

fn in_pieces(
    vector: &Vector,
    piece_len: usize,
    mut give_key: impl FnMut(&mut Unsealer) -> Result<(), Error>,
) -> Result<Vec<u8>, Error> {
    let mut unsealer = Unsealer::new(&vector.require());
    let mut plaintext = Vec::new();
    for mut piece in vector.message.chunks(piece_len) {
        while !piece.is_empty() {
            let mut out = vec![0; unsealer.update_len(piece.len())];
            let progress = unsealer.update(piece, &mut out)?;
            assert_eq!(progress.written, out.len());
            plaintext.extend(out);
            piece = &piece[progress.consumed..];
            if unsealer.needs_key() {
                give_key(&mut unsealer)?;
            }
        }
    }
    let mut out = vec![0; unsealer.finish_len()];
    unsealer.finish(&mut out)?;
    plaintext.extend(out);
    Ok(plaintext)
}

#[test]
fn one_shot() {
    for vector in Vector::all() {
        let ring = key_ring(&vector.keys);
        check(
            &vector,
            "unseal",
            unseal(&vector.message, &ring, &vector.require()),
        );
    }
}

#[test]
fn in_pieces_of_any_length() {
    for vector in Vector::all() {
        let ring = key_ring(&vector.keys);
        for piece_len in [1, 7, 1000, 16400, usize::MAX] {
            let result = in_pieces(&vector, piece_len, |unsealer| unsealer.unwrap_with(&ring));
            check(&vector, &format!("pieces of {piece_len}"), result);
        }
    }
}

#[test]
fn with_the_data_key_provided_by_hand() {
    for vector in Vector::all() {
        let Some(data_key) = vector.data_key else {
            continue;
        };
        let provide = |unsealer: &mut Unsealer| unsealer.provide_key(DataKey::from(data_key));
        check(&vector, "two steps", in_pieces(&vector, 4096, provide));
    }
}

#[test]
fn through_the_reader() {
    for vector in Vector::all() {
        let ring = key_ring(&vector.keys);
        let read = || -> io::Result<Vec<u8>> {
            let mut reader =
                UnsealReader::new(vector.message.as_slice(), &ring, &vector.require())?;
            let mut plaintext = Vec::new();
            reader.read_to_end(&mut plaintext)?;
            Ok(plaintext)
        };
        let own = |error: io::Error| error.downcast::<Error>().unwrap();
        check(&vector, "UnsealReader", read().map_err(own));
    }
}

#[test]
fn the_header_is_readable_without_a_key() {
    for vector in Vector::all().iter().filter(|vector| vector.expect == "OK") {
        let header = Header::parse(&vector.message).unwrap();
        if !vector.context.is_empty() {
            let context: Vec<_> = vector.context.iter().map(|(k, v)| (&**k, &**v)).collect();
            assert_eq!(
                header.context().collect::<Vec<_>>(),
                context,
                "{}",
                vector.name
            );
        }
        assert!(
            header.wrapped_keys().count() >= vector.keys.len().min(1),
            "{}",
            vector.name
        );
        // What follows the header does not matter, but all of the header has to be there.
        assert!(Header::parse(&vector.message[..header.len()]).is_ok());
        let cut = Header::parse(&vector.message[..header.len() - 1]).unwrap_err();
        assert_eq!(cut.kind().name(), "TRUNCATED", "{}", vector.name);
    }
}
