"""Reading messages through another file system: with few requests, and all of it verified."""

import errno
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

from .._changed import ChangedError
from .._errors import AuthenticationError, FormatError, SealError
from .._libseal import MAX_HEADER_LEN, CachingUnwrapper
from .._types import Require
from ._inner import Inner
from ._known import (
    CHUNK_LEN,
    SEALED_CHUNK_LEN,
    Known,
    KnownMessages,
    Span,
    identity_of,
    read_beginning,
)

# What is read of a file to know its header; few are longer.
BEGINNING_LEN = 4 * 1024
# No longer message is read at once.
SMALL = 64 * 1024
# The same if all of it is wanted anyway: that takes one request, and no question for its length.
WHOLE = 1024 * 1024
# How much plaintext is read at a time of a longer message, and how often at the same time.
PIECE_LEN = 16 * 1024 * 1024
AT_ONCE = 4
# How often a file is looked at that others replace at the same time.
TRIES = 3

T = TypeVar("T")

Bounds: TypeAlias = tuple[int | None, int | None]
"""A range of plaintext as in a slice: None and negative numbers stand for places at its end."""


class Reading:
    """Reads messages, and keeps what it knows of them, none of which is secret."""

    def __init__(
        self, inner: Inner, unwrap: CachingUnwrapper | None, require: Require | None
    ) -> None:
        self.inner = inner
        self.known = KnownMessages()
        self._unwrap = unwrap
        self._require = require

    @property
    def unwrap(self) -> CachingUnwrapper:
        """Whom to ask for data keys."""
        if self._unwrap is None:
            raise ValueError(
                "there is nothing to unseal with: give unwrap= or kms= to the file system, for "
                'example storage_options={"kms": "alias/telemetry"}, or, if another file system is '
                'in front, such as simplecache::, {"sealed": {"kms": "alias/telemetry"}}'
            )
        return self._unwrap

    def forget(self, path: str | None = None) -> None:
        """Forget what is known of the file or folder at a path, or everything."""
        self.known.forget(path)
        self.inner.fs.invalidate_cache(path)

    def forget_file(self, path: str) -> None:
        """Forget what is known of a file."""
        self.known.forget_file(path)
        self.inner.fs.invalidate_cache(path)

    async def fetch(self, path: str, offsets: range) -> bytes:
        """Fetch bytes of a message, exactly as many."""
        if not offsets:
            return b""
        data: bytes = await self.inner.call("cat_file", path, start=offsets.start, end=offsets.stop)
        if len(data) != len(offsets):
            raise _incomplete(path, len(data), len(offsets))
        return data

    async def look_at(
        self, path: str, info: Mapping[str, Any], at_once: int = BEGINNING_LEN
    ) -> tuple[Known, bytes]:
        """Read the beginning of a file, or all of it if it is no longer than ``at_once``.

        Returns what is known of the message, and what was read of it, which is nothing if it was
        known before. Raises FormatError if it is not sealed.
        """
        identity = identity_of(info)
        is_known, known = self.known.look_up(path, identity)
        if is_known:
            if known is None:
                raise not_sealed(path)
            return known, b""
        size = _size(path, info)
        if not size:
            raise not_sealed(path)
        first = size if size <= at_once else min(size, BEGINNING_LEN)
        data = await self.fetch(path, range(first))
        try:
            with about(path):
                known = read_beginning(data, size, identity)
                if known is None:
                    # Up to the end of the longest header, and what follows before the first chunk.
                    data += await self.fetch(path, range(first, min(size, 2 * MAX_HEADER_LEN)))
                    known = read_beginning(data, size, identity)
        except FormatError as error:
            self.known.put(path, identity, None)
            raise not_sealed(path) from error
        if known is None:
            raise not_sealed(path)
        self.known.put(path, identity, known)
        return known, data

    async def with_info(
        self,
        path: str,
        work: Callable[[Mapping[str, Any]], Coroutine[Any, Any, T]],
        **options: Any,
    ) -> T:
        """Await ``work`` with what the file system below says of a file.

        That may be what a listing said long ago. So if it fails, and the file is another one by
        now, it is done again.
        """
        info = await self.inner.call("info", path, **options)
        for _ in range(TRIES):
            try:
                return await work(info)
            except (SealError, OSError) as error:
                self.forget_file(path)
                now = await self.inner.call("info", path, **options)
                if identity_of(now) == identity_of(info):
                    raise
                info, failure = now, error
        raise ChangedError.since("opened", path) from failure

    async def open(self, path: str) -> tuple[Known, bytes | None]:
        """Look at a file, and read all of it if it is short: then its plaintext is returned too."""

        async def look(info: Mapping[str, Any]) -> tuple[Known, bytes | None]:
            if info.get("type") == "directory":
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
            known, data = await self.look_at(path, info, SMALL)
            if not data or len(data) < known.message_len:
                return known, None
            return known, (await self.read_known(path, known, [(None, None)], 0, data))[0]

        return await self.with_info(path, look)

    async def read(self, path: str, wanted: Sequence[Bounds], max_gap: int) -> list[bytes]:
        """Read ranges of plaintext: what is near each other in one request.

        What is known of the file is taken for true. If it turns out to have changed, it is looked
        at anew.
        """
        known = self.known.get(path)
        if known is not None:
            try:
                if known.to_fetch(_spans(wanted, known), max_gap):
                    return await self.read_known(path, known, wanted, max_gap)
                # Nothing would be fetched that shows whether the file still ends there.
                self.inner.fs.invalidate_cache(path)
            except (SealError, OSError):
                if not await self._has_changed(path, known):
                    raise

        async def look(info: Mapping[str, Any]) -> list[bytes]:
            known, data = await self.look_at(path, info, SMALL)
            return await self.read_known(path, known, wanted, max_gap, data)

        return await self.with_info(path, look)

    async def read_known(
        self, path: str, known: Known, wanted: Sequence[Bounds], max_gap: int, data: bytes = b""
    ) -> list[bytes]:
        """Read ranges of the plaintext of this very message, which begins with ``data``."""
        with about(path):
            spans = _spans(wanted, known)
            to_fetch = known.to_fetch(spans, max_gap)
            missing = [offsets for offsets in to_fetch if offsets.stop > len(data)]
            fetching = [self.fetch(path, offsets) for offsets in missing]
            fetched = dict(zip(missing, all_of(await self.inner.gather(fetching)), strict=True))
            if not to_fetch:
                return [b"" for _ in spans]
            for offsets in to_fetch:
                fetched.setdefault(offsets, data[offsets.start : offsets.stop])
            return await self.inner.work(known.unseal, fetched, spans, self.unwrap, self._require)

    async def read_opened(self, path: str, known: Known, span: Span) -> bytes:
        """Read plaintext of this very message. Raises ChangedError if another took its place."""
        try:
            return (await self.read_known(path, known, [span], 0))[0]
        except (AuthenticationError, OSError) as error:
            if await self._has_changed(path, known):
                raise ChangedError.since("opened", path) from error
            raise

    async def _has_changed(self, path: str, known: Known) -> bool:
        self.forget_file(path)
        try:
            if identity_of(await self.inner.call("info", path)) != known.identity:
                return True
            # Whatever the store says of it, another message has another beginning.
            return await self.fetch(path, range(len(known.beginning))) != known.beginning
        except FileNotFoundError:
            return True
        except OSError:  # What has failed before says more.
            return False

    async def read_whole(self, path: str) -> bytes:
        """Read all of a file: with one request if it is not long."""
        pieces = [piece async for piece in self.read_pieces(path)]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def read_pieces(self, path: str) -> AsyncIterator[bytes]:
        """Read all of a file, piece by piece. It is known to be whole before the first one."""
        known, beginning = await self._begin(path)
        yield beginning
        here = len(beginning)
        starts = range(here, known.plaintext_len, PIECE_LEN)
        at_once = AT_ONCE if self.inner.is_async else 1
        for first in range(0, len(starts), at_once):
            spans = [(start, start + PIECE_LEN) for start in starts[first : first + at_once]]
            reading = [self.read_opened(path, known, span) for span in spans]
            for piece in all_of(await self.inner.gather(reading)):
                yield piece

    async def _begin(self, path: str) -> tuple[Known, bytes]:
        """Read the first piece of the plaintext of a file, and verify where its end is."""
        data = await self._first_piece(path)
        if len(data) != WHOLE:
            # This is all of it. A server that does not know of ranges may give more than a piece.
            return await self._unseal_first(path, data, {"size": len(data)})

        async def unseal(info: Mapping[str, Any]) -> tuple[Known, bytes]:
            nonlocal data
            try:
                return await self._unseal_first(path, data, info)
            except (SealError, OSError):
                before, data = data, await self._first_piece(path)
                if data == before:
                    raise
            # It was replaced between the two requests.
            return await self._unseal_first(path, data, info)

        return await self.with_info(path, unseal)

    async def _unseal_first(
        self, path: str, data: bytes, info: Mapping[str, Any]
    ) -> tuple[Known, bytes]:
        if not data:
            raise not_sealed(path)
        with about(path):
            try:
                known = read_beginning(data, _size(path, info), identity_of(info))
            except FormatError as error:
                raise not_sealed(path) from error
        if known is None:
            raise not_sealed(path)
        # The whole chunks that are here, and then the rest.
        here = (len(data) - len(known.beginning)) // SEALED_CHUNK_LEN * CHUNK_LEN
        if len(data) == known.message_len:
            here = known.plaintext_len
        return known, (await self.read_known(path, known, [(0, here)], 0, data))[0]

    async def _first_piece(self, path: str) -> bytes:
        try:
            data: bytes = await self.inner.call("cat_file", path, start=0, end=WHOLE)
        except (FileNotFoundError, PermissionError, IsADirectoryError):
            raise
        except OSError:
            # Of an empty file, some stores have no range at all.
            if (await self.inner.call("info", path))["size"] == 0:
                return b""
            raise
        return data


