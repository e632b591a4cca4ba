"""What open() could not write to is not replaced. What is no regular file is refused."""

import errno
import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import libseal
from children import ALICE, BOB, NAMED, command, run_as
from support import public_key, unwrapper

both_kinds = pytest.mark.usefixtures("new_file")
both_kinds_of_child = pytest.mark.parametrize("before", ["", NAMED], ids=["unnamed", "named"])

Call = Callable[[Path], object]


@pytest.fixture(params=["seal", "unseal"])
def call(request: pytest.FixtureRequest, tmp_path: Path) -> Call:
    """Seals or unseals to a destination that is refused before any work is done."""
    if request.param == "seal":
        return lambda dst: libseal.seal_file(
            public_key(), os.devnull, dst, progress=lambda _: pytest.fail("worked")
        )
    message = tmp_path / "message"
    libseal.seal_file(public_key(), os.devnull, message)
    return lambda dst: libseal.unseal_file(message, dst, lambda _: pytest.fail("worked"))


def make_read_only(folder: Path, owner: int) -> Path:
    path = folder / "target"
    path.write_bytes(b"before")
    os.chown(path, owner, owner)
    path.chmod(0o444)
    return path


@both_kinds_of_child
@pytest.mark.parametrize("task", ["seal", "unseal"])
def test_read_only_file(shared: Path, task: str, before: str) -> None:
    target = make_read_only(shared, BOB)
    source = shared / ("plain" if task == "seal" else "message")
    child = run_as(BOB, task, source, target, before)
    assert child.stderr == f"PermissionError [Errno 13] Permission denied: '{target}'\n"
    assert target.read_bytes() == b"before"
    assert {path.name for path in shared.iterdir()} == {"plain", "message", "target"}


def test_read_only_file_and_root(shared: Path) -> None:
    """Root may open it for writing, so root may replace it."""
    target = make_read_only(shared, ALICE)
    libseal.unseal_file(shared / "message", target, unwrapper())
    assert target.read_bytes() == b""
    assert stat.S_IMODE(target.stat().st_mode) == 0o444
    assert target.stat().st_uid == ALICE


def test_read_only_file_of_ours(tmp_path: Path, call: Call) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write to it")
    target = make_read_only(tmp_path, os.geteuid())
    with pytest.raises(PermissionError) as refused:
        call(target)
    assert refused.value.filename == str(target)
    assert target.read_bytes() == b"before"


@both_kinds_of_child
@pytest.mark.parametrize("exists", [False, True])
def test_read_only_folder(shared: Path, before: str, exists: bool) -> None:
    folder = shared / "folder"
    folder.mkdir(0o755)
    target = folder / "target"
    if exists:
        target.touch()
        target.chmod(0o666)
    child = run_as(BOB, "unseal", shared / "message", target, before)
    reason = "Permission denied: no new file can be made in its folder"
    assert child.stderr == f"PermissionError [Errno 13] {reason}: '{target}'\n"
    assert list(folder.iterdir()) == ([target] if exists else [])


@both_kinds_of_child
def test_file_of_a_stranger_in_a_sticky_folder(shared: Path, before: str) -> None:
    folder = shared / "folder"
    folder.mkdir()
    folder.chmod(0o1777)
    target = folder / "target"
    target.write_bytes(b"before")
    os.chown(target, ALICE, ALICE)
    target.chmod(0o666)
    child = run_as(BOB, "unseal", shared / "message", target, before)
    assert child.stderr.startswith("PermissionError [Errno 1] the folder has the sticky bit")
    assert child.stderr.endswith(f": '{target}'\n")
    assert list(folder.iterdir()) == [target]


@pytest.mark.parametrize("task", ["seal", "unseal"])
@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
@pytest.mark.parametrize("kind", ["file", "pipe"])
def test_standard_output(tmp_path: Path, task: str, name: str, kind: str) -> None:
    if not Path(name).exists():
        pytest.skip(f"there is no {name}")
    source, output = tmp_path / "source", tmp_path / "output"
    libseal.seal_file(public_key(), os.devnull, source)
    output.write_bytes(b"before\n")
    with output.open("ab") as file:
        child = subprocess.run(
            command(task, source, name),
            stdout=file if kind == "file" else subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert "so it cannot be replaced: use SealWriter or UnsealReader" in child.stderr
    assert child.stderr.endswith(f": '{name}'\n")
    assert child.returncode != 0
    assert not child.stdout
    assert output.read_bytes() == b"before\n"


def test_pipe(tmp_path: Path, call: Call) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="not a regular file") as refused:
        call(pipe)
    assert refused.value.filename == str(pipe)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@both_kinds
def test_mount_point(tmp_path: Path, call: Call) -> None:
    """The file is on the same file system as its folder, as where a container mounts one file."""
    target, behind = tmp_path / "target", tmp_path / "behind"
    target.touch()
    behind.write_bytes(b"before")
    try:
        mount = ["mount", "--bind", str(behind), str(target)]
        mounted = subprocess.run(mount, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("mounting a file takes root, on Linux")
    try:
        names = sorted(tmp_path.iterdir())
        with pytest.raises(OSError, match="mount point") as refused:
            call(target)
        assert refused.value.errno == errno.EBUSY
        assert refused.value.filename == str(target)
        assert behind.read_bytes() == b"before"
        assert sorted(tmp_path.iterdir()) == names
    finally:
        subprocess.run(["umount", str(target)], check=True)


def test_link_of_a_stranger_in_a_shared_folder(shared: Path) -> None:
    """The system does not follow it for open(), so neither does libseal."""
    if Path("/proc/sys/fs/protected_symlinks").read_text() != "1\n":
        pytest.skip("the system follows such links")
    folder = shared / "folder"
    folder.mkdir()
    folder.chmod(0o1777)
    for name in ("bobs", "new"):
        link = folder / f"link to {name}"
        link.symlink_to(shared / name)
        os.chown(link, ALICE, ALICE, follow_symlinks=False)
    bobs = shared / "bobs"
    bobs.write_bytes(b"before")
    os.chown(bobs, BOB, BOB)
    for link in list(folder.iterdir()):
        child = run_as(BOB, "unseal", shared / "message", link)
        assert child.stderr == f"PermissionError [Errno 13] Permission denied: '{link}'\n"
    assert bobs.read_bytes() == b"before"
    assert not (shared / "new").exists()
