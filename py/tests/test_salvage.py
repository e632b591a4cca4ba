"""salvage_file: what is left of a message that was cut short or damaged."""

import errno
import io
import os
import pickle
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import libseal
from support import CHUNK, holds_nothing, public_key, unwrapper
from tests.independent.vector import VECTORS

Case = tuple[int, str, int, str, int]

# Several pieces of what the threads work on.
LONG = 5_000_000


def cases() -> Iterator[Case]:
    for line in (VECTORS / "salvage.txt").read_text().splitlines():
        if not line.startswith("#"):
            length, damage, number, expect, left = line.split(" ")
            yield int(length), damage, int(number), expect, int(left)


CASES = list(cases())


@cache
def plaintext(length: int) -> bytes:
    return os.urandom(length)


@cache
def message(length: int) -> bytes:
    return libseal.seal(public_key(), plaintext(length), context={"device": "42"})


def damaged(blob: bytes, damage: str, number: int) -> bytes:
    place = libseal.inspect(blob).length + number
    match damage:
        case "cut":
            return blob[:place]
        case "flip":
            return blob[:place] + bytes([blob[place] ^ 1]) + blob[place + 1 :]
        case "extend":
            return blob + bytes(number)
    assert damage == "none"
    return blob


def salvaged(
    blob: bytes, folder: Path, threads: int | None = None
) -> tuple[bytes, libseal.SealError | None]:
    """What is left, and the error; it is raised if nothing is left."""
    src, dst = folder / "src", folder / "dst"
    src.write_bytes(blob)
    dst.write_bytes(b"before")
    try:
        result = libseal.salvage_file(src, dst, unwrapper(), threads=threads)
    except libseal.SealError as error:
        assert dst.read_bytes() == b"before"
        return b"", error
    found = dst.read_bytes()
    assert result.plaintext_len == len(found)
    assert found or result.error is None
    return found, result.error


def test_every_chunk_before_the_damage_is_kept(tmp_path: Path) -> None:
    assert len(CASES) >= 200
    for case in CASES:
        length, damage, number, expect, left = case
        blob = damaged(message(length), damage, number)
        found, error = salvaged(blob, tmp_path, threads=2 if length == 1_000_000 else 1)
        assert found == plaintext(length)[:left], case
        assert ("OK" if error is None else error.name) == expect, case


@pytest.mark.parametrize("threads", [1, 2, None])
@pytest.mark.parametrize("chunk", [1, 63, 64, 100, 200, 303, 304])
def test_an_altered_chunk_takes_none_before_it_along(
    tmp_path: Path, chunk: int, threads: int | None
) -> None:
    blob = damaged(message(LONG), "flip", 56 + chunk * (CHUNK + 16) + 500)
    found, error = salvaged(blob, tmp_path, threads)
    assert found == plaintext(LONG)[: chunk * CHUNK]
    assert isinstance(error, libseal.AuthenticationError)
    assert not isinstance(error, libseal.TruncatedError)


def test_the_error_says_which_file_and_keeps_no_frames(tmp_path: Path) -> None:
    _, error = salvaged(message(50_000)[:-1], tmp_path)
    assert isinstance(error, libseal.TruncatedError)
    assert error.__notes__ == [f"in the file {str(tmp_path / 'src')!r}"]
    assert error.__traceback__ is None
    again = pickle.loads(pickle.dumps(libseal.Salvaged(3, error)))
    assert again.plaintext_len == 3
    assert str(again.error) == str(error)


def test_a_whole_message_is_unsealed_and_counted(tmp_path: Path) -> None:
    src, dst, counts = tmp_path / "src", tmp_path / "dst", list[int]()
    src.write_bytes(message(LONG))
    require = {"device": "42"}
    result = libseal.salvage_file(src, dst, unwrapper(), require=require, progress=counts.append)
    assert result == (LONG, None)
    assert dst.read_bytes() == plaintext(LONG)
    assert sum(counts) == len(message(LONG))


def test_from_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writing = threading.Thread(target=pipe.write_bytes, args=(message(100_000)[:60_000],))
    writing.start()
    length, error = libseal.salvage_file(pipe, tmp_path / "dst", unwrapper())
    writing.join()
    assert length == 3 * CHUNK
    assert isinstance(error, libseal.TruncatedError)


