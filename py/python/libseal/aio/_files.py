"""Whole files, all or nothing."""

import asyncio
import errno
import os
import stat
from functools import partial

from .. import _files
from .._arguments import check_path, check_progress
from .._types import Context, Path, Progress, Recipients, Require
from .._types import Unwrapper as SyncUnwrapper
from ._threads import entered_in_thread, in_thread
from ._types import Unwrap
from ._unwrap import Unwrapping


async def seal_file(
    recipients: Recipients,
    src: Path,
    dst: Path,
    *,
    context: Context | None = None,
    overwrite: bool = True,
    progress: Progress | None = None,
    threads: int | None = None,
) -> int:
    """Seal the file ``src`` into the file ``dst`` and return the length of ``dst`` in bytes.

    As ``libseal.seal_file``, in a thread. If the task is cancelled, the work stops soon, and the
    cancellation goes on when everything is cleaned up; ``dst`` is untouched then. Only while the
    complete file is put in the place of ``dst`` it is too late to stop.

    ``src`` must be a regular file. ``progress`` is called on the event loop; its exceptions are
    those of a callback, and stop nothing.
    """
    reporting = _Reporting(src, dst, progress)

    def work() -> int:
        _check_regular(src)
        return _files.seal_file(
            recipients,
            src,
            dst,
            context=context,
            overwrite=overwrite,
            progress=reporting,
            threads=threads,
        )

    return await in_thread(work, reporting.stop)


async def unseal_file(
    src: Path,
    dst: Path,
    unwrap: Unwrap,
    *,
    require: Require | None = None,
    overwrite: bool = True,
    progress: Progress | None = None,
    threads: int | None = None,
) -> int:
    """Unseal the file ``src`` into the file ``dst`` and return the length of ``dst`` in bytes.

    ``dst`` is replaced only when the end of the message has been verified. The unwrapper is awaited
    on the event loop, and the file is worked on in a thread. For ``unwrap`` and ``require`` see
    ``unseal``; for the rest, and for cancellation, see ``seal_file``.
    """
    unwrapping = Unwrapping(unwrap)
    reporting = _Reporting(src, dst, progress)
    await in_thread(partial(_check_regular, src), lambda: None)
    files = _files.unsealing(src, dst, require, reporting, threads, overwrite=overwrite)
    async with entered_in_thread(files) as (reading, write_plaintext):

        async def core(stand_ins: list[SyncUnwrapper]) -> None:
            reading.unwrap_with(stand_ins)

        await unwrapping.run(core)
        return await in_thread(write_plaintext, reporting.stop)


class _Reporting:
    """Hands progress from the thread to the event loop, and stops the thread."""

    def __init__(self, src: Path, dst: Path, progress: Progress | None) -> None:
        check_path("src", src)
        check_path("dst", dst)
        check_progress(progress)
        self._progress = progress
        self._loop = asyncio.get_running_loop()
        self._is_stopped = False

    def stop(self) -> None:
        self._is_stopped = True

    def __call__(self, count: int) -> None:
        if self._is_stopped:
            raise asyncio.CancelledError
        if self._progress is not None:
            self._loop.call_soon_threadsafe(self._progress, count)


def _check_regular(src: Path) -> None:
    """Refuse what may have no data yet: nothing wakes a thread that waits for it."""
    if not stat.S_ISREG(os.stat(src).st_mode):  # noqa: PTH116
        reason = "not a regular file: see UnsealReader and SealReader, for an asyncio.StreamReader"
        raise OSError(errno.EINVAL, reason, os.fspath(src))
