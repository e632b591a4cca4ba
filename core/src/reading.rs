//! Reading: what every reader does, whatever it reads from.

#[cfg(feature = "rayon")]
use core::num::NonZero;
use core::{fmt, ops::Range};

use alloc::vec::Vec;
use zeroize::Zeroizing;

use crate::{
    buffer::room,
    crypto::secret::DataKey,
    error::{Error, ErrorKind},
    header::read::Header,
    payload::layout::{self, CHUNK_LEN},
    unsealer::Unsealer,
    unwrap::{Unwrap, asynchronous::AsyncUnwrap},
};

/// What is read at first: most headers are shorter.
const FIRST_LEN: u64 = 4096;

/// What a [`Reading`] needs next.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a driver has to know them all")]
pub enum Next {
    /// Bytes of the message. Get them from the source, by their offsets, and give them to
    /// [`Reading::feed`]. Fewer will do. If there are none, the message ends there: feed an empty
    /// slice.
    Message(Range<u64>),
    /// The data key: [`Reading::unwrap_with`] or [`Reading::provide_key`].
    Key,
    /// Nothing: there is plaintext for [`Reading::read`].
    Plaintext,
    /// Nothing: the plaintext ends here, and the end of the message has been verified.
    End,
}

/// Reads a message from the start, from any place, to its end, without I/O: says which bytes of the
/// message to give it next, takes them, and has plaintext.
///
/// It is what [`UnsealReader`](crate::UnsealReader) and the readers of C and Python are made of. A
/// driver for another source is a loop:
///
/// ```
/// # let pem = include_bytes!("../tests/vectors/keys/rsa-2048.pub.pem");
/// # let key = libseal::PublicKey::new(pem)?;
/// # let plaintext: Vec<u8> = (0..100_000).map(|i| i as u8).collect();
/// # let stored = libseal::Envelope::new(&[libseal::Recipient::new(&key)]).seal(&plaintext)?;
/// # let private_pem = include_bytes!("../tests/vectors/keys/rsa-2048.key.pem");
/// # let unwrapper = libseal::LocalUnwrapper::new(private_pem, None)?;
/// # let get = |range: std::ops::Range<u64>| {
/// #     &stored[range.start as usize..stored.len().min(range.end as usize)]
/// # };
/// use libseal::{Next, Reading};
///
/// // `get(range)` fetches bytes of the message, for example from object storage.
/// let mut reading = Reading::new(&[]);
/// reading.seek(50_000);
///
/// let mut part = vec![0; 1000];
/// let mut len = 0;
/// while len < part.len() {
///     len += match reading.next(part.len() - len)? {
///         Next::Message(range) => reading.feed(get(range), &mut part[len..])?,
///         Next::Plaintext => reading.read(&mut part[len..])?,
///         Next::Key => {
///             reading.unwrap_with(&unwrapper)?;
///             0
///         }
///         Next::End => break,
///     };
/// }
/// assert_eq!(part, plaintext[50_000..51_000]);
/// # Ok::<(), libseal::Error>(())
/// ```
///
/// Every byte of plaintext is authentic and in its place. Where the plaintext ends is verified before
/// [`Next::End`]. If the length of the message is known, [`set_message_len`](Self::set_message_len)
/// lets the end be verified before anything is read out of the middle.
///
/// Where a message is cut short or altered, every chunk before that comes out before the error does,
/// whatever the length of the pieces: [`position`](Self::position) is the end of what verified.
///
/// After an error of the message, every further call fails with
/// [`InvalidState`](ErrorKind::InvalidState). An error of the source changes nothing: ask again.
pub struct Reading {
    unsealer: Unsealer,
    /// What followed the header, until the key is there.
    held: Vec<u8>,
    /// Whether the unsealer has all that comes before the first chunk.
    is_started: bool,
    /// The byte of the message that is fed next.
    offset: u64,
    /// What `next` asked for.
    asked: Option<Range<u64>>,
    /// The byte of plaintext that is read next.
    position: u64,
    /// Plaintext that is unsealed, and where in the plaintext it is.
    buffer: Zeroizing<Vec<u8>>,
    buffered: Range<u64>,
    /// Whether the unsealer goes on where `buffered` ends.
    is_placed: bool,
    message_len: Option<u64>,
    /// Once it is confirmed.
    plaintext_len: Option<u64>,
    confirming: Confirming,
    /// About the chunk that follows what is buffered: to be reported after that has been read.
    altered: Option<Error>,
    /// Unless it is for the threads to say.
    piece_len: Option<usize>,
    /// Plaintext to unseal at least: none after a seek, more and more as small reads go on.
    read_ahead: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Confirming {
    No,
    /// Before anything else is read.
    Soon,
    /// The unsealer is at the last chunk.
    LastChunk,
}

impl Reading {
    /// Begins a message. For `required` see [`Unsealer::new`].
    #[must_use]
    pub fn new(required: &[(&str, Option<&str>)]) -> Self {
        Self::with_unsealer(Unsealer::new(required), 0)
    }

