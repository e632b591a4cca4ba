//! GHASH (SP 800-38D section 6.4), without tables. It is constant-time on processors that multiply 32 by
//! 32 bits to 32 bits in constant time, as every Cortex-M does. It does not use long multiplication,
//! which ends early for small numbers on a Cortex-M3 and does not exist on a Cortex-M0.
//!
//! A block is a big-endian number whose highest bit is the coefficient of x^0. With its bits reversed,
//! it is an element of the field of POLYVAL (RFC 8452 appendix A). There, products need no shift, and
//! reduction works as in Montgomery multiplication.

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::crypto::shared::{
    gcm::{self, BLOCK_LEN},
    xor::xor,
};

/// Lowest word first.
type Words<const N: usize> = [u32; N];

#[derive(Default, Zeroize, ZeroizeOnDrop)]
#[cfg_attr(feature = "alloc", derive(Clone))]
pub(crate) struct Ghash {
    key: Words<4>,
    /// Big-endian words, highest first.
    sum: [[u8; 4]; 4],
    /// Bytes hashed so far.
    len: usize,
}

impl gcm::Ghash for Ghash {
    fn start(&mut self, key: &[u8; BLOCK_LEN]) {
        const POLYNOMIAL: u128 = 1 << 127 | 1 << 126 | 1 << 121 | 1;
        // Multiplied by x, as in RFC 8452 appendix A.
        let number = u128::from_be_bytes(*key);
        let number = number << 1 ^ (number >> 127).wrapping_neg() & POLYNOMIAL;
        let word = |index: u32| (number >> (32 * index) & 0xffff_ffff) as u32;
        self.key = [word(0), word(1), word(2), word(3)];
        self.sum = [[0; 4]; 4];
        self.len = 0;
    }

    fn update(&mut self, mut data: &[u8]) {
        while !data.is_empty() {
            let filled = self.len % BLOCK_LEN;
            let piece;
            (piece, data) = data.split_at(data.len().min(BLOCK_LEN - filled));
            let (_, place) = self.sum.as_flattened_mut().split_at_mut(filled);
            xor(place, piece);
            self.len += piece.len();
            if self.len.is_multiple_of(BLOCK_LEN) {
                self.multiply();
            }
        }
    }

    fn finish(&mut self) -> [u8; BLOCK_LEN] {
        if !self.len.is_multiple_of(BLOCK_LEN) {
            self.multiply();
        }
        // The first half is the length of the additional data, which is 0. The length of a chunk in
        // bits fits one word.
        let [.., byte0, byte1, byte2, byte3] = (8 * self.len).to_be_bytes();
        let [.., lowest] = &mut self.sum;
        xor(lowest, &[byte0, byte1, byte2, byte3]);
        self.multiply();
        let mut hash = [0; BLOCK_LEN];
        hash.copy_from_slice(self.sum.as_flattened());
        hash
    }
}

impl Ghash {
    #[inline(never)]
    fn multiply(&mut self) {
        let [s3, s2, s1, s0] = self.sum;
        let word = u32::from_be_bytes;
        let sum = [word(s0), word(s1), word(s2), word(s3)];
        let [p0, p1, p2, p3, p4, p5, p6, p7] = product(sum, self.key);
        // Adding x^128 + x^127 + x^126 + x^121 + 1 times each lower word in turn makes it 0.
        let below = |word: u32| word << 31 ^ word << 30 ^ word << 25;
        let above = |word: u32| word ^ word >> 1 ^ word >> 2 ^ word >> 7;
        let p3 = p3 ^ below(p0);
        let p4 = p4 ^ above(p0) ^ below(p1);
        let p5 = p5 ^ above(p1) ^ below(p2);
        let p6 = p6 ^ above(p2) ^ below(p3);
        let p7 = p7 ^ above(p3);
        let bytes = u32::to_be_bytes;
        self.sum = [bytes(p7), bytes(p6), bytes(p5), bytes(p4)];
    }
}

/// The product of two polynomials, before reduction.
#[inline(always)]
fn product([a0, a1, a2, a3]: Words<4>, [b0, b1, b2, b3]: Words<4>) -> Words<8> {
    let [l0, l1, l2, l3, l4, l5, l6] = lower_halves([a0, a1, a2, a3], [b0, b1, b2, b3]);
    // The product of reversed words is the product, of 63 bits, reversed: this gives the upper halves.
    let reversed = u32::reverse_bits;
    let [u0, u1, u2, u3, u4, u5, u6] = lower_halves(
        [reversed(a0), reversed(a1), reversed(a2), reversed(a3)],
        [reversed(b0), reversed(b1), reversed(b2), reversed(b3)],
    );
    let upper = |word: u32| word.reverse_bits() >> 1;
    [
        l0,
        l1 ^ upper(u0),
        l2 ^ upper(u1),
        l3 ^ upper(u2),
        l4 ^ upper(u3),
        l5 ^ upper(u4),
        l6 ^ upper(u5),
        upper(u6),
    ]
}

