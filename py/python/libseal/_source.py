"""Reading from the file object that a reader is made with."""

import errno
import io
from typing import Any

from ._arguments import bytes_of, check_data

CHUNK_LEN = 16 * 1024

# Their readinto is known to do what read does, which a subclass may have changed.
_WITH_READINTO = (io.FileIO, io.BytesIO, io.BufferedReader, io.BufferedRandom)


class Source:
    """Reads bytes from a file object that has a ``read``, and checks what that returns."""

    def __init__(self, fileobj: Any) -> None:
        self._fileobj = fileobj
        self._readinto = fileobj.readinto if type(fileobj) in _WITH_READINTO else None
        # Room for what is read.
        self._room = memoryview(b"")

    def read(self, size: int) -> bytes | memoryview:
        """Read up to ``size`` bytes, and none only at the end. The next call may overwrite them."""
        piece: Any
        if self._readinto:
            if len(self._room) < size:
                # Fresh memory is slow, and short messages do not need much.
                longer = max(16 * len(self._room), 4 * CHUNK_LEN)
                self._room = memoryview(bytearray(min(longer, size)))
            room = self._room[:size]
            count = self._readinto(room)
            piece = None if count is None else room[:count]
        else:
            piece = self._fileobj.read(size)
        if piece is None:
            raise BlockingIOError(errno.EAGAIN, "the file object is non-blocking, and empty")
        if not isinstance(piece, bytes):
            check_data("read", piece)
            piece = bytes_of(piece)
        if len(piece) > size:
            raise OSError(errno.EIO, f"read({size}) returned {len(piece)} bytes")
        read: bytes | memoryview = piece
        return read
