"""Work in threads that outlives no cancellation."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager
from functools import partial
from threading import Lock
from typing import Any, TypeVar

_T = TypeVar("_T")
_F = TypeVar("_F", bound="asyncio.Future[Any]")


async def in_thread(work: Callable[[], _T], stop: Callable[[], None] | None = None) -> _T:
    """Do ``work`` in a thread.

    If the task is cancelled meanwhile, ``stop`` is called, and the cancellation goes on when the
    work has ended. Work that has to be done, because it cleans up, has no ``stop``.
    """
    claim = Lock()

    def claimed_work() -> _T:
        if not claim.acquire(blocking=False):
            raise RuntimeError("cancelled before it began")
        return work()

    thread = asyncio.get_running_loop().run_in_executor(None, claimed_work)
    try:
        await asyncio.wait([thread])
    except asyncio.CancelledError:
        if stop is not None:
            stop()
        # All threads may be busy for long with other work.
        if stop is None or not claim.acquire(blocking=False):
            await outlast(thread, lambda: None)
        else:
            thread.add_done_callback(_look_at)
        raise
    return thread.result()


async def outlast(future: _F, cancelled_again: Callable[[], object]) -> None:
    """Wait until ``future`` is done, however often this task is cancelled."""
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError:
            cancelled_again()
    _look_at(future)


def _look_at(future: "asyncio.Future[Any]") -> None:
    """Take note of the exception, or else asyncio logs that no one has."""
    if not future.cancelled():
        future.exception()


@asynccontextmanager
async def entered_in_thread(manager: AbstractContextManager[_T]) -> AsyncIterator[_T]:
    """Enter ``manager`` in a thread, and leave it in one, even if the task is cancelled."""
    files = ExitStack()
    try:
        yield await in_thread(partial(files.enter_context, manager), stop=lambda: None)
    except BaseException as error:
        await in_thread(partial(files.__exit__, type(error), error, error.__traceback__))
        raise
    await in_thread(files.close)
