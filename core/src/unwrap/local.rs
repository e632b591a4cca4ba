//! Unwrapping with a private key in a file.

use core::fmt;

use alloc::{vec, vec::Vec};

use getrandom::SysRng;
use pkcs8::EncodePublicKey;
use rsa::{Oaep, PrivateKey, traits::PaddingScheme};
use sha1::Sha1;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{
    crypto::secret::DataKey,
    error::{BoxError, Error, ErrorKind},
    recipient::{public_key::PublicKey, rsa_oaep::WrapAlgorithm, wrapped_key::WrappedKey},
    unwrap::{Unwrap, Unwrapped, asynchronous::AsyncUnwrap, private_key},
};

const NOT_DECRYPTED: &str = "the private key cannot decrypt this: it was altered, or encrypted for another key or with another algorithm";

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
    /// Reads a private RSA key in PEM or DER: PKCS#8, with its password if it is encrypted, or PKCS#1.
    /// Text may surround the PEM.
    ///
    /// Of the ways to encrypt PKCS#8, it reads PBES2 with AES and PBKDF2 or scrypt: what OpenSSL has
    /// written by default since version 1.1. Of the others the error says how to convert them.
    ///
    /// # Errors
    /// [`NotAPrivateKey`](ErrorKind::NotAPrivateKey);
    /// [`PrivateKeyPassword`](ErrorKind::PrivateKeyPassword) if the password is missing or wrong, or if
    /// there is one and the key is not encrypted; what is wrong with the key, as of
    /// [`PublicKey::new`]: [`NotRsa`](ErrorKind::NotRsa), [`KeyTooSmall`](ErrorKind::KeyTooSmall),
    /// [`KeyTooLarge`](ErrorKind::KeyTooLarge),
    /// [`UnsupportedKeySize`](ErrorKind::UnsupportedKeySize),
    /// [`InvalidRsaKey`](ErrorKind::InvalidRsaKey), [`WrongKeyUsage`](ErrorKind::WrongKeyUsage).
    pub fn new(private_key: &[u8], password: Option<&[u8]>) -> Result<Self, Error> {
        let private_key = private_key::read(private_key, password)?;
        let spki = private_key.to_public_key().to_public_key_der();
        let spki = spki.map_err(|_| ErrorKind::NotAPrivateKey)?;
        let public_key = PublicKey::new(spki.as_bytes())?;
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

    /// Decrypts what RSA-OAEP holds, of any length: for what libseal has not wrapped. No message needs
    /// it.
    ///
    /// # Errors
    /// [`WrappedKeyRejected`](ErrorKind::WrappedKeyRejected) if `ciphertext` was altered, or encrypted for
    /// another key or with another algorithm.
    pub fn decrypt(
        &self,
        algorithm: WrapAlgorithm,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let plaintext = self.decrypt_oaep(algorithm, ciphertext);
        plaintext.map_err(|_| Error::with_reason(ErrorKind::WrappedKeyRejected, NOT_DECRYPTED))
    }

    fn decrypt_oaep(
        &self,
        algorithm: WrapAlgorithm,
        ciphertext: &[u8],
    ) -> rsa::Result<Zeroizing<Vec<u8>>> {
        let (key, blinding) = (&self.private_key, Some(&mut SysRng));
        let plaintext = match algorithm {
            WrapAlgorithm::RsaesOaepSha256 => {
                Oaep::<Sha256>::new().decrypt(blinding, key, ciphertext)
            }
            WrapAlgorithm::RsaesOaepSha1 => Oaep::<Sha1>::new().decrypt(blinding, key, ciphertext),
        };
        plaintext.map(Zeroizing::new)
    }

    fn unwrap(&self, key: &WrappedKey<'_>) -> Result<Option<DataKey>, BoxError> {
        let Some(algorithm) = key.algorithm() else {
            return Ok(None);
        };
        if key.fingerprint() != self.public_key.fingerprint() {
            return Ok(None);
        }
        let unwrapped = self.decrypt_oaep(algorithm, key.ciphertext())?;
        Ok(Some(key.data_key(&unwrapped)?))
    }
}

impl Unwrap for LocalUnwrapper {
    fn unwrap_key(&self, key: &WrappedKey<'_>) -> Unwrapped {
        self.unwrap(key).into()
    }

    fn fingerprints(&self) -> Vec<[u8; 32]> {
        vec![*self.public_key.fingerprint()]
    }
}

/// For tests of asynchronous code. It computes for some milliseconds, and has nothing to wait for.
impl AsyncUnwrap for LocalUnwrapper {
    async fn unwrap_key(&self, key: &WrappedKey<'_>) -> Unwrapped {
        self.unwrap(key).into()
    }

    fn fingerprints(&self) -> Vec<[u8; 32]> {
        Unwrap::fingerprints(self)
    }
}

impl fmt::Debug for LocalUnwrapper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LocalUnwrapper")
            .field(&self.public_key)
            .finish()
    }
}