/// The product of two polynomials, as if products of words had no upper halves. Applies Karatsuba's
/// method twice.
#[inline(never)]
fn lower_halves(a: Words<4>, b: Words<4>) -> Words<7> {
    let mut products = sums(a);
    for (product, b) in products.iter_mut().zip(sums(b)) {
        *product = lower_half(*product, b);
    }
    let [p0, p1, p2, p3, p01, p23, p02, p13, p0123] = products;
    let (low, high) = (p0 ^ p1 ^ p01, p2 ^ p3 ^ p23);
    [
        p0,
        low,
        p0 ^ p1 ^ p2 ^ p02,
        low ^ high ^ p02 ^ p13 ^ p0123,
        p1 ^ p2 ^ p3 ^ p13,
        high,
        p3,
    ]
}

fn sums([w0, w1, w2, w3]: Words<4>) -> Words<9> {
    let (w01, w23) = (w0 ^ w1, w2 ^ w3);
    [w0, w1, w2, w3, w01, w23, w0 ^ w2, w1 ^ w3, w01 ^ w23]
}

/// The lower half of the product of two words.
///
/// Multiplies numbers that hold only every fourth bit of each factor, so that carries do not reach the
/// next bit that counts: a sum has at most 15 bits, 8 of one product and 7 of the other.
fn lower_half(a: u32, b: u32) -> u32 {
    const EVERY_FOURTH: u32 = 0x1111_1111;
    let part = |number: u32, first: u32| number & EVERY_FOURTH << first;
    let [a0, a1, a2, a3] = [part(a, 0), part(a, 1), part(a, 2), part(a, 3)];
    let [b0, b1, b2, b3] = [part(b, 0), part(b, 1), part(b, 2), part(b, 3)];
    let product = u32::wrapping_mul;
    let sum = |a0, b0, a1, b1| product(a0, b0).wrapping_add(product(a1, b1));
    let bits0 = sum(a0, b0, a1, b3) ^ product(a2, b2) ^ product(a3, b1);
    let bits1 = sum(a0, b1, a2, b3) ^ sum(a1, b0, a3, b2);
    let bits2 = sum(a0, b2, a3, b3) ^ product(a1, b1) ^ product(a2, b0);
    let bits3 = product(a0, b3) ^ product(a1, b2) ^ product(a2, b1) ^ product(a3, b0);
    bits0 & EVERY_FOURTH
        | bits1 & EVERY_FOURTH << 1
        | bits2 & EVERY_FOURTH << 2
        | bits3 & EVERY_FOURTH << 3
}

#[cfg(test)]
mod tests {
    use ghash::{GHash, universal_hash::UniversalHash};
    use proptest::{
        prelude::Rng,
        test_runner::{RngAlgorithm, TestRng},
    };

    use super::*;
    use crate::crypto::shared::gcm::Ghash as _;

    fn check(key: &[u8; BLOCK_LEN], data: &[u8], piece_len: usize) {
        let mut expected = GHash::new(key.into());
        expected.update_padded(data);
        let bit_len = 8 * data.len() as u128;
        expected.update(&[bit_len.to_be_bytes().into()]);
        let mut ghash = Ghash::default();
        ghash.start(key);
        data.chunks(piece_len).for_each(|piece| ghash.update(piece));
        assert_eq!(ghash.finish()[..], expected.finalize()[..], "{key:x?}");
    }

    /// Every single bit by every single bit: multiplication is linear in both.
    #[test]
    fn all_pairs_of_bits() {
        for key in 0..128 {
            for block in 0..128 {
                let [key, block] = [key, block].map(|bit: u32| (1_u128 << bit).to_be_bytes());
                check(&key, &block, BLOCK_LEN);
            }
        }
    }

    /// Random keys, data and pieces; among them many bits that are set, whose sums are largest.
    #[test]
    fn random_data() {
        let mut random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        check(&[0xff; BLOCK_LEN], &[0xff; 100], 7);
        for round in 0..10_000 {
            let mut key = [0; BLOCK_LEN];
            let mut data = vec![0; random.next_u32() as usize % 200];
            random.fill_bytes(&mut key);
            random.fill_bytes(&mut data);
            if round % 2 == 0 {
                for byte in key.iter_mut().chain(&mut data) {
                    *byte |=
                        random.next_u32().to_le_bytes()[0] | random.next_u32().to_le_bytes()[1];
                }
            }
            check(&key, &data, 1 + random.next_u32() as usize % 40);
        }
    }
}
