"""SealWriter and UnsealReader."""

import csv
import gc
import gzip
import io
import json
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import libseal
from support import (
    CHUNK,
    LENGTHS,
    PIECE,
    ShortReader,
    ShortWriter,
    data_key_of,
    holds_nothing,
    public_key,
    unwrapper,
)

DATA = bytes(range(256)) * 300
BLOB = libseal.seal(public_key(), DATA, context={"a": "b"})
DATA_KEY = data_key_of(BLOB)


def unwrap(_: libseal.WrappedKey) -> bytes:
    return DATA_KEY


def reader(blob: bytes = BLOB) -> libseal.UnsealReader:
    return libseal.UnsealReader(io.BytesIO(blob), unwrap)


# ---- SealWriter


@pytest.mark.parametrize("length", LENGTHS)
def test_round_trip(length: int) -> None:
    data = DATA[:length]
    file = io.BytesIO()
    with libseal.SealWriter(file, public_key(), "id", {"a": "b"}) as writer:
        assert writer.writable()
        assert not writer.readable()
        assert not writer.seekable()
        for start in range(0, length, 5000):
            piece = data[start : start + 5000]
            assert writer.write(piece) == len(piece)
        assert writer.tell() == length
    assert writer.closed
    assert not file.closed
    with libseal.UnsealReader(io.BytesIO(file.getvalue()), unwrapper(), {"a": "b"}) as reader:
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
    writer.close()
    writer.close()
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
        with pytest.raises(BufferError):
            writer.write(memoryview(data)[::2])
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
    with pytest.warns(ResourceWarning, match=r"unclosed .*SealWriter.*truncated"):
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
    writer.close()
    for call in (lambda: writer.write(b""), writer.flush, writer.tell, writer.writable):
        with pytest.raises(ValueError, match="closed file"):
            call()
    with pytest.raises(ValueError, match="closed"), writer:
        pass
    with pytest.raises(ValueError, match="closed file"):
        writer.raw.write(b"")

    reader = libseal.UnsealReader(io.BytesIO(BLOB), unwrap)
    reader.close()
    with pytest.raises(ValueError, match="closed file"):
        reader.read()
    with pytest.raises(ValueError, match="closed file"):
        reader.raw.read(1)


def test_close_inner() -> None:
    for close in ("close", "abort"):
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
            writer.close()
        assert writer.closed
        writer.close()
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
        writer.close()
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


# ---- UnsealReader


def test_reader_is_a_file_object() -> None:
    with reader() as file:
        assert isinstance(file, io.BufferedIOBase)
        assert file.readable()
        assert not file.writable()
        assert file.header.context == {"a": "b"}
        assert file.read(0) == b""
        assert file.read(3) == DATA[:3]
        assert file.tell() == 3
        assert file.peek(1)[:1] == DATA[3:4]
        buffer = bytearray(10)
        assert file.readinto(buffer) == 10
        assert buffer == DATA[3:13]
        rest = b""
        while piece := file.read1(1000):
            rest += piece
        assert rest == DATA[13:]
        assert file.read() == file.read(1) == file.read1() == b""
        with pytest.raises(io.UnsupportedOperation):
            file.write(b"x")
    with pytest.raises(ValueError, match="closed"):
        file.read()


@settings(deadline=None, max_examples=60)
@given(
    length=st.integers(0, len(DATA)),
    at_once=st.integers(1, 40_000),
    sizes=st.lists(st.integers(1, 40_000), min_size=1, max_size=5),
)
def test_reading_in_any_pieces(length: int, at_once: int, sizes: list[int]) -> None:
    blob = libseal.seal(public_key(), DATA[:length])
    data_key = data_key_of(blob)

    def read_all() -> Iterator[bytes]:
        file = libseal.UnsealReader(ShortReader(blob, at_once), lambda _: data_key)
        while True:
            for size in sizes:
                piece = file.read(size)
                if not piece:
                    return
                yield piece

    assert b"".join(read_all()) == DATA[:length]


