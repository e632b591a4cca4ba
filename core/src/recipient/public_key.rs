//! RSA public keys: parsing, checking, fingerprint.

use core::fmt;
#[cfg(feature = "alloc")]
use core::time::Duration;

#[cfg(feature = "alloc")]
use alloc::{format, vec::Vec};

#[cfg(feature = "x509")]
use crate::recipient::certificate;
#[cfg(feature = "alloc")]
use crate::recipient::{key_text, kms_answer, wrapped_key::hex};
use crate::{
    crypto,
    error::{Error, ErrorKind},
    recipient::{
        der::{self, BIT_STRING, Reader, SEQUENCE},
        der_kind::DerKind,
    },
};

/// What the object identifiers of RSA keys begin with in DER: that of `pkcs-1`, 1.2.840.113549.1.1
/// (RFC 8017 appendix C). One byte follows.
const PKCS_1: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01";
/// That of `rsaEncryption`.
const RSA_ENCRYPTION: u8 = 1;
/// That of `id-RSASSA-PSS`: the same keys, for signatures only.
const RSASSA_PSS: u8 = 10;
/// The parameters of `rsaEncryption`. Some tools leave them out.
const NULL: &[u8] = b"\x05\x00";
/// The `AlgorithmIdentifier` of all keys here.
const ALGORITHM: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";

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
    /// Reads a `SubjectPublicKeyInfo` (RFC 5280 section 4.1) in DER, as KMS `GetPublicKey` returns it.
    ///
    /// With the feature `alloc` it also reads PEM (`-----BEGIN PUBLIC KEY-----`) and what
    /// `aws kms get-public-key` prints: JSON, or the DER in base64. Text may surround the PEM, and
    /// base64 may be broken into lines of any length.
    ///
    /// Otherwise the error says what it is instead, if it is something that people mistake for a
    /// public key, and how to get the key out of it.
    ///
    /// # Errors
    /// [`NotAPublicKey`](ErrorKind::NotAPublicKey), or what it is instead:
    /// [`PrivateKeyGiven`](ErrorKind::PrivateKeyGiven),
    /// [`CertificateGiven`](ErrorKind::CertificateGiven),
    /// [`Pkcs1PublicKeyGiven`](ErrorKind::Pkcs1PublicKeyGiven), [`NotRsa`](ErrorKind::NotRsa),
    /// [`KeyTooSmall`](ErrorKind::KeyTooSmall), [`KeyTooLarge`](ErrorKind::KeyTooLarge),
    /// [`UnsupportedKeySize`](ErrorKind::UnsupportedKeySize),
    /// [`InvalidRsaKey`](ErrorKind::InvalidRsaKey), [`WrongKeyUsage`](ErrorKind::WrongKeyUsage);
    /// [`FingerprintMismatch`](ErrorKind::FingerprintMismatch) if the key is in JSON that says another
    /// fingerprint.
    pub fn new(encoded: &[u8]) -> Result<Self, Error> {
        match der::sequence(encoded) {
            Some(der) => Self::from_der(der),
            #[cfg(feature = "alloc")]
            None => key_text::public_key(encoded),
            #[cfg(not(feature = "alloc"))]
            None => Err(ErrorKind::NotAPublicKey.into()),
        }
    }

    /// Reads a public key in any form that [`new`](Self::new) reads, and refuses it unless it has this
    /// [fingerprint](Self::fingerprint).
    ///
    /// For a key that comes from a place that others can write to, such as a file, a partition or a
    /// server: whoever replaces the key could read all that is sealed for it. Get the fingerprint over
    /// another way, and keep it in the program.
    ///
    /// # Errors
    /// [`FingerprintMismatch`](ErrorKind::FingerprintMismatch); those of [`new`](Self::new).
    pub fn pinned(encoded: &[u8], fingerprint: &[u8; 32]) -> Result<Self, Error> {
        // One place for the key, which is large: small stacks have no room to move it.
        let mut key = Self::new(encoded);
        if let Ok(found) = &key
            && found.fingerprint != *fingerprint
        {
            key = Err(found.mismatch(fingerprint));
        }
        key
    }

    /// Reads a key bundle: the JSON of `aws kms get-public-key` with more members, of which each may be
    /// missing. `at` is the time now, in seconds since 1970.
    ///
    /// | member | refused unless |
    /// |---|---|
    /// | `PublicKey` | it is the DER of the key in base64; never missing |
    /// | `KeySpec`, `KeyUsage` | it is that of the key; `ENCRYPT_DECRYPT` |
    /// | `Fingerprint` | it is that of the key, in hexadecimal digits |
    /// | `Created` | it is earlier than `at`; a day of difference between clocks is allowed |
    /// | `NotAfter` | it is not earlier than `at` |
    ///
    /// Times are in UTC, as in `2027-11-27T00:00:00Z`. [`new`](Self::new) reads a bundle too, if it has no
    /// `NotAfter`. Nothing here says who made the bundle: [`pinned`](Self::pinned) keys and certificates do.
    ///
    /// # Errors
    /// [`KeyNotValidNow`](ErrorKind::KeyNotValidNow);
    /// [`FingerprintMismatch`](ErrorKind::FingerprintMismatch);
    /// [`NotAPublicKey`](ErrorKind::NotAPublicKey) also if a member is malformed or says another
    /// `KeySpec`; those of [`new`](Self::new).
    #[cfg(feature = "alloc")]
    pub fn from_bundle(json: &[u8], at: u64) -> Result<Self, Error> {
        kms_answer::from_bundle(json, Duration::from_secs(at))
    }

    /// The error for a key that has another fingerprint than the `expected` one.
    #[cfg(feature = "alloc")]
    pub(crate) fn mismatch(&self, expected: &[u8; 32]) -> Error {
        let (found, expected) = (hex(&self.fingerprint), hex(expected));
        let reason =
            format!("the public key has the fingerprint {found}, not the expected {expected}");
        Error::with_reason(ErrorKind::FingerprintMismatch, reason)
    }

    #[cfg(not(feature = "alloc"))]
    fn mismatch(&self, _: &[u8; 32]) -> Error {
        ErrorKind::FingerprintMismatch.into()
    }

    /// Reads the key in an X.509 certificate (RFC 5280) in PEM or DER: a message is then sealed for whom the
    /// certificate authority says. `at` is the time now, in seconds since 1970.
    ///
    /// In PEM, the first certificate is that of the key, and those after it are intermediates. Refused are
    /// a certificate that is not valid at this time, and one whose `KeyUsage` lacks `keyEncipherment`. With
    /// `roots`, one or more certificates in PEM or one in DER, it must be one of them or lead to one of
    /// them. They are trusted as they are, past their dates too. Without `roots` **anyone can have made the
    /// certificate**: then get it from a place you trust, or compare the
    /// [fingerprint](Self::fingerprint) of the key.
    ///
    /// It is not asked whether a certificate was revoked, and names in it are not compared with anything.
    /// The chain is verified by `rustls-webpki`, with AWS-LC.
    ///
    /// # Errors
    /// [`NotAPublicKey`](ErrorKind::NotAPublicKey) if this is no certificate, or
    /// [`PrivateKeyGiven`](ErrorKind::PrivateKeyGiven);
    /// [`KeyNotValidNow`](ErrorKind::KeyNotValidNow);
    /// [`WrongKeyUsage`](ErrorKind::WrongKeyUsage);
    /// [`CertificateNotTrusted`](ErrorKind::CertificateNotTrusted), also if there is no certificate in
    /// `roots`; what is wrong with the key, as of [`new`](Self::new).
    #[cfg(feature = "x509")]
    pub fn from_certificate(encoded: &[u8], roots: Option<&[u8]>, at: u64) -> Result<Self, Error> {
        certificate::public_key(encoded, roots, Duration::from_secs(at))
    }

    pub(crate) fn from_der(der: &[u8]) -> Result<Self, Error> {
        let info = PublicKeyInfo::read(der).ok_or_else(|| mistaken(der))?;
        if !matches!(rsa_parameters(info.algorithm)?, b"" | NULL) {
            return Err(ErrorKind::InvalidRsaKey.into());
        }
        let (modulus, exponent) = rsa_public_key(info.key).ok_or(ErrorKind::InvalidRsaKey)?;
        Self::from_components(modulus, exponent, info.fingerprint())
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
        check_bits(modulus.len() * 8 - top_bits)?;
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

    /// SHA-256 of the key's DER `SubjectPublicKeyInfo`: how a message names its recipients. It does not
    /// depend on the form in which the key came.
    ///
    /// The same as `openssl pkey -pubin -outform DER | sha256sum`.
    #[must_use]
    pub const fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }

    /// The key as a `SubjectPublicKeyInfo` in DER: what [`new`](Self::new) reads best, and what the
    /// [fingerprint](Self::fingerprint) is the hash of, in whatever form the key came.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        let modulus = der::integer(self.modulus());
        let exponent = der::integer(&self.exponent.to_be_bytes());
        let key = der::element(SEQUENCE, &[&modulus, &exponent]);
        let no_unused_bits = [0];
        let key = der::element(BIT_STRING, &[&no_unused_bits, &key]);
        der::element(SEQUENCE, &[ALGORITHM, &key])
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

