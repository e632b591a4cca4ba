//! Keys in X.509 certificates (RFC 5280): the key, the dates, the key usage and, if there are roots, the
//! chain.

use core::time::Duration;

use alloc::{borrow::Cow, format, vec::Vec};

use der::{Decode, Encode};
use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{
    ALL_VERIFICATION_ALGS, EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter,
    anchor_from_trusted_cert,
};
use x509_cert::{Certificate, ext::pkix::KeyUsage};

use crate::{
    error::{Error, ErrorKind},
    recipient::{
        der::sequence,
        der_kind::DerKind,
        key_text::{looks_like_a_path, not_a_public_key},
        pem::{self, Block, decode_base64},
        public_key::PublicKey,
    },
};

const DAMAGED: &str = "this certificate is damaged";
const KEY_GIVEN: &str = "this is a public key without a certificate; it is read as a public key";
const USAGE: &str = "the certificate is for signatures, or another use than keyEncipherment: have one issued for this use";
const NO_ROOT: &str = "the roots hold no certificate in PEM or DER";
const DAMAGED_ROOT: &str = "one of the roots is damaged, or no certificate";
const UNKNOWN_ISSUER: &str = "the certificate does not lead to any of the given roots: give the right roots, and put the intermediate certificates after the certificate, in PEM";
const BAD_SIGNATURE: &str = "a signature in the chain of the certificate is wrong: it was altered, or one of the roots or intermediates has the right name and another key";
const OLD_INTERMEDIATE: &str =
    "an intermediate certificate has expired, or is not valid yet: get a current one";
const NO_CA: &str =
    "the issuer of the certificate is no certificate authority: have another one issued";
const OTHER_FORM: &str = "this certificate is in an unusual form; convert it with `openssl x509`";
const OTHER_PEM: &str = "this PEM holds something else; that of a certificate begins with `-----BEGIN CERTIFICATE-----`";
const PATH: &str = "this looks like the name of a file; give what is in the file";
const NO_CERTIFICATE: &str = "not a certificate; give one in PEM or DER";
const OF_A_CA: &str = "this certificate is that of a certificate authority, and none of the roots: give the certificate of the key, first in the PEM";

/// A key that is valid at this time since 1970.
pub(crate) fn public_key(
    file: &[u8],
    roots: Option<&[u8]>,
    at: Duration,
) -> Result<PublicKey, Error> {
    let chain = certificates(file)?;
    let (leaf, intermediates) = chain.split_first().ok_or_else(|| mistaken(file))?;
    let certificate = Certificate::from_der(leaf).map_err(|_| not_a_public_key(DAMAGED))?;
    check_dates(&certificate, at)?;
    check_usage(&certificate)?;
    if let Some(roots) = roots {
        check_chain(leaf, intermediates, roots, at)?;
    }
    let key = certificate
        .tbs_certificate()
        .subject_public_key_info()
        .to_der();
    PublicKey::from_der(&key.map_err(|_| not_a_public_key(DAMAGED))?)
}

/// The certificates in a file: one in DER or base64, or any number in PEM.
fn certificates(file: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let is_certificate = |der: &&[u8]| DerKind::of(der) == Some(DerKind::Certificate);
    let owned = |der: &[u8]| CertificateDer::from(der.to_vec());
    if let Some(der) = sequence(file) {
        return Ok(Some(der)
            .filter(is_certificate)
            .map(owned)
            .into_iter()
            .collect());
    }
    let mut blocks = Block::all(file)
        .filter(|block| block.label == b"CERTIFICATE")
        .peekable();
    if blocks.peek().is_some() {
        return blocks
            .map(|block| {
                let contents = block.decode().map_err(not_a_public_key)?;
                let der = sequence(&contents).filter(is_certificate);
                Ok(owned(der.ok_or_else(|| not_a_public_key(DAMAGED))?))
            })
            .collect();
    }
    let decoded = decode_base64(file).unwrap_or_default();
    let der = sequence(&decoded).filter(is_certificate);
    Ok(der.map(owned).into_iter().collect())
}