    /// Begins a message whose header and data key are known: the header is not read again. What the
    /// encryption context must have is for the caller to check: [`Header::require`].
    ///
    /// # Errors
    /// As [`Unsealer::with_key`].
    pub fn with_key(header: Header, data_key: DataKey) -> Result<Self, Error> {
        let offset = header.len() as u64;
        Ok(Self::with_unsealer(
            Unsealer::with_key(header, data_key)?,
            offset,
        ))
    }

    fn with_unsealer(unsealer: Unsealer, offset: u64) -> Self {
        Self {
            unsealer,
            held: Vec::new(),
            is_started: false,
            offset,
            asked: None,
            position: 0,
            buffer: Vec::new().into(),
            buffered: 0..0,
            is_placed: true,
            message_len: None,
            plaintext_len: None,
            confirming: Confirming::No,
            altered: None,
            piece_len: None,
            read_ahead: usize::MAX,
        }
    }

    /// Asks for the message in pieces of at most `len` bytes of plaintext, rounded down to chunks of
    /// 16 KiB, at least one of them and at most 64 MiB. Buffers of this length are kept. Without it,
    /// pieces are 256 KiB long, or 512 KiB for each thread of the pool in which a call runs. For range
    /// requests over a network, a few MiB are better.
    #[must_use]
    pub fn with_piece_len(self, len: usize) -> Self {
        Self {
            piece_len: Some(layout::piece_len(len)),
            ..self
        }
    }

    /// Uses at most `threads` threads of the pool in which a call runs.
    #[cfg(feature = "rayon")]
    #[must_use]
    pub fn with_max_threads(mut self, threads: NonZero<usize>) -> Self {
        self.unsealer = self.unsealer.with_max_threads(threads);
        self
    }

    pub(crate) fn piece_len(&self) -> usize {
        let of_threads = || self.unsealer.threads().piece_len();
        self.piece_len.unwrap_or_else(of_threads)
    }

    /// The header, as soon as it is there; trusted once a data key has been accepted.
    #[must_use]
    pub const fn header(&self) -> Option<&Header> {
        self.unsealer.header()
    }

    /// Whether the header is complete and the data key is needed now.
    #[must_use]
    pub const fn needs_key(&self) -> bool {
        self.unsealer.needs_key()
    }

    /// As [`Unsealer::unwrap_with`].
    ///
    /// # Errors
    /// As [`Unsealer::unwrap_with`].
    pub fn unwrap_with(&mut self, unwrapper: impl Unwrap) -> Result<(), Error> {
        self.unsealer.unwrap_with(unwrapper)?;
        self.feed_held()
    }

    /// As [`Unsealer::unwrap_with_async`]: if the future is dropped, the key is still needed.
    ///
    /// # Errors
    /// As [`Unsealer::unwrap_with`].
    pub async fn unwrap_with_async(&mut self, unwrapper: impl AsyncUnwrap) -> Result<(), Error> {
        self.unsealer.unwrap_with_async(unwrapper).await?;
        self.feed_held()
    }

    /// As [`Unsealer::provide_key`].
    ///
    /// # Errors
    /// As [`Unsealer::provide_key`].
    pub fn provide_key(&mut self, data_key: DataKey) -> Result<(), Error> {
        self.unsealer.provide_key(data_key)?;
        self.feed_held()
    }

