"""Times cases in turn, so that whatever slows the machine down for a while slows all of them.

Each program of the bench, in whatever language, prints a line of JSON for each case; `Record` reads
it.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
LARGE = 64 * MIB
SMALL = [64, KIB, 64 * KIB]
# Of messages that are worked on together.
MANY = [100, 1000]

GROUPS = ["large", "streams", "small", "many", "file", "middle"]

MAX_THREADS = 8
ALL_THREADS = min(len(os.sched_getaffinity(0)), MAX_THREADS)

# A case is repeated for so long in each round, so that the clock does not matter.
ROUND_SECONDS = 0.004
MAX_CALLS = 100_000


@dataclass(frozen=True)
class Case:
    who: str
    """libseal, or what it is compared with."""
    operation: str
    size: int
    call: Callable[[], int]
    """Does it, and returns a count of bytes."""
    provider: str = ""
    """What libseal was built on."""
    threads: int = 1
    messages: int = 1
    """How many a call works on: the time is that of one."""

    def run(self, calls: int = 1) -> tuple[float, int]:
        """The seconds of one message, and the count of bytes."""
        start = time.perf_counter()
        for _ in range(calls):
            count = self.call()
        return (time.perf_counter() - start) / calls / self.messages, count

    def calls_in_a_round(self) -> int:
        # The first call touches the memory; where it takes long anyway, no other is needed.
        first = self.run()[0] * self.messages
        if first > 10 * ROUND_SECONDS:
            return 1
        seconds = self.run()[0] * self.messages
        return max(1, min(MAX_CALLS, int(ROUND_SECONDS / seconds)))


@dataclass
class Record:
    """What came out of a case: in each round, the seconds that one call took."""

    language: str
    who: str
    operation: str
    size: int
    provider: str = ""
    threads: int = 1
    count: int = 0
    """The bytes that a call wrote, or read of the message."""
    seconds: list[float] = field(default_factory=list)
    missing: str = ""
    """Why it could not be measured."""
    program: str = ""
    group: str = ""

    @classmethod
    def from_json(cls, line: str, program: str, group: str) -> "Record":
        fields: dict[str, Any] = json.loads(line)
        return cls(**fields | {"program": program, "group": group})

    @property
    def key(self) -> tuple[str | int, ...]:
        """The same for all records of one case."""
        return (self.program, self.group, self.who, self.operation, self.size, self.threads)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def spread(self) -> float:
        """Half of the rounds are this far apart, as a part of the median."""
        if len(self.seconds) < 4:
            return 0.0
        low, _, high = statistics.quantiles(self.seconds, n=4)
        return (high - low) / self.median

    def summary(self) -> dict[str, float]:
        return {"median": self.median, "spread": self.spread} if self.seconds else {}

    def print(self) -> None:
        print(json.dumps(asdict(self)), flush=True)


def measure(language: str, cases: Sequence[Case], rounds: int) -> None:
    """Prints a record of each case."""
    calls = [case.calls_in_a_round() for case in cases]
    records = [
        Record(language, case.who, case.operation, case.size, case.provider, case.threads)
        for case in cases
    ]
    for _ in range(rounds):
        for case, case_calls, record in zip(cases, calls, records, strict=True):
            seconds, record.count = case.run(case_calls)
            record.seconds.append(seconds)
    for record in records:
        record.print()


def arguments() -> tuple[str, str, int]:
    """The directory of the workload, the group of cases and the number of rounds."""
    if len(sys.argv) != 4:
        sys.exit(f"usage: {sys.argv[0]} WORK GROUP ROUNDS")
    return sys.argv[1], sys.argv[2], int(sys.argv[3])
