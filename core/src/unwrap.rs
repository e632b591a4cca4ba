//! What the holder of a private key is asked, and how it answers.

use core::fmt;

use alloc::string::String;

use crate::{BoxError, DataKey, WrapAlgorithm};

/// A data key as one recipient can unwrap it.
///
/// Untrusted until the data key has verified the header: choose among keys that you allow, by
/// [fingerprint](Self::fingerprint), and take the [key id](Self::key_id) as a hint only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct WrappedKey<'a> {
    pub(crate) kind: u8,
    pub(crate) fingerprint: &'a [u8; 32],
    pub(crate) key_id: &'a str,
    pub(crate) ciphertext: &'a [u8],
}

impl<'a> WrappedKey<'a> {
    /// A wrapped key from its parts, where they came some other way than in a [`Header`]: through a
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

    /// What the sealer says that the key is called; may be empty.
    #[must_use]
    pub const fn key_id(&self) -> &'a str {
        self.key_id
    }

    /// The wrapped data key, for KMS `Decrypt` as `CiphertextBlob`.
    #[must_use]
    pub const fn ciphertext(&self) -> &'a [u8] {
        self.ciphertext
    }
}

impl fmt::Debug for WrappedKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex =
            |bytes: &[u8]| -> String { bytes.iter().map(|b| alloc::format!("{b:02x}")).collect() };
        f.debug_struct("WrappedKey")
            .field("kind", &self.kind)
            .field("fingerprint", &hex(self.fingerprint))
            .field("key_id", &self.key_id)
            .field("ciphertext_len", &self.ciphertext.len())
            .finish()
    }
}

/// Whoever can unwrap data keys: a KMS client, an HSM session, a private key.
///
/// Implemented for closures.
pub trait KeyUnwrap {
    /// Unwraps `key`, or returns `None` if it is wrapped for a key that this unwrapper does not
    /// hold, without asking the KMS.
    ///
    /// # Errors
    /// Whatever kept the unwrapper from unwrapping a key that it does hold. The next recipient is
    /// tried; if none opens, the first such error becomes the source of
    /// [`UnwrapFailed`](crate::ErrorKind::UnwrapFailed).
    fn unwrap_key(&self, key: &WrappedKey<'_>) -> Result<Option<DataKey>, BoxError>;
}

impl<F> KeyUnwrap for F
where
    F: Fn(&WrappedKey<'_>) -> Result<Option<DataKey>, BoxError>,
{
    fn unwrap_key(&self, key: &WrappedKey<'_>) -> Result<Option<DataKey>, BoxError> {
        self(key)
    }
}
