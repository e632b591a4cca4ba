"""Work on many things at once, with the results in order and not too far ahead."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

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
    pool = ThreadPoolExecutor(concurrency, "libseal-batch")
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
            waiting.append((item, pool.submit(work, item), size))
            total += size
        while waiting:
            first, result, _ = waiting.popleft()
            yield first, result
    finally:
        # Ctrl-C does not wait for the store.
        pool.shutdown(wait=False, cancel_futures=True)


def check_concurrency(concurrency: object) -> None:
    """Refuse what is no number of threads."""
    if not isinstance(concurrency, int) or isinstance(concurrency, bool):
        raise TypeError(f"concurrency must be an int, not {type(concurrency).__name__}")
    if concurrency < 1:
        raise ValueError("concurrency must be at least 1")
