//! Moving an inner reader that is awaited.

use std::{
    io::{self, SeekFrom},
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};

use crate::{
    error::{Error, ErrorKind},
    io::{has_been_moved, read_too_much},
};

/// The reader of a message, and where in the message it is.
pub(super) struct Source<R> {
    pub(super) reader: R,
    /// The byte of the message that it gives next. Not known after a seek that failed.
    offset: Option<u64>,
    /// From the first seek on.
    way: Option<Way<R>>,
    /// A seek that the reader has begun. Who waited for it may have dropped the future.
    begun: Option<SeekFrom>,
}

/// The way to any byte of the message.
///
/// Only [`AsyncSeek`] knows that the reader can seek, and [`AsyncRead`] has to follow it.
struct Way<R> {
    /// Where the message begins in the reader, once that is known.
    start: Option<u64>,
    start_seek: fn(Pin<&mut R>, SeekFrom) -> io::Result<()>,
    poll_complete: fn(Pin<&mut R>, &mut Context<'_>) -> Poll<io::Result<u64>>,
}

impl<R: Unpin> Source<R> {
    pub(super) const fn new(reader: R, offset: u64) -> Self {
        Self {
            reader,
            offset: Some(offset),
            way: None,
            begun: None,
        }
    }

    /// From now on, it is known how to seek.
    pub(super) fn learn_way(&mut self)
    where
        R: AsyncSeek,
    {
        self.way.get_or_insert(Way {
            start: None,
            start_seek: R::start_seek,
            poll_complete: R::poll_complete,
        });
    }

    /// Reads bytes of the message from `offset` on.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        offset: u64,
        room: &mut [u8],
    ) -> Poll<io::Result<usize>>
    where
        R: AsyncRead,
    {
        if self.offset != Some(offset) || self.begun.is_some() {
            let start = ready!(self.poll_start(cx))?;
            ready!(self.poll_seek(cx, SeekFrom::Start(start.saturating_add(offset))))?;
        }
        let len = room.len();
        let mut room = ReadBuf::new(room);
        ready!(Pin::new(&mut self.reader).poll_read(cx, &mut room))?;
        // An inner reader that is wrong can put another buffer in the place of ours.
        let filled = room.filled().len();
        if filled > len {
            return Poll::Ready(Err(read_too_much()));
        }
        self.offset = Some(offset.saturating_add(filled as u64));
        Poll::Ready(Ok(filled))
    }

    /// Length of the message: it ends where the reader does.
    pub(super) fn poll_message_len(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let start = ready!(self.poll_start(cx))?;
        let end = ready!(self.poll_seek(cx, SeekFrom::End(0)))?;
        Poll::Ready(Ok(end.saturating_sub(start)))
    }

    /// Where the message begins.
    fn poll_start(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        if let Some(start) = self.way.as_ref().and_then(|way| way.start) {
            return Poll::Ready(Ok(start));
        }
        let place = ready!(self.poll_seek(cx, SeekFrom::Current(0)))?;
        let start = self.offset.and_then(|offset| place.checked_sub(offset));
        let start = start.ok_or_else(has_been_moved)?;
        if let Some(way) = &mut self.way {
            way.start = Some(start);
        }
        Poll::Ready(Ok(start))
    }

    /// Seeks in the reader, after the end of a seek that was begun before.
    fn poll_seek(&mut self, cx: &mut Context<'_>, to: SeekFrom) -> Poll<io::Result<u64>> {
        let way = self.way.as_ref();
        let way = way.ok_or_else(|| Error::from(ErrorKind::Internal))?;
        loop {
            if let Some(begun) = self.begun {
                let place = ready!((way.poll_complete)(Pin::new(&mut self.reader), cx));
                self.begun = None;
                let place = place?;
                if let Some(start) = way.start {
                    self.offset = Some(place.saturating_sub(start));
                }
                if begun == to {
                    return Poll::Ready(Ok(place));
                }
            }
            if way.start.is_some() {
                self.offset = None;
            }
            (way.start_seek)(Pin::new(&mut self.reader), to)?;
            self.begun = Some(to);
        }
    }
}
