"""One call of the KMS for each data key of a plan: several at once, within a rate, with retries."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import NamedTuple

from .._arguments import check_progress
from .._errors import SealError
from .._libseal import DataKeys, Header, JobKey, check_unwrap
from .._types import Progress, Unwrap
from ._ahead import check_concurrency
from ._failures import OnError, Refused, check_on_error, noted
from ._pauses import pauses

# How often a key is asked for whose failure is retryable.
TRIES = 7


class Unwrapped(NamedTuple):
    """What ``Plan.unwrap`` returns."""

    keys: DataKeys
    """The data keys, as an unwrapper."""

    refused: list[Refused]
    """Those that could not be unwrapped, in the order of the plan's headers."""


def unwrap(
    headers: Sequence[Header],
    names_of: Callable[[Iterable[Header]], dict[Header, tuple[str, ...]]],
    unwrapper: Unwrap,
    *,
    rate: float | None,
    concurrency: int,
    job_key: JobKey | None,
    on_error: OnError,
    progress: Progress | None,
) -> Unwrapped:
    """See Plan.unwrap. ``names_of`` tells which files have the headers."""
    check_unwrap(unwrapper)
    check_concurrency(concurrency)
    check_on_error(on_error)
    check_progress(progress)
    if rate is not None and not rate > 0:
        raise ValueError("rate must be more than 0 headers per second, or None")

    asking = _Asking(unwrapper, rate)
    keys = DataKeys()
    errors: dict[int, Exception] = {}
    pool = ThreadPoolExecutor(concurrency, "libseal-unwrap")
    calls: dict[Future[DataKeys], int] = {}
    try:
        for number, header in enumerate(headers):
            calls[pool.submit(asking, header)] = number
        for call in as_completed(calls):
            try:
                keys.extend(call.result())
            except Exception as error:
                header = headers[calls[call]]
                if on_error == "raise":
                    raise _noted(error, names_of([header])[header]) from error.__cause__
                errors[calls[call]] = error
            if progress is not None:
                progress(1)
    finally:
        # Neither Ctrl-C nor a failure waits for the KMS, and it is asked no more. A process does
        # wait when it ends: a thread that comes back from an unwrapper later would abort it.
        asking.is_over.set()
        pool.shutdown(wait=False, cancel_futures=True)
    if job_key is not None:
        keys = keys.bound_to(job_key)
    failed = [headers[number] for number in sorted(errors)]
    names = names_of(failed) if failed else {}
    refused = [
        Refused(header, names[header], _noted(errors[number], names[header]))
        for number, header in zip(sorted(errors), failed, strict=True)
    ]
    return Unwrapped(keys, refused)


def _noted(error: Exception, names: tuple[str, ...]) -> Exception:
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return noted(error, names[0] + more)


class _Asking:
    """Asks about one header after the other, from several threads."""

    def __init__(self, unwrapper: Unwrap, rate: float | None) -> None:
        self.is_over = threading.Event()
        self._unwrapper = unwrapper
        self._interval = 1 / rate if rate is not None else 0.0
        self._next = 0.0
        self._lock = threading.Lock()
        self._is_down = False
        """Whether the KMS did not answer for all tries, and has not answered since."""

    def __call__(self, header: Header) -> DataKeys:
        for pause in pauses(TRIES):
            self._wait_for_turn()
            key = DataKeys()
            try:
                key.unwrap(header, self._unwrapper)
            except SealError as error:
                if not error.retryable:
                    raise
                if pause is None or self._is_down:
                    self._is_down = True
                    raise
                self.is_over.wait(pause)
            else:
                self._is_down = False
                return key
        raise AssertionError("the last try returns or raises")

    def _wait_for_turn(self) -> None:
        with self._lock:
            turn = max(self._next, time.monotonic())
            self._next = turn + self._interval
        self.is_over.wait(max(0.0, turn - time.monotonic()))
        if self.is_over.is_set():
            raise InterruptedError("no more keys are asked for")
