//! AES-256-GCM (SP 800-38D) decryption of whole chunks, with the `aes-gcm` crate.

use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit, aead::inout::InOutBuf};

use super::gcm::{NONCE_LEN, TAG_LEN};
use crate::error::ErrorKind;

pub(crate) struct ChunkDecryptor(Aes256Gcm);

impl ChunkDecryptor {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(Aes256Gcm::new(key.into()))
    }

    /// Decrypts `sealed`, which is ciphertext and tag. `out` is as long as the ciphertext.
    pub(crate) fn open(
        &self,
        nonce: &[u8; NONCE_LEN],
        sealed: &[u8],
        out: &mut [u8],
    ) -> Result<(), ErrorKind> {
        let (ciphertext, tag) = sealed
            .split_last_chunk::<TAG_LEN>()
            .ok_or(ErrorKind::Internal)?;
        let buffer = InOutBuf::new(ciphertext, out).map_err(|_| ErrorKind::Internal)?;
        self.0
            .decrypt_inout_detached(nonce.into(), &[], buffer, tag.into())
            .map_err(|_| ErrorKind::AuthenticationFailed)
    }
}