@pytest.mark.parametrize(
    ("blob", "error"),
    [
        (b"", libseal.TruncatedError),
        (b"SEA", libseal.TruncatedError),
        (b"plain text", libseal.FormatError),
        (message(50_000)[:200], libseal.TruncatedError),
        (b"SEAL\x01\x01\xff\xff" + bytes(100), libseal.FormatError),
        (message(50_000)[:20_000].replace(b"42", b"43", 1), libseal.AuthenticationError),
    ],
    ids=["empty", "cut magic", "not sealed", "cut header", "malformed", "altered header"],
)
def test_without_a_header_nothing_is_written(
    tmp_path: Path, blob: bytes, error: type[libseal.SealError]
) -> None:
    src, dst = tmp_path / "src", tmp_path / "dst"
    src.write_bytes(blob)
    with pytest.raises(error) as raised:
        libseal.salvage_file(src, dst, unwrapper())
    assert raised.value.__notes__ == [f"in the file {str(src)!r}"]
    assert not dst.exists()


def test_without_a_key_nothing_is_written(tmp_path: Path) -> None:
    src, dst = tmp_path / "src", tmp_path / "dst"
    src.write_bytes(message(50_000)[:40_000])
    with pytest.raises(libseal.NoMatchingRecipientError):
        libseal.salvage_file(src, dst, holds_nothing)
    with pytest.raises(libseal.AuthenticationError):
        libseal.salvage_file(src, dst, lambda _: bytes(32))
    with pytest.raises(libseal.ContextMismatchError):
        libseal.salvage_file(src, dst, unwrapper(), require={"device": "43"})
    assert not dst.exists()


class BadSector(io.FileIO):
    """A file that cannot be read from a place on."""

    fails_at = 0

    def readinto(self, buffer: object, /) -> int:
        left = self.fails_at - self.tell()
        if left <= 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        view = memoryview(buffer)  # type: ignore[arg-type]
        return super().readinto(view[:left])


@pytest.fixture
def bad_sector(monkeypatch: pytest.MonkeyPatch) -> type[BadSector]:
    monkeypatch.setattr("libseal._files.opened", BadSector)
    return BadSector


@pytest.mark.parametrize("chunks", [1, 2, 150, 304])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_bad_sector_loses_nothing_before_it(
    tmp_path: Path, bad_sector: type[BadSector], chunks: int, threads: int
) -> None:
    start = libseal.inspect(message(LONG)).length + 56
    bad_sector.fails_at = start + chunks * (CHUNK + 16) + 100
    found, error = salvaged(message(LONG), tmp_path, threads)
    assert found == plaintext(LONG)[: chunks * CHUNK]
    assert isinstance(error, libseal.TruncatedError)
    assert error.name == "TRUNCATED"
    assert "Input/output error" in str(error)
    assert isinstance(error.__cause__, OSError)
    assert error.__cause__.errno == errno.EIO


def test_a_bad_sector_after_the_message_does_not_matter(
    tmp_path: Path, bad_sector: type[BadSector]
) -> None:
    bad_sector.fails_at = len(message(50_000))
    assert salvaged(message(50_000), tmp_path) == (plaintext(50_000), None)


@pytest.mark.parametrize("place", [0, 100, 1000])
def test_a_bad_sector_before_the_first_chunk_ends(
    tmp_path: Path, bad_sector: type[BadSector], place: int
) -> None:
    bad_sector.fails_at = place
    src, dst = tmp_path / "src", tmp_path / "dst"
    src.write_bytes(message(50_000))
    with pytest.raises(OSError, match="Input/output error"):
        libseal.salvage_file(src, dst, unwrapper())
    assert not dst.exists()


def test_only_the_source_may_fail(tmp_path: Path) -> None:
    src, dst = tmp_path / "src", tmp_path / "dst"
    src.write_bytes(message(50_000))

    def full(_: int) -> None:
        raise OSError(errno.EPIPE, "no one looks")

    with pytest.raises(OSError, match="no one looks"):
        libseal.salvage_file(src, dst, unwrapper(), progress=full)
    assert not dst.exists()
    with pytest.raises(FileNotFoundError):
        libseal.salvage_file(tmp_path / "missing", dst, unwrapper())
    with pytest.raises(IsADirectoryError):
        libseal.salvage_file(src, tmp_path, unwrapper())


@pytest.mark.parametrize(
    ("name", "wrong"), [("src", b"src"), ("dst", 1), ("unwrap", None), ("progress", 1)]
)
def test_wrong_arguments(tmp_path: Path, name: str, wrong: object) -> None:
    src = tmp_path / "src"
    src.write_bytes(message(50_000))
    arguments: dict[str, Any] = {"src": src, "dst": tmp_path / "dst", "unwrap": unwrapper()}
    with pytest.raises(TypeError, match=name):
        libseal.salvage_file(**arguments | {name: wrong})
