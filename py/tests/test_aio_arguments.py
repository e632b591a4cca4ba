"""What is no source, no target and no data, and with which words it is refused."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

import libseal
from aio_support import AsyncFile, run, unwrap
from libseal import aio
from support import public_key, unwrapper


async def joined(stream: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in stream])


class SyncRead:
    def read(self, size: int) -> bytes:
        return b""


class SyncWrite:
    def write(self, data: bytes) -> int:
        return len(data)


async def coroutine() -> bytes:
    return b""


async def text() -> AsyncIterator[str]:
    yield "text"


def sources() -> list[tuple[Any, str]]:
    return [
        (None, "source must have an async method read, .*not NoneType"),
        (Path("path"), "not PosixPath: seal_file and unseal_file take paths"),
        ("path", "not str: seal_file and unseal_file take paths"),
        (b"bytes", "not bytes: seal and unseal take bytes"),
        ([b"bytes"], "an async iterable of bytes, not list"),
        (coroutine(), "not coroutine: await it first"),
        (io.BytesIO(), "source must be asynchronous, not BytesIO: libseal.UnsealReader takes"),
        (asyncio.StreamReader, "source must be an object, not the class StreamReader"),
        (SyncRead(), r"read\(\) of source must be asynchronous; it returned bytes"),
        (text(), "the pieces of source must be bytes, not str"),
    ]


def test_what_is_no_source() -> None:
    calls: list[Callable[[Any], Any]] = [
        lambda source: aio.UnsealReader.open(source, unwrap),
        lambda source: joined(aio.SealReader(source, public_key())),
    ]

    async def call_all() -> None:
        for call in calls:
            for source, words in sources():
                with pytest.raises(TypeError, match=words):
                    await call(source)

    run(call_all())
    # At once, and not when it is read.
    with pytest.raises(TypeError, match="source must have an async method read"):
        aio.SealReader(None, public_key())  # type: ignore[arg-type]


def test_what_is_no_target() -> None:
    wrong: list[tuple[Any, str]] = [
        (
            None,
            "target must be an asyncio.StreamWriter or have an async method write, not NoneType",
        ),
        ("path", "not str: seal_file and unseal_file take paths"),
        (io.BytesIO(), "target must be asynchronous, not BytesIO: libseal.SealWriter takes"),
        (asyncio.StreamWriter, "target must be an object, not the class StreamWriter"),
    ]
    for target, words in wrong:
        with pytest.raises(TypeError, match=words):
            aio.SealWriter(target, public_key())

    async def write() -> None:
        writer = aio.SealWriter(SyncWrite(), public_key())  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=r"write\(\) of target must be asynchronous; it .* int"):
            await writer.finish()

    run(write())


def test_data_that_is_no_bytes() -> None:
    async def write() -> None:
        target = AsyncFile()
        async with aio.SealWriter(target, public_key()) as writer:
            wrong: Any
            for wrong in ("text", None, 7):
                with pytest.raises(TypeError, match="data must be bytes-like, not"):
                    await writer.write(wrong)
            # Nothing of it was taken, so the message goes on.
            await writer.write(memoryview(b"d_a_t_a")[::2])
        assert libseal.unseal(target.content, unwrapper()) == b"data"

    run(write())


def test_a_source_that_gives_too_much() -> None:
    class TooMuch:
        async def read(self, size: int, /) -> bytes:
            return bytes(size + 1)

    with pytest.raises(OSError, match=r"of source returned \d+ bytes"):
        run(aio.UnsealReader.open(TooMuch(), unwrap))


def test_a_reader_is_opened() -> None:
    with pytest.raises(TypeError, match=r"await libseal\.aio\.UnsealReader\.open"):
        aio.UnsealReader()
