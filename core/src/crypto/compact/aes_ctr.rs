//! AES-256 in counter mode: constant-time, without tables.
//!
//! The code is bitsliced and encrypts eight blocks at a time. Each row of the state (FIPS 197 section
//! 3.4) is eight words, one for each bit of its bytes: bit `8 * column + block` of word `bit` is that
//! bit of that byte. ShiftRows is then a rotation of words, which costs nothing on an Arm processor.
//! MixColumns adds words as they are. Round keys need no transposition, because their bits have to be
//! spread over the blocks anyway.
//!
//! The unused rest of the eight blocks is kept, so small pieces cost no more than large ones.

use core::mem;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::aes_s_box::s_box;
use crate::crypto::shared::gcm::{self, BLOCK_LEN, NONCE_LEN};

const BLOCKS: usize = 8;
const BATCH_LEN: usize = BLOCKS * BLOCK_LEN;
const ROUNDS: usize = 14;

/// The lowest bit of each byte of a word.
const LOWEST_BITS: u32 = 0x0101_0101;
/// The constant that the affine transformation of SubBytes adds (FIPS 197 section 5.1.1), in each byte
/// of a word. MixColumns does not change it, so it is part of the round keys here.
const AFFINE: u32 = 0x6363_6363;

/// Eight words, one for each bit of a byte.
type Planes = [u32; 8];

#[derive(Zeroize, ZeroizeOnDrop)]
#[cfg_attr(feature = "alloc", derive(Clone))]
pub(crate) struct KeyStream {
    /// By rows: byte `column` of word `row` is byte `4 * column + row`.
    round_keys: [[u32; 4]; ROUNDS + 1],
    nonce: [u32; 3],
    /// Number of `batch` in the stream; `usize::MAX` if there is no batch yet.
    number: usize,
    batch: [u8; BATCH_LEN],
}

impl gcm::KeyStream for KeyStream {
    #[inline(always)]
    fn new(key: &[u8; 32]) -> Self {
        let mut stream = Self {
            round_keys: [[0; 4]; ROUNDS + 1],
            nonce: [0; 3],
            number: usize::MAX,
            batch: [0; BATCH_LEN],
        };
        expand_key(key, &mut stream.round_keys);
        stream
    }

    fn start(&mut self, nonce: &[u8; NONCE_LEN]) {
        let (words, _) = nonce.as_chunks();
        for (out, word) in self.nonce.iter_mut().zip(words) {
            *out = u32::from_le_bytes(*word);
        }
        self.number = usize::MAX;
    }

    fn apply(&mut self, mut position: usize, mut input: &[u8], mut out: &mut [u8]) {
        while !input.is_empty() {
            if position / BATCH_LEN != self.number {
                self.number = position / BATCH_LEN;
                self.encrypt_batch();
            }
            let (_, stream) = self.batch.split_at(position % BATCH_LEN);
            let len = stream.len().min(input.len());
            let (piece, place);
            (piece, input) = input.split_at(len);
            (place, out) = out.split_at_mut(len);
            add(place, piece, stream.split_at(len).0);
            position += len;
        }
    }
}

/// Writes the sum of `piece` and `stream` to `out`. All three are equally long.
fn add(out: &mut [u8], piece: &[u8], stream: &[u8]) {
    let (out_words, out) = out.as_chunks_mut();
    let (piece_words, piece) = piece.as_chunks();
    let (stream_words, stream) = stream.as_chunks();
    let words = out_words.iter_mut().zip(piece_words).zip(stream_words);
    for ((out, piece), stream) in words {
        *out = (u32::from_ne_bytes(*piece) ^ u32::from_ne_bytes(*stream)).to_ne_bytes();
    }
    for ((out, piece), stream) in out.iter_mut().zip(piece).zip(stream) {
        *out = piece ^ stream;
    }
}

