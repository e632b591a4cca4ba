"""Plan.unseal and Plan.read: fetched together, in order, and what has changed since the scan."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Any

import fsspec
import pytest

import libseal
from batch_support import Store, cut, filled, flipped, raises, scanned
from libseal import batch
from libseal.batch import _ahead, _pauses
from support import Counting, fleet, holds_nothing, public_key, unwrapper

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pauses, "FIRST", 0.0)


def results(plan: batch.Plan, store: Store, **options: Any) -> dict[str, Any]:
    unwrap = options.pop("unwrap", unwrapper())
    unsealed = plan.unseal(unwrap, fs=store, on_error="keep", **options)
    return {file.name: result for file, result in unsealed}


def only_failure(plan: batch.Plan, store: Store, **options: Any) -> Exception:
    """That of /0-0; all others must be unsealed."""
    found = results(plan, store, **options)
    failure = found.pop("/0-0")
    assert len(found) == len(plan) - 1
    assert all(data == name[1:].encode() for name, data in found.items())
    assert isinstance(failure, Exception)
    assert failure.__notes__ == ["in /0-0"]
    return failure


def test_all_files_in_the_order_of_the_plan() -> None:
    store = filled(keys=20, each=50)
    plan = scanned(store)
    keys, _ = plan.unwrap(unwrapper())
    unsealed = list(plan.unseal(keys, fs=store))
    assert [file for file, _ in unsealed] == list(plan)
    assert all(data == file.name[1:].encode() for file, data in unsealed)


def test_files_of_all_lengths() -> None:
    store = Store()
    contents = {f"/{n}": bytes([n % 251]) * n for n in (0, 1, 16384, 16385, 1_000_000, 9_000_000)}
    for name, data in contents.items():
        store.put(name, libseal.seal(public_key(), data))
    assert results(scanned(store), store) == contents


def test_one_request_for_each_file() -> None:
    store = filled()
    plan = scanned(store)
    store.requests.clear()
    results(plan, store)
    assert sorted(name for name, *_ in store.requests) == [file.name for file in plan]


def test_any_unwrapper_is_asked_once_for_each_key() -> None:
    store = filled(keys=3, each=20)
    counting = Counting()
    results(scanned(store), store, unwrap=counting)
    assert counting.calls == 3


def test_fetching_is_concurrent_and_bounded() -> None:
    store = filled(keys=1, each=16)
    plan = scanned(store)
    together = threading.Barrier(4, timeout=30)
    store.before = together.wait
    assert len(results(plan, store, concurrency=4)) == 16


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_ahead, "MOST_BYTES", 100_000)
    store = Store()
    message = libseal.seal(public_key(), bytes(40_000))
    for number in range(10):
        store.put(f"/{number}", message)
    plan = scanned(store)
    store.requests.clear()
    unsealed = plan.unseal(unwrapper(), fs=store, concurrency=4)
    next(unsealed)
    unsealed.close()  # type: ignore[attr-defined]
    assert len(store.requests) <= 3


def test_leaving_early_leaves_nothing_behind() -> None:
    store = filled(keys=1, each=500)
    plan = scanned(store)
    store.requests.clear()
    for file, data in itertools.islice(plan.unseal(unwrapper(), fs=store, concurrency=2), 3):
        assert data == file.name[1:].encode()
    assert len(store.requests) < 50


@pytest.mark.parametrize(
    "work",
    ["batch.scan('/*', fs=store)", "[*plan.unseal(unwrapper(), fs=store)]"],
    ids=["scan", "unseal"],
)
def test_a_process_that_is_interrupted_does_not_wait_for_the_store(work: str) -> None:
    program = f"""
import signal, threading
from batch_support import *
from support import unwrapper

store = filled(keys=1, each=100)
plan = scanned(store)

def stall():
    signal.raise_signal(signal.SIGINT)
    threading.Event().wait()

