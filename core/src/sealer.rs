//! Sealing piece by piece: the state machine.

#[cfg(feature = "alloc")]
use alloc::boxed::Box;
#[cfg(feature = "rayon")]
use core::num::NonZero;
use core::{fmt, mem::MaybeUninit};

use crate::{
    crypto::stack::with_wiped_stack,
    error::{Error, ErrorKind},
    payload::{keys::MessageKeys, layout, seal::PayloadSealer, threads::Threads},
    process::Process,
};

/// Seals a message piece by piece, without a heap and without I/O.
///
/// [`Envelope::start`] and [`SealingKey::start`] make one. Every byte of plaintext goes out at once
/// as a byte of ciphertext; nothing is buffered. A message is complete only with its last bytes,
/// which [`finish`](Self::finish) writes. A sealer that is dropped before leaves a message that every
/// reader refuses as truncated.
///
/// ```
/// # let der = include_bytes!("../tests/vectors/keys/rsa-2048.pub.der");
/// use libseal::{Envelope, PublicKey, Recipient, Sealer};
///
/// let key = PublicKey::new(der)?;
/// let recipients = [Recipient::new(&key)];
/// let envelope = Envelope::new(&recipients).with_context(&[("device", "42")]);
///
/// let mut message = vec![0; envelope.start_len()?];
/// let mut sealer = envelope.start(&mut message)?;
/// let mut sealed = [0; 64];
/// for piece in [&b"first"[..], b"second"] {
///     let written = sealer.update(piece, &mut sealed)?;
///     message.extend_from_slice(&sealed[..written]);
/// }
/// let written = sealer.finish(&mut sealed)?;
/// message.extend_from_slice(&sealed[..written]);
/// # Ok::<(), libseal::Error>(())
/// ```
///
/// Each call wipes the stack that it used. With `alloc`, that takes as long as sealing some hundred bytes:
/// gather very small pieces, as [`Writing`](crate::Writing) does.
///
/// A sealer does not survive `fork()`: in the child, it refuses to go on with the message, which the
/// parent would otherwise continue with the same key stream. The parent is not affected.
///
/// With the feature `rayon`, a call with 512 KiB or more that runs inside a thread pool
/// (`pool.install(|| sealer.update(..))`) is spread over the threads of that pool. Pieces of a few
/// MiB work best. Outside of a pool the calling thread does all the work: this crate starts no threads.
///
/// [`Envelope::start`]: crate::Envelope::start
/// [`SealingKey::start`]: crate::SealingKey::start
#[must_use = "a message that is not finished is truncated"]
pub struct Sealer {
    payload: Payload,
    /// Plaintext that the message may still hold.
    left: u64,
    /// Where the message began.
    process: Process,
}

/// In one place on the heap, if there is one: moving a sealer leaves nothing behind.
#[cfg(feature = "alloc")]
type Payload = Box<PayloadSealer>;
#[cfg(not(feature = "alloc"))]
type Payload = PayloadSealer;

impl Sealer {
    /// Length of what [`finish`](Self::finish) writes.
    pub const FINISH_LEN: usize = layout::TAG_LEN;

    /// A message of at most `max_len` bytes of plaintext, whose first bytes are written.
    ///
    /// Inline, so that it is made where it stays: it is too large to move about on a small stack.
    #[inline(always)]
    #[allow(clippy::useless_conversion, reason = "without a heap")]
    pub(crate) fn new(keys: &MessageKeys, process: Process, max_len: u64) -> Self {
        Self {
            payload: PayloadSealer::new(keys).into(),
            left: max_len,
            process,
        }
    }

