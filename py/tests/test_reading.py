"""Reading: a message from anywhere, without I/O."""

from __future__ import annotations

import asyncio
import random
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import libseal
from support import CHUNK, LENGTHS, data_key_of, holds_nothing, public_key, unwrapper

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = random.Random(1).randbytes(50 * CHUNK + 1234)
BLOB = libseal.seal(public_key(), DATA, context={"a": "b"})
DATA_KEY = data_key_of(BLOB)
HEADER = libseal.Header(BLOB)


def unwrap(_: libseal.WrappedKey) -> bytes:
    return DATA_KEY


class Source:
    """A message, and what was fetched of it."""

    def __init__(self, message: bytes = BLOB, at_once: int = 1 << 30) -> None:
        self.message = message
        self.at_once = at_once
        self.fetched: list[range] = []

    def get(self, offsets: range) -> bytes:
        piece = self.message[offsets.start : min(offsets.stop, offsets.start + self.at_once)]
        self.fetched.append(range(offsets.start, offsets.start + len(piece)))
        return piece


def read(reading: libseal.Reading, source: Source, wanted: int, way: str = "feed") -> bytes:
    """Up to ``wanted`` bytes: the loop of the documentation."""
    data, room = b"", bytearray(max(wanted, 1))
    while len(data) < wanted:
        left = wanted - len(data)
        match reading.next(left):
            case range() as offsets if way == "feed":
                reading.feed(source.get(offsets))
            case range() as offsets:
                count = reading.feed_into(source.get(offsets), memoryview(room)[:left])
                data += room[:count]
            case libseal.Next.KEY:
                reading.unwrap_with(unwrap)
            case libseal.Next.PLAINTEXT if way == "feed":
                data += reading.read(left)
            case libseal.Next.PLAINTEXT:
                count = reading.read_into(memoryview(room)[:left])
                data += room[:count]
            case libseal.Next.END:
                break
    return data


@pytest.mark.parametrize("way", ["feed", "feed_into"])
@pytest.mark.parametrize("at_once", [100, 20_000, 1 << 30])
@pytest.mark.parametrize("length", [*LENGTHS, 300_000, len(DATA)])
def test_from_start_to_end(length: int, at_once: int, way: str) -> None:
    blob = libseal.seal(public_key(), DATA[:length])
    reading, source = libseal.Reading(), Source(blob, at_once)
    assert reading.header is None
    while reading.next(1) is not libseal.Next.KEY:
        offsets = reading.next(1)
        assert isinstance(offsets, range)
        reading.feed(source.get(offsets))
    assert reading.needs_key
    assert reading.header == libseal.Header(blob)
    reading.unwrap_with(unwrapper())
    assert read(reading, source, length + 1, way) == DATA[:length]
    assert reading.next(1) is libseal.Next.END
    assert (reading.position, reading.plaintext_len) == (length, length)
    assert reading.message_len == len(blob)
    assert reading.read() == b""


@settings(deadline=None, max_examples=60)
@given(
    length=st.integers(0, 5 * CHUNK),
    steps=st.lists(st.tuples(st.integers(0, 6 * CHUNK), st.integers(0, 6 * CHUNK)), max_size=6),
    at_once=st.integers(500, 200_000),
    way=st.sampled_from(["feed", "feed_into"]),
)
def test_any_places(length: int, steps: list[tuple[int, int]], at_once: int, way: str) -> None:
    blob = libseal.seal(public_key(), DATA[:length])
    reading = libseal.Reading.with_key(libseal.Header(blob), data_key_of(blob))
    reading.message_len = len(blob)
    source = Source(blob, at_once)
    for position, size in steps:
        reading.seek(position)
        assert read(reading, source, size, way) == DATA[:length][position : position + size]


def test_only_what_is_wanted_is_fetched() -> None:
    reading, source = libseal.Reading(piece_len=1 << 20), Source()
    reading.message_len = len(BLOB)
    reading.seek(20 * CHUNK + 5)
    assert read(reading, source, 300_000) == DATA[20 * CHUNK + 5 :][:300_000]
    last = HEADER.ciphertext_range(50 * CHUNK, 0).start
    wanted = HEADER.ciphertext_range(20 * CHUNK + 5, 300_000)
    assert source.fetched == [range(4096), range(last, len(BLOB)), wanted]
    assert reading.plaintext_len == len(DATA)


