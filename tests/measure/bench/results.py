"""What was measured, and how to ask for it."""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from .measure import Record

Key = tuple[str | int, ...]


class NotMeasuredError(LookupError):
    """There is no such case, or it is missing."""


@dataclass(frozen=True)
class Which:
    """Names one case; what is empty does not matter."""

    operation: str
    size: int = 0
    language: str = ""
    who: str = "libseal"
    provider: str = ""
    threads: int = 1
    group: str = ""

    def fits(self, record: Record) -> bool:
        return (
            record.operation == self.operation
            and record.who == self.who
            and record.threads == self.threads
            and self.size in (0, record.size)
            and self.language in ("", record.language)
            and self.provider in ("", record.provider)
            and self.group in ("", record.group)
        )


class Results:
    """The records of all passes; those of one case are one."""

    def __init__(self) -> None:
        self.records: dict[Key, Record] = {}

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records.values())

    def add(self, record: Record) -> None:
        known = self.records.setdefault(record.key, record)
        if known is not record:
            known.seconds += record.seconds

    def count(self, group: str) -> int:
        return sum(record.group == group for record in self)

    def missing(self) -> dict[str, str]:
        """Who could not be measured, and why."""
        return {record.who: record.missing for record in self if record.missing}

    def measured(self, group: str) -> list[Record]:
        return [record for record in self if record.group == group and record.seconds]

    def find(self, which: Which) -> Record:
        for record in self:
            if which.fits(record) and record.seconds:
                return record
        raise NotMeasuredError(f"{which.who}: {which.operation} was not measured")

    def seconds(self, which: Which) -> float:
        return self.find(which).median

    def noise(self) -> float:
        """How far apart the rounds of a case are, as a part of their median; of a usual case."""
        return statistics.median(record.spread for record in self if record.seconds)

    def own_memcpy(self, record: Record) -> float:
        """The seconds of memcpy in the process of a record, or else in that of Python."""
        memcpy = [other for other in self.measured("large") if other.who == "memcpy"]
        own = [other for other in memcpy if other.program == record.program]
        return (own or memcpy)[-1].median

    def cp(self, _: Record) -> float:
        return self.seconds(Which("copy a file", who="cp"))
