"""Where bytes come from, and how they are read on."""

import asyncio
import errno
import inspect
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, Self

from .._errors import StateError
from ._arguments import check_source, not_asynchronous, view_of
from ._types import Source

# What the event loop works on before other tasks have their turn: some 50 µs of work.
PIECE_LEN = 256 * 1024


class SourceReader:
    """Reads from a source of either kind."""

    def __init__(self, source: Source) -> None:
        check_source(source)
        given: Any = source
        self._read = getattr(given, "read", None)
        self._pieces: AsyncIterator[Any] | None = None if self._read else aiter(given)
        # Of a piece that was longer than what was asked for.
        self._rest = memoryview(b"")

    async def read(self, size: int) -> memoryview:
        """Return up to ``size`` bytes, and none only at the end."""
        if self._read is None:
            return await self._next_of_pieces(size)
        returned = self._read(size)
        if not inspect.isawaitable(returned):
            raise not_asynchronous("read", "source", returned)
        data = view_of(await returned, "read() of source must return bytes")
        if len(data) > size:
            raise OSError(errno.EIO, f"read({size}) of source returned {len(data)} bytes")
        return data

    async def _next_of_pieces(self, size: int) -> memoryview:
        # An empty piece is not the end.
        while not self._rest and self._pieces is not None:
            try:
                piece = await anext(self._pieces)
            except StopAsyncIteration:
                self._pieces = None
            else:
                self._rest = view_of(piece, "the pieces of source must be bytes")
        data, self._rest = self._rest[:size], self._rest[size:]
        return data


class Readable:
    """An async iterable of pieces that can also be read from."""

    def __init__(self) -> None:
        self._is_busy = False
        # What a call had got before it failed or was cancelled, or got too much of.
        self._taken = bytearray()

    async def _next_piece(self, wanted: int) -> bytes:
        """Return a piece, best of ``wanted`` bytes, and an empty one only at the end."""
        raise NotImplementedError

    def __aiter__(self) -> Self:
        """Iterate over pieces of any length."""
        return self

    async def __anext__(self) -> bytes:
        """Return the next piece."""
        with self._one_task():
            piece = self._take(len(self._taken)) or await self._next_piece(PIECE_LEN)
        if not piece:
            raise StopAsyncIteration
        return piece

    async def read(self, size: int = -1, /) -> bytes:
        """Return ``size`` bytes, or all that are left if it is negative; fewer only at the end.

        After a call that was cancelled, nothing is lost that the source has not lost.
        """
        with self._one_task():
            while size < 0 or len(self._taken) < size:
                wanted = PIECE_LEN if size < 0 else size - len(self._taken)
                piece = await self._next_piece(wanted)
                if not piece:
                    break
                self._taken += piece
            return self._take(len(self._taken) if size < 0 else size)

    def _take(self, size: int) -> bytes:
        with memoryview(self._taken) as taken:
            data = bytes(taken[:size])
        del self._taken[:size]
        return data

    @contextmanager
    def _one_task(self) -> Iterator[None]:
        if self._is_busy:
            raise StateError("in use by another task")
        self._is_busy = True
        try:
            yield
        finally:
            self._is_busy = False


async def give_way(worked_on: int) -> None:
    """Let other tasks have their turn after long work: not every source or target lets them."""
    if worked_on >= PIECE_LEN // 4:
        await asyncio.sleep(0)
