//! Sealing: the state machine, and the one-shot call over it.

use core::fmt;
#[cfg(feature = "threads")]
use core::num::NonZero;

#[cfg(feature = "getrandom")]
use crate::SystemRandom;
use crate::{
    DataKey, Error, ErrorKind, RandomSource, Recipient, header, layout,
    payload::{MessageKeys, PayloadSealer},
    random::{LastAnswer, Random},
    threads::Threads,
};

#[cfg(all(feature = "alloc", feature = "getrandom"))]
use alloc::{vec, vec::Vec};

/// Seals a message piece by piece, without a heap and without I/O.
///
/// Every byte of plaintext goes out at once as a byte of ciphertext; nothing is buffered. A message
/// is whole only with the tag that [`finish`](Self::finish) returns: a sealer that is dropped
/// before leaves a message that every reader refuses as truncated.
///
/// ```
/// # let der = include_bytes!("../../tests/vectors/keys/rsa-2048.pub.der");
/// use libseal::{PublicKey, Recipient, Sealer};
///
/// let key = PublicKey::new(der)?;
/// let recipients = [Recipient::new(&key)];
/// let context = [("device", "42")];
///
/// let mut message = vec![0; Sealer::start_len(&recipients, &context)?];
/// let mut sealer = Sealer::start(&recipients, &context, &mut message)?;
/// for piece in [&b"first"[..], b"second"] {
///     let mut sealed = [0; 64];
///     let written = sealer.update(piece, &mut sealed)?;
///     message.extend_from_slice(&sealed[..written]);
/// }
/// message.extend_from_slice(&sealer.finish());
/// # Ok::<(), libseal::Error>(())
/// ```
#[must_use = "a message that is not finished is truncated"]
pub struct Sealer {
    payload: PayloadSealer,
    /// Plaintext that the message may still hold.
    left: u64,
    threads: Threads,
}

impl Sealer {
    /// Length of what [`finish`](Self::finish) returns.
    pub const FINISH_LEN: usize = layout::TAG_LEN;

