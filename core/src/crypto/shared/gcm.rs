//! AES-256-GCM (SP 800-38D) encryption piece by piece, from a key stream and a GHASH.
//!
//! The `aes-gcm` crate and AWS-LC take whole chunks, which a device would have to buffer.

use zeroize::Zeroize;

#[cfg(feature = "alloc")]
use crate::error::ErrorKind;

pub(crate) const BLOCK_LEN: usize = 16;
pub(crate) const NONCE_LEN: usize = 12;
pub(crate) const TAG_LEN: usize = 16;

/// Position in the stream of the block with the counter 1, which encrypts the tag.
const TAG_POSITION: usize = BLOCK_LEN;
/// Position in the stream of the block with the counter 2, which the plaintext begins with.
const START_POSITION: usize = 2 * BLOCK_LEN;

/// AES-256 in counter mode: GCTR (SP 800-38D section 6.5) for one nonce, from the counter 0 on.
pub(crate) trait KeyStream {
    /// Must be [started](Self::start) before it is used.
    fn new(key: &[u8; 32]) -> Self;

    /// Begins the stream of `nonce`.
    fn start(&mut self, nonce: &[u8; NONCE_LEN]);

    /// Writes to `out` the sum of `input` and the stream, from the byte `position` of the stream on;
    /// the two are equally long. Never writes plaintext or stream to `out`: it may be memory that
    /// others see. A chunk is short enough that its counter fits 16 bits.
    fn apply(&mut self, position: usize, input: &[u8], out: &mut [u8]);
}

/// GHASH (SP 800-38D section 6.4) of a ciphertext without additional data.
pub(crate) trait Ghash: Default {
    /// Begins a hash under `key`.
    fn start(&mut self, key: &[u8; BLOCK_LEN]);

    /// Hashes the next piece, of any length.
    fn update(&mut self, data: &[u8]);

    /// Pads the last block with zeros, adds the lengths, and returns the hash.
    fn finish(&mut self) -> [u8; BLOCK_LEN];
}

/// Encrypts chunks (section 7.1).
#[cfg_attr(feature = "alloc", derive(Clone))]
pub(crate) struct ChunkEncryptor<S, H> {
    stream: S,
    ghash: H,
    /// Bytes of the chunk encrypted so far.
    len: usize,
}

impl<S: KeyStream, H: Ghash> ChunkEncryptor<S, H> {
    /// Must be [started](Self::start) before it is used.
    ///
    /// Inlined, so that it is made in its final place: it is too large to be moved on a small stack.
    #[inline(always)]
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self {
            stream: S::new(key),
            ghash: H::default(),
            len: 0,
        }
    }

    /// Encrypts a whole chunk. `out` is as long as the plaintext and the tag.
    #[cfg(feature = "alloc")]
    pub(crate) fn seal(
        &self,
        nonce: &[u8; NONCE_LEN],
        plaintext: &[u8],
        out: &mut [u8],
    ) -> Result<(), ErrorKind>
    where
        Self: Clone,
    {
        let split = out.split_last_chunk_mut::<TAG_LEN>();
        let (ciphertext, tag) = split.ok_or(ErrorKind::BufferTooSmall)?;
        if ciphertext.len() != plaintext.len() {
            return Err(ErrorKind::Internal);
        }
        let mut encryptor = self.clone();
        encryptor.start(nonce);
        encryptor.update(plaintext, ciphertext);
        *tag = encryptor.finish();
        Ok(())
    }

    /// Begins a chunk.
    #[inline(never)]
    pub(crate) fn start(&mut self, nonce: &[u8; NONCE_LEN]) {
        // The key of GHASH is the encrypted zero block.
        let mut hash_key = [0; BLOCK_LEN];
        self.stream.start(&[0; NONCE_LEN]);
        self.stream.apply(0, &[0; BLOCK_LEN], &mut hash_key);
        self.ghash.start(&hash_key);
        hash_key.zeroize();
        self.stream.start(nonce);
        self.len = 0;
    }

    /// Encrypts the next piece of the chunk; `out` is as long as `input`.
    pub(crate) fn update(&mut self, input: &[u8], out: &mut [u8]) {
        self.stream.apply(START_POSITION + self.len, input, out);
        self.ghash.update(out);
        self.len += input.len();
    }

    /// Returns the tag of the chunk.
    pub(crate) fn finish(&mut self) -> [u8; TAG_LEN] {
        let hash = self.ghash.finish();
        let mut tag = [0; TAG_LEN];
        self.stream.apply(TAG_POSITION, &hash, &mut tag);
        tag
    }
}