/// Whether a KMS holds RSA keys of this size.
pub(crate) const fn check_bits(bits: usize) -> Result<(), ErrorKind> {
    match bits {
        2048 | 3072 | 4096 => Ok(()),
        ..2048 => Err(ErrorKind::KeyTooSmall),
        4097.. => Err(ErrorKind::KeyTooLarge),
        _ => Err(ErrorKind::UnsupportedKeySize),
    }
}

fn exponent_value(exponent: &[u8]) -> Option<u32> {
    let mut value = [0; 4];
    let start = value.len().checked_sub(exponent.len())?;
    value.get_mut(start..)?.copy_from_slice(exponent);
    Some(u32::from_be_bytes(value))
}

/// The parameters in the `AlgorithmIdentifier` of an RSA key for encryption.
pub(crate) fn rsa_parameters(algorithm: &[u8]) -> Result<&[u8], ErrorKind> {
    match algorithm.strip_prefix(PKCS_1) {
        Some([RSA_ENCRYPTION, parameters @ ..]) => Ok(parameters),
        Some([RSASSA_PSS, ..]) => Err(ErrorKind::WrongKeyUsage),
        _ => Err(ErrorKind::NotRsa),
    }
}

/// A `SubjectPublicKeyInfo`.
struct PublicKeyInfo<'a> {
    algorithm: &'a [u8],
    /// The whole element that holds the key.
    bit_string: &'a [u8],
    key: &'a [u8],
}

