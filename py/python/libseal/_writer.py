"""SealWriter: a file object that seals what is written to it."""

import errno
import io
import os
import warnings
from types import TracebackType
from typing import IO, Any

from ._errors import StateError
from ._libseal import Writing, sealed_view, thread_count
from ._types import Buffer, Context, Recipients, SupportsWrite

# What one thread works on at a time.
PIECE_LEN = 512 * 1024
# The same for each of several threads, which have to be woken up every time.
PIECE_LEN_OF_SEVERAL = 1024 * 1024

# Their write is known to be done with the data when it returns, so it can be lent.
_KEEPING_NOTHING = (io.FileIO, io.BytesIO, io.BufferedWriter, io.BufferedRandom)

# What stays in their buffers, a forked child writes a second time when it exits.
_BUFFERED = (io.BufferedWriter, io.BufferedRandom)


class SealWriter(io.BufferedWriter):
    """A binary file object that seals what is written to it and writes the message to another one.

    ``close``, or leaving a ``with`` block normally, ends the message. Leaving the block with an
    exception does not, nor does forgetting the writer: what was written then is not a valid
    message, and every reader refuses it as truncated. ``abort`` does the same on purpose.

    ``fileobj`` needs only a ``write`` method. It is not closed with this object unless
    ``close_inner`` is true. Small writes are gathered into pieces of 512 KiB, or of 1 MiB for each
    thread if there are several. ``flush`` seals everything written so far and hands it over.

    The message cannot go on in a forked child: there, StateError is raised and nothing is written,
    not even when the child exits. The parent goes on. A ``fileobj`` with a buffer of its own, other
    than those of ``open``, may still write that in the child: ``flush`` before the fork.

    ``fileobj`` has to block: if its ``write`` takes nothing, BlockingIOError is raised. After
    ``fileobj`` has failed, the message cannot be ended: StateError is raised when the next piece is
    full, and by ``flush`` and ``close``. For a target that does not block, see Writing.

    For ``recipients``, ``context`` and what is raised see ``seal``; for ``threads`` see the module.

    For text, keep the ``with`` block on this object, and let the wrapper buffer nothing::

        with libseal.SealWriter(fileobj, key) as writer:
            text = io.TextIOWrapper(writer, encoding="utf-8", write_through=True)
            print("sealed with the rest of its piece", file=text)
    """

    def __init__(
        self,
        fileobj: IO[bytes] | SupportsWrite,
        recipients: Recipients,
        *,
        context: Context | None = None,
        close_inner: bool = False,
        threads: int | None = 1,
    ) -> None:
        count = thread_count(threads)
        piece_len = PIECE_LEN if count == 1 else count * PIECE_LEN_OF_SEVERAL
        writing = Writing(recipients, context=context, threads=threads, piece_len=piece_len)
        sealing = _RawWriter(fileobj, writing)
        sealing.hand_on()
        super().__init__(sealing, piece_len)
        self._sealing = sealing
        sealing.close_inner = close_inner

    def flush(self) -> None:
        """Seal everything written so far, and flush the inner file object."""
        self._sealing.check_open()
        if not self._sealing.is_ended:
            super().flush()
            self._sealing.push()

    def close(self) -> None:
        """End the message. A second time, do nothing."""
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
        # IOBase would call close(), and so pass a part of a message off as a complete one.
        if not hasattr(self, "_sealing") or self.closed:
            return
        # In a forked child, the message is its parent's, which goes on with it.
        if not self._sealing.is_lost and self._sealing.process == os.getpid():
            warnings.warn(
                f"unclosed {self!r}: the message is truncated",
                ResourceWarning,
                stacklevel=2,
                source=self,
            )
        self.abort()


class _RawWriter(io.RawIOBase):
    """Hands on what a Writing has sealed. Closing it ends no message."""

    def __init__(self, inner: Any, writing: Writing) -> None:
        self.close_inner = False
        self.is_ended = False
        # Set while a call is under way, so that nothing is sealed twice after one that failed.
        self.is_lost = False
        self.process = os.getpid()
        self._inner = inner
        self._writing = writing
        self._sealed_view = sealed_view(writing) if type(inner) in _KEEPING_NOTHING else None
        self._position = 0

    @property
    def name(self) -> Any:
        return self._inner.name

    def writable(self) -> bool:
        self.check_open()
        return True

    def write(self, data: Buffer, /) -> int:
        # First, because an error must not come from what is reported as written.
        self.hand_on()
        self.is_lost = True
        count = self._writing.write(data)
        self._position += count
        self.is_lost = False
        return count

    def hand_on(self) -> None:
        """Write everything that is sealed to the inner file object."""
        if self.is_lost:
            self.check_open()
            raise StateError("the file object failed before, so the message cannot go on")
        if self._sealed_view is not None:
            is_complete = False
            while not is_complete:
                with memoryview(self._sealed_view) as sealed:
                    self.is_lost = True
                    count = self._write_inner(sealed) if sealed else 0
                    is_complete = count == len(sealed)
                self._writing.advance(count)
        else:
            rest: bytes | memoryview = self._writing.sealed()
            self.is_lost = True
            while rest:
                count = self._write_inner(rest)
                self._writing.advance(count)
                rest = memoryview(rest)[count:]
        if type(self._inner) in _BUFFERED:
            self._inner.flush()
        self.is_lost = False

    def _write_inner(self, sealed: bytes | memoryview) -> int:
        written = self._inner.write(sealed)
        if written is None:
            if isinstance(self._inner, io.RawIOBase):
                raise BlockingIOError(errno.EAGAIN, "the file object is non-blocking, and full")
            return len(sealed)  # It does not count, so it has taken everything.
        if not 0 < written <= len(sealed):
            raise OSError(errno.EIO, f"write() of {len(sealed)} bytes returned {written}")
        return int(written)

    def push(self) -> None:
        """Seal everything that was written, and flush the inner file object."""
        self.hand_on()
        self._writing.flush()
        self.hand_on()
        self._flush_inner()

    def finish(self) -> None:
        """End the message."""
        self.hand_on()
        self._writing.finish()
        self.hand_on()
        self._flush_inner()

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
        self.is_lost = True
        super().close()
        if self.close_inner:
            self._inner.close()

    def check_open(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file.")
