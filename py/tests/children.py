"""Other processes, and other users, that seal and unseal files."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

import libseal
from support import key_file, public_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ALICE, BOB, SECRET = 20_001, 20_002, 20_003

NAMED = "del os.O_TMPFILE\n"
"""Makes a process use files with names only, as where the system has no others."""

IMPORTS = "import fcntl, hashlib, libseal, os, signal, sys, time\n"
"""All that will be needed: another user may have no access to it."""

PROGRAM = """
public, private, task, src, dst = sys.argv[1:]

def pause(_):
    print("paused", flush=True)
    # A signal that comes just before a sleep does not end it.
    for _ in range(1000):
        time.sleep(0.1)

def wait(_):
    print("paused", flush=True)
    sys.stdin.readline()

progress = {"pause": pause, "wait": wait}.get(sys.argv[3].partition("-")[2])
try:
    if task.startswith("seal"):
        libseal.seal_file(libseal.PublicKey(bytes.fromhex(public)), src, dst, progress=progress)
    else:
        unwrap = libseal.LocalUnwrapper(bytes.fromhex(private))
        libseal.unseal_file(src, dst, unwrap, progress=progress)
except OSError as error:
    sys.exit(f"{type(error).__name__} {error}")
"""
"""Seals or unseals a file. If that fails, standard error says why."""


def command(task: str, src: Path | str, dst: Path | str, before: str = "") -> list[str]:
    """``task`` is ``seal`` or ``unseal``, with ``-pause`` or ``-wait`` to stop in the middle.

    A child that waits goes on with each line of its standard input, or without one at its end.
    """
    keys = public_key().der.hex(), key_file("rsa-2048.key.pem").hex()
    return [sys.executable, "-c", IMPORTS + before + PROGRAM, *keys, task, str(src), str(dst)]


@contextmanager
def paused(task: str, src: Path, dst: Path, before: str = "") -> Iterator[subprocess.Popen[str]]:
    """A child that has stopped in the middle."""
    arguments: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command(task, src, dst, before), **arguments) as child:
        try:
            assert child.stdout
            assert child.stdout.readline() == "paused\n"
            yield child
        finally:
            child.kill()


def run_as(
    user: int,
    task: str,
    src: Path,
    dst: Path,
    before: str = "",
    *,
    groups: tuple[int, ...] = (),
) -> subprocess.CompletedProcess[str]:
    """Run it as another user, who is in the group of the same number and in ``groups``."""
    become = f"os.setgroups({groups}); os.setgid({user}); os.setuid({user}); os.umask(0o022)\n"
    arguments = command(task, src, dst, become + before)
    return subprocess.run(arguments, capture_output=True, text=True, check=False)


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that all users can write to. Those of pytest are for its own user."""
    if os.geteuid() != 0:
        pytest.skip("becoming another user takes root")
    folder = Path(tempfile.mkdtemp(prefix="libseal-shared-")).resolve()
    folder.chmod(0o777)
    libseal.seal_file(public_key(), os.devnull, folder / "message")
    (folder / "plain").write_bytes(b"data")
    (folder / "plain").chmod(0o644)
    (folder / "message").chmod(0o644)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def in_a_child(work: Callable[[], object]) -> None:
    """Do the work in a fork of this process: it neither fails nor hangs."""
    child = os.fork()
    if child == 0:
        run_and_exit(work)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def run_and_exit(work: Callable[[], object]) -> NoReturn:
    signal.alarm(60)
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)
