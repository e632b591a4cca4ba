//! Where random bytes come from, and the check that they are not stuck.

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::error::{Error, ErrorKind};

/// A cryptographic source of random bytes, for a device with a generator of its own.
///
/// [`random_fn`] makes one from a closure. A generator that needs `&mut self` goes into a `RefCell`:
/// `random_fn(|out| generator.borrow_mut().fill(out))`.
///
/// Sealing checks every answer: one that repeats itself, begins as the one before, or has eight equal
/// bytes in a row where a source may have left it unfilled, ends the call with
/// [`RandomFailed`](ErrorKind::RandomFailed), as the continuous test of FIPS 140-2 section 4.9.2 does.
/// That finds a source that is dead, was never started or answers only in part. It says nothing about
/// the quality of one that moves. A good answer is refused with a probability of 2^-54.
#[diagnostic::on_unimplemented(
    note = "without the feature `getrandom`, give the envelope a source: `Envelope::with_random`"
)]
pub trait RandomSource {
    /// Fills `out`, which is all zeros, with random bytes.
    ///
    /// # Errors
    /// The call that needed the bytes returns this error.
    fn fill(&self, out: &mut [u8]) -> Result<(), Error>;

    /// Whether the crypto provider may use its own generator instead. AWS-LC has one that the
    /// operating system seeds, and pads faster with it. Only [`SystemRandom`] says yes.
    fn is_system(&self) -> bool {
        false
    }
}

impl<R: RandomSource + ?Sized> RandomSource for &R {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        (**self).fill(out)
    }

    fn is_system(&self) -> bool {
        (**self).is_system()
    }
}

/// A source of random bytes from a closure.
///
/// ```
/// # struct Trng;
/// # impl Trng { fn read(&self, _: &mut [u8]) -> bool { false } }
/// # let trng = Trng;
/// use libseal::{ErrorKind, random_fn};
///
/// let random = random_fn(|out| match trng.read(out) {
///     true => Ok(()),
///     false => Err(ErrorKind::RandomFailed.into()),
/// });
/// ```
pub fn random_fn<F: Fn(&mut [u8]) -> Result<(), Error>>(fill: F) -> RandomFn<F> {
    RandomFn(fill)
}

/// What [`random_fn`] returns.
#[derive(Clone, Copy, Debug)]
pub struct RandomFn<F>(F);

impl<F: Fn(&mut [u8]) -> Result<(), Error>> RandomSource for RandomFn<F> {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        (self.0)(out)
    }
}

/// The random bytes of the operating system, or of what the crate `getrandom` is configured to use
/// in its place. With the feature `aws-lc-rs`, those of AWS-LC's generator, which the operating system
/// seeds.
///
/// It is a [`RandomSource`] with the feature `getrandom`.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

#[cfg(feature = "getrandom")]
impl RandomSource for SystemRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        #[cfg(feature = "aws-lc-rs")]
        super::aws_lc::random::fill(out)?;
        #[cfg(not(feature = "aws-lc-rs"))]
        getrandom::fill(out).map_err(|_| ErrorKind::RandomFailed)?;
        Ok(())
    }

    fn is_system(&self) -> bool {
        true
    }
}

/// Bytes of an answer that are looked at together.
const WORD_LEN: usize = 8;

/// How the last answer of a source began.
#[derive(Default, Zeroize, ZeroizeOnDrop)]
pub(crate) struct LastAnswer([u8; LastAnswer::LEN]);

impl LastAnswer {
    /// Two good answers begin alike with a probability of 2^-128.
    const LEN: usize = 16;
}

/// A source whose answers are checked.
pub(crate) struct Random<'a> {
    source: &'a dyn RandomSource,
    last: &'a mut LastAnswer,
}

impl<'a> Random<'a> {
    pub(crate) fn new(source: &'a dyn RandomSource, last: &'a mut LastAnswer) -> Self {
        Self { source, last }
    }

    /// Fills `out`, of 16 bytes or more.
    pub(crate) fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        out.fill(0);
        self.source.fill(out)?;
        let checked = self.check(out);
        if checked.is_err() {
            out.zeroize();
        }
        checked
    }

    /// Fills several answers of `len` bytes each, 16 or more, that the source gives as one. They are
    /// checked one by one.
    #[cfg(feature = "alloc")]
    pub(crate) fn fill_each(&mut self, out: &mut [u8], len: usize) -> Result<(), Error> {
        out.fill(0);
        self.source.fill(out)?;
        for answer in out.chunks(len) {
            if let Err(error) = self.check(answer) {
                out.zeroize();
                return Err(error);
            }
        }
        Ok(())
    }

    /// Refuses what cannot be random, or remembers how it began.
    fn check(&mut self, answer: &[u8]) -> Result<(), Error> {
        if is_constant(answer) | has_constant_word(answer) | self.repeats(answer) {
            return Err(ErrorKind::RandomFailed.into());
        }
        let beginning = self.last.0.iter_mut().zip(answer);
        beginning.for_each(|(last, byte)| *last = *byte);
        Ok(())
    }

    #[cfg(feature = "aws-lc-rs")]
    pub(crate) fn is_system(&self) -> bool {
        self.source.is_system()
    }

    fn repeats(&self, answer: &[u8]) -> bool {
        differences(&self.last.0, answer) == 0
    }
}

/// Whether the answer is one word of 32 bits again and again: a byte of any value, or the register of
/// a generator that does not move.
fn is_constant(answer: &[u8]) -> bool {
    let shifted = answer.iter().skip(4);
    answer
        .iter()
        .zip(shifted)
        .fold(0, |all, (a, b)| all | (a ^ b))
        == 0
}

/// Whether eight bytes are equal, at a multiple of eight or at the end: a part that was not filled. All
/// eight of them are with a probability of 2^-56.
fn has_constant_word(answer: &[u8]) -> bool {
    let words = answer.chunks_exact(WORD_LEN);
    let last = answer.rchunks_exact(WORD_LEN).take(1);
    words.chain(last).fold(false, |found, word| {
        let (_, shifted) = word.split_at(1);
        found | (differences(word, shifted) == 0)
    })
}

/// Not 0 if the slices differ where both go; in constant time, because the answer is a secret.
fn differences(a: &[u8], b: &[u8]) -> u8 {
    a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b))
}
