"""The file system below, asynchronous or not, called in one way.

Everything here is written once, as coroutines. Over a synchronous file system they never wait, so
they run to their end in the thread that calls, without an event loop.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

from fsspec.asyn import _run_coros_in_chunks
from fsspec.implementations.cached import CachingFileSystem
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.spec import AbstractFileSystem

T = TypeVar("T")


def is_async(fs: AbstractFileSystem) -> bool:
    """Whether a file system has asynchronous methods that work."""
    # It has them in any case, and passes them on to a file system that need not.
    while isinstance(fs, DirFileSystem):
        fs = fs.fs
    # Over an asynchronous one, its asynchronous methods are a mixture that does not work together.
    return bool(fs.async_impl) and not isinstance(fs, CachingFileSystem)


class Inner:
    """Calls a file system of fsspec."""

    def __init__(self, fs: AbstractFileSystem, batch_size: int | None) -> None:
        self.fs = fs
        self.is_async = is_async(fs)
        self._batch_size = batch_size

    async def call(self, name: str, *args: Any, **options: Any) -> Any:
        """Call a method by its synchronous name."""
        if self.is_async:
            return await getattr(self.fs, f"_{name}")(*args, **options)
        return getattr(self.fs, name)(*args, **options)

    async def work(self, function: Callable[..., T], *args: Any) -> T:
        """Call what takes its time, and may call a KMS: not in the thread of the event loop."""
        if self.is_async:
            return await asyncio.to_thread(function, *args)
        return function(*args)

    async def gather(self, each: Iterable[Coroutine[Any, Any, T]]) -> list[T | Exception]:
        """Await each of them, at the same time where that is possible."""
        if self.is_async:
            gathered: list[T | Exception] = await _run_coros_in_chunks(
                [*each], batch_size=self._batch_size, nofiles=True, return_exceptions=True
            )
            return gathered
        results: list[T | Exception] = []
        for coroutine in each:
            try:
                results.append(await coroutine)
            except Exception as error:
                results.append(error)
        return results


def run_to_end(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    coroutine.close()
    raise RuntimeError("a synchronous file system has waited for something")