def test_the_header_is_not_fetched_again() -> None:
    source = Source()
    reading = libseal.Reading.with_key(HEADER, DATA_KEY)
    assert (reading.header, reading.needs_key) == (HEADER, False)
    assert read(reading, source, len(DATA)) == DATA
    assert source.fetched[0].start == HEADER.length

    reading = libseal.Reading.with_key(HEADER, DATA_KEY)
    reading.seek(20 * CHUNK)
    source.fetched.clear()
    assert read(reading, source, 10) == DATA[20 * CHUNK :][:10]
    first_chunk = HEADER.ciphertext_range(0, 0).start
    assert source.fetched == [
        range(HEADER.length, first_chunk),
        HEADER.ciphertext_range(20 * CHUNK, 1),
    ]


@pytest.mark.parametrize(
    ("piece_len", "chunks"), [(1, 1), (CHUNK, 1), (100_000, 6), (1 << 19, 32), (1 << 60, 51)]
)
def test_piece_len(piece_len: int, chunks: int) -> None:
    source = Source()
    reading = libseal.Reading.with_key(HEADER, DATA_KEY, piece_len=piece_len)
    assert read(reading, source, len(DATA)) == DATA
    longest = max(source.fetched, key=len)
    first_chunk = HEADER.ciphertext_range(0, 0).start
    assert -(-(longest.stop - max(longest.start, first_chunk)) // 16_400) == chunks


def test_pieces_are_longer_for_several_threads() -> None:
    lengths = []
    for threads in (1, 2):
        offsets = libseal.Reading.with_key(HEADER, DATA_KEY, threads=threads).next(1)
        assert isinstance(offsets, range)
        lengths.append(offsets.stop - HEADER.ciphertext_range(0, 0).start)
    assert lengths[0] == 16 * 16_400
    assert lengths[1] in {16 * 16_400, 128 * 16_400}  # if there is one core, or more


def test_size_of_a_read() -> None:
    reading, source = libseal.Reading(), Source()
    assert read(reading, source, 1) == DATA[:1]
    assert reading.read(0) == b""
    assert reading.read_into(bytearray()) == 0
    assert reading.read(3) == DATA[1:4]
    assert reading.position == 4
    rest = reading.read(1 << 40)
    assert rest == DATA[4 : 4 + len(rest)]
    assert len(rest) == 16 * CHUNK - 4
    assert reading.read(5) == reading.read() == reading.read(-5) == b""


def test_the_end_is_verified_before_anything_in_the_middle() -> None:
    for cut in (1, 16, 1250, 1251, 20_000):
        source = Source(BLOB[:-cut])
        reading = libseal.Reading()
        reading.message_len = len(source.message)
        reading.seek(20 * CHUNK)
        with pytest.raises(libseal.AuthenticationError):
            read(reading, source, 10)


def test_confirm_end() -> None:
    reading, source = libseal.Reading(), Source()
    with pytest.raises(libseal.StateError):
        reading.confirm_end()
    read(reading, source, 10)
    reading.message_len = len(BLOB)
    reading.confirm_end()
    while reading.plaintext_len is None:
        offsets = reading.next(1)
        if isinstance(offsets, range):
            reading.feed(source.get(offsets))
    assert reading.plaintext_len == len(DATA)
    reading.confirm_end()
    assert read(reading, source, 10) == DATA[10:20]


@pytest.mark.parametrize("cut", [0, 1, 100, HEADER.length - 1, HEADER.length, HEADER.length + 60])
def test_truncated(cut: int) -> None:
    reading, source = libseal.Reading(), Source(BLOB[:cut])
    with pytest.raises(libseal.TruncatedError):
        read(reading, source, 1)


def test_altered() -> None:
    altered = bytearray(BLOB)
    altered[HEADER.ciphertext_range(20 * CHUNK, 1).start] ^= 1
    reading, source = libseal.Reading(), Source(bytes(altered))
    with pytest.raises(libseal.AuthenticationError):
        read(reading, source, len(DATA))
    calls: list[Callable[[], object]] = [
        lambda: reading.next(1),
        lambda: reading.feed(b""),
        lambda: reading.unwrap_with(unwrap),
        lambda: reading.provide_key(DATA_KEY),
    ]
    for call in calls:
        with pytest.raises(libseal.StateError):
            call()
    reading.seek(0)
    with pytest.raises(libseal.StateError):
        reading.next(1)
    with pytest.raises(libseal.StateError):
        reading.read()


def test_out_is_wiped_after_an_error() -> None:
    altered = bytearray(BLOB)
    altered[HEADER.ciphertext_range(5 * CHUNK, 1).start] ^= 1
    reading = libseal.Reading.with_key(HEADER, DATA_KEY)
    out = bytearray(b"\xaa" * 300_000)
    offsets = reading.next(len(out))
    assert isinstance(offsets, range)
    # What came before the altered chunk is authentic, and what comes after it stays out.
    written = reading.feed_into(altered[offsets.start : offsets.stop], out)
    assert out[:written] == DATA[: 5 * CHUNK]
    assert all(DATA[n * CHUNK :][:16] not in out for n in range(5, 16))
    with pytest.raises(libseal.AuthenticationError):
        reading.next(1)
    altered[HEADER.ciphertext_range(0, 1).start] ^= 1
    reading, out = libseal.Reading.with_key(HEADER, DATA_KEY), bytearray(b"\xaa" * 300_000)
    assert reading.next(len(out)) == offsets
    with pytest.raises(libseal.AuthenticationError):
        reading.feed_into(altered[offsets.start : offsets.stop], out)
    assert all(DATA[n * CHUNK :][:16] not in out for n in range(16))


def test_what_was_not_asked_for_is_not_taken() -> None:
    reading, source = libseal.Reading(), Source()
    with pytest.raises(libseal.StateError):
        reading.feed(BLOB[:10])
    offsets = reading.next(1)
    assert isinstance(offsets, range)
    with pytest.raises(libseal.StateError):
        reading.feed(BLOB[: offsets.stop + 1])
    reading.feed(source.get(offsets))
    with pytest.raises(libseal.StateError):
        reading.feed(source.get(offsets))
    assert read(reading, source, len(DATA)) == DATA


def test_what_was_asked_for_another_place_is_not_taken() -> None:
    moves: list[Callable[[libseal.Reading], None]] = [
        lambda reading: reading.seek(30 * CHUNK),
        lambda reading: reading.seek(5),
        lambda reading: reading.confirm_end(),
    ]
    for move in moves:
        reading, source = libseal.Reading(), Source()
        first = read(reading, source, 10) + reading.read()
        reading.message_len = len(BLOB)
        offsets = reading.next(1)
        assert isinstance(offsets, range)
        move(reading)
        with pytest.raises(libseal.StateError):
            reading.feed(source.get(offsets))
        position = reading.position
        assert read(reading, source, 100_000) == DATA[position : position + 100_000]
        assert first == DATA[: len(first)]


def test_after_an_error_nothing_is_read_from_the_piece_before() -> None:
    altered = bytearray(BLOB)
    altered[HEADER.ciphertext_range(16 * CHUNK, 1).start] ^= 1
    reading, source = libseal.Reading(), Source(bytes(altered))
    assert read(reading, source, 10) == DATA[:10]
    assert len(reading.read()) == 16 * CHUNK - 10
    with pytest.raises(libseal.AuthenticationError):
        read(reading, source, 10)
    reading.seek(5)
    with pytest.raises(libseal.StateError):
        reading.read(5)
    with pytest.raises(libseal.StateError):
        reading.next(5)


def test_required_context() -> None:
    required: list[libseal.Require] = [{"a": "c"}, {"b": None}]
    for require in required:
        reading = libseal.Reading(require=require)
        with pytest.raises(libseal.ContextMismatchError):
            read(reading, Source(), 1)
    assert read(libseal.Reading(require={"a": None}), Source(), 1) == DATA[:1]


def test_key() -> None:
    reading, source = libseal.Reading(), Source()
    offsets = reading.next(1)
    assert isinstance(offsets, range)
    reading.feed(source.get(offsets))
    with pytest.raises(libseal.NoMatchingRecipientError, match=public_key().fingerprint.hex()):
        reading.unwrap_with(holds_nothing)
    with pytest.raises(libseal.KeyUnwrapError):
        reading.provide_key(b"short")
    assert reading.next(1) is libseal.Next.KEY
    reading.provide_key(bytearray(DATA_KEY))
    assert read(reading, source, len(DATA)) == DATA
    other = libseal.Reading()
    other.next(1)
    other.feed(BLOB[:4096])
    with pytest.raises(libseal.AuthenticationError):
        other.provide_key(bytes(32))


def test_bad_arguments() -> None:
    reading = libseal.Reading()
    calls: list[tuple[type[Exception], Callable[[], object]]] = [
        (OverflowError, lambda: reading.next(-1)),
        (OverflowError, lambda: reading.seek(-1)),
        (OverflowError, lambda: reading.seek(1 << 64)),
        (OverflowError, lambda: libseal.Reading(piece_len=-1)),
        (OverflowError, lambda: setattr(reading, "message_len", -1)),
        (TypeError, lambda: setattr(reading, "message_len", None)),
        (TypeError, lambda: libseal.Reading({"a": "b"})),  # type: ignore[call-arg]
        (TypeError, lambda: reading.feed("text")),  # type: ignore[arg-type]
        (TypeError, lambda: reading.feed_into(b"", b"")),
        (TypeError, lambda: reading.read_into(b"")),
        (TypeError, lambda: libseal.Reading(require={"a": 1})),  # type: ignore[dict-item]
        (TypeError, lambda: libseal.Reading(require=[("a", "b")])),  # type: ignore[arg-type]
    ]
    for error, call in calls:
        with pytest.raises(error):
            call()
    reading.seek(1 << 52)
    reading.next(1)
    reading.feed(BLOB[:4096])
    reading.unwrap_with(unwrap)
    with pytest.raises(libseal.LimitError):
        reading.next(1)
    reading.seek(0)
    assert read(reading, Source(), 5) == DATA[:5]


def test_out_must_not_overlap() -> None:
    memory = memoryview(bytearray(BLOB))
    reading = libseal.Reading.with_key(HEADER, DATA_KEY)
    reading.next(1)
    with pytest.raises(ValueError, match="out overlaps the input"):
        reading.feed_into(memory[:1000], memory[999:])


def test_asyncio() -> None:
    async def get(start: int, stop: int) -> bytes:
        await asyncio.sleep(0)
        return BLOB[start:stop]

    async def decrypt(key: libseal.WrappedKey) -> bytes:
        data_key = await asyncio.to_thread(unwrapper(), key)
        assert data_key is not None
        return data_key

    async def unseal_part(position: int, length: int) -> bytes:
        reading = libseal.Reading()
        reading.seek(position)
        data = b""
        while len(data) < length:
            match reading.next(length - len(data)):
                case range() as r:
                    reading.feed(await get(r.start, r.stop))
                case libseal.Next.KEY:
                    assert reading.header is not None
                    (wrapped_key,) = reading.header.wrapped_keys
                    reading.provide_key(wrapped_key.data_key(await decrypt(wrapped_key)))
                case libseal.Next.PLAINTEXT:
                    data += reading.read(length - len(data))
                case libseal.Next.END:
                    break
        return data

    async def unseal_parts() -> list[bytes]:
        places = (0, 5, 20 * CHUNK - 3, len(DATA) - 10)
        return await asyncio.gather(*(unseal_part(place, 50_000) for place in places))

    parts = asyncio.run(unseal_parts())
    places = (0, 5, 20 * CHUNK - 3, len(DATA) - 10)
    assert parts == [DATA[place : place + 50_000] for place in places]


def test_two_threads_in_one_reading() -> None:
    reading = libseal.Reading()
    reading.next(1)
    reading.feed(BLOB[:4096])
    asked, go_on = threading.Event(), threading.Event()

    def wait(_: libseal.WrappedKey) -> bytes:
        asked.set()
        assert go_on.wait(10)
        return DATA_KEY

    thread = threading.Thread(target=reading.unwrap_with, args=(wait,))
    thread.start()
    assert asked.wait(10)
    calls: list[Callable[[], object]] = [lambda: reading.next(1), lambda: reading.position]
    for call in calls:
        with pytest.raises(libseal.StateError, match="in use"):
            call()
    go_on.set()
    thread.join()
    assert read(reading, Source(), 5) == DATA[:5]
