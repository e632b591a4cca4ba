use std::io::{self, Write};
#[cfg(feature = "threads")]
use std::num::NonZero;

use zeroize::Zeroizing;

use super::{own_error, piece_chunks};
use crate::{ErrorKind, Recipient, Sealer, layout::CHUNK_LEN};

/// Seals what is written to it and writes the message to an inner writer.
///
/// What is written is gathered to pieces of 256 KiB; [`flush`](Write::flush) hands over all there is.
///
/// **Call [`finish`](Self::finish).** A writer that is dropped before leaves a message that every
/// reader refuses as truncated; that is the way to abandon one.
///
/// ```
/// # let der = include_bytes!("../../../tests/vectors/keys/rsa-2048.pub.der");
/// use std::io::Write;
/// use libseal::{PublicKey, Recipient, SealWriter};
///
/// let key = PublicKey::new(der)?;
/// let mut writer = SealWriter::new(Vec::new(), &[Recipient::new(&key)], &[])?;
/// writer.write_all(b"a line of a log\n")?;
/// let message: Vec<u8> = writer.finish()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "a message that is not finished is truncated"]
pub struct SealWriter<W: Write> {
    inner: W,
    /// `None` after the inner writer failed: what it holds then is unknown.
    sealer: Option<Sealer>,
    /// Waits for the rest of its piece.
    plaintext: Zeroizing<Vec<u8>>,
    /// Room for a sealed piece.
    sealed: Vec<u8>,
    /// Plaintext that has been sealed, past the last full chunk.
    started_len: usize,
}

impl<W: Write> SealWriter<W> {
    /// Begins a message and writes its header. For the arguments see [`Sealer::start`].
    ///
    /// # Errors
    /// As [`Sealer::start`], and those of `inner`.
    pub fn new(
        mut inner: W,
        recipients: &[Recipient<'_>],
        context: &[(&str, &str)],
    ) -> io::Result<Self> {
        let mut sealed = vec![0; Sealer::start_len(recipients, context)?];
        let sealer = Sealer::start(recipients, context, &mut sealed)?;
        inner.write_all(&sealed)?;
        Ok(Self {
            inner,
            sealer: Some(sealer),
            plaintext: Vec::new().into(),
            sealed,
            started_len: 0,
        })
    }

    /// Seals on so many threads, in pieces of 1 MiB for each of them. The message is the same.
    #[cfg(feature = "threads")]
    pub fn with_threads(mut self, threads: NonZero<usize>) -> Self {
        self.sealer = self.sealer.map(|sealer| sealer.with_threads(threads));
        self
    }

    /// Ends the message, flushes the inner writer and returns it.
    ///
    /// # Errors
    /// Those of the inner writer: the message is truncated then.
    pub fn finish(mut self) -> io::Result<W> {
        let sealer = self.sealer.take().ok_or_else(failed_before)?;
        let sealed = room(
            &mut self.sealed,
            sealer.finish_with_len(self.plaintext.len()),
        );
        sealer.finish_with(&self.plaintext, sealed)?;
        self.inner.write_all(sealed)?;
        self.inner.flush()?;
        Ok(self.inner)
    }

    /// Plaintext up to the end of the piece: whole chunks, unless it was flushed between two.
    fn piece_len(&self) -> io::Result<usize> {
        let sealer = self.sealer.as_ref().ok_or_else(failed_before)?;
        Ok(piece_chunks(sealer.threads()) * CHUNK_LEN - self.started_len)
    }

    /// Seals `plaintext`, or what was gathered.
    fn seal(&mut self, plaintext: Option<&[u8]>) -> io::Result<()> {
        let plaintext = plaintext.unwrap_or(&self.plaintext);
        let mut sealer = self.sealer.take().ok_or_else(failed_before)?;
        let sealed = room(&mut self.sealed, sealer.update_len(plaintext.len()));
        sealer.update(plaintext, sealed)?;
        self.inner.write_all(sealed)?;
        self.started_len = (self.started_len + plaintext.len()) % CHUNK_LEN;
        self.plaintext.clear();
        self.sealer = Some(sealer);
        Ok(())
    }
}

impl<W: Write> Write for SealWriter<W> {
    fn write(&mut self, plaintext: &[u8]) -> io::Result<usize> {
        let piece_len = self.piece_len()?;
        if self.plaintext.is_empty()
            && let Some(piece) = plaintext.get(..piece_len)
        {
            self.seal(Some(piece))?;
            return Ok(piece_len);
        }
        if self.plaintext.capacity() < piece_len {
            // All that it will ever hold: growing would leave plaintext behind.
            self.plaintext = Vec::with_capacity(piece_len).into();
        }
        let room = piece_len - self.plaintext.len();
        let gathered = plaintext.get(..room).unwrap_or(plaintext);
        self.plaintext.extend_from_slice(gathered);
        if self.plaintext.len() == piece_len {
            self.seal(None)?;
        }
        Ok(gathered.len())
    }

    /// Hands every byte written so far to the inner writer, and flushes that.
    fn flush(&mut self) -> io::Result<()> {
        if !self.plaintext.is_empty() {
            self.seal(None)?;
        }
        self.inner.flush()
    }
}

/// The beginning of a buffer that grows when it has to.
fn room(buffer: &mut Vec<u8>, len: usize) -> &mut [u8] {
    if buffer.len() < len {
        *buffer = vec![0; len];
    }
    buffer.get_mut(..len).unwrap_or_default()
}

fn failed_before() -> io::Error {
    own_error(ErrorKind::InvalidState)
}
