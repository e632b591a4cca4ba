"""threads=, and the pool that all objects of a process share."""

from __future__ import annotations

import concurrent.futures
import io
import multiprocessing
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import libseal
from support import CHUNK, LENGTHS, data_key_of, pieces, public_key, unseal_in_pieces, unwrapper

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
COUNTS = (1, 2, 4, None)
EVERY_LENGTH = (*LENGTHS, 512 * 1024 - 1, 512 * 1024, 3_000_000)
DATA = os.urandom(3_000_000)
BLOB = libseal.seal(public_key(), DATA)
DATA_KEY = data_key_of(BLOB)
HEADER = libseal.Header(BLOB)


def unwrap(_: libseal.WrappedKey) -> bytes:
    return DATA_KEY


def hand_on(writing: libseal.Writing) -> bytes:
    sealed = writing.sealed()
    writing.advance(len(sealed))
    return sealed


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
    writing, view = libseal.Writing(public_key(), threads=threads), memoryview(data)
    blobs.append(hand_on(writing))
    while view:
        view = view[writing.write(view[:700_001]) :]
        blobs[-1] += hand_on(writing)
    writing.finish()
    blobs[-1] += hand_on(writing)
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
    header = libseal.Header(blob)
    reading = libseal.Reading.with_key(header, data_key, threads=threads, piece_len=1 << 20)
    opened = b""
    while (step := reading.next(1 << 20)) is not libseal.Next.END:
        if isinstance(step, range):
            reading.feed(blob[step.start : step.stop])
        opened += reading.read()
    assert opened == data
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
        lambda: libseal.Unsealer.with_key(HEADER, DATA_KEY, threads=threads),
        lambda: libseal.Reading(threads=threads),
        lambda: libseal.Reading.with_key(HEADER, DATA_KEY, threads=threads),
        lambda: libseal.Writing(public_key(), threads=threads),
        lambda: libseal.SealWriter(io.BytesIO(), public_key(), threads=threads),
        lambda: libseal.UnsealReader(io.BytesIO(BLOB), unwrap, threads=threads),
        lambda: libseal.UnsealReader.with_key(io.BytesIO(), HEADER, DATA_KEY, threads=threads),
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


# ---- Forks


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
    writer = libseal.SealWriter(written := io.BytesIO(), public_key(), threads=2)
    writer.write(DATA[:length])
    reader = libseal.UnsealReader(io.BytesIO(BLOB), unwrap, threads=2)
    read = reader.read(length)

    def work() -> None:
        assert libseal.unseal(BLOB, unwrap, threads=2) == DATA
        assert libseal.unseal(libseal.seal(public_key(), DATA, threads=4), unwrapper()) == DATA
        # What unseals goes on, on new threads.
        assert opened + unsealer.finish_with(BLOB[2_000_000:]) == DATA
        assert read + reader.read() == DATA

    def work_of_child() -> None:
        work()
        for call in (lambda: sealer.update(DATA[length:]), writer.flush):
            with pytest.raises(libseal.StateError):
                call()

    in_a_child(work_of_child)
    # A child of a child.
    in_a_child(lambda: in_a_child(work_of_child))
    # And here.
    work()
    blob = sealed[0] + sealer.update(DATA[length:]) + sealer.finish()
    assert libseal.unseal(blob, unwrapper()) == DATA
    writer.write(DATA[length:])
    writer.finish()
    assert libseal.unseal(written.getvalue(), unwrapper(), threads=2) == DATA


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_fork_while_another_thread_is_at_work() -> None:
    stop = threading.Event()

    def seal() -> None:
        while not stop.is_set():
            libseal.seal(public_key(), DATA, threads=None)

    thread = threading.Thread(target=seal)
    thread.start()
    try:
        for _ in range(10):
            in_a_child(lambda: libseal.unseal(BLOB, unwrap, threads=None))
    finally:
        stop.set()
        thread.join()


def round_trip(number: int) -> bool:
    data = bytes([number]) * 1_000_000
    return libseal.unseal(libseal.seal(public_key(), data, threads=2), unwrapper()) == data


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_pools_of_processes() -> None:
    assert round_trip(0)
    context = multiprocessing.get_context("fork")
    with context.Pool(3) as pool:
        assert pool.map(round_trip, range(12)) == [True] * 12
    with concurrent.futures.ProcessPoolExecutor(3, context) as executor:
        assert list(executor.map(round_trip, range(12))) == [True] * 12
    assert round_trip(13)


