//! Where random bytes come from, and the check that they are not stuck.

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{Error, ErrorKind};

/// A cryptographic source of random bytes, for a device whose hardware has one and whose operating
/// system, if there is any, does not hand it out.
///
/// A closure does: `&mut |out: &mut [u8]| rng.try_fill(out).map_err(|_| ErrorKind::RandomFailed.into())`.
///
/// Whatever the source, an answer that repeats itself or begins as the one before makes sealing
/// fail with [`RandomFailed`](ErrorKind::RandomFailed), as the continuous test of FIPS 140-2 section
/// 4.9.2 does. That finds a source that is dead or was never started, and says nothing about the
/// quality of one that moves.
pub trait RandomSource {
    /// Fills `out`, which is all zeros, with random bytes.
    ///
    /// # Errors
    /// Whatever is returned ends the call that wanted the bytes.
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error>;

    /// Whether the crypto provider may as well take random bytes on its own.
    #[cfg(feature = "aws-lc-rs")]
    #[doc(hidden)]
    fn is_system(&self) -> bool {
        false
    }
}

impl<F: FnMut(&mut [u8]) -> Result<(), Error>> RandomSource for F {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        self(out)
    }
}

/// The random bytes of the operating system, or of what the crate `getrandom` is configured to use
/// in its place. With the feature `aws-lc-rs`, those of AWS-LC's generator, which the operating system
/// seeds.
#[cfg(feature = "getrandom")]
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

#[cfg(feature = "getrandom")]
impl RandomSource for SystemRandom {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        #[cfg(feature = "aws-lc-rs")]
        crate::crypto::fill_random(out)?;
        #[cfg(not(feature = "aws-lc-rs"))]
        getrandom::fill(out).map_err(|_| ErrorKind::RandomFailed)?;
        Ok(())
    }

    #[cfg(feature = "aws-lc-rs")]
    fn is_system(&self) -> bool {
        true
    }
}

/// How the last answer of a source began.
#[derive(Default, Zeroize, ZeroizeOnDrop)]
pub(crate) struct LastAnswer([u8; LastAnswer::LEN]);

impl LastAnswer {
    /// Two good answers begin alike with a probability of 2^-128.
    const LEN: usize = 16;
}

/// A source whose answers are checked.
pub(crate) struct Random<'a> {
    source: &'a mut dyn RandomSource,
    last: &'a mut LastAnswer,
}

impl<'a> Random<'a> {
    pub(crate) fn new(source: &'a mut dyn RandomSource, last: &'a mut LastAnswer) -> Self {
        Self { source, last }
    }

    /// Fills `out`, of 16 bytes or more.
    pub(crate) fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        out.fill(0);
        self.source.fill(out)?;
        if is_constant(out) | self.repeats(out) {
            out.zeroize();
            return Err(ErrorKind::RandomFailed.into());
        }
        let beginning = self.last.0.iter_mut().zip(&*out);
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
    differences(answer, answer.get(4..).unwrap_or_default()) == 0
}

/// Not 0 if the slices differ where both go; in constant time, because the answer is a secret.
fn differences(a: &[u8], b: &[u8]) -> u8 {
    a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b))
}
