"""UnsealReader."""

import gc
import io
import shutil
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import libseal
from support import CHUNK, ShortReader, data_key_of, holds_nothing, public_key, unwrapper

DATA = bytes(range(256)) * 300
BLOB = libseal.seal(public_key(), DATA, context={"a": "b"})
DATA_KEY = data_key_of(BLOB)
HEADER = libseal.Header(BLOB)


def unwrap(_: libseal.WrappedKey) -> bytes:
    return DATA_KEY


def reader(blob: bytes = BLOB) -> libseal.UnsealReader:
    return libseal.UnsealReader(io.BytesIO(blob), unwrap)


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
    with pytest.raises(OSError, match=r"read\(4096\) returned 4097 bytes"):
        libseal.UnsealReader(Gives(BLOB[:4097]), unwrap)
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
        libseal.UnsealReader(io.BytesIO(BLOB), unwrap, require={"a": "c"})
    gc.collect()
    assert not file.closed


def test_reader_closes_the_inner_one_if_asked() -> None:
    for close_inner in (False, True):
        file = io.BytesIO(BLOB)
        with libseal.UnsealReader(file, unwrap, close_inner=close_inner):
            pass
        assert file.closed == close_inner


def test_use_after_close() -> None:
    file = reader()
    file.close()
    with pytest.raises(ValueError, match="closed file"):
        file.read()
    with pytest.raises(ValueError, match="closed file"):
        file.raw.read(1)
    assert file.header.context == {"a": "b"}


class NonBlocking(io.BytesIO):
    """Has nothing to read every other time."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.calls = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.calls += 1
        if self.calls % 2:
            return None  # type: ignore[return-value]
        return super().read(size)


@pytest.mark.parametrize("size", [1000, 300_000, -1])
def test_a_source_that_would_block_loses_the_place(size: int) -> None:
    """What a buffer has dropped must not look like the end."""
    inner = NonBlocking(BLOB)
    with pytest.raises(BlockingIOError):
        libseal.UnsealReader(inner, unwrap)
    inner.seek(HEADER.length)
    file = libseal.UnsealReader.with_key(inner, HEADER, DATA_KEY)
    inner.calls = 1
    with pytest.raises(BlockingIOError):
        while file.read(size):
            pass
    with pytest.raises(libseal.StateError):
        file.read(1)
    with pytest.raises(libseal.StateError):
        file.read()


class Skipping:
    """What comes after the header in another file object; cannot seek."""

    def __init__(self, inner: io.BytesIO) -> None:
        self.inner = inner
        inner.seek(HEADER.length, io.SEEK_CUR)

    def read(self, size: int, /) -> bytes:
        return self.inner.read(size)


# ---- With a header that is known


@pytest.mark.parametrize("threads", [1, 2, None])
@pytest.mark.parametrize("before", [b"", b"something else"])
def test_with_key(before: bytes, threads: int | None) -> None:
    inner = io.BytesIO(before + BLOB)
    inner.seek(len(before) + HEADER.length)
    with libseal.UnsealReader.with_key(inner, HEADER, DATA_KEY, threads=threads) as file:
        assert type(file) is libseal.UnsealReader
        assert file.header == HEADER
        assert file.read(5) == DATA[:5]
        assert file.seek(-5, io.SEEK_END) == len(DATA) - 5
        assert file.read() == DATA[-5:]
        assert file.seek(3) == 3
        assert file.read() == DATA[3:]
    assert not inner.closed


def test_with_key_reads_nothing_of_the_header() -> None:
    places: list[int] = []

    class Noting(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            places.append(self.tell())
            return super().read(size)

    inner = Noting(BLOB)
    inner.seek(HEADER.length)
    file = libseal.UnsealReader.with_key(inner, HEADER, DATA_KEY, close_inner=True)
    assert not places
    file.seek(40_000)
    assert file.read(10) == DATA[40_000:40_010]
    assert min(places) == HEADER.length
    file.close()
    assert inner.closed


def test_with_key_of_a_source_that_cannot_seek() -> None:
    file = libseal.UnsealReader.with_key(Skipping(io.BytesIO(BLOB)), HEADER, DATA_KEY)
    assert not file.seekable()
    assert file.read() == DATA


def test_with_key_refuses() -> None:
    with pytest.raises(libseal.AuthenticationError):
        libseal.UnsealReader.with_key(io.BytesIO(BLOB), HEADER, bytes(32))
    with pytest.raises(libseal.KeyUnwrapError):
        libseal.UnsealReader.with_key(io.BytesIO(BLOB), HEADER, b"short")
    with pytest.raises(ValueError, match="before the end of the header"):
        libseal.UnsealReader.with_key(io.BytesIO(BLOB), HEADER, DATA_KEY)
    other = libseal.seal(public_key(), b"other", context={"a": "b"})
    inner = io.BytesIO(other)
    inner.seek(libseal.Header(other).length)
    with pytest.raises(libseal.AuthenticationError):
        libseal.UnsealReader.with_key(inner, HEADER, DATA_KEY).read()


def test_subclass() -> None:
    class Mine(libseal.UnsealReader):
        def readline(self, size: int | None = -1, /) -> bytes:
            return super().readline(size).upper()

    blob = libseal.seal(public_key(), b"one\ntwo\n")
    header, data_key = libseal.Header(blob), data_key_of(blob)
    inner = io.BytesIO(blob)
    inner.seek(header.length)
    for file in (
        Mine(io.BytesIO(blob), unwrapper()),
        Mine.with_key(inner, header, data_key),
    ):
        assert type(file) is Mine
        assert file.readline() == b"ONE\n"
        assert file.seek(0) == 0
        assert file.read() == b"one\ntwo\n"


def test_nothing_is_hung_on_the_object() -> None:
    file = reader()
    attributes = set(vars(file))
    for position in (0, 50_000, 3):
        file.seek(position)
        file.read(10)
        assert set(vars(file)) == attributes
    assert file.read.__self__ is file  # type: ignore[attr-defined]


def test_all_of_a_large_message() -> None:
    data = DATA * 60
    blob = libseal.seal(public_key(), data)
    data_key = data_key_of(blob)
    for start in (0, 1, 700_000):
        file = libseal.UnsealReader(io.BytesIO(blob), lambda _: data_key)
        assert file.read(start) == data[:start]
        assert file.read() == data[start:]
        assert file.read() == b""
        assert file.tell() == len(data)
