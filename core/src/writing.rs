//! Writing: what every writer does, whatever it writes to.

#[cfg(feature = "rayon")]
use core::num::NonZero;
use core::{fmt, ops::Range};

use alloc::{vec, vec::Vec};
use zeroize::Zeroizing;

use crate::{
    buffer::room,
    crypto::random::RandomSource,
    envelope::Envelope,
    error::{Error, ErrorKind},
    payload::layout::{self, CHUNK_LEN},
    sealer::Sealer,
};

/// Writes a message without I/O: takes plaintext in pieces of any length, and has bytes of the message
/// to hand on.
///
/// It is what [`SealWriter`](crate::SealWriter) and the writers of C and Python are made of. A
/// [`Sealer`] turns every piece into ciphertext at once; this gathers small pieces into large ones
/// first, which is faster. A driver for another target:
///
/// ```
/// # let der = include_bytes!("../tests/vectors/keys/rsa-2048.pub.der");
/// # let key = libseal::PublicKey::new(der)?;
/// # let recipients = [libseal::Recipient::new(&key)];
/// # let envelope = libseal::Envelope::new(&recipients);
/// # let mut stored = Vec::new();
/// # let mut put = |bytes: &[u8]| { stored.extend_from_slice(bytes); bytes.len() };
/// use libseal::Writing;
///
/// // `put(bytes)` stores some of the bytes, and returns how many.
/// let mut hand_on = |writing: &mut Writing| {
///     while !writing.sealed()?.is_empty() {
///         writing.advance(put(writing.sealed()?));
///     }
///     Ok::<(), libseal::Error>(())
/// };
/// let mut writing = Writing::new(&envelope)?;
/// let mut plaintext = &b"a line of a log\n"[..];
/// while !plaintext.is_empty() {
///     hand_on(&mut writing)?;
///     let taken = writing.write(plaintext)?;
///     plaintext = &plaintext[taken..];
/// }
/// hand_on(&mut writing)?;
/// writing.finish()?;
/// hand_on(&mut writing)?;
/// # Ok::<(), libseal::Error>(())
/// ```
///
/// A message is complete only after [`finish`](Self::finish), and when all of
/// [`sealed`](Self::sealed) has been handed on. Like a [`Sealer`], it does not survive `fork()`.
#[must_use = "a message that is not finished is truncated"]
pub struct Writing {
    sealer: Sealer,
    /// Waits for the rest of its piece.
    plaintext: Zeroizing<Vec<u8>>,
    /// A sealed piece, and what of it is to be handed on.
    sealed: Vec<u8>,
    unsent: Range<usize>,
    /// Plaintext that has been sealed past the last full chunk.
    started_len: usize,
    /// Unless it is for the threads to say.
    piece_len: Option<usize>,
    /// Length of the piece that is gathered now.
    gathering: usize,
}

impl Writing {
    /// Begins a message: its first bytes are the first that are [`sealed`](Self::sealed).
    ///
    /// # Errors
    /// As [`Envelope::start`].
    pub fn new<R: RandomSource>(envelope: &Envelope<'_, R>) -> Result<Self, Error> {
        let mut sealed = vec![0; envelope.start_len()?];
        let sealer = envelope.start(&mut sealed)?;
        Ok(Self {
            sealer,
            plaintext: Vec::new().into(),
            unsent: 0..sealed.len(),
            sealed,
            started_len: 0,
            piece_len: None,
            gathering: 0,
        })
    }

    /// Seals in pieces of `len` bytes, rounded down to chunks of 16 KiB, at least one of them and at
    /// most 64 MiB. Buffers of this length are kept. Without it, pieces are 256 KiB long, or 512 KiB
    /// for each thread of the pool in which a call runs.
    pub fn with_piece_len(self, len: usize) -> Self {
        Self {
            piece_len: Some(layout::piece_len(len)),
            ..self
        }
    }

    /// Uses at most `threads` threads of the pool in which a call runs.
    #[cfg(feature = "rayon")]
    pub fn with_max_threads(mut self, threads: NonZero<usize>) -> Self {
        self.sealer = self.sealer.with_max_threads(threads);
        self
    }

