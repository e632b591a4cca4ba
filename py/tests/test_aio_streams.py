"""Readers and writers over asynchronous sources and targets."""

import asyncio
import io
import os
from collections.abc import AsyncIterator
from typing import Any

import pytest

import libseal
from aio_support import AsyncFile, cancel_everywhere, connection, in_pieces, run, unwrap
from libseal import aio
from support import CHUNK, LENGTHS, pieces, public_key, unwrapper

PIECE = 256 * 1024
ALL_LENGTHS = [*LENGTHS, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 5]
DATA = os.urandom(3 * PIECE + 5)
SHORT = libseal.seal(public_key(), b"data", context={"device": "42"})


def seal(data: bytes) -> bytes:
    return libseal.seal(public_key(), data)


async def joined(stream: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in stream])


async def sealed_by_writer(target: Any, data: bytes, size: int = 100_000) -> None:
    async with aio.SealWriter(target, public_key()) as writer:
        for piece in pieces(data, size):
            assert await writer.write(piece) == len(piece)


# ---- Round trips


@pytest.mark.parametrize("length", ALL_LENGTHS)
def test_over_a_connection(length: int) -> None:
    async def both() -> bytes:
        async with connection() as (source, target), asyncio.TaskGroup() as group:

            async def send() -> None:
                await sealed_by_writer(target, DATA[:length])
                target.write_eof()

            group.create_task(send())
            reader = await aio.UnsealReader.open(source, unwrap)
            return await reader.read()

    assert run(both()) == DATA[:length]


@pytest.mark.parametrize("length", ALL_LENGTHS)
def test_through_all_three(length: int) -> None:
    """A SealReader is a source for an UnsealReader, which gives what a SealWriter takes."""

    async def chain() -> bytes:
        sealing = aio.SealReader(in_pieces(DATA[:length], 70_000), public_key())
        plain = await aio.UnsealReader.open(sealing, unwrap)
        target = AsyncFile(at_once=50_000)
        async with aio.SealWriter(target, public_key()) as writer:
            async for piece in plain:
                await writer.write(piece)
        return libseal.unseal(target.content, unwrapper())

    assert run(chain()) == DATA[:length]


@pytest.mark.parametrize("size", [1, 7])
def test_sources_that_give_few_bytes(size: int) -> None:
    data = DATA[: CHUNK + 100]

    async def both() -> None:
        message = await joined(aio.SealReader(in_pieces(data, size), public_key()))
        assert libseal.unseal(message, unwrapper()) == data
        sources: list[aio.Source] = [in_pieces(message, size), AsyncFile(message, size)]
        for source in sources:
            reader = await aio.UnsealReader.open(source, unwrap)
            assert await joined(reader) == data
            assert await reader.read() == b""

    run(both())


def test_sources_of_many_kinds_of_bytes() -> None:
    async def mixed() -> AsyncIterator[Any]:
        for number, piece in enumerate(pieces(message, 5000)):
            yield b""  # Not the end, as with Starlette.
            yield (bytes, bytearray, memoryview)[number % 3](piece)
        yield b""

    message = seal(DATA[:100_000])

    async def both() -> None:
        reader = await aio.UnsealReader.open(mixed(), unwrap)
        assert await reader.read() == DATA[:100_000]

    run(both())


def test_read_gives_what_it_is_asked_for() -> None:
    """As the synchronous reader does, and for a SealReader too: parts in S3 have a least length."""
    message = seal(DATA)

    async def check(reader: aio.UnsealReader | aio.SealReader) -> bytes:
        assert await reader.read(0) == b""
        parts = []
        for size in (1, 10, CHUNK - 3, CHUNK, PIECE + 1, 5):
            parts.append(await reader.read(size))
            assert len(parts[-1]) == size
        parts.append(await anext(reader))
        parts.append(await reader.read(10_000_000))
        assert await reader.read(1) == b""
        assert await reader.read() == b""
        assert await joined(reader) == b""
        return b"".join(parts)

    async def both() -> None:
        for source in (in_pieces(message, 3000), AsyncFile(message, 1 << 20)):
            reader = await aio.UnsealReader.open(source, unwrap)
            assert await check(reader) == DATA
        sealing = aio.SealReader(in_pieces(DATA, 3000), public_key())
        assert libseal.unseal(await check(sealing), unwrapper()) == DATA

    run(both())


