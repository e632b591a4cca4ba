use std::{
    fmt,
    future::poll_fn,
    io::{self, SeekFrom},
    ops::Range,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};

use crate::{
    crypto::secret::DataKey,
    error::{Error, ErrorKind},
    header::read::Header,
    io::{async_seek::Source, position_after, read_too_much},
    reading::{Next, Reading},
    unwrap::asynchronous::AsyncUnwrap,
};

/// Reads a message from an inner reader and returns its plaintext: an
/// [`UnsealReader`](crate::UnsealReader) for asynchronous code.
///
/// The end of the plaintext is reported only after the end of the message has been verified: a
/// truncated message ends in an error. Bytes read before that are authentic, but may not be all.
///
/// After an error of the inner reader nothing is lost: the call can be repeated.
///
/// If the inner reader can seek, so can this one: see
/// [its `AsyncSeek`](#impl-AsyncSeek-for-AsyncUnsealReader<R>).
///
/// A call computes for as long as one piece of 256 KiB takes: less than a millisecond. Large files are
/// unsealed faster by an `UnsealReader` on a thread where it may block.
///
/// # Cancellation
///
/// Futures can be dropped. That of `read` loses nothing: bytes of the message that have come stay here,
/// and plaintext is released only by a call that is ready. Of `read_exact` and the like, what they have
/// read is lost, as with any reader. A `seek` that has begun is carried out before the next call, which
/// reports its failure.
///
/// ```
/// # let pem = include_bytes!("../../tests/vectors/keys/rsa-2048.pub.pem");
/// # let key = libseal::PublicKey::new(pem)?;
/// # let message = libseal::Envelope::new(&[libseal::Recipient::new(&key)]).seal(b"a line of a log\n")?;
/// # let private_pem = include_bytes!("../../tests/vectors/keys/rsa-2048.key.pem");
/// # let unwrapper = libseal::LocalUnwrapper::new(private_pem, None)?;
/// use libseal::AsyncUnsealReader;
/// use tokio::io::AsyncReadExt;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// // `unwrapper` is anything that implements `AsyncUnwrap`.
/// let mut reader = AsyncUnsealReader::new(message.as_slice(), &unwrapper, &[]).await?;
/// let mut plaintext = String::new();
/// reader.read_to_string(&mut plaintext).await?;
/// assert_eq!(plaintext, "a line of a log\n");
/// # Ok::<(), std::io::Error>(())
/// # })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct AsyncUnsealReader<R> {
    source: Source<R>,
    reading: Reading,
    /// Room for a piece of the message.
    sealed: Vec<u8>,
    /// A seek that is not done yet.
    seeking: Option<SeekFrom>,
}

impl<R: AsyncRead + Unpin> AsyncUnsealReader<R> {
    /// Reads the header and unwraps the data key. For the arguments see [`unseal`](crate::unseal).
    ///
    /// If the future is dropped, so are `inner` and what was read from it.
    ///
    /// # Errors
    /// As [`Unsealer::update`](crate::Unsealer::update) and
    /// [`Unsealer::unwrap_with`](crate::Unsealer::unwrap_with), and those of `inner`. [`Error`] says how
    /// to find the former in an [`io::Error`].
    pub async fn new(
        inner: R,
        unwrapper: impl AsyncUnwrap,
        required: &[(&str, Option<&str>)],
    ) -> io::Result<Self> {
        let mut reader = Self::with_reading(inner, Reading::new(required), 0);
        while !reader.reading.needs_key() {
            poll_fn(|cx| reader.poll_step(cx, &mut [])).await?;
        }
        reader.reading.unwrap_with_async(unwrapper).await?;
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
        Ok(Self::with_reading(inner, reading, offset))
    }

    const fn with_reading(inner: R, reading: Reading, offset: u64) -> Self {
        Self {
            source: Source::new(inner, offset),
            reading,
            sealed: Vec::new(),
            seeking: None,
        }
    }

    /// Reads pieces of `len` bytes: see [`Reading::with_piece_len`].
    #[must_use]
    pub fn with_piece_len(mut self, len: usize) -> Self {
        self.reading = self.reading.with_piece_len(len);
        self
    }

    /// The header, verified.
    #[must_use]
    pub const fn header(&self) -> Option<&Header> {
        self.reading.header()
    }

