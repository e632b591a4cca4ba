"""What the tests of libseal.aio share."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import libseal
from support import unwrapper

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T], *, is_eager: bool = False) -> T:
    """Run to the end, and check that nothing is left and nothing was logged."""
    logged: list[dict[str, Any]] = []

    async def whole() -> T:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: logged.append(context))
        if is_eager:
            loop.set_task_factory(getattr(asyncio, "eager_task_factory"))  # noqa: B009
        result = await main
        assert asyncio.all_tasks() == {asyncio.current_task()}
        gc.collect()
        return result

    result = asyncio.run(whole())
    gc.collect()
    assert not logged
    return result


async def unwrap(wrapped_key: libseal.WrappedKey) -> bytes | None:
    """An asynchronous unwrapper that waits for something."""
    await asyncio.sleep(0)
    return unwrapper()(wrapped_key)


async def in_pieces(data: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        await asyncio.sleep(0)
        yield data[start : start + size]


class AsyncFile:
    """Gives and takes a few bytes at a time, and fails at an offset if there is one."""

    def __init__(
        self, content: bytes = b"", at_once: int = 1000, fails_at: int | None = None
    ) -> None:
        self.content = bytearray(content)
        self.at_once = at_once
        self.fails_at = fails_at
        self.position = 0

    async def read(self, size: int, /) -> bytes:
        await asyncio.sleep(0)
        self._check(self.position)
        size = min(size, self.at_once)
        piece = bytes(self.content[self.position : self.position + size])
        self.position += len(piece)
        return piece

    async def write(self, data: bytes, /) -> int:
        await asyncio.sleep(0)
        self._check(len(self.content))
        taken = data[: self.at_once]
        self.content += taken
        return len(taken)

    def _check(self, offset: int) -> None:
        if self.fails_at is not None and offset >= self.fails_at:
            raise OSError(5, "broken")


class CancelAt:
    """Awaits a coroutine, and cancels the task the n-th time that it has to wait."""

    def __init__(self, coroutine: Coroutine[Any, Any, T], number: int) -> None:
        self.coroutine = coroutine
        self.number = number
        self.count = 0

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self.coroutine.__await__()
        advance: Callable[[], Any] = lambda: steps.send(None)  # noqa: E731
        while True:
            try:
                waited_for = advance()
            except StopIteration as end:
                return end.value
            self.count += 1
            if self.count == self.number:
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            try:
                yield waited_for
            except BaseException as error:  # noqa: BLE001
                raised = error
                advance = lambda: steps.throw(raised)  # noqa: E731, B023
            else:
                advance = lambda: steps.send(None)  # noqa: E731


def cancel_everywhere(attempt: Callable[[], Coroutine[Any, Any, Any]]) -> Iterator[bool]:
    """Run ``attempt`` anew and cancel it at its first wait, its second and so on, and not at all.

    Yields after each run whether the cancellation came out of it.
    """
    number = 0
    while True:
        number += 1
        cancelled = CancelAt(attempt(), number)

        async def wait(cancelled: CancelAt = cancelled) -> bool:
            task = asyncio.create_task(_awaited(cancelled))
            await asyncio.wait([task])
            if task.cancelled():
                return True
            task.result()
            return False

        was_cancelled = run(wait())
        assert was_cancelled == (cancelled.count >= number)
        yield was_cancelled
        if cancelled.count < number:
            assert number > 1
            return


async def _awaited(cancelled: CancelAt) -> Any:
    return await cancelled


@asynccontextmanager
async def connection() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """The reading end and the writing end of a connection over loopback."""
    accepted: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
    accepted = asyncio.get_running_loop().create_future()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.set_result((reader, writer))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    _, client = await asyncio.open_connection(*server.sockets[0].getsockname())
    reader, other = await accepted
    try:
        yield reader, client
    finally:
        for writer in (client, other):
            # Not close(), which waits until the other side has read everything.
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()
        server.close()
        await server.wait_closed()
