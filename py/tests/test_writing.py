"""Writing: a message piece by piece, without I/O."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np
import pytest

import libseal
from support import CHUNK, LENGTHS, public_key, unwrapper

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = bytes(range(256)) * 4000


def hand_on(writing: libseal.Writing, at_once: int = 1 << 30) -> bytes:
    message = b""
    while sealed := writing.sealed():
        message += sealed[:at_once]
        writing.advance(min(len(sealed), at_once))
    return message


def write(writing: libseal.Writing, data: bytes, at_once: int = 1 << 30) -> bytes:
    message, view = b"", memoryview(data)
    while view:
        message += hand_on(writing, at_once)
        view = view[writing.write(view) :]
    return message


@pytest.mark.parametrize("size", [1000, 5000, CHUNK, 300_000, 1 << 20])
@pytest.mark.parametrize("length", [*LENGTHS, 262_144, 262_145, 1_000_000])
def test_round_trip(length: int, size: int) -> None:
    data = DATA[:length]
    writing = libseal.Writing(libseal.Recipient(public_key(), "id"), context={"a": "b"})
    message = b"".join(
        write(writing, data[start : start + size]) for start in range(0, length, size)
    )
    message += hand_on(writing)
    writing.finish()
    message += hand_on(writing)
    assert libseal.inspect(message).wrapped_keys[0].key_id == "id"
    assert libseal.unseal(message, unwrapper(), require={"a": "b"}) == data
    assert len(message) == libseal.sealed_len(
        libseal.Recipient(public_key(), "id"), length, context={"a": "b"}
    )


def test_the_first_bytes_are_there_at_once() -> None:
    writing = libseal.Writing(public_key())
    start = writing.sealed()
    assert libseal.Header(start).length == len(start) - 56
    assert writing.sealed() == start
    writing.advance(10)
    assert writing.sealed() == start[10:]
    writing.advance(1 << 40)
    assert writing.sealed() == b""


@pytest.mark.parametrize(
    ("piece_len", "chunks"), [(1, 1), (CHUNK, 1), (100_000, 6), (262_144, 16), (None, 16)]
)
def test_pieces(piece_len: int | None, chunks: int) -> None:
    writing = libseal.Writing(public_key(), piece_len=piece_len)
    hand_on(writing)
    # In one go, and gathered from small ones.
    assert writing.write(DATA) == chunks * CHUNK
    assert len(hand_on(writing)) == chunks * (CHUNK + 16)
    taken = 0
    while not writing.sealed():
        taken += writing.write(DATA[:5000])
    assert taken == chunks * CHUNK
    assert len(writing.sealed()) == chunks * (CHUNK + 16)


@pytest.mark.parametrize("length", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 50_000])
def test_flush(length: int) -> None:
    writing = libseal.Writing(public_key())
    message = hand_on(writing)
    for _ in range(3):
        assert writing.write(DATA[:length]) == length
        assert writing.sealed() == b""
        writing.flush()
        assert len(writing.sealed()) >= length
        message += hand_on(writing)
        writing.flush()
        assert writing.sealed() == b""
    writing.finish()
    message += hand_on(writing)
    assert libseal.unseal(message, unwrapper()) == DATA[:length] * 3


def test_a_target_that_takes_little() -> None:
    writing = libseal.Writing(public_key())
    message = write(writing, DATA[:40_000], 1000) + hand_on(writing, 7)
    writing.finish()
    message += hand_on(writing, 1000)
    assert libseal.unseal(message, unwrapper()) == DATA[:40_000]


def test_what_is_sealed_has_to_be_handed_on_first() -> None:
    writing = libseal.Writing(public_key())
    calls: list[Callable[[], object]] = [
        lambda: writing.write(b"x"),
        writing.flush,
        writing.finish,
    ]
    for call in calls:
        with pytest.raises(libseal.StateError):
            call()
    message = hand_on(writing)
    writing.write(b"data")
    writing.finish()
    message += hand_on(writing)
    assert libseal.unseal(message, unwrapper()) == b"data"


def test_after_the_end() -> None:
    writing = libseal.Writing(public_key())
    hand_on(writing)
    writing.finish()
    hand_on(writing)
    with pytest.raises(libseal.StateError):
        writing.finish()
    with pytest.raises(libseal.StateError):
        write(writing, DATA)


def test_an_unfinished_message_is_truncated() -> None:
    writing = libseal.Writing(public_key())
    message = write(writing, DATA) + hand_on(writing)
    for flushed in (False, True):
        if flushed:
            writing.flush()
            message += hand_on(writing)
        with pytest.raises(libseal.AuthenticationError):
            libseal.unseal(message, unwrapper())


def test_bytes_like() -> None:
    writing = libseal.Writing(public_key())
    message = hand_on(writing)
    assert writing.write(bytearray(b"ab")) == 2
    assert writing.write(memoryview(b"abcd")[::2]) == 2
    assert writing.write(np.arange(2, dtype=">i4").data) == 8
    writing.finish()
    message += hand_on(writing)
    assert libseal.unseal(message, unwrapper()) == b"abac\0\0\0\0\0\0\0\1"


def test_bad_arguments() -> None:
    writing = libseal.Writing(public_key())
    calls: list[tuple[type[Exception], Callable[[], object]]] = [
        (TypeError, lambda: libseal.Writing(b"pem")),  # type: ignore[arg-type]
        (TypeError, lambda: libseal.Writing(public_key(), {})),  # type: ignore[call-arg]
        (libseal.LimitError, lambda: libseal.Writing([])),
        (libseal.ContextError, lambda: libseal.Writing(public_key(), context={"": ""})),
        (OverflowError, lambda: libseal.Writing(public_key(), piece_len=-1)),
        (ValueError, lambda: libseal.Writing(public_key(), threads=0)),
        (OverflowError, lambda: writing.advance(-1)),
        (TypeError, lambda: writing.write("text")),  # type: ignore[arg-type]
    ]
    for error, call in calls:
        with pytest.raises(error):
            call()


def test_asyncio() -> None:
    async def seal(data: bytes) -> bytes:
        sent = b""

        async def send(sealed: bytes) -> None:
            nonlocal sent
            await asyncio.sleep(0)
            sent += sealed

        async def hand_on() -> None:
            await send(writing.sealed())
            writing.advance(len(writing.sealed()))

        writing = libseal.Writing(public_key())
        for start in range(0, len(data), 70_000):
            piece = data[start : start + 70_000]
            while piece:
                await hand_on()
                piece = piece[writing.write(piece) :]
        await hand_on()
        writing.finish()
        await hand_on()
        return sent

    assert libseal.unseal(asyncio.run(seal(DATA)), unwrapper()) == DATA
