//! What a file in DER is, told by the tags of its first elements.

use crate::recipient::der::{BIT_STRING, INTEGER, OCTET_STRING, Reader, SEQUENCE};

const ATTRIBUTES: u8 = 0xa0;
/// In the place of a tag: there is no element.
const NONE: u8 = 0;

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
        let file = Reader::only(der, SEQUENCE)?;
        Some(match tags(file)? {
            [SEQUENCE, BIT_STRING, NONE, _] => Self::PublicKey,
            [INTEGER, INTEGER, NONE, _] => Self::Pkcs1PublicKey,
            [INTEGER, SEQUENCE, OCTET_STRING, _] => Self::Pkcs8,
            [INTEGER, INTEGER, INTEGER, _] => Self::Pkcs1PrivateKey,
            [INTEGER, OCTET_STRING, ..] => Self::EcPrivateKey,
            [SEQUENCE, OCTET_STRING, NONE, _] => Self::EncryptedPrivateKey,
            [INTEGER, SEQUENCE, NONE | SEQUENCE, _] => Self::Pkcs12,
            [SEQUENCE, SEQUENCE, BIT_STRING, _] if is_request(file) => Self::Request,
            [SEQUENCE, SEQUENCE, BIT_STRING, _] => Self::Certificate,
            _ => return None,
        })
    }
}

/// A certificate has something else than attributes as its fourth element.
fn is_request(mut signed: Reader<'_>) -> bool {
    signed.contents(SEQUENCE).and_then(tags) == Some([INTEGER, SEQUENCE, SEQUENCE, ATTRIBUTES])
}

/// The tags of the first elements. Not inlined: firmware has no room for it twice.
#[inline(never)]
fn tags(mut reader: Reader<'_>) -> Option<[u8; 4]> {
    let mut tags = [NONE; 4];
    for tag in &mut tags {
        if !reader.rest().is_empty() {
            *tag = reader.any()?.0;
        }
    }
    Some(tags)
}
