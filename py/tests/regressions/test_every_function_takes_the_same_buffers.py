"""What one function takes as bytes, each of them takes: also what is not contiguous."""

from __future__ import annotations

import array
import io
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import libseal
import libseal.aio
from aio_support import run
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


# ---- What file objects return


def spread(data: bytes) -> memoryview:
    """The same bytes, with others in between."""
    room = bytearray(2 * len(data))
    room[::2] = data
    return memoryview(room)[::2]


RETURNED: dict[str, Callable[[bytes], Any]] = {
    "items of four bytes": lambda data: memoryview(array.array("I", data)),
    "not the machine's own items": lambda data: np.frombuffer(data, ">u4").data,
    "two dimensions": lambda data: memoryview(data).cast("B", (len(data) // 4, 4)),
    "a step": spread,
}
returned_by_read = pytest.mark.parametrize("returned", RETURNED.values(), ids=RETURNED)


class Items:
    """Returns its content as something else than bytes, where four of them are left."""

    def __init__(self, content: bytes, returned: Callable[[bytes], Any]) -> None:
        self.content = io.BytesIO(content)
        self.returned = returned

    def read(self, size: int = -1, /) -> Any:
        data = self.content.read(size // 4 * 4 or size)
        whole = len(data) // 4 * 4
        if not whole:
            return data
        self.content.seek(whole - len(data), io.SEEK_CUR)
        return self.returned(data[:whole])


class AsyncItems:
    """The same, asynchronously."""

    def __init__(self, content: bytes, returned: Callable[[bytes], Any]) -> None:
        self.items = Items(content, returned)

    async def read(self, size: int = -1, /) -> Any:
        return self.items.read(size)


@returned_by_read
@pytest.mark.parametrize("length", [0, 3, 40, 4001, 700_000])
def test_file_objects(returned: Callable[[bytes], Any], length: int) -> None:
    data = os.urandom(length)
    message = libseal.SealReader(Items(data, returned), public_key()).read()
    assert libseal.unseal(message, unwrapper()) == data
    with libseal.UnsealReader(Items(message, returned), unwrapper()) as reader:
        assert reader.read() == data


@returned_by_read
@pytest.mark.parametrize("length", [0, 3, 40, 4001, 700_000])
def test_asynchronous_streams(returned: Callable[[bytes], Any], length: int) -> None:
    async def through() -> bytes:
        sealed = libseal.aio.SealReader(AsyncItems(data, returned), public_key())
        source = AsyncItems(await sealed.read(), returned)
        reader = await libseal.aio.UnsealReader.open(source, unwrapper())
        return await reader.read()

    data = os.urandom(length)
    assert run(through()) == data


def test_too_much_is_counted_in_bytes() -> None:
    class TooMuch:
        count = 0

        def read(self, size: int = -1, /) -> Any:
            self.count += 1
            return memoryview(array.array("I", range(size))) if self.count == 1 else b""

    with pytest.raises(OSError, match="returned 2097152 bytes"):
        libseal.SealReader(TooMuch(), public_key()).read()
