"""Unsealing in one call."""

from .. import _libseal
from .._types import Buffer, Require
from .._types import Unwrapper as SyncUnwrapper
from ._threads import in_thread
from ._types import Unwrap
from ._unwrap import Unwrapping

# The work on fewer bytes takes less time than handing it to a thread.
LONG = 1024 * 1024


async def unseal(message: Buffer, unwrap: Unwrap, *, require: Require | None = None) -> bytes:
    """Unseal ``message``, a bytes-like object, and return the plaintext.

    ``unwrap`` may be an async function, an object with an async method ``unwrap_keys``, any
    synchronous unwrapper, which is called in a thread, or a sequence of them. If the task is
    cancelled, a synchronous unwrapper ends its call in the background, and the answer is dropped.

    Messages of 1 MiB or more are unsealed in a thread, so that the event loop is not blocked. Do
    not modify ``message`` before this is done.

    For the rest, and for what is raised, see ``libseal.unseal``.
    """
    unwrapping = Unwrapping(unwrap)

    async def core(stand_ins: list[SyncUnwrapper]) -> bytes:
        def work() -> bytes:
            return _libseal.unseal(message, stand_ins, require, 1)

        if unwrapping.has_answer and memoryview(message).nbytes >= LONG:
            return await in_thread(work, stop=lambda: None)
        return work()

    return await unwrapping.run(core)
