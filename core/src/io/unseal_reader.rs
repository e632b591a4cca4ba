#[cfg(feature = "rayon")]
use std::num::NonZero;
use std::{
    fmt,
    io::{self, ErrorKind::Interrupted, Read, Seek, SeekFrom},
    ops::Range,
};

use crate::{
    crypto::secret::DataKey,
    error::{Error, ErrorKind},
    header::read::Header,
    io::{has_been_moved, position_after, read_too_much},
    reading::{Next, Reading},
    unwrap::Unwrap,
};

/// Reads a message from an inner reader and returns its plaintext.
///
/// The end of the plaintext is reported only after the end of the message has been verified: a
/// truncated message ends in an error. Bytes read before that are authentic, but may not be all. Every
/// chunk before a cut or an altered one comes out first; [`salvage`](crate::salvage()) keeps those.
///
/// After an error of the inner reader nothing is lost: the call can be repeated.
///
/// If the inner reader can seek, so can this one: see [its `Seek`](#impl-Seek-for-UnsealReader<R>).
///
/// With the feature `rayon`, a reader that is used inside a thread pool
/// (`pool.install(|| io::copy(..))`) unseals on its threads, in larger pieces.
///
/// ```
/// # let pem = include_bytes!("../../tests/vectors/keys/rsa-2048.pub.pem");
/// # let key = libseal::PublicKey::new(pem)?;
/// # let message = libseal::Envelope::new(&[libseal::Recipient::new(&key)]).seal(b"a line of a log\n")?;
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
    reading: Reading,
    /// Room for a piece of the message.
    sealed: Vec<u8>,
    /// The byte of the message that the inner reader gives next.
    offset: u64,
    /// From the first seek on.
    way: Option<Way<R>>,
}

/// The way to any byte of the message.
struct Way<R> {
    /// Where the message begins in the inner reader.
    start: u64,
    /// Only [`Seek`] knows that the inner reader can seek, and [`Read`] has to follow it.
    seek: fn(&mut R, SeekFrom) -> io::Result<u64>,
}

impl<R: Read> UnsealReader<R> {
    /// Reads the header and unwraps the data key. For the arguments see [`unseal`](crate::unseal).
    ///
    /// # Errors
    /// As [`Unsealer::update`](crate::Unsealer::update) and
    /// [`Unsealer::unwrap_with`](crate::Unsealer::unwrap_with), and those of `inner`. [`Error`] says how
    /// to find the former in an [`io::Error`].
    pub fn new(
        inner: R,
        unwrapper: impl Unwrap,
        required: &[(&str, Option<&str>)],
    ) -> io::Result<Self> {
        let mut reader = Self::with_reading(inner, Reading::new(required));
        while !reader.reading.needs_key() {
            reader.step(0, &mut [])?;
        }
        reader.reading.unwrap_with(unwrapper)?;
        Ok(reader)
    }

    /// Reads on after a header that is known, with its data key: `inner` is where the header ends,
    /// [`Header::len`] bytes into the message. What the encryption context must have is for the caller
    /// to check: [`Header::require`].
    ///
    /// # Errors
    /// As [`Reading::with_key`].
    pub fn with_key(inner: R, header: Header, data_key: DataKey) -> Result<Self, Error> {
        let offset = header.len() as u64;
        let reading = Reading::with_key(header, data_key)?;
        let mut reader = Self::with_reading(inner, reading);
        reader.offset = offset;
        Ok(reader)
    }

    const fn with_reading(inner: R, reading: Reading) -> Self {
        Self {
            inner,
            reading,
            sealed: Vec::new(),
            offset: 0,
            way: None,
        }
    }

    /// Reads pieces of `len` bytes: see [`Reading::with_piece_len`].
    #[must_use]
    pub fn with_piece_len(mut self, len: usize) -> Self {
        self.reading = self.reading.with_piece_len(len);
        self
    }

    /// Uses at most `threads` threads of the pool in which a call runs: see
    /// [`Unsealer`](crate::Unsealer).
    #[cfg(feature = "rayon")]
    #[must_use]
    pub fn with_max_threads(mut self, threads: NonZero<usize>) -> Self {
        self.reading = self.reading.with_max_threads(threads);
        self
    }

