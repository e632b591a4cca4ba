"""Reading a part of a message: Header.ciphertext_range, Unsealer.seek, UnsealReader.seek."""

from __future__ import annotations

import gc
import io
import os
import random
import tempfile
import zipfile
from typing import IO, TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import libseal
from support import CHUNK, LENGTHS, ShortReader, data_key_of, public_key, unwrapper

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = random.Random(1).randbytes(50 * CHUNK + 1234)
BLOB = libseal.seal(public_key(), DATA, context={"a": "b"})
DATA_KEY = data_key_of(BLOB)
HEADER = libseal.inspect(BLOB)
EVERY_LENGTH = (*LENGTHS, 32767, 32769, 100_000)
PLACES = (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 20 * CHUNK - 1, 50 * CHUNK, len(DATA) - 1)


def unwrap(_: libseal.WrappedKey) -> bytes:
    return DATA_KEY


class Counting(io.RawIOBase):
    """Notes what is read of it; may give less than asked, or fail."""

    def __init__(self, content: bytes = BLOB, at_once: int = 1 << 30) -> None:
        self.inner = io.BytesIO(content)
        self.at_once = at_once
        self.reads: list[tuple[int, int]] = []
        self.fails = False

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self.inner.seek(offset, whence)

    def tell(self) -> int:
        return self.inner.tell()

    def read(self, size: int = -1, /) -> bytes:
        if self.fails:
            raise OSError(5, "unreadable")
        position = self.inner.tell()
        piece = self.inner.read(min(size, self.at_once))
        self.reads.append((position, len(piece)))
        return piece

    @property
    def count(self) -> int:
        return sum(length for _, length in self.reads)


# ---- Ranges


def test_ranges() -> None:
    first = HEADER.length + 56
    assert HEADER.ciphertext_range(0, 0) == range(first, first)
    assert HEADER.ciphertext_range(0, 1) == range(first, first + 16400)
    assert HEADER.ciphertext_range(CHUNK - 1, 2) == range(first, first + 2 * 16400)
    assert HEADER.ciphertext_range(start=CHUNK, length=CHUNK).start == first + 16400
    assert HEADER.plaintext_range(0, len(BLOB)) == range(len(DATA))
    assert HEADER.plaintext_range(first + 16400, 16400) == range(CHUNK, 2 * CHUNK)
    assert HEADER.plaintext_range(first + 1, 16400) == range(CHUNK, CHUNK)
    assert HEADER.ciphertext_range(2**64 - 1, 2**64 - 1).stop == 2**64 - 1
    for bad in (-1, 1 << 64):
        with pytest.raises(OverflowError):
            HEADER.ciphertext_range(bad, 0)
        with pytest.raises(OverflowError):
            HEADER.plaintext_range(0, bad)


@pytest.mark.parametrize("length", EVERY_LENGTH)
def test_length_of_the_plaintext_from_that_of_the_message(length: int) -> None:
    blob = libseal.seal(public_key(), bytes(length))
    assert libseal.inspect(blob).plaintext_range(0, len(blob)).stop == length


# ---- Unsealer


@pytest.mark.parametrize("beginning", [0, 55, 56, 57, 4096, 30_000])
@pytest.mark.parametrize("position", PLACES)
def test_unsealer_with_ranges(beginning: int, position: int) -> None:
    """As one would with HTTP: first the header, and then what is wanted."""
    unsealer = libseal.Unsealer(require={"a": "b"})
    unsealer.update(bytearray(BLOB[: HEADER.length + beginning]))
    unsealer.unwrap_with(unwrap)
    if beginning < 56:
        with pytest.raises(libseal.StateError, match="seeking needs"):
            unsealer.seek(position)
        unsealer.update(BLOB[HEADER.length + beginning : HEADER.length + 56])
    for length in (1, 10, CHUNK, 3 * CHUNK):
        header = unsealer.header
        assert header is not None
        wanted = header.ciphertext_range(position, length)
        assert unsealer.seek(position) == wanted.start
        plaintext = unsealer.update(BLOB[wanted.start : wanted.stop])
        if wanted.stop > len(BLOB):
            plaintext += unsealer.finish()
        assert plaintext[:length] == DATA[position : position + length]
        assert len(plaintext) < length + 2 * CHUNK


