"""threads=: the same messages and the same plaintext, only sooner."""

from __future__ import annotations

import io
import multiprocessing
import os
from typing import TYPE_CHECKING

import pytest

import libseal
from support import CHUNK, LENGTHS, data_key_of, pieces, public_key, unseal_in_pieces, unwrapper

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COUNTS = (1, 2, 4, None)
EVERY_LENGTH = (*LENGTHS, 512 * 1024 - 1, 512 * 1024, 3_000_000)
DATA = os.urandom(3_000_000)
BLOB = libseal.seal(public_key(), DATA)
DATA_KEY = data_key_of(BLOB)


def unwrap(_: libseal.WrappedKey) -> bytes:
    return DATA_KEY


@pytest.mark.parametrize("threads", COUNTS)
@pytest.mark.parametrize("length", EVERY_LENGTH)
def test_every_way(length: int, threads: int | None, tmp_path: Path) -> None:
    data = DATA[:length]
    blobs = [libseal.seal(public_key(), data, threads=threads)]
    out = bytearray(libseal.sealed_len(public_key(), length))
    libseal.seal_into(public_key(), data, out, threads=threads)
    blobs.append(bytes(out))
    sealer = libseal.Sealer(public_key(), threads=threads)
    blobs.append(sealer.update(data) + sealer.finish())
    sealer = libseal.SealingKey(public_key()).sealer(length, threads=threads)
    blobs.append(b"".join([*map(sealer.update, pieces(data, 700_001)), sealer.finish()]))
    file = io.BytesIO()
    with libseal.SealWriter(file, public_key(), threads=threads) as writer:
        writer.write(data)
    blobs.append(file.getvalue())
    plain, sealed, back = (tmp_path / name for name in ("plain", "sealed", "back"))
    plain.write_bytes(data)
    libseal.seal_file(public_key(), plain, sealed, threads=threads)
    blobs.append(sealed.read_bytes())

    for blob in blobs:
        # One thread is the reference.
        assert libseal.unseal(blob, unwrapper()) == data
    blob, data_key = blobs[0], data_key_of(blobs[0])
    assert libseal.unseal(blob, lambda _: data_key, threads=threads) == data
    room = bytearray(length)
    libseal.unseal_into(blob, room, lambda _: data_key, threads=threads)
    assert room == data
    unsealer = libseal.Unsealer(threads=threads)
    unsealer.update(blob)
    unsealer.provide_key(data_key)
    assert unsealer.finish() == data
    reader = libseal.UnsealReader(io.BytesIO(blob), lambda _: data_key, threads=threads)
    assert reader.read() == data
    libseal.unseal_file(sealed, back, unwrapper(), threads=threads)
    assert back.read_bytes() == data


def test_altered_message_on_several_threads() -> None:
    for position in (len(BLOB) - 1, len(BLOB) // 2, 1000):
        altered = bytearray(BLOB)
        altered[position] ^= 1
        with pytest.raises(libseal.AuthenticationError):
            libseal.unseal(altered, unwrap, threads=4)


def test_large_files_have_several_threads_unless_told(tmp_path: Path) -> None:
    plain, sealed, back = (tmp_path / name for name in ("plain", "sealed", "back"))
    with plain.open("wb") as file:
        file.truncate(17 << 20)
    for threads in (None, 1, 3):
        libseal.seal_file(public_key(), plain, sealed, threads=threads)
        assert libseal.unseal_file(sealed, back, unwrapper(), threads=threads) == 17 << 20
        assert back.read_bytes() == bytes(17 << 20)


def test_failure_while_a_part_is_written(tmp_path: Path) -> None:
    plain, sealed = tmp_path / "plain", tmp_path / "sealed"
    with plain.open("wb") as file:
        file.truncate(17 << 20)
    calls = 0

    def stop(_: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        libseal.seal_file(public_key(), plain, sealed, progress=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["plain"]


@pytest.mark.parametrize("threads", [0, -1, 1 << 70])
def test_no_number_of_threads(threads: int) -> None:
    calls: list[Callable[[], object]] = [
        lambda: libseal.seal(public_key(), b"", threads=threads),
        lambda: libseal.seal_into(public_key(), b"", bytearray(), threads=threads),
        lambda: libseal.unseal(BLOB, unwrap, threads=threads),
        lambda: libseal.unseal_into(BLOB, bytearray(), unwrap, threads=threads),
        lambda: libseal.Sealer(public_key(), threads=threads),
        lambda: libseal.Unsealer(threads=threads),
        lambda: libseal.SealWriter(io.BytesIO(), public_key(), threads=threads),
        lambda: libseal.UnsealReader(io.BytesIO(BLOB), unwrap, threads=threads),
        lambda: libseal.SealingKey(public_key()).sealer(0, threads=threads),
        lambda: libseal.seal_file(public_key(), "/dev/null", "/none", threads=threads),
        lambda: libseal.unseal_file("/dev/null", "/none", unwrap, threads=threads),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="threads must be at least 1, or None"):
            call()


@pytest.mark.parametrize("threads", ["2", 2.0, b"2"])
def test_no_number_at_all(threads: object) -> None:
    with pytest.raises(TypeError, match="threads must be an int or None, not"):
        libseal.seal(public_key(), b"", threads=threads)  # type: ignore[arg-type]


def in_a_child(work: Callable[[], object]) -> None:
    """After os.fork, in a process that has used threads; fails, and does not hang."""
    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    child.join(60)
    assert child.exitcode == 0


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_fork() -> None:
    length = 2_000_000 // CHUNK * CHUNK
    sealer = libseal.Sealer(public_key(), threads=2)
    sealed = [sealer.update(DATA[:length])]
    unsealer = libseal.Unsealer(threads=2)
    unsealer.update(BLOB[:2000])
    unsealer.provide_key(DATA_KEY)
    opened = unsealer.update(BLOB[2000:2_000_000])

    def work() -> None:
        assert libseal.unseal(BLOB, unwrap, threads=2) == DATA
        assert libseal.unseal(libseal.seal(public_key(), DATA, threads=4), unwrapper()) == DATA
        # Those of the parent go on, on new threads.
        blob = sealed[0] + sealer.update(DATA[length:]) + sealer.finish()
        assert libseal.unseal(blob, unwrapper()) == DATA
        assert opened + unsealer.finish_with(BLOB[2_000_000:]) == DATA

    in_a_child(work)
    # And here.
    work()


def test_pieces_of_any_length() -> None:
    for size in (600_000, 1_048_577):
        sealer = libseal.Sealer(public_key(), threads=2)
        blob = b"".join([*map(sealer.update, pieces(DATA, size)), sealer.finish()])
        assert unseal_in_pieces(pieces(blob, size), unwrapper()) == DATA
