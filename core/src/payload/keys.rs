//! What is derived from a data key for one message: its keys, its commitment, its nonces.

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{
    crypto::{self, random::Random, secret::DataKey},
    error::{Error, ErrorKind},
    payload::layout::{COMMITMENT_LEN, MAX_CHUNKS, SALT_LEN},
};

const KEY_LEN: usize = 32;
const NONCE_LEN: usize = 12;
const INFO: &[u8] = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0";

/// What HKDF-Expand yields for one message. It is filled in its final place: see
/// [`derive`](Self::derive) and [`draw`](Self::draw).
#[derive(Default, Zeroize, ZeroizeOnDrop)]
pub(crate) struct MessageKeys {
    pub(crate) key: [u8; KEY_LEN],
    base_nonce: [u8; NONCE_LEN],
    pub(crate) commitment: [u8; COMMITMENT_LEN],
}

impl MessageKeys {
    pub(crate) fn derive(
        &mut self,
        data_key: &[u8; DataKey::LEN],
        salt: &[u8; SALT_LEN],
        context: &[u8],
    ) -> Result<(), ErrorKind> {
        self.fill(|okm| crypto::hkdf_expand_sha512(data_key, [INFO, salt, context], okm))
    }

    /// As [`derive`](Self::derive), under a data key that many messages are sealed with.
    #[cfg(feature = "alloc")]
    pub(crate) fn derive_with(
        &mut self,
        data_key: &crypto::ExpandKey,
        salt: &[u8; SALT_LEN],
        context: &[u8],
    ) -> Result<(), ErrorKind> {
        self.fill(|okm| data_key.expand([INFO, salt, context], okm))
    }

    #[inline(always)]
    fn fill(
        &mut self,
        expand: impl FnOnce(&mut [u8]) -> Result<(), ErrorKind>,
    ) -> Result<(), ErrorKind> {
        let mut okm = Zeroizing::new([0; KEY_LEN + NONCE_LEN + COMMITMENT_LEN]);
        expand(&mut *okm)?;
        let (key, rest) = okm.split_at(KEY_LEN);
        let (base_nonce, commitment) = rest.split_at(NONCE_LEN);
        self.key.copy_from_slice(key);
        self.base_nonce.copy_from_slice(base_nonce);
        self.commitment.copy_from_slice(commitment);
        Ok(())
    }

    /// The keys of a new message. Writes salt and commitment, which the payload begins with, to the
    /// [`START_LEN`] bytes of `start`.
    pub(crate) fn draw(
        &mut self,
        data_key: &[u8; DataKey::LEN],
        context: &[u8],
        random: &mut Random<'_>,
        start: &mut [u8],
    ) -> Result<(), Error> {
        let (salt, rest) = start
            .split_first_chunk_mut()
            .ok_or(ErrorKind::BufferTooSmall)?;
        random.fill(salt)?;
        self.derive(data_key, salt, context)?;
        rest.copy_from_slice(&self.commitment);
        Ok(())
    }
}

/// The nonces of a message's chunks in order: base nonce XOR chunk number.
#[derive(Zeroize, ZeroizeOnDrop)]
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
