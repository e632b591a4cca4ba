"""Data keys that were unwrapped once, and their way to the processes of a job."""

from __future__ import annotations

import copy
import io
import os
import pickle
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

import libseal
from libseal.batch import DataKeys, JobKey
from support import Counting, data_key_of, each_alone, public_key, unwrapper

if TYPE_CHECKING:
    from collections.abc import Callable

VARIABLE = "LIBSEAL_JOB_SECRET"
MESSAGE = libseal.seal(public_key(), b"21.5 C")


def keys_of(*messages: bytes) -> DataKeys:
    keys = DataKeys()
    for message in messages:
        keys.unwrap(libseal.Header(message), unwrapper())
    return keys


def other_process(code: str, pickled: bytes, job_secret: str | None) -> str:
    """What another Python prints that unpickles ``keys``."""
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    if job_secret is not None:
        environment[VARIABLE] = job_secret
    code = f"import libseal, pickle, sys\nkeys = pickle.loads(sys.stdin.buffer.read())\n{code}"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, input=pickled, env=environment, capture_output=True, check=False)
    return (done.stdout + done.stderr).decode()


def test_each_data_key_is_asked_for_once() -> None:
    counting = Counting()
    sealing_key = libseal.SealingKey(public_key())
    messages = [sealing_key.seal(b"one"), sealing_key.seal(b"two"), MESSAGE, MESSAGE]
    keys = DataKeys()
    assert len(keys) == 0
    for message in messages:
        keys.unwrap(libseal.Header(message), counting)
        assert libseal.Header(message) in keys
    assert (counting.calls, len(keys)) == (2, 2)
    assert [libseal.unseal(message, keys) for message in messages[1:3]] == [b"two", b"21.5 C"]
    assert libseal.Header(libseal.seal(public_key(), b"")) not in keys
    assert "21.5 C" not in keys


def test_they_are_an_unwrapper_everywhere() -> None:
    keys = keys_of(MESSAGE)
    wrapped_key = libseal.inspect(MESSAGE).wrapped_keys[0]
    assert keys(wrapped_key) == data_key_of(MESSAGE)
    assert list(libseal.unseal_many([MESSAGE], keys)) == [b"21.5 C"]
    with libseal.UnsealReader(io.BytesIO(MESSAGE), keys) as reader:
        assert reader.read() == b"21.5 C"
    caching = libseal.CachingUnwrapper(keys)
    assert libseal.unseal(MESSAGE, caching) == b"21.5 C"


def test_what_is_not_there_is_left_to_the_next_unwrapper() -> None:
    counting = Counting()
    other = libseal.seal(public_key(), b"other")
    keys = keys_of(MESSAGE)
    with pytest.raises(libseal.NoMatchingRecipientError):
        libseal.unseal(other, keys)
    assert libseal.unseal(MESSAGE, [keys, counting]) == b"21.5 C"
    assert counting.calls == 0
    assert libseal.unseal(other, [keys, counting]) == b"other"
    assert counting.calls == 1


def test_what_an_unwrapper_raises_is_raised_and_nothing_is_kept() -> None:
    header = libseal.Header(MESSAGE)
    keys = DataKeys()

    def fails(_: libseal.WrappedKey) -> bytes:
        raise libseal.KmsUnavailableError("down")

    with pytest.raises(libseal.KmsUnavailableError, match="down"):
        keys.unwrap(header, fails)
    with pytest.raises(libseal.NoMatchingRecipientError):
        keys.unwrap(header, unwrapper("rsa-3072"))
    with pytest.raises(libseal.AuthenticationError):
        keys.unwrap(header, lambda _: bytes(32))
    assert len(keys) == 0


def test_a_header_that_was_altered_is_refused() -> None:
    header = bytearray(bytes(libseal.Header(MESSAGE)))
    header[-1] ^= 1
    keys = DataKeys()
    with pytest.raises(libseal.AuthenticationError):
        keys.unwrap(libseal.Header(header), unwrapper())
    assert len(keys) == 0
    # Once the right one is known, no one is asked about it.
    keys.unwrap(libseal.Header(MESSAGE), unwrapper())
    counting = Counting()
    with pytest.raises(libseal.AuthenticationError):
        keys.unwrap(libseal.Header(header), counting)
    assert counting.calls == 0


def test_threads_can_fill_one_object() -> None:
    messages = each_alone(24)
    headers = [libseal.Header(message) for message in messages]
    keys = DataKeys()
    counting = Counting(pause=0.001)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda header: keys.unwrap(header, counting), headers))
    assert (counting.calls, len(keys)) == (24, 24)
    assert [libseal.unseal(message, keys) for message in messages] == [b"%d" % n for n in range(24)]


