"""What libseal is to reach: ratios of figures from one run, so that they hold on other machines."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from .measure import ALL_THREADS, KIB, LARGE, MANY, MIB
from .results import NotMeasuredError, Results, Which

# What one chunk takes in a message: the last one is read to see that nothing is missing.
SEALED_CHUNK = 16 * KIB + 16

RUST = Which("", LARGE, "Rust", provider="aws-lc")
PORTABLE = replace(RUST, provider="portable")
PYTHON = Which("", LARGE, "Python", provider="aws-lc")
SDK = Which("", LARGE, "Python", who="AWS Encryption SDK")
PYCA = Which("", LARGE, "Python", who="pyca Cobblestone-256")
WRAP = Which("wrap", language="Rust", who="aws-lc-rs", provider="aws-lc")

DIRECTIONS = {"seal": "seal_into", "unseal": "unseal_into"}
STREAMS = {
    "writing to memory": "SealWriter",
    "reading from memory": "UnsealReader",
    "writing to a file": "SealWriter to a file",
    "reading from a file": "UnsealReader of a file",
}


@dataclass(frozen=True)
class Goal:
    number: int
    text: str
    bound: float
    at_least: bool
    ratio: float | None
    """None if a part of it was not measured."""
    note: str = ""

    @property
    def verdict(self) -> str:
        if self.ratio is None:
            return "not measured"
        is_reached = self.ratio >= self.bound if self.at_least else self.ratio <= self.bound
        return "reached" if is_reached else "not reached"

    @property
    def wanted(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.bound:g}"


class Evaluation:
    def __init__(self, results: Results) -> None:
        self.results = results

    def goal(
        self,
        number: int,
        text: str,
        bound: float,
        ratio: Callable[[], float],
        at_least: bool = True,
        note: str = "",
    ) -> Goal:
        try:
            return Goal(number, text, bound, at_least, ratio(), note)
        except NotMeasuredError as error:
            return Goal(number, text, bound, at_least, None, str(error))

    def faster(self, number: int, text: str, bound: float, case: Which, other: Which) -> Goal:
        """The speed of a case, in speeds of another."""
        return self.goal(number, text, bound, lambda: self.time(other) / self.time(case))

    def slower(self, number: int, text: str, bound: float, case: Which, other: Which) -> Goal:
        """The time of a case, in times of another."""
        return self.goal(number, text, bound, lambda: self.time(case) / self.time(other), False)

    def time(self, which: Which) -> float:
        return self.results.seconds(which)

    def to_memcpy(self, case: Which) -> float:
        """The time of a case, in those of memcpy in the same process."""
        record = self.results.find(case)
        return record.median / self.results.own_memcpy(record)

    def all(self) -> Iterator[Goal]:
        for parts in [
            self.large_rust,
            self.large_python,
            self.threads,
            self.returning,
            self.small,
            self.key_in_use,
            self.files,
            self.middle,
            self.portable,
            self.pieces,
            self.many,
        ]:
            yield from parts()

    def large_rust(self) -> Iterator[Goal]:
        for name, operation in DIRECTIONS.items():
            case = replace(RUST, operation=operation)
            memcpy = replace(RUST, operation="copy", who="memcpy")
            bare = replace(case, who="aws-lc-rs on 16 KiB pieces")
            yield self.faster(1, f"Rust, {name} 64 MiB, of memcpy", 0.55, case, memcpy)
            yield self.faster(1, f"Rust, {name} 64 MiB, of copy and aws-lc-rs", 0.9, case, bare)

    def large_python(self) -> Iterator[Goal]:
        for name, operation in DIRECTIONS.items():
            case = replace(PYTHON, operation=operation)
            rust = replace(RUST, operation=operation)
            goal = self.faster(2, f"Python, {name} 64 MiB, of Rust", 0.95, case, rust)
            if goal.ratio is not None:
                to_memcpy = self.to_memcpy(rust) / self.to_memcpy(case)
                goal = replace(goal, note=f"{to_memcpy:.2f} if each is taken by its own memcpy")
            yield goal
            other = replace(PYCA, operation=operation)
            yield self.faster(2, f"Python, {name} 64 MiB, of pyca", 1.3, case, other)

    def threads(self) -> Iterator[Goal]:
        for language in [RUST, PYTHON]:
            for name, operation in DIRECTIONS.items():
                one = replace(language, operation=operation)
                text = f"{one.language}, {name} 64 MiB, {ALL_THREADS} threads, of one"
                yield self.faster(3, text, 1.3, replace(one, threads=ALL_THREADS), one)

    def returning(self) -> Iterator[Goal]:
        case = replace(PYTHON, operation="seal")
        fill = replace(PYTHON, operation="fill", who="fresh allocation", provider="")
        text = "Python, seal 64 MiB to bytes, of"
        yield self.faster(4, f"{text} a fresh allocation filled once", 0.85, case, fill)
        yield self.faster(4, f"{text} AWS Encryption SDK", 6, case, replace(SDK, operation="seal"))

    def small(self) -> Iterator[Goal]:
        for language, operation, bound in [(RUST, "seal_into", 1.3), (PYTHON, "seal", 1.6)]:
            case = replace(language, operation=operation, size=KIB)
            text = f"{case.language}, seal 1 KiB, in bare RSA wraps"
            yield self.slower(5, text, bound, case, WRAP)
        case = replace(PYTHON, operation="seal", size=KIB)
        sdk = replace(SDK, operation="seal", size=KIB)
        yield self.faster(5, "Python, seal 1 KiB, of AWS Encryption SDK", 30, case, sdk)

    def key_in_use(self) -> Iterator[Goal]:
        for language, operation, bound in [(RUST, "seal_into", 5), (PYTHON, "seal", 3)]:
            fresh = replace(language, operation=operation, size=KIB)
            case = replace(fresh, operation=f"SealingKey.{operation}")
            text = f"{case.language}, 1 KiB under a data key in use, of one with a fresh wrap"
            yield self.faster(6, text, bound, case, fresh)
        case = replace(PYTHON, operation="SealingKey.seal", size=KIB)
        other = replace(PYCA, operation="seal", size=KIB)
        yield self.faster(6, "Python, 1 KiB under a data key in use, of pyca", 1, case, other)

    def files(self) -> Iterator[Goal]:
        cp = Which("copy a file", who="cp")
        for name in DIRECTIONS:
            case = Which(f"{name} a file", 0, "Python", threads=ALL_THREADS)
            yield self.slower(7, f"Python, {name}_file, in times of cp", 1.3, case, cp)

    def middle(self) -> Iterator[Goal]:
        for language in [RUST, PYTHON]:
            case = replace(language, operation="read the middle", size=MIB)
            text = f"{case.language}, MiB of ciphertext for 1 MiB, beside header and last chunk"
            yield self.goal(8, text, 1.1, partial(self.fetched, case), at_least=False)

    def fetched(self, case: Which) -> float:
        # What is sealed of nothing is about the header.
        header = self.results.find(replace(case, operation="seal", size=64)).count - 64
        return (self.results.find(case).count - header - SEALED_CHUNK) / MIB

    def portable(self) -> Iterator[Goal]:
        for name, operation in DIRECTIONS.items():
            case = replace(PORTABLE, operation=operation)
            bare = replace(case, who="aes-gcm on 16 KiB pieces")
            text = f"Rust, portable, {name} 64 MiB, of copy and aes-gcm"
            yield self.faster(9, text, 0.95, case, bare)

    def pieces(self) -> Iterator[Goal]:
        for language in [RUST, PYTHON]:
            for name, stream in STREAMS.items():
                large = replace(language, operation=f"{stream}, 1 MiB")
                case = replace(language, operation=f"{stream}, 4 KiB")
                text = f"{case.language}, {name}, 4 KiB at a time, in times of 1 MiB"
                yield self.slower(10, text, 1.25, case, large)

    def many(self) -> Iterator[Goal]:
        for name in DIRECTIONS:
            together = replace(PYTHON, operation=f"{name}_many", threads=ALL_THREADS, group="many")
            for size in MANY:
                case = replace(together, size=size)
                loop = replace(case, operation=f"{name} in a loop", threads=1)
                text = f"Python, {name}_many, {size} bytes"
                if size == min(MANY):
                    # The one figure that is not a ratio: what a backend has to keep up with.
                    thousands = partial(self.thousands, case)
                    yield self.goal(11, f"{text}, thousands a second", 500, thousands)
                yield self.faster(11, f"{text}, of a loop", 2, case, loop)
                pyca = replace(loop, who=PYCA.who, provider="")
                yield self.faster(11, f"{text}, of pyca in a loop", 1, case, pyca)
                sdk = replace(SDK, operation=name, size=size, group="many")
                yield self.faster(11, f"{text}, of AWS Encryption SDK", 30, case, sdk)

    def thousands(self, case: Which) -> float:
        return 1e-3 / self.time(case)


def evaluate(results: Results) -> list[Goal]:
    return list(Evaluation(results).all())
