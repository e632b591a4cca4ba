"""CachingUnwrapper: one call for each data key, and nothing kept that should not be."""

from __future__ import annotations

import copy
import gc
import io
import os
import pickle
import random
import signal
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

import libseal
from children import in_a_child
from support import data_key_of, holds_nothing, public_key, unwrapper

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FORKS = pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
WARNED = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
MESSAGE = libseal.SealingKey(public_key()).seal(b"data")
THREADS = 16


class Counting:
    """Holds the test key, and counts the calls."""

    def __init__(self, seconds: float = 0, error: Exception | None = None) -> None:
        self.calls = 0
        self.seconds = seconds
        self.error = error

    def __call__(self, wrapped_key: libseal.WrappedKey) -> bytes | None:
        self.calls += 1
        time.sleep(self.seconds)
        if self.error is not None:
            raise self.error
        return unwrapper()(wrapped_key)

    def fingerprints(self) -> list[bytes]:
        return [public_key().fingerprint]


def in_threads(job: Callable[[], bytes]) -> list[bytes | BaseException]:
    barrier = threading.Barrier(THREADS)

    def run(_: int) -> bytes | BaseException:
        barrier.wait()
        try:
            return job()
        except Exception as error:
            return error

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


def test_one_call_for_all_messages_of_a_sealing_key(tmp_path: Path) -> None:
    inner = Counting()
    unwrap = libseal.CachingUnwrapper(inner)
    sealing_key = libseal.SealingKey(public_key(), context={"device": "42"})
    for number in range(10):
        message = sealing_key.seal(b"%d" % number)
        assert libseal.unseal(message, unwrap, require={"device": "42"}) == b"%d" % number
        assert libseal.UnsealReader(io.BytesIO(message), unwrap).read() == b"%d" % number
        (tmp_path / "sealed").write_bytes(message)
        libseal.unseal_file(tmp_path / "sealed", tmp_path / "plain", unwrap)
        libseal.Header(message).rewrap(unwrap, public_key())
    assert inner.calls == 1
    assert unwrap.statistics == libseal.CacheStatistics(
        hits=39, misses=1, failures=0, shared=0, evictions=0, entries=1
    )


def test_threads_that_want_one_key_cause_one_call() -> None:
    inner = Counting(seconds=0.2)
    unwrap = libseal.CachingUnwrapper(inner)
    assert in_threads(lambda: libseal.unseal(MESSAGE, unwrap)) == [b"data"] * THREADS
    assert inner.calls == 1
    found = unwrap.statistics
    assert (found.misses, found.hits + found.shared) == (1, THREADS - 1)


def test_the_failure_of_one_call_is_that_of_all_who_waited() -> None:
    denied = PermissionError("denied")
    inner = Counting(seconds=0.2, error=denied)
    unwrap = libseal.CachingUnwrapper(inner)
    failures = in_threads(lambda: libseal.unseal(MESSAGE, unwrap))
    assert inner.calls == 1
    for failure in failures:
        assert type(failure) is libseal.KeyUnwrapError
        assert failure.__cause__ is denied
        assert str(failure).endswith("PermissionError: denied")
    inner.error = None
    assert libseal.unseal(MESSAGE, unwrap) == b"data"
    assert inner.calls == 2


@pytest.mark.parametrize(
    "error", [libseal.KmsUnavailableError("throttled"), libseal.StopUnwrap("down")]
)
def test_exceptions_of_libseal_stay_what_they_are(error: libseal.SealError) -> None:
    unwrap = libseal.CachingUnwrapper(Counting(error=error))
    for _ in range(2):
        with pytest.raises(type(error)) as raised:
            libseal.unseal(MESSAGE, unwrap)
        assert raised.value.args == error.args
        assert raised.value.retryable


def test_what_is_noted_on_an_error_is_about_one_file(tmp_path: Path) -> None:
    """Threads that share a failure do not share the exception, to which unseal_file adds a note."""
    error = libseal.KmsRefusedError("denied")
    error.add_note("ask the owner of the key")
    unwrap = libseal.CachingUnwrapper(Counting(seconds=0.2, error=error))
    numbers = iter(range(THREADS))

    def unseal_file() -> bytes:
        path = tmp_path / str(next(numbers))
        path.write_bytes(MESSAGE)
        return libseal.unseal_file(path, tmp_path / "plain", unwrap)  # type: ignore[return-value]

    failures = in_threads(unseal_file)
    notes = {tuple(getattr(failure, "__notes__", ())) for failure in failures}
    assert len(notes) == THREADS
    for own in notes:
        assert len(own) == 2
        assert own[0] == "ask the owner of the key"
    assert error.__notes__ == ["ask the owner of the key"]


