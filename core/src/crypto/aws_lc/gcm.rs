//! AES-256-GCM (SP 800-38D).

use alloc::boxed::Box;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    error::Unspecified,
};
use zeroize::Zeroizing;

use super::internal;
use crate::{
    crypto::{
        portable,
        shared::gcm::{NONCE_LEN, TAG_LEN},
    },
    error::ErrorKind,
};

/// Encrypts whole chunks with AWS-LC, and chunks that come in pieces with the portable provider.
pub(crate) struct ChunkEncryptor {
    whole: AesGcm,
    key: Zeroizing<[u8; 32]>,
    /// Made when a chunk first comes in pieces.
    online: Option<Box<portable::ChunkEncryptor>>,
}

impl ChunkEncryptor {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self {
            whole: AesGcm::new(key),
            key: Zeroizing::new(*key),
            online: None,
        }
    }

    /// Encrypts a whole chunk. `out` is as long as the plaintext and the tag.
    pub(crate) fn seal(
        &self,
        nonce: &[u8; NONCE_LEN],
        plaintext: &[u8],
        out: &mut [u8],
    ) -> Result<(), ErrorKind> {
        let split = out.split_last_chunk_mut::<TAG_LEN>();
        let (ciphertext, tag) = split.ok_or(ErrorKind::BufferTooSmall)?;
        let (nonce, no_more) = (Nonce::assume_unique_for_key(*nonce), &[]);
        let key = self.whole.key()?;
        key.seal_out_of_place_scatter(nonce, Aad::empty(), plaintext, ciphertext, no_more, tag)
            .map_err(internal)
    }

    /// Begins a chunk.
    pub(crate) fn start(&mut self, nonce: &[u8; NONCE_LEN]) {
        self.online().start(nonce);
    }

    /// Encrypts the next piece of the chunk; `out` is as long as `input`.
    pub(crate) fn update(&mut self, input: &[u8], out: &mut [u8]) {
        self.online().update(input, out);
    }

    /// Returns the tag of the chunk.
    pub(crate) fn finish(&mut self) -> [u8; TAG_LEN] {
        self.online().finish()
    }

    fn online(&mut self) -> &mut portable::ChunkEncryptor {
        let key = &self.key;
        self.online
            .get_or_insert_with(|| Box::new(portable::ChunkEncryptor::new(key)))
    }
}

pub(crate) struct ChunkDecryptor(AesGcm);

impl ChunkDecryptor {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(AesGcm::new(key))
    }

    /// Decrypts `sealed`, which is ciphertext and tag. `out` is as long as the ciphertext.
    pub(crate) fn open(
        &self,
        nonce: &[u8; NONCE_LEN],
        sealed: &[u8],
        out: &mut [u8],
    ) -> Result<(), ErrorKind> {
        let split = sealed.split_last_chunk::<TAG_LEN>();
        let (ciphertext, tag) = split.ok_or(ErrorKind::Internal)?;
        if out.len() != ciphertext.len() {
            return Err(ErrorKind::Internal);
        }
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let key = self.0.key()?;
        let opened = key.open_separate_gather(nonce, Aad::empty(), ciphertext, tag, out);
        opened.map_err(|Unspecified| ErrorKind::AuthenticationFailed)
    }
}

/// `None` if AWS-LC could not allocate the key.
struct AesGcm(Option<LessSafeKey>);

impl AesGcm {
    fn new(key: &[u8; 32]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, key);
        Self(key.ok().map(LessSafeKey::new))
    }

    fn key(&self) -> Result<&LessSafeKey, ErrorKind> {
        self.0.as_ref().ok_or(ErrorKind::Internal)
    }
}
