//! AWS-LC, through the crate `aws-lc-rs`.
//!
//! It has no interface for AES-GCM piece by piece, nor for OAEP with the caller's random bytes;
//! `portable` does both. HKDF under a key that is used again and again is done with the compression
//! function of the crate `sha2`, but for FIPS.

mod gcm;
pub(super) mod hash;
pub(super) mod random;
mod rsa;
pub(super) mod self_test;

pub(crate) use self::{
    gcm::{ChunkDecryptor, ChunkEncryptor},
    hash::{hkdf_expand_sha512, hmac_sha512, sha256},
    rsa::oaep_encrypt,
};

#[cfg(feature = "fips")]
pub(crate) use self::hash::ExpandKey;
/// A sixth less time for a message of 100 bytes: AWS-LC copies its HMAC for each use.
#[cfg(not(feature = "fips"))]
pub(crate) use super::shared::hash::ExpandKey;

use crate::error::ErrorKind;

pub(crate) const NAME: &str = "aws-lc";

fn internal(_: aws_lc_rs::error::Unspecified) -> ErrorKind {
    ErrorKind::Internal
}
