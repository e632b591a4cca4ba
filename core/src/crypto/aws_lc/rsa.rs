//! RSAES-OAEP (RFC 8017 section 7.1.1).

use alloc::vec::Vec;
use core::cell::Cell;

use aws_lc_rs::{
    error::Unspecified,
    rsa::{
        OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey,
        PublicKeyComponents,
    },
};

use crate::{
    crypto::{portable, random::Random, shared::oaep::OaepHash},
    error::{Error, ErrorKind},
};

/// AWS-LC draws the seed of the encoding itself. Where the caller has another source of random
/// bytes, the portable provider encrypts.
pub(crate) fn oaep_encrypt(
    modulus: &[u8],
    exponent: u32,
    hash: OaepHash,
    message: &[u8],
    random: &mut Random<'_>,
    out: &mut [u8],
) -> Result<(), Error> {
    if !random.is_system() {
        return portable::oaep_encrypt(modulus, exponent, hash, message, random, out);
    }
    let algorithm = match hash {
        OaepHash::Sha256 => &OAEP_SHA256_MGF1SHA256,
        OaepHash::Sha1 => &OAEP_SHA1_MGF1SHA1,
    };
    let out_len = out.len();
    let encrypt = |key: &OaepPublicEncryptingKey| {
        let encrypted = key.encrypt(algorithm, message, out, None)?;
        Ok(encrypted.len())
    };
    match with_public_key(modulus, exponent, encrypt) {
        Ok(len) if len == out_len => Ok(()),
        Ok(_) | Err(Unspecified) => Err(ErrorKind::Internal.into()),
    }
}

/// A public key as AWS-LC has prepared it. Preparing takes a sixth of the time of an encryption.
struct PreparedKey {
    modulus: Vec<u8>,
    exponent: u32,
    key: OaepPublicEncryptingKey,
}

std::thread_local! {
    /// The key that this thread used last: most processes seal for a single one.
    static LAST_KEY: Cell<Option<PreparedKey>> = const { Cell::new(None) };
}

fn with_public_key<T>(
    modulus: &[u8],
    exponent: u32,
    work: impl FnOnce(&OaepPublicEncryptingKey) -> Result<T, Unspecified>,
) -> Result<T, Unspecified> {
    // A thread that is ending has no thread-local variables any more.
    let last = LAST_KEY.try_with(Cell::take).ok().flatten();
    let is_same = |last: &PreparedKey| last.modulus == modulus && last.exponent == exponent;
    let prepared = match last.filter(is_same) {
        Some(last) => last,
        None => PreparedKey {
            modulus: modulus.to_vec(),
            exponent,
            key: OaepPublicEncryptingKey::new(public_key(modulus, exponent)?)?,
        },
    };
    let result = work(&prepared.key);
    let _ = LAST_KEY.try_with(|last| last.set(Some(prepared)));
    result
}

fn public_key(modulus: &[u8], exponent: u32) -> Result<PublicEncryptingKey, Unspecified> {
    let leading_zeros = exponent.leading_zeros() as usize / 8;
    let exponent = exponent.to_be_bytes();
    let (_, e) = exponent.split_at(leading_zeros);
    PublicKeyComponents { n: modulus, e }.try_into()
}
