"""Work on many things at once, with the results in order and not too far ahead."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")
R = TypeVar("R")

# Results that no one has taken yet: for each thread a few, so that none waits for the slowest.
PER_THREAD = 4
# Of them, bytes in memory, and one result more.
MOST_BYTES = 64 * 1024 * 1024


def ahead(
    items: Iterable[T], work: Callable[[T], R], length: Callable[[T], int], concurrency: int
) -> Generator[tuple[T, Future[R]]]:
    """Each of ``items`` with what ``work`` returns for it, in their order.

    ``length`` says how many bytes that will be. When the iterator is closed, what has not begun is
    left out.
    """
    pool = _Pool(concurrency)
    waiting: deque[tuple[T, Future[R], int]] = deque()
    total = 0
    try:
        for item in items:
            size = length(item)
            while waiting and (
                len(waiting) >= PER_THREAD * concurrency or total + size > MOST_BYTES
            ):
                first, result, its_size = waiting.popleft()
                total -= its_size
                yield first, result
            waiting.append((item, pool.begin(work, item), size))
            total += size
        while waiting:
            first, result, _ = waiting.popleft()
            yield first, result
    finally:
        # Ctrl-C does not wait for the store.
        pool.close()


_Task: TypeAlias = tuple["Future[Any]", Callable[[Any], Any], Any]


class _Pool:
    """Threads that no one waits for, also when the process ends.

    A process with those of ``concurrent.futures`` does not end before a store that stalls answers.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._count = 0
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()

    def begin(self, work: Callable[[T], R], item: T) -> "Future[R]":
        """Have ``work(item)`` done."""
        result: Future[R] = Future()
        self._tasks.put((result, work, item))
        if self._count < self._most:
            self._count += 1
            Thread(target=self._run, name="libseal-batch", daemon=True).start()
        return result

    def close(self) -> None:
        """End the threads, and leave out what has not begun."""
        try:
            while True:
                self._tasks.get_nowait()
        except Empty:
            pass
        for _ in range(self._count):
            self._tasks.put(None)

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            _do(task)
            # What it returned is not to be kept until the next comes.
            del task


def _do(task: _Task) -> None:
    result, work, item = task
    try:
        done = work(item)
    except BaseException as error:  # It is raised where the result is taken.
        result.set_exception(error)
    else:
        result.set_result(done)


def check_concurrency(concurrency: object) -> None:
    """Refuse what is no number of threads."""
    if not isinstance(concurrency, int) or isinstance(concurrency, bool):
        raise TypeError(f"concurrency must be an int, not {type(concurrency).__name__}")
    if concurrency < 1:
        raise ValueError("concurrency must be at least 1")
