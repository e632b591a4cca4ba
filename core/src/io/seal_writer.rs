use std::io::{self, ErrorKind::Interrupted, Write};
#[cfg(feature = "rayon")]
use std::num::NonZero;

use crate::{
    crypto::random::RandomSource, envelope::Envelope, error::Error, io::lacks_plaintext,
    writing::Writing,
};

/// Seals what is written to it and writes the message to an inner writer.
///
/// Small writes are gathered into pieces of 256 KiB; [`flush`](Write::flush) hands over everything.
///
/// **Call [`finish`](Self::finish).** A writer that is dropped before leaves a message that every
/// reader refuses as truncated; that is the way to abandon one.
///
/// After an error of the inner writer, `write` and `flush` can be repeated: nothing is lost. `finish`
/// cannot, so `flush` first if that matters. After a `write` that failed, `finish` fails too until another
/// `write` succeeds: the message would lack something.
///
/// A writer around this one, such as a `BufWriter`, has to be flushed or taken apart with `into_inner`
/// before `finish`. Dropping it flushes it too, but hides the errors.
///
/// A writer does not survive `fork()`: in the child, calls fail and hand nothing on. The parent goes on.
///
/// With the feature `rayon`, a writer that is used inside a thread pool
/// (`pool.install(|| io::copy(..))`) seals on its threads, in larger pieces.
///
/// ```
/// # let der = include_bytes!("../../tests/vectors/keys/rsa-2048.pub.der");
/// use std::io::Write;
/// use libseal::{Envelope, PublicKey, Recipient, SealWriter};
///
/// let key = PublicKey::new(der)?;
/// let recipients = [Recipient::new(&key)];
/// let mut writer = SealWriter::new(Vec::new(), &Envelope::new(&recipients))?;
/// writer.write_all(b"a line of a log\n")?;
/// let message: Vec<u8> = writer.finish()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "a message that is not finished is truncated"]
pub struct SealWriter<W: Write> {
    inner: W,
    writing: Writing,
    /// Set by a `write` that failed, until one succeeds.
    lacks_plaintext: bool,
}

impl<W: Write> SealWriter<W> {
    /// Begins a message. Its first bytes go to `inner` with the first write.
    ///
    /// # Errors
    /// As [`Envelope::start`].
    pub fn new<R: RandomSource>(inner: W, envelope: &Envelope<'_, R>) -> Result<Self, Error> {
        let writing = Writing::new(envelope)?;
        Ok(Self {
            inner,
            writing,
            lacks_plaintext: false,
        })
    }

    /// Seals in pieces of `len` bytes: see [`Writing::with_piece_len`].
    pub fn with_piece_len(mut self, len: usize) -> Self {
        self.writing = self.writing.with_piece_len(len);
        self
    }

    /// Uses at most `threads` threads of the pool in which a call runs: see
    /// [`Sealer`](crate::Sealer).
    #[cfg(feature = "rayon")]
    pub fn with_max_threads(mut self, threads: NonZero<usize>) -> Self {
        self.writing = self.writing.with_max_threads(threads);
        self
    }

    /// Ends the message, flushes the inner writer and returns it.
    ///
    /// # Errors
    /// Those of the inner writer, and [`InvalidState`](crate::ErrorKind::InvalidState) after a `write` that
    /// failed, until another one succeeds. The message is truncated then.
    pub fn finish(mut self) -> io::Result<W> {
        if self.lacks_plaintext {
            return Err(lacks_plaintext(&self.writing));
        }
        self.hand_on()?;
        self.writing.finish()?;
        self.hand_on()?;
        self.inner.flush()?;
        Ok(self.inner)
    }

    fn hand_on(&mut self) -> io::Result<()> {
        loop {
            let sealed = self.writing.sealed()?;
            if sealed.is_empty() {
                return Ok(());
            }
            match self.inner.write(sealed) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(len) => self.writing.advance(len),
                Err(error) if error.kind() == Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl<W: Write> Write for SealWriter<W> {
    fn write(&mut self, plaintext: &[u8]) -> io::Result<usize> {
        if plaintext.is_empty() {
            return Ok(0);
        }
        self.lacks_plaintext = true;
        // Before, not after: what has been taken must not be reported as an error.
        self.hand_on()?;
        let taken = self.writing.write(plaintext)?;
        self.lacks_plaintext = false;
        Ok(taken)
    }

    /// Hands every byte written so far to the inner writer, and flushes that.
    fn flush(&mut self) -> io::Result<()> {
        self.hand_on()?;
        self.writing.flush()?;
        self.hand_on()?;
        self.inner.flush()
    }
}
