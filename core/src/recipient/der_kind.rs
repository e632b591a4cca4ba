//! What a file in DER is, told by the tags of its first elements.

use crate::recipient::der::{BIT_STRING, INTEGER, OCTET_STRING, Reader, SEQUENCE};

const ATTRIBUTES: u8 = 0xa0;

/// What people keep in DER, as far as it can be mistaken for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DerKind {
    /// `SubjectPublicKeyInfo` (RFC 5280 section 4.1).
    PublicKey,
    /// `RSAPublicKey` (RFC 8017 appendix A.1.1).
    Pkcs1PublicKey,
    /// `PrivateKeyInfo` (RFC 5208 section 5).
    Pkcs8,
    /// `RSAPrivateKey` (RFC 8017 appendix A.1.2).
    Pkcs1PrivateKey,
    /// `ECPrivateKey` (RFC 5915).
    EcPrivateKey,
    /// `EncryptedPrivateKeyInfo` (RFC 5208 section 6).
    EncryptedPrivateKey,
    /// `PFX` (RFC 7292).
    Pkcs12,
    /// `Certificate` (RFC 5280 section 4.1).
    Certificate,
    /// `CertificationRequest` (RFC 2986).
    Request,
}

impl DerKind {
    pub(crate) fn of(der: &[u8]) -> Option<Self> {
        let tags = tags(Reader::only(der, SEQUENCE)?)?;
        Some(match tags {
            [Some(SEQUENCE), Some(BIT_STRING), None] => Self::PublicKey,
            [Some(INTEGER), Some(INTEGER), None] => Self::Pkcs1PublicKey,
            [Some(INTEGER), Some(SEQUENCE), Some(OCTET_STRING)] => Self::Pkcs8,
            [Some(INTEGER), Some(INTEGER), Some(INTEGER)] => Self::Pkcs1PrivateKey,
            [Some(INTEGER), Some(OCTET_STRING), _] => Self::EcPrivateKey,
            [Some(SEQUENCE), Some(OCTET_STRING), None] => Self::EncryptedPrivateKey,
            [Some(INTEGER), Some(SEQUENCE), None | Some(SEQUENCE)] => Self::Pkcs12,
            [Some(SEQUENCE), Some(SEQUENCE), Some(BIT_STRING)] if is_request(der) => Self::Request,
            [Some(SEQUENCE), Some(SEQUENCE), Some(BIT_STRING)] => Self::Certificate,
            _ => return None,
        })
    }
}

/// A certificate has a fourth element of another tag in its place.
fn is_request(signed: &[u8]) -> bool {
    let info = Reader::only(signed, SEQUENCE).and_then(|mut signed| signed.contents(SEQUENCE));
    let request = [INTEGER, SEQUENCE, SEQUENCE, ATTRIBUTES].map(Some);
    info.and_then(tags) == Some(request)
}

/// The tags of the first `N` elements.
fn tags<const N: usize>(mut reader: Reader<'_>) -> Option<[Option<u8>; N]> {
    let mut tags = [None; N];
    for tag in &mut tags {
        if !reader.rest().is_empty() {
            *tag = Some(reader.any()?.0);
        }
    }
    Some(tags)
}
