"""After a fork, a message went on in both processes with the same key stream.

Two texts that are encrypted so reveal each other.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

import libseal
from children import in_a_child
from support import public_key, unwrapper

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks"),
    pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning"),
]

TEXT = b"0123456789abcdef0123456789abcdef"


def is_refused(call: Callable[[], object]) -> None:
    with pytest.raises(libseal.StateError, match=r"before a fork\(\)") as raised:
        call()
    assert raised.value.code == 101


def test_a_sealer() -> None:
    sealer = libseal.Sealer(public_key())
    sealers = [libseal.Sealer(public_key()), libseal.Sealer(public_key())]

    def work() -> None:
        out = bytearray(b"\xaa" * 1000)
        for _ in range(2):
            is_refused(lambda: sealer.update(TEXT))
            is_refused(lambda: sealer.update(b""))
            is_refused(lambda: sealer.update_into(TEXT, out))
        assert out == b"\xaa" * 1000
        is_refused(sealers[0].finish)
        is_refused(lambda: sealers[1].finish_with(TEXT))
        blob = libseal.seal(public_key(), TEXT)
        assert libseal.unseal(blob, unwrapper()) == TEXT

    # Before and after its first bytes are out.
    in_a_child(work)
    blob = sealer.update(TEXT)
    in_a_child(work)
    assert libseal.unseal(blob + sealer.finish_with(TEXT), unwrapper()) == TEXT + TEXT


def test_a_writing() -> None:
    writing = libseal.Writing(public_key())
    blob = b""

    def work() -> None:
        is_refused(writing.sealed)
        is_refused(lambda: writing.write(TEXT))
        is_refused(writing.flush)
        is_refused(writing.finish)

    # While its first bytes wait, while plaintext waits, while the last bytes wait.
    for step in (lambda: writing.write(TEXT), writing.finish, lambda: None):
        in_a_child(work)
        blob += writing.sealed()
        writing.advance(len(writing.sealed()))
        step()
    assert libseal.unseal(blob, unwrapper()) == TEXT


class Collector:
    """Has a write method, and no more."""

    def __init__(self) -> None:
        self.content = b""

    def write(self, data: bytes, /) -> int:
        self.content += bytes(data)
        return len(data)

    def getvalue(self) -> bytes:
        return self.content


@pytest.mark.parametrize("make_inner", [io.BytesIO, Collector])
def test_a_seal_writer(make_inner: type[io.BytesIO | Collector]) -> None:
    writer = libseal.SealWriter(inner := make_inner(), public_key())
    writer.write(TEXT)
    before = inner.getvalue()

    def work() -> None:
        for _ in range(2):
            is_refused(writer.flush)
        is_refused(writer.finish)
        assert writer.closed
        assert inner.getvalue() == before

    in_a_child(work)
    writer.write(TEXT)
    writer.finish()
    assert libseal.unseal(inner.getvalue(), unwrapper()) == TEXT + TEXT


PROGRAM = """
import os, sys
import libseal
from support import public_key

file = open(sys.argv[1], "wb")
writer = libseal.SealWriter(file, public_key(), close_inner=sys.argv[3] == "True")
if sys.argv[4] == "True":
    writer.write(b"0123456789abcdef")
    writer.flush()
writer.write(b"0123456789abcdef")
child = os.fork()
if child == 0:
    exec(sys.argv[2])
    sys.exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
writer.finish()
file.close()
"""


@pytest.mark.parametrize("is_flushed", [True, False])
@pytest.mark.parametrize("close_inner", [True, False])
@pytest.mark.parametrize(
    "end",
    [
        "os._exit(0)",
        "sys.exit(0)",
        "writer.write(b'x')",
        "writer.abort()",
        "writer.close()",
        "del writer",
        "writer.__exit__(SystemExit, SystemExit(), None)",
    ],
)
def test_the_end_of_the_child(
    end: str, close_inner: bool, is_flushed: bool, tmp_path: Path
) -> None:
    path = tmp_path / "sealed"
    arguments = [str(path), end, str(close_inner), str(is_flushed)]
    command = [sys.executable, "-W", "default::RuntimeWarning", "-c", PROGRAM, *arguments]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, sys.path))}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    # The child has written nothing, neither there nor here.
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    expected = b"0123456789abcdef" * (2 if is_flushed else 1)
    assert libseal.unseal(path.read_bytes(), unwrapper()) == expected


def test_a_sealing_key() -> None:
    key = libseal.SealingKey(public_key(), max_messages=2)
    sealer = key.sealer(len(TEXT))
    start = sealer.update(b"")

    def work() -> None:
        is_refused(lambda: key.seal(TEXT))
        is_refused(lambda: key.seal_into(TEXT, bytearray(1000)))
        is_refused(lambda: key.sealer(1))
        is_refused(lambda: sealer.update(TEXT))
        assert key.remaining_messages == 1
        own = libseal.SealingKey(public_key())
        assert libseal.unseal(own.seal(TEXT), unwrapper()) == TEXT

    in_a_child(work)
    assert libseal.unseal(start + sealer.finish_with(TEXT), unwrapper()) == TEXT
    assert libseal.unseal(key.seal(TEXT), unwrapper()) == TEXT


SHARED = libseal.SealingKey(public_key(), max_bytes=1 << 62)


def seal_with_the_shared_key(_: int) -> str:
    try:
        SHARED.seal(TEXT)
    except libseal.StateError as error:
        return str(error)
    return "sealed"


def test_workers_do_not_hang_while_threads_seal() -> None:
    stop = threading.Event()

    def seal() -> None:
        data = bytes(100_000)
        while not stop.is_set():
            SHARED.seal(data)

    threads = [threading.Thread(target=seal) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            with multiprocessing.get_context("fork").Pool(2) as pool:
                answers = pool.map_async(seal_with_the_shared_key, range(8)).get(timeout=60)
            assert all("before a fork()" in answer for answer in answers)
    finally:
        stop.set()
        for thread in threads:
            thread.join()


INTERRUPTED = """
import signal, threading
import libseal
from support import public_key

key = libseal.SealingKey(public_key(), max_bytes=1 << 62)
def seal():
    while True:
        key.seal(bytes(100_000))
for _ in range(4):
    threading.Thread(target=seal, daemon=True).start()
signal.setitimer(signal.ITIMER_REAL, 0.5)
signal.signal(signal.SIGALRM, signal.default_int_handler)
try:
    seal()
except KeyboardInterrupt:
    print("interrupted", flush=True)
    import os
    os._exit(0)
"""


def test_an_interrupt_gets_through_to_a_thread_that_shares_a_key() -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, sys.path))}
    command = [sys.executable, "-c", INTERRUPTED]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("interrupted\n", "")


def test_unsealing_goes_on() -> None:
    blob = libseal.seal(public_key(), TEXT)
    reader = libseal.UnsealReader(io.BytesIO(blob), unwrapper())
    assert reader.read(1) == TEXT[:1]

    def work() -> None:
        assert reader.read() == TEXT[1:]

    in_a_child(work)
    work()
