//! The RSA public operation, without a heap and with the same code for all sizes of key.
//!
//! Montgomery multiplication uses the method FIOS of Koç, Acar and Kaliski, "Analyzing and Comparing
//! Montgomery Multiplication Algorithms", IEEE Micro 16(3), 1996: multiplication and reduction share
//! one pass over the words. Here each has its own carry, so a step is `sum + digit * word + carry`
//! twice. That fits 64 bits, and a Cortex-M4 has an instruction for it (UMAAL).
//!
//! The fixed-size types of crypto-bigint 0.7 would take 23 KB of flash and 10 to 19 KB of stack on a
//! Cortex-M4F for the three sizes of key; this takes 1 KB and 1.7 KB.
//!
//! In the comments n is the modulus, k its length in bits, R is 2^k, and m is the message. Modulus and
//! exponent are public, so code that depends on nothing else may branch.

use core::{mem, num::NonZero};

use subtle::{Choice, ConditionallySelectable};
use zeroize::{DefaultIsZeroes, Zeroize};

/// Columns for a modulus of 4096 bits.
const MAX_COLUMNS: usize = 4096 / 32 + 1;

/// RSAEP, RFC 8017 section 5.1.1: replaces the message in `block` by message^exponent mod modulus.
///
/// `modulus` is big-endian, odd, and of 2048, 3072 or 4096 bits. `block` is as long, big-endian, and
/// less than the modulus as a number. `exponent` is odd. Returns `None` and leaves `block` alone if a
/// length, the top bit of the modulus, or the parity of modulus or exponent breaks these rules.
///
/// Takes the same steps for every message. (On a Cortex-M3 the steps themselves do not take the same
/// time: its long multiplication ends early for small numbers.)
///
/// Not inlined: the columns would add to the stack frame of the caller, on top of which it hashes.
#[inline(never)]
#[must_use]
pub(crate) fn rsaep(modulus: &[u8], exponent: u32, block: &mut [u8]) -> Option<()> {
    let is_full = modulus.first()? >> 7 == 1;
    let is_odd = modulus.last()? & 1 == 1 && exponent & 1 == 1;
    let exponent = NonZero::new(exponent)?;
    if !is_full || !is_odd || block.len() != modulus.len() {
        return None;
    }
    let (256 | 384 | 512) = modulus.len() else {
        return None;
    };
    let mut columns = [Column::default(); MAX_COLUMNS];
    let columns = columns.get_mut(..modulus.len() / 4 + 1)?;
    raise(columns, modulus, exponent, block);
    Some(())
}

/// One word of each of the three numbers.
///
/// They lie side by side, lowest words first, so that one pointer serves all three. There is one column
/// more than the modulus has words, for intermediate values above R.
#[derive(Clone, Copy, Default)]
struct Column {
    modulus: u32,
    /// The number that is raised to a power.
    value: u32,
    /// The number that becomes the next value.
    sum: u32,
}

impl DefaultIsZeroes for Column {}

/// `columns` are zero, before and after.
#[inline(never)]
fn raise(columns: &mut [Column], modulus: &[u8], exponent: NonZero<u32>, block: &mut [u8]) {
    for (column, word) in columns.iter_mut().zip(words(modulus)) {
        column.modulus = word;
    }
    set_to_square_of_radix(columns);
    multiply(columns, Some(block));
    // Now the value is m * R, the Montgomery form of m. Where m is multiplied by only once more, at
    // the end, as for 3, 17 and 65537, plain m will do, and the product has left the Montgomery form.
    // Any other exponent takes the Montgomery form of m throughout, and a factor of 1 to leave it.
    let is_plain = (exponent.get() - 1).is_power_of_two();
    if !is_plain {
        store(columns, block);
    }
    for bit in (0..exponent.ilog2()).rev() {
        multiply(columns, None);
        if exponent.get() >> bit & 1 == 1 {
            multiply(columns, Some(block));
        }
    }
    if !is_plain {
        block.fill(0);
        if let Some(lowest) = block.last_mut() {
            *lowest = 1;
        }
        multiply(columns, Some(block));
    }
    store(columns, block);
    columns.zeroize();
}

/// Makes the value, which is 0, congruent to R^2 and less than R.
///
/// All public. The sum serves as the constant by which what moves out at the top comes back in.
fn set_to_square_of_radix(columns: &mut [Column]) {
    if let Some(top) = columns.last_mut() {
        top.value = 1;
    }
    reduce_top(columns);
    shift_up(columns);
    reduce_top(columns);
    // The constant becomes 2^32 * R: with the column on top, a whole word can move out at a time.
    for column in &mut *columns {
        column.sum = column.value;
    }
    for _ in 2..columns.len() {
        let mut excess = shift_up(columns);
        while excess > 0 {
            excess = add_product(columns, excess);
        }
    }
    reduce_top(columns);
}

/// Makes the value less than R.
///
/// R - n is congruent to R and less than R / 2, so each round halves what is above R.
#[inline(never)]
fn reduce_top(columns: &mut [Column]) {
    let Some((top, columns)) = columns.split_last_mut() else {
        return;
    };
    // n is odd: the complement of its lowest word lacks only the lowest bit.
    let mut lowest_bit = 1;
    for column in &mut *columns {
        column.sum = !column.modulus | lowest_bit;
        lowest_bit = 0;
    }
    while top.value > 0 {
        top.value = add_product(columns, top.value);
    }
}

