"""UnsealReader: a file object with the plaintext of a message."""

import errno
import io
import os
from typing import IO, Any, Self

from ._arguments import check_source
from ._errors import StateError
from ._libseal import Header, Reading, check_unwrap, thread_count
from ._next import Next
from ._source import CHUNK_LEN, Source
from ._types import Buffer, Require, SupportsRead, Unwrap

SEALED_CHUNK_LEN = CHUNK_LEN + 16
# What each thread works on at a time.
PIECE_LEN = 1024 * 1024


class UnsealReader(io.BufferedReader):
    """A binary file object that reads a message from another one and returns its plaintext.

    The header is read, and the data key unwrapped, when the object is made. The end of the
    plaintext is reported only after the end of the message has been verified: a truncated message
    ends in TruncatedError. What was read before that is authentic, but may not be all, so keep it
    apart until the end is reached.

    It can ``seek`` if ``fileobj`` can. Then only the chunks of 16 KiB that hold what is read are
    fetched. The first seek also fetches the last chunk, which verifies where the plaintext ends,
    before anything depends on that. The message has to begin where ``fileobj`` was when this object
    was made, and to end where ``fileobj`` ends.

    After a fork, parent and child share the position of a file. Open it anew in one of them.

    ``fileobj`` needs only a ``read`` method, and ``seekable``, ``seek`` and ``tell`` to seek. It is
    not closed with this object unless ``close_inner`` is true. More of it may be read than is
    needed at the moment. It has to block: if its ``read`` returns None, BlockingIOError is raised.
    After ``fileobj`` has failed, what it read may be lost: StateError is raised from then on, until
    ``seek`` finds a place again. For a source that does not block, see Reading.

    For ``unwrap``, ``require`` and what is raised see ``unseal``; for ``threads`` see the module.
    Large reads give each thread 1 MiB at a time.
    """

    def __init__(
        self,
        fileobj: IO[bytes] | SupportsRead,
        unwrap: Unwrap,
        *,
        require: Require | None = None,
        close_inner: bool = False,
        threads: int | None = 1,
    ) -> None:
        check_source(fileobj)
        check_unwrap(unwrap)
        piece_len = thread_count(threads) * PIECE_LEN
        reading = Reading(require=require, threads=threads, piece_len=piece_len)
        raw = _RawReader(fileobj, reading, piece_len // 2)
        try:
            header = raw.unwrap_with(unwrap)
        except io.UnsupportedOperation as error:
            raise io.UnsupportedOperation("fileobj is not open for reading") from error
        self._read_from(raw, header, close_inner)

    @classmethod
    def with_key(
        cls,
        fileobj: IO[bytes] | SupportsRead,
        header: Header,
        data_key: Buffer,
        *,
        close_inner: bool = False,
        threads: int | None = 1,
    ) -> Self:
        """Read on after a header that is known, with its data key.

        The first byte that ``fileobj`` gives has to be the one after the header.

        Raises AuthenticationError if the header was not made with this data key.
        """
        check_source(fileobj)
        piece_len = thread_count(threads) * PIECE_LEN
        reading = Reading.with_key(header, data_key, threads=threads, piece_len=piece_len)
        reader = cls.__new__(cls)
        raw = _RawReader(fileobj, reading, piece_len // 2, offset=header.length)
        reader._read_from(raw, header, close_inner)  # noqa: SLF001
        return reader

    def _read_from(self, raw: "_RawReader", header: Header, close_inner: bool) -> None:
        super().__init__(raw, raw.buffer_len)
        self._header = header
        raw.close_inner = close_inner

    @property
    def header(self) -> Header:
        """The header of the message, verified."""
        return self._header


class _RawReader(io.RawIOBase):
    """Gets from the inner file object what a Reading asks for."""

    def __init__(self, inner: Any, reading: Reading, buffer_len: int, offset: int = 0) -> None:
        self.close_inner = False
        # Half a piece, so that whole pieces are read past the buffer.
        self.buffer_len = buffer_len
        self._inner = inner
        self._source = Source(inner)
        self._reading = reading
        # The byte of the message that the inner file object gives next; None if that is unknown.
        self._offset: int | None = offset
        # Where the message begins in the inner file object; None if that cannot seek.
        self._start = _message_start(inner, offset)
        # Set while a call is under way, so that nothing is skipped after one that was interrupted.
        self._is_lost = False

    def unwrap_with(self, unwrap: Unwrap) -> Header:
        reading = self._reading
        while (header := reading.header) is None:
            match reading.next(1):
                case range() as offsets:
                    reading.feed(self._fetch(offsets))
        reading.unwrap_with(unwrap)
        return header

    @property
    def name(self) -> Any:
        return self._inner.name

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        self._check_open()
        return self._start is not None

    def tell(self) -> int:
        self._check_open()
        return self._reading.position

    def readinto(self, buffer: Buffer, /) -> int:
        self._leave_place()
        length = self._read_to(memoryview(buffer))
        self._is_lost = False
        return length

    def readall(self) -> bytes:
        self._leave_place()
        whole = io.BytesIO()
        # Fresh memory is slow, and short messages do not need much.
        room = memoryview(bytearray(CHUNK_LEN))
        while length := self._read_to(room):
            whole.write(room[:length])
            if length == len(room) <= self.buffer_len:
                room = memoryview(bytearray(2 * length))
        self._is_lost = False
        return whole.getvalue()

    def _leave_place(self) -> None:
        self._check_open()
        if self._is_lost:
            raise StateError("reading failed before, and the place is lost")
        self._is_lost = True

    def _read_to(self, room: memoryview) -> int:
        # The BufferedReader has its whole buffer filled, however little it was asked for. Then the
        # Reading decides how much to read ahead: one chunk after a seek, and more and more.
        is_buffer = len(room) <= self.buffer_len
        fitting = max(len(room) // CHUNK_LEN, 1) * SEALED_CHUNK_LEN if is_buffer else None
        while room:
            match self._reading.next(1 if is_buffer else len(room)):
                case range() as offsets:
                    piece = self._fetch(offsets[:fitting])
                    if length := self._reading.feed_into(piece, room):
                        return length
                case Next.PLAINTEXT:
                    return self._reading.read_into(room)
                case _:
                    break
        return 0

    def _fetch(self, offsets: range) -> Buffer:
        """Read bytes of the message, or fewer; they are good until the next call."""
        if self._offset != offsets.start:
            self._offset = None
            self._inner.seek((self._start or 0) + offsets.start)
        self._offset = None
        piece = self._source.read(len(offsets))
        self._offset = offsets.start + len(piece)
        return piece

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        if not self.seekable():
            raise io.UnsupportedOperation("the file object cannot seek")
        if whence not in {os.SEEK_SET, os.SEEK_CUR, os.SEEK_END}:
            raise ValueError(f"whence must be 0, 1 or 2, not {whence}")
        reading = self._reading
        if whence == os.SEEK_CUR:
            offset += reading.position
        if whence != os.SEEK_END and offset == reading.position and not self._is_lost:
            return offset
        was_lost, self._is_lost = self._is_lost, True
        length = self._verified_len()
        position = length + offset if whence == os.SEEK_END else offset
        if position < 0:
            self._is_lost = was_lost
            raise OSError(errno.EINVAL, "seek to a position before the beginning")
        reading.seek(position)
        # Fails if the message has turned out to be altered.
        reading.next(1)
        self._is_lost = False
        return position

    def _verified_len(self) -> int:
        """Length of the plaintext; the first time, the last chunk is verified for it."""
        reading = self._reading
        if reading.message_len is None:
            self._offset = None
            self._inner.seek(0, os.SEEK_END)
            reading.message_len = max(self._inner.tell() - (self._start or 0), 0)
        reading.confirm_end()
        while (length := reading.plaintext_len) is None:
            match reading.next(1):
                case range() as offsets if reading.plaintext_len is None:
                    reading.feed(self._fetch(offsets))
        return length

    def close(self) -> None:
        if self.closed:
            return
        try:
            super().close()
        finally:
            if self.close_inner:
                self._inner.close()

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file.")


def _message_start(inner: Any, offset: int) -> int | None:
    try:
        position = int(inner.tell()) if inner.seekable() else None
    except (AttributeError, io.UnsupportedOperation):
        return None
    if position is None:
        return None
    if position < offset:
        raise ValueError(f"the file object is at {position}, before the end of the header")
    return position - offset