    fn feed_held(&mut self) -> Result<(), Error> {
        let held = core::mem::take(&mut self.held);
        // Less than a chunk, so nothing comes out.
        let _ = self.unsealer.update(&held, &mut [])?;
        self.note_start();
        Ok(())
    }

    fn note_start(&mut self) {
        let first_chunk = self.header().map(|header| first_chunk(header.len()));
        let has_key = !self.needs_key();
        self.is_started |= has_key && first_chunk.is_some_and(|first| self.offset >= first);
    }

    /// The byte of plaintext that is read next.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// Length of the plaintext, once the end of the message has been verified.
    #[must_use]
    pub const fn plaintext_len(&self) -> Option<u64> {
        self.plaintext_len
    }

    /// Length of the message, as far as the source knows it.
    #[must_use]
    pub const fn message_len(&self) -> Option<u64> {
        self.message_len
    }

    /// Says how long the message is, before it is read to its end. From then on, the last chunk is
    /// read and verified before the first byte that comes after a [`seek`](Self::seek), so that
    /// nothing depends on an end that is not the true one.
    pub fn set_message_len(&mut self, len: u64) {
        if self.plaintext_len.is_none() {
            self.message_len = Some(len);
        }
    }

    /// Has the end of the message verified next: go on with [`next`](Self::next) until
    /// [`plaintext_len`](Self::plaintext_len) is known.
    ///
    /// # Errors
    /// [`InvalidState`](ErrorKind::InvalidState) before [`set_message_len`](Self::set_message_len), and
    /// after an error of the message.
    pub fn confirm_end(&mut self) -> Result<(), Error> {
        self.unsealer.check()?;
        if self.plaintext_len.is_none() && self.confirming == Confirming::No {
            if self.message_len.is_none() {
                let unknown = "the length of the message is not known: set it first";
                return Err(Error::with_reason(ErrorKind::InvalidState, unknown));
            }
            self.confirming = Confirming::Soon;
            self.asked = None;
        }
        Ok(())
    }

    /// Moves to `position` in the plaintext, forwards or backwards. Bytes of the message that were
    /// asked for before are not taken any more: call [`next`](Self::next) again.
    ///
    /// Beyond the end of the plaintext there is nothing to read. If the length of the message is not
    /// [known](Self::set_message_len), a position more than a chunk beyond the end looks like one in
    /// a message that is cut short, and ends in [`Truncated`](ErrorKind::Truncated).
    pub fn seek(&mut self, position: u64) {
        self.asked = None;
        let goes_on = self.is_placed && position == self.buffered.end;
        if !self.buffered.contains(&position) && !goes_on {
            self.leave(position);
        }
        self.position = position;
    }

    /// The unsealer has to find its place again.
    fn leave(&mut self, position: u64) {
        self.altered = None;
        self.buffered = position..position;
        self.is_placed = false;
        self.read_ahead = 0;
    }

    /// What to do next to read `wanted` bytes of plaintext, or as many as there are.
    ///
    /// The range of a [`Next::Message`] covers whole chunks. It is no longer than a
    /// [piece](Self::with_piece_len), so a long read takes several. It is longer than `wanted` while
    /// reading goes on from the start; after a [`seek`](Self::seek) reading ahead begins with one chunk
    /// and grows.
    ///
    /// # Errors
    /// - [`Truncated`](ErrorKind::Truncated) or [`MessageTooLong`](ErrorKind::MessageTooLong) if no
    ///   message can have the length that was [set](Self::set_message_len).
    /// - What [`Unsealer::finish`] returns, and [`AuthenticationFailed`](ErrorKind::AuthenticationFailed)
    ///   for a chunk that was fed together with others, which have been read now.
    /// - [`MessageTooLong`](ErrorKind::MessageTooLong) for a position from 4 PiB on. Another
    ///   [`seek`](Self::seek) mends that.
    /// - [`InvalidState`](ErrorKind::InvalidState) after an error of the message.
    pub fn next(&mut self, wanted: usize) -> Result<Next, Error> {
        self.asked = None;
        self.unsealer.check()?;
        if self.needs_key() {
            return Ok(Next::Key);
        }
        let is_read = !self.buffered.contains(&self.position);
        if let Some(error) = self.altered.take_if(|_| is_read) {
            return Err(self.unsealer.fail(error, &mut []));
        }
        let Some(header_len) = self.header().map(Header::len) else {
            return self.ask(self.offset.saturating_add(FIRST_LEN), wanted);
        };
        if self.confirming == Confirming::No {
            if self.buffered.contains(&self.position) {
                return Ok(Next::Plaintext);
            }
            if self.plaintext_len.is_some_and(|len| self.position >= len) {
                return Ok(Next::End);
            }
        }
        let goes_on = self.is_placed && self.confirming == Confirming::No;
        if !(self.is_started || goes_on) {
            return self.ask(first_chunk(header_len), wanted);
        }
        if !self.is_placed && self.message_len.is_some() && self.plaintext_len.is_none() {
            self.confirm_end()?;
        }
        if self.confirming != Confirming::No {
            return self.next_of_end(header_len, wanted);
        }
        if !self.is_placed {
            self.offset = self.unsealer.seek(self.position)?;
            self.buffered = self.position..self.position;
            self.is_placed = true;
        }
        let len = self.read_ahead.max(wanted).clamp(1, self.piece_len()) as u64;
        let end = layout::ciphertext_range(header_len, self.position, len).end;
        self.ask(end, wanted)
    }

