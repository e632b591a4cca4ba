//! Recipients: who can unseal a message.
//!
//! A recipient is a key of some kind. A kind says how a data key is wrapped for such a key, how long
//! the wrapped key is, and how what a KMS returns for it becomes the data key again. RSA with OAEP is
//! the one kind that exists; another one is a file beside `rsa_oaep` and an arm in each `match` of
//! this folder.

#[cfg(feature = "x509")]
mod certificate;
pub(crate) mod der;
pub(crate) mod der_kind;
#[cfg(feature = "alloc")]
pub(crate) mod key_text;
#[cfg(feature = "alloc")]
mod kms_answer;
#[cfg(feature = "alloc")]
pub(crate) mod pem;
pub(crate) mod public_key;
pub(crate) mod rsa_oaep;
#[cfg(feature = "alloc")]
pub(crate) mod wrapped_key;

use crate::{
    crypto::{random::Random, secret::DataKey},
    error::Error,
    recipient::{public_key::PublicKey, rsa_oaep::WrapAlgorithm},
};

/// Most bytes of a key id.
pub const MAX_KEY_ID_LEN: usize = 2048;
/// Most recipients of a message.
pub const MAX_RECIPIENTS: usize = 16;

/// A public key to seal for, with what the header says about it.
#[derive(Clone, Copy, Debug)]
pub struct Recipient<'a> {
    kind: Kind<'a>,
    key_id: &'a str,
}

#[derive(Clone, Copy, Debug)]
enum Kind<'a> {
    RsaOaep(&'a PublicKey, WrapAlgorithm),
}

impl<'a> Recipient<'a> {
    /// Seals for `key`, with an empty key id and `RSAES_OAEP_SHA_256`.
    #[must_use]
    pub const fn new(key: &'a PublicKey) -> Self {
        Self {
            kind: Kind::RsaOaep(key, WrapAlgorithm::RsaesOaepSha256),
            key_id: "",
        }
    }

    /// Adds a hint for the backend, such as the alias or ARN of the KMS key: at most
    /// [`MAX_KEY_ID_LEN`] bytes. Anyone can read it.
    #[must_use]
    pub const fn with_key_id(self, key_id: &'a str) -> Self {
        Self { key_id, ..self }
    }

    /// Wraps the data key with another algorithm.
    #[must_use]
    pub const fn with_algorithm(self, algorithm: WrapAlgorithm) -> Self {
        let Kind::RsaOaep(key, _) = self.kind;
        let kind = Kind::RsaOaep(key, algorithm);
        Self { kind, ..self }
    }

    pub(crate) const fn key_id(&self) -> &'a str {
        self.key_id
    }

    /// The kind byte in the header.
    pub(crate) const fn kind(&self) -> u8 {
        match self.kind {
            Kind::RsaOaep(_, algorithm) => algorithm.kind(),
        }
    }

    pub(crate) const fn fingerprint(&self) -> &'a [u8; 32] {
        match self.kind {
            Kind::RsaOaep(key, _) => key.fingerprint(),
        }
    }

    /// Bytes in the wrapped key.
    pub(crate) const fn wrapped_len(&self) -> usize {
        match self.kind {
            Kind::RsaOaep(key, _) => key.modulus_len(),
        }
    }

    /// Wraps the data key into `out`, of [`wrapped_len`](Self::wrapped_len) bytes.
    pub(crate) fn wrap(
        &self,
        data_key: &[u8; DataKey::LEN],
        random: &mut Random<'_>,
        out: &mut [u8],
    ) -> Result<(), Error> {
        match self.kind {
            Kind::RsaOaep(key, algorithm) => rsa_oaep::wrap(key, algorithm, data_key, random, out),
        }
    }
}

impl<'a> From<&'a PublicKey> for Recipient<'a> {
    fn from(key: &'a PublicKey) -> Self {
        Self::new(key)
    }
}
