"""Buffers are read and written where they lie; what fails leaves nothing in them."""

from __future__ import annotations

import array
import gc
import mmap
import sys
import tracemalloc
from typing import TYPE_CHECKING

import numpy as np
import pytest

import libseal
from libseal import _libseal
from support import CHUNK, LENGTHS, data_key_of, holds_nothing, public_key, unwrapper

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

DATA = bytes(range(256)) * 400
BLOB = libseal.seal(public_key(), DATA)
DATA_KEY = data_key_of(BLOB)
EVERY_LENGTH = (*LENGTHS, CHUNK - 16, 2 * CHUNK - 1, 100_000)


def unwrap(_: libseal.WrappedKey) -> bytes:
    return DATA_KEY


WRITABLE: dict[str, Callable[[int], object]] = {
    "bytearray": bytearray,
    "memoryview": lambda length: memoryview(bytearray(length)),
    "array": lambda length: array.array("i", bytes(length + -length % 4)),
    "numpy": lambda length: np.zeros(length, np.uint8),
    "numpy, two dimensions": lambda length: np.zeros((2, length // 2 + 1), np.uint8),
    "mmap": lambda length: mmap.mmap(-1, length),
}


@pytest.mark.parametrize("kind", WRITABLE)
@pytest.mark.parametrize("length", EVERY_LENGTH)
def test_one_call_into_a_buffer(kind: str, length: int) -> None:
    data = DATA[:length]
    recipient, context = libseal.Recipient(public_key(), "id"), {"device": "42"}
    sealed_len = libseal.sealed_len(recipient, length, context=context)
    sealed = WRITABLE[kind](sealed_len)
    written = libseal.seal_into(recipient, data, sealed, context=context)  # type: ignore[arg-type]
    assert written == sealed_len
    message = memoryview(sealed).cast("B")[:sealed_len]  # type: ignore[arg-type]
    assert libseal.unseal(message, unwrapper(), require=context) == data

    assert libseal.plaintext_len(message) == length
    opened = WRITABLE[kind](max(length, 1))
    count = libseal.unseal_into(message, opened, unwrapper(), require=context)  # type: ignore[arg-type]
    assert count == length
    assert memoryview(opened).cast("B")[:length] == data  # type: ignore[arg-type]


@pytest.mark.parametrize("length", EVERY_LENGTH)
def test_machines_into_a_buffer(length: int) -> None:
    data, sealed, opened = DATA[:length], bytearray(), bytearray()
    sealer = libseal.Sealer(public_key())
    room = bytearray(200_000)
    for start in range(0, length + 1, 7000):
        piece = memoryview(data)[start : start + 7000]
        wanted = sealer.update_len(len(piece))
        with pytest.raises(libseal.LimitError, match=rf"{wanted - 1} bytes, and {wanted} are"):
            sealer.update_into(piece, memoryview(room)[: wanted - 1])
        assert sealer.update_into(piece, room) == wanted
        sealed += room[:wanted]
    sealed += sealer.finish()
    assert libseal.unseal(sealed, unwrapper()) == data

    unsealer = libseal.Unsealer()
    for start in range(0, len(sealed), 7000):
        piece = memoryview(sealed)[start : start + 7000]
        wanted = unsealer.update_len(len(piece))
        if wanted:
            with pytest.raises(libseal.LimitError) as refused:
                unsealer.update_into(piece, memoryview(room)[: wanted - 1])
            assert (refused.value.code, refused.value.name) == (102, "BUFFER_TOO_SMALL")
        assert unsealer.update_into(piece, room) == wanted
        opened += room[:wanted]
        if unsealer.needs_key:
            unsealer.unwrap_with(unwrapper())
    opened += unsealer.finish()
    assert opened == data


@pytest.mark.parametrize("length", EVERY_LENGTH)
@pytest.mark.parametrize("first", [0, 5, CHUNK, 20_000])
def test_finish_with_the_rest(length: int, first: int) -> None:
    data = DATA[:length]
    sealer = libseal.Sealer(public_key())
    blob = sealer.update(data[:first]) + sealer.finish_with(bytearray(data[first:]))
    assert libseal.unseal(blob, unwrapper()) == data
    with pytest.raises(libseal.StateError):
        sealer.finish_with(b"")

    cut = libseal.inspect(blob).length + 56 + first
    unsealer = libseal.Unsealer()
    opened = unsealer.update(blob[:cut])
    if unsealer.needs_key:
        unsealer.unwrap_with(unwrapper())
    assert opened + unsealer.finish_with(bytearray(blob[cut:])) == data
    with pytest.raises(libseal.StateError):
        unsealer.finish_with(b"")


def test_finish_with_a_header_waits_for_the_key() -> None:
    unsealer = libseal.Unsealer()
    with pytest.raises(libseal.StateError, match="the data key is needed first"):
        unsealer.finish_with(bytearray(BLOB))
    unsealer.provide_key(DATA_KEY)
    assert unsealer.finish() == DATA
    for cut in (0, 4, 100):
        with pytest.raises(libseal.TruncatedError):
            libseal.Unsealer().finish_with(BLOB[:cut])


def test_finish_with_gives_all_or_nothing() -> None:
    cut = libseal.inspect(BLOB).length
    unsealer = libseal.Unsealer()
    unsealer.update(BLOB[:cut])
    unsealer.provide_key(DATA_KEY)
    with pytest.raises(libseal.AuthenticationError):
        unsealer.finish_with(BLOB[cut:-1])


def test_what_waits_for_the_key_is_a_copy() -> None:
    message = bytearray(BLOB)
    unsealer = libseal.Unsealer()
    unsealer.update(message)
    message[:] = bytes(len(message))
    unsealer.provide_key(DATA_KEY)
    room = bytearray(unsealer.update_len(0))
    assert len(room) == len(DATA) // CHUNK * CHUNK
    with pytest.raises(libseal.LimitError):
        unsealer.update_into(b"", room[:-1])
    assert unsealer.update_into(b"", room) == len(room)
    assert room + unsealer.finish() == DATA


NOT_WRITABLE = [b"x" * 1000, "text", 7, None, memoryview(b"x" * 1000), memoryview(DATA)[::2]]


@pytest.mark.parametrize("out", NOT_WRITABLE)
def test_out_that_cannot_be_written(out: object) -> None:
    sealer, unsealer = libseal.Sealer(public_key()), libseal.Unsealer()
    sealing_key = libseal.SealingKey(public_key())
    calls: list[Callable[[], object]] = [
        lambda: libseal.seal_into(public_key(), b"", out),  # type: ignore[arg-type]
        lambda: libseal.unseal_into(BLOB, out, unwrap),  # type: ignore[arg-type]
        lambda: sealing_key.seal_into(b"", out),  # type: ignore[arg-type]
        lambda: sealer.update_into(b"", out),  # type: ignore[arg-type]
        lambda: unsealer.update_into(b"", out),  # type: ignore[arg-type]
    ]
    for call in calls:
        with pytest.raises(TypeError, match=r"out must be writable and contiguous.*, not") as no:
            call()
        assert no.value.__cause__ is not None
    with pytest.raises(TypeError):
        libseal.seal_into(public_key(), b"", memoryview(bytearray(2000))[::2])


def test_out_that_overlaps_the_input() -> None:
    memory = memoryview(bytearray(BLOB) + bytearray(1000))
    sealer, unsealer = libseal.Sealer(public_key()), libseal.Unsealer()
    sealing_key = libseal.SealingKey(public_key())
    length = len(memory)
    for data, out in ((memory, memory), (memory[:10], memory[9:]), (memory[1000:], memory[:1001])):
        calls: list[Callable[[], object]] = [
            lambda data=data, out=out: libseal.seal_into(public_key(), data, out),  # type: ignore[misc]
            lambda data=data, out=out: libseal.unseal_into(data, out, unwrap),  # type: ignore[misc]
            lambda data=data, out=out: sealing_key.seal_into(data, out),  # type: ignore[misc]
            lambda data=data, out=out: sealer.update_into(data, out),  # type: ignore[misc]
            lambda data=data, out=out: unsealer.update_into(data, out),  # type: ignore[misc]
        ]
        for call in calls:
            with pytest.raises(ValueError, match="out overlaps the input"):
                call()
    assert memory[: len(BLOB)] == BLOB
    # Side by side is fine.
    assert libseal.seal_into(public_key(), memory[:10], memory[10:]) > 0
    assert len(memory) == length


def test_room_is_checked_before_the_unwrapper_is_asked() -> None:
    out = bytearray(b"x" * (len(DATA) - 1))
    asked: list[object] = []
    with pytest.raises(libseal.LimitError, match=f"it holds {len(out)} bytes, and {len(DATA)} are"):
        libseal.unseal_into(BLOB, out, asked.append)
    assert not asked
    assert out == b"x" * len(out)
    length = libseal.sealed_len(public_key(), 4)
    short = bytearray(length - 1)
    with pytest.raises(libseal.LimitError):
        libseal.seal_into(public_key(), b"data", short)
    assert short == bytes(length - 1)


@pytest.mark.parametrize("threads", [1, 2])
def test_out_is_wiped_after_a_failure(threads: int) -> None:
    data = b"secret" * 400_000
    blob = bytearray(libseal.seal(public_key(), data))
    data_key = data_key_of(bytes(blob))
    blob[-20] ^= 1
    out = bytearray(b"\xaa" * (len(data) + 5))
    with pytest.raises(libseal.AuthenticationError):
        libseal.unseal_into(blob, out, lambda _: data_key, threads=threads)
    assert out == bytes(len(data)) + b"\xaa" * 5

    cut = libseal.inspect(blob).length
    blob[len(blob) // 2] ^= 1
    out[:] = b"\xaa" * len(out)
    for unsealer in (libseal.Unsealer(threads=threads), libseal.Unsealer(threads=threads)):
        unsealer.update(blob[:cut])
        unsealer.provide_key(data_key)
        with pytest.raises(libseal.AuthenticationError):
            unsealer.update_into(memoryview(blob)[cut:], out)
        assert b"secret" not in out
        with pytest.raises(libseal.StateError):
            unsealer.update_into(b"", out)


def test_what_waited_for_the_key_is_wiped_too() -> None:
    blob = bytearray(BLOB)
    blob[-20] ^= 1
    cut = len(blob) - 20_000
    blob[-20_000 + 500] ^= 1
    unsealer = libseal.Unsealer()
    unsealer.update(blob[:cut])
    unsealer.provide_key(DATA_KEY)
    out = bytearray(b"\xaa" * len(DATA))
    with pytest.raises(libseal.AuthenticationError):
        unsealer.update_into(blob[cut:], out)
    assert not any(out[: 5 * CHUNK])


def test_what_is_sealed_is_lent_without_a_copy() -> None:
    writing = libseal.Writing(public_key())
    view = _libseal.sealed_view(writing)
    start = writing.sealed()
    with memoryview(view) as sealed:
        assert sealed == start
        assert sealed.readonly
        assert sealed.nbytes == len(start)
        writing.advance(10)
        calls: list[Callable[[], object]] = [
            lambda: writing.write(b"x"),
            writing.flush,
            writing.finish,
        ]
        for call in calls:
            with pytest.raises(libseal.StateError, match="still being handed on"):
                call()
        assert sealed == start
    with memoryview(view) as rest:
        assert rest == start[10:]
    with memoryview(view) as rest, pytest.raises(TypeError, match="read-only"):
        rest[0] = 0


def test_what_is_lent_outlives_its_writing() -> None:
    writing = libseal.Writing(public_key())
    start = writing.sealed()
    sealed = memoryview(_libseal.sealed_view(writing))
    part = sealed[10:]
    del writing, sealed
    gc.collect()
    assert part == start[10:]


def test_lengths_without_a_message() -> None:
    with pytest.raises(libseal.LimitError):
        libseal.sealed_len([], 1)
    with pytest.raises(libseal.LimitError) as refused:
        libseal.sealed_len(public_key(), 1 << 60)
    assert refused.value.name == "MESSAGE_TOO_LONG"
    for junk, error in ((b"", libseal.TruncatedError), (b"junk", libseal.FormatError)):
        with pytest.raises(error):
            libseal.plaintext_len(junk)
    header = libseal.inspect(BLOB).length
    for length in (header, header + 55, header + 71, header + 56 + 16400 + 15):
        with pytest.raises(libseal.TruncatedError):
            libseal.plaintext_len(BLOB[:length])
    with pytest.raises(OverflowError):
        libseal.sealed_len(public_key(), -1)


def test_buffer_cannot_be_resized_while_it_is_used() -> None:
    """Python code runs in the middle of unsealing: the unwrapper."""
    message, out = bytearray(BLOB), bytearray(len(DATA))

    def meddle(_: libseal.WrappedKey) -> bytes:
        for buffer in (message, out):
            with pytest.raises(BufferError):
                buffer.clear()
        return DATA_KEY

    assert libseal.unseal_into(message, out, meddle) == len(DATA)
    assert out == DATA
    message.clear()
    out.clear()


def test_no_reference_is_kept_or_lost() -> None:
    data, out = bytearray(DATA), bytearray(len(BLOB))
    message, bad = bytearray(BLOB), bytearray(BLOB[:-1])
    sealing_key, small = libseal.SealingKey(public_key()), bytearray(3)
    view = memoryview(data)[::2]

    def calls() -> None:
        libseal.seal(public_key(), data)
        libseal.seal(public_key(), view)
        libseal.seal_into(public_key(), data, out)
        libseal.unseal(message, unwrap)
        libseal.unseal_into(message, out, unwrap)
        sealing_key.seal_into(data, out)
        for bad_call in (
            lambda: libseal.unseal(bad, unwrap),
            lambda: libseal.unseal_into(bad, out, unwrap),
            lambda: libseal.unseal_into(message, out, holds_nothing),
            lambda: libseal.unseal_into(message, small, unwrap),
            lambda: libseal.seal_into(public_key(), data, small),
            lambda: libseal.seal_into(public_key(), data, data),
            lambda: libseal.seal_into(public_key(), data, view),
        ):
            with pytest.raises((libseal.SealError, ValueError, TypeError)):
                bad_call()

    objects = (data, out, message, bad, small, view, b"", public_key())
    calls()
    gc.collect()
    counts = [sys.getrefcount(value) for value in objects]
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(20):
        calls()
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert [sys.getrefcount(value) for value in objects][:6] == counts[:6]
    # The shared empty bytes and the key are used by others too, but not twenty times more.
    assert all(
        abs(sys.getrefcount(value) - count) < 15
        for value, count in zip(objects, counts, strict=True)
    )
    assert grown < 50_000
    view.release()
    data.append(0)
    out.append(0)


def test_contiguous_input_is_not_copied() -> None:
    data = bytearray(8 << 20)
    out = bytearray(9 << 20)
    kinds: list[Buffer] = [data, memoryview(data), np.frombuffer(data, "<i4").data]
    for kind in kinds:
        tracemalloc.start()
        libseal.seal_into(public_key(), kind, out)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1 << 20
