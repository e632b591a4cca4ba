"""The table under a plan: files, their headers, and how the work is divided."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

import libseal
from libseal._libseal import Plan
from support import public_key

if TYPE_CHECKING:
    from collections.abc import Callable

KEYS = [libseal.SealingKey(public_key()) for _ in range(3)]
MESSAGES = [KEYS[n % 3].seal(bytes(1000 * n)) for n in range(6)]


def plan_of(messages: list[bytes]) -> Plan:
    plan = Plan()
    for number, message in enumerate(messages):
        assert plan.add(memoryview(message)[:500], len(message)) == number
    return plan


def rows(plan: Plan) -> list[tuple[libseal.Header, int, int]]:
    of_file = (plan.header_of, plan.message_len, plan.plaintext_len)
    return [tuple(get(n) for get in of_file) for n in range(len(plan))]  # type: ignore[misc]


def test_it_says_what_there_is_to_read() -> None:
    plan = plan_of(MESSAGES)
    headers = [libseal.Header(message) for message in MESSAGES]
    lens = [(len(message), 1000 * n) for n, message in enumerate(MESSAGES)]
    assert rows(plan) == [(header, *both) for header, both in zip(headers, lens, strict=True)]
    assert plan.headers == headers[:3]
    assert [plan.header_number_of(n) for n in range(6)] == [0, 1, 2, 0, 1, 2]
    assert repr(plan) == "<libseal._libseal.Plan of 6 files with 3 headers>"


def test_it_pickles() -> None:
    for plan in (plan_of(MESSAGES), Plan()):
        for again in (
            pickle.loads(pickle.dumps(plan)),
            pickle.loads(pickle.dumps(plan, 0)),
            copy.deepcopy(plan),
            Plan(bytearray(bytes(plan))),
        ):
            assert rows(again) == rows(plan)
            assert again.headers == plan.headers
    for bad in (b"", bytes(plan)[:-1], b"\x07" + bytes(plan)[1:]):
        with pytest.raises(libseal.FormatError, match="plan"):
            Plan(bad)


def test_equal_headers_of_two_plans_are_one() -> None:
    plan, other = plan_of(MESSAGES[:4]), plan_of(MESSAGES[4:])
    plan.extend(other)
    assert rows(plan) == rows(plan_of(MESSAGES))
    assert (len(plan.headers), len(other)) == (3, 2)
    plan.extend(plan)
    assert (len(plan), len(plan.headers)) == (12, 3)


def test_it_divides_by_bytes_and_keeps_files_of_a_key_together() -> None:
    plan = plan_of(MESSAGES)
    # By key there are 3000, 5000 and 7000 bytes: the last are more than a third.
    assert plan.partitions(3) == [[0, 2, 3], [1, 4], [5]]
    assert plan.partitions(2) == [[0, 1, 3, 4], [2, 5]]
    assert plan.partitions(1) == [[0, 1, 2, 3, 4, 5]]
    part = plan.part([5, 2])
    assert rows(part) == [rows(plan)[5], rows(plan)[2]]
    assert len(part.headers) == 1
    assert Plan().partitions(4) == []


def test_threads_can_fill_one_table() -> None:
    plan = Plan()
    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(lambda message: plan.add(message, len(message)), MESSAGES * 50))
    assert sorted(numbers) == list(range(300))
    assert len(plan.headers) == 3
    for number, message in zip(numbers, MESSAGES * 50, strict=True):
        assert plan.header_of(number) == libseal.Header(message)


HEADER = libseal.Header(MESSAGES[0])
CALLS: dict[str, tuple[type[Exception], Callable[[], object]]] = {
    "not sealed": (libseal.FormatError, lambda: Plan().add(b"PAR1", 100)),
    "a beginning that is too short": (
        libseal.TruncatedError,
        lambda: Plan().add(bytes(HEADER)[:-1], len(MESSAGES[0])),
    ),
    "a length that no message has": (
        libseal.TruncatedError,
        lambda: Plan().add(MESSAGES[0], HEADER.length + 56 + 15),
    ),
    "a length below zero": (OverflowError, lambda: Plan().add(MESSAGES[0], -1)),
    "text": (TypeError, lambda: Plan().add("SEAL", 1)),  # type: ignore[arg-type]
    "no such file": (IndexError, lambda: plan_of(MESSAGES).message_len(6)),
    "no such file of a part": (IndexError, lambda: plan_of(MESSAGES).part([0, 6])),
    "no parts": (ValueError, lambda: plan_of(MESSAGES).partitions(0)),
    "fewer than no parts": (ValueError, lambda: plan_of(MESSAGES).partitions(-1)),
    "another type": (TypeError, lambda: Plan().extend([])),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", CALLS)
def test_what_is_wrong_is_raised(name: str) -> None:
    error, call = CALLS[name]
    with pytest.raises(error):
        call()
