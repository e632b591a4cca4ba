"""``AsyncKmsUnwrapper``, for asynchronous clients."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from .._errors import KeyUnwrapError
from .._libseal import PublicKey, WrappedKey
from ._calls import Call, OnCall, Shared, Steps
from ._clients import ASYNC, AsyncKmsClients
from ._unwrapping import Here, Unwrapping

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Task

__all__ = ["AsyncKmsUnwrapper"]

T = TypeVar("T")


class AsyncKmsUnwrapper(Unwrapping):
    """Unwraps data keys as KmsUnwrapper does, with an asynchronous client: ``await unwrap(key)``.

    ``client`` is a client of aiobotocore that has been entered with ``async with``, or an object
    with the same asynchronous methods ``decrypt`` and ``get_public_key``. Or it is a function that
    returns one, asynchronous or not, which is called once in each event loop, because such clients
    belong to one loop. What it returns has to be closed by the caller, with a
    ``contextlib.AsyncExitStack`` for example. For several regions, give a sequence of them.

    All other arguments, and what is said about rotation, strangers and failures, are the same as
    for KmsUnwrapper. Tasks that need the same lookup share it, and it goes on if one of them is
    cancelled; it is cancelled with the last one.
    """

    _kind = ASYNC

    def __init__(
        self,
        client: AsyncKmsClients,
        keys: str | Iterable[str] | Mapping[str, PublicKey | bytes],
        *,
        grant_tokens: Iterable[str] = (),
        on_call: OnCall | None = None,
    ) -> None:
        super().__init__(client, keys, grant_tokens, on_call)

    async def __call__(self, wrapped_key: WrappedKey) -> bytes | None:
        """Return the data key, or None if it is wrapped for none of the keys."""
        return await self._run(self._unwrapping(wrapped_key))

    async def check(self) -> dict[str, KeyUnwrapError | None]:
        """Try out whether each of ``keys`` could unseal now: see KmsUnwrapper.check."""
        return await self._run(self._checking())

    async def _run(self, steps: Steps[T]) -> T:
        try:
            step = next(steps)
            while True:
                try:
                    answer = await self._take(step)
                except BaseException as error:  # cancellation included
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result

    async def _take(self, step: Call | Shared) -> Any:
        if isinstance(step, Call):
            answer = step.function(**step.arguments)
            return await answer if hasattr(answer, "__await__") else answer
        import asyncio  # noqa: PLC0415 (importing it takes 50 ms)

        flights = self._here().flights
        flight = flights.get(step.key)
        if flight is None:
            flight = flights[step.key] = _Flight(asyncio.create_task(self._run(step.steps())))
            # Registered first, so it is gone before those that wait go on.
            flight.task.add_done_callback(partial(_forget, flights, step.key, flight))
        flight.waiting += 1
        try:
            await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                # Not to be joined any more, although it takes a while to end.
                _forget(flights, step.key, flight)
                flight.task.cancel()
        return None

    def _here(self) -> Here:
        import asyncio  # noqa: PLC0415

        loop = asyncio.get_running_loop()
        if loop not in self._loops:
            # Clients hold on to their loop, and this to the clients. The list is made at once, as
            # the loops of other threads come and go.
            for old in [old for old in list(self._loops) if old.is_closed()]:
                self._loops.pop(old, None)
            self._loops[loop] = Here()
        return self._loops[loop]

    def _start_anew(self) -> None:
        self._loops: dict[AbstractEventLoop, Here] = {}


class _Flight:
    """What one task does for all that wait for it."""

    def __init__(self, task: "Task[None]") -> None:
        self.task = task
        self.waiting = 0


def _forget(flights: dict[object, _Flight], key: object, flight: _Flight, _: object = None) -> None:
    """Remove the flight, unless another one has its place by now."""
    if flights.get(key) is flight:
        del flights[key]
