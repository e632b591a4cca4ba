//! RSA public keys: parsing, checking, fingerprint.

use core::fmt;

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

#[cfg(feature = "alloc")]
use crate::recipient::der;
use crate::{
    crypto,
    error::{Error, ErrorKind},
    recipient::der::{BIT_STRING, INTEGER, OCTET_STRING, Reader, SEQUENCE},
};

/// The object identifier `rsaEncryption`, 1.2.840.113549.1.1.1 (RFC 8017 appendix C), in DER.
const RSA_ENCRYPTION: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
/// What follows it: no parameters.
const NULL: &[u8] = b"\x05\x00";

/// Bytes in the modulus of the largest key, RSA-4096.
pub(crate) const MAX_MODULUS_LEN: usize = 512;

/// An RSA public key of 2048, 3072 or 4096 bits.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    modulus: [u8; MAX_MODULUS_LEN],
    modulus_len: usize,
    exponent: u32,
    fingerprint: [u8; 32],
}

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo` (RFC 5280 section 4.1) in DER, as KMS `GetPublicKey` returns
    /// it, or in PEM (`-----BEGIN PUBLIC KEY-----`; needs the feature `alloc`).
    ///
    /// The error says what it is instead if it is something that people mistake for a public key: a
    /// private key, a certificate, a bare PKCS#1 key, a key that is not RSA or not of a size that KMS
    /// knows.
    ///
    /// # Errors
    /// [`NotAPublicKey`](ErrorKind::NotAPublicKey), or what it is instead:
    /// [`PrivateKeyGiven`](ErrorKind::PrivateKeyGiven),
    /// [`CertificateGiven`](ErrorKind::CertificateGiven),
    /// [`Pkcs1PublicKeyGiven`](ErrorKind::Pkcs1PublicKeyGiven), [`NotRsa`](ErrorKind::NotRsa),
    /// [`KeyTooSmall`](ErrorKind::KeyTooSmall), [`KeyTooLarge`](ErrorKind::KeyTooLarge),
    /// [`UnsupportedKeySize`](ErrorKind::UnsupportedKeySize),
    /// [`InvalidRsaKey`](ErrorKind::InvalidRsaKey).
    pub fn new(der_or_pem: &[u8]) -> Result<Self, Error> {
        #[cfg(feature = "alloc")]
        if let Some(pem) = find_pem(der_or_pem) {
            return Self::from_pem(pem);
        }
        Self::from_der(der_or_pem)
    }

    #[cfg(feature = "alloc")]
    fn from_pem(pem: &[u8]) -> Result<Self, Error> {
        let label = pem_rfc7468::decode_label(pem).map_err(|_| ErrorKind::NotAPublicKey)?;
        match label {
            "PUBLIC KEY" => {
                let (_, der) =
                    pem_rfc7468::decode_vec(pem).map_err(|_| ErrorKind::NotAPublicKey)?;
                Self::from_der(&der)
            }
            "RSA PUBLIC KEY" => Err(ErrorKind::Pkcs1PublicKeyGiven.into()),
            label if label.ends_with("PRIVATE KEY") => Err(ErrorKind::PrivateKeyGiven.into()),
            label if label.ends_with("CERTIFICATE") => Err(ErrorKind::CertificateGiven.into()),
            _ => Err(ErrorKind::NotAPublicKey.into()),
        }
    }

    fn from_der(der: &[u8]) -> Result<Self, Error> {
        let (algorithm, key) = public_key_info(der).ok_or_else(|| mistaken_der(der))?;
        let parameters = algorithm.strip_prefix(RSA_ENCRYPTION);
        // Only the canonical form passes, so the fingerprint is that of the input.
        if parameters.ok_or(ErrorKind::NotRsa)? != NULL {
            return Err(ErrorKind::InvalidRsaKey.into());
        }
        let (modulus, exponent) = rsa_public_key(key).ok_or(ErrorKind::InvalidRsaKey)?;
        Self::from_components(modulus, exponent, crypto::sha256(&[der]))
    }

    /// `modulus` and `exponent` are big-endian without leading zeros.
    fn from_components(
        modulus: &[u8],
        exponent: &[u8],
        fingerprint: [u8; 32],
    ) -> Result<Self, Error> {
        let top_bits = modulus
            .first()
            .map_or(0, |top| top.leading_zeros() as usize);
        match modulus.len() * 8 - top_bits {
            2048 | 3072 | 4096 => {}
            ..2048 => return Err(ErrorKind::KeyTooSmall.into()),
            4097.. => return Err(ErrorKind::KeyTooLarge.into()),
            _ => return Err(ErrorKind::UnsupportedKeySize.into()),
        }
        let exponent = exponent_value(exponent).ok_or(ErrorKind::InvalidRsaKey)?;
        let is_odd = |byte: Option<&u8>| byte.is_some_and(|byte| byte & 1 == 1);
        if exponent < 3 || exponent & 1 == 0 || !is_odd(modulus.last()) {
            return Err(ErrorKind::InvalidRsaKey.into());
        }
        let mut key = Self {
            modulus: [0; MAX_MODULUS_LEN],
            modulus_len: modulus.len(),
            exponent,
            fingerprint,
        };
        let room = key.modulus.get_mut(..modulus.len());
        room.ok_or(ErrorKind::KeyTooLarge)?.copy_from_slice(modulus);
        Ok(key)
    }

    /// Size of the modulus in bits: 2048, 3072 or 4096.
    #[must_use]
    pub const fn bits(&self) -> usize {
        self.modulus_len * 8
    }

    /// SHA-256 of the key's DER `SubjectPublicKeyInfo`: how a message names its recipients.
    ///
    /// The same as `openssl pkey -pubin -outform DER | sha256sum`.
    #[must_use]
    pub const fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }

    /// The key as a `SubjectPublicKeyInfo` in DER: what [`new`](Self::new) reads, and what the
    /// [fingerprint](Self::fingerprint) is the hash of.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        let modulus = der::integer(self.modulus());
        let exponent = der::integer(&self.exponent.to_be_bytes());
        let key = der::element(SEQUENCE, &[&modulus, &exponent]);
        let algorithm = der::element(SEQUENCE, &[RSA_ENCRYPTION, NULL]);
        let no_unused_bits = [0];
        let key = der::element(BIT_STRING, &[&no_unused_bits, &key]);
        der::element(SEQUENCE, &[&algorithm, &key])
    }

    /// Bytes in the modulus, and so in a data key wrapped with it.
    pub(crate) const fn modulus_len(&self) -> usize {
        self.modulus_len
    }

    /// Big-endian. (The length is never too large; if it were, RSA would refuse the whole array.)
    pub(crate) fn modulus(&self) -> &[u8] {
        self.modulus
            .get(..self.modulus_len)
            .unwrap_or(&self.modulus)
    }

    pub(crate) const fn exponent(&self) -> u32 {
        self.exponent
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey(RSA_{}, ", self.bits())?;
        for byte in self.fingerprint {
            write!(f, "{byte:02x}")?;
        }
        f.write_str(")")
    }
}

/// The PEM text in `bytes`, without what tools write around it.
#[cfg(feature = "alloc")]
pub(crate) fn find_pem(bytes: &[u8]) -> Option<&[u8]> {
    const BEGIN: &[u8] = b"-----BEGIN ";
    let start = bytes
        .windows(BEGIN.len())
        .position(|window| window == BEGIN)?;
    Some(bytes.get(start..)?.trim_ascii_end())
}

fn exponent_value(exponent: &[u8]) -> Option<u32> {
    let mut value = [0; 4];
    let start = value.len().checked_sub(exponent.len())?;
    value.get_mut(start..)?.copy_from_slice(exponent);
    Some(u32::from_be_bytes(value))
}

/// Algorithm and key of a `SubjectPublicKeyInfo`.
fn public_key_info(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut info = Reader::only(der, SEQUENCE)?;
    let algorithm = info.element(SEQUENCE)?;
    let (no_unused_bits, key) = info.element(BIT_STRING)?.split_first()?;
    (*no_unused_bits == 0 && info.is_at_end()).then_some((algorithm, key))
}

/// Modulus and exponent of an `RSAPublicKey` (RFC 8017 appendix A.1.1).
fn rsa_public_key(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut key = Reader::only(der, SEQUENCE)?;
    let components = (key.positive_integer()?, key.positive_integer()?);
    key.is_at_end().then_some(components)
}

/// What people give instead of a public key, told by the tags of the outer sequence's elements.
fn mistaken_der(der: &[u8]) -> ErrorKind {
    let Some(tags) = outer_tags(der) else {
        return ErrorKind::NotAPublicKey;
    };
    match tags {
        // PrivateKeyInfo, RSAPrivateKey, ECPrivateKey; EncryptedPrivateKeyInfo.
        [Some(INTEGER), Some(SEQUENCE | OCTET_STRING), _]
        | [Some(INTEGER), Some(INTEGER), Some(INTEGER)]
        | [Some(SEQUENCE), Some(OCTET_STRING), None] => ErrorKind::PrivateKeyGiven,
        [Some(INTEGER), Some(INTEGER), None] => ErrorKind::Pkcs1PublicKeyGiven,
        [Some(SEQUENCE), Some(SEQUENCE), Some(BIT_STRING)] => ErrorKind::CertificateGiven,
        _ => ErrorKind::NotAPublicKey,
    }
}

/// The tags of the first three elements of a sequence.
fn outer_tags(der: &[u8]) -> Option<[Option<u8>; 3]> {
    let mut outer = Reader::only(der, SEQUENCE)?;
    let mut tags = [None; 3];
    for tag in &mut tags {
        if !outer.is_at_end() {
            *tag = Some(outer.any()?.0);
        }
    }
    Some(tags)
}
