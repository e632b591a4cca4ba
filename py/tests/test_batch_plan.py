"""Plan: what it holds, adding, dividing, pickling, cost."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime
from typing import Any

import pytest

import libseal
from batch_support import Store, filled, names, reasons, scanned
from libseal import batch
from support import fleet, public_key, unwrapper


def test_it_is_a_sequence_of_files() -> None:
    plan = scanned(filled(keys=2, each=2))
    assert len(plan) == 4
    assert names(plan) == ["/0-0", "/0-1", "/1-0", "/1-1"]
    assert [plan[n] for n in range(4)] == list(plan)
    assert plan[-1] == plan[3]
    with pytest.raises(IndexError):
        plan[4]
    assert plan[1].header == plan.headers[0]
    assert plan.message_len == sum(file.message_len for file in plan)
    assert plan.plaintext_len == sum(file.plaintext_len for file in plan) == 12
    assert repr(plan) == (
        f"<libseal.batch.Plan: 4 files, 2 data keys, {plan.message_len} bytes, 0 failures>"
    )


def test_an_empty_plan() -> None:
    plan = batch.Plan()
    assert (len(plan), list(plan), list(plan.headers), plan.plaintext_len) == (0, [], [], 0)
    assert plan.partitions(3) == []
    assert list(plan.unseal(unwrapper())) == []
    assert len(plan.unwrap(unwrapper()).keys) == 0


def test_a_pickled_plan_is_the_same() -> None:
    store = filled()
    store.put("/foreign", b"foreign")
    plan = scanned(store, on_error="keep")
    copy = pickle.loads(pickle.dumps(plan))
    assert list(copy) == list(plan)
    assert copy.headers == plan.headers
    assert reasons(copy.failures) == {"/foreign": "FormatError"}
    assert copy.failures[0].error.__notes__ == ["in /foreign"]
    assert [data for _, data in copy.unseal(unwrapper(), fs=store)][:2] == [b"0-0", b"0-1"]


def test_a_pickle_that_leaves_files_out_is_refused() -> None:
    table, rows, failures = scanned(filled()).__getstate__()
    with pytest.raises(ValueError, match="not the pickle of a plan"):
        batch.Plan().__setstate__((table, rows[1:], failures))


class UnpicklableError(Exception):
    def __init__(self, *, text: str) -> None:
        super().__init__(text)


def test_a_failure_that_cannot_be_pickled() -> None:
    plan = batch.Plan()
    plan.failures.append(batch.Failure("/a", UnpicklableError(text="no route")))
    [failure] = pickle.loads(pickle.dumps(plan)).failures
    assert failure.name == "/a"
    assert isinstance(failure.error, OSError)
    assert str(failure.error) == "UnpicklableError: no route"
    assert failure.error.__notes__ == ["in /a"]


def test_a_plan_is_small_and_has_no_keys() -> None:
    store = filled(keys=2, each=500)
    pickled = pickle.dumps(scanned(store))
    assert len(pickled) < 1000 * 100
    for header in scanned(store).headers:
        data_key = unwrapper()(header.wrapped_keys[0])
        assert data_key is not None
        assert data_key not in pickled


def test_a_plan_by_hand() -> None:
    message = libseal.seal(public_key(), b"data")
    modified = datetime(2026, 1, 2, tzinfo=UTC)
    store = Store()
    store.put("/a", message)
    plan = batch.Plan()
    plan.add("/a", message, len(message), etag="x", modified=modified)
    [file] = plan
    header = libseal.Header(message)
    salt = message[header.length :][:24]
    assert file == batch.PlannedFile("/a", len(message), 4, "x", modified, header, salt)
    assert plan.read(file, unwrapper(), fs=store) == b"data"


@pytest.mark.parametrize(
    ("beginning", "length", "error"),
    [
        (b"foreign" * 100, 700, libseal.FormatError),
        ("message", 10, libseal.TruncatedError),
        ("header", 1000, libseal.TruncatedError),
    ],
)
def test_what_is_refused_by_hand(beginning: Any, length: int, error: type[Exception]) -> None:
    message = libseal.seal(public_key(), b"data")
    if beginning == "message":
        beginning = message
    elif beginning == "header":
        beginning = message[: libseal.Header(message).length + 23]
    plan = batch.Plan()
    with pytest.raises(error):
        plan.add("/a", beginning, length)
    assert list(plan) == []


def test_adding_plans() -> None:
    store = filled(keys=2, each=2)
    store.put("/foreign", b"foreign")
    first = scanned(store, ["/0-0", "/0-1", "/foreign"], on_error="keep")
    second = scanned(store, ["/1-*", "/missing"], on_error="keep")
    both = first + second
    assert names(both) == ["/0-0", "/0-1", "/1-0", "/1-1"]
    assert len(both.headers) == 2
    assert reasons(both.failures) == {"/foreign": "FormatError", "/missing": "FileNotFoundError"}
    assert len(first) == 2
    assert names(sum([first, second], batch.Plan())) == names(both)
    with pytest.raises(TypeError):
        first + "/1-*"  # type: ignore[operator]


def test_what_is_added_counts() -> None:
    store = filled(keys=1, each=3)
    old = scanned(store)
    store.put("/0-1", libseal.seal(public_key(), b"another"))
    store.put("/0-2", b"foreign")
    new = old + scanned(store, ["/0-1", "/0-2"], on_error="keep")
    assert names(new) == ["/0-0", "/0-1"]
    assert new[1].plaintext_len == len(b"another")
    assert reasons(new.failures) == {"/0-2": "FormatError"}
    store.put("/0-2", libseal.seal(public_key(), b"mended"))
    mended = new + scanned(store, "/0-2")
    assert names(mended) == ["/0-0", "/0-1", "/0-2"]
    assert mended.failures == []


def test_partitions_are_balanced_and_keep_keys_together() -> None:
    plan = scanned(filled(keys=12, each=10))
    parts = plan.partitions(4)
    assert len(parts) == 4
    assert sorted(name for part in parts for name in names(part)) == sorted(names(plan))
    assert sum(len(part.headers) for part in parts) == 12
    assert max(part.message_len for part in parts) < 1.5 * plan.message_len / 4
    assert len(plan.partitions(1000)) <= 120
    with pytest.raises(ValueError, match="at least 1"):
        plan.partitions(0)


def test_one_key_is_divided_too() -> None:
    parts = scanned(filled(keys=1, each=20)).partitions(4)
    assert [len(part) for part in parts] == [5] * 4


def test_selecting_what_is_left_to_do() -> None:
    store = filled(keys=2, each=2)
    store.put("/foreign", b"foreign")
    plan = scanned(store, on_error="keep")
    done = {"/0-0", "/0-1"}
    rest = plan.select(lambda file: file.name not in done)
    assert names(rest) == ["/1-0", "/1-1"]
    assert len(rest.headers) == 1
    assert rest.failures == plan.failures


def test_what_the_rest_costs() -> None:
    plan = scanned(filled(keys=5, each=100))
    cost = plan.cost()
    assert (cost.decrypts, cost.get_requests) == (5, 500)
    assert cost.dollars == pytest.approx(5 * 0.03 / 10_000 + 500 * 0.0004 / 1000)
    assert cost.seconds == pytest.approx(5 / 1000 + 500 / 5500)
    cost = plan.cost(decrypt_dollars=1, get_dollars=0.01, decrypt_rate=10, get_rate=100)
    assert cost.dollars == pytest.approx(10)
    assert cost.seconds == pytest.approx(5.5)


def test_longer_keys_cost_more() -> None:
    store = Store()
    store.put("/a", libseal.seal(public_key("rsa-4096"), b""))
    assert scanned(store).cost(get_dollars=0).dollars == pytest.approx(0.15 / 10_000)


def test_a_million_on_paper() -> None:
    plan = batch.Plan()
    for key in fleet(10):
        message = key.seal(bytes(4096))
        for number in range(100):
            plan.add(f"s3://example-bucket/logs/{number}", message, len(message))
    cost = plan.cost()
    assert cost.dollars * 1000 == pytest.approx(0.43)
    assert cost.seconds * 1000 == pytest.approx(191.8, abs=0.1)