store.before = stall
{work}
"""
    child = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert child.stderr.endswith(b"KeyboardInterrupt\n")
    assert child.returncode == -signal.SIGINT


def test_progress_is_told_for_each_file() -> None:
    store = filled()
    told: list[int] = []
    results(scanned(store), store, progress=told.append)
    assert told == [1] * 12


# ---- Changed between the scan and the reading


def another_of_the_same_key() -> tuple[Store, bytes]:
    """A store, and another message for its /0-0, of the same header and length."""
    store, [key] = Store(), fleet(1)
    for number in range(5):
        store.put(f"/0-{number}", key.seal(b"0-%d" % number))
    return store, key.seal(b"0-0")


def test_a_file_that_was_replaced_by_a_like_one() -> None:
    store, another = another_of_the_same_key()
    plan = scanned(store)
    store.put("/0-0", another)
    failure = only_failure(plan, store)
    assert type(failure) is batch.ChangedError
    assert failure.filename == "/0-0"
    assert "scan it again" in str(failure)
    plan += scanned(store, failure.filename)
    assert len(results(plan, store)) == 5


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:-1],
        lambda data: data[:100],
        lambda data: b"",
        lambda data: data + b"x",
        lambda data: data * 2,
        lambda data: libseal.seal(public_key(), b"0-0"),
        lambda data: b"PAR1" * (len(data) // 4),
        lambda data: flipped(data, 20),
    ],
    ids=["cut", "cut early", "emptied", "extended", "doubled", "resealed", "foreign", "header"],
)
def test_a_file_that_changed(change: Callable[[bytes], bytes]) -> None:
    store = filled()
    plan = scanned(store)
    store.change("/0-0", change)
    assert type(only_failure(plan, store)) is batch.ChangedError


def test_a_file_that_was_deleted() -> None:
    store = filled()
    plan = scanned(store)
    store.rm("/0-0")
    assert isinstance(only_failure(plan, store), FileNotFoundError)


def test_a_payload_that_was_altered() -> None:
    store = filled()
    plan = scanned(store)
    store.change("/0-0", lambda data: flipped(data, -1))
    assert isinstance(only_failure(plan, store), libseal.AuthenticationError)


def test_a_message_that_was_cut_before_the_scan() -> None:
    store = filled()
    store.put("/0-0", libseal.seal(public_key(), bytes(50_000))[:-20_000])
    assert isinstance(only_failure(scanned(store), store), libseal.TruncatedError)


# ---- A store that fails


def test_short_answers_and_timeouts_are_tried_again() -> None:
    store = filled()
    plan = scanned(store)
    store.faults["/0-0"] = cut(10, times=3)
    store.faults["/0-1"] = raises(fsspec.exceptions.FSTimeoutError(), times=3)
    assert all(isinstance(data, bytes) for data in results(plan, store).values())


@pytest.mark.parametrize(
    ("faults", "error", "text"),
    [
        (cut(10), OSError, "returned 10 of the"),
        (cut(0), OSError, "returned 0 of the"),
        (raises(fsspec.exceptions.FSTimeoutError()), TimeoutError, "did not answer in time"),
        (raises(ConnectionResetError("reset by peer")), ConnectionResetError, "reset by peer"),
        (raises(PermissionError("The token has expired")), PermissionError, "has expired"),
    ],
    ids=["short", "empty", "late", "reset", "expired"],
)
def test_a_store_that_does_not_get_better(faults: Any, error: type[Exception], text: str) -> None:
    store = filled()
    plan = scanned(store)
    store.faults["/0-0"] = list(faults)
    failure = only_failure(plan, store)
    assert type(failure) is error
    assert text in str(failure)


def test_the_first_failure_ends_it() -> None:
    store = filled()
    plan = scanned(store)
    store.change("/0-2", lambda data: flipped(data, -1))
    unsealed = plan.unseal(unwrapper(), fs=store)
    assert [data for _, data in itertools.islice(unsealed, 2)] == [b"0-0", b"0-1"]
    with pytest.raises(libseal.AuthenticationError) as caught:
        next(unsealed)
    assert "in /0-2" in caught.value.__notes__
    assert list(unsealed) == []


def test_a_key_that_is_missing() -> None:
    store = filled(keys=2, each=2)
    plan = scanned(store)
    keys, _ = plan.select(lambda file: file.name.startswith("/0")).unwrap(unwrapper())
    kinds = [type(result).__name__ for result in results(plan, store, unwrap=keys).values()]
    assert kinds == ["bytes"] * 2 + ["NoMatchingRecipientError"] * 2


def test_a_required_context() -> None:
    store = filled(keys=2, each=1)
    found = results(scanned(store), store, require={"device": "1"})
    assert isinstance(found["/0-0"], libseal.ContextMismatchError)
    assert found["/1-0"] == b"1-0"


# ---- One file


def test_reading_one_file() -> None:
    store = filled()
    plan = scanned(store)
    keys, _ = plan.unwrap(unwrapper())
    assert plan.read(plan[5], keys, fs=store) == b"1-1"
    store.change("/1-1", lambda data: data[:-1])
    with pytest.raises(batch.ChangedError) as caught:
        plan.read(plan[5], keys, fs=store)
    assert caught.value.__notes__ == ["in /1-1"]
    with pytest.raises(libseal.NoMatchingRecipientError):
        plan.read(plan[4], holds_nothing, fs=store)
    with pytest.raises(libseal.ContextMismatchError):
        plan.read(plan[4], keys, fs=store, require={"device": "7"})


# ---- Processes


def lengths(part: batch.Plan, keys: batch.DataKeys) -> dict[str, int]:
    return {file.name: len(data) for file, data in part.unseal(keys)}


def test_parts_of_a_plan_in_other_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, key in enumerate(fleet(4)):
        for message in range(5):
            (tmp_path / f"{number}-{message}").write_bytes(key.seal(bytes(message)))
    plan = batch.scan(tmp_path)
    job_key = batch.JobKey.generate()
    counting = Counting()
    keys, _ = plan.unwrap(counting, job_key=job_key)

    monkeypatch.setenv("LIBSEAL_JOB_SECRET", job_key.to_text())
    parts = plan.partitions(2)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, context) as pool:
        sent = [keys.for_headers(part.headers) for part in parts]
        both = list(pool.map(lengths, parts, sent))
    assert {name: n for part in both for name, n in part.items()} == {
        file.name: file.plaintext_len for file in plan
    }
    assert (len(both), counting.calls) == (2, 4)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"unwrap": None}, TypeError),
        ({"concurrency": 0}, ValueError),
        ({"on_error": "skip"}, ValueError),
        ({"progress": 1}, TypeError),
        ({"threads": 0}, ValueError),
        ({"require": ["device"]}, TypeError),
    ],
)
def test_arguments_are_refused_at_once(options: Any, error: type[Exception]) -> None:
    store = filled()
    plan = scanned(store)
    with pytest.raises(error):
        plan.unseal(**{"unwrap": unwrapper(), "fs": store} | options)
