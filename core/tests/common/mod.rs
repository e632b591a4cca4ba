//! Test keys and vectors, shared with the other languages.
#![allow(dead_code, reason = "each test uses its part")]

use std::{fs, path::PathBuf};

use libseal::{BoxError, DataKey, KeyUnwrap, LocalUnwrapper, PublicKey, WrappedKey};

pub fn vectors() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors")
}

pub fn key_file(name: &str) -> Vec<u8> {
    let path = vectors().join("keys").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub fn public_key(name: &str) -> PublicKey {
    PublicKey::new(&key_file(&format!("{name}.pub.der"))).unwrap()
}

pub fn local_unwrapper(name: &str) -> LocalUnwrapper {
    LocalUnwrapper::new(&key_file(&format!("{name}.key.pem")), None).unwrap()
}

/// Holds several keys.
pub struct KeyRing(pub Vec<LocalUnwrapper>);

impl KeyRing {
    pub fn new(names: &[impl AsRef<str>]) -> Self {
        Self(
            names
                .iter()
                .map(|name| local_unwrapper(name.as_ref()))
                .collect(),
        )
    }
}

impl KeyUnwrap for KeyRing {
    fn unwrap_key(&self, key: &WrappedKey<'_>) -> Result<Option<DataKey>, BoxError> {
        for unwrapper in &self.0 {
            if let Some(data_key) = unwrapper.unwrap_key(key)? {
                return Ok(Some(data_key));
            }
        }
        Ok(None)
    }
}

/// Bytes in which no chunk looks like another.
pub fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i ^ (i >> 8) ^ (i >> 14)) as u8).collect()
}

/// Around every boundary of the format.
pub const LENGTHS: [usize; 9] = [0, 1, 15, 16, 16383, 16384, 16385, 32768, 50_000];
