//! Test keys and vectors, shared with the other languages.
#![allow(dead_code, reason = "each test uses its part")]

pub(crate) mod driver;
#[cfg(unix)]
pub(crate) mod forks;
pub(crate) mod jerky;

use std::{
    cell::Cell,
    fs,
    path::{Path, PathBuf},
};

use libseal::{Envelope, PublicKey, RandomSource, Sealer, Unwrap, random_fn, unwrap_fn};
#[cfg(feature = "local-unwrapper")]
use libseal::{Header, LocalUnwrapper, Unwrapped};
use sha2::{Digest, Sha256};

pub(crate) fn vectors() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

pub(crate) fn key_file(name: &str) -> Vec<u8> {
    let path = vectors().join("keys").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Name and content of every file in a folder of keys.
pub(crate) fn key_folder(folder: &str) -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(vectors().join("keys").join(folder)).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let read = |name: String| (name.clone(), key_file(&format!("{folder}/{name}")));
    let files: Vec<_> = names.map(read).collect();
    assert!(files.len() > 10, "{folder}");
    files
}

pub(crate) fn public_key(name: &str) -> PublicKey {
    PublicKey::new(&key_file(&format!("{name}.pub.der"))).unwrap()
}

#[cfg(feature = "local-unwrapper")]
pub(crate) fn local_unwrapper(name: &str) -> LocalUnwrapper {
    LocalUnwrapper::new(&key_file(&format!("{name}.key.pem")), None).unwrap()
}

/// Holds several keys: a `Vec` of unwrappers is an unwrapper.
#[cfg(feature = "local-unwrapper")]
pub(crate) fn key_ring(names: &[impl AsRef<str>]) -> Vec<LocalUnwrapper> {
    let unwrappers = names.iter().map(|name| local_unwrapper(name.as_ref()));
    unwrappers.collect()
}

/// The data key of a message for one of the keys here.
#[cfg(feature = "local-unwrapper")]
pub(crate) fn data_key_of(message: &[u8], key: &str) -> [u8; 32] {
    let header = Header::parse(message).unwrap();
    let keys: Vec<_> = header.wrapped_keys().collect();
    match local_unwrapper(key).unwrap_keys(&keys) {
        Unwrapped::DataKey(data_key) => *data_key.as_bytes(),
        other => panic!("{other:?}"),
    }
}

/// Always answers with this data key: without RSA, thousands of messages open fast.
pub(crate) fn known_key(data_key: [u8; 32]) -> impl Unwrap {
    unwrap_fn(move |_| Ok(Some(data_key.into())))
}

/// Seals for the key `rsa-2048`.
#[cfg(feature = "getrandom")]
pub(crate) fn seal(context: &[(&str, &str)], plaintext: &[u8]) -> Vec<u8> {
    let key = public_key("rsa-2048");
    let recipients = [(&key).into()];
    let envelope = Envelope::new(&recipients).with_context(context);
    envelope.seal(plaintext).unwrap()
}

/// Bytes in which no chunk looks like another.
#[allow(clippy::cast_possible_truncation, reason = "the low byte is wanted")]
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i ^ (i >> 8) ^ (i >> 14)) as u8).collect()
}

/// Around every boundary of the format.
pub(crate) const LENGTHS: [usize; 9] = [0, 1, 15, 16, 16383, 16384, 16385, 32768, 50_000];

pub(crate) fn seal_in_pieces(
    envelope: &Envelope<'_, impl RandomSource>,
    plaintext: &[u8],
    piece_len: usize,
) -> Vec<u8> {
    let mut start = vec![0; envelope.start_len().unwrap()];
    let sealer = envelope.start(&mut start).unwrap();
    seal_rest(sealer, start, plaintext, piece_len)
}

/// The message that `sealer` began with `start`.
pub(crate) fn seal_rest(
    mut sealer: Sealer,
    start: Vec<u8>,
    plaintext: &[u8],
    piece_len: usize,
) -> Vec<u8> {
    let mut message = start;
    for piece in plaintext.chunks(piece_len) {
        let start = message.len();
        message.resize(start + sealer.update_len(piece.len()), 0);
        let written = sealer.update(piece, &mut message[start..]).unwrap();
        assert_eq!(start + written, message.len());
    }
    let mut last = [0; Sealer::FINISH_LEN];
    assert_eq!(sealer.finish(&mut last).unwrap(), last.len());
    [message, last.to_vec()].concat()
}

