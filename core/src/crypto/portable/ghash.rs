//! GHASH, with the `ghash` crate.

use ghash::{GHash, Key, universal_hash::UniversalHash};

use crate::crypto::shared::gcm::{self, BLOCK_LEN};

#[derive(Clone)]
pub(crate) struct Ghash {
    ghash: GHash,
    /// The beginning of a block that is not complete yet.
    partial: [u8; BLOCK_LEN],
    /// Bytes hashed so far.
    len: usize,
}

impl Default for Ghash {
    fn default() -> Self {
        Self {
            ghash: GHash::new(&Key::default()),
            partial: [0; BLOCK_LEN],
            len: 0,
        }
    }
}

impl gcm::Ghash for Ghash {
    fn start(&mut self, key: &[u8; BLOCK_LEN]) {
        self.ghash = GHash::new(key.into());
        self.len = 0;
    }

    fn update(&mut self, data: &[u8]) {
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
        let room = self.partial.iter_mut();
        room.zip(tail).for_each(|(out, byte)| *out = *byte);
    }

    fn finish(&mut self) -> [u8; BLOCK_LEN] {
        let filled = self.len % BLOCK_LEN;
        if filled > 0 {
            let rest = self.partial.iter_mut().skip(filled);
            rest.for_each(|byte| *byte = 0);
            self.ghash.update(&[self.partial.into()]);
        }
        // The upper half is the length of the additional data, which is 0.
        let bit_len = 8 * self.len as u128;
        self.ghash.update(&[bit_len.to_be_bytes().into()]);
        self.ghash.clone().finalize().into()
    }
}
