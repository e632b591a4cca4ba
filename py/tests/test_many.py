"""seal_many and unseal_many."""

from __future__ import annotations

import gc
import io
import itertools
import os
import threading
import time
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

import libseal
from support import (
    Counting,
    ShortReader,
    data_key_of,
    each_alone,
    fleet,
    key_file,
    kinds,
    public_key,
    unsealed,
    unwrapper,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEALING_KEY = libseal.SealingKey(public_key(), context={"device": "1"})
MIB = 1024 * 1024


# ---- What comes out


@pytest.mark.parametrize("count", [0, 1, 2, 3, 100, 3000])
@pytest.mark.parametrize("threads", [1, 2, None])
def test_what_goes_in_comes_out_in_order(count: int, threads: int | None) -> None:
    data = [b"%d" % number * (number % 50) for number in range(count)]
    messages = list(libseal.seal_many(SEALING_KEY, data, threads=threads))
    assert [libseal.unseal(message, unwrapper()) for message in messages[:100]] == data[:100]
    assert list(libseal.unseal_many(messages, unwrapper(), threads=threads)) == data
    assert all(type(message) is bytes for message in messages)


def test_small_and_large_messages_mix() -> None:
    data = [bytes([n % 256]) * (MIB if n % 40 == 0 else n % 3) for n in range(200)]
    messages = list(libseal.seal_many(SEALING_KEY, data))
    assert list(libseal.unseal_many(messages, unwrapper())) == data


def test_all_that_is_bytes_like_a_path_or_a_file_is_an_item(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"data" * 1000)

    def items() -> list[Any]:
        reader = io.BytesIO(b"leave outdata")
        reader.seek(9)
        doubled = b"".join(bytes([byte, 0]) for byte in b"data")
        return [
            b"data",
            bytearray(b"data"),
            memoryview(b"data"),
            memoryview(doubled)[::2],
            file,
            file.open("rb"),
            file.open("rb", buffering=0),
            reader,
            ShortReader(b"data"),
        ]

    expected = [b"data"] * 4 + [b"data" * 1000] * 3 + [b"data"] * 2
    given = items()
    messages = list(libseal.seal_many(SEALING_KEY, given))
    assert [libseal.unseal(message, unwrapper()) for message in messages] == expected
    for reader in given[5:7]:
        assert not reader.closed
        reader.close()

    sealed: list[Any] = []
    for number, message in enumerate(messages):
        path = tmp_path / str(number)
        path.write_bytes(message)
        sealed += [path, bytearray(message), io.BytesIO(message), ShortReader(message, 1000)]
    plaintexts = list(libseal.unseal_many(sealed, unwrapper()))
    assert plaintexts == [text for text in expected for _ in range(4)]


class Refilling(io.RawIOBase):
    """A file object that gives views of one buffer, as asked for in items of two bytes."""

    def __init__(self) -> None:
        self.buffer = bytearray(4)
        self.left = [b"CCCC", b"BBBB", b"AAAA"]

    def read(self, size: int = -1, /) -> Any:
        if not self.left:
            return b""
        self.buffer[:] = self.left.pop()
        return memoryview(self.buffer).cast("H")


def test_a_file_object_can_fill_one_buffer_again_and_again() -> None:
    (message,) = libseal.seal_many(SEALING_KEY, [Refilling()])
    assert libseal.unseal(message, unwrapper()) == b"AAAABBBBCCCC"


def test_a_view_can_be_released_when_the_next_item_is_taken() -> None:
    def views() -> Iterator[memoryview]:
        for text in (b"one", b"two"):
            with memoryview(text) as view:
                yield view

    messages = list(libseal.seal_many(SEALING_KEY, views(), read_ahead=2))
    assert [libseal.unseal(message, unwrapper()) for message in messages] == [b"one", b"two"]


def test_one_buffer_can_be_filled_again_and_again() -> None:
    buffer = bytearray(4)

    def items(texts: list[bytes]) -> Iterator[bytearray]:
        for text in texts:
            buffer[:] = text
            yield buffer

    data = [b"%04d" % number for number in range(100)]
    messages = list(libseal.seal_many(SEALING_KEY, items(data)))
    assert unsealed(map(memoryview, messages)) == data
    buffer[:] = bytes(len(messages[0]))
    assert unsealed(items(messages)) == data


def test_the_same_message_twice_and_others_between_them() -> None:
    messages = each_alone(3)
    unwrap = Counting()
    mixed = [messages[0], messages[1], messages[0], messages[2], messages[0]]
    assert unsealed(mixed, unwrap=unwrap) == [b"0", b"1", b"0", b"2", b"0"]
    assert unwrap.calls == 3


def test_messages_for_several_recipients() -> None:
    others = [public_key("rsa-3072"), public_key()]
    messages = [libseal.seal(others, b"%d" % number) for number in range(5)]
    assert unsealed(messages) == [b"%d" % number for number in range(5)]
    several = [unwrapper("rsa-4096"), unwrapper("rsa-3072")]
    assert unsealed(messages, unwrap=several) == [b"%d" % number for number in range(5)]


# ---- Iterables


def test_nothing_happens_before_the_first_result_is_asked_for() -> None:
    taken = iter([b""])
    libseal.unseal_many(taken, unwrapper())
    libseal.seal_many(SEALING_KEY, taken)
    assert list(taken) == [b""]


def test_an_endless_iterable_is_read_ahead_within_bounds() -> None:
    taken = 0

    def messages() -> Iterator[bytes]:
        nonlocal taken
        message = SEALING_KEY.seal(b"x")
        while True:
            taken += 1
            yield message

    results = libseal.unseal_many(messages(), unwrapper())
    next(results)
    assert taken == 1
    next(results)
    assert taken <= 3
    for number in range(2, 5000):
        next(results)
        assert taken - number <= 1025
    results.close()  # type: ignore[attr-defined]

    taken = 0
    results = libseal.unseal_many(messages(), unwrapper(), read_ahead=4)
    for number in range(100):
        next(results)
        assert taken - number <= 4


def test_a_slow_iterable_gets_each_result_at_once() -> None:
    taken = 0

    def messages() -> Iterator[bytes]:
        nonlocal taken
        message = SEALING_KEY.seal(b"x")
        yield from [message] * 2000
        while True:
            taken += 1
            yield message
            time.sleep(0.02)

    results = libseal.unseal_many(messages(), unwrapper())
    for _ in range(2000):
        next(results)
    for number in range(1, 6):
        next(results)
        assert taken <= number + 1


def test_closing_early_leaves_nothing_behind() -> None:
    results = libseal.unseal_many(each_alone(50), Counting(pause=0.001))
    next(results)
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert not [t for t in threading.enumerate() if t.name.startswith("libseal")]
    assert list(results) == []


def test_memory_is_bounded() -> None:
    def messages() -> Iterator[bytes]:
        for _ in range(30_000):
            yield SEALING_KEY.seal(bytes(4000))

    for _ in libseal.unseal_many(messages(), unwrapper()):
        break
    gc.collect()
    tracemalloc.start()
    try:
        total = 0
        for plaintext in libseal.unseal_many(messages(), unwrapper()):
            total += len(plaintext)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert total == 30_000 * 4000
    # A window of messages and their plaintexts: 1024 of 4.5 KB.
    assert peak < 12 * MIB


def test_a_window_ends_with_its_bytes() -> None:
    taken = 0

    def items() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield bytes(3 * MIB)

    results = libseal.seal_many(SEALING_KEY, items())
    for number in range(1, 30):
        next(results)
        assert taken - number <= 2
    results.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (b"bytes", "give"),
        ("path", "give"),
        (bytearray(b"x"), "give"),
        (io.BytesIO(b"x"), "give"),
        (42, "not int"),
        (None, "not NoneType"),
    ],
)
def test_one_item_is_no_iterable(given: Any, words: str) -> None:
    with pytest.raises(TypeError, match=rf"iterable of bytes, paths or file objects.*{words}"):
        libseal.unseal_many(given, unwrapper())
    with pytest.raises(TypeError, match=rf"iterable of bytes, paths or file objects.*{words}"):
        libseal.seal_many(SEALING_KEY, given)