def test_unsealer_that_cannot_seek() -> None:
    unsealer = libseal.Unsealer()
    for piece in (BLOB[:10], BLOB[10:4096]):
        with pytest.raises(libseal.StateError):
            unsealer.seek(0)
        unsealer.update(piece)
    with pytest.raises(libseal.StateError):
        unsealer.seek(0)
    unsealer.provide_key(DATA_KEY)
    for _ in range(1000):
        with pytest.raises(libseal.LimitError):
            unsealer.seek(1 << 52)
    with pytest.raises(OverflowError):
        unsealer.seek(-1)
    # Nothing has changed by that.
    assert unsealer.update(BLOB[4096:]) + unsealer.finish() == DATA
    assert unsealer.seek(0) == HEADER.length + 56
    altered = bytearray(BLOB[HEADER.length + 56 :])
    altered[5] ^= 1
    with pytest.raises(libseal.AuthenticationError):
        unsealer.update(altered)
    with pytest.raises(libseal.StateError):
        unsealer.seek(0)


def test_chunk_of_another_place_does_not_open() -> None:
    unsealer = libseal.Unsealer()
    unsealer.update(BLOB[:4096])
    unsealer.provide_key(DATA_KEY)
    unsealer.seek(CHUNK)
    other = HEADER.ciphertext_range(2 * CHUNK, 1)
    with pytest.raises(libseal.AuthenticationError):
        unsealer.update(BLOB[other.start : other.stop])


# ---- UnsealReader


def sources() -> dict[str, Callable[[], Any]]:
    def file() -> IO[bytes]:
        opened = tempfile.TemporaryFile()  # noqa: SIM115
        opened.write(BLOB)
        opened.seek(0)
        return opened

    def behind_something_else() -> IO[bytes]:
        source = io.BytesIO(b"before" + BLOB)
        source.seek(6)
        return source

    return {
        "BytesIO": lambda: io.BytesIO(BLOB),
        "file": file,
        "behind something else": behind_something_else,
        "own": Counting,
        "own, few bytes": lambda: Counting(at_once=1000),
        "reader in a reader": lambda: libseal.UnsealReader(
            io.BytesIO(libseal.seal(public_key(), BLOB)), unwrapper()
        ),
    }


@pytest.mark.parametrize("source", sources())
@pytest.mark.parametrize("threads", [1, 2])
def test_seeking_is_like_seeking_in_a_file(source: str, threads: int) -> None:
    with sources()[source]() as inner:
        reader = libseal.UnsealReader(inner, unwrap, threads=threads)
        plain = io.BytesIO(DATA)
        assert reader.seekable()
        randomly = random.Random(source)
        for _ in range(100):
            whence = randomly.choice((os.SEEK_SET, os.SEEK_CUR, os.SEEK_END))
            base = {os.SEEK_SET: 0, os.SEEK_CUR: plain.tell(), os.SEEK_END: len(DATA)}[whence]
            position = randomly.choice(
                (*PLACES, len(DATA), len(DATA) + 5, randomly.randrange(len(DATA)))
            )
            assert reader.seek(position - base, whence) == plain.seek(position - base, whence)
            assert reader.tell() == plain.tell()
            size = randomly.choice((0, 1, 100, CHUNK, 100_000, 300_000, 600_000, -1))
            assert reader.read(size) == plain.read(size)
            assert reader.tell() == plain.tell()
        with pytest.raises(OSError, match="before the beginning"):
            reader.seek(-1)
        with pytest.raises(ValueError, match="whence"):
            reader.seek(0, 9)