    /// Returns the inner reader; what this one has read ahead is lost.
    pub fn into_inner(self) -> R {
        self.source.reader
    }

    /// Takes a step of the reading; returns how much plaintext came to `out`, or `None` at the end.
    fn poll_step(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut [u8],
    ) -> Poll<io::Result<Option<usize>>> {
        let len = match self.reading.next(out.len())? {
            Next::Message(range) => ready!(self.poll_feed(cx, range, out))?,
            Next::Plaintext => self.reading.read(out)?,
            Next::End => return Poll::Ready(Ok(None)),
            Next::Key => return Poll::Ready(Err(Error::from(ErrorKind::InvalidState).into())),
        };
        Poll::Ready(Ok(Some(len)))
    }

    fn poll_feed(
        &mut self,
        cx: &mut Context<'_>,
        range: Range<u64>,
        out: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let wanted = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        if self.sealed.len() < wanted {
            self.sealed = vec![0; wanted];
        }
        let (room, _) = self.sealed.split_at_mut(wanted);
        let len = ready!(self.source.poll_read(cx, range.start, room))?;
        let piece = room.get(..len).ok_or_else(read_too_much)?;
        Poll::Ready(Ok(self.reading.feed(piece, out)?))
    }

    /// Carries out the seek that is not done yet, and returns the position.
    fn poll_seek(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        if let Some(to) = self.seeking {
            let position = ready!(self.poll_position(cx, to));
            self.seeking = None;
            self.reading.seek(position?);
        }
        Poll::Ready(Ok(self.reading.position()))
    }

    fn poll_position(&mut self, cx: &mut Context<'_>, to: SeekFrom) -> Poll<io::Result<u64>> {
        let position = self.reading.position();
        if to == SeekFrom::Current(0) {
            return Poll::Ready(Ok(position));
        }
        let len = ready!(self.poll_plaintext_len(cx))?;
        Poll::Ready(position_after(to, position, len))
    }

    fn poll_plaintext_len(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        if self.reading.message_len().is_none() {
            let len = ready!(self.source.poll_message_len(cx))?;
            self.reading.set_message_len(len);
        }
        self.reading.confirm_end()?;
        loop {
            if let Some(len) = self.reading.plaintext_len() {
                return Poll::Ready(Ok(len));
            }
            ready!(self.poll_step(cx, &mut []))?;
        }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for AsyncUnsealReader<R> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_seek(cx))?;
        if out.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        loop {
            match ready!(this.poll_step(cx, out.initialize_unfilled()))? {
                Some(0) => {}
                Some(len) => {
                    out.advance(len);
                    return Poll::Ready(Ok(()));
                }
                None => return Poll::Ready(Ok(())),
            }
        }
    }
}

/// Reading goes on anywhere, and only the chunks that cover what is read are fetched.
///
/// The first seek also fetches the last chunk: it verifies where the plaintext ends, before anything
/// depends on that. The message has to begin where the inner reader was when [`AsyncUnsealReader::new`]
/// got it, and to end where that one ends. As with files, one can seek beyond the end, and there is
/// nothing to read.
impl<R: AsyncRead + AsyncSeek + Unpin> AsyncSeek for AsyncUnsealReader<R> {
    fn start_seek(self: Pin<&mut Self>, to: SeekFrom) -> io::Result<()> {
        let this = self.get_mut();
        if this.seeking.is_some() {
            let message = "another seek is not done yet: poll it to its end first";
            return Err(io::Error::other(message));
        }
        this.source.learn_way();
        this.seeking = Some(to);
        Ok(())
    }

    fn poll_complete(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        self.get_mut().poll_seek(cx)
    }
}

impl<R: AsyncRead + AsyncSeek + Unpin> AsyncUnsealReader<R> {
    /// Length of the plaintext. Reads and verifies the end of the message for it, the first time. If the
    /// future is dropped, the next call goes on with that.
    ///
    /// # Errors
    /// As [`Reading::next`] and [`Reading::feed`], and those of the inner reader.
    pub async fn plaintext_len(&mut self) -> io::Result<u64> {
        self.source.learn_way();
        poll_fn(|cx| self.poll_plaintext_len(cx)).await
    }
}

impl<R> fmt::Debug for AsyncUnsealReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncUnsealReader")
            .field("reading", &self.reading)
            .finish_non_exhaustive()
    }
}
