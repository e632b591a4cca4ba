#[cfg(feature = "threads")]
use std::num::NonZero;
use std::{
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
};

use zeroize::Zeroizing;

use super::{own_error, piece_chunks};
use crate::{
    ErrorKind, Header, KeyUnwrap, Unsealer,
    layout::{self, CHUNK_LEN, SEALED_CHUNK_LEN},
};

/// What is read at first: most headers are shorter.
const FIRST_LEN: usize = 4096;

/// Reads a message from an inner reader and gives the plaintext.
///
/// The end of the plaintext is reported only after the end of the message has been verified: a
/// truncated message ends in an error. Bytes read before that are authentic, but may not be all.
///
/// Where the inner reader can seek, so can this one: see [its `Seek`](#impl-Seek-for-UnsealReader<R>).
///
/// ```
/// # let pem = include_bytes!("../../../tests/vectors/keys/rsa-2048.pub.pem");
/// # let key = libseal::PublicKey::new(pem)?;
/// # let message = libseal::seal(&[libseal::Recipient::new(&key)], &[], b"a line of a log\n")?;
/// # let private_pem = include_bytes!("../../../tests/vectors/keys/rsa-2048.key.pem");
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
    /// Room for a piece of the message.
    sealed: Vec<u8>,
    /// Room for the plaintext of a piece.
    plaintext: Zeroizing<Vec<u8>>,
    /// The part of `plaintext` that is to be read next.
    unread: Range<usize>,
    /// The byte of plaintext that is to be read next.
    position: u64,
    /// The byte of the message that the inner reader gives next.
    offset: u64,
    /// Where the message begins in the inner reader, from the first seek on.
    message_start: Option<u64>,
    /// Once it is confirmed.
    end: Option<End>,
    at_end: bool,
    /// After a seek that failed on its way: inner reader and unsealer are not where `position` is.
    place_is_lost: bool,
    /// Plaintext to unseal beyond what is asked for: none after a seek, more and more as reading in
    /// small pieces goes on.
    read_ahead: usize,
}

#[derive(Clone, Copy)]
struct End {
    message_start: u64,
    message_len: u64,
    plaintext_len: u64,
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
            sealed: vec![0; FIRST_LEN],
            plaintext: Vec::new().into(),
            unread: 0..0,
            position: 0,
            offset: 0,
            message_start: None,
            end: None,
            at_end: false,
            place_is_lost: false,
            read_ahead: usize::MAX,
        };
        loop {
            let len = reader.read_sealed(FIRST_LEN)?;
            if len == 0 {
                // Tells why there is no whole header.
                reader.unsealer.finish(&mut [])?;
            }
            let piece = reader.sealed.get(..len).unwrap_or_default();
            let consumed = reader.unsealer.update(piece, &mut [])?.consumed;
            if reader.unsealer.needs_key() {
                reader.unsealer.unwrap_with(unwrapper)?;
                // Less than a chunk, so nothing comes out.
                let rest = piece.get(consumed..).unwrap_or_default();
                let _ = reader.unsealer.update(rest, &mut [])?;
                reader.read_payload_start()?;
                return Ok(reader);
            }
        }
    }

    /// What comes before the chunks: only with it the unsealer can seek. Where it is missing, reading
    /// says so.
    fn read_payload_start(&mut self) -> io::Result<()> {
        let first_chunk = layout::chunk_offset(self.header_len(), 0);
        while let Ok(missing @ 1..) = usize::try_from(first_chunk.saturating_sub(self.offset)) {
            let len = self.read_sealed(missing)?;
            if len == 0 {
                break;
            }
            let piece = self.sealed.get(..len).unwrap_or_default();
            let _ = self.unsealer.update(piece, &mut [])?;
        }
        Ok(())
    }

    /// Unseals on so many threads, in pieces of 1 MiB for each of them.
    #[cfg(feature = "threads")]
    #[must_use]
    pub fn with_threads(mut self, threads: NonZero<usize>) -> Self {
        self.unsealer = self.unsealer.with_threads(threads);
        self
    }

    /// The header, verified.
    #[must_use]
    pub const fn header(&self) -> Option<&Header> {
        self.unsealer.header()
    }

    fn header_len(&self) -> usize {
        self.header().map_or(0, Header::len)
    }

    /// Returns the inner reader; what this one has read ahead is lost.
    pub fn into_inner(self) -> R {
        self.inner
    }

    /// Up to `max_len` bytes of the message, to the front of `sealed`.
    fn read_sealed(&mut self, max_len: usize) -> io::Result<usize> {
        if self.sealed.len() < max_len {
            self.sealed = vec![0; max_len];
        }
        let room = self.sealed.get_mut(..max_len).unwrap_or_default();
        loop {
            match self.inner.read(room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(len) if len > max_len => return Err(io::Error::other("read too much")),
                Ok(len) => {
                    self.offset += len as u64;
                    return Ok(len);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Bytes of the message up to the end of the chunk with the last of `len` bytes of plaintext, or
    /// of a few more; at most a piece.
    fn piece_len(&self, len: usize) -> usize {
        let max_chunks = piece_chunks(self.unsealer.threads());
        let ahead = self.read_ahead.min(max_chunks * CHUNK_LEN);
        let len = len.max(ahead).max(1) as u64;
        let end = layout::ciphertext_range(self.header_len(), self.position, len).end;
        let end = self.end.map_or(end, |known| end.min(known.message_len));
        let max_len = max_chunks * SEALED_CHUNK_LEN;
        usize::try_from(end.saturating_sub(self.offset)).map_or(max_len, |len| len.min(max_len))
    }

    /// Unseals the next piece: straight to `out` if it has the room, and returns how much that was.
    fn unseal_piece(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.unread = 0..0;
        let len = match self.piece_len(out.len()) {
            0 => 0,
            len => self.read_sealed(len)?,
        };
        if out.len() < CHUNK_LEN {
            self.read_ahead = self.read_ahead.saturating_mul(2).max(CHUNK_LEN);
        }
        if len == 0 {
            return self.unseal_end();
        }
        let piece = self.sealed.get(..len).unwrap_or_default();
        let opened_len = self.unsealer.update_len(len);
        if opened_len <= out.len() {
            return Ok(self.unsealer.update(piece, out)?.written);
        }
        if self.plaintext.len() < opened_len {
            self.plaintext = vec![0; opened_len].into();
        }
        let written = self.unsealer.update(piece, &mut self.plaintext)?.written;
        self.unread = 0..written;
        Ok(0)
    }

    fn unseal_end(&mut self) -> io::Result<usize> {
        let len = self.unsealer.finish_len();
        if self.plaintext.len() < len {
            self.plaintext = vec![0; len].into();
        }
        let written = self.unsealer.finish(&mut self.plaintext)?;
        self.unread = 0..written;
        self.at_end = true;
        Ok(0)
    }
}

impl<R: Read> Read for UnsealReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.place_is_lost {
            return Err(own_error(ErrorKind::InvalidState));
        }
        loop {
            if !self.unread.is_empty() || self.at_end || out.is_empty() {
                let unread = self.plaintext.get(self.unread.clone()).unwrap_or_default();
                let len = unread.len().min(out.len());
                if let (Some(out), Some(unread)) = (out.get_mut(..len), unread.get(..len)) {
                    out.copy_from_slice(unread);
                }
                self.unread.start += len;
                self.position += len as u64;
                return Ok(len);
            }
            let len = self.unseal_piece(out)?;
            if len > 0 {
                self.position += len as u64;
                return Ok(len);
            }
        }
    }
}

/// Reading goes on anywhere, and only the chunks that cover what is read are fetched.
///
/// The first time, the last chunk is fetched too: it confirms where the plaintext ends, before anything
/// depends on that. The message has to begin where the inner reader was when this one was made, and to
/// end where that one ends. As with files, one can seek behind the end, and there is nothing to read.
impl<R: Read + Seek> Seek for UnsealReader<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        if to == SeekFrom::Current(0) {
            return Ok(self.position);
        }
        let end = match self.end {
            Some(end) => end,
            None => self.confirm_end()?,
        };
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(distance) => self.position.checked_add_signed(distance),
            SeekFrom::End(distance) => end.plaintext_len.checked_add_signed(distance),
        };
        let position = position.ok_or_else(|| {
            let message = "seek to a position before the beginning, or too large";
            io::Error::new(io::ErrorKind::InvalidInput, message)
        })?;
        if !self.skip_to(position) {
            self.go_to(position, end)?;
        }
        Ok(self.position)
    }
}

