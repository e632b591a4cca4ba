"""File objects: what is written is sealed, what is read is unsealed."""

from __future__ import annotations

import errno
import io
import warnings
from typing import IO, TYPE_CHECKING, Any, Protocol

from ._errors import StateError
from ._libseal import Header, Sealer, Unsealer

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Buffer

    from . import _types

PIECE_LEN = 256 * 1024


class _Writable(Protocol):
    def write(self, data: bytes, /) -> object: ...


class _Readable(Protocol):
    def read(self, size: int, /) -> Buffer | None: ...


class SealWriter(io.BufferedIOBase):
    """A binary file object that seals what is written to it, into another one.

    ``close``, or leaving a ``with`` block, ends the message. Leaving the block by an exception
    does not, nor does forgetting the writer: what has been written then is no valid message, and
    every reader refuses it as truncated. ``abort`` does the same on purpose.

    ``fileobj`` needs only a ``write`` method. It is not closed with this object unless
    ``close_inner`` is true. Nothing is buffered: each write goes through to ``fileobj`` at once.

    For the other arguments, and what it raises, see ``seal``. After ``fileobj`` has failed, the
    message cannot be ended any more: further writes raise StateError.

    For text, keep the ``with`` block on this object, and let the wrapper buffer nothing::

        with libseal.SealWriter(fileobj, key) as writer:
            text = io.TextIOWrapper(writer, encoding="utf-8", write_through=True)
            print("sealed at once", file=text)
    """

    def __init__(
        self,
        fileobj: IO[bytes] | _Writable,
        key: _types.Recipients,
        key_id: str = "",
        context: _types.Context | None = None,
        *,
        close_inner: bool = False,
    ) -> None:
        self._inner: Any = fileobj
        self._close_inner = False
        self._position = 0
        # None once the message is ended, or never can be.
        self._sealer: Sealer | None = None
        sealer = Sealer(key, key_id, context)
        self._write_inner(sealer.update(b""))
        self._sealer = sealer
        self._close_inner = close_inner

    @property
    def name(self) -> Any:
        """The name of the inner file object, if it has one."""
        return self._inner.name

    def writable(self) -> bool:
        """True."""
        self._check_open()
        return True

    def write(self, data: Buffer, /) -> int:
        """Seal ``data``, all of it, and return its length in bytes."""
        self._check_open()
        if isinstance(data, str):
            raise TypeError("a bytes-like object is required, not 'str': wrap a TextIOWrapper")
        if isinstance(data, bytes) and len(data) <= PIECE_LEN:
            self._write_piece(data)
            return len(data)
        with memoryview(data) as view:
            is_flat = view.contiguous and view.ndim == 1 and view.format == "B"
            plaintext = view if is_flat else memoryview(view.tobytes())
            for start in range(0, len(plaintext), PIECE_LEN):
                self._write_piece(plaintext[start : start + PIECE_LEN])
            return len(plaintext)

    def _write_piece(self, piece: bytes | memoryview) -> None:
        sealer, self._sealer = self._sealer, None
        if sealer is None:
            raise StateError("the file object failed before, so the message cannot go on")
        self._write_inner(sealer.update(piece))
        self._sealer = sealer
        self._position += len(piece)

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

    def flush(self) -> None:
        """Flush the inner file object; nothing is held back here."""
        self._check_open()
        if self._sealer is not None:
            self._flush_inner()

    def _flush_inner(self) -> None:
        flush = getattr(self._inner, "flush", None)
        if flush is not None:
            flush()

    def tell(self) -> int:
        """How many bytes have been written to this object."""
        self._check_open()
        return self._position

    def close(self) -> None:
        """End the message, unless writing it failed; a second time, do nothing."""
        if self.closed:
            return
        sealer, self._sealer = self._sealer, None
        try:
            if sealer is not None:
                self._write_inner(sealer.finish())
                self._flush_inner()
        finally:
            self._close()

    def abort(self) -> None:
        """Close without ending the message: every reader will refuse it as truncated."""
        if not self.closed:
            self._sealer = None
            self._close()

    def _close(self) -> None:
        super().close()
        if self._close_inner:
            self._inner.close()

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
        if not hasattr(self, "_sealer") or self.closed:
            return
        if self._sealer is not None:
            warnings.warn(
                f"unclosed {self!r}: the message is truncated",
                ResourceWarning,
                stacklevel=2,
                source=self,
            )
        self.abort()

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file.")


