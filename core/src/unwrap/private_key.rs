//! Private RSA keys in files, and what people take for one.

use alloc::string::String;

use getrandom::SysRng;
use pkcs8::{
    EncodePrivateKey, EncryptedPrivateKeyInfoRef, LineEnding, SecretDocument,
    pkcs5::{self, pbes2::Kdf},
};
use rsa::{PrivateKey, pkcs1::DecodeRsaPrivateKey};
use zeroize::Zeroizing;

use crate::{
    error::{Error, ErrorKind},
    recipient::{
        der::{self, INTEGER, OCTET_STRING, Reader, SEQUENCE},
        der_kind::DerKind,
        key_text::{key_text, looks_like_a_path},
        pem::{self, Block},
        public_key::{check_bits, rsa_parameters},
    },
};

const PUBLIC: &str = "this is a public key; give the private key that belongs to it";
const CERTIFICATE: &str = "this is a certificate; give the private key that belongs to it";
const PKCS12: &str =
    "this is a PKCS#12 file; extract its private key with `openssl pkcs12 -nocerts -noenc`";
const OPENSSH: &str = "this is a private key in OpenSSH's format; convert a copy of it with `ssh-keygen -p -m PKCS8 -f COPY`";
const EXPENSIVE_ENCRYPTION: &str = "the private key is damaged, or its encryption takes too much time or memory; encrypt it anew with `openssl pkcs8 -topk8 -in OLD -out NEW`";
const UNSUPPORTED_ENCRYPTION: &str = "the private key is encrypted in an old or unusual way; encrypt it anew with `openssl pkcs8 -topk8 -in OLD -out NEW`";

/// Generates a private RSA key of 2048, 3072 or 4096 bits, for trying out and for tests: a PKCS#8 in PEM,
/// not encrypted. [`LocalUnwrapper`](crate::LocalUnwrapper) reads it.
///
/// Real keys stay in a KMS. This one is as safe as the place where you keep it.
///
/// It takes some tenths of a second to some seconds.
///
/// # Errors
/// [`KeyTooSmall`](ErrorKind::KeyTooSmall), [`KeyTooLarge`](ErrorKind::KeyTooLarge) or
/// [`UnsupportedKeySize`](ErrorKind::UnsupportedKeySize); [`RandomFailed`](ErrorKind::RandomFailed).
pub fn generate_private_key(bits: usize) -> Result<Zeroizing<String>, Error> {
    check_bits(bits)?;
    let key = PrivateKey::new(&mut SysRng, bits).map_err(|_| ErrorKind::RandomFailed)?;
    let pem = key.to_pkcs8_pem(LineEnding::LF);
    Ok(pem.map_err(|_| ErrorKind::Internal)?)
}

pub(super) fn read(file: &[u8], password: Option<&[u8]>) -> Result<PrivateKey, Error> {
    match der::sequence(file) {
        Some(der) => from_der(der, password),
        None => from_text(key_text(file).map_err(not_a_private_key)?, password),
    }
}

fn from_text(text: &[u8], password: Option<&[u8]>) -> Result<PrivateKey, Error> {
    let is_private =
        |label: &[u8]| label.ends_with(b"PRIVATE KEY") && label != b"OPENSSH PRIVATE KEY";
    let block = Block::find(text, is_private).ok_or_else(|| mistaken_text(text))?;
    if block.is_encrypted() {
        return Err(not_a_private_key(UNSUPPORTED_ENCRYPTION));
    }
    match block.label {
        b"OPENSSH PRIVATE KEY" => return Err(not_a_private_key(OPENSSH)),
        label if label.ends_with(b"CERTIFICATE") => return Err(not_a_private_key(CERTIFICATE)),
        label if label.ends_with(b"PUBLIC KEY") => return Err(not_a_private_key(PUBLIC)),
        label if !is_private(label) => {
            return Err(not_a_private_key(
                "this PEM holds something else than a private key",
            ));
        }
        _ => {}
    }
    let contents = block.decode().map_err(not_a_private_key)?;
    let der = der::sequence(&contents);
    from_der(
        der.ok_or_else(|| not_a_private_key("what this PEM holds is not a key"))?,
        password,
    )
}

