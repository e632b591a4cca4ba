//! AES-256-GCM of RustCrypto.

use aes::{
    Aes256Enc,
    cipher::{
        self, BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser,
        KeyInit, ParBlocks, consts::U16, typenum::Unsigned,
    },
};
#[cfg(feature = "alloc")]
use aes_gcm::{AeadInOut, Aes256Gcm, aead::inout::InOutBuf};
use ghash::{GHash, universal_hash::UniversalHash};
use zeroize::Zeroize;

#[cfg(feature = "alloc")]
use crate::ErrorKind;

const BLOCK_LEN: usize = 16;
const NONCE_LEN: usize = 12;
const TAG_LEN: usize = 16;

/// GCM from its parts (SP 800-38D section 7.1), because sealing is online: the `aes-gcm` crate takes
/// a chunk at a time, which a device would have to buffer.
#[cfg_attr(feature = "alloc", derive(Clone))]
pub(crate) struct ChunkEncryptor {
    aes: Aes256Enc,
    ghash: GHash,
    /// J0: nonce and block counter 1.
    first_counter_block: [u8; BLOCK_LEN],
    /// Ciphertext that does not fill a block yet, for GHASH.
    partial: [u8; BLOCK_LEN],
    len: usize,
}

impl ChunkEncryptor {
    /// Wants to be [started](Self::start).
    ///
    /// Inline, so that it is made where it stays: it is too large to move about on a small stack.
    #[inline(always)]
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self {
            aes: Aes256Enc::new(key.into()),
            ghash: GHash::new(&ghash::Key::default()),
            first_counter_block: [0; BLOCK_LEN],
            partial: [0; BLOCK_LEN],
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
        let mut hash_key = self.encrypt_block(&[0; BLOCK_LEN], [0; BLOCK_LEN]).into();
        self.ghash = GHash::new(&hash_key);
        hash_key.zeroize();
        self.first_counter_block[..NONCE_LEN].copy_from_slice(nonce);
        self.first_counter_block[BLOCK_LEN - 1] = 1;
        self.len = 0;
    }

    /// Encrypts the next piece of the chunk; `out` is as long as `input`.
    pub(crate) fn update(&mut self, input: &[u8], out: &mut [u8]) {
        // A chunk is short enough for the counter.
        let [.., high, low] = (self.len / BLOCK_LEN + 2).to_be_bytes();
        let mut counter_block = self.first_counter_block;
        [counter_block[BLOCK_LEN - 2], counter_block[BLOCK_LEN - 1]] = [high, low];
        self.encrypt(&counter_block, self.len % BLOCK_LEN, input, out);
        self.absorb(out);
    }

    fn absorb(&mut self, ciphertext: &[u8]) {
        let filled = self.len % BLOCK_LEN;
        self.len += ciphertext.len();
        let mut rest = ciphertext;
        if filled > 0 {
            let head;
            (head, rest) = rest.split_at(rest.len().min(BLOCK_LEN - filled));
            let room = self.partial.iter_mut().skip(filled);
            room.zip(head).for_each(|(out, byte)| *out = *byte);
            if filled + head.len() < BLOCK_LEN {
                return;
            }
            self.ghash.update(&[self.partial.into()]);
        }
        let (blocks, tail) = rest.split_at(rest.len() - rest.len() % BLOCK_LEN);
        self.ghash.update_padded(blocks);
        self.partial
            .iter_mut()
            .zip(tail)
            .for_each(|(out, byte)| *out = *byte);
    }

    /// The tag of the chunk.
    pub(crate) fn finish(&mut self) -> [u8; TAG_LEN] {
        let filled = self.len % BLOCK_LEN;
        if filled > 0 {
            self.partial
                .iter_mut()
                .skip(filled)
                .for_each(|byte| *byte = 0);
            self.ghash.update(&[self.partial.into()]);
        }
        // No additional data: its length, the upper half, is zero.
        let bit_len = 8 * self.len as u128;
        self.ghash.update(&[bit_len.to_be_bytes().into()]);
        let hash = self.ghash.clone().finalize();
        self.encrypt_block(&self.first_counter_block, hash.into())
    }

    /// `input` under one block of key stream.
    fn encrypt_block(
        &self,
        counter_block: &[u8; BLOCK_LEN],
        input: [u8; BLOCK_LEN],
    ) -> [u8; BLOCK_LEN] {
        let mut out = [0; BLOCK_LEN];
        self.encrypt(counter_block, 0, &input, &mut out);
        out
    }

    /// `input` under the key stream from a counter block on, but for the first `skip` bytes of the
    /// stream.
    fn encrypt(&self, counter_block: &[u8; BLOCK_LEN], skip: usize, input: &[u8], out: &mut [u8]) {
        self.aes.encrypt_with_backend(KeyStream {
            counter_block: *counter_block,
            skip,
            input,
            out,
        });
    }
}

/// GCTR (SP 800-38D section 6.5), as many blocks at a time as the machine has room for. `out` is as
/// long as `input`.
struct KeyStream<'a> {
    counter_block: [u8; BLOCK_LEN],
    /// Bytes of the first block that are used up.
    skip: usize,
    input: &'a [u8],
    out: &'a mut [u8],
}

impl BlockSizeUser for KeyStream<'_> {
    type BlockSize = U16;
}

impl BlockCipherEncClosure for KeyStream<'_> {
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(mut self, backend: &B) {
        let mut blocks = ParBlocks::<B>::default();
        while !self.input.is_empty() {
            let wanted = (self.skip + self.input.len()).div_ceil(BLOCK_LEN);
            let few = B::ParBlocksSize::USIZE > 2 && wanted < B::ParBlocksSize::USIZE;
            let count = if few { wanted } else { usize::MAX };
            let counted = blocks.iter_mut().take(count);
            counted.for_each(|block| self.count(block));
            if few {
                let counted = blocks.iter_mut().take(count);
                counted.for_each(|block| backend.encrypt_block(block.into()));
            } else {
                backend.encrypt_par_blocks((&mut blocks).into());
            }
            self.apply(blocks.as_flattened());
        }
        blocks.as_flattened_mut().zeroize();
    }
}

impl KeyStream<'_> {
    /// Writes the counter block, and goes on to the next.
    fn count(&mut self, block: &mut cipher::Block<Self>) {
        *block = self.counter_block.into();
        if let Some(counter) = self.counter_block.last_chunk_mut() {
            *counter = u32::from_be_bytes(*counter).wrapping_add(1).to_be_bytes();
        }
    }

    /// Adds the stream to as much of the input as there is.
    fn apply(&mut self, stream: &[u8]) {
        let stream = stream.get(self.skip..).unwrap_or_default();
        self.skip = 0;
        let len = stream.len().min(self.input.len());
        let (input, rest) = self.input.split_at(len);
        self.input = rest;
        let out = self.out.split_off_mut(..len).unwrap_or_default();
        for ((out, input), stream) in out.iter_mut().zip(input).zip(stream) {
            *out = input ^ stream;
        }
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