/// value = value * 2^32; returns the word that moves out.
#[inline(never)]
fn shift_up(columns: &mut [Column]) -> u32 {
    let mut moving = 0;
    for column in columns {
        mem::swap(&mut column.value, &mut moving);
    }
    moving
}

/// value = value + factor * sum; returns the word that does not fit.
#[inline(never)]
fn add_product(columns: &mut [Column], factor: u32) -> u32 {
    let mut carry = 0;
    for column in columns {
        (column.value, carry) = multiply_add(column.value, factor, column.sum, carry);
    }
    carry
}

/// value = value * factor / R mod n. The factor is big-endian and less than n; `None` stands for
/// the value itself.
#[inline(never)]
fn multiply(columns: &mut [Column], factor: Option<&[u8]>) {
    let [lowest, ..] = &*columns else { return };
    let inverse = negative_inverse(lowest.modulus);
    for column in &mut *columns {
        column.sum = 0;
    }
    let mut index = 0;
    while let Some(digit) = digit(columns, factor, index) {
        add_products(columns, digit, inverse);
        index += 1;
    }
    subtract_modulus(columns);
}

/// A word of the factor of [`multiply`], lowest first.
fn digit(columns: &[Column], factor: Option<&[u8]>, index: usize) -> Option<u32> {
    match factor {
        Some(factor) => words(factor).nth(index),
        None => {
            let (_top, columns) = columns.split_last()?;
            Some(columns.get(index)?.value)
        }
    }
}

/// sum = (sum + digit * value + quotient * n) / 2^32, with the quotient that makes it a whole number.
///
/// The value is less than R, so the sum stays less than R + n.
///
/// Not inlined, so that the loop has all the registers.
#[inline(never)]
fn add_products(columns: &mut [Column], digit: u32, inverse: u32) {
    let Some((lowest, columns)) = columns.split_first_mut() else {
        return;
    };
    let (word, mut carry) = multiply_add(lowest.sum, digit, lowest.value, 0);
    let quotient = word.wrapping_mul(inverse);
    let (_, mut reduction_carry) = multiply_add(word, quotient, lowest.modulus, 0);
    let mut step = |column: &Column| {
        let (word, reduced);
        (word, carry) = multiply_add(column.sum, digit, column.value, carry);
        (reduced, reduction_carry) = multiply_add(word, quotient, column.modulus, reduction_carry);
        reduced
    };
    // Every word goes one column down: that is the division. Four at a time, which comes out even for
    // all sizes of key.
    let mut below = &mut lowest.sum;
    let (groups, _) = columns.as_chunks_mut();
    for [column0, column1, column2, column3] in groups {
        *below = step(column0);
        column0.sum = step(column1);
        column1.sum = step(column2);
        column2.sum = step(column3);
        below = &mut column3.sum;
    }
    *below = carry + reduction_carry;
}

/// value = sum - n, or the sum if that is less than n.
fn subtract_modulus(columns: &mut [Column]) {
    // The complement of n, plus 1, is -n modulo the power of 2 above the columns. A carry means that
    // n is not greater than the sum.
    let mut carry = 1;
    for column in &mut *columns {
        (column.value, carry) = add(column.sum, !column.modulus, carry);
    }
    let is_due = Choice::from((carry & 1) as u8);
    for column in columns {
        column.value = u32::conditional_select(&column.sum, &column.value, is_due);
    }
}

/// -1 / `odd` mod 2^32, by Newton's iteration: each round doubles the number of right bits, of which
/// three are right at first, since every odd number is its own inverse modulo 8.
fn negative_inverse(odd: u32) -> u32 {
    let mut inverse = odd;
    for _ in 0..4 {
        inverse = inverse.wrapping_mul(2_u32.wrapping_sub(odd.wrapping_mul(inverse)));
    }
    inverse.wrapping_neg()
}

/// sum + digit * word + carry, low word first.
fn multiply_add(sum: u32, digit: u32, word: u32, carry: u32) -> (u32, u32) {
    split(u64::from(sum) + u64::from(digit) * u64::from(word) + u64::from(carry))
}

/// a + b + carry, low word first.
fn add(a: u32, b: u32, carry: u32) -> (u32, u32) {
    split(u64::from(a) + u64::from(b) + u64::from(carry))
}

fn split(number: u64) -> (u32, u32) {
    ((number & 0xffff_ffff) as u32, (number >> 32) as u32)
}

/// The words of a big-endian number, lowest first.
fn words(bytes: &[u8]) -> impl Iterator<Item = u32> {
    let (_, words) = bytes.as_rchunks();
    words.iter().rev().map(|word| u32::from_be_bytes(*word))
}

/// Writes the value, big-endian.
#[inline(never)]
fn store(columns: &[Column], bytes: &mut [u8]) {
    let (_, words) = bytes.as_rchunks_mut();
    for (word, column) in words.iter_mut().rev().zip(columns) {
        *word = column.value.to_be_bytes();
    }
}
