"""One call for each data key that several tasks want from a cache at the same time."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any
from weakref import WeakValueDictionary

from .._errors import SealError, copy_error
from .._libseal import CachingUnwrapper, WrappedKey
from ._threads import outlast


async def fetch(
    cache: CachingUnwrapper,
    wrapped_key: WrappedKey,
    call: Callable[[], Coroutine[Any, Any, bytes | None]],
) -> bytes | None:
    """Return the data key that ``cache`` has, or else what ``call``, which fills it, returns.

    Whoever comes while a call is under way waits for that, whatever it returns or raises. It is a
    task of its own, so that one who is cancelled does not take it away from the others; only with
    the last one it ends.
    """
    data_key = cache._get(wrapped_key)  # noqa: SLF001
    if data_key is not None:
        return data_key
    loop = asyncio.get_running_loop()
    name = (id(loop), id(cache), wrapped_key)
    flight = _flights.get(name)
    if flight is None or flight.task.done():
        flight = _flights[name] = _Flight(cache, loop.create_task(call()))
    else:
        flight.is_shared = True
    flight.waiters += 1
    try:
        await asyncio.wait([flight.task])
    except asyncio.CancelledError:
        if flight.waiters == 1:
            # Who comes now is not to be cancelled too.
            flight.leave(name)
            flight.task.cancel()
            await outlast(flight.task, flight.task.cancel)
        raise
    finally:
        flight.waiters -= 1
        if flight.task.done():
            flight.leave(name)
    return flight.result()


_Name = tuple[int, int, WrappedKey]


class _Flight:
    """A call under way. The tasks that wait for it keep it alive, and nothing else."""

    def __init__(self, cache: CachingUnwrapper, task: "asyncio.Task[bytes | None]") -> None:
        # They live as long as this, so that no others get their ids.
        self._cache = cache
        self.task = task
        self.waiters = 0
        self.is_shared = False

    def leave(self, name: _Name) -> None:
        if _flights.get(name) is self:
            del _flights[name]

    def result(self) -> bytes | None:
        try:
            return self.task.result()
        except SealError as error:
            if not self.is_shared:
                raise
            own = copy_error(error)
        raise own


_flights: WeakValueDictionary[_Name, _Flight] = WeakValueDictionary()
