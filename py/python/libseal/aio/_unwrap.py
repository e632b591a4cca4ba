"""Asking asynchronous unwrappers by the rules that the core has for synchronous ones."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from functools import partial
from types import TracebackType
from typing import Any, NamedTuple, TypeVar

from .._libseal import WrappedKey, each_unwrapper, unwrap_keys
from .._types import Unwrapper as SyncUnwrapper
from ._flights import fetch
from ._types import Unwrap, Unwrapper

_T = TypeVar("_T")


class Unwrapping:
    """One attempt to unwrap a data key.

    The core decides everything: whom to ask about what, when to stop, and what the error is. It
    asks synchronously, so what it asks are stand-ins. They answer what the unwrappers have answered
    before. At the first question that is new they leave the core, the unwrapper is awaited, and the
    core begins anew: until then, it has only read the header.
    """

    def __init__(self, unwrap: Unwrap) -> None:
        self._answers: list[_Answer] = []
        # How many of them the core has had this time.
        self._had = 0
        self._stand_ins = [_stand_in(self, *unwrapper) for unwrapper in each_unwrapper(unwrap)]

    async def run(self, core: Callable[[list[SyncUnwrapper]], Awaitable[_T]]) -> _T:
        """Run ``core`` with the stand-ins until it has had all the answers that it needs."""
        try:
            while True:
                self._had = 0
                try:
                    return await core(self._stand_ins)
                except _NewQuestionError as new:
                    ask = new.ask
                self._answers.append(await ask())
        finally:
            # Tracebacks of exceptions among them lead back here.
            self._answers.clear()

    @property
    def has_answer(self) -> bool:
        """Whether the last answer was more than "not mine" or an exception."""
        return bool(self._answers) and self._answers[-1].value is not None

    def answer(self, ask: "Callable[[], Awaitable[_Answer]]") -> Any:
        if self._had == len(self._answers):
            raise _NewQuestionError(ask)
        answer = self._answers[self._had]
        self._had += 1
        if answer.error is not None:
            raise answer.error.with_traceback(answer.traceback)
        return answer.value


class _NewQuestionError(BaseException):
    """Passes through the core, like everything that is no Exception."""

    def __init__(self, ask: "Callable[[], Awaitable[_Answer]]") -> None:
        super().__init__()
        self.ask = ask


class _Answer(NamedTuple):
    value: Any
    error: Exception | None = None
    traceback: TracebackType | None = None


class _StandIn:
    def __init__(self, unwrapping: Unwrapping, unwrapper: Unwrapper, is_async: bool) -> None:
        self._unwrapping = unwrapping
        self._unwrapper: Any = unwrapper
        self._is_async = is_async

    def fingerprints(self) -> Any:
        if not hasattr(type(self._unwrapper), "fingerprints"):
            return []
        return self._unwrapper.fingerprints()

    def _answer(self, call: Callable[[Any], Any], question: object) -> Any:
        return self._unwrapping.answer(partial(_ask, call, question, self._is_async))


class _OfEachKey(_StandIn):
    """For a callable, which is asked about one recipient at a time."""

    def __call__(self, wrapped_key: WrappedKey) -> Any:
        return self._answer(self._unwrapper, wrapped_key)


class _OfAllKeys(_StandIn):
    """For an object that is asked once about all recipients."""

    def unwrap_keys(self, wrapped_keys: tuple[WrappedKey, ...]) -> Any:
        return self._answer(self._unwrapper.unwrap_keys, wrapped_keys)


class _OfCache(_StandIn):
    """For a CachingUnwrapper, which has all data keys at hand before it asks for any."""

    def unwrap_keys(self, wrapped_keys: tuple[WrappedKey, ...]) -> Any:
        return self._answer(partial(_ask_cache, self._unwrapper), wrapped_keys)


def _stand_in(unwrapping: Unwrapping, unwrapper: Unwrapper, is_async: bool) -> SyncUnwrapper:
    if _is_cache(unwrapper):
        return _OfCache(unwrapping, unwrapper, is_async=True)
    kind = _OfAllKeys if hasattr(type(unwrapper), "unwrap_keys") else _OfEachKey
    return kind(unwrapping, unwrapper, is_async)


async def _ask(call: Callable[[Any], Any], question: object, is_async: bool) -> _Answer:
    """Ask an unwrapper. What is no Exception, such as a cancellation, is no answer, and passes."""
    try:
        if is_async:
            return _Answer(await call(question))
        thread = _Thread(call, question)
        try:
            answer = await asyncio.to_thread(thread.run)
        except BaseException:
            thread.drop()
            raise
        # A function can call an async one, and return what is to be awaited.
        if inspect.isawaitable(answer.value):
            return _Answer(await answer.value)
    except Exception as error:
        return _Answer(None, error, error.__traceback__)
    return answer


class _Thread:
    """A synchronous call, which goes on when no one waits for it any more."""

    def __init__(self, call: Callable[[Any], Any], question: object) -> None:
        self._call = call
        self._question = question
        self._answer = _Answer(None)
        self._is_dropped = False

    def run(self) -> _Answer:
        try:
            self._answer = _Answer(self._call(self._question))
        except Exception as error:
            # Not every exception can leave a thread: StopIteration cannot.
            self._answer = _Answer(None, error, error.__traceback__)
        if self._is_dropped:
            self.drop()
        return self._answer

    def drop(self) -> None:
        self._is_dropped = True
        if inspect.iscoroutine(self._answer.value):
            self._answer.value.close()  # Or else Python warns that no one has awaited it.


def _is_cache(unwrapper: Any) -> bool:
    return hasattr(type(unwrapper), "_put")


async def _ask_cache(cache: Any, wrapped_keys: tuple[WrappedKey, ...]) -> bytes | None:
    for wrapped_key in wrapped_keys:
        if (data_key := cache._get(wrapped_key)) is not None:  # noqa: SLF001
            return data_key  # type: ignore[no-any-return]

    async def unwrap(wrapped_key: WrappedKey) -> bytes | None:
        return await fetch(cache, wrapped_key, partial(_fill_cache, cache, wrapped_key))

    async def core(stand_ins: list[SyncUnwrapper]) -> bytes | None:
        return unwrap_keys(wrapped_keys, stand_ins)

    return await Unwrapping(unwrap).run(core)


async def _fill_cache(cache: Any, wrapped_key: WrappedKey) -> bytes | None:
    """Ask the unwrapper of a cache about one key, and keep the data key."""
    if not any(is_async or _is_cache(inner) for inner, is_async in each_unwrapper(cache.unwrap)):
        return await asyncio.to_thread(cache, wrapped_key)

    async def core(stand_ins: list[SyncUnwrapper]) -> bytes | None:
        return unwrap_keys([wrapped_key], stand_ins)

    data_key = await Unwrapping(cache.unwrap).run(core)
    if data_key is not None:
        cache._put(wrapped_key, data_key)  # noqa: SLF001
    return data_key