    /// Asks for the message from where it goes on up to `end`, or ends it.
    fn ask(&mut self, end: u64, wanted: usize) -> Result<Next, Error> {
        let end = self.message_len.map_or(end, |len| end.min(len));
        if end <= self.offset {
            self.end()?;
            // Once more at most: where the message ends is known now.
            return self.next(wanted);
        }
        let range = self.offset..end;
        self.asked = Some(range.clone());
        Ok(Next::Message(range))
    }

    /// On the way to the end of the message and back.
    fn next_of_end(&mut self, header_len: usize, wanted: usize) -> Result<Next, Error> {
        let message_len = self.message_len.ok_or(ErrorKind::Internal)?;
        if self.confirming == Confirming::Soon {
            let payload_len = message_len.saturating_sub(header_len as u64);
            let len = layout::plaintext_len(payload_len).ok_or(ErrorKind::Truncated);
            let last_chunk = len.map(|len| len - len % CHUNK_LEN as u64);
            let seek = |last_chunk| self.unsealer.seek(last_chunk);
            self.offset = match last_chunk.map_err(Error::from).and_then(seek) {
                Ok(offset) => offset,
                Err(error) => return Err(self.unsealer.fail(error, &mut [])),
            };
            self.leave(last_chunk?);
            self.confirming = Confirming::LastChunk;
        }
        self.ask(message_len, wanted)
    }

    /// Takes bytes of the message, as many as [`next`](Self::next) asked for or fewer; none at its
    /// end. Writes plaintext to `out`, in whole chunks, and keeps the rest for [`read`](Self::read).
    /// Returns how many bytes it wrote.
    ///
    /// # Errors
    /// As [`Unsealer::update`] and [`Unsealer::finish`]. On any of these `out` holds no plaintext. If
    /// chunks before an altered one have verified, [`next`](Self::next) returns the error after them.
    /// [`InvalidState`](ErrorKind::InvalidState) for bytes that were not asked for: they are not
    /// taken, and nothing has changed.
    pub fn feed(&mut self, message: &[u8], out: &mut [u8]) -> Result<usize, Error> {
        let len = message.len() as u64;
        let asked = self.asked.as_ref();
        if asked.is_none_or(|asked| len > asked.end - asked.start) {
            self.unsealer.check()?;
            let unasked = "these bytes of the message were not asked for: ask what is next";
            return Err(Error::with_reason(ErrorKind::InvalidState, unasked));
        }
        self.asked = None;
        let fed = self.take(message, out);
        fed.map_err(|error| self.unsealer.fail(error, out))
    }

    fn take(&mut self, message: &[u8], out: &mut [u8]) -> Result<usize, Error> {
        if message.is_empty() {
            self.end()?;
            return Ok(0);
        }
        self.offset = self.offset.saturating_add(message.len() as u64);
        let written = match self.confirming {
            Confirming::No if self.is_started => self.take_chunks(message, out)?,
            Confirming::No if self.is_placed && self.header().is_some() => {
                self.take_chunks(message, out)?
            }
            _ => self.take_less_than_a_chunk(message)?,
        };
        self.note_start();
        if self.confirming == Confirming::LastChunk && Some(self.offset) == self.message_len {
            self.end()?;
        }
        Ok(written)
    }

