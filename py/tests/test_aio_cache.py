"""A cache around an asynchronous unwrapper: one call for each key, whoever is cancelled."""

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

import libseal
from aio_support import cancel_everywhere, run, unwrap
from libseal import aio
from libseal.aio import _flights
from support import holds_nothing, public_key, unwrapper


class FakeCache:
    """As far as libseal.aio knows a CachingUnwrapper."""

    def __init__(self, inner: Any) -> None:
        self.unwrap = inner
        self.kept: dict[libseal.WrappedKey, bytes] = {}

    def __call__(self, wrapped_key: libseal.WrappedKey) -> bytes | None:
        data_key: bytes | None = self.kept.get(wrapped_key) or self.unwrap(wrapped_key)
        if data_key is not None:
            self.kept[wrapped_key] = data_key
        return data_key

    def _get(self, wrapped_key: libseal.WrappedKey, /) -> bytes | None:
        return self.kept.get(wrapped_key)

    def _put(self, wrapped_key: libseal.WrappedKey, data_key: bytes, /) -> None:
        self.kept[wrapped_key] = data_key

    def clear(self) -> None:
        self.kept.clear()


CACHES: list[Callable[[Any], Any]] = [FakeCache]
MESSAGES = [libseal.SealingKey(public_key()).seal(b"data") for _ in range(20)]


@pytest.fixture(params=CACHES, autouse=True)
def make_cache(request: pytest.FixtureRequest) -> Any:
    yield request.param
    gc.collect()
    assert not _flights._flights


class Kms:
    """Counts calls, each of which takes a while, and does what it is told."""

    def __init__(self, *, error: Exception | None = None, seconds: float = 0.01) -> None:
        self.error = error
        self.seconds = seconds
        self.calls = 0
        self.cancelled = 0

    async def __call__(self, key: libseal.WrappedKey) -> bytes | None:
        self.calls += 1
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        return unwrapper()(key)


async def unseal_all(cache: aio.Unwrap, messages: list[bytes]) -> list[bytes]:
    return await asyncio.gather(*(aio.unseal(message, cache) for message in messages))


@pytest.mark.parametrize("is_eager", [False, True])
def test_200_tasks_with_20_keys_are_20_calls(make_cache: Any, is_eager: bool) -> None:
    if is_eager and not hasattr(asyncio, "eager_task_factory"):
        pytest.skip("Python 3.12")
    kms = Kms()
    cache = make_cache(kms)

    async def twice() -> None:
        for _ in range(2):
            assert await unseal_all(cache, MESSAGES * 10) == [b"data"] * 200

    run(twice(), is_eager=is_eager)
    assert kms.calls == 20


def test_calls_that_need_not_wait(make_cache: Any) -> None:
    calls = []

    async def at_once(key: libseal.WrappedKey) -> bytes | None:
        calls.append(key)
        return unwrapper()(key)

    cache = make_cache(at_once)
    for is_eager in (False, hasattr(asyncio, "eager_task_factory")):
        assert run(unseal_all(cache, MESSAGES * 2), is_eager=is_eager) == [b"data"] * 40
    assert len(calls) == 20


def test_a_synchronous_unwrapper_is_asked_in_a_thread(make_cache: Any) -> None:
    calls = []

    def slow(key: libseal.WrappedKey) -> bytes | None:
        assert threading.current_thread() is not threading.main_thread()
        calls.append(key)
        return unwrapper()(key)

    cache = make_cache(slow)
    for _ in range(2):
        run(unseal_all(cache, MESSAGES * 10))
    assert len(calls) == 20


@pytest.mark.parametrize("several", [list, tuple])
def test_several_unwrappers_in_a_cache(make_cache: Any, several: Any) -> None:
    kms = Kms()
    cache = make_cache(several([holds_nothing, unwrapper("rsa-3072"), kms]))
    assert run(unseal_all(cache, MESSAGES * 2)) == [b"data"] * 40
    assert kms.calls == 20