fn check_dates(certificate: &Certificate, at: Duration) -> Result<(), Error> {
    let validity = certificate.tbs_certificate().validity();
    let (start, end) = (validity.not_before, validity.not_after);
    let reason = if at < start.to_unix_duration() {
        format!("the certificate is not valid before {start}: set the clock, or get another one")
    } else if at > end.to_unix_duration() {
        format!("the certificate expired on {end}: get a current one")
    } else {
        return Ok(());
    };
    Err(Error::with_reason(ErrorKind::KeyNotValidNow, reason))
}

/// A certificate that says nothing about its use is for every use.
fn check_usage(certificate: &Certificate) -> Result<(), Error> {
    let usage = certificate.tbs_certificate().get_extension::<KeyUsage>();
    match usage.map_err(|_| not_a_public_key(DAMAGED))? {
        Some((_, usage)) if !usage.key_encipherment() => {
            Err(Error::with_reason(ErrorKind::WrongKeyUsage, USAGE))
        }
        _ => Ok(()),
    }
}

fn check_chain(
    leaf: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    roots: &[u8],
    at: Duration,
) -> Result<(), Error> {
    let roots = certificates(roots).map_err(|_| not_trusted(DAMAGED_ROOT))?;
    if roots.is_empty() {
        return Err(not_trusted(NO_ROOT));
    }
    if roots.contains(leaf) {
        return Ok(());
    }
    let anchors = roots.iter().map(anchor_from_trusted_cert);
    let anchors: Vec<_> = anchors
        .collect::<Result<_, _>>()
        .map_err(|_| not_trusted(DAMAGED_ROOT))?;
    let time = UnixTime::since_unix_epoch(at);
    let verified = EndEntityCert::try_from(leaf).and_then(|leaf| {
        let (algorithms, usage) = (ALL_VERIFICATION_ALGS, AnyUsage);
        let path =
            leaf.verify_for_usage(algorithms, &anchors, intermediates, time, usage, None, None);
        path.map(|_| ())
    });
    verified.map_err(|error| refused(&error))
}

/// No extended key usage is for sealing, and none is against it.
struct AnyUsage;

impl ExtendedKeyUsageValidator for AnyUsage {
    fn validate(&self, _: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        Ok(())
    }
}

fn refused(error: &webpki::Error) -> Error {
    use webpki::Error as Reason;
    match error {
        // The certificate itself was valid.
        Reason::CertExpired { .. } | Reason::CertNotValidYet { .. } => {
            Error::with_reason(ErrorKind::KeyNotValidNow, OLD_INTERMEDIATE)
        }
        Reason::UnknownIssuer => not_trusted(UNKNOWN_ISSUER),
        Reason::InvalidSignatureForPublicKey => not_trusted(BAD_SIGNATURE),
        Reason::CaUsedAsEndEntity => not_trusted(OF_A_CA),
        Reason::EndEntityUsedAsCa => not_trusted(NO_CA),
        other => not_trusted(format!(
            "the certificate or its chain is refused, as {other}: have another one issued"
        )),
    }
}

fn not_trusted(reason: impl Into<Cow<'static, str>>) -> Error {
    Error::with_reason(ErrorKind::CertificateNotTrusted, reason)
}

/// What people give instead of a certificate.
fn mistaken(file: &[u8]) -> Error {
    let reason = match PublicKey::new(file) {
        Ok(_) => KEY_GIVEN,
        Err(error) if error.kind() == ErrorKind::CertificateGiven => OTHER_FORM,
        Err(error) if error.kind() != ErrorKind::NotAPublicKey => return error,
        Err(_) if pem::contains(file, b"-----BEGIN ") => OTHER_PEM,
        Err(_) if file.is_ascii() && looks_like_a_path(file.trim_ascii()) => PATH,
        Err(_) => NO_CERTIFICATE,
    };
    not_a_public_key(reason)
}