def test_keys_can_be_put_in_and_together_and_apart() -> None:
    messages = each_alone(3)
    headers = [libseal.Header(message) for message in messages]
    keys = DataKeys()
    keys.insert(headers[0].wrapped_keys[0], data_key_of(messages[0]))
    keys.extend(keys_of(messages[1]))
    keys.extend(keys)
    assert [header in keys for header in headers] == [True, True, False]
    part = keys.for_headers(iter(headers[1:]))
    assert (len(part), headers[1] in part, headers[0] in part) == (1, True, False)
    assert libseal.unseal(messages[0], keys) == b"0"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_under_a_job_key_they_travel_as_ciphertext(
    protocol: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_key = JobKey.generate()
    keys = keys_of(MESSAGE).bound_to(job_key)
    pickled = pickle.dumps(keys, protocol)
    assert data_key_of(MESSAGE)[:8] not in pickled
    assert job_key.to_text().encode() not in pickled
    monkeypatch.setenv(VARIABLE, job_key.to_text())
    again = pickle.loads(pickled)
    assert libseal.unseal(MESSAGE, again) == b"21.5 C"
    # As a driver passes them on.
    assert len(pickle.loads(pickle.dumps(again.for_headers([libseal.Header(MESSAGE)])))) == 1


def test_another_process_has_the_job_key_in_its_environment() -> None:
    job_key = JobKey.generate()
    pickled = pickle.dumps(keys_of(MESSAGE).bound_to(job_key))
    unseal = f"print(libseal.unseal({MESSAGE!r}, keys))"
    assert "21.5 C" in other_process(unseal, pickled, job_key.to_text())

    without = other_process(unseal, pickled, None)
    assert "StateError" in without
    assert "this process has none" in without
    other = other_process(unseal, pickled, JobKey.generate().to_text())
    assert "AuthenticationError" in other
    assert "another job key" in other
    nonsense = other_process(unseal, pickled, "nonsense-of-mine")
    assert "InvalidKeyError" in nonsense
    for said in (without, other, nonsense):
        assert VARIABLE in said
        assert "21.5 C" not in said
        assert "nonsense-of-mine" not in said


def test_a_job_key_can_be_installed_in_a_process() -> None:
    job_key = JobKey.generate()
    keys = keys_of(MESSAGE).bound_to(job_key)
    code = f"""
import libseal, pickle
from libseal.batch import JobKey
JobKey.from_text({job_key.to_text()!r}).install()
print(libseal.unseal({MESSAGE!r}, pickle.loads({pickle.dumps(keys)!r})))
JobKey.install(JobKey.generate())
pickle.loads({pickle.dumps(keys)!r})
"""
    # What was installed counts, whatever the environment has.
    environment = os.environ | {VARIABLE: JobKey.generate().to_text()}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "b'21.5 C'\n", done.stderr
    assert "another job key than the one that was installed" in done.stderr


def test_keys_that_are_here_already_leave_the_pickle_as_it_is() -> None:
    job_key = JobKey.generate()
    keys = keys_of(MESSAGE).bound_to(job_key)
    before = pickle.dumps(keys)
    keys.extend(keys_of(MESSAGE))
    assert pickle.dumps(keys) == before
    keys.extend(keys_of(libseal.seal(public_key(), b"other")))
    assert pickle.dumps(keys) != before


def test_the_same_keys_have_the_same_pickle_until_they_change() -> None:
    """Dask takes objects for different ones if their pickles differ."""
    keys = keys_of(MESSAGE).bound_to(JobKey.generate())
    pickled = pickle.dumps(keys)
    assert pickle.dumps(keys) == pickled

    other = libseal.seal(public_key(), b"22 C")
    keys.unwrap(libseal.Header(other), unwrapper())

    assert len(pickle.dumps(keys)) > len(pickled)


def test_without_a_job_key_they_do_not_pickle() -> None:
    keys = keys_of(MESSAGE)
    assert keys.job_key is None
    with pytest.raises(TypeError, match=re.escape("JobKey.generate()")):
        pickle.dumps(keys)
    with pytest.raises(TypeError, match=VARIABLE):
        pickle.dumps(JobKey.generate())


def test_they_can_be_sent_in_another_way_than_pickled() -> None:
    job_key = JobKey.generate()
    keys = keys_of(MESSAGE)
    encrypted = keys.encrypt(job_key)
    again = DataKeys.decrypt(job_key, memoryview(encrypted))
    assert libseal.unseal(MESSAGE, again) == b"21.5 C"
    assert again.job_key is not None
    for bad in (b"", encrypted[:-1], encrypted[:-1] + b"x"):
        with pytest.raises(libseal.AuthenticationError):
            DataKeys.decrypt(job_key, bad)
    with pytest.raises(libseal.AuthenticationError, match="another job key"):
        DataKeys.decrypt(JobKey.generate(), encrypted)
    with pytest.raises(libseal.FormatError, match="version"):
        DataKeys.decrypt(job_key, b"\x07" + encrypted[1:])


def test_binding_takes_the_keys_as_they_are() -> None:
    keys = keys_of(MESSAGE)
    job_key = JobKey.generate()
    bound = keys.bound_to(job_key)
    keys.unwrap(libseal.Header(each_alone(1)[0]), unwrapper())
    assert (len(keys), len(bound)) == (2, 1)
    assert bound.job_key is not None
    assert bound.job_key.to_text() == job_key.to_text()
    assert keys.job_key is None


def test_copies_in_a_process_need_no_job_key() -> None:
    keys, job_key = keys_of(MESSAGE), JobKey.generate()
    for copied in (copy.copy(keys), copy.deepcopy(keys), copy.copy(keys.bound_to(job_key))):
        assert libseal.unseal(MESSAGE, copied) == b"21.5 C"
    copied = copy.copy(keys)
    copied.extend(keys_of(each_alone(1)[0]))
    assert (len(keys), len(copied)) == (1, 2)
    for key in (copy.copy(job_key), copy.deepcopy({"key": job_key})["key"]):
        assert key.to_text() == job_key.to_text()


def test_a_forked_child_can_go_on() -> None:
    keys = keys_of(MESSAGE)
    child = os.fork()
    if child == 0:
        os._exit(0 if libseal.unseal(MESSAGE, keys) == b"21.5 C" else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_nothing_shows_a_secret() -> None:
    job_key = JobKey.generate()
    keys = keys_of(MESSAGE, *each_alone(1)).bound_to(job_key)
    assert repr(keys) == str(keys) == "<libseal.batch.DataKeys of 2 keys>"
    assert repr(job_key) == str(job_key) == "<libseal.batch.JobKey>"
    for thing in (keys, job_key):
        assert not hasattr(thing, "__dict__")


def test_a_job_key_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    job_key = JobKey.generate()
    text = job_key.to_text()
    assert re.fullmatch("[A-Za-z0-9_-]{43}", text)
    assert JobKey.generate().to_text() != text
    assert JobKey.from_text(f" {text}\n").to_text() == text
    with pytest.raises(libseal.StateError, match=VARIABLE):
        JobKey.from_env()
    monkeypatch.setenv(VARIABLE, text)
    assert JobKey.from_env().to_text() == text
    monkeypatch.setenv(VARIABLE, text[1:])
    with pytest.raises(libseal.InvalidKeyError, match=VARIABLE) as caught:
        JobKey.from_env()
    assert text[1:] not in str(caught.value)
    with pytest.raises(libseal.InvalidKeyError, match="43") as caught:
        JobKey.from_text(text + "A")
    assert caught.value.name == "NOT_A_JOB_KEY"


CALLS: list[tuple[str, Callable[[], object]]] = [
    ("header must be a libseal.Header", lambda: DataKeys().unwrap(MESSAGE, unwrapper())),  # type: ignore[arg-type]
    ("unwrap must be callable", lambda: DataKeys().unwrap(libseal.Header(MESSAGE), 1)),  # type: ignore[arg-type]
    ("wrapped_key must be", lambda: DataKeys().insert(b"", b"")),  # type: ignore[arg-type]
    ("other must be a libseal.batch.DataKeys", lambda: DataKeys().extend({})),  # type: ignore[arg-type]
    ("headers must be an iterable", lambda: DataKeys().for_headers(1)),  # type: ignore[arg-type]
    ("each of headers must be", lambda: DataKeys().for_headers([b""])),  # type: ignore[list-item]
    ("job_key must be a libseal.batch.JobKey", lambda: DataKeys().bound_to("")),  # type: ignore[arg-type]
    ("job_key must be", lambda: DataKeys().encrypt(b"")),  # type: ignore[arg-type]
    ("encrypted must be bytes-like", lambda: DataKeys.decrypt(JobKey.generate(), "")),  # type: ignore[arg-type]
    ("text must be str", lambda: JobKey.from_text(b"")),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("message", "call"), CALLS, ids=[message for message, _ in CALLS])
def test_what_is_of_the_wrong_type_is_named(message: str, call: Callable[[], object]) -> None:
    with pytest.raises(TypeError, match=message):
        call()