def test_lines() -> None:
    lines = [b"line %d\n" % number for number in range(10_000)]
    blob = libseal.seal(public_key(), b"".join(lines))
    assert list(libseal.UnsealReader(io.BytesIO(blob), unwrapper())) == lines


def test_end_is_reported_only_after_it_was_verified() -> None:
    for cut in (1, 16, 17, 300, 5000, CHUNK):
        for read in (
            lambda file: file.read(),
            lambda file: [file.read(100) for _ in range(10_000)],
            lambda file: shutil.copyfileobj(file, io.BytesIO()),
            list,
            lambda file: io.TextIOWrapper(file, "latin-1").read(),
        ):
            file = reader(BLOB[:-cut])
            with pytest.raises(libseal.AuthenticationError):
                read(file)
            if not file.closed:
                with pytest.raises(libseal.StateError):
                    file.read(1)
    data = bytes(CHUNK)
    blob = libseal.seal(public_key(), data)
    file = libseal.UnsealReader(io.BytesIO(blob[:-16]), unwrapper())
    assert file.read(CHUNK) == data
    with pytest.raises(libseal.TruncatedError):
        file.read(1)


def test_inner_reader_failing_anywhere() -> None:
    blob = libseal.seal(public_key(), b"data")
    data_key = data_key_of(blob)
    for fails_at in range(len(blob) + 1):
        with pytest.raises(OSError, match="unreadable"):
            libseal.UnsealReader(ShortReader(blob, 7, fails_at), lambda _: data_key).read()


def test_after_the_inner_reader_failed_nothing_is_skipped() -> None:
    inner = ShortReader(BLOB, 1000, 20_000)
    file = libseal.UnsealReader(inner, unwrap)
    with pytest.raises(OSError, match="unreadable"):
        file.read(CHUNK + 5)
    inner.fails_at = None
    with pytest.raises(libseal.StateError):
        file.read(CHUNK + 5)