    /// Header and what follows it, or the last chunk: no plaintext comes out.
    fn take_less_than_a_chunk(&mut self, message: &[u8]) -> Result<usize, Error> {
        let consumed = self.unsealer.update(message, &mut [])?.consumed;
        let (_, rest) = message.split_at(consumed);
        self.held.extend_from_slice(rest);
        Ok(0)
    }

    fn take_chunks(&mut self, message: &[u8], out: &mut [u8]) -> Result<usize, Error> {
        if self.read_ahead < self.piece_len() {
            self.read_ahead = self.read_ahead.saturating_mul(2).max(CHUNK_LEN);
        }
        let (direct, rest) = message.split_at(self.fitting(message.len(), out.len()));
        let (written, mut result) = self.unsealer.update_verified(direct, out);
        let mut kept = 0;
        if result.is_ok() {
            (kept, result) = self.keep(rest)?;
        }
        self.position = self.position.saturating_add(written as u64);
        self.buffered = self.position..self.position.saturating_add(kept as u64);
        if written + kept == 0 {
            result?;
        } else {
            self.altered = result.err();
        }
        Ok(written)
    }

    /// How many of `len` bytes of the message, which have just come, to unseal to `room` bytes: those
    /// up to the end of the last chunk that fits.
    fn fitting(&self, len: usize, room: usize) -> usize {
        let header_len = self.header().map_or(0, Header::len);
        let fitting_end = self.position.saturating_add(room as u64) / CHUNK_LEN as u64;
        let end = layout::chunk_offset(header_len, fitting_end);
        let after = self.offset.saturating_sub(end);
        let after = usize::try_from(after).unwrap_or(usize::MAX);
        len.saturating_sub(after)
    }

    /// Unseals to the buffer; returns how many bytes that were, and what is wrong with the next one.
    fn keep(&mut self, message: &[u8]) -> Result<(usize, Result<(), Error>), Error> {
        let len = self.unsealer.update_len(message.len());
        let room = room(&mut self.buffer, len)?;
        Ok(self.unsealer.update_verified(message, room))
    }

    /// The message has ended: its last plaintext goes to the buffer.
    fn end(&mut self) -> Result<(), Error> {
        let len = self.unsealer.finish_len();
        let written = self.unsealer.finish(room(&mut self.buffer, len)?)?;
        let header_len = self.header().map_or(0, Header::len) as u64;
        let payload_len = self.offset.saturating_sub(header_len);
        let len = layout::plaintext_len(payload_len).ok_or(ErrorKind::Internal)?;
        self.buffered = len.saturating_sub(written as u64)..len;
        self.plaintext_len = Some(len);
        self.message_len = Some(self.offset);
        self.confirming = Confirming::No;
        self.is_placed = false;
        Ok(())
    }

    /// Reads plaintext that is unsealed already, and returns how much. 0 if there is none, or no
    /// room.
    ///
    /// # Errors
    /// [`InvalidState`](ErrorKind::InvalidState) after an error of the message.
    pub fn read(&mut self, out: &mut [u8]) -> Result<usize, Error> {
        self.unsealer.check()?;
        if !self.buffered.contains(&self.position) {
            return Ok(0);
        }
        let (start, end) = (
            self.position - self.buffered.start,
            self.buffered.end - self.buffered.start,
        );
        let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
        let unread = range.and_then(|(start, end)| self.buffer.get(start..end));
        let unread = unread.ok_or(ErrorKind::Internal)?;
        let len = unread.len().min(out.len());
        let (out, _) = out.split_at_mut(len);
        out.copy_from_slice(unread.split_at(len).0);
        self.position += len as u64;
        Ok(len)
    }
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading")
            .field("header", &self.header())
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

/// Offset of the first chunk.
fn first_chunk(header_len: usize) -> u64 {
    layout::chunk_offset(header_len, 0)
}