    /// Makes it in its final place.
    ///
    /// Not inlined, so that its stack frame is not there while the keys are drawn.
    #[inline(never)]
    pub(crate) fn new_in<'p>(
        place: &'p mut MaybeUninit<Self>,
        keys: &MessageKeys,
        process: Process,
        max_len: u64,
    ) -> &'p mut Self {
        place.write(Self::new(keys, process, max_len))
    }

    /// Uses at most `threads` threads of the pool in which a call runs.
    #[cfg(feature = "rayon")]
    pub fn with_max_threads(mut self, threads: NonZero<usize>) -> Self {
        self.payload.threads = Threads::at_most(threads);
        self
    }

    /// Exactly how many bytes [`update`](Self::update) will write for `input_len` bytes of input:
    /// `input_len`, and a tag of 16 bytes for each 16 KiB chunk that it completes.
    #[must_use]
    pub fn update_len(&self, input_len: usize) -> usize {
        self.payload.update_len(input_len)
    }

    /// Seals the next piece, of any length, and returns how many bytes it wrote to `out`.
    ///
    /// # Errors
    /// [`BufferTooSmall`](ErrorKind::BufferTooSmall) if `out` is shorter than
    /// [`update_len`](Self::update_len), [`MessageTooLong`](ErrorKind::MessageTooLong) at 4 PiB or
    /// at the length given to [`SealingKey::start`](crate::SealingKey::start),
    /// [`InvalidState`](ErrorKind::InvalidState) after the end and in a forked child. Nothing was
    /// consumed then.
    pub fn update(&mut self, input: &[u8], out: &mut [u8]) -> Result<usize, Error> {
        self.check_process()?;
        let len = self.update_len(input.len());
        let out = out.get_mut(..len).ok_or(ErrorKind::BufferTooSmall)?;
        let left = self.left.checked_sub(input.len() as u64);
        let left = left.ok_or(ErrorKind::MessageTooLong)?;
        with_wiped_stack(|| self.payload.update(input, out))?;
        self.left = left;
        Ok(len)
    }

    /// Exactly how many bytes [`finish_with`](Self::finish_with) will write for `input_len` bytes of
    /// input.
    #[must_use]
    pub fn finish_with_len(&self, input_len: usize) -> usize {
        self.update_len(input_len).saturating_add(Self::FINISH_LEN)
    }

    /// Ends the message: writes its last [`FINISH_LEN`](Self::FINISH_LEN) bytes to `out` and returns
    /// how many they are.
    ///
    /// # Errors
    /// As [`finish_with`](Self::finish_with).
    pub fn finish(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        self.finish_with(&[], out)
    }

    /// Takes the rest of the plaintext and ends the message: [`update`](Self::update) and
    /// [`finish`](Self::finish) in one. Returns how many bytes it wrote to `out`.
    ///
    /// # Errors
    /// As [`update`](Self::update), with [`finish_with_len`](Self::finish_with_len) for the length of
    /// `out`.
    pub fn finish_with(&mut self, input: &[u8], out: &mut [u8]) -> Result<usize, Error> {
        self.check_process()?;
        let len = self.finish_with_len(input.len());
        let out = out.get_mut(..len).ok_or(ErrorKind::BufferTooSmall)?;
        let left = self.left.checked_sub(input.len() as u64);
        let left = left.ok_or(ErrorKind::MessageTooLong)?;
        with_wiped_stack(|| self.payload.finish_with(input, out))?;
        self.left = left;
        Ok(len)
    }

    #[cfg(feature = "alloc")]
    pub(crate) const fn threads(&self) -> Threads {
        self.payload.threads
    }

    /// [`InvalidState`](ErrorKind::InvalidState) after the end.
    #[cfg(feature = "alloc")]
    pub(crate) fn check_open(&self) -> Result<(), Error> {
        self.payload.check_open()
    }

    /// [`InvalidState`](ErrorKind::InvalidState) in a forked child.
    #[inline]
    pub(crate) fn check_process(&self) -> Result<(), Error> {
        self.process.check(
            "the message was begun before a fork(): only the process that began it can go on with it; \
             begin another one here",
        )
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(..)")
    }
}

/// Seals all of a message whose keys are drawn; `out` is exactly what follows its first bytes.
///
/// Not inlined, so that its stack frame is not there while the keys are drawn.
#[inline(never)]
pub(crate) fn seal_rest(
    keys: &MessageKeys,
    plaintext: &[u8],
    out: &mut [u8],
    threads: Threads,
) -> Result<(), Error> {
    let mut sealer = PayloadSealer::new(keys);
    sealer.threads = threads;
    sealer.finish_with(plaintext, out)
}