@settings(deadline=None, max_examples=100)
@given(
    length=st.integers(0, 5 * CHUNK),
    steps=st.lists(st.tuples(st.integers(0, 6 * CHUNK), st.integers(0, 6 * CHUNK)), max_size=6),
    at_once=st.integers(500, 200_000),
)
def test_any_places(length: int, steps: list[tuple[int, int]], at_once: int) -> None:
    blob = libseal.seal(public_key(), DATA[:length])
    data_key = data_key_of(blob)
    reader = libseal.UnsealReader(Counting(blob, at_once), lambda _: data_key)
    for position, size in steps:
        assert reader.seek(position) == position
        buffer = bytearray(size)
        count = reader.readinto(buffer)
        assert buffer[:count] == DATA[:length][position : position + size]


@pytest.mark.parametrize("length", EVERY_LENGTH)
def test_end_of_every_length(length: int) -> None:
    reader = libseal.UnsealReader(
        io.BytesIO(libseal.seal(public_key(), DATA[:length])), unwrapper()
    )
    assert reader.seek(0, os.SEEK_END) == length
    assert reader.read() == b""
    assert reader.seek(100, os.SEEK_CUR) == length + 100
    assert reader.read(10) == b""
    assert reader.seek(0) == 0
    assert reader.read() == DATA[:length]
    assert reader.read() == b""
    reader.seek(max(length - 3, 0))
    assert reader.read() == DATA[:length][-3:]


def test_header_is_read_in_small_pieces() -> None:
    source = Counting()
    libseal.UnsealReader(source, unwrap)
    assert source.reads == [(0, 4096)]


def test_a_small_read_fetches_the_chunks_that_it_lies_in() -> None:
    for size, most in ((1, 1), (1000, 2), (CHUNK, 2)):
        source = Counting()
        reader = libseal.UnsealReader(source, unwrap)
        for position in (7 * CHUNK + 5, 3 * CHUNK, 20 * CHUNK - 3):
            reader.seek(position)
            before = source.count
            assert reader.read(size) == DATA[position : position + size]
            assert source.count - before <= most * 16_400
    reader = libseal.UnsealReader(source := Counting(), unwrap)
    reader.seek(0, os.SEEK_END)
    assert source.count == 4096 + 1234 + 16


