"""Sealer and Unsealer."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

import libseal
from support import CHUNK, data_key_of, holds_nothing, pieces, public_key, unwrapper

if TYPE_CHECKING:
    from collections.abc import Callable


def test_header_comes_with_the_first_piece() -> None:
    sealer = libseal.Sealer(public_key(), context={"a": "b"})
    start = sealer.update(b"")
    assert libseal.inspect(start).context == {"a": "b"}
    assert len(sealer.update(b"x" * 10)) == 10
    assert len(sealer.update(b"x" * CHUNK)) == CHUNK + 16
    assert len(sealer.finish()) == 16


def test_nothing_but_finish_is_an_empty_message() -> None:
    assert libseal.unseal(libseal.Sealer(public_key()).finish(), unwrapper()) == b""


def test_sealer_after_the_end() -> None:
    sealer = libseal.Sealer(public_key())
    sealer.finish()
    with pytest.raises(libseal.StateError, match="finished") as refused:
        sealer.update(b"")
    assert refused.value.code == 101
    with pytest.raises(libseal.StateError):
        sealer.finish()


def test_bad_argument_does_no_harm() -> None:
    sealer = libseal.Sealer(public_key())
    with pytest.raises(TypeError):
        sealer.update("text")  # type: ignore[arg-type]
    assert libseal.unseal(sealer.update(b"data") + sealer.finish(), unwrapper()) == b"data"


@pytest.mark.parametrize("size", [1, 100, 1 << 20])
def test_two_steps(size: int) -> None:
    data = bytes(range(256)) * 200
    blob = libseal.seal(public_key(), data, context={"a": "b"})
    unsealer = libseal.Unsealer(require={"a": "b"})
    before = (unsealer.header, unsealer.needs_key)
    assert before == (None, False)
    plaintext = b""
    for piece in pieces(blob, size):
        plaintext += unsealer.update(piece)
        if unsealer.needs_key:
            header = unsealer.header
            assert header is not None
            assert header.context == {"a": "b"}
            assert plaintext == b""
            unsealer.provide_key(bytearray(data_key_of(blob)))
            assert not bool(unsealer.needs_key)
    plaintext += unsealer.finish()
    assert plaintext == data


@pytest.mark.parametrize("extra", [0, 1, 55, 56, 57, 100, 20_000])
def test_key_long_after_the_header(extra: int) -> None:
    """What follows the header in its last piece is kept, and comes out later."""
    data = bytes(range(256)) * 200
    blob = libseal.seal(public_key(), data)
    cut = libseal.inspect(blob).length + extra
    unsealer = libseal.Unsealer()
    assert unsealer.update(blob[:cut]) == b""
    assert unsealer.update(b"") == b""
    with pytest.raises(libseal.StateError, match="the data key is needed first"):
        unsealer.update(blob[cut:])
    with pytest.raises(libseal.StateError, match="the data key is needed first"):
        unsealer.finish()
    with pytest.raises(libseal.KeyUnwrapError):
        unsealer.provide_key(b"short")
    unsealer.provide_key(data_key_of(blob))
    assert unsealer.update(blob[cut:]) + unsealer.finish() == data


def test_whole_message_and_then_the_key() -> None:
    data = bytes(3 * CHUNK)
    blob = libseal.seal(public_key(), data)
    unsealer = libseal.Unsealer()
    unsealer.update(blob)
    unsealer.unwrap_with(unwrapper())
    assert unsealer.finish() == data


def test_unsealer_out_of_order() -> None:
    blob = libseal.seal(public_key(), b"data")
    unsealer = libseal.Unsealer()
    calls: list[Callable[[], object]] = [
        lambda: unsealer.provide_key(bytes(32)),
        lambda: unsealer.unwrap_with(unwrapper()),
    ]
    for call in calls:
        with pytest.raises(libseal.StateError):
            call()
    unsealer.update(blob)
    unsealer.unwrap_with(unwrapper())
    assert unsealer.finish() == b"data"
    calls = [
        lambda: unsealer.provide_key(bytes(32)),
        lambda: unsealer.unwrap_with(unwrapper()),
        lambda: unsealer.update(b"x"),
        lambda: unsealer.update(b""),
        unsealer.finish,
    ]
    for call in calls:
        with pytest.raises(libseal.StateError):
            call()


def test_unsealer_after_an_error() -> None:
    blob = libseal.seal(public_key(), b"data")
    unsealer = libseal.Unsealer()
    unsealer.update(blob)
    with pytest.raises(libseal.AuthenticationError):
        unsealer.unwrap_with(lambda _: bytes(32))
    assert not unsealer.needs_key
    with pytest.raises(libseal.StateError):
        unsealer.finish()
    unsealer = libseal.Unsealer()
    with pytest.raises(libseal.FormatError):
        unsealer.update(b"junk")
    with pytest.raises(libseal.StateError):
        unsealer.update(blob)


def test_another_unwrapper_can_be_tried() -> None:
    blob = libseal.seal(public_key(), b"data")
    unsealer = libseal.Unsealer()
    unsealer.update(blob)
    unwrappers: list[libseal.Unwrap] = [holds_nothing, lambda _: b"", []]
    for unwrap in unwrappers:
        with pytest.raises(libseal.KeyUnwrapError):
            unsealer.unwrap_with(unwrap)
        assert unsealer.needs_key
        with pytest.raises(libseal.StateError, match="the data key is needed first"):
            unsealer.finish()
    unsealer.unwrap_with(unwrapper())
    assert unsealer.finish() == b"data"


@pytest.mark.parametrize("length", [0, 1, CHUNK, 100_000])
@pytest.mark.parametrize("size", [1, 1000, 1 << 20])
def test_with_a_key_the_header_is_not_read_again(length: int, size: int) -> None:
    data = bytes(range(256)) * 400
    blob = libseal.seal(public_key(), data[:length])
    header = libseal.Header(blob)
    unsealer = libseal.Unsealer.with_key(header, bytearray(data_key_of(blob)), threads=2)
    known = (unsealer.header, unsealer.needs_key)
    assert known == (header, False)
    opened = b"".join(map(unsealer.update, pieces(blob[header.length :], size)))
    assert opened + unsealer.finish() == data[:length]
    if length:
        r = header.ciphertext_range(length - 1, 1)
        assert unsealer.seek(length - 1) == r.start
        assert unsealer.update(blob[r.start :]) + unsealer.finish() == data[length - 1 : length]


def test_with_a_wrong_key() -> None:
    blob = libseal.seal(public_key(), b"data")
    header = libseal.Header(blob)
    for make in (libseal.Unsealer.with_key, libseal.Reading.with_key):
        with pytest.raises(libseal.AuthenticationError):
            make(header, bytes(32))
        for length in (0, 31, 33):
            with pytest.raises(libseal.KeyUnwrapError) as refused:
                make(header, bytes(length))
            assert refused.value.name == "DATA_KEY_LENGTH"
        with pytest.raises(TypeError, match="data_key must be bytes-like, not str"):
            make(header, "x" * 32)  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            make(blob, data_key_of(blob))  # type: ignore[arg-type]


def test_asyncio() -> None:
    data = bytes(100_000)
    blob = libseal.seal(public_key(), data)

    async def unwrap(key: libseal.WrappedKey) -> bytes:
        data_key = await asyncio.to_thread(unwrapper(), key)
        assert data_key is not None
        return data_key

    async def unseal() -> bytes:
        unsealer = libseal.Unsealer()
        plaintext = b""
        for piece in pieces(blob, 4096):
            plaintext += unsealer.update(piece)
            if unsealer.needs_key and unsealer.header is not None:
                (wrapped_key,) = unsealer.header.wrapped_keys
                unsealer.provide_key(wrapped_key.data_key(await unwrap(wrapped_key)))
        return plaintext + unsealer.finish()

    assert asyncio.run(unseal()) == data


def test_use_from_within_the_unwrapper_is_refused() -> None:
    blob = libseal.seal(public_key(), b"data")
    unsealer = libseal.Unsealer()
    unsealer.update(blob)

    def unwrap(_: libseal.WrappedKey) -> bytes:
        return unsealer.finish()

    with pytest.raises(libseal.StateError, match="in use"):
        unsealer.unwrap_with(unwrap)


def test_two_threads_in_one_unsealer() -> None:
    blob = libseal.seal(public_key(), b"data")
    unsealer = libseal.Unsealer()
    unsealer.update(blob)
    asked, go_on = threading.Event(), threading.Event()

    def unwrap(key: libseal.WrappedKey) -> bytes | None:
        asked.set()
        assert go_on.wait(10)
        return unwrapper()(key)

    thread = threading.Thread(target=unsealer.unwrap_with, args=(unwrap,))
    thread.start()
    assert asked.wait(10)
    calls: list[Callable[[], object]] = [
        lambda: unsealer.needs_key,
        lambda: unsealer.header,
        unsealer.finish,
    ]
    for call in calls:
        with pytest.raises(libseal.StateError, match="in use"):
            call()
    go_on.set()
    thread.join()
    assert unsealer.finish() == b"data"


def test_many_threads_in_one_sealer() -> None:
    """Every piece is in the message once and whole, or its call was refused."""
    sealer = libseal.Sealer(public_key())
    sealed = [sealer.update(b"")]
    refused = threading.Event()
    sizes: list[int] = []

    def seal() -> None:
        for _ in range(20):
            try:
                sizes.append(len(sealer.update(bytes(1 << 20))))
            except libseal.StateError:
                refused.set()

    threads = [threading.Thread(target=seal) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sizes
    assert set(sizes) == {(1 << 20) + 16 * 64}
    sealed.append(sealer.finish())
    assert all(sealed)


def test_many_threads_with_objects_of_their_own() -> None:
    key, unwrap = public_key(), unwrapper()
    results = []

    def work(number: int) -> None:
        data = bytes([number]) * 300_000
        results.append(libseal.unseal(libseal.seal(key, data), unwrap) == data)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 8
