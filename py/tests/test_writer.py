"""SealWriter."""

import gc
import io

import numpy as np
import pytest

import libseal
from support import CHUNK, LENGTHS, PIECE, ShortWriter, public_key, unwrapper

DATA = bytes(range(256)) * 300


@pytest.mark.parametrize("length", LENGTHS)
def test_round_trip(length: int) -> None:
    data = DATA[:length]
    file = io.BytesIO()
    with libseal.SealWriter(file, public_key(), context={"a": "b"}) as writer:
        assert writer.writable()
        assert not writer.readable()
        assert not writer.seekable()
        for start in range(0, length, 5000):
            piece = data[start : start + 5000]
            assert writer.write(piece) == len(piece)
        assert writer.tell() == length
    assert writer.closed
    assert not file.closed
    with libseal.UnsealReader(
        io.BytesIO(file.getvalue()), unwrapper(), require={"a": "b"}
    ) as reader:
        assert reader.read() == data


def test_flush_hands_over_every_byte() -> None:
    file = io.BytesIO()
    writer = libseal.SealWriter(file, public_key())
    start = len(file.getvalue())
    assert libseal.inspect(file.getvalue()).length == start - 56
    for length in (10, 0, CHUNK - 10, CHUNK, CHUNK + 1, 100_000):
        before = len(file.getvalue())
        position = writer.tell()
        writer.write(b"x" * length)
        assert len(file.getvalue()) == before
        assert writer.tell() == position + length
        writer.flush()
        tags = (position + length) // CHUNK - position // CHUNK
        assert len(file.getvalue()) == before + length + 16 * tags
    writer.finish()
    writer.finish()
    assert libseal.unseal(file.getvalue(), unwrapper()) == b"x" * (3 * CHUNK + 100_001)


@pytest.mark.parametrize("size", [100, 4096, 5000, CHUNK, PIECE - 1, PIECE, PIECE + 1, 5_000_000])
@pytest.mark.parametrize("flush_at", [(), (1,), (0, 2, 3)])
def test_pieces_are_whole_chunks(size: int, flush_at: tuple[int, ...]) -> None:
    """Whatever is written at a time; so the fast way of sealing them is taken."""
    pieces: list[int] = []

    class Spy(io.BytesIO):
        def write(self, data: bytes, /) -> int:  # type: ignore[override]
            pieces.append(len(data))
            return super().write(data)

    data, file = DATA * 40, Spy()
    with libseal.SealWriter(file, public_key()) as writer:
        for number, start in enumerate(range(0, len(data), size)):
            writer.write(data[start : start + size])
            if number in flush_at:
                writer.flush()
    assert libseal.unseal(file.getvalue(), unwrapper()) == data
    if not flush_at:
        assert all(length % (CHUNK + 16) == 0 for length in pieces[1:-1])


@pytest.mark.parametrize("data", [bytearray(1_500_000), memoryview(DATA)[7:], b"x" * 1_500_000])
def test_write_bytes_like(data: bytes) -> None:
    file = io.BytesIO()
    with libseal.SealWriter(file, public_key()) as writer:
        assert writer.write(data) == len(data)
        assert writer.write(np.arange(10, dtype=">i4").data) == 40
        assert writer.write(np.zeros((0, 3)).data) == 0
    plaintext = libseal.unseal(file.getvalue(), unwrapper())
    assert plaintext == bytes(data) + np.arange(10, dtype=">i4").tobytes()


def test_write_str() -> None:
    with libseal.SealWriter(io.BytesIO(), public_key()) as writer:
        for value in ("text", 7, None):
            with pytest.raises(TypeError, match="bytes-like"):
                writer.write(value)  # type: ignore[arg-type]


def test_exception_in_the_block_does_not_end_the_message() -> None:
    for error in (ZeroDivisionError, KeyboardInterrupt):
        file = io.BytesIO()
        with pytest.raises(error), libseal.SealWriter(file, public_key()) as writer:
            writer.write(DATA)
            raise error
        assert writer.closed
        with pytest.raises(libseal.AuthenticationError):
            libseal.unseal(file.getvalue(), unwrapper())


def test_abort() -> None:
    file = io.BytesIO()
    writer = libseal.SealWriter(file, public_key())
    writer.abort()
    writer.abort()
    writer.close()
    with pytest.raises(libseal.TruncatedError):
        libseal.unseal(file.getvalue(), unwrapper())


def test_forgotten_writer_does_not_end_the_message() -> None:
    file = io.BytesIO()
    writer = libseal.SealWriter(file, public_key())
    writer.write(b"data")
    writers = [writer]
    del writer
    with pytest.warns(RuntimeWarning, match=r"SealWriter.*forgotten.*truncated"):
        writers.clear()
    assert not file.closed
    with pytest.raises(libseal.AuthenticationError):
        libseal.unseal(file.getvalue(), unwrapper())


def test_writer_that_could_not_be_made_leaves_nothing_behind() -> None:
    file = io.BytesIO()
    with pytest.raises(libseal.LimitError):
        libseal.SealWriter(file, [], close_inner=True)
    with pytest.raises(OSError, match="full"):
        libseal.SealWriter(ShortWriter(10), public_key(), close_inner=True)
    gc.collect()
    assert file.getvalue() == b""
    assert not file.closed


def test_use_after_close() -> None:
    writer = libseal.SealWriter(io.BytesIO(), public_key())
    writer.finish()
    for call in (lambda: writer.write(b""), writer.flush, writer.tell, writer.writable):
        with pytest.raises(ValueError, match="closed file"):
            call()
    with pytest.raises(ValueError, match="closed"), writer:
        pass
    with pytest.raises(ValueError, match="closed file"):
        writer.raw.write(b"")


