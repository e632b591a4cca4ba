//! Wrapped keys, as a header holds them.

use core::fmt;

use alloc::{format, string::String};

use crate::{
    crypto::secret::DataKey,
    error::{Error, ErrorKind},
    recipient::rsa_oaep::{self, WrapAlgorithm},
};

/// A data key as one recipient can unwrap it.
///
/// Untrusted until the data key has verified the header: choose among keys that you allow, by
/// [fingerprint](Self::fingerprint), and take the [key id](Self::key_id) as a hint only.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct WrappedKey<'a> {
    kind: u8,
    fingerprint: &'a [u8; 32],
    key_id: &'a str,
    ciphertext: &'a [u8],
}

impl<'a> WrappedKey<'a> {
    /// A wrapped key from its parts, if they came in another way than in a [`Header`]: through a
    /// queue to the process that unwraps, for example.
    ///
    /// [`Header`]: crate::Header
    #[must_use]
    pub const fn new(
        kind: u8,
        fingerprint: &'a [u8; 32],
        key_id: &'a str,
        ciphertext: &'a [u8],
    ) -> Self {
        Self {
            kind,
            fingerprint,
            key_id,
            ciphertext,
        }
    }

    /// How the data key is wrapped; `None` for a kind that this version does not know.
    #[must_use]
    pub const fn algorithm(&self) -> Option<WrapAlgorithm> {
        WrapAlgorithm::from_kind(self.kind)
    }

    /// The number in the header that [`algorithm`](Self::algorithm) stands for.
    #[must_use]
    pub const fn kind(&self) -> u8 {
        self.kind
    }

    /// SHA-256 of the recipient's DER `SubjectPublicKeyInfo`: which key it is.
    #[must_use]
    pub const fn fingerprint(&self) -> &'a [u8; 32] {
        self.fingerprint
    }

    /// What the sealer calls the key; may be empty.
    #[must_use]
    pub const fn key_id(&self) -> &'a str {
        self.key_id
    }

    /// The wrapped data key, for KMS `Decrypt` as `CiphertextBlob`.
    #[must_use]
    pub const fn ciphertext(&self) -> &'a [u8] {
        self.ciphertext
    }

    /// The second step of unwrapping: makes the data key of what the KMS or HSM returned for the
    /// [ciphertext](Self::ciphertext).
    ///
    /// For RSA that is the data key itself. Other kinds, such as ML-KEM, will have more to do here,
    /// so an unwrapper that goes through this function need not change for them.
    ///
    /// # Errors
    /// [`DataKeyLength`](ErrorKind::DataKeyLength) unless `unwrapped` is 32 bytes long,
    /// [`UnsupportedAlgorithm`](ErrorKind::UnsupportedAlgorithm) for a kind that this version does
    /// not know.
    pub fn data_key(&self, unwrapped: &[u8]) -> Result<DataKey, Error> {
        match self.algorithm() {
            Some(WrapAlgorithm::RsaesOaepSha256 | WrapAlgorithm::RsaesOaepSha1) => {
                DataKey::try_from(unwrapped)
            }
            None => Err(ErrorKind::UnsupportedAlgorithm.into()),
        }
    }

    /// Whether the ciphertext can be that long.
    pub(crate) const fn is_well_formed(&self) -> bool {
        match self.algorithm() {
            Some(_) => rsa_oaep::is_wrapped_len(self.ciphertext.len()),
            None => !self.ciphertext.is_empty(),
        }
    }
}

impl fmt::Debug for WrappedKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WrappedKey")
            .field("kind", &self.kind)
            .field("fingerprint", &hex(self.fingerprint))
            .field("key_id", &self.key_id)
            .field("ciphertext_len", &self.ciphertext.len())
            .finish()
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
