//! `std::io` adapters over the state machines.
//!
//! Errors of this library travel inside [`io::Error`]: `error.get_ref()` and
//! `error.downcast::<libseal::Error>()` find them.

use std::io::{self, Read, Write};

use zeroize::Zeroizing;

use crate::{Error, ErrorKind, Header, KeyUnwrap, Recipient, Sealer, Unsealer};

/// Plaintext or ciphertext taken from the inner reader or handed to the inner writer at a time.
const PIECE_LEN: usize = 64 * 1024;

/// Seals what is written to it and writes the message to an inner writer.
///
/// **Call [`finish`](Self::finish).** A writer that is dropped before leaves a message that every
/// reader refuses as truncated; that is the way to abandon one.
///
/// ```
/// # let der = include_bytes!("../../tests/vectors/keys/rsa-2048.pub.der");
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
    sealed: Vec<u8>,
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
            sealed,
        })
    }

    /// Ends the message, flushes the inner writer and returns it.
    ///
    /// # Errors
    /// Those of the inner writer: the message is truncated then.
    pub fn finish(mut self) -> io::Result<W> {
        let sealer = self.sealer.take().ok_or_else(invalid_state)?;
        self.inner.write_all(&sealer.finish())?;
        self.inner.flush()?;
        Ok(self.inner)
    }
}

impl<W: Write> Write for SealWriter<W> {
    fn write(&mut self, plaintext: &[u8]) -> io::Result<usize> {
        let mut sealer = self.sealer.take().ok_or_else(invalid_state)?;
        let piece = plaintext.get(..PIECE_LEN).unwrap_or(plaintext);
        self.sealed.resize(sealer.update_len(piece.len()), 0);
        sealer.update(piece, &mut self.sealed)?;
        self.inner.write_all(&self.sealed)?;
        self.sealer = Some(sealer);
        Ok(piece.len())
    }

    /// Flushes the inner writer. Every byte written so far has been handed to it.
    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Reads a message from an inner reader and gives the plaintext.
///
/// The end of the plaintext is reported only after the end of the message has been verified: a
/// truncated message ends in an error. Bytes read before that are authentic, but may not be all.
///
/// ```
/// # let pem = include_bytes!("../../tests/vectors/keys/rsa-2048.pub.pem");
/// # let key = libseal::PublicKey::new(pem)?;
/// # let message = libseal::seal(&[libseal::Recipient::new(&key)], &[], b"a line of a log\n")?;
/// # let private_pem = include_bytes!("../../tests/vectors/keys/rsa-2048.key.pem");
/// use libseal::{LocalUnwrapper, UnsealReader};
///
/// let unwrapper = LocalUnwrapper::new(private_pem, None)?;
/// let reader = UnsealReader::new(message.as_slice(), &unwrapper, &[])?;
/// assert_eq!(std::io::read_to_string(reader)?, "a line of a log\n");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UnsealReader<R: Read> {
    inner: R,
    unsealer: Unsealer,
    sealed: Vec<u8>,
    plaintext: Zeroizing<Vec<u8>>,
    /// How much of `plaintext` has been read.
    position: usize,
    ended: bool,
}

impl<R: Read> UnsealReader<R> {
    /// Reads the header and has the data key unwrapped. For the arguments see
    /// [`unseal`](crate::unseal).
    ///
    /// # Errors
    /// As [`Unsealer::update`] and [`Unsealer::unwrap_with`], and those of `inner`.
    pub fn new(
        inner: R,
        unwrapper: &(impl KeyUnwrap + ?Sized),
        required_context: &[(&str, &str)],
    ) -> io::Result<Self> {
        let mut reader = Self {
            inner,
            unsealer: Unsealer::new(required_context),
            sealed: vec![0; PIECE_LEN],
            // All that it will ever hold: growing would leave plaintext behind.
            plaintext: Vec::with_capacity(Unsealer::update_bound(PIECE_LEN)).into(),
            position: 0,
            ended: false,
        };
        loop {
            let len = reader.read_sealed()?;
            let consumed = reader.advance(0..len)?;
            if reader.unsealer.needs_key() {
                reader.unsealer.unwrap_with(unwrapper)?;
                if consumed < len {
                    reader.advance(consumed..len)?;
                }
                return Ok(reader);
            }
        }
    }

    /// The header, verified.
    #[must_use]
    pub const fn header(&self) -> Option<&Header> {
        self.unsealer.header()
    }

    /// Returns the inner reader; what this one has read ahead is lost.
    pub fn into_inner(self) -> R {
        self.inner
    }

    fn read_sealed(&mut self) -> io::Result<usize> {
        loop {
            match self.inner.read(&mut self.sealed) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    /// Takes a part of `sealed`, the empty one for the end, and returns how much of it was taken.
    fn advance(&mut self, part: core::ops::Range<usize>) -> Result<usize, Error> {
        self.position = 0;
        self.plaintext.clear();
        let advanced = if part.is_empty() {
            self.plaintext.resize(self.unsealer.finish_len(), 0);
            let finished = self.unsealer.finish(&mut self.plaintext);
            self.ended = finished.is_ok();
            finished.map(|_| 0)
        } else {
            let piece = self.sealed.get(part).unwrap_or_default();
            let len = self.unsealer.update_len(piece.len());
            self.plaintext.resize(len, 0);
            let updated = self.unsealer.update(piece, &mut self.plaintext);
            updated.map(|progress| progress.consumed)
        };
        if advanced.is_err() {
            // Room that was not written to is no plaintext: nobody may read it.
            self.plaintext.clear();
        }
        advanced
    }
}

impl<R: Read> Read for UnsealReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let unread = self.plaintext.get(self.position..).unwrap_or_default();
            if !unread.is_empty() || self.ended || out.is_empty() {
                let len = unread.len().min(out.len());
                out.iter_mut()
                    .zip(unread)
                    .for_each(|(out, byte)| *out = *byte);
                self.position += len;
                return Ok(len);
            }
            let len = self.read_sealed()?;
            self.advance(0..len)?;
        }
    }
}

impl<R: Read> core::fmt::Debug for UnsealReader<R> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("UnsealReader")
            .field("unsealer", &self.unsealer)
            .finish_non_exhaustive()
    }
}

fn invalid_state() -> io::Error {
    Error::from(ErrorKind::InvalidState).into()
}