impl<'a> PublicKeyInfo<'a> {
    fn read(der: &'a [u8]) -> Option<Self> {
        let mut info = Reader::only(der, SEQUENCE)?;
        let algorithm = info.element(SEQUENCE)?;
        let bit_string = info.rest();
        let (no_unused_bits, key) = info.element(BIT_STRING)?.split_first()?;
        let is_whole = *no_unused_bits == 0 && info.rest().is_empty();
        is_whole.then_some(Self {
            algorithm,
            bit_string,
            key,
        })
    }

    /// Of the canonical form, which has the NULL. Only keys of 2048 bits or more have fingerprints, and
    /// their lengths take two bytes.
    fn fingerprint(&self) -> [u8; 32] {
        let [.., high, low] = (ALGORITHM.len() + self.bit_string.len()).to_be_bytes();
        let start = [SEQUENCE, 0x82, high, low];
        crypto::sha256(&[&start, ALGORITHM, self.bit_string])
    }
}

/// Modulus and exponent of an `RSAPublicKey` (RFC 8017 appendix A.1.1).
fn rsa_public_key(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut key = Reader::only(der, SEQUENCE)?;
    let components = (key.positive_integer()?, key.positive_integer()?);
    key.rest().is_empty().then_some(components)
}

/// What people give instead of a public key.
fn mistaken(der: &[u8]) -> Error {
    match DerKind::of(der) {
        Some(DerKind::Pkcs1PublicKey) => ErrorKind::Pkcs1PublicKeyGiven.into(),
        Some(DerKind::Certificate) => certificate_given(),
        Some(DerKind::Request) => Error::with_reason(ErrorKind::NotAPublicKey, REQUEST_GIVEN),
        Some(DerKind::Pkcs12) => Error::with_reason(ErrorKind::PrivateKeyGiven, PKCS12_GIVEN),
        Some(
            DerKind::Pkcs8
            | DerKind::Pkcs1PrivateKey
            | DerKind::EcPrivateKey
            | DerKind::EncryptedPrivateKey,
        ) => ErrorKind::PrivateKeyGiven.into(),
        Some(DerKind::PublicKey) | None => ErrorKind::NotAPublicKey.into(),
    }
}

#[cfg(feature = "x509")]
pub(crate) fn certificate_given() -> Error {
    let reason = "this is a certificate; read it with `from_certificate`, or extract its public key with `openssl x509 -pubkey -noout`";
    Error::with_reason(ErrorKind::CertificateGiven, reason)
}

#[cfg(not(feature = "x509"))]
pub(crate) fn certificate_given() -> Error {
    ErrorKind::CertificateGiven.into()
}

pub(crate) const REQUEST_GIVEN: &str =
    "this is a certificate request; extract its public key with `openssl req -pubkey -noout`";
const PKCS12_GIVEN: &str = "this is a PKCS#12 file, which holds a private key; it does not belong on a sealing device: extract the public key with `openssl pkcs12 -nokeys | openssl x509 -pubkey -noout`";