def test_an_interrupt_is_for_its_thread_alone() -> None:
    """Those who waited ask themselves, one after the other."""
    calls = []

    def interrupted_once(wrapped_key: libseal.WrappedKey) -> bytes | None:
        calls.append(wrapped_key)
        time.sleep(0.2)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return unwrapper()(wrapped_key)

    unwrap = libseal.CachingUnwrapper(interrupted_once)

    def unseal() -> bytes:
        try:
            return libseal.unseal(MESSAGE, unwrap)
        except KeyboardInterrupt:
            return b"interrupted"

    assert sorted(in_threads(unseal)) == [b"data"] * (THREADS - 1) + [b"interrupted"]  # type: ignore[type-var]
    assert len(calls) == 2


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals are not for threads")
def test_ctrl_c_while_waiting_for_another_thread() -> None:
    inner = Counting(seconds=1.5)
    unwrap = libseal.CachingUnwrapper(inner)
    main = threading.main_thread().ident
    assert main is not None
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(libseal.unseal, MESSAGE, unwrap)
        while not inner.calls:
            time.sleep(0.01)
        timer = threading.Timer(0.3, signal.pthread_kill, (main, signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            libseal.unseal(MESSAGE, unwrap)
        assert not asking.done()
        # The other thread has noticed nothing.
        assert asking.result() == b"data"
    assert inner.calls == 1


def test_threads_with_many_keys_and_little_room() -> None:
    messages = [libseal.seal(public_key(), b"%d" % number) for number in range(8)]
    unwrap = libseal.CachingUnwrapper(unwrapper(), max_entries=3, max_uses=5, max_age=0.02)
    end = time.monotonic() + 0.5

    def work() -> bytes:
        order = random.Random(threading.get_ident())
        while time.monotonic() < end:
            number = order.randrange(len(messages))
            assert libseal.unseal(messages[number], unwrap) == b"%d" % number
            if order.random() < 0.01:
                unwrap.clear()
            assert unwrap.statistics.entries <= 3
        return b"done"

    assert in_threads(work) == [b"done"] * THREADS


def test_an_unwrapper_that_holds_its_cache_is_collected() -> None:
    class Client:
        def __init__(self) -> None:
            self.unwrap = libseal.CachingUnwrapper(self.ask)

        def ask(self, wrapped_key: libseal.WrappedKey) -> bytes | None:
            return unwrapper()(wrapped_key)

    client = Client()
    libseal.unseal(MESSAGE, client.unwrap)
    gone = weakref.ref(client)
    del client
    gc.collect()
    assert gone() is None


def test_foreign_messages_drive_out_no_key() -> None:
    inner = Counting()
    unwrap = libseal.CachingUnwrapper(inner, max_entries=10)
    assert libseal.unseal(MESSAGE, unwrap) == b"data"
    foreign = libseal.inspect(libseal.seal(public_key("rsa-2048-b"), b"")).wrapped_keys[0]
    for number in range(1000):
        key = libseal.WrappedKey(
            foreign.algorithm, foreign.fingerprint, "", number.to_bytes(256, "big")
        )
        assert unwrap(key) is None
    assert inner.calls == 1001
    assert libseal.unseal(MESSAGE, unwrap) == b"data"
    assert inner.calls == 1001
    assert unwrap.statistics.entries == 1
    with pytest.raises(libseal.NoMatchingRecipientError, match=public_key().fingerprint.hex()):
        libseal.unseal(libseal.seal(public_key("rsa-2048-b"), b""), unwrap)


def test_a_message_cannot_put_its_data_key_in_the_place_of_another() -> None:
    """Asked about both at once, an unwrapper could answer for either."""

    class Whole:
        def unwrap_keys(self, wrapped_keys: tuple[libseal.WrappedKey, ...]) -> bytes | None:
            asked.append(len(wrapped_keys))
            return unwrapper()(wrapped_keys[-1])

    asked: list[int] = []
    unwrap = libseal.CachingUnwrapper(Whole())
    good = libseal.inspect(MESSAGE).wrapped_keys[0]
    header = libseal.Header(libseal.seal([public_key(), public_key("rsa-2048-b")], b""))
    for key in (*header.wrapped_keys, good):
        unwrap(key)
    assert set(asked) == {1}
    assert unwrap(good) == data_key_of(MESSAGE)


def test_recipients_in_the_cache_go_first() -> None:
    inner = Counting()
    unwrap = libseal.CachingUnwrapper(inner)
    message = libseal.seal([public_key("rsa-2048-b"), public_key()], b"data")
    assert libseal.unseal(message, unwrap) == b"data"
    assert inner.calls == 2
    assert libseal.unseal(message, unwrap) == b"data"
    assert inner.calls == 2


def test_age() -> None:
    ages: list[float | timedelta] = [0.05, timedelta(milliseconds=50)]
    for age in ages:
        inner = Counting()
        unwrap = libseal.CachingUnwrapper(inner, max_age=age)
        libseal.unseal(MESSAGE, unwrap)
        time.sleep(0.1)
        assert unwrap.statistics.entries == 0
        libseal.unseal(MESSAGE, unwrap)
        assert inner.calls == 2
    for longer in (None, 300.0):
        inner = Counting()
        unwrap = libseal.CachingUnwrapper(inner, max_age=longer)
        for _ in range(2):
            libseal.unseal(MESSAGE, unwrap)
        assert inner.calls == 1


def test_uses() -> None:
    inner = Counting()
    unwrap = libseal.CachingUnwrapper(inner, max_uses=3)
    for _ in range(9):
        libseal.unseal(MESSAGE, unwrap)
    assert inner.calls == 3


def test_entries() -> None:
    inner = Counting()
    unwrap = libseal.CachingUnwrapper(inner, max_entries=2)
    one, two, three = (libseal.seal(public_key(), b"data") for _ in range(3))
    for message in (one, two, one, three, one):
        libseal.unseal(message, unwrap)
    assert inner.calls == 3
    libseal.unseal(two, unwrap)
    assert inner.calls == 4
    assert unwrap.statistics.evictions == 2


def test_clear() -> None:
    inner = Counting()
    unwrap = libseal.CachingUnwrapper(inner)
    libseal.unseal(MESSAGE, unwrap)
    unwrap.clear()
    assert unwrap.statistics.entries == 0
    libseal.unseal(MESSAGE, unwrap)
    assert inner.calls == 2


def test_a_copy_has_the_unwrapper_and_the_limits_and_no_keys() -> None:
    unwrap = libseal.CachingUnwrapper(
        [holds_nothing, data_key_of_any], max_age=60, max_entries=7, max_uses=9
    )
    assert libseal.unseal(MESSAGE, unwrap) == b"data"
    pickled = pickle.dumps(unwrap)
    assert data_key_of(MESSAGE) not in pickled
    for again in (pickle.loads(pickled), copy.copy(unwrap)):
        assert repr(again) == repr(unwrap)
        assert again.statistics == (0, 0, 0, 0, 0, 0)
        assert again.unwrap == unwrap.unwrap
        assert libseal.unseal(MESSAGE, again) == b"data"
    assert "max_age=60.0, max_entries=7, max_uses=9" in repr(unwrap)
    assert data_key_of(MESSAGE).hex() not in repr(unwrap)


def data_key_of_any(wrapped_key: libseal.WrappedKey) -> bytes | None:
    return unwrapper()(wrapped_key)


@FORKS
@WARNED
def test_a_forked_child_begins_empty() -> None:
    inner = Counting()
    unwrap = libseal.CachingUnwrapper(inner)
    libseal.unseal(MESSAGE, unwrap)

    def child() -> None:
        assert unwrap.statistics.entries == 0
        assert libseal.unseal(MESSAGE, unwrap) == b"data"
        assert inner.calls == 2

    in_a_child(child)
    assert libseal.unseal(MESSAGE, unwrap) == b"data"
    assert inner.calls == 1


@FORKS
@WARNED
def test_a_child_does_not_wait_for_threads_that_it_has_not() -> None:
    inner = Counting(seconds=0.5)
    unwrap = libseal.CachingUnwrapper(inner)

    def child() -> None:
        inner.seconds = 0
        assert libseal.unseal(MESSAGE, unwrap) == b"data"

    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(libseal.unseal, MESSAGE, unwrap) for _ in range(2)]
        while not inner.calls:
            time.sleep(0.01)
        in_a_child(child)
        assert [job.result() for job in jobs] == [b"data"] * 2


def test_an_unwrapper_that_waits_for_itself_is_told() -> None:
    def unwrap(wrapped_key: libseal.WrappedKey) -> bytes | None:
        return caching(wrapped_key)

    caching = libseal.CachingUnwrapper(unwrap)
    with pytest.raises(libseal.StateError, match="wait for itself"):
        libseal.unseal(MESSAGE, caching)


async def asynchronous(_: libseal.WrappedKey) -> bytes:
    raise NotImplementedError


def test_an_asynchronous_unwrapper_is_for_aio() -> None:
    caching = libseal.CachingUnwrapper([unwrapper(), asynchronous])
    wrapped_key = libseal.inspect(MESSAGE).wrapped_keys[0]
    calls: list[Callable[[], object]] = [
        lambda: caching(wrapped_key),
        lambda: libseal.unseal(MESSAGE, caching),
        lambda: libseal.unseal(MESSAGE, libseal.CachingUnwrapper(caching)),
    ]
    for call in calls:
        with pytest.raises(TypeError, match=r"libseal\.aio"):
            call()


def test_arguments() -> None:
    for name in ("max_entries", "max_uses"):
        for value in (0, -1):
            with pytest.raises(
                ValueError, match=f"{name} must be at least 1; to cache nothing, use"
            ):
                libseal.CachingUnwrapper(holds_nothing, **{name: value})
    with pytest.raises(ValueError, match="max_age must be more than 0, or None for no limit"):
        libseal.CachingUnwrapper(holds_nothing, max_age=0)
    with pytest.raises(ValueError, match="max_age must be 0 or more"):
        libseal.CachingUnwrapper(holds_nothing, max_age=-1)
    with pytest.raises(TypeError, match="max_age must be seconds or a timedelta, not str"):
        libseal.CachingUnwrapper(holds_nothing, max_age="1")  # type: ignore[arg-type]
    for bad in (None, 1, "text"):
        with pytest.raises(TypeError, match="unwrap must be callable"):
            libseal.CachingUnwrapper(bad)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="wrapped_key must be a"):
        libseal.CachingUnwrapper(holds_nothing)(b"key")  # type: ignore[arg-type]