impl KeyStream {
    #[inline(never)]
    fn encrypt_batch(&mut self) {
        let [first, second, third] = self.nonce;
        let [.., byte0, byte1, byte2, byte3] = (self.number * BLOCKS).to_be_bytes();
        let counter = u32::from_le_bytes([byte0, byte1, byte2, byte3]);
        let mut counter_block = [first, second, third, counter];
        transpose(&mut counter_block);

        let mut rows: [Planes; 4] = [[0; 8]; 4];
        // The lowest byte counts the blocks.
        rows[3][..3].copy_from_slice(&[0xaa00_0000, 0xcc00_0000, 0xf000_0000]);
        add_to_rows(&mut rows, &counter_block);
        let [round_keys @ .., last_key] = &self.round_keys;
        for (round, round_key) in (1..).zip(round_keys) {
            for (row, key) in rows.iter_mut().zip(round_key) {
                sub_bytes(row, *key);
            }
            if round < ROUNDS {
                shift_rows_and_mix_columns(&mut rows);
            } else {
                shift_rows(&mut rows);
            }
        }
        add_to_rows(&mut rows, last_key);

        // Now byte `row` of word `block` of `rows[column]` is that byte.
        transpose(rows.as_flattened_mut());
        let [column0, column1, column2, column3] = &rows;
        let columns = column0.iter().zip(column1).zip(column2).zip(column3);
        let (words, _) = self.batch.as_chunks_mut();
        let (blocks, _) = words.as_chunks_mut();
        for (block, (((word0, word1), word2), word3)) in blocks.iter_mut().zip(columns) {
            *block = [*word0, *word1, *word2, *word3].map(u32::to_le_bytes);
        }
        rows.zeroize();
    }
}

/// KeyExpansion (FIPS 197 section 5.2): makes each round key from the previous two.
#[inline(never)]
fn expand_key(key: &[u8; 32], round_keys: &mut [[u32; 4]; ROUNDS + 1]) {
    let mut words = [[0; 4]; 2];
    let (bytes, _) = key.as_chunks();
    for (word, bytes) in words.as_flattened_mut().iter_mut().zip(bytes) {
        *word = u32::from_le_bytes(*bytes);
    }
    for (number, round_key) in (0..).zip(round_keys) {
        let [older, newer] = &mut words;
        *round_key = *older;
        if number > 0 {
            round_key.iter_mut().for_each(|word| *word ^= AFFINE);
        }
        transpose(round_key);

        let [.., last] = *newer;
        let mut word = if number % 2 == 0 {
            sub_word(last.rotate_right(8)) ^ 1 << (number / 2)
        } else {
            sub_word(last)
        };
        for older in &mut *older {
            word ^= *older;
            *older = word;
        }
        mem::swap(older, newer);
    }
    words.zeroize();
}

/// SubWord (FIPS 197 section 5.2).
fn sub_word(word: u32) -> u32 {
    let mut planes = [0; 8];
    sub_bytes(&mut planes, word);
    let highest_first = planes.iter().rev();
    let word = highest_first.fold(0, |word, plane| word << 1 ^ plane & LOWEST_BITS);
    planes.zeroize();
    word ^ AFFINE
}

/// Adds 16 bytes, by rows, to each block.
fn add_to_rows(rows: &mut [Planes; 4], words: &[u32; 4]) {
    for (row, word) in rows.iter_mut().zip(words) {
        for (bit, plane) in row.iter_mut().enumerate() {
            *plane ^= spread(word >> bit);
        }
    }
}

/// The lowest bit of each byte in all its bits.
fn spread(word: u32) -> u32 {
    let bits = word & LOWEST_BITS;
    (bits << 8).wrapping_sub(bits)
}

fn shift_rows(rows: &mut [Planes; 4]) {
    for (amount, row) in (0..).step_by(8).zip(rows) {
        for plane in row {
            *plane = plane.rotate_right(amount);
        }
    }
}

/// ShiftRows and MixColumns. A column a becomes 2 * (a + b) + b + c + d, where b, c and d are the
/// column rotated by 1, 2 and 3.
fn shift_rows_and_mix_columns(rows: &mut [Planes; 4]) {
    let [row0, row1, row2, row3] = &mut *rows;
    let [mut ab_below, mut bc_below, mut cd_below, mut da_below] = [0; 4];
    let planes = row0.iter_mut().zip(row1).zip(row2).zip(row3);
    for (((out0, out1), out2), out3) in planes {
        let a = *out0;
        let b = out1.rotate_right(8);
        let c = out2.rotate_right(16);
        let d = out3.rotate_right(24);
        let (ab, bc, cd, da) = (a ^ b, b ^ c, c ^ d, d ^ a);
        *out0 = ab_below ^ b ^ cd;
        *out1 = bc_below ^ c ^ da;
        *out2 = cd_below ^ d ^ ab;
        *out3 = da_below ^ a ^ bc;
        (ab_below, bc_below, cd_below, da_below) = (ab, bc, cd, da);
    }
    // x^8 is x^4 + x^3 + x + 1.
    for (row, highest) in rows
        .iter_mut()
        .zip([ab_below, bc_below, cd_below, da_below])
    {
        let [bit0, bit1, _, bit3, bit4, ..] = row;
        *bit0 ^= highest;
        *bit1 ^= highest;
        *bit3 ^= highest;
        *bit4 ^= highest;
    }
}

