//! The RSA public operation, without a heap and with the same code for all sizes of key.
//!
//! Montgomery multiplication uses the method FIOS of Koç, Acar and Kaliski, "Analyzing and Comparing
//! Montgomery Multiplication Algorithms", IEEE Micro 16(3), 1996: multiplication and reduction share
//! one pass over the words. Here each has its own carry, so a step is `sum + digit * word + carry`
//! twice. That fits two words, and a Cortex-M4 has an instruction for it (UMAAL).
//!
//! The fixed-size types of crypto-bigint 0.7 would take 23 KB of flash and 10 to 19 KB of stack on a
//! Cortex-M4F for the three sizes of key; this takes 1.3 KB and 1.6 KB, its message included.
//!
//! In the comments n is the modulus, k its length in bits, R is 2^k, and m is the message. Modulus and
//! exponent are public, so code that depends on nothing else may branch.

use core::{iter, mem, num::NonZero};

use subtle::{Choice, ConditionallySelectable};
use zeroize::{DefaultIsZeroes, Zeroize};

/// Bytes of the largest modulus: 4096 bits.
pub(crate) const MAX_LEN: usize = 512;

/// Columns for the largest modulus in the smallest words.
const MAX_COLUMNS: usize = MAX_LEN / size_of::<u32>() + 1;

/// RSAEP, RFC 8017 section 5.1.1: writes message^exponent mod modulus to `out`, in words of type `W`.
///
/// `modulus` is big-endian, odd, and of 2048, 3072 or 4096 bits. `message` and `out` are as long,
/// big-endian, and the message is less than the modulus as a number. `exponent` is odd. Returns `None`
/// and leaves both alone if a length, the top bit of the modulus, or the parity of modulus or exponent
/// breaks these rules.
///
/// Nothing but the result is written to `out`: others may see it. What becomes of `message` is a
/// secret like itself.
///
/// Takes the same steps for every message. (On a Cortex-M3 the steps themselves do not take the same
/// time: its long multiplication ends early for small numbers.)
///
/// Not inlined: the columns would add to the stack frame of the caller, on top of which it hashes.
#[inline(never)]
#[must_use]
pub(crate) fn rsaep<W: Word>(
    modulus: &[u8],
    exponent: u32,
    message: &mut [u8],
    out: &mut [u8],
) -> Option<()> {
    let is_full = modulus.first()? >> 7 == 1;
    let is_odd = modulus.last()? & 1 == 1 && exponent & 1 == 1;
    let exponent = NonZero::new(exponent)?;
    if !is_full || !is_odd || message.len() != modulus.len() || out.len() != modulus.len() {
        return None;
    }
    let (256 | 384 | 512) = modulus.len() else {
        return None;
    };
    let mut columns = [Column::<W>::default(); MAX_COLUMNS];
    let columns = columns.get_mut(..modulus.len() / W::LEN + 1)?;
    raise(columns, modulus, exponent, message);
    store(columns, out);
    columns.zeroize();
    Some(())
}

/// A word of a number.
pub(crate) trait Word: DefaultIsZeroes + ConditionallySelectable + PartialEq {
    /// Length in bytes.
    const LEN: usize;
    const ZERO: Self;
    const ONE: Self;

    /// `bytes` are [`LEN`](Self::LEN).
    fn from_be_bytes(bytes: &[u8]) -> Self;

    /// Writes the word to [`LEN`](Self::LEN) bytes.
    fn write_be_bytes(self, bytes: &mut [u8]);

    /// The complement.
    fn not(self) -> Self;

    /// The product modulo 2^(8 * LEN).
    fn low_product(self, factor: Self) -> Self;

    /// sum + digit * word + carry, low word first.
    fn multiply_add(sum: Self, digit: Self, word: Self, carry: Self) -> (Self, Self);

    /// a + b + carry, low word first.
    fn add(a: Self, b: Self, carry: Self) -> (Self, Self);

    /// -1 / `odd` mod 2^(8 * LEN).
    fn negative_inverse(odd: Self) -> Self;

    fn lowest_bit(self) -> Choice;
}