@pytest.mark.parametrize("way", ["read", "readinto", "read1", "peek"])
def test_a_read_after_a_seek_fetches_one_chunk_and_then_twice_as_much_each_time(way: str) -> None:
    for position in (10 * CHUNK, 17 * CHUNK + 100):
        for size in (1, 5000, CHUNK, 100_000, 262_144, 300_000, 500_000):
            source = Counting()
            reader = libseal.UnsealReader(source, unwrap)
            reader.seek(0, os.SEEK_END)
            source.reads.clear()
            reader.seek(position)
            if way == "readinto":
                assert reader.readinto(bytearray(size)) == size
            else:
                assert getattr(reader, way)(size)[:1] == DATA[position : position + 1]
            wanted = HEADER.ciphertext_range(position, size)
            needed = 1 if way in {"read1", "peek"} else len(wanted) // 16_400
            offset, chunks = wanted.start, []
            for start, length in source.reads:
                assert start == offset
                offset += length
                chunks.append(length // 16_400)
            assert chunks == [1, 1, 2, 4, 8, 16][: len(chunks)]
            assert sum(chunks[:-1]) < needed <= sum(chunks)


@pytest.mark.parametrize("size", [524_289, 600_000])
def test_one_read_of_the_source_for_a_large_read(size: int) -> None:
    for position in (5 * CHUNK, 7 * CHUNK + 100):
        source = Counting()
        reader = libseal.UnsealReader(source, unwrap)
        reader.seek(0, os.SEEK_END)
        source.reads.clear()
        reader.seek(position)
        buffer = bytearray(size)
        assert reader.readinto(buffer) == size
        assert buffer == DATA[position : position + size]
        wanted = HEADER.ciphertext_range(position, size)
        assert source.reads == [(wanted.start, len(wanted))]


def test_one_megabyte_in_the_middle() -> None:
    data = bytes(8 << 20)
    blob = libseal.seal(public_key(), data)
    for position, chunks in ((4 << 20, 64), ((3 << 20) + 12_345, 65)):
        source = Counting(blob)
        reader = libseal.UnsealReader(source, unwrapper())
        reader.seek(position)
        assert len(reader.read(1 << 20)) == 1 << 20
        # The beginning, the last chunk, which is empty, and those in the middle.
        assert source.count == 4096 + 16 + chunks * 16_400
        assert len(source.reads) <= 4


def test_small_reads_fetch_more_and_more() -> None:
    data = DATA * 5
    source = Counting(libseal.seal(public_key(), data))
    reader = libseal.UnsealReader(source, unwrapper())
    reader.seek(CHUNK)
    read = b""
    while piece := reader.read(4096):
        read += piece
    assert read == data[CHUNK:]
    # After the header and the last chunk.
    lengths = [length for _, length in source.reads[2:]]
    assert lengths[:4] == [16_400, 16_400, 2 * 16_400, 4 * 16_400]
    assert max(lengths) == 32 * 16_400


def test_methods_are_those_of_the_class_after_a_seek() -> None:
    class Noting(libseal.UnsealReader):
        def read(self, size: int | None = -1, /) -> bytes:
            sizes.append(size)
            return super().read(size)

    sizes: list[int | None] = []
    source = Counting()
    reader = Noting(source, unwrap)
    assert reader.seek(20 * CHUNK) == 20 * CHUNK
    assert reader.read(40_000) == DATA[20 * CHUNK :][:40_000]
    assert sizes == [40_000]
    assert "read" not in vars(reader)
    assert source.count < 4096 + 16_400 + 6 * 16_400


def test_a_reader_that_was_forgotten_after_a_seek_lets_go_of_its_source() -> None:
    source = io.BytesIO(BLOB)
    reader = libseal.UnsealReader(source, unwrap, close_inner=True)
    reader.seek(CHUNK)
    del reader
    gc.collect()
    assert source.closed


def test_seeking_within_what_is_read_fetches_nothing() -> None:
    source = Counting()
    reader = libseal.UnsealReader(source, unwrap)
    reader.read(1000)
    before = len(source.reads)
    assert reader.seek(10) == 10
    assert reader.read(10) == DATA[10:20]
    assert reader.seek(0, os.SEEK_CUR) == 20
    assert len(source.reads) == before


@pytest.mark.parametrize("cut", [1, 15, 16, 17, 1233, 1250, 1251, 20_000, len(BLOB) - 600])
def test_seek_in_a_truncated_message(cut: int) -> None:
    for to in ((0, os.SEEK_END), (5 * CHUNK, os.SEEK_SET), (len(DATA), os.SEEK_SET)):
        reader = libseal.UnsealReader(Counting(BLOB[:-cut]), unwrap)
        with pytest.raises(libseal.AuthenticationError):
            reader.seek(*to)
        with pytest.raises(libseal.StateError):
            reader.read(1)
        with pytest.raises(libseal.SealError):
            reader.seek(*to)


@pytest.mark.parametrize("more", [0, 10, 55, 56, 60, 71])
def test_seek_where_hardly_more_than_the_header_is_there(more: int) -> None:
    reader = libseal.UnsealReader(Counting(BLOB[: HEADER.length + more]), unwrap)
    with pytest.raises(libseal.TruncatedError):
        reader.seek(0, os.SEEK_END)
    with pytest.raises(libseal.SealError):
        reader.read()


def test_truncated_at_a_chunk() -> None:
    end = HEADER.ciphertext_range(0, 10 * CHUNK).stop
    with pytest.raises(libseal.TruncatedError):
        libseal.UnsealReader(Counting(BLOB[:end]), unwrap).seek(0, os.SEEK_END)


def test_corrupted_in_the_middle() -> None:
    altered = bytearray(BLOB)
    altered[HEADER.ciphertext_range(20 * CHUNK, 1).start + 5] ^= 1
    reader = libseal.UnsealReader(io.BytesIO(altered), unwrap)
    reader.seek(21 * CHUNK)
    assert reader.read(CHUNK) == DATA[21 * CHUNK : 22 * CHUNK]
    reader.seek(20 * CHUNK)
    with pytest.raises(libseal.AuthenticationError):
        reader.read(1)
    for _ in range(2):
        with pytest.raises(libseal.StateError):
            reader.read(1)
    with pytest.raises(libseal.StateError):
        reader.seek(0)


def test_place_is_lost_when_the_source_fails_and_found_again() -> None:
    for known in (False, True):
        source = Counting()
        reader = libseal.UnsealReader(source, unwrap)
        if known:
            reader.seek(0, os.SEEK_END)
        source.fails = True
        with pytest.raises(OSError, match="unreadable"):
            reader.seek(CHUNK)
            reader.read(1)
        source.fails = False
        with pytest.raises(libseal.StateError):
            reader.read(1)
        assert reader.seek(5) == 5
        assert reader.read() == DATA[5:]


def test_source_that_cannot_seek() -> None:
    class HasNone:
        def __init__(self) -> None:
            self.inner = io.BytesIO(BLOB)

        def read(self, size: int, /) -> bytes:
            return self.inner.read(size)

    inners: list[Any] = [ShortReader(BLOB, 5000), HasNone()]
    for inner in inners:
        reader = libseal.UnsealReader(inner, unwrap)
        assert not reader.seekable()
        with pytest.raises(io.UnsupportedOperation):
            reader.seek(0)
        assert reader.read() == DATA
        assert reader.tell() == len(DATA)
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as source_file, os.fdopen(writing, "wb") as target:
        target.write(BLOB[:4096])
        target.flush()
        reader = libseal.UnsealReader(source_file, unwrap)
        assert not reader.seekable()


def test_seek_after_close() -> None:
    reader = libseal.UnsealReader(io.BytesIO(BLOB), unwrap)
    reader.close()
    calls: list[Callable[[], object]] = [lambda: reader.seek(0), reader.seekable, reader.tell]
    for call in calls:
        with pytest.raises(ValueError, match="closed"):
            call()


def test_large_reads_go_straight_into_the_buffer() -> None:
    data = os.urandom(3_000_001)
    blob = libseal.seal(public_key(), data)
    for threads in (1, 2):
        reader = libseal.UnsealReader(io.BytesIO(blob), unwrapper(), threads=threads)
        reader.seek(77)
        buffer = bytearray(2_500_000)
        assert reader.readinto(buffer) == len(buffer)
        assert buffer == data[77 : 77 + len(buffer)]
        assert reader.read() == data[77 + len(buffer) :]


def test_zip_member() -> None:
    file = io.BytesIO()
    names = [str(number) for number in range(20)]
    with (
        libseal.SealWriter(file, public_key()) as writer,
        zipfile.ZipFile(writer, "w") as archive,
    ):
        for name in names:
            archive.writestr(name, name.encode() * 40_000)
    source = Counting(file.getvalue())
    with zipfile.ZipFile(libseal.UnsealReader(source, unwrapper())) as archive:
        assert archive.namelist() == names
        assert archive.read("7") == b"7" * 40_000
    assert source.count < 200_000 < len(file.getvalue())


def test_text() -> None:
    lines = "".join(f"line {number}\n" for number in range(20_000))
    blob = libseal.seal(public_key(), lines.encode())
    with io.TextIOWrapper(libseal.UnsealReader(io.BytesIO(blob), unwrapper()), "utf-8") as text:
        first = text.readline()
        place = text.tell()
        rest = text.read()
        assert first + rest == lines
        text.seek(place)
        assert text.readline() == "line 1\n"