    /// The bytes of the message to hand on next. After some of them are, call
    /// [`advance`](Self::advance).
    ///
    /// # Errors
    /// [`InvalidState`](ErrorKind::InvalidState) in a forked child.
    pub fn sealed(&self) -> Result<&[u8], Error> {
        self.sealer.check_process()?;
        let (before, _) = self.sealed.split_at(self.unsent.end);
        Ok(before.split_at(self.unsent.start).1)
    }

    /// The first `len` bytes of [`sealed`](Self::sealed) have been handed on.
    pub fn advance(&mut self, len: usize) {
        self.unsent.start += len.min(self.unsent.len());
    }

    /// Takes plaintext: all of it, or as much as completes a piece. Returns how many bytes it took.
    ///
    /// # Errors
    /// [`InvalidState`](ErrorKind::InvalidState) while there are bytes to hand on, after the end, and
    /// in a forked child; [`MessageTooLong`](ErrorKind::MessageTooLong) at 4 PiB.
    pub fn write(&mut self, plaintext: &[u8]) -> Result<usize, Error> {
        self.check_ready()?;
        if self.plaintext.is_empty() {
            let of_threads = || self.sealer.threads().piece_len();
            self.gathering = self.piece_len.unwrap_or_else(of_threads);
        }
        // Up to the end of a chunk, even if one was flushed in the middle.
        let piece_len = self.gathering - self.started_len;
        if self.plaintext.is_empty()
            && let Some(piece) = plaintext.get(..piece_len)
        {
            self.seal(Some(piece))?;
            return Ok(piece_len);
        }
        let room = piece_len.saturating_sub(self.plaintext.len());
        let (gathered, _) = plaintext.split_at(room.min(plaintext.len()));
        self.gather(gathered);
        if self.plaintext.len() >= piece_len {
            self.seal(None)?;
        }
        Ok(gathered.len())
    }

    /// Short messages need less room than a piece, all of which is wiped in the end.
    fn gather(&mut self, plaintext: &[u8]) {
        let len = self.plaintext.len() + plaintext.len();
        if self.plaintext.capacity() < len {
            // Not by `reserve`, which would leave plaintext behind.
            let capacity = len.max(2 * self.plaintext.capacity());
            let mut longer = Vec::with_capacity(capacity.min(self.gathering.max(len)));
            longer.extend_from_slice(&self.plaintext);
            self.plaintext = longer.into();
        }
        self.plaintext.extend_from_slice(plaintext);
    }

    /// Seals all that was taken, whole chunks or not.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn flush(&mut self) -> Result<(), Error> {
        self.check_ready()?;
        if self.plaintext.is_empty() {
            return Ok(());
        }
        self.seal(None)
    }

    /// Ends the message: its last bytes are the last that are [`sealed`](Self::sealed).
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn finish(&mut self) -> Result<(), Error> {
        self.check_ready()?;
        let len = self.sealer.finish_with_len(self.plaintext.len());
        let out = room(&mut self.sealed, len)?;
        let written = self.sealer.finish_with(&self.plaintext, out)?;
        self.plaintext = Vec::new().into();
        self.unsent = 0..written;
        Ok(())
    }

    /// Seals `plaintext`, or what was gathered.
    fn seal(&mut self, plaintext: Option<&[u8]>) -> Result<(), Error> {
        let plaintext = plaintext.unwrap_or(&self.plaintext);
        let out = room(&mut self.sealed, self.sealer.update_len(plaintext.len()))?;
        let written = self.sealer.update(plaintext, out)?;
        self.started_len = (self.started_len + plaintext.len()) % CHUNK_LEN;
        self.unsent = 0..written;
        self.plaintext.clear();
        Ok(())
    }

    /// Whether all is handed on, and the message goes on.
    fn check_ready(&self) -> Result<(), Error> {
        self.sealer.check_process()?;
        if !self.unsent.is_empty() {
            let reason = "there are sealed bytes that were not handed on: do that first";
            return Err(Error::with_reason(ErrorKind::InvalidState, reason));
        }
        self.sealer.check_open()
    }
}

impl fmt::Debug for Writing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Writing(..)")
    }
}