def test_other_arguments_are_checked_at_once() -> None:
    with pytest.raises(TypeError, match="unwrap must be"):
        libseal.unseal_many([], 42)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="require must be"):
        libseal.unseal_many([], unwrapper(), require=3)  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="threads must be"):
        libseal.unseal_many([], unwrapper(), threads=0)
    with pytest.raises(ValueError, match="threads must be"):
        libseal.seal_many(SEALING_KEY, [], threads=0)
    for name in ("max_calls", "read_ahead"):
        with pytest.raises(ValueError, match=f"{name} must be at least 1"):
            libseal.unseal_many([], unwrapper(), **{name: 0})  # type: ignore[call-overload]
        with pytest.raises(TypeError, match=f"{name} must be an int"):
            libseal.unseal_many([], unwrapper(), **{name: 1.5})  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="recipients must be"):
        libseal.seal_many(42, [])  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="context belongs to the SealingKey"):
        libseal.seal_many(SEALING_KEY, [], context={"device": "2"})


# ---- Sealing


def test_recipients_share_one_data_key_and_the_context() -> None:
    recipients = iter([public_key(), public_key("rsa-3072")])
    messages = list(libseal.seal_many(recipients, [b"x"] * 3000, context={"device": "7"}))
    headers = {bytes(libseal.inspect(message)) for message in messages}
    assert len(headers) == 1
    assert len(set(messages)) == 3000
    for name in ("rsa-2048", "rsa-3072"):
        plaintexts = libseal.unseal_many(messages, unwrapper(name), require={"device": "7"})
        assert set(plaintexts) == {b"x"}
    with pytest.raises(libseal.ContextError):
        libseal.seal_many(public_key(), [], context={"": "x"})


