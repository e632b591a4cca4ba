//! SHA-256 and SHA-512 (FIPS 180-4) of several parts together, HMAC and HKDF.
//!
//! The compression functions are those of the crate `sha2`. Its hashers are generic over buffers and
//! output lengths, which costs firmware 0.7 KB of flash and as much stack.

use core::slice;

use sha2::block_api::{compress256, compress512};
use zeroize::{Zeroize, Zeroizing};

use crate::error::ErrorKind;

macro_rules! hash {
    ($name:ident, $word:ty, $block_len:literal, $len_len:literal, $compress:ident, $initial:expr) => {
        struct $name {
            state: [$word; 8],
            block: [u8; $block_len],
            /// Bytes hashed so far.
            len: usize,
        }

        impl $name {
            const fn new() -> Self {
                Self {
                    state: $initial,
                    block: [0; $block_len],
                    len: 0,
                }
            }

            fn update(&mut self, mut data: &[u8]) {
                while !data.is_empty() {
                    let filled = self.len % $block_len;
                    let piece;
                    (piece, data) = data.split_at(data.len().min($block_len - filled));
                    let room = self.block.iter_mut().skip(filled);
                    room.zip(piece).for_each(|(room, byte)| *room = *byte);
                    self.len += piece.len();
                    if self.len % $block_len == 0 {
                        $compress(&mut self.state, slice::from_ref(&self.block));
                    }
                }
            }

            /// Writes the hash.
            fn finish(&mut self, out: &mut [u8; 8 * size_of::<$word>()]) {
                let bit_len = (8 * self.len as u64).to_be_bytes();
                self.update(&[0x80]);
                while self.len % $block_len != $block_len - $len_len {
                    self.update(&[0]);
                }
                self.update(&[0; $len_len - size_of::<u64>()]);
                self.update(&bit_len);
                let words = out.chunks_exact_mut(size_of::<$word>());
                for (out, word) in words.zip(self.state) {
                    out.copy_from_slice(&word.to_be_bytes());
                }
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                self.state.zeroize();
                self.block.zeroize();
            }
        }
    };
}

hash!(
    Sha256,
    u32,
    64,
    8,
    compress256,
    [
        0x6a09_e667,
        0xbb67_ae85,
        0x3c6e_f372,
        0xa54f_f53a,
        0x510e_527f,
        0x9b05_688c,
        0x1f83_d9ab,
        0x5be0_cd19,
    ]
);
hash!(
    Sha512,
    u64,
    128,
    16,
    compress512,
    [
        0x6a09_e667_f3bc_c908,
        0xbb67_ae85_84ca_a73b,
        0x3c6e_f372_fe94_f82b,
        0xa54f_f53a_5f1d_36f1,
        0x510e_527f_ade6_82d1,
        0x9b05_688c_2b3e_6c1f,
        0x1f83_d9ab_fb41_bd6b,
        0x5be0_cd19_137e_2179,
    ]
);

pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    let mut out = [0; 32];
    hash.finish(&mut out);
    out
}

/// HMAC with SHA-512 (RFC 2104) of all parts together. `key` is at most 128 bytes long, a block of
/// SHA-512, and is padded with zeros.
pub(crate) fn hmac_sha512(key: &[u8], parts: &[&[u8]], mac: &mut [u8; 64]) {
    const INNER_PAD: u8 = 0x36;
    const OUTER_PAD: u8 = 0x5c;
    keyed_sha512(key, INNER_PAD, parts, mac);
    let inner = Zeroizing::new(*mac);
    keyed_sha512(key, OUTER_PAD, &[&*inner], mac);
}

fn keyed_sha512(key: &[u8], pad: u8, parts: &[&[u8]], out: &mut [u8; 64]) {
    let mut hash = Sha512::new();
    hash.block.fill(pad);
    let keyed = hash.block.iter_mut().zip(key);
    keyed.for_each(|(pad, byte)| *pad ^= *byte);
    hash.len = hash.block.len();
    compress512(&mut hash.state, slice::from_ref(&hash.block));
    parts.iter().for_each(|part| hash.update(part));
    hash.finish(out);
}

/// HKDF-Expand with SHA-512 (RFC 5869 section 2.3).
pub(crate) fn hkdf_expand_sha512(
    prk: &[u8; 32],
    info: [&[u8]; 3],
    out: &mut [u8],
) -> Result<(), ErrorKind> {
    let [first, second, third] = info;
    let mut round = Zeroizing::new([0; 64]);
    for (number, block) in (1..).zip(out.chunks_mut(round.len())) {
        // Each round begins with the one before.
        let before = Zeroizing::new(*round);
        let before: &[u8] = if number > 1 { &*before } else { &[] };
        let parts = [before, first, second, third, &[number]];
        hmac_sha512(prk, &parts, &mut round);
        block
            .iter_mut()
            .zip(round.iter())
            .for_each(|(out, byte)| *out = *byte);
    }
    Ok(())
}
