//! The parts of GCM from RustCrypto, which use the processor's instructions where it has any.

use aes::{
    Aes256Enc,
    cipher::{
        self, BlockCipherEncBackend, BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser,
        KeyInit, ParBlocks, consts::U16, typenum::Unsigned,
    },
};
use ghash::{GHash, universal_hash::UniversalHash};
use zeroize::Zeroize;

use super::gcm::{BLOCK_LEN, NONCE_LEN};

/// AES-256 in counter mode.
#[cfg_attr(feature = "alloc", derive(Clone))]
pub(crate) struct KeyStream {
    aes: Aes256Enc,
    nonce: [u8; NONCE_LEN],
}

impl KeyStream {
    #[inline(always)]
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self {
            aes: Aes256Enc::new(key.into()),
            nonce: [0; NONCE_LEN],
        }
    }

    pub(crate) fn start(&mut self, nonce: &[u8; NONCE_LEN]) {
        self.nonce = *nonce;
    }

    pub(crate) fn apply(&mut self, position: usize, input: &[u8], out: &mut [u8]) {
        // A chunk is short enough for the counter.
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

/// GCTR (SP 800-38D section 6.5), as many blocks at a time as the machine has room for. `out` is as
/// long as `input`.
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

impl Gctr<'_> {
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

#[cfg_attr(feature = "alloc", derive(Clone))]
pub(crate) struct Ghash {
    ghash: GHash,
    /// Data that does not fill a block yet.
    partial: [u8; BLOCK_LEN],
    len: usize,
}

impl Default for Ghash {
    fn default() -> Self {
        Self {
            ghash: GHash::new(&ghash::Key::default()),
            partial: [0; BLOCK_LEN],
            len: 0,
        }
    }
}

impl Ghash {
    pub(crate) fn start(&mut self, key: &[u8; BLOCK_LEN]) {
        self.ghash = GHash::new(key.into());
        self.len = 0;
    }

    pub(crate) fn update(&mut self, data: &[u8]) {
        let filled = self.len % BLOCK_LEN;
        self.len += data.len();
        let mut rest = data;
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

    pub(crate) fn finish(&mut self) -> [u8; BLOCK_LEN] {
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
        self.ghash.clone().finalize().into()
    }
}