def test_a_cache_among_others_and_in_another(make_cache: Any) -> None:
    kms = Kms()
    cache = make_cache(make_cache(kms))
    assert run(unseal_all([holds_nothing, cache, unwrap], MESSAGES * 2)) == [b"data"] * 40
    assert kms.calls == 20


def test_what_is_in_the_cache_comes_before_any_call(make_cache: Any) -> None:
    kms = Kms()
    cache = make_cache(kms)
    message = libseal.seal([public_key("rsa-3072"), public_key()], b"data")
    foreign, mine = libseal.inspect(message).wrapped_keys

    async def both() -> None:
        assert await aio.unseal(message, cache) == b"data"
        assert kms.calls == 2
        assert await aio.unseal(message, cache) == b"data"
        assert kms.calls == 2
        assert cache._get(foreign) is None
        assert cache._get(mine) == unwrapper()(mine)

    run(both())


@pytest.mark.parametrize(
    "error", [libseal.KmsUnavailableError("throttled"), ValueError("odd"), libseal.StopUnwrap("x")]
)
def test_a_failure_is_that_of_all_who_waited_and_of_no_one_else(
    make_cache: Any, error: Exception
) -> None:
    kms = Kms(error=error)
    cache = make_cache(kms)

    async def wait_for_it(number: int) -> BaseException:
        with pytest.raises(libseal.KeyUnwrapError) as failed:
            await aio.unseal(MESSAGES[0], cache)
        failed.value.add_note(f"task {number}")
        return failed.value

    async def all_of_them() -> None:
        errors = await asyncio.gather(*(wait_for_it(number) for number in range(16)))
        assert kms.calls == 1
        assert len({str(failed) for failed in errors}) == 1
        assert len({type(failed) for failed in errors}) == 1
        assert all(str(error) in str(failed) for failed in errors)
        # No one sees the notes of others.
        assert [failed.__notes__ for failed in errors] == [[f"task {n}"] for n in range(16)]
        kms.error = None
        assert await unseal_all(cache, [MESSAGES[0]] * 16) == [b"data"] * 16
        assert kms.calls == 2

    run(all_of_them())


def test_not_mine_is_not_kept(make_cache: Any) -> None:
    calls = []

    async def not_mine(key: libseal.WrappedKey) -> None:
        calls.append(key)

    cache = make_cache(not_mine)

    async def refused() -> None:
        with pytest.raises(libseal.NoMatchingRecipientError):
            await aio.unseal(MESSAGES[0], cache)

    async def twice() -> None:
        await asyncio.gather(*(refused() for _ in range(5)))
        assert len(calls) == 1
        await refused()
        assert len(calls) == 2

    run(twice())


def test_wrong_lengths_are_not_kept(make_cache: Any) -> None:
    async def short(_: libseal.WrappedKey) -> bytes:
        return b"short"

    cache = make_cache(short)
    with pytest.raises(libseal.KeyUnwrapError) as refused:
        run(aio.unseal(MESSAGES[0], cache))
    with pytest.raises(libseal.KeyUnwrapError) as expected:
        run(aio.unseal(MESSAGES[0], short))
    assert str(refused.value) == str(expected.value)
    assert refused.value.name == "DATA_KEY_LENGTH"


# ---- Cancellation


def test_the_first_is_cancelled_while_others_wait(make_cache: Any) -> None:
    kms = Kms()
    cache = make_cache(kms)

    async def cancel_some() -> None:
        tasks = [asyncio.create_task(aio.unseal(MESSAGES[0], cache)) for _ in range(16)]
        await asyncio.sleep(0.001)
        assert kms.calls == 1
        for task in tasks[:5] + tasks[10:]:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert results[5:10] == [b"data"] * 5
        assert all(isinstance(result, asyncio.CancelledError) for result in results[:5])
        assert (kms.calls, kms.cancelled) == (1, 0)

    run(cancel_some())