/// Transposes a matrix: 32 words as 32 by 32 bits, or four words as 4 by 4 bytes.
///
/// The method is that of Warren, "Hacker's Delight", section 7-3: swap the two quarters beside the
/// diagonal, then do the same within each quarter.
fn transpose(words: &mut [u32]) {
    let mut distance = words.len();
    let (mut shift, mut mask) = (32_u32, !0);
    while distance > 1 {
        (distance, shift) = (distance / 2, shift / 2);
        mask ^= mask << shift;
        let mut rest = &mut *words;
        while let Some((uppers, after)) = rest.split_at_mut_checked(distance) {
            let Some((lowers, after)) = after.split_at_mut_checked(distance) else {
                break;
            };
            rest = after;
            for (upper, lower) in uppers.iter_mut().zip(lowers) {
                let (high, low) = (*upper, *lower);
                let swapped = (high >> shift ^ low) & mask;
                *upper = high ^ swapped << shift;
                *lower = low ^ swapped;
            }
        }
    }
}

/// AddRoundKey and SubBytes (FIPS 197 sections 5.1.4 and 5.1.1) without [`AFFINE`], for one row.
/// `word` is the row's four bytes of the round key.
#[inline(never)]
fn sub_bytes(planes: &mut Planes, word: u32) {
    let [bit0, bit1, bit2, bit3, bit4, bit5, bit6, bit7] = *planes;
    *planes = s_box([
        bit0 ^ spread(word),
        bit1 ^ spread(word >> 1),
        bit2 ^ spread(word >> 2),
        bit3 ^ spread(word >> 3),
        bit4 ^ spread(word >> 4),
        bit5 ^ spread(word >> 5),
        bit6 ^ spread(word >> 6),
        bit7 ^ spread(word >> 7),
    ]);
}

#[cfg(test)]
mod tests {
    use aes::{Aes256Enc, Block, cipher::BlockCipherEncrypt, cipher::KeyInit};
    use proptest::{
        prelude::Rng,
        test_runner::{RngAlgorithm, TestRng},
    };

    use super::*;
    use crate::crypto::shared::gcm::KeyStream as _;

    /// Appendix C.3: the last word of the plaintext is the counter.
    #[test]
    fn aes_256_of_fips_197() {
        let mut key = [0; 32];
        key.iter_mut().zip(0..).for_each(|(out, byte)| *out = byte);
        let mut stream = KeyStream::new(&key);
        stream.start(&[
            0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb,
        ]);
        let mut block = [0; BLOCK_LEN];
        stream.apply(0xccdd_eeff * BLOCK_LEN, &[0; BLOCK_LEN], &mut block);
        assert_eq!(hex::encode(block), "8ea2b7ca516745bfeafc49904b496089");
    }

    /// Random keys, nonces, positions and lengths.
    #[test]
    fn the_stream_is_that_of_the_crate() {
        let mut random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        for _ in 0..4000 {
            let (mut key, mut nonce) = ([0; 32], [0; 12]);
            random.fill_bytes(&mut key);
            random.fill_bytes(&mut nonce);
            let aes = Aes256Enc::new(&key.into());
            let mut stream = KeyStream::new(&key);
            stream.start(&nonce);
            for _ in 0..3 {
                let first = random.next_u32() >> (random.next_u32() % 32);
                let mut input = vec![0; random.next_u32() as usize % 400];
                random.fill_bytes(&mut input);

                let mut expected = Vec::new();
                for counter in first..=first.saturating_add(30) {
                    let mut block = Block::default();
                    block[..12].copy_from_slice(&nonce);
                    block[12..].copy_from_slice(&counter.to_be_bytes());
                    aes.encrypt_block(&mut block);
                    expected.extend(block);
                }
                let skip = random.next_u32() as usize % BLOCK_LEN;
                let sum = input.iter().zip(&expected[skip..]);
                let sum: Vec<u8> = sum.map(|(input, stream)| input ^ stream).collect();
                let position = first as usize * BLOCK_LEN + skip;
                let mut found = vec![0; input.len()];
                stream.apply(position, &input, &mut found);
                assert_eq!(found[..sum.len()], sum, "{key:x?} {nonce:x?} {position}");
            }
        }
    }
}
