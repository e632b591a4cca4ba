"""The file objects of SealedFileSystem."""

import io
import sys
import warnings
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from fsspec.asyn import AbstractAsyncStreamedFile
from fsspec.caching import AllBytes, BaseCache, register_cache
from fsspec.spec import AbstractBufferedFile

from .._libseal import Header
from .._types import Buffer
from ._draft import Draft
from ._known import CHUNK_LEN, Known
from ._reading import Reading

if TYPE_CHECKING:
    from ._file_system import SealedFileSystem


class ReadAhead(BaseCache):  # type: ignore[misc]
    """Keeps the chunks of the last read, and reads ahead more and more while reads follow on.

    Of fsspec's caches, some read megabytes ahead of each place, and the others read each chunk
    again for each read in it.
    """

    name = "sealed"

    def __init__(self, blocksize: int, fetcher: Any, size: int) -> None:
        super().__init__(blocksize, fetcher, size)
        self._start = 0
        self._block = b""
        self._read_to: int | None = None
        self._ahead = 0

    def _fetch(self, start: int | None, stop: int | None) -> bytes:
        start = start or 0
        stop = self.size if stop is None else min(stop, self.size)
        if start >= stop:
            return b""
        follows_on, self._read_to = start == self._read_to, stop
        end = self._start + len(self._block)
        if not (self._start <= start and stop <= end):
            ahead = max(2 * self._ahead, stop - start, CHUNK_LEN) if follows_on else 0
            self._ahead = min(ahead, self.blocksize)
            # Whole chunks, as they are fetched whole; those that are here are not fetched again.
            overlaps = self._start <= start < end
            first = end if overlaps else start // CHUNK_LEN * CHUNK_LEN
            last = -(-(stop + self._ahead) // CHUNK_LEN) * CHUNK_LEN
            fetched = self.fetcher(first, min(last, self.size))
            kept = self._block[start - self._start :] if overlaps else b""
            self._start = start if overlaps else first
            self._block = kept + fetched
        return self._block[start - self._start : stop - self._start]


register_cache(ReadAhead, clobber=True)


class SealedReader(AbstractBufferedFile):  # type: ignore[misc]
    """The plaintext of a file, to read and seek in."""

    def __init__(
        self,
        fs: "SealedFileSystem",
        path: str,
        reading: Reading,
        looked: tuple[Known, bytes | None],
        *,
        block_size: int | None = None,
        cache_options: dict[str, Any] | None = None,
        cache_type: str = ReadAhead.name,
        **options: Any,
    ) -> None:
        # What is known of the message, and its plaintext if it is short.
        known, plaintext = looked
        self._reading = reading
        self._known = known
        super().__init__(
            fs,
            path,
            "rb",
            block_size,
            cache_type=cache_type,
            cache_options=cache_options,
            size=known.plaintext_len,
            **options,
        )
        if plaintext is not None:
            self.cache = AllBytes(self.blocksize, self._fetch_range, self.size, plaintext)

    def _fetch_range(self, start: int, end: int) -> bytes:
        read = self._reading.read_opened
        return bytes(self.fs._run(read, self.path, self._known, (start, end)))  # noqa: SLF001

    def is_message(self, header: Header, salt: bytes, message_len: int) -> bool:
        """Whether this is the message that begins so, and no other in its place."""
        known = self._known
        begins_so = known.beginning.startswith(bytes(header) + salt)
        return begins_so and known.message_len == message_len

    def read(self, length: int | None = -1) -> bytes:
        """Read up to ``length`` bytes; none only at the end, which is verified."""
        if not self.closed and self.loc >= self.size and not self._known.is_whole:
            self._fetch_range(self.size, self.size)
        data: bytes = super().read(length)
        return data


class AsyncSealedFile(AbstractAsyncStreamedFile):  # type: ignore[misc]
    """The plaintext of a file, to read with ``await``."""

    def __init__(
        self, fs: "SealedFileSystem", path: str, reading: Reading, known: Known, **options: Any
    ) -> None:
        self._reading = reading
        self._known = known
        super().__init__(fs, path, "rb", size=known.plaintext_len, **options)

    async def _fetch_range(self, start: int, end: int) -> bytes:
        return await self._reading.read_opened(self.path, self._known, (start, end))


class Deferred:
    """A message that a transaction makes a file of at its end."""

    def __init__(
        self, fs: "SealedFileSystem", path: str, draft: Draft, message: bytes | Path, mode: str
    ) -> None:
        self.fs = fs
        self.path = path
        self._draft = draft
        self._message = message
        self._is_new = mode == "xb"

    def commit(self) -> None:
        """Make the file."""
        try:
            self.fs._run(self.fs._store, self.path, self._message, self._is_new)  # noqa: SLF001
        finally:
            self._draft.drop()

    def discard(self) -> None:
        """Make no file."""
        self._draft.drop()


class SealedWriter(io.RawIOBase):
    """Takes the plaintext of a new file, which is made when this is closed.

    No file is made, and no old one replaced, if an exception leaves the ``with`` block, if this is
    closed while one that came meanwhile is handled, or if it is forgotten.
    """

    def __init__(
        self, fs: "SealedFileSystem", path: str, mode: str, draft: Draft, autocommit: bool
    ) -> None:
        self.fs = fs
        self.path = path
        self.mode = mode
        self.autocommit = autocommit
        self._draft = draft
        self._position = 0
        self._deferred: Deferred | None = None
        self._handled = sys.exception()

    def writable(self) -> bool:
        """Whether this can be written to: yes."""
        return True

    def tell(self) -> int:
        """How much was written."""
        return self._position

    def write(self, data: Buffer, /) -> int:
        """Take plaintext, all of it, and return its length."""
        if self.closed:
            raise ValueError("I/O operation on closed file.")
        count = self._draft.write(data)
        self._position += count
        return count

    def close(self) -> None:
        """Make the file, or in a transaction have it made at its end."""
        if self.closed:
            return
        failure = sys.exception()
        if failure is not None and failure is not self._handled:
            self.discard()
            text = f"{self!r}: closed because of an exception, so the file is not made"
            warnings.warn(text, RuntimeWarning, stacklevel=2)
            return
        super().close()
        try:
            message = self._draft.finish()
        except BaseException:
            self._draft.drop()
            raise
        self._deferred = Deferred(self.fs, self.path, self._draft, message, self.mode)
        if self.autocommit:
            self._deferred.commit()

    def commit(self) -> None:
        """Make the file; called at the end of a transaction."""
        if not self.closed:
            self.close()
        if self._deferred is not None:
            self._deferred.commit()

    def discard(self) -> None:
        """Make no file."""
        super().close()
        self._draft.drop()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exc_type is None:
            self.close()
        else:
            self.discard()

    def __enter__(self) -> Self:
        return self

    def _dealloc_warn(self, source: object) -> None:  # noqa: ARG002
        # A file object around this one, for text for example, calls this when it is forgotten, and
        # then close().
        self._forget()

    def __del__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        if not self.closed:
            self.discard()
            text = f"{self!r}: forgotten without close(), so the file is not made"
            warnings.warn(text, RuntimeWarning, stacklevel=2, source=self)

    def __repr__(self) -> str:
        return f"<SealedWriter {self.path!r}>"
