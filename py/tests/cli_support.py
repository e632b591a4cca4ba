"""The installed command ``libseal``, as a shell would run it."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from support import key_file

if TYPE_CHECKING:
    import signal
    from collections.abc import Mapping, Sequence

PROGRAM = Path(sys.executable).with_name("libseal")
SECONDS = 60

OK, UNEXPECTED, USAGE, IO, NOT_AUTHENTIC, INCOMPLETE = range(6)
KMS_REFUSED, KMS_UNAVAILABLE, OTHER_KEYS, KEY_REFUSED = 6, 7, 8, 9
INTERRUPTED, PIPE_CLOSED, TERMINATED = 130, 141, 143


class Result(NamedTuple):
    """How the command ended, and what it printed."""

    code: int
    out: bytes
    err: str


class Command:
    """Runs ``libseal`` in a folder that has the keys of the tests, and knows no cloud account.

    ``public.pem`` and ``private.pem`` are a pair, ``other.pem`` is another private key.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        inherited = {
            name: text
            for name, text in os.environ.items()
            if not name.startswith(("AWS_", "LIBSEAL_"))
        }
        # Nothing in a home folder, and nothing on the network.
        self.environment = inherited | {"HOME": str(folder), "AWS_EC2_METADATA_DISABLED": "true"}
        for name, key in {
            "public.pem": "rsa-2048.pub.pem",
            "private.pem": "rsa-2048.key.pem",
            "other.pem": "rsa-3072.key.pem",
        }.items():
            (folder / name).write_bytes(key_file(key))

    def __call__(
        self,
        *arguments: str | Path | bytes,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
    ) -> Result:
        """Run it with pipes."""
        done = subprocess.run(
            [PROGRAM, *arguments],
            input=stdin,
            capture_output=True,
            cwd=self.folder,
            env=self.environment | dict(environment or {}),
            timeout=SECONDS,
            check=False,
        )
        err = done.stderr.decode()
        # Whatever goes wrong, it is put in words.
        assert "Traceback" not in err
        assert done.returncode != UNEXPECTED, err
        return Result(done.returncode, done.stdout, err)

    def start(self, *arguments: str | Path, **options: Any) -> subprocess.Popen[bytes]:
        """Start it, with pipes unless the options say otherwise."""
        pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        return subprocess.Popen(
            [PROGRAM, *arguments], cwd=self.folder, env=self.environment, **pipes | options
        )

    def in_terminal(self, *arguments: str | Path, typed: str = "") -> Result:
        """Run it in a terminal, where ``typed`` is typed when it prompts. All is in ``out``."""
        child, terminal = pty.fork()
        if child == 0:
            os.chdir(self.folder)
            os.execve(PROGRAM, [str(PROGRAM), *map(str, arguments)], self.environment)
        termios.tcsetwinsize(terminal, (24, 80))
        shown = b""
        try:
            deadline = time.monotonic() + SECONDS
            while time.monotonic() < deadline:
                select.select([terminal], [], [], SECONDS)
                try:
                    piece = os.read(terminal, 65536)
                except OSError:  # It has ended.
                    break
                shown += piece
                if not piece:
                    break
                if typed and b"assword" in shown:
                    os.write(terminal, typed.encode() + b"\n")
                    typed = ""
        finally:
            os.close(terminal)
        return Result(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown, "")

    def path(self, name: str, content: bytes = b"") -> Path:
        """Make a file in the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def read(self, name: str) -> bytes:
        """What is in a file of the folder."""
        return (self.folder / name).read_bytes()

    def names(self, below: str = ".") -> list[str]:
        """The files below a folder, without the keys."""
        folder = self.folder / below
        found = sorted(
            str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()
        )
        return [name for name in found if not name.endswith(".pem")]


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """The command, in a folder of its own."""
    return Command(tmp_path)


def seal_all(command: Command, names: Sequence[str], *options: str) -> None:
    assert command("seal", "-q", "-r", "public.pem", *options, *names) == (OK, b"", "")


def stop(process: subprocess.Popen[bytes], number: signal.Signals) -> tuple[int, str]:
    """Send a signal, and return the exit code and what was printed."""
    process.send_signal(number)
    _, err = process.communicate(timeout=SECONDS)
    return process.returncode, err.decode()