macro_rules! word {
    ($word:ty, $double:ty) => {
        #[allow(clippy::cast_possible_truncation, reason = "the low word is meant")]
        impl Word for $word {
            const LEN: usize = size_of::<Self>();
            const ZERO: Self = 0;
            const ONE: Self = 1;

            #[inline(always)]
            fn from_be_bytes(bytes: &[u8]) -> Self {
                Self::from_be_bytes(bytes.try_into().unwrap_or_default())
            }

            #[inline(always)]
            fn write_be_bytes(self, bytes: &mut [u8]) {
                bytes.copy_from_slice(&self.to_be_bytes());
            }

            #[inline(always)]
            fn not(self) -> Self {
                !self
            }

            #[inline(always)]
            fn low_product(self, factor: Self) -> Self {
                self.wrapping_mul(factor)
            }

            #[inline(always)]
            fn multiply_add(sum: Self, digit: Self, word: Self, carry: Self) -> (Self, Self) {
                let product = <$double>::from(digit) * <$double>::from(word);
                let number = <$double>::from(sum) + product + <$double>::from(carry);
                (number as Self, (number >> Self::BITS) as Self)
            }

            #[inline(always)]
            fn add(a: Self, b: Self, carry: Self) -> (Self, Self) {
                let number = <$double>::from(a) + <$double>::from(b) + <$double>::from(carry);
                (number as Self, (number >> Self::BITS) as Self)
            }

            /// By Newton's iteration: each round doubles the number of right bits, of which three are
            /// right at first, since every odd number is its own inverse modulo 8.
            #[inline(always)]
            fn negative_inverse(odd: Self) -> Self {
                let mut inverse = odd;
                let mut right_bits = 3;
                while right_bits < Self::BITS {
                    let product = odd.wrapping_mul(inverse);
                    inverse = inverse.wrapping_mul(Self::wrapping_sub(2, product));
                    right_bits *= 2;
                }
                inverse.wrapping_neg()
            }

            #[inline(always)]
            fn lowest_bit(self) -> Choice {
                Choice::from((self & 1) as u8)
            }
        }
    };
}

word!(u32, u64);
word!(u64, u128);

/// One word of each of two numbers.
///
/// They lie side by side, lowest words first, so that one pointer serves both. There is one column
/// more than the modulus has words, for intermediate values above R.
#[derive(Clone, Copy, Default)]
struct Column<W> {
    /// The number that is raised to a power.
    value: W,
    /// The number that becomes the next value.
    sum: W,
}

impl<W: Word> DefaultIsZeroes for Column<W> {}

/// `columns` are zero before, and hold the result as their value after.
#[inline(never)]
fn raise<W: Word>(
    columns: &mut [Column<W>],
    modulus: &[u8],
    exponent: NonZero<u32>,
    message: &mut [u8],
) {
    set_to_square_of_radix(columns, modulus);
    multiply(columns, modulus, Some(message));
    // Now the value is m * R, the Montgomery form of m. Where m is multiplied by only once more, at
    // the end, as for 3, 17 and 65537, plain m will do, and the product has left the Montgomery form.
    // Any other exponent takes the Montgomery form of m throughout, and a factor of 1 to leave it.
    let is_plain = (exponent.get() - 1).is_power_of_two();
    if !is_plain {
        store(columns, message);
    }
    for bit in (0..exponent.ilog2()).rev() {
        multiply(columns, modulus, None);
        if exponent.get() >> bit & 1 == 1 {
            multiply(columns, modulus, Some(message));
        }
    }
    if !is_plain {
        message.fill(0);
        if let Some(lowest) = message.last_mut() {
            *lowest = 1;
        }
        multiply(columns, modulus, Some(message));
    }
}

/// Makes the value, which is 0, congruent to R^2 and less than R.
///
/// All public. The sum serves as the constant by which what moves out at the top comes back in.
fn set_to_square_of_radix<W: Word>(columns: &mut [Column<W>], modulus: &[u8]) {
    if let Some(top) = columns.last_mut() {
        top.value = W::ONE;
    }
    reduce_top(columns, modulus);
    shift_up(columns);
    reduce_top(columns, modulus);
    // The constant becomes a word times R: with the column on top, a whole word can move out at a time.
    for column in &mut *columns {
        column.sum = column.value;
    }
    for _ in 2..columns.len() {
        let mut excess = shift_up(columns);
        while excess != W::ZERO {
            excess = add_product(columns, excess);
        }
    }
    reduce_top(columns, modulus);
}

/// Makes the value less than R.
///
/// R - n is congruent to R and less than R / 2, so each round halves what is above R.
#[inline(never)]
fn reduce_top<W: Word>(columns: &mut [Column<W>], modulus: &[u8]) {
    let Some((top, columns)) = columns.split_last_mut() else {
        return;
    };
    // R - n is the complement of n, plus 1. n is odd, so that changes only the lowest bit.
    let mut lowest_bit = W::ONE;
    for (column, word) in columns.iter_mut().zip(words::<W>(modulus)) {
        (column.sum, _) = W::add(word.not(), lowest_bit, W::ZERO);
        lowest_bit = W::ZERO;
    }
    while top.value != W::ZERO {
        top.value = add_product(columns, top.value);
    }
}

