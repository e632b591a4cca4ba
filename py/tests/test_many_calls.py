"""unseal_many: which calls of a KMS it makes, and what it says of what fails."""

from __future__ import annotations

import gc
import io
import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

import pytest

import libseal
from support import Counting, ShortReader, each_alone, fleet, kinds, public_key, unsealed, unwrapper

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEALING_KEY = libseal.SealingKey(public_key(), context={"device": "1"})


# ---- Calls of the KMS


@pytest.mark.parametrize("order", ["sorted", "shuffled"])
def test_each_data_key_is_unwrapped_once(order: str) -> None:
    keys, data = fleet(20), [b"%d" % number for number in range(10_000)]
    messages = [keys[number // 500].seal(text) for number, text in enumerate(data)]
    pairs = list(zip(messages, data, strict=True))
    if order == "shuffled":
        random.Random(1).shuffle(pairs)
    unwrap = Counting()
    plaintexts = libseal.unseal_many([message for message, _ in pairs], unwrap)
    assert list(plaintexts) == [text for _, text in pairs]
    assert unwrap.calls == 20


def test_headers_of_many_lengths() -> None:
    keys = [libseal.SealingKey(public_key(), context={"x": "y" * n}) for n in range(40)]
    messages = [key.seal(b"x") for _ in range(100) for key in keys]
    unwrap = Counting()
    assert unsealed(messages, unwrap=unwrap) == [b"x"] * 4000
    assert unwrap.calls == 40


def test_a_wrapped_key_in_several_headers_is_unwrapped_once() -> None:
    message = libseal.seal(public_key(), b"x")
    header = libseal.Header(message)
    others = [public_key("rsa-3072"), public_key("rsa-4096")]
    headers = [header.rewrap(unwrapper(), other, keep=True) for other in others for _ in range(3)]
    rewrapped = [bytes(other) + message[header.length :] for other in headers]
    unwrap = Counting(pause=0.02)
    assert unsealed([message, *rewrapped], unwrap=unwrap) == [b"x"] * 7
    # The other recipients are asked for only if the first has failed.
    assert unwrap.calls == 1


def test_a_cache_of_the_callers_is_asked_again_after_a_second() -> None:
    def messages() -> Iterator[bytes]:
        yield from [SEALING_KEY.seal(b"x") for _ in range(100)]
        time.sleep(1.05)
        yield from [SEALING_KEY.seal(b"x") for _ in range(100)]

    unwrap = Counting()
    cache = libseal.CachingUnwrapper(unwrap, max_uses=1)
    assert unsealed(messages(), unwrap=cache) == [b"x"] * 200
    assert unwrap.calls == 2
    unwrap = Counting()
    assert unsealed(messages(), unwrap=unwrap) == [b"x"] * 200
    assert unwrap.calls == 1


def test_several_keys_are_unwrapped_at_once_within_bounds() -> None:
    messages = each_alone(24)
    unwrap = Counting(pause=0.02)
    assert len(unsealed(messages, unwrap=unwrap, max_calls=3)) == 24
    assert unwrap.calls == 24
    assert unwrap.most_at_once == 3
    assert not [t for t in threading.enumerate() if t.name.startswith("libseal")]
    alone = Counting()
    assert len(unsealed(messages, unwrap=alone, max_calls=1)) == 24
    assert alone.threads == {threading.current_thread().name}


def test_one_unknown_key_takes_no_thread() -> None:
    unwrap = Counting()
    unsealed([SEALING_KEY.seal(b"x") for _ in range(100)], unwrap=unwrap)
    assert unwrap.threads == {threading.current_thread().name}


def test_messages_that_wait_for_one_failing_key_cause_one_call() -> None:
    def fail(_: int) -> None:
        raise libseal.KmsUnavailableError("throttled")

    messages = [SEALING_KEY.seal(b"x") for _ in range(16)]
    unwrap = Counting(fail=fail)
    results = unsealed(messages, unwrap=unwrap)
    assert unwrap.calls == 1
    assert kinds(results) == ["KmsUnavailableError"] * 16
    for number, result in enumerate(results):
        assert result.__notes__ == [f"in message {number}"]
        assert result.retryable


@pytest.mark.parametrize("error", [libseal.StopUnwrap, libseal.KmsUnavailableError])
def test_what_is_unavailable_is_asked_for_again_later(error: type[Exception]) -> None:
    def fail(number: int) -> None:
        if number == 1:
            raise error("down")

    def messages() -> Iterator[bytes]:
        for number in range(20):
            if number == 10:
                time.sleep(0.11)
            yield SEALING_KEY.seal(b"x")

    unwrap = Counting(fail=fail)
    results = unsealed(messages(), unwrap=unwrap)
    assert set(kinds(results)[:5]) == {error.__name__}
    assert set(kinds(results)[10:]) == {"bytes"}
    assert unwrap.calls == 2


@pytest.mark.parametrize(
    "error", [libseal.KmsRefusedError, libseal.WrappedKeyRejectedError, OSError]
)
def test_what_has_failed_for_good_is_not_asked_for_again(error: type[Exception]) -> None:
    def fail(_: int) -> None:
        raise error("no")

    unwrap = Counting(fail=fail)
    messages = [SEALING_KEY.seal(b"x") for _ in range(3000)]
    # Forged, but with the same wrapped key.
    forged = [message.replace(b"device", b"Device") for message in messages]
    results = unsealed([*messages, *forged], unwrap=unwrap)
    assert unwrap.calls == 1
    expected = "KeyUnwrapError" if error is OSError else error.__name__
    assert set(kinds(results)) == {expected}


def test_after_a_stop_no_other_key_is_asked_for() -> None:
    def fail(_: int) -> None:
        raise libseal.StopUnwrap("down")

    unwrap = Counting(fail=fail)
    results = unsealed(each_alone(20), unwrap=unwrap, max_calls=1)
    assert set(kinds(results)) == {"StopUnwrap"}
    assert unwrap.calls == 1


def test_credentials_that_expire_in_the_middle() -> None:
    def fail(number: int) -> None:
        if number > 10:
            raise libseal.KmsRefusedError("expired")

    results = unsealed(each_alone(30), unwrap=Counting(fail=fail), max_calls=4)
    good = [result for result in results if isinstance(result, bytes)]
    assert len(good) == 10
    assert kinds(r for r in results if not isinstance(r, bytes)) == ["KmsRefusedError"] * 20
    for number, result in enumerate(results):
        if not isinstance(result, bytes):
            assert result.__notes__ == [f"in message {number}"]


def test_after_a_failure_that_is_raised_no_other_key_is_asked_for() -> None:
    messages = each_alone(31)
    unwrap = Counting()
    # The second window ends with what is no message, the third begins with it.
    messages[3] = b"no message"
    results = libseal.unseal_many(messages, unwrap, max_calls=1)
    assert list(itertools.islice(results, 3)) == [b"0", b"1", b"2"]
    with pytest.raises(libseal.FormatError):
        next(results)
    assert unwrap.calls == 3
    assert list(results) == []


def test_foreign_messages_cause_no_call_of_a_kms() -> None:
    asked = []

    def kms(wrapped_key: libseal.WrappedKey) -> bytes | None:
        if wrapped_key.fingerprint != public_key().fingerprint:
            return None
        asked.append(wrapped_key)
        return unwrapper()(wrapped_key)

    foreign = libseal.SealingKey(public_key("rsa-3072"))
    messages = [foreign.seal(b"x") for _ in range(1000)]
    results = unsealed([*messages, SEALING_KEY.seal(b"mine")], unwrap=kms)
    assert kinds(results) == ["NoMatchingRecipientError"] * 1000 + ["bytes"]
    assert len(asked) == 1


def test_require_is_checked_before_any_key_is_unwrapped() -> None:
    unwrap = Counting()
    messages = [key.seal(b"x") for key in fleet(5)]
    results = unsealed(messages, unwrap=unwrap, require={"device": "3"})
    assert kinds(results) == ["ContextMismatchError"] * 3 + ["bytes", "ContextMismatchError"]
    assert unwrap.calls == 1
    assert "device" in str(results[0])


# ---- Errors


def test_an_error_of_one_message_is_its_own_and_names_it(tmp_path: Path) -> None:
    message = SEALING_KEY.seal(b"x" * 1000)
    altered = bytearray(message)
    altered[-20] ^= 1
    forged = message.replace(b"device", b"Device")
    missing = tmp_path / "missing"
    items: list[Any] = [
        message,
        altered,
        message[:-1],
        message[:20],
        b"",
        b"no message at all",
        forged,
        missing,
        str(missing),
        42,
        None,
        io.StringIO("text"),
        ShortReader(message, fails_at=10),
        message,
    ]
    results = unsealed(items)
    expected = ["bytes", "TruncatedError", "TruncatedError", "TruncatedError", "TruncatedError"]
    expected += ["FormatError", "AuthenticationError", "FileNotFoundError", "TypeError"]
    expected += ["TypeError", "TypeError", "TypeError", "OSError", "bytes"]
    assert kinds(results) == expected
    assert results[0] == results[-1] == b"x" * 1000
    for number, result in enumerate(results[1:-1], 1):
        (note,) = result.__notes__
        assert note.startswith(f"in message {number}")
    assert repr(str(missing)) in results[7].__notes__[0]
    # Whoever sent a message must not choose a file to be read.
    assert "pathlib.Path" in str(results[8])
    assert "or a file object, not int" in str(results[9])


def test_the_first_error_is_raised_when_its_turn_comes() -> None:
    messages = [SEALING_KEY.seal(b"%d" % number) for number in range(100)]
    messages[70] = messages[70][:-1]
    results = libseal.unseal_many(messages, unwrapper())
    assert list(itertools.islice(results, 70)) == [b"%d" % number for number in range(70)]
    with pytest.raises(libseal.TruncatedError) as caught:
        next(results)
    assert caught.value.__notes__ == ["in message 70"]
    with pytest.raises(StopIteration):
        next(results)


@pytest.mark.parametrize("place", [0, 1, 50])
def test_an_exception_of_the_iterable_comes_at_its_place(place: int) -> None:
    def messages() -> Iterator[bytes]:
        for number in range(place):
            yield SEALING_KEY.seal(b"%d" % number)
        raise LookupError("no more")

    results = libseal.unseal_many(messages(), unwrapper(), return_exceptions=True)
    for number in range(place):
        assert next(results) == b"%d" % number
    with pytest.raises(LookupError, match="no more"):
        next(results)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interruption_is_no_result(error: type[BaseException]) -> None:
    def fail(number: int) -> None:
        if number == 4:
            raise error

    for max_calls in (1, 8):
        with pytest.raises(error):
            unsealed(each_alone(20), unwrap=Counting(fail=fail), max_calls=max_calls)

    def messages() -> Iterator[bytes]:
        yield SEALING_KEY.seal(b"x")
        raise error

    with pytest.raises(error):
        unsealed(messages())


@pytest.mark.skipif(not hasattr(signal, "SIGINT") or os.name == "nt", reason="POSIX signals")
def test_ctrl_c_does_not_wait_for_the_kms() -> None:
    program = f"""
import libseal, os, signal, sys, threading, time
key = libseal.PublicKey(bytes.fromhex({public_key().der.hex()!r}))
messages = [libseal.seal(key, b"x") for _ in range(8)]
calls = 0

def slow(_):
    global calls
    calls += 1
    if calls == 4:
        os.kill(os.getpid(), signal.SIGINT)
    time.sleep(1)

start = time.monotonic()
try:
    list(libseal.unseal_many(messages, slow, return_exceptions=True, max_calls=4, read_ahead=8))
except KeyboardInterrupt:
    sys.exit(0 if calls < 8 else 4)
sys.exit(3)
"""
    done = subprocess.run([sys.executable, "-c", program], check=False, timeout=60)
    assert done.returncode == 0


def test_an_unwrapper_that_returns_garbage_fails_for_its_message_alone() -> None:
    messages = each_alone(4)
    wrong_length, wrong_key = (libseal.inspect(messages[n]).wrapped_keys[0] for n in (1, 2))

    def garbage(wrapped_key: libseal.WrappedKey) -> Any:
        answers = {wrong_length: b"short", wrong_key: bytes(32)}
        return answers.get(wrapped_key) or unwrapper()(wrapped_key)

    results = unsealed(messages, unwrap=garbage)
    assert kinds(results) == ["bytes", "WrappedKeyRejectedError", "AuthenticationError", "bytes"]


def test_another_key_id_does_not_spoil_a_wrapped_key() -> None:
    """Anyone can write one into a header, and an unwrapper may go by it."""

    def by_key_id(wrapped_key: libseal.WrappedKey) -> bytes | None:
        if wrapped_key.key_id != "mine":
            raise PermissionError(wrapped_key.key_id)
        return unwrapper()(wrapped_key)

    good = libseal.seal(libseal.Recipient(public_key(), "mine"), b"data")
    forged = good.replace(b"mine", b"your")
    assert kinds(unsealed([forged, good], unwrap=by_key_id)) == ["KeyUnwrapError", "bytes"]
    assert kinds(unsealed([forged, good], unwrap=by_key_id, read_ahead=1))[1] == "bytes"


@pytest.mark.parametrize("error", [libseal.KmsUnavailableError("down"), OSError("lost")])
def test_nothing_is_kept_alive_by_failures(error: Exception) -> None:
    def failing(_: libseal.WrappedKey) -> bytes:
        raise type(error)(*error.args)

    message = libseal.seal(public_key(), b"data")
    alive = weakref.ref(failing)
    for result in libseal.unseal_many([message], failing, return_exceptions=True):
        assert isinstance(result, libseal.KeyUnwrapError)
    del failing, result
    gc.collect()
    assert alive() is None


def test_later_messages_have_a_failure_in_words() -> None:
    messages = [SEALING_KEY.seal(b"%d" % number) for number in range(3)]
    denied = PermissionError("denied")

    def failing(_: libseal.WrappedKey) -> bytes:
        raise denied

    first, *later = unsealed(messages, unwrap=failing, read_ahead=1)
    assert first.__cause__ is denied
    for failure in later:
        assert (type(failure), str(failure)) == (type(first), str(first))
        assert (failure.code, failure.name) == (first.code, first.name)
        assert failure.__cause__ is None


def test_without_threads_the_keys_are_unwrapped_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_thread)
    unwrap = Counting(pause=0.002)
    assert len(unsealed(each_alone(5), unwrap=unwrap)) == 5
    assert unwrap.calls == 5
