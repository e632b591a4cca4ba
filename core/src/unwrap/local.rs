//! Unwrapping with a private key in a file.

use core::fmt;

use getrandom::SysRng;
use pkcs8::{DecodePrivateKey, EncodePublicKey};
use rsa::{Oaep, PrivateKey, pkcs1::DecodeRsaPrivateKey, traits::PaddingScheme};
use sha1::Sha1;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{
    crypto::secret::DataKey,
    error::{BoxError, Error, ErrorKind},
    recipient::{
        public_key::{PublicKey, find_pem},
        rsa_oaep::WrapAlgorithm,
        wrapped_key::WrappedKey,
    },
    unwrap::{Unwrap, Unwrapped},
};

/// Unwraps data keys with a private key in memory: for tests, and for private keys that are not in a
/// KMS.
///
/// Decryption is blinded, and its arithmetic is meant to be constant-time, which is not proven: do not
/// let strangers time it over a network.
pub struct LocalUnwrapper {
    private_key: PrivateKey,
    public_key: PublicKey,
}

impl LocalUnwrapper {
    /// Reads a private RSA key in PEM: PKCS#8 (`PRIVATE KEY`, or `ENCRYPTED PRIVATE KEY` with its
    /// password), or PKCS#1 (`RSA PRIVATE KEY`).
    ///
    /// # Errors
    /// [`NotAPrivateKey`](ErrorKind::NotAPrivateKey),
    /// [`PrivateKeyPassword`](ErrorKind::PrivateKeyPassword).
    pub fn new(private_pem: &[u8], password: Option<&[u8]>) -> Result<Self, Error> {
        let pem = find_pem(private_pem).ok_or(ErrorKind::NotAPrivateKey)?;
        let pem = core::str::from_utf8(pem).map_err(|_| ErrorKind::NotAPrivateKey)?;
        let label = pem_rfc7468::decode_label(pem.as_bytes());
        let private_key = match label.map_err(|_| ErrorKind::NotAPrivateKey)? {
            "PRIVATE KEY" => PrivateKey::from_pkcs8_pem(pem).ok(),
            "RSA PRIVATE KEY" => PrivateKey::from_pkcs1_pem(pem).ok(),
            "ENCRYPTED PRIVATE KEY" => Some(decrypt(pem, password)?),
            _ => None,
        };
        let private_key = private_key.ok_or(ErrorKind::NotAPrivateKey)?;
        let spki = private_key.to_public_key().to_public_key_der();
        let spki = spki.map_err(|_| ErrorKind::NotAPrivateKey)?;
        let public_key = PublicKey::new(spki.as_bytes()).map_err(|_| ErrorKind::NotAPrivateKey)?;
        Ok(Self {
            private_key,
            public_key,
        })
    }

    /// The public key to seal for.
    #[must_use]
    pub const fn public_key(&self) -> &PublicKey {
        &self.public_key
    }
}

fn decrypt(pem: &str, password: Option<&[u8]>) -> Result<PrivateKey, ErrorKind> {
    let password = password.ok_or(ErrorKind::PrivateKeyPassword)?;
    PrivateKey::from_pkcs8_encrypted_pem(pem, password).map_err(|_| ErrorKind::PrivateKeyPassword)
}

impl LocalUnwrapper {
    fn unwrap(&self, key: &WrappedKey<'_>) -> Result<Option<DataKey>, BoxError> {
        let Some(algorithm) = key.algorithm() else {
            return Ok(None);
        };
        if key.fingerprint() != self.public_key.fingerprint() {
            return Ok(None);
        }
        let (ciphertext, blinding) = (key.ciphertext(), Some(&mut SysRng));
        let unwrapped = match algorithm {
            WrapAlgorithm::RsaesOaepSha256 => {
                Oaep::<Sha256>::new().decrypt(blinding, &self.private_key, ciphertext)
            }
            WrapAlgorithm::RsaesOaepSha1 => {
                Oaep::<Sha1>::new().decrypt(blinding, &self.private_key, ciphertext)
            }
        };
        let unwrapped = Zeroizing::new(unwrapped?);
        Ok(Some(key.data_key(&unwrapped)?))
    }
}

impl Unwrap for LocalUnwrapper {
    fn unwrap_key(&self, key: &WrappedKey<'_>) -> Unwrapped {
        self.unwrap(key).into()
    }
}

impl fmt::Debug for LocalUnwrapper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LocalUnwrapper")
            .field(&self.public_key)
            .finish()
    }
}
