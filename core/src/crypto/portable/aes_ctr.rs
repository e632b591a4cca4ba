//! AES-256 in counter mode, with the `aes` crate.

use core::mem;

use aes::{
    Aes256Enc,
    cipher::{
        self, BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser,
        KeyInit, ParBlocks, consts::U16, typenum::Unsigned,
    },
};
use zeroize::Zeroize;

use crate::crypto::shared::gcm::{self, BLOCK_LEN, NONCE_LEN};

#[derive(Clone)]
pub(crate) struct KeyStream {
    aes: Aes256Enc,
    nonce: [u8; NONCE_LEN],
}

impl Drop for KeyStream {
    fn drop(&mut self) {
        self.nonce.zeroize();
    }
}

impl gcm::KeyStream for KeyStream {
    #[inline(always)]
    fn new(key: &[u8; 32]) -> Self {
        Self {
            aes: Aes256Enc::new(key.into()),
            nonce: [0; NONCE_LEN],
        }
    }

    fn start(&mut self, nonce: &[u8; NONCE_LEN]) {
        self.nonce = *nonce;
    }

    fn apply(&mut self, position: usize, input: &[u8], out: &mut [u8]) {
        let [.., high, low] = (position / BLOCK_LEN).to_be_bytes();
        let mut counter_block = [0; BLOCK_LEN];
        counter_block[..NONCE_LEN].copy_from_slice(&self.nonce);
        [counter_block[BLOCK_LEN - 2], counter_block[BLOCK_LEN - 1]] = [high, low];
        self.aes.encrypt_with_backend(Gctr {
            counter_block,
            skip: position % BLOCK_LEN,
            input,
            out,
        });
    }
}

/// GCTR (SP 800-38D section 6.5), on as many blocks at a time as the processor can take.
struct Gctr<'a> {
    counter_block: [u8; BLOCK_LEN],
    /// Bytes of the first block that are used up.
    skip: usize,
    input: &'a [u8],
    out: &'a mut [u8],
}

impl BlockSizeUser for Gctr<'_> {
    type BlockSize = U16;
}

impl BlockCipherEncClosure for Gctr<'_> {
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(mut self, backend: &B) {
        let mut blocks = ParBlocks::<B>::default();
        while !self.input.is_empty() {
            let needed = (self.skip + self.input.len()).div_ceil(BLOCK_LEN);
            let few = B::ParBlocksSize::USIZE > 2 && needed < B::ParBlocksSize::USIZE;
            let count = if few { needed } else { usize::MAX };
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

impl Gctr<'_> {
    /// Writes the counter block and advances to the next.
    fn count(&mut self, block: &mut cipher::Block<Self>) {
        *block = self.counter_block.into();
        if let Some(counter) = self.counter_block.last_chunk_mut() {
            *counter = u32::from_be_bytes(*counter).wrapping_add(1).to_be_bytes();
        }
    }

    /// Adds the stream to the beginning of the input.
    fn apply(&mut self, stream: &[u8]) {
        let (_, stream) = stream.split_at(self.skip);
        self.skip = 0;
        let len = stream.len().min(self.input.len());
        let (input, rest) = self.input.split_at(len);
        self.input = rest;
        let (out, rest) = mem::take(&mut self.out).split_at_mut(len);
        self.out = rest;
        for ((out, input), stream) in out.iter_mut().zip(input).zip(stream) {
            *out = input ^ stream;
        }
    }
}
