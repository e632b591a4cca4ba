//! Asynchronous readers and writers that misbehave.

use std::{
    io::{self, SeekFrom},
    pin::{Pin, pin},
    task::{Context, Poll, Waker, ready},
};

use tokio::io::{AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};

/// What a call does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Call {
    /// Passes at most this many bytes.
    Pass(usize),
    Fail,
    Pending,
}

/// Does what comes next in its plan, over and over.
pub(crate) struct Jerky<T> {
    pub(crate) inner: T,
    pub(crate) plan: Vec<Call>,
    calls: usize,
    /// Between the start of a seek and its end, when nothing else may be called.
    is_seeking: bool,
}

impl<T> Jerky<T> {
    pub(crate) fn new(inner: T, plan: &[Call]) -> Self {
        let plan = plan.to_vec();
        Self {
            inner,
            plan,
            calls: 0,
            is_seeking: false,
        }
    }

    /// Between any two bytes there is something to wait for.
    pub(crate) fn byte_by_byte(inner: T) -> Self {
        Self::new(inner, &[Call::Pending, Call::Pass(1)])
    }

    fn next_call(&mut self, cx: &Context<'_>) -> Poll<io::Result<usize>> {
        self.calls += 1;
        match self.plan[self.calls % self.plan.len()] {
            Call::Pass(most) => Poll::Ready(Ok(most)),
            Call::Fail => Poll::Ready(Err(io::Error::other("unplugged"))),
            Call::Pending => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Jerky<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        assert!(!self.is_seeking);
        let most = ready!(self.next_call(cx))?;
        let mut taken = out.take(most);
        ready!(Pin::new(&mut self.inner).poll_read(cx, &mut taken))?;
        let len = taken.filled().len();
        out.advance(len);
        Poll::Ready(Ok(()))
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Jerky<W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let most = ready!(self.next_call(cx))?.min(bytes.len());
        Pin::new(&mut self.inner).poll_write(cx, &bytes[..most])
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.next_call(cx))?;
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.next_call(cx))?;
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<S: AsyncSeek + Unpin> AsyncSeek for Jerky<S> {
    fn start_seek(mut self: Pin<&mut Self>, to: SeekFrom) -> io::Result<()> {
        assert!(!self.is_seeking);
        self.is_seeking = true;
        Pin::new(&mut self.inner).start_seek(to)
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let done = ready!(self.next_call(cx));
        self.is_seeking = false;
        done?;
        Pin::new(&mut self.inner).poll_complete(cx)
    }
}

/// Polls once, and drops what is not ready.
pub(crate) fn poll_once<T>(future: impl Future<Output = T>) -> Option<T> {
    poll_times(1, future)
}

/// Polls so often at most, and drops what is not ready then.
pub(crate) fn poll_times<T>(times: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    let mut polls = (0..times).map(|_| future.as_mut().poll(&mut cx));
    polls.find_map(|poll| match poll {
        Poll::Ready(ready) => Some(ready),
        Poll::Pending => None,
    })
}

/// Makes the call again each time that its future was dropped.
pub(crate) fn until_ready<T>(mut call: impl AsyncFnMut() -> T) -> T {
    loop {
        if let Some(ready) = poll_once(call()) {
            return ready;
        }
    }
}
