"""What one function takes as bytes, each of them takes: also what is not contiguous."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import libseal
from support import public_key, unwrapper

if TYPE_CHECKING:
    from collections.abc import Callable


def buffered(data: Any) -> bytes:
    file = io.BytesIO()
    with libseal.SealWriter(file, public_key()) as writer:
        assert writer.write(data) == len(memoryview(data).tobytes())
        writer.writelines([])
    return file.getvalue()


def in_lines(data: Any) -> bytes:
    file = io.BytesIO()
    with libseal.SealWriter(file, public_key()) as writer:
        writer.writelines([data])
    return file.getvalue()


def writing(data: Any) -> bytes:
    writing = libseal.Writing(public_key())
    message = writing.sealed()
    writing.advance(len(message))
    assert writing.write(data) == len(memoryview(data).tobytes())
    writing.finish()
    return message + writing.sealed()


def sealer(data: Any) -> bytes:
    sealer = libseal.Sealer(public_key())
    return sealer.update(data) + sealer.finish()


def seal_into(data: Any) -> bytes:
    out = bytearray(1000)
    return bytes(out[: libseal.seal_into(public_key(), data, out)])


SEALING: list[Callable[[Any], bytes]] = [
    buffered,
    in_lines,
    writing,
    sealer,
    seal_into,
    lambda data: libseal.seal(public_key(), data),
    lambda data: libseal.Sealer(public_key()).finish_with(data),
    lambda data: libseal.SealingKey(public_key()).seal(data),
]

BUFFERS: dict[str, Any] = {
    "a step": memoryview(b"abcdefgh")[::2],
    "backwards": memoryview(b"abcdefgh")[::-1],
    "a column": np.arange(20, dtype=">i2").reshape(5, 4)[:, 1],
    "columns first": np.asfortranarray(np.arange(6, dtype="u1").reshape(2, 3)),
    "two dimensions": np.arange(6, dtype="<i4").reshape(2, 3),
    "none": np.zeros((0, 3)),
    "bytearray": bytearray(b"data"),
}


@pytest.mark.parametrize("name", BUFFERS)
@pytest.mark.parametrize("seal", SEALING)
def test_sealing(seal: Callable[[Any], bytes], name: str) -> None:
    data = BUFFERS[name]
    assert libseal.unseal(seal(data), unwrapper()) == memoryview(data).tobytes()


def test_unsealing() -> None:
    message = libseal.seal(public_key(), b"data")
    spread = bytearray(2 * len(message))
    spread[::2] = message
    view = memoryview(spread)[::2]
    assert libseal.unseal(view, unwrapper()) == b"data"
    assert libseal.inspect(view) == libseal.inspect(message)

    unsealer = libseal.Unsealer()
    opened = unsealer.update(view)
    unsealer.unwrap_with(unwrapper())
    assert opened + unsealer.finish() == b"data"

    reading = libseal.Reading()
    while isinstance(offsets := reading.next(4), range):
        reading.feed(view[offsets.start : offsets.stop])
    reading.unwrap_with(unwrapper())
    while isinstance(offsets := reading.next(4), range):
        reading.feed(view[offsets.start : offsets.stop])
    assert reading.read() == b"data"