fn from_der(der: &[u8], password: Option<&[u8]>) -> Result<PrivateKey, Error> {
    if DerKind::of(der) == Some(DerKind::EncryptedPrivateKey) {
        return from_plain(decrypt(der, password)?.as_bytes());
    }
    let key = from_plain(der)?;
    match password {
        None | Some(b"") => Ok(key),
        Some(_) => Err(wrong_password(
            "there is a password, but the private key is not encrypted",
        )),
    }
}

fn decrypt(der: &[u8], password: Option<&[u8]>) -> Result<SecretDocument, Error> {
    let unsupported = || not_a_private_key(UNSUPPORTED_ENCRYPTION);
    let info = EncryptedPrivateKeyInfoRef::try_from(der).map_err(|_| unsupported())?;
    let pbes2 = info.encryption_algorithm.pbes2().ok_or_else(unsupported)?;
    if !is_affordable(&pbes2.kdf) {
        return Err(not_a_private_key(EXPENSIVE_ENCRYPTION));
    }
    let missing = || wrong_password("the private key is encrypted; its password is missing");
    let decrypted = info.decrypt(password.ok_or_else(missing)?);
    let wrong = || wrong_password("the password of the private key is wrong");
    let decrypted = decrypted.map_err(|error| match error {
        // Where a wrong password leaves something that looks like padding, it is not DER.
        pkcs8::Error::EncryptedPrivateKey(pkcs5::Error::DecryptFailed) | pkcs8::Error::Asn1(_) => {
            wrong()
        }
        _ => unsupported(),
    })?;
    let is_key = DerKind::of(decrypted.as_bytes()) == Some(DerKind::Pkcs8);
    is_key.then_some(decrypted).ok_or_else(wrong)
}

/// Whether a password can be tried in seconds and in 256 MiB of memory. The file says how much work that
/// is, and it may be damaged.
fn is_affordable(kdf: &Kdf) -> bool {
    match kdf {
        Kdf::Pbkdf2(params) => params.iteration_count <= 10_000_000,
        Kdf::Scrypt(params) => {
            let block_len = 128 * u64::from(params.block_size);
            let memory = block_len.saturating_mul(params.cost_parameter);
            memory <= 256 << 20 && params.parallelization <= 16
        }
        _ => true,
    }
}

/// A private key that is not encrypted.
fn from_plain(der: &[u8]) -> Result<PrivateKey, Error> {
    let pkcs1 = match DerKind::of(der) {
        Some(DerKind::Pkcs1PrivateKey) => der,
        Some(DerKind::Pkcs8) => in_pkcs8(der)?,
        Some(DerKind::EcPrivateKey) => return Err(ErrorKind::NotRsa.into()),
        Some(DerKind::PublicKey | DerKind::Pkcs1PublicKey) => {
            return Err(not_a_private_key(PUBLIC));
        }
        Some(DerKind::Certificate) => return Err(not_a_private_key(CERTIFICATE)),
        Some(DerKind::Pkcs12) => return Err(not_a_private_key(PKCS12)),
        _ => return Err(ErrorKind::NotAPrivateKey.into()),
    };
    let key = PrivateKey::from_pkcs1_der(pkcs1);
    key.map_err(|_| {
        not_a_private_key("this RSA private key is damaged, or of more than two primes")
    })
}

/// The `RSAPrivateKey` in a `PrivateKeyInfo`.
fn in_pkcs8(der: &[u8]) -> Result<&[u8], Error> {
    let parts = Reader::only(der, SEQUENCE).and_then(|mut info| {
        info.element(INTEGER)?;
        Some((info.element(SEQUENCE)?, info.element(OCTET_STRING)?))
    });
    let (algorithm, key) = parts.ok_or(ErrorKind::NotAPrivateKey)?;
    rsa_parameters(algorithm)?;
    Ok(key)
}

fn mistaken_text(text: &[u8]) -> Error {
    if pem::contains(text, b"-----END ") {
        return not_a_private_key("this PEM is damaged: it has no BEGIN line");
    }
    if looks_like_a_path(text) {
        return not_a_private_key("this looks like the name of a file; give what is in the file");
    }
    ErrorKind::NotAPrivateKey.into()
}

fn not_a_private_key(reason: &'static str) -> Error {
    Error::with_reason(ErrorKind::NotAPrivateKey, reason)
}

fn wrong_password(reason: &'static str) -> Error {
    Error::with_reason(ErrorKind::PrivateKeyPassword, reason)
}