    /// The header, verified.
    #[must_use]
    pub const fn header(&self) -> Option<&Header> {
        self.reading.header()
    }

    /// Returns the inner reader; what this one has read ahead is lost.
    pub fn into_inner(self) -> R {
        self.inner
    }

    pub(super) fn piece_len(&self) -> usize {
        self.reading.piece_len()
    }

    /// Takes a step of the reading; returns how much plaintext came to `out`, or `None` at the end.
    fn step(&mut self, wanted: usize, out: &mut [u8]) -> io::Result<Option<usize>> {
        match self.reading.next(wanted)? {
            Next::Message(range) => self.feed(range, out).map(Some),
            Next::Plaintext => Ok(Some(self.reading.read(out)?)),
            Next::End => Ok(None),
            Next::Key => Err(Error::from(ErrorKind::InvalidState).into()),
        }
    }

    fn feed(&mut self, range: Range<u64>, out: &mut [u8]) -> io::Result<usize> {
        self.go_to(range.start)?;
        let wanted = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        if self.sealed.len() < wanted {
            self.sealed = vec![0; wanted];
        }
        let (room, _) = self.sealed.split_at_mut(wanted);
        let len = loop {
            match self.inner.read(room) {
                Err(error) if error.kind() == Interrupted => {}
                result => break result?,
            }
        };
        self.offset += len as u64;
        let piece = room.get(..len);
        let piece = piece.ok_or_else(read_too_much)?;
        Ok(self.reading.feed(piece, out)?)
    }

    /// Moves the inner reader to an offset in the message.
    fn go_to(&mut self, offset: u64) -> io::Result<()> {
        if offset == self.offset {
            return Ok(());
        }
        let way = self.way.as_ref();
        let way = way.ok_or_else(|| Error::from(ErrorKind::Internal))?;
        let place = way.start.saturating_add(offset);
        (way.seek)(&mut self.inner, SeekFrom::Start(place))?;
        self.offset = offset;
        Ok(())
    }
}

impl<R: Read> Read for UnsealReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            match self.step(out.len(), out)? {
                Some(0) => {}
                Some(len) => return Ok(len),
                None => return Ok(0),
            }
        }
    }
}

/// Reading goes on anywhere, and only the chunks that cover what is read are fetched.
///
/// The first seek also fetches the last chunk: it verifies where the plaintext ends, before anything
/// depends on that. The message has to begin where the inner reader was when [`UnsealReader::new`] got
/// it, and to end where that one ends. As with files, one can seek beyond the end, and there is nothing to
/// read.
impl<R: Read + Seek> Seek for UnsealReader<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = self.reading.position();
        if to == SeekFrom::Current(0) {
            return Ok(position);
        }
        let len = self.plaintext_len()?;
        let position = position_after(to, position, len)?;
        self.reading.seek(position);
        Ok(position)
    }
}

impl<R: Read + Seek> UnsealReader<R> {
    /// Length of the plaintext. Reads and verifies the end of the message for it, the first time.
    ///
    /// # Errors
    /// As [`Reading::next`] and [`Reading::feed`], and those of the inner reader.
    pub fn plaintext_len(&mut self) -> io::Result<u64> {
        let start = match &self.way {
            Some(way) => way.start,
            None => self.find_way()?,
        };
        if self.reading.message_len().is_none() {
            let end = self.inner.seek(SeekFrom::End(0))?;
            self.offset = end.saturating_sub(start);
            self.reading.set_message_len(self.offset);
        }
        self.reading.confirm_end()?;
        loop {
            if let Some(len) = self.reading.plaintext_len() {
                return Ok(len);
            }
            self.step(0, &mut [])?;
        }
    }

    fn find_way(&mut self) -> io::Result<u64> {
        let start = self.inner.stream_position()?.checked_sub(self.offset);
        let start = start.ok_or_else(has_been_moved)?;
        let seek = R::seek;
        self.way = Some(Way { start, seek });
        Ok(start)
    }
}

impl<R: Read> fmt::Debug for UnsealReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnsealReader")
            .field("reading", &self.reading)
            .finish_non_exhaustive()
    }
}
