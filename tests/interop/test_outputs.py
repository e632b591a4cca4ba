"""How the example programs replace files: without privileges, leftovers or anything else lost."""

import fcntl
import os
import shlex
import shutil
import signal
import stat
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import libseal
from tests.interop.faces import ROOT, Programs

KEYS = ROOT / "tests/vectors/keys"
PUBLIC_KEY = KEYS / "rsa-2048.pub.der"
UNWRAP = shlex.join(
    [sys.executable, str(ROOT / "tests/interop/unwrap.py"), str(KEYS / "rsa-2048.key.pem")]
)
DATA = b"secret" * 700_000

Command = list[str | Path]
Program = Callable[[Path, Path], Command]
"""A command line, made of IN and OUT."""

PROGRAMS: dict[str, Callable[[Programs, str], Program]] = {
    "C seal_file": lambda of, unwrap: lambda src, dst: [of.c / "seal_file", PUBLIC_KEY, src, dst],
    "C unseal_file": lambda of, unwrap: lambda src, dst: [of.c / "unseal_file", src, dst, unwrap],
    "C unseal_range": lambda of, unwrap: (
        lambda src, dst: [of.c / "unseal_range", src, dst, "0", str(len(DATA)), unwrap]
    ),
    "Rust seal_file": lambda of, unwrap: (
        lambda src, dst: [of.rust / "seal_file", PUBLIC_KEY, src, dst]
    ),
    "Rust unseal_file": lambda of, unwrap: (
        lambda src, dst: [of.rust / "unseal_file", src, dst, f"--unwrap-command={unwrap}"]
    ),
}


