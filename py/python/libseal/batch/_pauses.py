"""How long to wait before something is tried again."""

import random
from collections.abc import Iterator

# In seconds. A KmsUnwrapper repeats for five seconds that a name could not be looked up, so the
# pauses of all tries have to be longer than that together.
FIRST = 0.2
LONGEST = 20.0


def pauses(tries: int) -> Iterator[float | None]:
    """For each of ``tries``, how many seconds to wait after it; None after the last.

    Each is random, up to a bound that doubles: those who failed together do not come back together.
    """
    for number in range(tries - 1):
        yield random.uniform(0, min(LONGEST, FIRST * 2**number))  # noqa: S311 (no secret)
    yield None
