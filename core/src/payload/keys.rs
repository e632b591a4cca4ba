//! What is derived from a data key for one message: its keys, its commitment, its nonces.

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    crypto::{self, random::Random, secret::DataKey},
    error::{Error, ErrorKind},
    payload::layout::{COMMITMENT_LEN, MAX_CHUNKS, SALT_LEN},
};

const NONCE_LEN: usize = 12;
const INFO: &[u8] = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0";

/// What HKDF-Expand yields for one message, but for the commitment.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct MessageKeys {
    pub(crate) key: [u8; 32],
    base_nonce: [u8; NONCE_LEN],
}

impl MessageKeys {
    /// Also returns the commitment.
    pub(crate) fn derive(
        data_key: &DataKey,
        salt: &[u8; SALT_LEN],
        context: &[u8],
    ) -> Result<(Self, [u8; COMMITMENT_LEN]), ErrorKind> {
        let mut okm = [0; 32 + NONCE_LEN + COMMITMENT_LEN];
        crypto::hkdf_expand_sha512(data_key.as_bytes(), [INFO, salt, context], &mut okm)?;
        let mut keys = Self {
            key: [0; 32],
            base_nonce: [0; NONCE_LEN],
        };
        let mut commitment = [0; COMMITMENT_LEN];
        keys.key.copy_from_slice(&okm[..32]);
        keys.base_nonce.copy_from_slice(&okm[32..32 + NONCE_LEN]);
        commitment.copy_from_slice(&okm[32 + NONCE_LEN..]);
        okm.zeroize();
        Ok((keys, commitment))
    }

    /// The keys of a new message. Writes salt and commitment, which the payload begins with, to the
    /// [`START_LEN`] bytes of `start`.
    pub(crate) fn draw(
        data_key: &DataKey,
        context: &[u8],
        random: &mut Random<'_>,
        start: &mut [u8],
    ) -> Result<Self, Error> {
        let (salt, rest) = start
            .split_first_chunk_mut()
            .ok_or(ErrorKind::BufferTooSmall)?;
        random.fill(salt)?;
        let (keys, commitment) = Self::derive(data_key, salt, context)?;
        rest.copy_from_slice(&commitment);
        Ok(keys)
    }
}

/// The nonces of a message's chunks in order: base nonce XOR chunk number.
pub(crate) struct Nonces {
    base: [u8; NONCE_LEN],
    pub(crate) next_chunk: u64,
}

impl Nonces {
    pub(crate) fn new(keys: &MessageKeys) -> Self {
        Self {
            base: keys.base_nonce,
            next_chunk: 0,
        }
    }

    /// There are [`left`](Self::left).
    pub(crate) fn next(&mut self) -> [u8; NONCE_LEN] {
        let nonce = self.of(self.next_chunk);
        self.next_chunk += 1;
        nonce
    }

    pub(crate) fn of(&self, chunk: u64) -> [u8; NONCE_LEN] {
        let mut nonce = self.base;
        if let Some(low) = nonce.last_chunk_mut() {
            *low = (u64::from_be_bytes(*low) ^ chunk).to_be_bytes();
        }
        nonce
    }

    pub(crate) fn left(&self) -> u64 {
        MAX_CHUNKS.saturating_sub(self.next_chunk)
    }
}
