//! The kind of recipient with an RSA key.

use crate::{
    crypto::{self, OaepHash, random::Random, secret::DataKey},
    error::{Error, ErrorKind},
    recipient::public_key::PublicKey,
};

/// How a data key is wrapped for an RSA key: RSAES-OAEP (RFC 8017 section 7.1) with an empty label
/// and one hash for both the label and MGF1.
///
/// The [names](Self::name) are those of the KMS `EncryptionAlgorithm`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WrapAlgorithm {
    /// `RSAES_OAEP_SHA_256`, the one to use.
    #[default]
    RsaesOaepSha256,
    /// `RSAES_OAEP_SHA_1`, only for a KMS or HSM that can do no other. To wrap with it takes the
    /// feature `oaep-sha1`; to read about it does not.
    RsaesOaepSha1,
}

impl WrapAlgorithm {
    /// Every algorithm.
    pub const ALL: &[Self] = &[Self::RsaesOaepSha256, Self::RsaesOaepSha1];

    /// What KMS calls it: `RSAES_OAEP_SHA_256` or `RSAES_OAEP_SHA_1`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RsaesOaepSha256 => "RSAES_OAEP_SHA_256",
            Self::RsaesOaepSha1 => "RSAES_OAEP_SHA_1",
        }
    }

    /// The algorithm that KMS calls `name`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|algorithm| algorithm.name() == name)
    }

    /// The `kind` byte of a recipient in the header.
    #[must_use]
    pub const fn kind(self) -> u8 {
        match self {
            Self::RsaesOaepSha256 => 1,
            Self::RsaesOaepSha1 => 2,
        }
    }

    /// The algorithm of a `kind` byte; `None` for the reserved kinds.
    #[must_use]
    pub const fn from_kind(kind: u8) -> Option<Self> {
        match kind {
            1 => Some(Self::RsaesOaepSha256),
            2 => Some(Self::RsaesOaepSha1),
            _ => None,
        }
    }

    const fn hash(self) -> Result<OaepHash, ErrorKind> {
        match self {
            Self::RsaesOaepSha256 => Ok(OaepHash::Sha256),
            #[cfg(feature = "oaep-sha1")]
            Self::RsaesOaepSha1 => Ok(OaepHash::Sha1),
            #[cfg(not(feature = "oaep-sha1"))]
            Self::RsaesOaepSha1 => Err(ErrorKind::UnsupportedAlgorithm),
        }
    }
}

/// `out` is as long as the modulus.
pub(crate) fn wrap(
    key: &PublicKey,
    algorithm: WrapAlgorithm,
    data_key: &[u8; DataKey::LEN],
    random: &mut Random<'_>,
    out: &mut [u8],
) -> Result<(), Error> {
    let (hash, message) = (algorithm.hash()?, data_key);
    crypto::oaep_encrypt(key.modulus(), key.exponent(), hash, message, random, out)
}

/// Whether a wrapped key can be this long: as long as a modulus.
#[cfg(feature = "alloc")]
pub(crate) const fn is_wrapped_len(len: usize) -> bool {
    matches!(len, 256 | 384 | 512)
}