/// A source that gives the same bytes for the same seed: SHA-256 of the seed and a counter.
pub(crate) fn repeatable(seed: &str) -> impl RandomSource {
    let number = Cell::new(0_u32);
    random_fn(move |out| {
        assert!(out.iter().all(|byte| *byte == 0), "as the trait promises");
        for out in out.chunks_mut(32) {
            let block = Sha256::digest(format!("{seed} {}", number.get()));
            number.set(number.get() + 1);
            out.copy_from_slice(&block[..out.len()]);
        }
        Ok(())
    })
}

/// One file of `tests/vectors`; its README says what the fields mean.
#[derive(Default)]
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) expect: String,
    pub(crate) keys: Vec<String>,
    pub(crate) data_key: Option<[u8; 32]>,
    pub(crate) require: Vec<(String, String)>,
    pub(crate) context: Vec<(String, String)>,
    pub(crate) plaintext: Option<(usize, String)>,
    pub(crate) message: Vec<u8>,
}

impl Vector {
    pub(crate) fn all() -> Vec<Self> {
        let folders = ["accepted", "rejected"].map(|folder| vectors().join(folder));
        let files = folders
            .iter()
            .flat_map(|folder| fs::read_dir(folder).unwrap());
        let all: Vec<_> = files
            .map(|file| Self::parse(&file.unwrap().path()))
            .collect();
        assert!(all.len() >= 150, "only {} vectors found", all.len());
        all
    }

    pub(crate) fn accepted(name: &str) -> Self {
        Self::parse(&vectors().join(format!("accepted/{name}.vector")))
    }

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

    pub(crate) fn require(&self) -> Vec<(&str, Option<&str>)> {
        let pairs = self.require.iter();
        pairs.map(|(key, value)| (&**key, Some(&**value))).collect()
    }
}

/// One line of `tests/vectors/salvage.txt`; the README there says what it means.
pub(crate) struct Damaged {
    pub(crate) line: String,
    pub(crate) plaintext_len: usize,
    pub(crate) damage: String,
    pub(crate) number: usize,
    pub(crate) expect: String,
    pub(crate) salvaged_len: usize,
}

impl Damaged {
    pub(crate) fn all() -> Vec<Self> {
        let table = fs::read_to_string(vectors().join("salvage.txt")).unwrap();
        let lines = table.lines().filter(|line| !line.starts_with('#'));
        let all: Vec<_> = lines.map(Self::parse).collect();
        assert!(all.len() >= 200, "only {} lines found", all.len());
        all
    }

    fn parse(line: &str) -> Self {
        let [plaintext_len, damage, number, expect, salvaged_len] =
            line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        Self {
            line: line.into(),
            plaintext_len: plaintext_len.parse().unwrap(),
            damage: damage.into(),
            number: number.parse().unwrap(),
            expect: expect.into(),
            salvaged_len: salvaged_len.parse().unwrap(),
        }
    }

    /// Damages a message whose header has `header_len` bytes.
    pub(crate) fn damage(&self, message: &[u8], header_len: usize) -> Vec<u8> {
        let mut message = message.to_vec();
        let place = header_len + self.number;
        match self.damage.as_str() {
            "none" => {}
            "cut" => message.truncate(place),
            "flip" => message[place] ^= 1,
            "extend" => message.resize(message.len() + self.number, 0),
            other => panic!("unknown damage {other}"),
        }
        message
    }
}

/// A plaintext, and what it is sealed in.
#[cfg(all(feature = "getrandom", feature = "local-unwrapper"))]
pub(crate) struct Sample {
    pub(crate) plaintext: Vec<u8>,
    pub(crate) message: Vec<u8>,
    pub(crate) data_key: [u8; 32],
}

#[cfg(all(feature = "getrandom", feature = "local-unwrapper"))]
impl Sample {
    pub(crate) fn new(len: usize) -> Self {
        let plaintext = pattern(len);
        let message = seal(&[], &plaintext);
        Self {
            data_key: data_key_of(&message, "rsa-2048"),
            plaintext,
            message,
        }
    }
}
