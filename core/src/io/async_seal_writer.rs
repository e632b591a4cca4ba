use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::AsyncWrite;

use crate::{
    crypto::random::RandomSource, envelope::Envelope, error::Error, io::lacks_plaintext,
    writing::Writing,
};

/// Seals what is written to it and writes the message to an inner writer: a
/// [`SealWriter`](crate::SealWriter) for asynchronous code.
///
/// Small writes are gathered into pieces of 256 KiB; `flush` hands over everything. A call computes for
/// as long as one piece takes: less than a millisecond. Large files are sealed faster by a `SealWriter`
/// on a thread where it may block.
///
/// **Call [`finish`](Self::finish), or [`shutdown`](AsyncWrite::poll_shutdown)**, which ends the message
/// as well and then shuts the inner writer down. A writer that is dropped before leaves a message that
/// every reader refuses as truncated; that is the way to abandon one.
///
/// After an error of the inner writer, `write`, `flush` and `shutdown` can be repeated: nothing is lost.
/// After a `write` that failed, `finish` and `shutdown` fail too until another `write` succeeds: the
/// message would lack something.
///
/// # Cancellation
///
/// Futures can be dropped. If that of `write` is dropped before it is ready, nothing was taken, and it
/// counts as one that failed. How much a dropped `write_all` or `write_buf` has taken is not known: abandon
/// the message then, and write nothing more. Another `write` that succeeds would let the message be ended,
/// and it would verify with a gap. `flush` and `shutdown` can be repeated. A dropped `finish` drops the writer.
///
/// ```
/// # let der = include_bytes!("../../tests/vectors/keys/rsa-2048.pub.der");
/// use libseal::{AsyncSealWriter, Envelope, PublicKey, Recipient};
/// use tokio::io::AsyncWriteExt;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let key = PublicKey::new(der)?;
/// let recipients = [Recipient::new(&key)];
/// let mut writer = AsyncSealWriter::new(Vec::new(), &Envelope::new(&recipients))?;
/// writer.write_all(b"a line of a log\n").await?;
/// let message: Vec<u8> = writer.finish().await?;
/// # Ok::<(), std::io::Error>(())
/// # })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "a message that is not finished is truncated"]
pub struct AsyncSealWriter<W> {
    inner: W,
    writing: Writing,
    /// Set by a `write` that failed or did not come to its end, until one succeeds.
    lacks_plaintext: bool,
    /// Whether the last bytes of the message are among those to hand on.
    is_ended: bool,
}

impl<W: AsyncWrite + Unpin> AsyncSealWriter<W> {
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
            is_ended: false,
        })
    }

    /// Seals in pieces of `len` bytes: see [`Writing::with_piece_len`].
    pub fn with_piece_len(mut self, len: usize) -> Self {
        self.writing = self.writing.with_piece_len(len);
        self
    }

    /// Ends the message, flushes the inner writer and returns it.
    ///
    /// # Errors
    /// Those of the inner writer, and [`InvalidState`](crate::ErrorKind::InvalidState) after a `write`
    /// that failed or was dropped, until another one succeeds. The message is truncated then.
    pub async fn finish(mut self) -> io::Result<W> {
        poll_fn(|cx| {
            ready!(self.poll_end(cx))?;
            Pin::new(&mut self.inner).poll_flush(cx)
        })
        .await?;
        Ok(self.inner)
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.is_ended {
            if self.lacks_plaintext {
                return Poll::Ready(Err(lacks_plaintext(&self.writing)));
            }
            ready!(self.poll_hand_on(cx))?;
            self.writing.finish()?;
            self.is_ended = true;
        }
        self.poll_hand_on(cx)
    }

    fn poll_hand_on(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let sealed = self.writing.sealed()?;
            if sealed.is_empty() {
                return Poll::Ready(Ok(()));
            }
            match ready!(Pin::new(&mut self.inner).poll_write(cx, sealed))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                len => self.writing.advance(len),
            }
        }
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for AsyncSealWriter<W> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        plaintext: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if plaintext.is_empty() {
            return Poll::Ready(Ok(0));
        }
        this.lacks_plaintext = true;
        // Before, not after: what has been taken must be reported at once, in case the future is dropped.
        ready!(this.poll_hand_on(cx))?;
        let taken = this.writing.write(plaintext)?;
        this.lacks_plaintext = false;
        Poll::Ready(Ok(taken))
    }

    /// Hands every byte written so far to the inner writer, and flushes that.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_hand_on(cx))?;
        if !this.is_ended {
            this.writing.flush()?;
            ready!(this.poll_hand_on(cx))?;
        }
        Pin::new(&mut this.inner).poll_flush(cx)
    }

    /// Ends the message as [`finish`](Self::finish) does, then shuts the inner writer down. Nothing calls
    /// it when a writer is only dropped, so a message ends on purpose.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_end(cx))?;
        Pin::new(&mut this.inner).poll_shutdown(cx)
    }
}
