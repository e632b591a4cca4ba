"""SealWriter: a file object that seals what is written to it."""

import errno
import gc
import io
import os
import sys
import warnings
import weakref
from types import TracebackType
from typing import IO, Any, Self

from ._arguments import check_count, check_target
from ._errors import StateError
from ._libseal import Writing, sealed_view, thread_count
from ._types import Buffer, Context, Recipients, SupportsWrite

# What one thread works on at a time.
PIECE_LEN = 512 * 1024
# The same for each of several threads, which have to be woken up every time.
PIECE_LEN_OF_SEVERAL = 1024 * 1024

# Their write is known to be done with the data when it returns, so it can be lent.
_KEEPING_NOTHING = (io.FileIO, io.BytesIO, io.BufferedWriter, io.BufferedRandom)

# Looked up once: super() takes as long as a short write.
_write = io.BufferedWriter.write

_UNFINISHED = "closed without finish(), so the message is unfinished, and every reader refuses it"

# What stays in their buffers, a forked child writes a second time when it exits.
_BUFFERED = (io.BufferedWriter, io.BufferedRandom)


class SealWriter(io.BufferedWriter):
    """A binary file object that seals what is written to it and writes the message to another one.

    Only two things end the message: leaving the ``with`` block of this object normally, or
    ``finish``. Whatever else happens to the object, the message is unfinished, and every reader
    refuses it as truncated:

    - An exception leaves the ``with`` block.
    - ``abort`` is called, to give the message up.
    - ``close`` is called outside the ``with`` block, by the program or by a file object around this
      one. StateError says so, or a RuntimeWarning if an exception is being handled.
    - The object is forgotten. A RuntimeWarning says so.

    Inside the ``with`` block, ``close`` ends only the writing, so file objects around this one may
    close it. What ``io.TextIOWrapper`` and ``io.BufferedWriter`` still hold when the message ends
    becomes part of it. Other wrappers that hold something, such as ``zipfile.ZipFile``, have to be
    closed before::

        with libseal.SealWriter(fileobj, key) as writer, zipfile.ZipFile(writer, "w") as archive:
            archive.write("a.log")

    For text, see SealTextWriter.

    ``fileobj`` needs only a ``write`` method. It is not closed with this object unless
    ``close_inner`` is true. Small writes are gathered into pieces of 512 KiB, or of 1 MiB for each
    thread if there are several. ``flush`` seals everything written so far and hands it over.

    The message cannot go on in a forked child: nothing is written there, not even when the child
    exits, and StateError is raised, at the latest by ``flush``, by ``finish`` or when a piece is
    full. The parent goes on. A ``fileobj`` with a buffer of its own, other
    than those of ``open``, may still write that in the child: ``flush`` before the fork.

    ``fileobj`` has to block: if its ``write`` takes nothing, BlockingIOError is raised. After
    ``fileobj`` has failed, the message cannot be ended: StateError is raised when the next piece is
    full, and by ``flush`` and ``finish``. For a target that does not block, see Writing.

    For ``recipients``, ``context`` and what is raised see ``seal``; for ``threads`` see the module.
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
        check_target(fileobj)
        count = thread_count(threads)
        piece_len = PIECE_LEN if count == 1 else count * PIECE_LEN_OF_SEVERAL
        writing = Writing(recipients, context=context, threads=threads, piece_len=piece_len)
        sealing = _RawWriter(fileobj, writing)
        try:
            sealing.hand_on()
        except io.UnsupportedOperation as error:
            raise io.UnsupportedOperation("fileobj is not open for writing") from error
        super().__init__(sealing, piece_len)
        self._sealing = sealing
        self._is_in_block = False
        self._is_forgotten = False
        # Set when a file object around this one may have been made.
        self._may_be_wrapped = False
        # How many objects there were then that the garbage collector does not show.
        self._frozen_count = 0
        # The SealTextWriter that has made this one.
        self._text: weakref.ref[io.TextIOWrapper] | None = None
        sealing.close_inner = close_inner

    def write(self, data: Buffer, /) -> int:
        """Write ``data``, a bytes-like object, and return its length."""
        try:
            return _write(self, data)
        except (BufferError, ValueError):  # The latter is NumPy's.
            view = memoryview(data)
            if view.c_contiguous:
                raise
        return _write(self, view.tobytes())

    def flush(self) -> None:
        """Seal everything written so far, and flush the inner file object."""
        self._sealing.check_open()
        if not self._sealing.is_closing:
            super().flush()
            self._sealing.push()

    def finish(self) -> None:
        """End the message, and close. A second time, do nothing.

        Raises StateError if the message was given up or ``fileobj`` has failed.
        """
        if self._sealing.is_finished:
            return
        try:
            self._end_writing()
            self._sealing.finish()
        finally:
            self.abort()

    def close(self) -> None:
        """Inside the ``with`` block, end the writing. Elsewhere, give the message up and say so.

        Outside the ``with`` block this raises StateError, or warns if an exception is being
        handled, so as not to hide that: call ``finish`` to end the message, or ``abort`` to give
        it up. In a forked child it says nothing, because the parent goes on with the message.
        """
        if self.closed:
            return
        if self._is_in_block:
            self._end_writing()
            return
        self.abort()
        if self._sealing.is_in_a_child:
            return  # Nothing is lost: the message is its parent's, which goes on with it.
        if self._is_forgotten or sys.exception() is not None:
            self._warn(_UNFINISHED)
        else:
            message = f"{_UNFINISHED}: call finish(), or leave the writer's own with block"
            raise StateError(message)

    def abort(self) -> None:
        """Give the message up, and close: every reader will refuse it as truncated."""
        self._close_io()
        self._sealing.release()

    def _end_writing(self) -> None:
        """Take what is left, and close for everyone who writes."""
        if self.closed:
            return
        was_incomplete = self._sealing.is_incomplete
        # Unless all goes well; a file object around this one may hide the exception.
        self._sealing.is_incomplete = True
        if self._text is not None and (text := self._text()) is not None:
            text.flush()
        if self._may_be_wrapped:
            _flush_wrappers(self)
            if gc.get_freeze_count() > self._frozen_count:
                message = "gc.freeze() hides the file objects around this one: close them before"
                raise StateError(message)
        super().flush()
        self._close_io()
        self._sealing.is_incomplete = was_incomplete

    def _close_io(self) -> None:
        """Close, whatever becomes of the message. What is in the buffer is dropped."""
        if not self.closed:
            # From here on, flush() does nothing, which close() calls.
            self._sealing.is_closing = True
            super().close()

    def _set_text(self, text: io.TextIOWrapper) -> None:
        """Know of the one file object around this one, so that there is none to look for."""
        self._text = weakref.ref(text)
        self._may_be_wrapped = False

    def seekable(self) -> bool:
        """Whether this can seek: no."""
        # io.TextIOWrapper asks when it is made.
        self._note_wrapper()
        return super().seekable()

    def writable(self) -> bool:
        """Whether this can be written to: yes."""
        # io.BufferedWriter asks when it is made.
        self._note_wrapper()
        return super().writable()

    def _note_wrapper(self) -> None:
        if not self._may_be_wrapped:
            self._may_be_wrapped = True
            self._frozen_count = gc.get_freeze_count()

    def detach(self) -> io.RawIOBase:
        """Not supported."""
        raise io.UnsupportedOperation("detach")

    def __enter__(self) -> Self:
        super().__enter__()
        self._is_in_block = True
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_in_block = False
        if exc_type is None and not self._sealing.is_released:
            self.finish()
        else:
            self.abort()

    def _dealloc_warn(self, source: object) -> None:  # noqa: ARG002
        # A file object around this one calls this when it is forgotten, and then close(), of which
        # it hides the exception.
        self._is_forgotten = True

    def __del__(self) -> None:
        # IOBase would call close(), which raises.
        if not hasattr(self, "_sealing") or self._sealing.is_released:
            return
        is_lost = self._sealing.is_lost or self._sealing.is_in_a_child
        self.abort()
        if not is_lost:
            self._warn("forgotten without finish(): the message is truncated")

    def _warn(self, message: str) -> None:
        warnings.warn(f"{self!r}: {message}", RuntimeWarning, stacklevel=3, source=self)


def _flush_wrappers(inner: object, is_closing: bool = False) -> None:
    """Flush the file objects around ``inner`` that the standard library has made.

    If ``inner`` is closing, it takes nothing more, so there must be nothing more for it.
    """
    # They cannot be asked for their number, so this goes through all objects that there are.
    for outer in gc.get_referrers(inner):
        # Not isinstance(), which runs the code of objects that pose as others.
        kind = type(outer)
        try:
            if issubclass(kind, io.BufferedWriter):
                outer_is_closing = _is_closing(outer)
                _flush_wrappers(outer, outer_is_closing)
                if not outer_is_closing:
                    outer.flush()
            elif issubclass(kind, io.TextIOWrapper):
                if not is_closing:
                    outer.flush()
                elif not outer.write_through:
                    # flush() would flush ``inner`` too. This only writes, if there is something.
                    outer._CHUNK_SIZE = 1  # noqa: SLF001
                    outer.write("")
        except RuntimeError as error:
            if not is_closing:
                raise
            message = (
                f"{inner!r} was closed before {outer!r} around it, which is to be closed first"
            )
            raise StateError(message) from error


def _is_closing(file: io.BufferedWriter) -> bool:
    """Whether this is called by ``file.close()``, which has flushed it before."""
    try:
        file.write(b"")
    except RuntimeError:  # It does not let itself be called from what it calls.
        return True
    return False


class _RawWriter(io.RawIOBase):
    """Hands on what a Writing has sealed. Closing it ends no message."""

    def __init__(self, inner: Any, writing: Writing) -> None:
        self.close_inner = False
        # Set when the SealWriter closes this, after everything that is to be sealed was written.
        self.is_closing = False
        self.is_finished = False
        # Set when the message is finished or given up.
        self.is_released = False
        # Set while a call is under way, so that nothing is sealed twice after one that failed.
        self.is_lost = False
        self._process = os.getpid()
        # Set if something that was written did not arrive here.
        self.is_incomplete = False
        self._inner = inner
        self._writing = writing
        self._sealed_view = sealed_view(writing) if type(inner) in _KEEPING_NOTHING else None
        self._position = 0

    @property
    def name(self) -> Any:
        return self._inner.name

    @property
    def is_in_a_child(self) -> bool:
        """Whether this is a forked child of the process that began the message."""
        return self._process != os.getpid()

    def writable(self) -> bool:
        self.check_open()
        return True

    def write(self, data: Buffer, /) -> int:
        self.check_open()
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
        check_count("write", written)
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
        """End the message, after this was closed."""
        if self.is_released or not self.is_closing:
            raise StateError("the message was given up before, so it cannot be ended")
        if self.is_incomplete:
            raise StateError("what file objects around this one hold was lost before")
        self.hand_on()
        self._writing.finish()
        self.hand_on()
        self._flush_inner()
        self.is_finished = True

    def release(self) -> None:
        """Have done with the message."""
        if not self.is_released:
            self.is_released = True
            if self.close_inner:
                self._inner.close()

    def _flush_inner(self) -> None:
        flush = getattr(self._inner, "flush", None)
        if flush is not None:
            flush()

    def tell(self) -> int:
        self.check_open()
        return self._position

    def check_open(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file.")
