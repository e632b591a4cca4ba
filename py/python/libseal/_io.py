"""File objects: what is written is sealed, what is read is unsealed."""

from __future__ import annotations

import errno
import io
import os
import warnings
from typing import IO, TYPE_CHECKING, Any, Protocol

from ._errors import StateError, TruncatedError
from ._libseal import Header, Sealer, Unsealer

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Buffer

    from . import _types

CHUNK_LEN = 16 * 1024
# What each thread works on at a time.
PIECE_LEN = 1024 * 1024
# What is read at first: most headers are shorter.
FIRST_LEN = 4096


def piece_len(threads: int | None) -> int:
    """How many bytes so many threads work on at a time; more than there are cores do no more."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    count = min(threads or 1 << 20, cores or 1)
    return count * PIECE_LEN


class _Writable(Protocol):
    def write(self, data: bytes, /) -> object: ...


class _Readable(Protocol):
    def read(self, size: int, /) -> Buffer | None: ...


# Their readinto is known to do what read does, which somebody may have wrapped in others.
_WITH_READINTO = (io.FileIO, io.BytesIO, io.BufferedReader, io.BufferedRandom)


class SealWriter(io.BufferedWriter):
    """A binary file object that seals what is written to it, into another one.

    ``close``, or leaving a ``with`` block, ends the message. Leaving the block by an exception
    does not, nor does forgetting the writer: what has been written then is no valid message, and
    every reader refuses it as truncated. ``abort`` does the same on purpose.

    ``fileobj`` needs only a ``write`` method. It is not closed with this object unless
    ``close_inner`` is true. What is written is gathered to pieces of 1 MiB for each of the
    ``threads``; ``flush`` hands all there is to ``fileobj``.

    For the other arguments, and what it raises, see ``seal``. After ``fileobj`` has failed, the
    message cannot be ended any more: StateError is raised when the next piece is full, and by
    ``flush`` and ``close``.

    For text, keep the ``with`` block on this object, and let the wrapper buffer nothing::

        with libseal.SealWriter(fileobj, key) as writer:
            text = io.TextIOWrapper(writer, encoding="utf-8", write_through=True)
            print("sealed with the rest of its piece", file=text)
    """

    def __init__(
        self,
        fileobj: IO[bytes] | _Writable,
        key: _types.Recipients,
        key_id: str = "",
        context: _types.Context | None = None,
        *,
        close_inner: bool = False,
        threads: int | None = 1,
    ) -> None:
        sealer = Sealer(key, key_id, context, threads=threads)
        length = piece_len(threads)
        sealing = _Sealing(fileobj, sealer, length)
        super().__init__(sealing, length)
        self._sealing = sealing
        sealing.close_inner = close_inner

    def flush(self) -> None:
        """Seal all that was written so far, and flush the inner file object."""
        self._sealing.check_open()
        if not self._sealing.is_ended:
            super().flush()
            self._sealing.push()

    def close(self) -> None:
        """End the message; a second time, do nothing."""
        if self.closed:
            return
        try:
            super().flush()
            self._sealing.finish()
        finally:
            self.abort()

    def abort(self) -> None:
        """Close without ending the message: every reader will refuse it as truncated."""
        if not self.closed:
            # From here on, flush() does nothing, which close() calls.
            self._sealing.is_ended = True
            super().close()

    def detach(self) -> io.RawIOBase:
        """Not supported."""
        raise io.UnsupportedOperation("detach")

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exc_type is None:
            self.close()
        else:
            self.abort()

    def __del__(self) -> None:
        # The one of IOBase would call close(), and so pass a half message off as a whole one.
        if not hasattr(self, "_sealing") or self.closed:
            return
        if self._sealing.sealer is not None:
            warnings.warn(
                f"unclosed {self!r}: the message is truncated",
                ResourceWarning,
                stacklevel=2,
                source=self,
            )
        self.abort()


class _Sealing(io.RawIOBase):
    """Seals whole chunks, and keeps the rest until there is more. Closing it ends no message."""

    def __init__(self, inner: IO[bytes] | _Writable, sealer: Sealer, piece_len: int) -> None:
        self.close_inner = False
        self.is_ended = False
        # None while a call is under way, when one has failed, and after the end.
        self.sealer: Sealer | None = None
        self._inner: Any = inner
        self._piece_len = piece_len
        self._position = 0
        # Plaintext of the chunk that is not full yet.
        self._rest = b""
        self._write_inner(sealer.update(b""))
        self.sealer = sealer

    @property
    def name(self) -> Any:
        return self._inner.name

    def writable(self) -> bool:
        self.check_open()
        return True

    def write(self, data: Buffer, /) -> int:
        sealer = self._take_sealer()
        view = memoryview(data)
        length = len(view)
        whole = (self._position + length) // CHUNK_LEN * CHUNK_LEN - self._position
        start = 0
        if whole > 0 and self._position % CHUNK_LEN:
            start = CHUNK_LEN - self._position % CHUNK_LEN
            self._write_inner(sealer.update(self._rest + view[:start]))
            self._rest = b""
        for begin in range(start, whole, self._piece_len):
            self._write_inner(sealer.update(view[begin : min(begin + self._piece_len, whole)]))
        if whole < length:
            self._rest += view[max(whole, 0) :]
        self._position += length
        # Last, so that nothing is taken twice after an interrupt.
        self.sealer = sealer
        return length

    def push(self) -> None:
        sealer = self._take_sealer()
        self._write_inner(sealer.update(self._rest))
        self._rest = b""
        self._flush_inner()
        self.sealer = sealer

    def finish(self) -> None:
        sealer = self._take_sealer()
        self._write_inner(sealer.finish_with(self._rest))
        self._flush_inner()

    def _take_sealer(self) -> Sealer:
        sealer, self.sealer = self.sealer, None
        if sealer is None:
            self.check_open()
            raise StateError("the file object failed before, so the message cannot go on")
        return sealer

    def _write_inner(self, sealed: bytes) -> None:
        rest: bytes | memoryview = sealed
        while rest:
            written = self._inner.write(rest)
            if written is None:
                if isinstance(self._inner, io.RawIOBase):
                    raise BlockingIOError(errno.EAGAIN, "the file object is non-blocking, and full")
                return  # It does not count, so it has taken everything.
            if not 0 < written <= len(rest):
                raise OSError(errno.EIO, f"write() of {len(rest)} bytes returned {written}")
            rest = memoryview(rest)[written:]

    def _flush_inner(self) -> None:
        flush = getattr(self._inner, "flush", None)
        if flush is not None:
            flush()

    def tell(self) -> int:
        self.check_open()
        return self._position

    def close(self) -> None:
        if self.closed:
            return
        self.sealer = None
        super().close()
        if self.close_inner:
            self._inner.close()

    def check_open(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file.")


class UnsealReader(io.BufferedReader):
    """A binary file object that gives the plaintext of a message in another one.

    The header is read, and the data key unwrapped, when the object is made. The end of the
    plaintext is reported only after the end of the message has been verified: a message that is
    cut short ends in TruncatedError or AuthenticationError. What was read before is authentic, but
    may not be all: keep it apart until the end is reached.

    It can ``seek`` if ``fileobj`` can. Then only the chunks of 16 KiB that hold what is read are
    fetched, and the last one, the first time: it confirms where the plaintext ends, before anything
    depends on that. The message has to begin where ``fileobj`` was when this object was made, and
    to end where that ends.

    ``fileobj`` needs only a ``read`` method, and for seeking ``seekable``, ``seek`` and ``tell``.
    It is not closed with this object unless ``close_inner`` is true. More of it may be read than is
    needed at the moment. It has to block: if its ``read`` returns None, BlockingIOError is raised.
    After ``fileobj`` has failed, nobody knows what was lost: reading raises StateError, until
    ``seek`` finds a place again.

    Of large reads, ``threads`` unseal 1 MiB each at a time. For ``unwrap``, ``context`` and what is
    raised see ``unseal``.
    """

    def __init__(
        self,
        fileobj: IO[bytes] | _Readable,
        unwrap: _types.Unwrap,
        context: _types.Context | None = None,
        *,
        close_inner: bool = False,
        threads: int | None = 1,
    ) -> None:
        unsealer = Unsealer(context, threads=threads)
        unsealing = _Unsealing(fileobj, unsealer, unwrap, piece_len(threads))
        self._unsealing = unsealing
        super().__init__(unsealing, unsealing.buffer_len)
        unsealing.close_inner = close_inner

    @property
    def header(self) -> Header:
        """The header of the message, verified."""
        return self._unsealing.header

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a place in the plaintext, and return it."""
        position = super().seek(offset, whence)
        # In this object, until reading goes on: as methods of the class they would make every small
        # read slower. Those of a subclass keep their places, and fetch a little more at a time.
        for name, method in (("read", self._read_asked), ("readinto", self._readinto_asked)):
            if getattr(type(self), name) is getattr(io.BufferedReader, name):
                vars(self)[name] = method
        return position

    def _read_asked(self, size: int | None = -1, /) -> bytes:
        self._unsealing.asked = size or 0
        data = super().read(size)
        self._forget_seek_if_reading_goes_on()
        return data

    def _readinto_asked(self, buffer: Buffer, /) -> int:
        self._unsealing.asked = memoryview(buffer).nbytes
        length = super().readinto(buffer)
        self._forget_seek_if_reading_goes_on()
        return length

    def _forget_seek_if_reading_goes_on(self) -> None:
        if self._unsealing.reading_goes_on:
            self._unsealing.asked = None
            self._forget_seek()

    def _forget_seek(self) -> None:
        for name in ("read", "readinto"):
            vars(self).pop(name, None)

    def close(self) -> None:
        """Close this object, and the inner one if ``close_inner`` is true."""
        self._forget_seek()
        super().close()


