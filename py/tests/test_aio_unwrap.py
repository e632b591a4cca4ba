"""Asynchronous unwrappers: by the same rules as synchronous ones, to the letter."""

import asyncio
import contextvars
import functools
import threading
from collections.abc import Awaitable, Callable
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest

import libseal
from aio_support import cancel_everywhere, run, unwrap
from libseal import aio
from support import data_key_of, holds_nothing, public_key, unwrapper
from tests.independent.vector import VECTORS, parse

BLOB = libseal.seal([public_key(), public_key("rsa-2048-b")], b"data")
DATA_KEY = data_key_of(BLOB)
FIRST, SECOND = libseal.inspect(BLOB).wrapped_keys
OTHER = libseal.seal(public_key("rsa-3072"), b"data")


class Script:
    """Answers with one thing after the other, and notes what it was asked."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.asked: list[object] = []

    def next(self, asked: object) -> Any:
        self.asked.append(asked)
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


class Each(Script):
    def __call__(self, key: libseal.WrappedKey) -> Any:
        return self.next(key)


class EachAsync(Script):
    async def __call__(self, key: libseal.WrappedKey) -> Any:
        await asyncio.sleep(0)
        return self.next(key)


class All(Script):
    def unwrap_keys(self, keys: tuple[libseal.WrappedKey, ...]) -> Any:
        return self.next(keys)


class AllAsync(Script):
    async def unwrap_keys(self, keys: tuple[libseal.WrappedKey, ...]) -> Any:
        await asyncio.sleep(0)
        return self.next(keys)


class EachKnown(Each):
    def fingerprints(self) -> list[bytes]:
        return [bytes(32)]


class EachKnownAsync(EachAsync):
    def fingerprints(self) -> list[bytes]:
        return [bytes(32)]


ASYNC: dict[type[Script], type[Script]] = {
    Each: EachAsync,
    All: AllAsync,
    EachKnown: EachKnownAsync,
}

FAILED = ValueError("failed")
LATER = OSError("later")
BUSY = libseal.KmsUnavailableError("throttled")
REFUSED = libseal.KmsRefusedError("denied")
OWN = libseal.ContextMismatchError("not of this tenant")
STOP = libseal.StopUnwrap("the KMS is down")

# For each unwrapper its kind, and what it answers.
SCRIPTS: list[list[tuple[type[Script], tuple[object, ...]]]] = [
    [],
    [(Each, (DATA_KEY,))],
    [(Each, (None, DATA_KEY))],
    [(Each, (bytearray(DATA_KEY),))],
    [(Each, (memoryview(DATA_KEY),))],
    [(Each, (None, None))],
    [(EachKnown, (None, None))],
    [(EachKnown, (None, None)), (All, (None,)), (Each, (None, None))],
    [(Each, (b"", b"x" * 33))],
    [(Each, (b"short", None))],
    [(Each, (b"short", DATA_KEY))],
    [(Each, ("x" * 32, DATA_KEY))],
    [(Each, ("x" * 32, 7))],
    [(Each, ([1] * 32, None))],
    [(Each, (bytes(32), DATA_KEY))],
    [(Each, (FAILED, LATER))],
    [(Each, (None, FAILED))],
    [(Each, (FAILED, None))],
    [(Each, (FAILED, DATA_KEY))],
    [(Each, (FAILED, b"short"))],
    [(Each, (ValueError(), None))],
    [(Each, (REFUSED, BUSY))],
    [(Each, (BUSY, REFUSED))],
    [(Each, (OWN, FAILED))],
    [(Each, (FAILED, OWN))],
    [(Each, (STOP, DATA_KEY))],
    [(Each, (FAILED, STOP))],
    [(Each, (None, libseal.StopUnwrap()))],
    [(Each, (KeyboardInterrupt(), DATA_KEY))],
    [(Each, (FAILED, SystemExit(1)))],
    [(Each, (asyncio.CancelledError("by itself"), DATA_KEY))],
    [(Each, (GeneratorExit(), DATA_KEY))],
    [(Each, (None, None)), (Each, (None, DATA_KEY))],
    [(Each, (FAILED, None)), (Each, (BUSY, None)), (Each, (LATER, None))],
    [(Each, (FAILED, None)), (Each, (STOP,)), (Each, ())],
    [(All, (DATA_KEY,))],
    [(All, (None,))],
    [(All, (b"short",))],
    [(All, ("text",))],
    [(All, (FAILED,)), (Each, (None, DATA_KEY))],
    [(All, (STOP,)), (Each, ())],
    [(All, (KeyboardInterrupt(),)), (Each, ())],
    [(Each, (None, None)), (All, (None,)), (All, (bytes(32),))],
]


def outcome(call: Callable[[], bytes]) -> object:
    """All that a caller can see of it."""
    try:
        return call()
    except BaseException as error:  # noqa: BLE001
        code = getattr(error, "code", None), getattr(error, "name", None)
        cause = error.__cause__
        # Those of libseal's own making are made anew every time.
        known = cause if isinstance(cause, ValueError | OSError) else repr(cause)
        return type(error), str(error), code, known


@pytest.mark.parametrize("are_async", ["all", "none", "mixed"])
@pytest.mark.parametrize("script", SCRIPTS)
def test_the_rules_are_those_of_synchronous_unwrappers(
    script: list[tuple[type[Script], tuple[object, ...]]], are_async: str
) -> None:
    expected = [kind(*answers) for kind, answers in script]
    actual: list[Any] = []
    for number, (kind, answers) in enumerate(script):
        is_async = are_async == "all" or (are_async == "mixed" and number % 2 == 0)
        actual.append((ASYNC[kind] if is_async else kind)(*answers))
    synchronous: Any = expected
    of_sync = outcome(lambda: libseal.unseal(BLOB, synchronous))
    of_async = outcome(lambda: run(aio.unseal(BLOB, actual)))
    assert of_async == of_sync
    assert [unwrapper.asked for unwrapper in actual] == [one.asked for one in expected]


def test_errors_of_the_library_itself_are_passed_as_they_are() -> None:
    for error in (OWN, STOP, BUSY):
        with pytest.raises(type(error)) as refused:
            run(aio.unseal(BLOB, EachAsync(error, None)))
        assert refused.value is error


def test_stop_iteration_is_a_failure() -> None:
    # A thread cannot hand it on, and a coroutine makes a RuntimeError of it.
    for unwrapper_of_it in (Each(StopIteration(), None), EachAsync(StopIteration(), None)):
        with pytest.raises(libseal.KeyUnwrapError):
            run(aio.unseal(BLOB, unwrapper_of_it))
    assert run(aio.unseal(BLOB, Each(StopIteration(), DATA_KEY))) == b"data"


async def answering(value: bytes | None, _: libseal.WrappedKey) -> bytes | None:
    await asyncio.sleep(0)
    return value


def only_calls_it(key: libseal.WrappedKey) -> Awaitable[bytes | None]:
    return unwrap(key)


class Method:
    async def unwrap(self, key: libseal.WrappedKey) -> bytes | None:
        return await unwrap(key)


ALL_KINDS: list[aio.Unwrap] = [
    unwrap,
    unwrapper(),
    Method().unwrap,
    only_calls_it,
    lambda key: unwrap(key),
    functools.partial(answering, DATA_KEY),
    AsyncMock(return_value=DATA_KEY),
    Mock(return_value=DATA_KEY),
    [holds_nothing, functools.partial(answering, None), unwrapper("rsa-3072"), unwrap],
    (unwrap,),
]


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_kinds_of_unwrappers(kind: aio.Unwrap) -> None:
    assert run(aio.unseal(BLOB, kind)) == b"data"


@pytest.mark.skipif(not hasattr(asyncio, "eager_task_factory"), reason="Python 3.12")
def test_eager_tasks() -> None:
    async def unseal_many() -> list[bytes]:
        calls = (aio.unseal(BLOB, kind) for kind in (unwrap, unwrapper(), only_calls_it))
        return await asyncio.gather(*calls)

    assert run(unseal_many(), is_eager=True) == [b"data"] * 3


def test_a_recipient_of_an_unknown_kind_is_not_shown() -> None:
    vector = parse(VECTORS / "accepted" / "recipient_of_reserved_kind_3_skipped.vector")
    each, all_keys = EachAsync(vector.data_key), AllAsync(vector.data_key)
    for script in (each, all_keys):
        run(aio.unseal(vector.message, script))  # type: ignore[arg-type]
    (known,) = all_keys.asked[0]  # type: ignore[misc]
    assert known.algorithm == "RSAES_OAEP_SHA_256"
    assert each.asked == [known]


def test_two_equal_recipients_are_two_questions() -> None:
    (wrapped_key,) = libseal.inspect(OTHER).wrapped_keys
    script = EachAsync(None, None)
    with pytest.raises(libseal.NoMatchingRecipientError):
        run(aio.unseal(BLOB, script))
    assert script.asked == [FIRST, SECOND]
    assert wrapped_key not in script.asked


def test_no_matching_recipient_names_the_keys_of_both_sides() -> None:
    with pytest.raises(libseal.NoMatchingRecipientError) as synchronous:
        libseal.unseal(OTHER, unwrapper())
    with pytest.raises(libseal.NoMatchingRecipientError) as asynchronous:
        run(aio.unseal(OTHER, unwrapper()))
    assert str(asynchronous.value) == str(synchronous.value)
    assert public_key().fingerprint.hex() in str(asynchronous.value)


def test_no_one_is_asked_for_what_is_no_message() -> None:
    script = EachAsync()
    for message in (b"", b"SEAL", b"junk", BLOB[:300]):
        with pytest.raises(libseal.SealError) as refused:
            run(aio.unseal(message, script))
        with pytest.raises(libseal.SealError) as expected:
            libseal.unseal(message, holds_nothing)
        assert str(refused.value) == str(expected.value)
    with pytest.raises(libseal.ContextMismatchError):
        run(aio.unseal(BLOB, script, require={"a": "b"}))
    assert not script.asked


@pytest.mark.parametrize("length", [0, 1, 100_000, 1 << 20, 3_000_000])
def test_messages_of_all_lengths(length: int) -> None:
    data = bytes(length)
    message = libseal.seal(public_key(), data)
    for one in (unwrap, unwrapper()):
        assert run(aio.unseal(message, one)) == data
    assert run(aio.unseal(bytearray(message), unwrap)) == data
    for wrong in (message[:-1], message + b"x", message[:-30] + b"x" * 30):
        with pytest.raises(libseal.AuthenticationError):
            run(aio.unseal(wrong, unwrap))
    with pytest.raises(libseal.AuthenticationError):
        run(aio.unseal(message, EachAsync(bytes(32))))


def test_after_a_wrong_length_the_next_one_unseals_a_long_message() -> None:
    message = libseal.seal([public_key(), public_key("rsa-2048-b")], bytes(2_000_000))
    script = EachAsync(b"short", data_key_of(message))
    assert run(aio.unseal(message, script)) == bytes(2_000_000)


def test_a_long_message_leaves_the_event_loop_free() -> None:
    message = libseal.seal(public_key(), bytes(64 << 20))

    async def unseal() -> int:
        task = asyncio.create_task(aio.unseal(message, unwrap))
        turns = 0
        while not task.done():
            await asyncio.sleep(0.001)
            turns += 1
        await task
        return turns

    assert run(unseal()) > 3


def test_a_synchronous_unwrapper_runs_in_a_thread_with_the_context() -> None:
    variable = contextvars.ContextVar("variable", default="none")
    seen: list[tuple[bool, str]] = []

    def slow(key: libseal.WrappedKey) -> bytes | None:
        seen.append((threading.current_thread() is threading.main_thread(), variable.get()))
        return unwrapper()(key)

    async def unseal() -> bytes:
        variable.set("mine")
        return await aio.unseal(BLOB, slow)

    assert run(unseal()) == b"data"
    assert seen == [(False, "mine")]


def test_cancelled_everywhere() -> None:
    long = libseal.seal([public_key("rsa-3072"), public_key()], bytes(2_000_000))
    unwrappers: list[aio.Unwrap] = [unwrap, unwrapper(), [only_calls_it, unwrap]]
    for kind in unwrappers:
        assert sum(cancel_everywhere(lambda kind=kind: aio.unseal(long, kind))) >= 2  # type: ignore[misc]


def test_timeouts() -> None:
    async def never(_: libseal.WrappedKey) -> bytes:
        await asyncio.sleep(60)
        raise AssertionError

    async def unseal() -> None:
        async with asyncio.timeout(0.01):
            await aio.unseal(BLOB, never)

    with pytest.raises(TimeoutError):
        run(unseal())


def test_a_task_group_ends_what_is_under_way() -> None:
    ended: list[str] = []

    async def never(_: libseal.WrappedKey) -> bytes:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("never")
        raise AssertionError

    async def fail(_: libseal.WrappedKey) -> bytes:
        raise libseal.StopUnwrap("down")

    async def unseal() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(aio.unseal(BLOB, never))
            group.create_task(aio.unseal(BLOB, fail))

    with pytest.raises(ExceptionGroup) as failed:
        run(unseal())
    assert isinstance(failed.value.exceptions[0], libseal.StopUnwrap)
    assert ended == ["never"]


NO_UNWRAPPERS: list[tuple[Any, str]] = [
    (None, "unwrap must be callable or have a method unwrap_keys, not NoneType"),
    ("pem", "unwrap must be callable or have a method unwrap_keys, not str"),
    ([unwrap, 7], "each of unwrap must be callable or have a method unwrap_keys, not int"),
    (libseal.LocalUnwrapper, "not the class LocalUnwrapper: make an object of it"),
]


@pytest.mark.parametrize(("wrong", "words"), NO_UNWRAPPERS)
def test_what_is_no_unwrapper(wrong: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        run(aio.unseal(BLOB, wrong))
    with pytest.raises(TypeError, match=words):
        run(aio.UnsealReader.open(asyncio.StreamReader, wrong))  # type: ignore[arg-type]


@pytest.mark.parametrize("message", [None, "text", 7])
def test_what_is_no_message(message: Any) -> None:
    with pytest.raises(TypeError, match="message must be bytes-like, not"):
        run(aio.unseal(message, unwrap))