def _size(path: str, info: Mapping[str, Any]) -> int:
    if info["size"] is None:
        text = "the store does not say how long the file is, so it cannot be read in parts"
        raise OSError(errno.EINVAL, text, path)
    return int(info["size"])


def _span(bounds: Bounds, length: int) -> Span:
    start, stop, _ = slice(*bounds).indices(length)
    return start, max(start, stop)


def _spans(wanted: Sequence[Bounds], known: Known) -> list[Span]:
    return [_span(bounds, known.plaintext_len) for bounds in wanted]


def all_of(results: Sequence[T | Exception]) -> list[T]:
    """The results, unless one of them is an exception, which is raised."""
    good = []
    for result in results:
        if isinstance(result, Exception):
            raise result
        good.append(result)
    return good


def not_sealed(path: str) -> FormatError:
    """The error for a file that is no message."""
    return FormatError(f"{path} is not a sealed file: read it without sealed::")


@contextmanager
def about(path: str) -> Iterator[None]:
    """Note on an error which file it is about."""
    try:
        yield
    except SealError as error:
        note = f"in the file {path!r}"
        if note not in getattr(error, "__notes__", ()):
            error.add_note(note)
        raise


def _incomplete(path: str, given: int, asked: int) -> OSError:
    text = f"the store returned {given} bytes where {asked} were asked for; it may have changed"
    return OSError(errno.EIO, text, path)
