//! AWS-LC, through the crate `aws-lc-rs`.
//!
//! It has no interface for AES-GCM piece by piece, nor for OAEP with the caller's random bytes;
//! `portable` does both.

mod gcm;
mod hash;
pub(super) mod random;
mod rsa;
pub(super) mod self_test;

pub(crate) use self::{
    gcm::{ChunkDecryptor, ChunkEncryptor},
    hash::{ExpandKey, hkdf_expand_sha512, hmac_sha512, sha256},
    rsa::oaep_encrypt,
};

use crate::error::ErrorKind;

pub(crate) const NAME: &str = "aws-lc";

fn internal(_: aws_lc_rs::error::Unspecified) -> ErrorKind {
    ErrorKind::Internal
}
