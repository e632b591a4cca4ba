"""SealWriter: seals what is written to it, and writes the message to an asynchronous target."""

import errno
import inspect
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from .._arguments import check_count
from .._errors import StateError
from .._libseal import Writing
from .._types import Buffer, Context, Recipients
from ._arguments import check_target, not_asynchronous, view_of
from ._source import give_way
from ._types import Target

# Why a message cannot go on.
_NOT_BEGUN = "not begun"
_FAILED = "a call failed or was cancelled before, so the message cannot go on"
_FINISHED = "the message is finished"
_GIVEN_UP = "the message was given up before"


class SealWriter:
    """Seals what is written to it and writes the message to an asynchronous target.

    ::

        async with aio.SealWriter(target, key, context={"device": "42"}) as writer:
            await writer.write(b"21.5 C")

    ``target`` is an asyncio.StreamWriter, or another object with an async method ``write``. It
    stays open.

    Only two things end the message: leaving the ``async with`` block normally, or ``finish``.
    Whatever else happens, the message is unfinished, and every reader refuses it as truncated: an
    exception or a cancellation leaves the block, ``abort`` is called, or the object is forgotten,
    of which a RuntimeWarning tells. If a call has failed or was cancelled, the message can neither
    go on nor be ended: StateError is raised from then on.

    Small writes are gathered into pieces of 256 KiB. Only one task at a time may write. The message
    cannot go on in a forked child.

    For ``recipients``, ``context`` and what is raised see ``libseal.seal``.
    """

    # Until __init__ is done.
    _obstacle: str | None = _NOT_BEGUN

    def __init__(
        self, target: Target, recipients: Recipients, *, context: Context | None = None
    ) -> None:
        check_target(target)
        self._target: Any = target
        self._writing = Writing(recipients, context=context)
        self._is_busy = False
        self._process = os.getpid()
        self._obstacle = None

    async def write(self, data: Buffer, /) -> int:
        """Write ``data``, a bytes-like object, and return its length.

        Do not modify ``data`` before this is done.
        """
        rest = view_of(data, "data must be bytes-like")
        length = len(rest)
        with self._going_on():
            while rest:
                await self._hand_on()
                count = self._writing.write(rest)
                rest = rest[count:]
                await self._hand_on()
                await give_way(count)
        return length

    async def flush(self) -> None:
        """Seal everything written so far, and hand it over.

        A reader can use it only as far as it fills chunks of 16 KiB.
        """
        with self._going_on():
            await self._hand_on()
            self._writing.flush()
            await self._hand_on()

    async def finish(self) -> None:
        """End the message. A second time, do nothing.

        Raises StateError if the message was given up, or a call has failed before. If this call is
        cancelled, the message may be complete or not.
        """
        if self._obstacle == _FINISHED:
            return
        with self._going_on():
            await self._hand_on()
            self._writing.finish()
            await self._hand_on()
        self._obstacle = _FINISHED

    def abort(self) -> None:
        """Give the message up, unless it is finished: every reader will refuse it as truncated."""
        if self._obstacle != _FINISHED:
            self._obstacle = _GIVEN_UP

    async def _hand_on(self) -> None:
        """Write everything that is sealed to the target."""
        rest: bytes | memoryview = self._writing.sealed()
        while rest:
            count = await self._write_to_target(rest)
            self._writing.advance(count)
            rest = memoryview(rest)[count:]

    async def _write_to_target(self, sealed: bytes | memoryview) -> int:
        written = self._target.write(sealed)
        drain = getattr(self._target, "drain", None)
        if inspect.isawaitable(written):
            written = await written
        elif drain is None:
            raise not_asynchronous("write", "target", written)
        if drain is not None:
            await drain()
            return len(sealed)
        if written is None:
            return len(sealed)
        check_count("write", written, "target")
        if not 0 < written <= len(sealed):
            raise OSError(errno.EIO, f"write() of {len(sealed)} bytes to target returned {written}")
        return int(written)

    @contextmanager
    def _going_on(self) -> Iterator[None]:
        if self._is_busy:
            raise StateError("in use by another task")
        if self._obstacle is not None:
            raise StateError(self._obstacle)
        # Unless all goes well.
        self._is_busy, self._obstacle = True, _FAILED
        try:
            yield
        finally:
            self._is_busy = False
        if self._obstacle == _FAILED:
            self._obstacle = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exc_type is None and self._obstacle != _GIVEN_UP:
            await self.finish()
        else:
            self.abort()

    def __del__(self) -> None:
        """Warn of a message that is lost."""
        if self._obstacle is None and self._process == os.getpid():
            message = f"{self!r}: forgotten without finish(): the message is truncated"
            warnings.warn(message, RuntimeWarning, stacklevel=2, source=self)