def test_the_call_ends_with_the_last_who_waits(make_cache: Any) -> None:
    kms = Kms(seconds=60)
    cache = make_cache(kms)

    async def cancel_all() -> None:
        tasks = [asyncio.create_task(aio.unseal(MESSAGES[0], cache)) for _ in range(5)]
        await asyncio.sleep(0.001)
        for task in tasks:
            task.cancel()
        # Who comes now does not go down with it.
        kms.seconds = 0
        later = asyncio.create_task(aio.unseal(MESSAGES[0], cache))
        await asyncio.gather(*tasks, return_exceptions=True)
        assert all(task.cancelled() for task in tasks)
        assert kms.cancelled == 1
        assert await later == b"data"
        assert kms.calls == 2

    run(cancel_all())


def test_the_last_one_waits_for_the_end_of_the_call(make_cache: Any) -> None:
    ended = []

    async def cleans_up(_: libseal.WrappedKey) -> bytes:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            ended.append(True)
        raise AssertionError

    cache = make_cache(cleans_up)

    async def cancel() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await aio.unseal(MESSAGES[0], cache)
        assert ended == [True]

    run(cancel())


def test_a_failure_that_no_one_waits_for_any_more(make_cache: Any) -> None:
    async def fails_when_cancelled(_: libseal.WrappedKey) -> bytes:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise OSError("connection closed") from None
        raise AssertionError

    cache = make_cache(fails_when_cancelled)

    async def cancel() -> None:
        task = asyncio.create_task(aio.unseal(MESSAGES[0], cache))
        await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(cancel())


def test_cancelled_everywhere(make_cache: Any) -> None:
    times = 0
    for inner in (unwrap, unwrapper(), [holds_nothing, unwrap]):
        cache = make_cache(inner)

        async def attempt(cache: Any = cache) -> None:
            cache.clear()
            others = [asyncio.create_task(aio.unseal(MESSAGES[0], cache)) for _ in range(3)]
            try:
                assert await aio.unseal(MESSAGES[0], cache) == b"data"
            finally:
                assert await asyncio.gather(*others) == [b"data"] * 3

        times += sum(cancel_everywhere(attempt))
    assert times > 3


def test_a_call_that_cancels_itself(make_cache: Any) -> None:
    async def cancels_itself(_: libseal.WrappedKey) -> bytes:
        raise asyncio.CancelledError

    cache = make_cache(cancels_itself)

    async def both() -> None:
        tasks = [asyncio.create_task(aio.unseal(MESSAGES[0], cache)) for _ in range(3)]
        await asyncio.wait(tasks, timeout=10)
        assert all(task.cancelled() for task in tasks)

    run(both())


# ---- Event loops


def test_several_event_loops_in_threads(make_cache: Any) -> None:
    kms = Kms()
    cache = make_cache(kms)
    results: list[list[bytes]] = []

    def work() -> None:
        results.append(asyncio.run(unseal_all(cache, MESSAGES * 10)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == [[b"data"] * 200] * 4
    # Each loop has calls of its own, at most.
    assert 20 <= kms.calls <= 80


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_an_event_loop_that_is_given_up(make_cache: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing of it is kept, and the next one is not disturbed."""
    kms = Kms(seconds=60)
    cache = make_cache(kms)
    loop = asyncio.new_event_loop()
    task = loop.create_task(aio.unseal(MESSAGES[0], cache))
    loop.run_until_complete(asyncio.sleep(0.01))
    assert kms.calls == 1
    loop.close()
    given_up = weakref.ref(loop)
    del loop, task
    gc.collect()
    assert given_up() is None
    assert not _flights._flights
    caplog.clear()  # That tasks were destroyed, which is true.
    kms.seconds = 0
    assert run(aio.unseal(MESSAGES[0], cache)) == b"data"


def test_nothing_keeps_a_cache_alive(make_cache: Any) -> None:
    kms = Kms()
    run(unseal_all(make_cache(kms), MESSAGES))
    forgotten = weakref.ref(kms)
    del kms
    gc.collect()
    assert forgotten() is None