class UnsealReader(io.BufferedReader):
    """A binary file object that gives the plaintext of a message in another one.

    The header is read, and the data key unwrapped, when the object is made. The end of the
    plaintext is reported only after the end of the message has been verified: a message that is
    cut short ends in TruncatedError or AuthenticationError. What was read before is authentic, but
    may not be all: keep it apart until the end is reached.

    ``fileobj`` needs only a ``read`` method; it is not closed with this object unless
    ``close_inner`` is true. More of it may be read than is needed at the moment. It has to block:
    if its ``read`` returns None, BlockingIOError is raised. After any failure of ``fileobj`` this
    object is of no more use, since nobody knows what was lost.

    For ``unwrap``, ``context`` and what is raised see ``unseal``.
    """

    def __init__(
        self,
        fileobj: IO[bytes] | _Readable,
        unwrap: _types.Unwrap,
        context: _types.Context | None = None,
        *,
        close_inner: bool = False,
    ) -> None:
        raw = _RawUnsealReader(fileobj, unwrap, context, close_inner=close_inner)
        self._header = raw.header
        super().__init__(raw, PIECE_LEN)

    @property
    def header(self) -> Header:
        """The header of the message, verified."""
        return self._header


class _RawUnsealReader(io.RawIOBase):
    def __init__(
        self,
        fileobj: IO[bytes] | _Readable,
        unwrap: _types.Unwrap,
        context: _types.Context | None,
        *,
        close_inner: bool,
    ) -> None:
        self._inner: Any = fileobj
        self._close_inner = False
        self._position = 0
        self._unread = memoryview(b"")
        # None after the end, and after a failure.
        self._unsealer: Unsealer | None = None
        self._ended = False
        unsealer = Unsealer(context)
        while unsealer.header is None:
            self._unsealer = unsealer
            self._advance()
        unsealer.unwrap_with(unwrap)
        self._unread = memoryview(unsealer.update(b""))
        self.header = unsealer.header
        self._close_inner = close_inner

    def _advance(self) -> None:
        unsealer, self._unsealer = self._unsealer, None
        if unsealer is None:
            raise StateError("reading failed before, so the message cannot go on")
        piece = self._inner.read(PIECE_LEN)
        if piece is None:
            raise BlockingIOError(errno.EAGAIN, "the file object is non-blocking, and empty")
        if isinstance(piece, str):
            raise TypeError("the file object is open in text mode; open it in binary mode")
        if len(piece) > 0:
            self._unread = memoryview(unsealer.update(piece))
            self._unsealer = unsealer
        else:
            self._unread = memoryview(unsealer.finish())
            self._ended = True

    @property
    def name(self) -> Any:
        return self._inner.name

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        self._check_open()
        with memoryview(buffer) as view, view.cast("B") as room:
            while not self._unread and not self._ended and room:
                self._advance()
            length = min(len(room), len(self._unread))
            room[:length] = self._unread[:length]
        self._unread = self._unread[length:]
        self._position += length
        return length

    def readall(self) -> bytes:
        self._check_open()
        parts = [self._unread]
        # If it fails halfway, the parts are lost, and none may be given out later without the rest.
        self._unread = memoryview(b"")
        while not self._ended:
            self._advance()
            parts.append(self._unread)
            self._unread = memoryview(b"")
        data = b"".join(parts)
        self._position += len(data)
        return data

    def tell(self) -> int:
        self._check_open()
        return self._position

    def close(self) -> None:
        if self.closed:
            return
        self._unread = memoryview(b"")
        self._unsealer = None
        try:
            super().close()
        finally:
            if self._close_inner:
                self._inner.close()

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file.")