impl<R: Read + Seek> UnsealReader<R> {
    fn find_start(&mut self) -> io::Result<u64> {
        let start = self.inner.stream_position()?.checked_sub(self.offset);
        let start = start.ok_or_else(|| io::Error::other("the inner reader has been moved"))?;
        self.message_start = Some(start);
        Ok(start)
    }

    /// Authenticates the last chunk.
    fn confirm_end(&mut self) -> io::Result<End> {
        let message_start = match self.message_start {
            Some(start) => start,
            None => self.find_start()?,
        };
        self.place_is_lost = true;
        let message_end = self.inner.seek(SeekFrom::End(0))?;
        let message_len = message_end.saturating_sub(message_start);
        let payload_len = message_len.saturating_sub(self.header_len() as u64);
        let plaintext_len = layout::plaintext_len(payload_len);
        let plaintext_len = plaintext_len.ok_or_else(|| own_error(ErrorKind::Truncated))?;

        let last_offset = self.unsealer.seek(plaintext_len)?;
        let last_start = message_start.saturating_add(last_offset);
        self.inner.seek(SeekFrom::Start(last_start))?;
        let mut last = Vec::with_capacity(SEALED_CHUNK_LEN);
        let max_len = SEALED_CHUNK_LEN as u64;
        self.inner.by_ref().take(max_len).read_to_end(&mut last)?;
        let _ = self.unsealer.update(&last, &mut [])?;
        self.unsealer.finish(&mut [])?;
        let end = End {
            message_start,
            message_len,
            plaintext_len,
        };
        self.end = Some(end);
        self.go_to(self.position, end)?;
        Ok(end)
    }

    /// Within what is unsealed already.
    fn skip_to(&mut self, position: u64) -> bool {
        let first = self.position.saturating_sub(self.unread.start as u64);
        let distance = position.checked_sub(first).map(usize::try_from);
        match distance {
            Some(Ok(start)) if start <= self.unread.end && !self.place_is_lost => {
                self.unread.start = start;
                self.position = position;
                true
            }
            _ => false,
        }
    }

    fn go_to(&mut self, position: u64, end: End) -> io::Result<()> {
        self.place_is_lost = true;
        self.unread = 0..0;
        self.at_end = position >= end.plaintext_len;
        if !self.at_end {
            self.offset = self.unsealer.seek(position)?;
            let offset = end.message_start.saturating_add(self.offset);
            self.inner.seek(SeekFrom::Start(offset))?;
        }
        self.read_ahead = 0;
        self.position = position;
        self.place_is_lost = false;
        Ok(())
    }
}

impl<R: Read> core::fmt::Debug for UnsealReader<R> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("UnsealReader")
            .field("unsealer", &self.unsealer)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}
