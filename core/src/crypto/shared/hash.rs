//! SHA-256, HMAC-SHA-512 and HKDF (FIPS 180-4, RFC 2104, RFC 5869) over the concatenation of several
//! parts.
//!
//! The compression functions are those of the crate `sha2`. Its hashers are generic over buffers and
//! output lengths, which costs firmware 0.7 KB of flash and as much stack.

use core::slice;

use sha2::block_api::{compress256, compress512};
use zeroize::{Zeroize, Zeroizing};

use crate::error::ErrorKind;

/// The initial hash value of SHA-512 (FIPS 180-4 section 5.3.5). That of SHA-256 (section 5.3.3) is
/// the upper half of each word: both are fractional parts of the same square roots.
static INITIAL: [u64; 8] = [
    0x6a09_e667_f3bc_c908,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
    0x5be0_cd19_137e_2179,
];

/// `$length` is the type of the length that ends the padding.
macro_rules! hash {
    ($name:ident, $word:ty, $block_len:literal, $length:ty, $compress:ident) => {
        struct $name {
            state: [$word; 8],
            block: [u8; $block_len],
            /// Bytes hashed so far.
            len: usize,
        }

        impl $name {
            /// Must be [started](Self::start) before it is used: in its final place, because moving
            /// it would take stack.
            const fn new() -> Self {
                Self {
                    state: [0; 8],
                    block: [0; $block_len],
                    len: 0,
                }
            }

            fn start(&mut self) {
                for (word, initial) in self.state.iter_mut().zip(&INITIAL) {
                    *word = (*initial >> (u64::BITS - <$word>::BITS)) as $word;
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

            /// Pads the message (FIPS 180-4 section 5.1) and writes its hash.
            fn finish(&mut self, out: &mut [u8; 8 * size_of::<$word>()]) {
                let bit_len = (8 * self.len as $length).to_be_bytes();
                self.update(&[0x80]);
                while self.len % $block_len != $block_len - bit_len.len() {
                    self.update(&[0]);
                }
                self.update(&bit_len);
                let (words, _) = out.as_chunks_mut();
                for (out, word) in words.iter_mut().zip(&self.state) {
                    *out = word.to_be_bytes();
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

hash!(Sha256, u32, 64, u64, compress256);
hash!(Sha512, u64, 128, u128, compress512);

/// SHA-256 (FIPS 180-4) of the concatenated parts.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.start();
    parts.iter().for_each(|part| hash.update(part));
    let mut out = [0; 32];
    hash.finish(&mut out);
    out
}

const INNER_PAD: u8 = 0x36;
const OUTER_PAD: u8 = 0x5c;

/// HMAC-SHA-512 (RFC 2104) of the concatenated parts. `key` is at most 128 bytes long, a block of
/// SHA-512.
pub(crate) fn hmac_sha512(key: &[u8], parts: &[&[u8]], mac: &mut [u8; 64]) {
    let mut inner = Zeroizing::new([0; 64]);
    keyed_sha512(key, INNER_PAD, parts, &mut inner);
    keyed_sha512(key, OUTER_PAD, &[&*inner], mac);
}

impl Sha512 {
    /// Starts with a block that is the padded key.
    fn start_keyed(&mut self, key: &[u8], pad: u8) {
        self.start();
        self.block.fill(pad);
        let keyed = self.block.iter_mut().zip(key);
        keyed.for_each(|(pad, byte)| *pad ^= *byte);
        self.len = self.block.len();
        compress512(&mut self.state, slice::from_ref(&self.block));
    }
}

/// SHA-512 of the padded key and the parts.
#[inline(never)]
fn keyed_sha512(key: &[u8], pad: u8, parts: &[&[u8]], out: &mut [u8; 64]) {
    let mut hash = Sha512::new();
    hash.start_keyed(key, pad);
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
    let mut previous: &[u8] = &[];
    for (number, block) in (1..).zip(out.chunks_mut(round.len())) {
        let parts = [previous, first, second, third, &[number]];
        hmac_sha512(prk, &parts, &mut round);
        for (out, byte) in block.iter_mut().zip(&*round) {
            *out = *byte;
        }
        previous = block;
    }
    Ok(())
}

/// HKDF-Expand with SHA-512 under one key, for many messages: what HMAC makes of the padded key.
#[cfg(feature = "alloc")]
#[derive(Zeroize, zeroize::ZeroizeOnDrop)]
pub(crate) struct ExpandKey {
    inner: [u64; 8],
    outer: [u64; 8],
}

#[cfg(feature = "alloc")]
impl ExpandKey {
    /// In its final place, or where the stack is wiped: it is moved.
    pub(crate) fn new(prk: &[u8; 32]) -> Self {
        let state = |pad| {
            let mut hash = Sha512::new();
            hash.start_keyed(prk, pad);
            hash.state
        };
        Self {
            inner: state(INNER_PAD),
            outer: state(OUTER_PAD),
        }
    }

    /// As [`hkdf_expand_sha512`].
    pub(crate) fn expand(&self, info: [&[u8]; 3], out: &mut [u8]) -> Result<(), ErrorKind> {
        let [first, second, third] = info;
        let mut round = Zeroizing::new([0; 64]);
        let mut inner = Zeroizing::new([0; 64]);
        let mut previous: &[u8] = &[];
        for (number, block) in (1..).zip(out.chunks_mut(round.len())) {
            let parts = [previous, first, second, third, &[number]];
            Sha512::go_on(&self.inner, &parts, &mut inner);
            Sha512::go_on(&self.outer, &[&*inner], &mut round);
            for (out, byte) in block.iter_mut().zip(&*round) {
                *out = *byte;
            }
            previous = block;
        }
        Ok(())
    }
}

#[cfg(feature = "alloc")]
impl Sha512 {
    /// The hash of the parts, after a first block that has led to `state`. As `update` and `finish`, and
    /// twice as fast for a few short parts, with code that firmware has no room for.
    fn go_on(state: &[u64; 8], parts: &[&[u8]], out: &mut [u8; 64]) {
        const LEN_AT: usize = 112;
        let mut hash = Self::new();
        hash.state = *state;
        hash.len = hash.block.len();
        for part in parts {
            let mut part = *part;
            while !part.is_empty() {
                let room = hash.room();
                let piece;
                (piece, part) = part.split_at(part.len().min(room.len()));
                room.split_at_mut(piece.len()).0.copy_from_slice(piece);
                hash.len += piece.len();
                if hash.len.is_multiple_of(hash.block.len()) {
                    compress512(&mut hash.state, slice::from_ref(&hash.block));
                }
            }
        }
        let bit_len = (8 * hash.len as u128).to_be_bytes();
        let room = hash.room();
        let has_room = room.len() > bit_len.len();
        room.fill(0);
        if let Some(first) = room.first_mut() {
            *first = 0x80;
        }
        if !has_room {
            compress512(&mut hash.state, slice::from_ref(&hash.block));
            hash.block.fill(0);
        }
        hash.block.split_at_mut(LEN_AT).1.copy_from_slice(&bit_len);
        compress512(&mut hash.state, slice::from_ref(&hash.block));
        let (words, _) = out.as_chunks_mut();
        for (out, word) in words.iter_mut().zip(&hash.state) {
            *out = word.to_be_bytes();
        }
    }

    /// What of the block is not filled yet.
    fn room(&mut self) -> &mut [u8] {
        let filled = self.len % self.block.len();
        self.block.split_at_mut(filled).1
    }
}
