//! For firmware: constant-time, without tables, and with little flash, stack and state. Sealing needs
//! no heap.

mod aes_ctr;
mod aes_s_box;
mod ghash;

use super::{
    OaepHash,
    random::Random,
    shared::{gcm, oaep},
};
use crate::error::Error;

pub(crate) use super::shared::hash::{hkdf_expand_sha512, hmac_sha512, sha256};
#[cfg(feature = "alloc")]
pub(crate) use super::shared::{decryptor::ChunkDecryptor, hash::ExpandKey};

pub(crate) const NAME: &str = "compact";

pub(crate) type ChunkEncryptor = gcm::ChunkEncryptor<aes_ctr::KeyStream, ghash::Ghash>;

pub(crate) fn oaep_encrypt(
    modulus: &[u8],
    exponent: u32,
    hash: OaepHash,
    message: &[u8],
    random: &mut Random<'_>,
    out: &mut [u8],
) -> Result<(), Error> {
    oaep::encrypt::<u32>(modulus, exponent, hash, message, random, out)
}