@pytest.fixture(params=PROGRAMS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def program(name: str, programs: Programs) -> Program:
    return PROGRAMS[name](programs, UNWRAP)


@pytest.fixture
def source(tmp_path: Path, name: str) -> Path:
    """What the program takes."""
    path = tmp_path / "source"
    path.write_bytes(DATA)
    if "unseal" in name:
        libseal.seal_file(libseal.PublicKey(PUBLIC_KEY.read_bytes()), path, path)
    return path


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder / "target"


def run(command: Command) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


@contextmanager
def paused(program: Program, source: Path, target: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The program in the middle of ``source``, of which it has got the first half."""
    pipe = source.with_name("pipe")
    if not pipe.exists():
        os.mkfifo(pipe)
    content = source.read_bytes()
    with (
        subprocess.Popen(program(pipe, target), stdout=subprocess.DEVNULL) as child,
        pipe.open("wb", buffering=0) as feed,
    ):
        try:
            half = len(content) // 2
            feed.write(content[:half])
            # When the pipe is empty and something written, it waits for more.
            partial = target.with_name("target.partial")
            deadline = time.monotonic() + 20
            while not (partial.exists() and partial.stat().st_size) or waiting(feed.fileno()):
                assert child.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.01)
            yield child
            if child.poll() is None:
                feed.write(content[half:])
        except BaseException:
            child.kill()
            raise


def waiting(pipe: int) -> int:
    """How much is in the pipe."""
    (count,) = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))
    return int(count)


def is_right(target: Path, name: str) -> bool:
    content = target.read_bytes()
    if "unseal" in name:
        return content == DATA
    unwrapper = libseal.LocalUnwrapper((KEYS / "rsa-2048.key.pem").read_bytes())
    return libseal.unseal(content, unwrapper) == DATA


@pytest.mark.parametrize("old", [0o644, 0o600, 0o4755, 0o2775, 0o1777])
def test_permissions(program: Program, source: Path, target: Path, name: str, old: int) -> None:
    target.touch()
    target.chmod(old)
    ran = run(program(source, target))
    assert ran.returncode == 0, ran.stderr
    assert is_right(target, name)
    mode = stat.S_IMODE(target.stat().st_mode)
    assert mode == (old & 0o777 if name.startswith("C") else 0o600)


def test_permissions_of_a_new_file(program: Program, source: Path, target: Path, name: str) -> None:
    before = os.umask(0o027)
    try:
        ran = run(program(source, target))
    finally:
        os.umask(before)
    assert ran.returncode == 0, ran.stderr
    assert stat.S_IMODE(target.stat().st_mode) == (0o640 if name.startswith("C") else 0o600)


@pytest.mark.parametrize("which", ["access", "default"])
def test_acl_lets_no_one_in(program: Program, source: Path, target: Path, which: str) -> None:
    """The mode of a file with an ACL shows what is granted at most, and not what the group may."""
    target.touch()
    target.chmod(0o640)
    entries = (1, 6, -1), (2, 4, 20_002), (4, 0, -1), (0x10, 4, -1), (0x20, 0, -1)
    packed = (struct.pack("<HHi", *entry) for entry in entries)
    acl = struct.pack("<I", 2) + b"".join(packed)
    try:
        of = target if which == "access" else target.parent
        os.setxattr(of, f"system.posix_acl_{which}", acl)
    except (AttributeError, OSError) as error:
        pytest.skip(f"no ACLs here: {error}")
    ran = run(program(source, target))
    assert ran.returncode == 0, ran.stderr
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_no_regular_file(
    program: Program, source: Path, target: Path, name: str, tmp_path: Path
) -> None:
    pipe, victim = target.with_name("pipe"), tmp_path / "victim"
    os.mkfifo(pipe)
    victim.write_bytes(b"before")
    for link, to in (("link", victim), ("dangling", tmp_path / "none"), ("link to pipe", pipe)):
        target.with_name(link).symlink_to(to)
    others = sorted(target.parent.iterdir())
    for other in others:
        ran = run(program(source, other))
        assert ran.returncode == 1
        assert "not a regular file" in ran.stderr
        assert str(other) in ran.stderr
        assert sorted(target.parent.iterdir()) == others
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert victim.read_bytes() == b"before"
    assert not (tmp_path / "none").exists()


def test_read_only_file(program: Program, source: Path, target: Path) -> None:
    target.write_bytes(b"before")
    target.chmod(0o444)
    command = program(source, target)
    if os.geteuid() == 0:
        if not shutil.which("setpriv"):
            pytest.skip("root may write to it, and there is no setpriv")
        # Without what makes root different, it is an owner like any other.
        command = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", *command]
    ran = run(command)
    assert ran.returncode == 1
    assert "Permission denied" in ran.stderr
    assert str(target) in ran.stderr
    assert target.read_bytes() == b"before"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_killed(program: Program, source: Path, target: Path, name: str, number: int) -> None:
    partial = target.with_name("target.partial")
    for _ in range(2):
        with paused(program, source, target) as child:
            child.send_signal(number)
            child.wait(20)
        assert list(target.parent.iterdir()) == [partial]
        assert stat.S_IMODE(partial.stat().st_mode) == 0o600
    ran = run(program(source, target))
    assert ran.returncode == 0, ran.stderr
    assert is_right(target, name)
    assert list(target.parent.iterdir()) == [target]


def test_live_one_is_not_disturbed(program: Program, source: Path, target: Path, name: str) -> None:
    with paused(program, source, target) as child:
        for _ in range(2):
            ran = run(program(source, target))
            assert ran.returncode == 1
            assert "another process is writing it" in ran.stderr
            assert str(target) in ran.stderr
        assert child.poll() is None
    assert child.wait(20) == 0
    assert is_right(target, name)
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_something_else_in_the_way(
    program: Program, source: Path, target: Path, tmp_path: Path, kind: str
) -> None:
    partial, victim = target.with_name("target.partial"), tmp_path / "victim"
    victim.write_bytes(b"untouched")
    match kind:
        case "link":
            partial.symlink_to(victim)
        case "pipe":
            os.mkfifo(partial)
        case "folder":
            partial.mkdir()
    ran = run(program(source, target))
    assert ran.returncode == 1
    assert str(partial) in ran.stderr
    assert list(target.parent.iterdir()) == [partial]
    assert victim.read_bytes() == b"untouched"


def test_onto_itself(program: Program, source: Path, name: str, tmp_path: Path) -> None:
    ran = run(program(source, source))
    assert ran.returncode == 0, ran.stderr
    assert is_right(source, name)
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize("name", ["C seal_file", "C unseal_file", "C unseal_range"], indirect=True)
def test_closed_standard_streams(program: Program, source: Path, target: Path, name: str) -> None:
    """A file that took their place would get what is printed."""
    command = shlex.join(map(str, program(source, target)))
    assert run(["sh", "-c", f"exec {command} <&- >&- 2>&-"]).returncode == 0
    assert is_right(target, name)