@pytest.mark.parametrize("size", [1000, 100_000, -1])
def test_nothing_is_skipped_after_an_interrupt(size: int) -> None:
    class Interrupted(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            if interrupting:
                raise KeyboardInterrupt
            return data

    interrupting = False
    file = libseal.UnsealReader(Interrupted(BLOB), unwrap)
    interrupting = True
    with pytest.raises(KeyboardInterrupt):
        file.read(size)
    interrupting = False
    with pytest.raises(libseal.StateError):
        file.read(size)
    file.seek(0)
    assert file.read() == DATA


def test_inner_reader_that_is_odd() -> None:
    class Gives:
        def __init__(self, answer: object) -> None:
            self.answer = answer

        def read(self, size: int) -> bytes:
            return self.answer  # type: ignore[return-value]

    with pytest.raises(BlockingIOError):
        libseal.UnsealReader(Gives(None), unwrap)
    with pytest.raises(TypeError, match="text mode"):
        libseal.UnsealReader(Gives("text"), unwrap)
    with pytest.raises(TypeError):
        libseal.UnsealReader(Gives(7), unwrap)
    with pytest.raises(libseal.TruncatedError, match="empty"):
        libseal.UnsealReader(Gives(b""), unwrap)
    with pytest.raises(libseal.FormatError):
        libseal.UnsealReader(Gives(memoryview(b"junk")), unwrap)


def test_unwrapping_fails_when_the_reader_is_made() -> None:
    file = io.BytesIO(BLOB)
    with pytest.raises(libseal.NoMatchingRecipientError):
        libseal.UnsealReader(file, holds_nothing, close_inner=True)
    with pytest.raises(libseal.ContextMismatchError):
        libseal.UnsealReader(io.BytesIO(BLOB), unwrap, {"a": "c"})
    gc.collect()
    assert not file.closed


def test_reader_closes_the_inner_one_if_asked() -> None:
    for close_inner in (False, True):
        file = io.BytesIO(BLOB)
        with libseal.UnsealReader(file, unwrap, close_inner=close_inner):
            pass
        assert file.closed == close_inner


# ---- With the standard library


def test_text() -> None:
    file = io.BytesIO()
    with libseal.SealWriter(file, public_key()) as writer:
        text = io.TextIOWrapper(writer, encoding="utf-8", write_through=True)
        print("grüße", file=text)
        csv.writer(text, lineterminator="\n").writerow([1, "zwei"])
    file.seek(0)
    with io.TextIOWrapper(libseal.UnsealReader(file, unwrapper()), encoding="utf-8") as lines:
        assert list(lines) == ["grüße\n", "1,zwei\n"]


def test_text_wrapper_that_closes() -> None:
    file = io.BytesIO()
    with io.TextIOWrapper(libseal.SealWriter(file, public_key()), encoding="utf-8") as text:
        text.write("buffered")
    assert libseal.unseal(file.getvalue(), unwrapper()) == b"buffered"


def test_text_after_an_exception() -> None:
    file = io.BytesIO()
    with pytest.raises(ZeroDivisionError), libseal.SealWriter(file, public_key()) as writer:
        text = io.TextIOWrapper(writer, encoding="utf-8", write_through=True)
        text.write("half")
        raise ZeroDivisionError
    del text
    gc.collect()
    with pytest.raises(libseal.AuthenticationError):
        libseal.unseal(file.getvalue(), unwrapper())


def test_json_and_gzip() -> None:
    file = io.BytesIO()
    value = {"numbers": list(range(10_000))}
    with (
        libseal.SealWriter(file, public_key()) as writer,
        gzip.open(writer, "wt", encoding="utf-8") as text,
    ):
        json.dump(value, text)
    file.seek(0)
    with libseal.UnsealReader(file, unwrapper()) as reader, gzip.open(reader) as unzipped:
        assert json.load(unzipped) == value


def test_tar(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for number in range(5):
        (source / str(number)).write_bytes(DATA[: number * 10_000])
    file = io.BytesIO()
    with (
        libseal.SealWriter(file, public_key()) as writer,
        tarfile.open(fileobj=writer, mode="w|gz") as tar,
    ):
        tar.add(source, "folder")
    file.seek(0)
    with (
        libseal.UnsealReader(file, unwrapper()) as reader,
        tarfile.open(fileobj=reader, mode="r|gz") as tar,
    ):
        tar.extractall(tmp_path / "target", filter="data")
        shutil.copyfileobj(reader, io.BytesIO())
    for path in source.iterdir():
        assert (tmp_path / "target" / "folder" / path.name).read_bytes() == path.read_bytes()


def test_zip() -> None:
    file = io.BytesIO()
    with (
        libseal.SealWriter(file, public_key()) as writer,
        zipfile.ZipFile(writer, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        archive.writestr("name", DATA)
    plaintext = io.BytesIO(libseal.unseal(file.getvalue(), unwrapper()))
    assert zipfile.ZipFile(plaintext).read("name") == DATA


def test_copyfileobj() -> None:
    sealed, back = io.BytesIO(), io.BytesIO()
    with libseal.SealWriter(sealed, public_key()) as writer:
        shutil.copyfileobj(io.BytesIO(DATA), writer)
    sealed.seek(0)
    with libseal.UnsealReader(sealed, unwrapper()) as file:
        shutil.copyfileobj(file, back, 1000)
    assert back.getvalue() == DATA


def test_one_message_in_another() -> None:
    file = io.BytesIO()
    with (
        libseal.SealWriter(file, public_key("rsa-2048-b")) as outer,
        libseal.SealWriter(outer, public_key()) as inner,
    ):
        inner.write(DATA)
    file.seek(0)
    with (
        libseal.UnsealReader(file, unwrapper("rsa-2048-b")) as outer_reader,
        libseal.UnsealReader(outer_reader, unwrapper()) as inner_reader,
    ):
        assert inner_reader.read() == DATA
