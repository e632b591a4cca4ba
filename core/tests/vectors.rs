//! Every vector, through every way to unseal.

mod common;

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use common::{KeyRing, vectors};
use libseal::{DataKey, Error, Header, UnsealReader, Unsealer, unseal};
use sha2::{Digest, Sha256};

#[derive(Default)]
struct Vector {
    name: String,
    expect: String,
    keys: Vec<String>,
    data_key: Option<[u8; 32]>,
    require: Vec<(String, String)>,
    context: Vec<(String, String)>,
    plaintext: Option<(usize, String)>,
    message: Vec<u8>,
}

impl Vector {
    fn parse(path: &Path) -> Self {
        let file = fs::read(path).unwrap();
        let end = file.windows(2).position(|pair| pair == b"\n\n").unwrap();
        let mut vector = Self {
            name: path.file_stem().unwrap().to_str().unwrap().into(),
            message: file[end + 2..].into(),
            ..Self::default()
        };
        let mut plaintext_len = 0;
        for line in std::str::from_utf8(&file[..end]).unwrap().lines() {
            let (name, value) = line.split_once(": ").unwrap();
            let pair = || {
                let (key, value) = value.split_once('=').unwrap();
                (key.to_owned(), value.to_owned())
            };
            match name {
                "comment" => {}
                "expect" => vector.expect = value.into(),
                "key" => vector.keys.push(value.into()),
                "data-key" => {
                    vector.data_key = Some(hex::decode(value).unwrap().try_into().unwrap());
                }
                "require" => vector.require.push(pair()),
                "context" => vector.context.push(pair()),
                "plaintext-length" => plaintext_len = value.parse().unwrap(),
                "plaintext-sha256" => vector.plaintext = Some((plaintext_len, value.into())),
                other => panic!("{}: unknown line {other}", vector.name),
            }
        }
        vector
    }

    fn require(&self) -> Vec<(&str, &str)> {
        self.require
            .iter()
            .map(|(key, value)| (&**key, &**value))
            .collect()
    }

    #[track_caller]
    fn check(&self, way: &str, result: Result<Vec<u8>, Error>) {
        let name = &self.name;
        match result {
            Ok(plaintext) => {
                assert_eq!(self.expect, "OK", "{name}, {way}: accepted");
                let found = (plaintext.len(), hex::encode(Sha256::digest(&plaintext)));
                assert_eq!(self.plaintext, Some(found), "{name}, {way}");
            }
            Err(error) => assert_eq!(self.expect, error.kind().name(), "{name}, {way}: {error}"),
        }
    }
}

fn all() -> Vec<Vector> {
    let mut paths = Vec::new();
    for folder in ["accepted", "rejected"] {
        for entry in fs::read_dir(vectors().join(folder)).unwrap() {
            paths.push(entry.unwrap().path());
        }
    }
    assert!(paths.len() >= 150, "only {} vectors found", paths.len());
    paths.iter().map(|path| Vector::parse(path)).collect()
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
    for vector in all() {
        let ring = KeyRing::new(&vector.keys);
        vector.check("unseal", unseal(&vector.message, &ring, &vector.require()));
    }
}

#[test]
fn in_pieces_of_any_length() {
    for vector in all() {
        let ring = KeyRing::new(&vector.keys);
        for piece_len in [1, 7, 1000, 16400, usize::MAX] {
            let result = in_pieces(&vector, piece_len, |unsealer| unsealer.unwrap_with(&ring));
            vector.check(&format!("pieces of {piece_len}"), result);
        }
    }
}

#[test]
fn with_the_data_key_provided_by_hand() {
    for vector in all() {
        let Some(data_key) = vector.data_key else {
            continue;
        };
        let provide = |unsealer: &mut Unsealer| unsealer.provide_key(DataKey::from(data_key));
        vector.check("two steps", in_pieces(&vector, 4096, provide));
    }
}

#[test]
fn through_the_reader() {
    for vector in all() {
        let ring = KeyRing::new(&vector.keys);
        let read = || -> io::Result<Vec<u8>> {
            let mut reader =
                UnsealReader::new(vector.message.as_slice(), &ring, &vector.require())?;
            let mut plaintext = Vec::new();
            reader.read_to_end(&mut plaintext)?;
            Ok(plaintext)
        };
        let own = |error: io::Error| error.downcast::<Error>().unwrap();
        vector.check("UnsealReader", read().map_err(own));
    }
}

#[test]
fn the_header_is_readable_without_a_key() {
    for vector in all().iter().filter(|vector| vector.expect == "OK") {
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
        // Nothing behind the header matters, and nothing less than the header will do.
        assert!(Header::parse(&vector.message[..header.len()]).is_ok());
        let cut = Header::parse(&vector.message[..header.len() - 1]).unwrap_err();
        assert_eq!(cut.kind().name(), "TRUNCATED", "{}", vector.name);
    }
}