def test_the_header() -> None:
    async def both() -> None:
        reader = await aio.UnsealReader.open(AsyncFile(SHORT), unwrap, require={"device": None})
        assert reader.header == libseal.inspect(SHORT)
        with pytest.raises(libseal.ContextMismatchError):
            await aio.UnsealReader.open(AsyncFile(SHORT), unwrap, require={"device": "43"})
        sealing = aio.SealReader(AsyncFile(b"data"), public_key(), context={"device": "42"})
        assert libseal.inspect(await sealing.read()).context == {"device": "42"}
        target = AsyncFile()
        async with aio.SealWriter(target, public_key(), context={"a": "b"}) as writer:
            await writer.write(b"data")
        assert libseal.inspect(target.content).context == {"a": "b"}

    run(both())


def test_flush() -> None:
    async def both() -> None:
        target = AsyncFile(at_once=1 << 20)
        async with aio.SealWriter(target, public_key()) as writer:
            await writer.write(DATA[: 2 * CHUNK])
            assert len(target.content) < 1000  # The header goes ahead.
            await writer.flush()
            reader = await aio.UnsealReader.open(AsyncFile(target.content), unwrap)
            assert await reader.read(CHUNK) == DATA[:CHUNK]
            await writer.write(b"more")
        assert libseal.unseal(target.content, unwrapper()) == DATA[: 2 * CHUNK] + b"more"

    run(both())


def test_other_tasks_have_their_turn() -> None:
    """Even if source and target never wait for anything."""

    class Ready:
        def __init__(self, content: bytes = b"") -> None:
            self.file = io.BytesIO(content)

        async def read(self, size: int, /) -> bytes:
            return self.file.read(size)

        async def write(self, data: bytes, /) -> int:
            return self.file.write(data)

    data = bytes(16 << 20)
    message = seal(data)

    async def turns_during(work: Any) -> int:
        task = asyncio.create_task(work)
        turns = 0
        while not task.done():
            await asyncio.sleep(0)
            turns += 1
        await task
        return turns

    async def read() -> None:
        reader = await aio.UnsealReader.open(Ready(message), unwrap)
        assert len(await reader.read()) == len(data)

    async def seal_read() -> None:
        await joined(aio.SealReader(Ready(data), public_key()))

    for work in (read(), seal_read(), sealed_by_writer(Ready(), data, len(data))):
        assert run(turns_during(work)) > 30


# ---- Messages that are not whole


def test_cut_extended_and_altered_messages() -> None:
    message = seal(DATA[:50_000])
    wrong: list[tuple[bytes, type[libseal.SealError]]] = [
        (b"", libseal.TruncatedError),
        (b"junk", libseal.FormatError),
        (message[:100], libseal.TruncatedError),
        (message[:-1], libseal.TruncatedError),
        (message[: -50_000 % (CHUNK + 16)], libseal.TruncatedError),
        (message + b"x", libseal.TruncatedError),
        (message[:5000] + b"xy" + message[5002:], libseal.AuthenticationError),
    ]

    async def read(source: aio.Source) -> list[bytes]:
        got = []
        try:
            reader = await aio.UnsealReader.open(source, unwrap)
            async for piece in reader:
                got.append(piece)  # noqa: PERF401
        finally:
            # What came before the error is authentic.
            assert DATA.startswith(b"".join(got))
        return got

    for content, error in wrong:
        for source in (AsyncFile(content), in_pieces(content, 3333)):
            with pytest.raises(error):
                run(read(source))


def test_the_end_is_reported_only_when_it_was_verified() -> None:
    async def both() -> None:
        reader = await aio.UnsealReader.open(AsyncFile(seal(DATA)[:-1]), unwrap)
        assert await reader.read(3 * PIECE) == DATA[: 3 * PIECE]
        with pytest.raises(libseal.TruncatedError):
            await reader.read()
        with pytest.raises(libseal.StateError):
            await reader.read()

    run(both())


