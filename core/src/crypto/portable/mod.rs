//! RustCrypto, with the RSA of `shared`: runs wherever there is a heap, and uses the processor's
//! instructions for AES, GHASH and SHA-2 if it has any.

mod aes_ctr;
mod ghash;

use super::{
    OaepHash,
    random::Random,
    shared::{gcm, oaep},
};
use crate::error::Error;

pub(crate) use super::shared::{
    decryptor::ChunkDecryptor,
    hash::{ExpandKey, hkdf_expand_sha512, hmac_sha512, sha256},
};

pub(crate) const NAME: &str = "portable";

pub(crate) type ChunkEncryptor = gcm::ChunkEncryptor<aes_ctr::KeyStream, ghash::Ghash>;

/// What the processor multiplies.
#[cfg(target_pointer_width = "64")]
type Word = u64;
#[cfg(not(target_pointer_width = "64"))]
type Word = u32;

pub(crate) fn oaep_encrypt(
    modulus: &[u8],
    exponent: u32,
    hash: OaepHash,
    message: &[u8],
    random: &mut Random<'_>,
    out: &mut [u8],
) -> Result<(), Error> {
    oaep::encrypt::<Word>(modulus, exponent, hash, message, random, out)
}