def test_close_inner() -> None:
    for close in ("finish", "abort"):
        file = io.BytesIO()
        writer = libseal.SealWriter(file, public_key(), close_inner=True)
        getattr(writer, close)()
        assert file.closed


@pytest.mark.parametrize("at_once", [1, 7, 1 << 20])
def test_inner_writer_that_takes_little(at_once: int) -> None:
    file = ShortWriter(at_once=at_once)
    with libseal.SealWriter(file, public_key()) as writer:
        writer.write(DATA[:20_000])
    assert libseal.unseal(bytes(file.content), unwrapper()) == DATA[:20_000]


def test_inner_writer_failing_anywhere() -> None:
    whole = len(libseal.seal(public_key(), b"x" * 15))
    for room in range(whole):
        file = ShortWriter(room)
        try:
            writer = libseal.SealWriter(file, public_key())
        except OSError:
            continue
        with pytest.raises(OSError, match="full"), writer:
            writer.write(b"x" * 10)
            writer.write(b"y" * 5)
        assert writer.closed
        assert len(file.content) == room
        with pytest.raises(libseal.AuthenticationError):
            libseal.unseal(bytes(file.content), unwrapper())


def test_after_the_inner_writer_failed_the_message_cannot_go_on() -> None:
    for way in ("flush", "write"):
        room = len(libseal.seal(public_key(), b"")) - 10
        file = ShortWriter(room)
        writer = libseal.SealWriter(file, public_key())
        with pytest.raises(OSError, match="full"):
            if way == "flush":
                writer.write(b"x" * 10)
                writer.flush()
            else:
                writer.write(b"x" * 2_000_000)
        file.room = 4_000_000
        with pytest.raises(libseal.StateError):
            writer.write(b"x" * 2_000_000)
        with pytest.raises(libseal.StateError):
            writer.flush()
        with pytest.raises(libseal.StateError):
            writer.finish()
        assert writer.closed
        with pytest.raises(libseal.StateError):
            writer.finish()
        assert len(file.content) == room


def test_detaching_is_not_supported() -> None:
    with (
        libseal.SealWriter(io.BytesIO(), public_key()) as writer,
        pytest.raises(io.UnsupportedOperation),
    ):
        writer.detach()


def test_nothing_is_sealed_twice_after_an_interrupt() -> None:
    class Interrupted(io.BytesIO):
        def write(self, data: bytes, /) -> int:  # type: ignore[override]
            written = super().write(data)
            if self.tell() > 1_500_000:
                raise KeyboardInterrupt
            return written

    file = Interrupted()
    writer = libseal.SealWriter(file, public_key())
    with pytest.raises(KeyboardInterrupt):
        writer.write(b"x" * 3_000_000)
    length = len(file.getvalue())
    with pytest.raises(libseal.StateError):
        writer.finish()
    assert len(file.getvalue()) == length


class Odd:
    """A write method with a mind of its own."""

    def __init__(self, answer: int | None) -> None:
        self.answer = answer
        self.content = b""

    def write(self, data: bytes) -> int | None:
        self.content += data
        return self.answer


def test_inner_write_without_a_count() -> None:
    file = Odd(None)
    with libseal.SealWriter(file, public_key()) as writer:
        writer.write(b"data")
        writer.flush()
    assert libseal.unseal(file.content, unwrapper()) == b"data"


@pytest.mark.parametrize("answer", [0, -1, 1 << 40])
def test_inner_write_with_a_wrong_count(answer: int) -> None:
    with pytest.raises(OSError, match="returned"):
        libseal.SealWriter(Odd(answer), public_key())


def test_inner_writer_that_would_block() -> None:
    class Full(io.RawIOBase):
        def write(self, data: object) -> None:
            return None

    with pytest.raises(BlockingIOError):
        libseal.SealWriter(Full(), public_key())


def test_a_target_that_would_block_ends_no_message() -> None:
    class Busy(io.RawIOBase):
        """Takes nothing the third time."""

        content = b""
        calls = 0

        def writable(self) -> bool:
            return True

        def write(self, data: object, /) -> int | None:
            self.calls += 1
            if self.calls == 3:
                return None
            taken = bytes(memoryview(data))  # type: ignore[arg-type]
            self.content += taken
            return len(taken)

    file = Busy()
    writer = libseal.SealWriter(file, public_key())
    with pytest.raises(BlockingIOError):
        for _ in range(9):
            writer.write(DATA)
            writer.flush()
    with pytest.raises(libseal.StateError):
        writer.flush()
    with pytest.raises(libseal.StateError):
        writer.finish()
    with pytest.raises(libseal.AuthenticationError):
        libseal.unseal(file.content, unwrapper())


@pytest.mark.parametrize("threads", [1, 2, None])
def test_every_size_of_writes(threads: int | None) -> None:
    data = DATA * 40
    for size in (1000, 4096, 5000, CHUNK, 300_000, 524_288, 524_289, 1_048_576, len(data)):
        file = io.BytesIO()
        with libseal.SealWriter(file, public_key(), threads=threads) as writer:
            for start in range(0, len(data), size):
                assert writer.write(data[start : start + size]) == len(data[start : start + size])
                assert writer.tell() == min(start + size, len(data))
        assert libseal.unseal(file.getvalue(), unwrapper()) == data