def test_the_end_of_a_connection_that_breaks() -> None:
    async def both() -> None:
        async with connection() as (source, target):
            writer = aio.SealWriter(target, public_key())
            await writer.write(DATA)
            target.write_eof()
            reader = await aio.UnsealReader.open(source, unwrap)
            with pytest.raises(libseal.TruncatedError):
                await reader.read()
            writer.abort()

    run(both())


# ---- Failing sources and targets


def test_a_source_that_fails_is_not_at_its_end() -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield DATA[:1000]
        raise OSError(5, "broken")

    async def both() -> None:
        for source in (failing(), AsyncFile(DATA, fails_at=1000)):
            sealing = aio.SealReader(source, public_key())
            got = []
            with pytest.raises(OSError, match="broken"):
                async for piece in sealing:
                    got.append(piece)  # noqa: PERF401
            for again in (sealing.read, sealing.__anext__):
                with pytest.raises(libseal.StateError, match="cannot go on"):
                    got.append(await again())
            with pytest.raises(libseal.TruncatedError):
                libseal.unseal(b"".join(got), unwrapper())

    run(both())


def test_reading_goes_on_after_a_failure_if_the_source_does() -> None:
    async def both() -> None:
        source = AsyncFile(seal(DATA), fails_at=PIECE)
        reader = await aio.UnsealReader.open(source, unwrap)
        with pytest.raises(OSError, match="broken"):
            await reader.read()
        source.fails_at = None
        assert await reader.read() == DATA

    run(both())


@pytest.mark.parametrize("fails_at", [0, 100, 600, PIECE + 1000])
def test_after_a_failed_write_nothing_can_be_ended(fails_at: int) -> None:
    async def both() -> None:
        target = AsyncFile(at_once=300, fails_at=fails_at)
        writer = aio.SealWriter(target, public_key())
        with pytest.raises(OSError, match="broken"):
            await writer.write(DATA)
            await writer.finish()
        target.fails_at = None
        for call in (writer.finish, writer.flush, lambda: writer.write(b"")):
            with pytest.raises(libseal.StateError, match="cannot go on"):
                await call()
        with pytest.raises(libseal.StateError):
            async with writer:
                pass
        with pytest.raises(libseal.TruncatedError):
            libseal.unseal(target.content, unwrapper())

    run(both())


def test_targets_that_miscount() -> None:
    class Miscounting:
        def __init__(self, returns: object) -> None:
            self.returns = returns

        async def write(self, data: bytes, /) -> Any:
            return self.returns

    async def both() -> None:
        wrong: list[tuple[object, type[Exception]]] = [
            (0, OSError), (-1, OSError), (1 << 40, OSError), ("1", TypeError)
        ]  # fmt: skip
        for returns, error in wrong:
            writer = aio.SealWriter(Miscounting(returns), public_key())
            with pytest.raises(error):
                await writer.finish()

    run(both())


# ---- What ends a message


def test_only_a_normal_end_of_the_block_or_finish_ends_it() -> None:
    async def both() -> None:
        target = AsyncFile(at_once=1 << 20)
        with pytest.raises(ValueError, match="no"):
            async with aio.SealWriter(target, public_key()) as writer:
                await writer.write(DATA)
                raise ValueError("no")
        for call in (writer.finish, lambda: writer.write(b"")):
            with pytest.raises(libseal.StateError, match="given up"):
                await call()
        with pytest.raises(libseal.TruncatedError):
            libseal.unseal(target.content, unwrapper())

        target = AsyncFile(at_once=1 << 20)
        async with aio.SealWriter(target, public_key()) as writer:
            writer.abort()
        with pytest.raises(libseal.TruncatedError):
            libseal.unseal(target.content, unwrapper())

        target = AsyncFile(at_once=1 << 20)
        with pytest.raises(ValueError, match="late"):
            async with aio.SealWriter(target, public_key()) as writer:
                await writer.write(b"data")
                await writer.finish()
                await writer.finish()
                writer.abort()
                with pytest.raises(libseal.StateError, match="finished"):
                    await writer.write(b"more")
                raise ValueError("late")
        assert libseal.unseal(target.content, unwrapper()) == b"data"

    run(both())