class _Unsealing(io.RawIOBase):
    def __init__(
        self,
        inner: IO[bytes] | _Readable,
        unsealer: Unsealer,
        unwrap: _types.Unwrap,
        piece_len: int,
    ) -> None:
        self.close_inner = False
        self._piece_len = piece_len
        # Less, so that what is read in whole pieces goes past the buffer.
        self.buffer_len = piece_len // 2
        self._inner: Any = inner
        self._readinto_inner = _readinto_of(inner)
        self._unsealer = unsealer
        # Where the message begins in the inner file object; None if that cannot seek.
        self._start = _position_of(inner)
        # The byte of the message that the inner file object gives next.
        self._offset = 0
        # The byte of plaintext that is to be read next.
        self._position = 0
        # Room for a piece of the message.
        self._sealed = memoryview(b"")
        self._unread = memoryview(b"")
        self._ended = False
        # Inner file object and unsealer are where the position is, unless a call has failed.
        self._place_is_lost = True
        # Plaintext that the buffered reader is asked for; None if it may read as far as it likes.
        self.asked: int | None = None
        # Plaintext to unseal at least: little after a seek, then more and more.
        self._ahead = self.buffer_len
        # Length and last chunk of the plaintext, once they are confirmed.
        self._length: int | None = None
        self._last = b""
        self.header = self._read_header(unwrap)
        self._place_is_lost = False

    def _read_header(self, unwrap: _types.Unwrap) -> Header:
        unsealer = self._unsealer
        while (header := unsealer.header) is None:
            piece = self._read_inner(FIRST_LEN)
            if not piece:
                # Says why there is no whole header.
                unsealer.finish()
            unsealer.update(piece)
        unsealer.unwrap_with(unwrap)
        self._unread = memoryview(unsealer.update(b""))
        # What comes before the chunks; only with it the unsealer can seek.
        first_chunk = header.ciphertext_range(0, 0).start
        while self._offset < first_chunk:
            piece = self._read_inner(first_chunk - self._offset)
            if not piece:
                break
            unsealer.update(piece)
        return header

    def _read_inner(self, size: int) -> bytes | memoryview:
        """Read up to so many bytes of the message; they are good until the next call."""
        piece: Any
        if self._readinto_inner:
            if len(self._sealed) < size:
                self._sealed = memoryview(bytearray(size))
            room = self._sealed[:size]
            count = self._readinto_inner(room)
            piece = room if count == size else None if count is None else room[:count]
        else:
            piece = self._inner.read(size)
            if isinstance(piece, str):
                raise TypeError("the file object is open in text mode; open it in binary mode")
        if piece is None:
            raise BlockingIOError(errno.EAGAIN, "the file object is non-blocking, and empty")
        self._offset += len(piece)
        read: bytes | memoryview = piece
        return read

    def _read_piece(self, wanted: int) -> bytes | memoryview:
        """The message up to the end of the chunk with the last of ``wanted`` bytes of plaintext."""
        stop = self.header.ciphertext_range(self._position, wanted).stop
        return self._read_inner(stop - self._offset)

    def _unseal_piece(self, wanted: int, room: memoryview) -> int:
        """Unseal to ``room``, and what does not fit to ``_unread``; return the former's length."""
        piece = self._read_piece(wanted)
        written = 0
        if not piece:
            self._unread = memoryview(self._unsealer.finish())
            self._ended = True
        elif self._unsealer.update_len(len(piece)) <= len(room):
            written = self._unsealer.update_into(piece, room)
        else:
            # Whole chunks while they fit.
            fitting = (self._position + len(room)) // CHUNK_LEN * CHUNK_LEN
            cut = self.header.ciphertext_range(0, fitting).stop - (self._offset - len(piece))
            with memoryview(piece) as view:
                if cut > 0:
                    written = self._unsealer.update_into(view[:cut], room)
                self._unread = memoryview(self._unsealer.update(view[max(cut, 0) :]))
        self._position += written
        return written

    @property
    def name(self) -> Any:
        return self._inner.name

    @property
    def reading_goes_on(self) -> bool:
        """Whether it has, since the last seek, for so long that it is likely to."""
        return self._ahead >= self.buffer_len

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        self._check_open()
        return self._start is not None

    def readinto(self, buffer: Buffer, /) -> int:
        self._leave_place()
        length = self._read_to(memoryview(buffer))
        if self.asked is not None:
            self.asked -= length
        # Last, so that nothing is skipped after an interrupt.
        self._place_is_lost = False
        return length

    def _read_to(self, room: memoryview) -> int:
        while not self._unread and not self._ended and room:
            asked = len(room) if self.asked is None else self.asked
            wanted = max(min(asked, self._piece_len), self._ahead)
            self._ahead = min(max(2 * self._ahead, CHUNK_LEN), self.buffer_len)
            written = self._unseal_piece(wanted, room)
            if written:
                return written
        length = min(len(room), len(self._unread))
        room[:length] = self._unread[:length]
        self._unread = self._unread[length:]
        self._position += length
        return length

    def readall(self) -> bytes:
        self._leave_place()
        parts = [self._take_unread()]
        while not self._ended:
            self._unseal_piece(self._piece_len, memoryview(bytearray()))
            parts.append(self._take_unread())
        data = b"".join(parts)
        self._place_is_lost = False
        return data

    def _leave_place(self) -> None:
        if self._place_is_lost:
            self._check_open()
            raise StateError("reading failed before, and the place is lost")
        self._place_is_lost = True

    def _take_unread(self) -> memoryview:
        unread, self._unread = self._unread, memoryview(b"")
        self._position += len(unread)
        return unread

    def tell(self) -> int:
        self._check_open()
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        if not self.seekable():
            raise io.UnsupportedOperation("the file object cannot seek")
        if whence == os.SEEK_CUR:
            offset += self._position
        elif whence not in {os.SEEK_SET, os.SEEK_END}:
            raise ValueError(f"whence must be 0, 1 or 2, not {whence}")
        if whence != os.SEEK_END and offset == self._position and not self._place_is_lost:
            return offset
        length = self._confirmed_length()
        position = length + offset if whence == os.SEEK_END else offset
        if position < 0:
            raise OSError(errno.EINVAL, "seek to a position before the beginning")
        self._go_to(position)
        return position

    def _confirmed_length(self) -> int:
        """Length of the plaintext; the first time, the last chunk is authenticated for it."""
        if self._length is None:
            self._place_is_lost = True
            self._unread = memoryview(b"")
            self._inner.seek(0, os.SEEK_END)
            size = self._inner.tell() - (self._start or 0)
            length = self.header.plaintext_range(0, max(size, 0)).stop
            if size < self.header.ciphertext_range(0, 0).start:
                raise TruncatedError("the message is cut short: its end is missing")
            self._seek_inner(length // CHUNK_LEN * CHUNK_LEN)
            while piece := self._read_inner(max(size - self._offset, 0)):
                self._unsealer.update(piece)
            self._last = self._unsealer.finish()
            self._length = length
        return self._length

    def _go_to(self, position: int) -> None:
        last_start = (self._length or 0) - len(self._last)
        self._place_is_lost = True
        self._unread = memoryview(b"")
        self._ended = position >= last_start
        if self._ended:
            self._unread = memoryview(self._last)[position - last_start :]
        else:
            self._seek_inner(position)
        self.asked, self._ahead = 0, 1
        self._position = position
        self._place_is_lost = False

    def _seek_inner(self, position: int) -> None:
        self._offset = self._unsealer.seek(position)
        self._inner.seek((self._start or 0) + self._offset)

    def close(self) -> None:
        if self.closed:
            return
        self._place_is_lost = True
        self._unread = memoryview(b"")
        self._last = b""
        try:
            super().close()
        finally:
            if self.close_inner:
                self._inner.close()

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file.")


def _readinto_of(inner: Any) -> Any:
    return inner.readinto if type(inner) in _WITH_READINTO else None


def _position_of(inner: Any) -> int | None:
    try:
        return int(inner.tell()) if inner.seekable() else None
    except (AttributeError, io.UnsupportedOperation):
        return None