    /// Exactly what [`start`](Self::start) writes: at least 390 bytes (RSA-2048, no context, no
    /// key id), at most about 49 KiB.
    ///
    /// # Errors
    /// As [`start`](Self::start), but for the buffer and the randomness.
    pub fn start_len(
        recipients: &[Recipient<'_>],
        context: &[(&str, &str)],
    ) -> Result<usize, Error> {
        Ok(header::encoded_len(recipients, context)? + layout::START_LEN)
    }

    /// Begins a message for 1 to [`MAX_RECIPIENTS`](crate::MAX_RECIPIENTS) recipients, each of
    /// which can unseal it alone: draws a data key, wraps it for each of them, and writes the first
    /// [`start_len`](Self::start_len) bytes of the message to `out`. After an error `out` holds
    /// nothing of use.
    ///
    /// `context` are pairs that everybody can read and nobody can change, in any order; at most
    /// [`MAX_CONTEXT_LEN`](crate::MAX_CONTEXT_LEN) bytes with 4 bytes of overhead for each.
    ///
    /// # Errors
    /// [`BufferTooSmall`](ErrorKind::BufferTooSmall), one of the kinds 130 to 151 for what is
    /// wrong with the context or the recipients, [`RandomFailed`](ErrorKind::RandomFailed).
    #[cfg(feature = "getrandom")]
    pub fn start(
        recipients: &[Recipient<'_>],
        context: &[(&str, &str)],
        out: &mut [u8],
    ) -> Result<Self, Error> {
        Self::start_with_random(recipients, context, &mut SystemRandom, out)
    }

    /// As [`start`](Self::start), with a source of random bytes: for a device whose operating
    /// system, if there is one, has none to give.
    ///
    /// # Errors
    /// As [`start`](Self::start), and what `random` returns.
    pub fn start_with_random(
        recipients: &[Recipient<'_>],
        context: &[(&str, &str)],
        random: &mut dyn RandomSource,
        out: &mut [u8],
    ) -> Result<Self, Error> {
        Ok((&StartedMessage::new(recipients, context, random, out)?).into())
    }

    /// Has long inputs sealed on so many threads, at most 256: calls with 512 KiB or more, best with a
    /// few MiB. The message is the same.
    #[cfg(feature = "threads")]
    pub fn with_threads(mut self, threads: NonZero<usize>) -> Self {
        self.set_threads(threads);
        self
    }

    /// As [`with_threads`](Self::with_threads), for a sealer that does not move: the C library's.
    #[cfg(feature = "threads")]
    #[doc(hidden)]
    pub fn set_threads(&mut self, threads: NonZero<usize>) {
        self.threads = Threads::new(threads);
    }

    #[cfg(feature = "std")]
    pub(crate) const fn threads(&self) -> &Threads {
        &self.threads
    }

    /// Exactly what [`update`](Self::update) writes for so much input now: as many bytes, and a tag
    /// of 16 bytes for each 16 KiB of plaintext that it completes.
    #[must_use]
    pub const fn update_len(&self, input_len: usize) -> usize {
        self.payload.update_len(input_len)
    }

    /// Seals the next piece, of any length, and returns how many bytes it wrote to `out`.
    ///
    /// # Errors
    /// [`BufferTooSmall`](ErrorKind::BufferTooSmall) if `out` is shorter than
    /// [`update_len`](Self::update_len), [`MessageTooLong`](ErrorKind::MessageTooLong) at 4 PiB or
    /// at what [`SealingKey::start`](crate::SealingKey::start) was told; nothing was consumed then.
    pub fn update(&mut self, input: &[u8], out: &mut [u8]) -> Result<usize, Error> {
        let len = self.update_len(input.len());
        let out = out.get_mut(..len).ok_or(ErrorKind::BufferTooSmall)?;
        let left = self.left.checked_sub(input.len() as u64);
        let left = left.ok_or(ErrorKind::MessageTooLong)?;
        self.payload.update(input, out, &mut self.threads)?;
        self.left = left;
        Ok(len)
    }

    /// Exactly what [`finish_with`](Self::finish_with) writes for so much input now.
    #[must_use]
    pub const fn finish_with_len(&self, input_len: usize) -> usize {
        self.update_len(input_len).saturating_add(Self::FINISH_LEN)
    }

    /// Takes the rest of the plaintext and ends the message: [`update`](Self::update) and
    /// [`finish`](Self::finish) in one. Returns how many bytes it wrote to `out`.
    ///
    /// # Errors
    /// As [`update`](Self::update), with [`finish_with_len`](Self::finish_with_len) for the length of
    /// `out`. The message is lost then.
    pub fn finish_with(mut self, input: &[u8], out: &mut [u8]) -> Result<usize, Error> {
        self.finish_with_in_place(input, out)
    }

    /// As [`finish_with`](Self::finish_with), for a caller who drops the sealer next.
    #[doc(hidden)]
    pub fn finish_with_in_place(&mut self, input: &[u8], out: &mut [u8]) -> Result<usize, Error> {
        let len = self.finish_with_len(input.len());
        let out = out.get_mut(..len).ok_or(ErrorKind::BufferTooSmall)?;
        let left = self.left.checked_sub(input.len() as u64);
        self.left = left.ok_or(ErrorKind::MessageTooLong)?;
        self.payload.finish_with(input, out, &mut self.threads)?;
        Ok(len)
    }

    /// Ends the message: returns its last bytes.
    #[must_use = "without these bytes the message is truncated"]
    pub fn finish(mut self) -> [u8; Self::FINISH_LEN] {
        self.finish_in_place()
    }

    /// As [`finish`](Self::finish), for a caller who drops the sealer next: the C library, which
    /// would pay for the move with stack.
    #[doc(hidden)]
    pub fn finish_in_place(&mut self) -> [u8; Self::FINISH_LEN] {
        self.payload.finish()
    }
}

/// A message whose first bytes are written, and what the [`Sealer`] of the rest is made from.
///
/// It is a tenth of the size, and whoever makes the sealer where it is to stay saves the moves: the C
/// library does, on stacks of a few KiB.
#[doc(hidden)]
#[derive(Debug)]
#[must_use = "a message that is not finished is truncated"]
pub struct StartedMessage {
    keys: MessageKeys,
    start_len: usize,
    max_len: u64,
}

impl StartedMessage {
    /// For the arguments see [`Sealer::start_with_random`].
    pub fn new(
        recipients: &[Recipient<'_>],
        context: &[(&str, &str)],
        random: &mut dyn RandomSource,
        out: &mut [u8],
    ) -> Result<Self, Error> {
        let header_len = header::encoded_len(recipients, context)?;
        let start_len = header_len + layout::START_LEN;
        let out = out.get_mut(..start_len);
        let (header, payload_start) = out
            .and_then(|out| out.split_at_mut_checked(header_len))
            .ok_or(ErrorKind::BufferTooSmall)?;
        let mut last = LastAnswer::default();
        let mut random = Random::new(random, &mut last);
        let data_key = DataKey::generate(&mut random)?;
        let payload_context = header::encode(recipients, context, &data_key, &mut random, header)?;
        let keys = MessageKeys::draw(&data_key, payload_context, &mut random, payload_start)?;
        Ok(Self::with_keys(keys, start_len, u64::MAX))
    }

    /// A message of at most `max_len` bytes, of which `start_len` bytes are written.
    pub(crate) const fn with_keys(keys: MessageKeys, start_len: usize, max_len: u64) -> Self {
        Self {
            keys,
            start_len,
            max_len,
        }
    }

    /// Seals all there is, behind the first bytes of `message` that are there already.
    #[inline(never)]
    pub fn seal_rest(&self, plaintext: &[u8], message: &mut [u8]) -> Result<usize, Error> {
        let rest = message.get_mut(self.start_len..).unwrap_or_default();
        Sealer::from(self).finish_with_in_place(plaintext, rest)?;
        Ok(message.len())
    }
}

impl From<&StartedMessage> for Sealer {
    #[inline(always)]
    fn from(message: &StartedMessage) -> Self {
        Self {
            payload: PayloadSealer::new(&message.keys),
            left: message.max_len,
            threads: Threads::default(),
        }
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(..)")
    }
}

/// Length of a sealed message of `plaintext_len` bytes.
///
/// # Errors
/// As [`Sealer::start_len`], and [`MessageTooLong`](ErrorKind::MessageTooLong) from 4 PiB.
pub fn sealed_len(
    recipients: &[Recipient<'_>],
    context: &[(&str, &str)],
    plaintext_len: u64,
) -> Result<u64, Error> {
    let header_len = header::encoded_len(recipients, context)?;
    Ok(header_len as u64 + layout::sealed_len(plaintext_len)?)
}

/// Seals `plaintext` in one call. For what the arguments mean see [`Sealer::start`].
///
/// ```
/// # let pem = include_bytes!("../../tests/vectors/keys/rsa-2048.pub.pem");
/// use libseal::{PublicKey, Recipient};
///
/// let key = PublicKey::new(pem)?;
/// let message = libseal::seal(&[Recipient::new(&key)], &[("device", "42")], b"21.5 C")?;
/// # Ok::<(), libseal::Error>(())
/// ```
///
/// # Errors
/// As [`Sealer::start`].
#[cfg(all(feature = "alloc", feature = "getrandom"))]
pub fn seal(
    recipients: &[Recipient<'_>],
    context: &[(&str, &str)],
    plaintext: &[u8],
) -> Result<Vec<u8>, Error> {
    let len = sealed_len(recipients, context, plaintext.len() as u64)?;
    let mut message = vec![0; usize::try_from(len).map_err(|_| ErrorKind::MessageTooLong)?];
    seal_into(recipients, context, plaintext, &mut message)?;
    Ok(message)
}

/// Seals `plaintext` in one call into a buffer, without a heap, and returns how many bytes it wrote:
/// [`sealed_len`].
///
/// # Errors
/// As [`Sealer::start`]; `out` may be longer than needed.
#[cfg(feature = "getrandom")]
pub fn seal_into(
    recipients: &[Recipient<'_>],
    context: &[(&str, &str)],
    plaintext: &[u8],
    out: &mut [u8],
) -> Result<usize, Error> {
    seal_into_with_random(recipients, context, plaintext, &mut SystemRandom, out)
}

/// As [`seal_into`], with a source of random bytes.
///
/// # Errors
/// As [`Sealer::start_with_random`].
pub fn seal_into_with_random(
    recipients: &[Recipient<'_>],
    context: &[(&str, &str)],
    plaintext: &[u8],
    random: &mut dyn RandomSource,
    out: &mut [u8],
) -> Result<usize, Error> {
    let len = sealed_len(recipients, context, plaintext.len() as u64)?;
    let message = exactly(out, len)?;
    let started = StartedMessage::new(recipients, context, random, message)?;
    started.seal_rest(plaintext, message)
}

/// The first `len` bytes of a buffer.
pub(crate) fn exactly(out: &mut [u8], len: u64) -> Result<&mut [u8], ErrorKind> {
    let len = usize::try_from(len).map_err(|_| ErrorKind::MessageTooLong)?;
    out.get_mut(..len).ok_or(ErrorKind::BufferTooSmall)
}
