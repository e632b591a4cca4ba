"""SealedFileSystem reads plaintext, with few requests, and nothing that was not verified."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

import libseal
from fsspec_support import Store, sealed, store_of
from libseal.batch import ChangedError
from libseal.fsspec import SealedFileSystem
from support import CHUNK, LENGTHS, Counting, public_key

# Longer than what is read at once.
LONG = 10 * CHUNK + 123
DATA = os.urandom(LONG)
SEALED_CHUNK = CHUNK + 16

Read = Callable[[SealedFileSystem], object]


def read_opened(fs: SealedFileSystem) -> bytes:
    with fs.open("/a") as file:
        return bytes(file.read())


# Whatever reads something of a file, or knows where it ends.
READS: dict[str, Read] = {
    "cat": lambda fs: fs.cat_file("/a"),
    "cat the beginning": lambda fs: fs.cat_file("/a", 0, 1),
    "cat nothing": lambda fs: fs.cat_file("/a", 5, 5),
    "cat from the end": lambda fs: fs.cat_file("/a", -1),
    "cat_ranges": lambda fs: fs.cat_ranges(["/a"], [0], [1], on_error="raise"),
    "open": read_opened,
    "head": lambda fs: fs.head("/a", 1),
    "tail": lambda fs: fs.tail("/a", 1),
}


@pytest.fixture(params=[*READS])
def read(request: pytest.FixtureRequest) -> Read:
    return READS[request.param]


@pytest.mark.parametrize("length", [*LENGTHS, 4 * CHUNK, LONG, 2_000_000])
def test_every_length_is_told_and_read(length: int) -> None:
    data = os.urandom(length)
    _, fs = store_of(data)

    assert fs.size("/a") == length
    assert fs.cat_file("/a") == data
    assert read_opened(fs) == data
    assert fs.cat_file("/a", -3) == data[-3:]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (0, 0),
        (0, 5),
        (CHUNK - 1, CHUNK + 1),
        (3 * CHUNK, 4 * CHUNK),
        (-5, None),
        (-5, -2),
        (None, -5),
        (7, None),
        (LONG - 1, LONG + 5),
        (LONG, None),
        (LONG + 5, LONG + 9),
        (9, 5),
    ],
)
def test_ranges_are_those_of_a_slice(start: int | None, end: int | None) -> None:
    _, fs = store_of(DATA)

    assert fs.cat_file("/a", start, end) == DATA[start:end]


def test_sizes_take_one_request_and_no_key() -> None:
    store, _ = store_of(DATA)
    fs = sealed(store, unwrap=None)

    for _ in range(3):
        info = fs.info("/a")

    assert info["size"] == LONG
    assert info["sealed"] is True
    assert info["message_len"] == store.objects.size("/a")
    assert store.fetched == [("/a", 0, 4096)]


def test_a_listing_has_what_is_not_sealed_too() -> None:
    store, fs = store_of(DATA)
    store.place("/plain", b"hello")
    store.place("/empty", b"")
    store.place("/cut", store.objects.cat_file("/a")[:300])
    store.place("/folder/b", b"")

    listed = {info["name"]: (info["size"], info.get("sealed")) for info in fs.ls("/")}

    assert listed == {
        "/a": (LONG, True),
        "/plain": (5, False),
        "/empty": (0, False),
        "/cut": (None, True),
        "/folder": (0, None),
    }
    assert fs.du("/") == LONG + 5
    assert {name: info["size"] for name, info in fs.find("/", detail=True).items()} == {
        "/a": LONG,
        "/plain": 5,
        "/empty": 0,
        "/cut": None,
        "/folder/b": 0,
    }


def test_names_take_no_request() -> None:
    store, fs = store_of(DATA)

    assert fs.ls("/", detail=False) == ["/a"]
    assert fs.find("/") == fs.glob("/*") == fs.glob("/?") == ["/a"]
    assert [*fs.walk("/")] == [("", [], ["a"])]
    assert fs.exists("/a")
    assert fs.isfile("/a")
    assert not fs.isdir("/a")
    assert fs.modified("/a") == store.objects.modified("/a")
    assert store.fetched == []


@pytest.mark.parametrize("content", [b"", b"hello", b"PAR1" + bytes(100_000)], ids=len)
def test_what_is_not_sealed_is_never_read(content: bytes, read: Read) -> None:
    store = Store()
    store.place("/a", content)

    with pytest.raises(libseal.FormatError, match="/a is not a sealed file"):
        read(sealed(store))


def test_a_short_file_takes_one_request() -> None:
    store, fs = store_of(b"21.5 C")

    assert fs.cat_file("/a") == b"21.5 C"

    assert len(store.fetched) == 1
    assert store.asked == 0


def test_to_open_and_read_a_short_file_takes_one_request() -> None:
    store, fs = store_of(b"21.5 C")

    assert read_opened(fs) == b"21.5 C"

    assert len(store.fetched) == 1


def test_the_end_is_read_once_for_a_file() -> None:
    store, fs = store_of(DATA)

    for place in (5, 7):
        assert fs.cat_file("/a", place * CHUNK, place * CHUNK + 1) == DATA[place * CHUNK :][:1]

    starts = [start - 390 for _, start, _ in store.fetched]
    assert starts[0] == -390  # The beginning.
    assert starts[1:] == [5 * SEALED_CHUNK, 10 * SEALED_CHUNK, 7 * SEALED_CHUNK]


def test_to_open_and_seek_takes_the_beginning_the_end_and_what_is_read() -> None:
    store, fs = store_of(DATA)

    with fs.open("/a") as file:
        for _ in range(3):
            file.seek(-8, os.SEEK_END)
            assert file.read() == DATA[-8:]
            file.seek(-100, os.SEEK_END)
            assert file.read(50) == DATA[-100:-50]
        file.seek(3 * CHUNK + 5)
        assert file.read(10) == DATA[3 * CHUNK + 5 :][:10]
        assert file.read(10) == DATA[3 * CHUNK + 15 :][:10]

    assert len(store.fetched) == 3
    assert store.bytes_fetched == 4096 + (123 + 16) + SEALED_CHUNK


def test_reading_on_takes_ever_longer_pieces() -> None:
    data = os.urandom(3_000_000)
    store, fs = store_of(data)
    read = b""

    with fs.open("/a") as file:
        while piece := file.read(10_000):
            read += piece

    assert read == data
    assert len(store.fetched) < 15
    assert store.bytes_fetched < 1.05 * len(data)


def test_near_ranges_take_one_request() -> None:
    store, fs = store_of(DATA)
    fs.tail("/a", 1)
    store.reset()
    starts = [0, 100, CHUNK, 3 * CHUNK, 8 * CHUNK]

    read = fs.cat_ranges(["/a"] * 5, starts, [start + 10 for start in starts])

    assert read == [DATA[start : start + 10] for start in starts]
    # A gap of one chunk is read, one of four is not.
    assert [stop - start for _, start, stop in store.fetched] == [4 * SEALED_CHUNK, SEALED_CHUNK]


def test_ranges_of_several_files_and_errors_in_their_places() -> None:
    store, fs = store_of(DATA)
    store.place("/plain", b"hello")

    read = fs.cat_ranges(["/a", "/plain", "/none", "/a"], [0, 0, 0, -3], [3, 3, 3, None])

    assert read[0] == DATA[:3]
    assert isinstance(read[1], libseal.FormatError)
    assert isinstance(read[2], FileNotFoundError)
    assert read[3] == DATA[-3:]
    with pytest.raises(libseal.FormatError):
        fs.cat_ranges(["/a", "/plain"], 0, 3, on_error="raise")


def test_a_long_header_takes_one_more_request() -> None:
    store = Store()
    recipients = [libseal.Recipient(public_key(), "k" * 2000)] * 3
    store.place("/a", libseal.seal(recipients, DATA))

    assert sealed(store).cat_file("/a", 5, 6) == DATA[5:6]

    assert [start for _, start, _ in store.fetched][:2] == [0, 4096]


@pytest.mark.parametrize("length", [LONG, 3 * CHUNK, 100])
def test_a_file_that_was_cut_is_not_read(length: int, read: Read) -> None:
    store, fs = store_of(DATA[:length])
    message = store.objects.cat_file("/a")
    # A whole number of chunks is left, so that the length says nothing.
    cut = -SEALED_CHUNK if length > CHUNK else -1
    store.place("/a", message[:cut])

    with pytest.raises(libseal.AuthenticationError) as caught:
        read(fs)

    assert "in the file '/a'" in caught.value.__notes__


def test_an_altered_chunk_is_not_read() -> None:
    store, fs = store_of(DATA)
    message = bytearray(store.objects.cat_file("/a"))
    message[5 * CHUNK] ^= 1
    store.place("/a", bytes(message))

    assert fs.cat_file("/a", 0, 10) == DATA[:10]
    with pytest.raises(libseal.AuthenticationError):
        fs.cat_file("/a")
    with fs.open("/a") as file, pytest.raises(libseal.AuthenticationError):
        file.read()


def test_a_file_that_was_replaced_is_read_anew() -> None:
    store, fs = store_of(DATA)
    fs.cat_file("/a", 5, 10)
    other = os.urandom(LONG + CHUNK)
    store.place("/a", libseal.seal(public_key(), other))

    assert fs.cat_file("/a", 5, 10) == other[5:10]
    assert fs.cat_file("/a", -5) == other[-5:]
    assert fs.size("/a") == len(other)


def test_a_file_that_is_replaced_while_it_is_open_says_so() -> None:
    store, fs = store_of(DATA)

    with fs.open("/a") as file:
        file.read(1)
        store.place("/a", libseal.seal(public_key(), DATA))
        file.seek(5 * CHUNK)
        with pytest.raises(ChangedError, match="open it again") as caught:
            file.read(1)

    assert caught.value.filename == "/a"


def test_a_store_that_returns_less_than_asked_is_noticed() -> None:
    store, fs = store_of(DATA)
    store.most = 5000

    with pytest.raises(OSError, match="returned 5000 bytes where"):
        fs.cat_file("/a", 5, 10)


def test_required_pairs_and_strangers_keys_are_refused() -> None:
    store, _ = store_of(DATA)

    with pytest.raises(libseal.ContextMismatchError):
        sealed(store, require={"device": "42"}).cat_file("/a")
    with pytest.raises(libseal.NoMatchingRecipientError):
        sealed(store, unwrap=lambda _: None).cat_file("/a", 0, 1)
    with pytest.raises(ValueError, match="give unwrap= or kms="):
        sealed(store, unwrap=None).cat_file("/a")


def test_a_data_key_is_unwrapped_once() -> None:
    key = libseal.SealingKey(public_key())
    store = Store()
    for name in "abc":
        store.place(name, key.seal(DATA))
    unwrap = Counting()
    fs = sealed(store, unwrap=unwrap)

    fs.cat(["/a", "/b"])
    fs.tail("/c")

    assert unwrap.calls == 1


def test_opened_files_are_what_libraries_expect(tmp_path: Any) -> None:
    _, fs = store_of(b"one\ntwo\nthree")

    with fs.open("/a", "rt", encoding="ascii") as file:
        assert file.readlines() == ["one\n", "two\n", "three"]
    with fs.open("/a") as file:
        assert file.size == 13
        assert file.seek(0, os.SEEK_END) == 13
        assert file.read() == b""
        file.seek(4)
        assert file.readline() == b"two\n"
        room = bytearray(3)
        assert file.readinto(room) == 3
        assert room == b"thr"
    fs.get("/a", str(tmp_path / "a"))
    assert (tmp_path / "a").read_bytes() == b"one\ntwo\nthree"


def test_what_does_not_verify_replaces_no_local_file(tmp_path: Any) -> None:
    data = os.urandom(2_000_000)
    store, fs = store_of(data)
    message = bytearray(store.objects.cat_file("/a"))
    message[-SEALED_CHUNK * 2] ^= 1
    store.place("/a", bytes(message))
    target = tmp_path / "a"
    target.write_bytes(b"old")

    with pytest.raises(libseal.AuthenticationError):
        fs.get_file("/a", str(target))

    assert target.read_bytes() == b"old"
    assert [*tmp_path.iterdir()] == [target]
