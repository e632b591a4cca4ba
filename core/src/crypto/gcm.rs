//! AES-256-GCM (SP 800-38D).

#[cfg(feature = "alloc")]
use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit, aead::inout::InOutBuf};
use zeroize::Zeroize;

use super::{Ghash, KeyStream};
#[cfg(feature = "alloc")]
use crate::error::ErrorKind;

pub(super) const BLOCK_LEN: usize = 16;
pub(super) const NONCE_LEN: usize = 12;
const TAG_LEN: usize = 16;

/// Where the stream from the counter 1 on is, which encrypts the tag.
const TAG_POSITION: usize = BLOCK_LEN;
/// Where the stream for the plaintext begins.
const START_POSITION: usize = 2 * BLOCK_LEN;

/// GCM from its parts (section 7.1), because sealing is online: the `aes-gcm` crate takes a chunk at a
/// time, which a device would have to buffer.
#[cfg_attr(feature = "alloc", derive(Clone))]
pub(crate) struct ChunkEncryptor {
    stream: KeyStream,
    ghash: Ghash,
    len: usize,
}

impl ChunkEncryptor {
    /// Wants to be [started](Self::start).
    ///
    /// Inline, so that it is made where it stays: it is too large to move about on a small stack.
    #[inline(always)]
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self {
            stream: KeyStream::new(key),
            ghash: Ghash::default(),
            len: 0,
        }
    }

    /// Encrypts a whole chunk, which several threads can do at a time; `out` has room for the tag too.
    #[cfg(feature = "alloc")]
    pub(crate) fn seal(
        &self,
        nonce: &[u8; NONCE_LEN],
        plaintext: &[u8],
        out: &mut [u8],
    ) -> Result<(), ErrorKind> {
        let split = out.split_last_chunk_mut::<TAG_LEN>();
        let (ciphertext, tag) = split.ok_or(ErrorKind::BufferTooSmall)?;
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

    /// The tag of the chunk.
    pub(crate) fn finish(&mut self) -> [u8; TAG_LEN] {
        let hash = self.ghash.finish();
        let mut tag = [0; TAG_LEN];
        self.stream.apply(TAG_POSITION, &hash, &mut tag);
        tag
    }
}

#[cfg(feature = "alloc")]
pub(crate) struct ChunkDecryptor(Aes256Gcm);

#[cfg(feature = "alloc")]
impl ChunkDecryptor {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(Aes256Gcm::new(key.into()))
    }

    /// `sealed` is ciphertext and tag; `out` is as long as the ciphertext.
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