/// The value moves up by a word; returns the word that moves out.
#[inline(never)]
fn shift_up<W: Word>(columns: &mut [Column<W>]) -> W {
    let mut moving = W::ZERO;
    for column in columns {
        mem::swap(&mut column.value, &mut moving);
    }
    moving
}

/// value = value + factor * sum; returns the word that does not fit.
#[inline(never)]
fn add_product<W: Word>(columns: &mut [Column<W>], factor: W) -> W {
    let mut carry = W::ZERO;
    for column in columns {
        (column.value, carry) = W::multiply_add(column.value, factor, column.sum, carry);
    }
    carry
}

/// value = value * factor / R mod n. The factor is big-endian and less than n; `None` stands for
/// the value itself.
#[inline(never)]
fn multiply<W: Word>(columns: &mut [Column<W>], modulus: &[u8], factor: Option<&[u8]>) {
    let Some(lowest) = words(modulus).next() else {
        return;
    };
    let inverse = W::negative_inverse(lowest);
    for column in &mut *columns {
        column.sum = W::ZERO;
    }
    let mut index = 0;
    while let Some(digit) = digit(columns, factor, index) {
        add_products(columns, modulus, digit, inverse);
        index += 1;
    }
    subtract_modulus(columns, modulus);
}

/// A word of the factor of [`multiply`], lowest first.
fn digit<W: Word>(columns: &[Column<W>], factor: Option<&[u8]>, index: usize) -> Option<W> {
    match factor {
        Some(factor) => words(factor).nth(index),
        None => {
            let (_top, columns) = columns.split_last()?;
            Some(columns.get(index)?.value)
        }
    }
}

/// sum = (sum + digit * value + quotient * n) / 2^(8 * LEN), with the quotient that makes it a whole
/// number.
///
/// The value is less than R, so the sum stays less than R + n.
///
/// Not inlined, so that the loop has all the registers.
#[inline(never)]
fn add_products<W: Word>(columns: &mut [Column<W>], modulus: &[u8], digit: W, inverse: W) {
    let Some((top, columns)) = columns.split_last_mut() else {
        return;
    };
    let Some(lowest) = columns.first() else {
        return;
    };
    let (word, _) = W::multiply_add(lowest.sum, digit, lowest.value, W::ZERO);
    let quotient = word.low_product(inverse);
    let (mut carry, mut reduction_carry) = (W::ZERO, W::ZERO);
    let mut step = |column: &Column<W>, modulus: &[u8]| {
        let (word, reduced);
        (word, carry) = W::multiply_add(column.sum, digit, column.value, carry);
        let modulus = W::from_be_bytes(modulus);
        (reduced, reduction_carry) = W::multiply_add(word, quotient, modulus, reduction_carry);
        reduced
    };
    // Every word goes one column down: that is the division. Four at a time, which comes out even for
    // all sizes of key.
    let mut zero = W::ZERO;
    let mut below = &mut zero;
    let (groups, _) = columns.as_chunks_mut();
    for ([column0, column1, column2, column3], words) in
        groups.iter_mut().zip(modulus.rchunks_exact(4 * W::LEN))
    {
        let (high, low) = words.split_at(2 * W::LEN);
        let ((word3, word2), (word1, word0)) = (high.split_at(W::LEN), low.split_at(W::LEN));
        *below = step(column0, word0);
        column0.sum = step(column1, word1);
        column1.sum = step(column2, word2);
        column2.sum = step(column3, word3);
        below = &mut column3.sum;
    }
    (*below, top.sum) = W::add(top.sum, carry, reduction_carry);
}

/// value = sum - n, or the sum if that is less than n.
fn subtract_modulus<W: Word>(columns: &mut [Column<W>], modulus: &[u8]) {
    // The complement of n, plus 1, is -n modulo the power of 2 above the columns. A carry means that
    // n is not greater than the sum.
    let mut carry = W::ONE;
    let words = words::<W>(modulus).chain(iter::once(W::ZERO));
    for (column, word) in columns.iter_mut().zip(words) {
        (column.value, carry) = W::add(column.sum, word.not(), carry);
    }
    let is_due = carry.lowest_bit();
    for column in columns {
        column.value = W::conditional_select(&column.sum, &column.value, is_due);
    }
}

/// The words of a big-endian number, lowest first.
fn words<W: Word>(bytes: &[u8]) -> impl Iterator<Item = W> {
    bytes.rchunks_exact(W::LEN).map(W::from_be_bytes)
}

/// Writes the value, big-endian.
#[inline(never)]
fn store<W: Word>(columns: &[Column<W>], bytes: &mut [u8]) {
    let words = bytes.rchunks_exact_mut(W::LEN);
    words
        .zip(columns)
        .for_each(|(word, column)| column.value.write_be_bytes(word));
}