# ---- How many threads there are


PROGRAM = """
import contextlib, io, os, sys, threading, time
from pathlib import Path
import libseal
from support import data_key_of, public_key

def names():
    found = []
    for task in Path("/proc/self/task").iterdir():
        # A thread can end between the listing and the reading.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found.append((task / "comm").read_text().strip())
    return sorted(found)

def is_there(pool):
    # A thread takes its name when it starts to run.
    for _ in range(500):
        ours = [name for name in names() if name.startswith("libseal-")]
        if ours == pool:
            return True
        time.sleep(0.01)
    return False

cores = len(os.sched_getaffinity(0))
pool = [f"libseal-{number}" for number in range(cores)] if cores > 1 else []
data = bytes(1 << 20)
blob = libseal.seal(public_key(), data)
key = data_key_of(blob)
unwrap = lambda _: key
"""


def run(program: str) -> None:
    """In a process that has no threads yet."""
    folders = [str(Path(__file__).parent), str(ROOT)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}
    command = [sys.executable, "-c", PROGRAM + program]
    subprocess.run(command, env=environment, check=True, timeout=60)


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@on_linux
def test_one_thread_is_the_calling_one() -> None:
    run("""
libseal.unseal(blob, unwrap, threads=1)
with libseal.SealWriter(io.BytesIO(), public_key(), threads=1) as writer:
    writer.write(data)
libseal.UnsealReader(io.BytesIO(blob), unwrap, threads=1).read()
assert len(names()) == 1, names()
""")


@on_linux
def test_short_data_starts_no_threads() -> None:
    run("""
short = bytes(512 * 1024 - 1)
message = libseal.seal(public_key(), short, threads=None)
libseal.unseal(message, unwrap=lambda key: data_key_of(message), threads=None)
libseal.Sealer(public_key(), threads=8).update(short)
assert len(names()) == 1, names()
libseal.seal(public_key(), short + b"x", threads=None)
assert is_there(pool), names()
""")


@on_linux
def test_all_objects_share_one_pool() -> None:
    run("""
sealers = [libseal.Sealer(public_key(), threads=4) for _ in range(200)]
readers = [libseal.UnsealReader(io.BytesIO(blob), unwrap, threads=None) for _ in range(200)]
assert len(names()) == 1, names()
for sealer, reader in zip(sealers, readers):
    sealer.update(data)
    assert reader.read(1 << 20) == data
assert is_there(pool), names()
assert len(names()) == 1 + len(pool), names()
""")


@on_linux
def test_python_threads_share_one_pool() -> None:
    run("""
def work():
    for _ in range(5):
        assert libseal.unseal(libseal.seal(public_key(), data, threads=None), key_of) == data

def key_of(wrapped_key):
    from support import unwrapper
    return unwrapper()(wrapped_key)

workers = [threading.Thread(target=work) for _ in range(8)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
assert is_there(pool), names()
""")


@on_linux
def test_a_fork_starts_threads_of_its_own_when_it_needs_them() -> None:
    run("""
libseal.seal(public_key(), data, threads=None)
if child := os.fork():
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert is_there(pool), names()
else:
    assert is_there([]), names()
    libseal.seal(public_key(), data, threads=None)
    assert is_there(pool), names()
    os._exit(0)
""")


@on_linux
def test_the_interrupt_is_for_the_calling_thread() -> None:
    run("""
import signal
signal.signal(signal.SIGALRM, lambda *_: sys.exit(0))
libseal.seal(public_key(), data, threads=None)
signal.alarm(1)
threading.Event().wait(30)
sys.exit("not interrupted")
""")


def test_pieces_of_any_length() -> None:
    for size in (600_000, 1_048_577):
        sealer = libseal.Sealer(public_key(), threads=2)
        blob = b"".join([*map(sealer.update, pieces(DATA, size)), sealer.finish()])
        assert unseal_in_pieces(pieces(blob, size), unwrapper()) == DATA
