"""SealReader: a file object with the message of what another one gives."""

import errno
import io
import operator
import os
import stat
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Never

from ._arguments import check_source
from ._errors import StateError
from ._libseal import Writing, sealed_view, thread_count
from ._seal import sealed_len
from ._source import Source
from ._types import Buffer, Context, Recipients, SupportsRead

# What one thread works on at a time.
PIECE_LEN = 512 * 1024
# The same for each of several threads, which have to be woken up every time.
PIECE_LEN_OF_SEVERAL = 1024 * 1024

# Their ends are far: they would unpack all that comes before.
_UNPACKING = {"bz2", "compression", "gzip", "lzma", "zipfile"}

if TYPE_CHECKING:
    # The types of clients ask for IO[bytes], as which typeshed knows the classes of open() only.
    class _FileObject(io.BufferedIOBase, BinaryIO): ...
else:
    _FileObject = io.BufferedIOBase


class SealReader(_FileObject):
    """A binary file object that reads plaintext from another one and gives the sealed message.

    For what takes a file object and reads it: ``upload_fileobj`` of boto3, the bodies of HTTP
    requests, ``shutil.copyfileobj``. It works in constant memory::

        with open("log", "rb") as file, libseal.SealReader(file, key) as message:
            s3_client.upload_fileobj(message, "example-bucket", "log.sealed")

    The message is complete only when it has been read to its end, and the end comes only after
    ``fileobj`` has ended normally. If ``fileobj`` fails, its exception is raised, and StateError
    from then on. To close earlier is fine: every reader refuses what was read until then as
    truncated.

    A message is sealed once, so this cannot seek, and what sends it cannot try again from its
    beginning: make a new SealReader for that.

    ``length`` is what an HTTP header ``Content-Length`` needs. If it is known, ``requests`` sends
    that header without being told to. Other clients send the message in chunks if they are not
    given it.

    ``fileobj`` needs only a ``read`` method. It is not closed with this object unless
    ``close_inner`` is true. More of it is read than is needed at the moment. It has to block: if
    its ``read`` returns None, BlockingIOError is raised. For a source that does not block, see
    Writing.

    The message cannot go on in a forked child: StateError is raised there, and ``fileobj`` is not
    read. The parent goes on.

    For ``recipients``, ``context`` and what is raised see ``seal``; for ``threads`` see the module.
    """

    # Until they are known: an object that was refused is closed too.
    _close_inner = False
    _inner: Any = None

    def __init__(
        self,
        fileobj: IO[bytes] | SupportsRead,
        recipients: Recipients,
        *,
        context: Context | None = None,
        close_inner: bool = False,
        threads: int | None = 1,
    ) -> None:
        check_source(fileobj)
        if isinstance(recipients, Iterator):
            recipients = tuple(recipients)
        count = thread_count(threads)
        self._piece_len = PIECE_LEN if count == 1 else count * PIECE_LEN_OF_SEVERAL
        self._writing = Writing(
            recipients, context=context, threads=threads, piece_len=self._piece_len
        )
        readable = getattr(fileobj, "readable", None)
        if callable(readable) and not readable():
            raise io.UnsupportedOperation("fileobj is not open for reading")
        self._source = Source(fileobj)
        # How much plaintext there is; None if that is unknown.
        self._plaintext_len = _rest_len(fileobj)
        self._length = None
        if self._plaintext_len is not None:
            self._length = sealed_len(recipients, self._plaintext_len, context=context)
        # Plaintext that was read and is not sealed yet, and how much there was in all.
        self._plaintext = memoryview(b"")
        self._read_len = 0
        # What is sealed, to be given next.
        self._sealed = sealed_view(self._writing)
        self._position = 0
        self._is_finished = False
        # Set while a call is under way, so that nothing is left out after one that failed.
        self._is_lost = False
        self._inner = fileobj
        self._close_inner = close_inner

    @property
    def length(self) -> int | None:
        """Length of the whole message in bytes, or None if it is unknown.

        It is known if ``fileobj`` can seek: a file, an ``io.BytesIO``, an UnsealReader. Then the
        length of that has to stay as it is: OSError is raised if it ends sooner or later. It is
        unknown for pipes, for what unpacks, such as ``gzip``, and for files that seem to be empty,
        as those in /proc do.
        """
        return self._length

    @property
    def len(self) -> int | None:
        """The same as ``length``: ``requests`` looks for it here."""
        return self._length

    @property
    def name(self) -> Any:
        """The ``name`` of ``fileobj``, if it has one."""
        return self._inner.name

    def read(self, size: int | None = -1, /) -> bytes:
        """Read ``size`` bytes of the message, or fewer at its end only; all of it by default."""
        left = -1 if size is None else operator.index(size)
        self._begin()
        first = self._take(left)
        if len(first) != left and first:
            whole = io.BytesIO()
            piece = first
            while piece:
                whole.write(piece)
                piece = self._take(left - whole.tell() if left >= 0 else -1)
            first = whole.getvalue()
        self._is_lost = False
        return first

    def read1(self, size: int = -1, /) -> bytes:
        """Read up to ``size`` bytes of the message, and none only at its end."""
        size = operator.index(size)
        self._begin()
        piece = self._take(size)
        self._is_lost = False
        return piece

    def readinto(self, buffer: Buffer, /) -> int:
        """Read into ``buffer`` until it is full or the message at its end."""
        return self._read_to(buffer, once=False)

    def readinto1(self, buffer: Buffer, /) -> int:
        """Read into ``buffer`` at least one byte, except at the end of the message."""
        return self._read_to(buffer, once=True)

    def peek(self, size: int = 0, /) -> bytes:  # noqa: ARG002 (as in io.BufferedReader)
        """Return what comes next, without moving: at least one byte, except at the end."""
        self._begin()
        with self._next() as sealed:
            piece = bytes(sealed[: io.DEFAULT_BUFFER_SIZE])
        self._is_lost = False
        return piece

    def readable(self) -> bool:
        """Whether this can be read: yes."""
        self._check_open()
        return True

    def tell(self) -> int:
        """Return how many bytes of the message have been read."""
        self._check_open()
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> Never:  # noqa: ARG002
        """Not supported."""
        self._check_open()
        raise io.UnsupportedOperation(
            "a SealReader cannot seek, because a message is sealed once: where a file object has "
            "to be read twice, seal into a file first; for S3, upload_fileobj reads it once"
        )

    def close(self) -> None:
        """Close. What has been read until then is refused as truncated, unless it is all."""
        if self.closed:
            return
        try:
            super().close()
        finally:
            if self._close_inner:
                self._inner.close()

    def _begin(self) -> None:
        self._check_open()
        if self._is_lost:
            raise StateError(
                "reading failed before, so the message cannot go on, or another thread is reading"
            )
        self._is_lost = True

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file.")

    def _take(self, size: int) -> bytes:
        """Some bytes of the message, at most ``size`` if that is not negative; none at the end."""
        if size == 0:
            return b""
        with self._next() as sealed:
            piece = bytes(sealed[:size] if size > 0 else sealed)
        self._advance(len(piece))
        return piece

    def _read_to(self, buffer: Buffer, *, once: bool) -> int:
        with memoryview(buffer) as view, view.cast("B") as room:
            self._begin()
            length = 0
            while length < len(room):
                with self._next() as sealed:
                    count = min(len(sealed), len(room) - length)
                    room[length : length + count] = sealed[:count]
                self._advance(count)
                length += count
                if once or not count:
                    break
            self._is_lost = False
        return length

    def _next(self) -> memoryview:
        """What is sealed and comes next; nothing at the end of the message. To be released."""
        while True:
            # First, because a forked child must not take plaintext away from its parent.
            sealed = memoryview(self._sealed)
            if sealed or self._is_finished:
                return sealed
            sealed.release()
            if not self._plaintext:
                self._plaintext = memoryview(self._source.read(self._piece_len))
                self._read_len += len(self._plaintext)
                self._check_plaintext_len()
            if self._plaintext:
                taken = self._writing.write(self._plaintext)
                self._plaintext = self._plaintext[taken:]
            else:
                self._writing.finish()
                self._is_finished = True

    def _advance(self, count: int) -> None:
        self._writing.advance(count)
        self._position += count

    def _check_plaintext_len(self) -> None:
        """The length of the message may have been sent already, so it has to be true."""
        expected, length = self._plaintext_len, self._read_len
        if expected is None or length == expected:
            return
        if length > expected:
            raise _changed(f"goes on after the {expected} bytes that it had")
        if not self._plaintext:
            raise _changed(f"ended after {length} bytes of the {expected} that it had")


def _changed(how: str) -> OSError:
    message = f"fileobj {how} when the SealReader was made, so the length of the message is wrong"
    return OSError(errno.EIO, message)


def _rest_len(fileobj: Any) -> int | None:
    """How many bytes come until the end; None where only reading them can tell."""
    if any(kind.__module__.partition(".")[0] in _UNPACKING for kind in type(fileobj).__mro__):
        return None
    try:
        position = fileobj.tell() if fileobj.seekable() else None
    except (AttributeError, OSError):
        return None
    if not isinstance(position, int):
        return None
    try:
        status = os.fstat(fileobj.fileno())
    except (AttributeError, OSError):  # In memory, for example.
        pass
    else:
        kind, size = stat.S_IFMT(status.st_mode), status.st_size
        # Devices without an end say that it is at 0, and so do files in /proc.
        if kind not in {stat.S_IFREG, stat.S_IFBLK} or (kind == stat.S_IFREG and size == 0):
            return None
    try:
        fileobj.seek(0, os.SEEK_END)
    except (AttributeError, OSError):
        return None
    end = fileobj.tell()
    fileobj.seek(position)
    return max(end - position, 0) if isinstance(end, int) else None