def test_a_forgotten_writer_says_so() -> None:
    async def forget() -> None:
        writer = aio.SealWriter(AsyncFile(), public_key())
        await writer.write(b"data")
        with pytest.warns(RuntimeWarning, match="forgotten without finish"):
            del writer
        writer = aio.SealWriter(AsyncFile(), public_key())
        writer.abort()

    run(forget())
    with pytest.raises(TypeError):
        aio.SealWriter(AsyncFile(), "key")  # type: ignore[arg-type]


def test_two_tasks_in_one_object() -> None:
    async def both() -> None:
        async with connection() as (source, target):
            target.write(SHORT[:-1])
            reader = await aio.UnsealReader.open(source, unwrap)
            first = asyncio.create_task(reader.read())
            await asyncio.sleep(0)
            with pytest.raises(libseal.StateError, match="in use by another task"):
                await reader.read()
            target.write(SHORT[-1:])
            target.write_eof()
            assert await first == b"data"

        file = AsyncFile()
        writer = aio.SealWriter(file, public_key())
        first_write = asyncio.create_task(writer.write(DATA))
        await asyncio.sleep(0)
        for call in (lambda: writer.write(b""), writer.flush, writer.finish):
            with pytest.raises(libseal.StateError, match="in use by another task"):
                await call()
        await first_write
        await writer.finish()
        assert libseal.unseal(file.content, unwrapper()) == DATA

    run(both())


# ---- Cancellation


def test_a_writer_that_is_cancelled_everywhere() -> None:
    content = bytearray()

    async def attempt() -> None:
        content.clear()
        target = AsyncFile(at_once=200_000)
        target.content = content
        await sealed_by_writer(target, DATA)

    whole = 0
    times = 0
    for was_cancelled in cancel_everywhere(attempt):
        times += was_cancelled
        try:
            data = libseal.unseal(content, unwrapper())
        except libseal.TruncatedError:
            assert was_cancelled
        else:
            # The last bytes had been written when it came.
            assert data == DATA
            whole += 1
    assert whole <= 1
    assert times > 5


def test_a_seal_reader_that_is_cancelled_everywhere() -> None:
    got: list[bytes] = []

    async def attempt() -> None:
        got.clear()
        sealing = aio.SealReader(in_pieces(DATA, 100_000), public_key())
        try:
            async for piece in sealing:
                got.append(piece)  # noqa: PERF401
        except asyncio.CancelledError:
            with pytest.raises(libseal.StateError):
                got.append(await sealing.read())
            raise

    for was_cancelled in cancel_everywhere(attempt):
        message = b"".join(got)
        if was_cancelled:
            with pytest.raises(libseal.TruncatedError):
                libseal.unseal(message, unwrapper())
        else:
            assert libseal.unseal(message, unwrapper()) == DATA


def test_a_reader_that_is_cancelled_everywhere_loses_nothing() -> None:
    message = seal(DATA)

    class Steady(AsyncFile):
        """Loses nothing when it is cancelled."""

    async def attempt() -> None:
        reader = await aio.UnsealReader.open(Steady(message, 200_000), unwrap)
        try:
            assert await reader.read() == DATA
        except asyncio.CancelledError:
            assert await reader.read() == DATA
            raise

    assert sum(cancel_everywhere(attempt)) > 5


def test_timeouts() -> None:
    async def both() -> None:
        async with connection() as (source, target):
            target.write(SHORT[:-1])
            reader = await aio.UnsealReader.open(source, unwrap)
            for _ in range(2):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.01):
                        await reader.read()
            target.write(SHORT[-1:])
            target.write_eof()
            assert await reader.read() == b"data"

        async with connection() as (source, target):
            # Until the other side's buffers are full: it reads nothing.
            writer = aio.SealWriter(target, public_key())
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    while True:
                        await writer.write(DATA)
            with pytest.raises(libseal.StateError):
                await writer.finish()

    run(both())