def test_the_limits_of_a_sealing_key_hold() -> None:
    key = libseal.SealingKey(public_key(), max_messages=100)
    results = libseal.seal_many(key, [b"x"] * 200)
    assert len(list(itertools.islice(results, 100))) == 100
    with pytest.raises(libseal.LimitError) as caught:
        next(results)
    assert caught.value.name == "SEALING_KEY_EXHAUSTED"
    assert caught.value.__notes__ == ["in item 100"]
    assert key.remaining_messages == 0

    key = libseal.SealingKey(public_key(), max_bytes=10)
    items = [b"12345", b"1234567890", b"12345", b"", b"1"]
    found = list(libseal.seal_many(key, items, return_exceptions=True))
    assert kinds(found) == ["bytes", "LimitError", "bytes", "bytes", "LimitError"]


def test_new_data_keys_take_over_when_limits_are_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def small(recipients: Any, context: Any) -> libseal.SealingKey:
        made.append(libseal.SealingKey(recipients, context=context, max_messages=1500))
        return made[-1]

    monkeypatch.setattr("libseal._many._sealing_key", small)
    messages = list(libseal.seal_many(public_key(), [b"%d" % n for n in range(5000)]))
    assert len(made) in (4, 5, 6)
    plaintexts = list(libseal.unseal_many(messages, unwrapper()))
    assert plaintexts == [b"%d" % n for n in range(5000)]


def test_sealing_has_errors_of_items_too(tmp_path: Path) -> None:
    items: list[Any] = [b"x", tmp_path / "missing", 42, b"y"]
    results = list(libseal.seal_many(SEALING_KEY, items, return_exceptions=True))
    assert kinds(results) == ["bytes", "FileNotFoundError", "TypeError", "bytes"]
    results = libseal.seal_many(SEALING_KEY, items)  # type: ignore[assignment]
    with pytest.raises(FileNotFoundError) as caught:
        list(results)
    assert caught.value.__notes__ == [f"in item 1, {str(tmp_path / 'missing')!r}"]


# ---- Threads and processes


def test_threads_can_seal_with_one_key_at_once() -> None:
    key = libseal.SealingKey(public_key(), max_messages=8 * 2000)
    found: list[list[bytes]] = []

    def work() -> None:
        found.append(list(libseal.seal_many(key, [b"x"] * 2000)))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert key.remaining_messages == 0
    messages = {message for part in found for message in part}
    assert len(messages) == 8 * 2000
    assert set(libseal.unseal_many(messages, unwrapper())) == {b"x"}


def test_other_threads_run_meanwhile() -> None:
    data = [bytes(1000)] * 1000
    ticks = 0
    is_over = False

    def tick() -> None:
        nonlocal ticks
        while not is_over:
            ticks += 1
            time.sleep(0)

    thread = threading.Thread(target=tick)
    thread.start()
    for _ in range(20):
        messages = list(libseal.seal_many(SEALING_KEY, data))
        list(libseal.unseal_many(messages, unwrapper()))
    is_over = True
    thread.join()
    assert ticks > 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_unsealing_goes_on_in_both_processes_after_a_fork() -> None:
    messages = list(libseal.seal_many(SEALING_KEY, [b"%d" % n for n in range(3000)]))
    results = libseal.unseal_many(messages, unwrapper())
    begun = list(itertools.islice(results, 100))
    child = os.fork()
    if child == 0:
        status = 1
        try:
            rest = list(results)
            status = 0 if begun + rest == [b"%d" % n for n in range(3000)] else 2
            with pytest.raises(libseal.StateError):
                list(libseal.seal_many(SEALING_KEY, [b"x"] * 100))
        except BaseException:
            status = 3
        finally:
            os._exit(status)
    assert begun + list(results) == [b"%d" % n for n in range(3000)]
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_data_key_opens_no_message_of_another() -> None:
    first, second = fleet(2)
    header = libseal.inspect(first.seal(b"x"))
    other = second.seal(b"y")
    grafted = bytes(header) + other[libseal.inspect(other).length :]
    results = unsealed([first.seal(b"x"), grafted, other])
    assert kinds(results) == ["bytes", "AuthenticationError", "bytes"]
    assert data_key_of(other) != data_key_of(grafted)


def test_private_keys_of_files_are_unwrappers_too() -> None:
    local = libseal.LocalUnwrapper(key_file("rsa-2048.key.pem"))
    assert unsealed(each_alone(5), unwrap=local) == [b"0", b"1", b"2", b"3", b"4"]
