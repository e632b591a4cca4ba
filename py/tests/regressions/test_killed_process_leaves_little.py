"""What a process leaves that is ended while it seals or unseals a file, and what becomes of it."""

import errno
import os
import signal
from pathlib import Path

import pytest

import libseal
from children import ALICE, BOB, NAMED, command, paused, run_as
from support import public_key, unwrapper

DATA = b"secret" * 500_000

both_tasks = pytest.mark.parametrize("task", ["seal-pause", "unseal-pause"])
unnamed_files = pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="all files have names here")


@pytest.fixture
def source(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """What the task takes."""
    path = tmp_path / "source"
    path.write_bytes(DATA)
    if "unseal" in request.node.name:
        libseal.seal_file(public_key(), path, path)
    return path


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder / "target"


def kill(task: str, source: Path, target: Path, number: int, before: str = "") -> None:
    with paused(task, source, target, before) as child:
        child.send_signal(number)
        assert child.wait(20) != 0


def left(target: Path) -> list[Path]:
    return [path for path in target.parent.iterdir() if path != target]


@unnamed_files
@both_tasks
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing(source: Path, target: Path, task: str, number: int) -> None:
    kill(task, source, target, number)
    assert not list(target.parent.iterdir())
    target.write_bytes(b"before")
    kill(task, source, target, number)
    assert left(target) == []
    assert target.read_bytes() == b"before"


@both_tasks
def test_one_file_that_has_a_name(source: Path, target: Path, task: str) -> None:
    kill(task, source, target, signal.SIGKILL, NAMED)
    (leftover,) = left(target)
    assert leftover.stat().st_mode & 0o077 == 0
    kill(task, source, target, signal.SIGKILL, NAMED)
    assert left(target) == [leftover]
    target.write_bytes(b"before")
    kill(task, source, target, signal.SIGKILL, NAMED)
    assert left(target) == [leftover]
    assert target.read_bytes() == b"before"


@both_tasks
def test_the_next_one_removes_it(
    source: Path, target: Path, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill(task, source, target, signal.SIGKILL, NAMED)
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    if task.startswith("seal"):
        libseal.seal_file(public_key(), source, target)
        assert libseal.unseal(target.read_bytes(), unwrapper()) == DATA
    else:
        libseal.unseal_file(source, target, unwrapper())
        assert target.read_bytes() == DATA
    assert left(target) == []


@both_tasks
@pytest.mark.parametrize("before", ["", NAMED], ids=["unnamed", "named"])
def test_handler_that_raises(source: Path, target: Path, task: str, before: str) -> None:
    handler = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
    with paused(task, source, target, before + handler) as child:
        child.terminate()
        assert child.wait(20) == 7
    assert left(target) == []


# ---- A process that lives


def test_live_one_is_not_disturbed(
    source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    with paused("seal-wait", source, target, NAMED) as child:
        (temporary,) = left(target)
        for _ in range(2):
            with pytest.raises(OSError, match="another process") as refused:
                libseal.seal_file(public_key(), source, target)
            assert refused.value.errno == errno.EBUSY
            assert refused.value.filename == str(target)
        assert left(target) == [temporary]
        child.communicate(timeout=20)
        assert child.returncode == 0
    assert left(target) == []
    assert libseal.unseal(target.read_bytes(), unwrapper()) == DATA


@unnamed_files
def test_two_at_once(source: Path, target: Path) -> None:
    target.touch()
    with paused("seal-wait", source, target) as child:
        libseal.seal_file(public_key(), os.devnull, target)
        assert libseal.unseal(target.read_bytes(), unwrapper()) == b""
        child.communicate(timeout=20)
        assert child.returncode == 0
    assert left(target) == []
    assert libseal.unseal(target.read_bytes(), unwrapper()) == DATA


@unnamed_files
def test_made_by_another_meanwhile(source: Path, target: Path) -> None:
    """The rights are those that it has now."""
    with paused("seal-wait", source, target) as child:
        target.write_bytes(b"in between")
        target.chmod(0o640)
        child.communicate(timeout=20)
        assert child.returncode == 0
    assert libseal.unseal(target.read_bytes(), unwrapper()) == DATA
    assert target.stat().st_mode & 0o777 == 0o640
    assert left(target) == []


# ---- What someone else has put at the temporary name


@pytest.fixture
def place(source: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The temporary name, for an existing target."""
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    places: list[Path] = []
    libseal.seal_file(public_key(), source, target, progress=lambda _: places.extend(left(target)))
    target.write_bytes(b"before")
    return places[0]


@pytest.mark.parametrize("kind", ["link", "dangling link", "pipe", "folder"])
def test_no_regular_file_in_the_way(
    source: Path, target: Path, place: Path, tmp_path: Path, kind: str
) -> None:
    victim = tmp_path / "victim"
    match kind:
        case "pipe":
            os.mkfifo(place)
        case "folder":
            place.mkdir()
        case _:
            place.symlink_to(victim)
    if kind == "link":
        victim.write_bytes(b"untouched")
    with pytest.raises(FileExistsError, match="in the way") as refused:
        libseal.seal_file(public_key(), source, target)
    assert refused.value.filename == str(target)
    assert place.name in str(refused.value)
    assert target.read_bytes() == b"before"
    if kind == "link":
        assert victim.read_bytes() == b"untouched"
    assert victim.exists() == (kind == "link")


def test_open_file_in_the_way_is_not_written_to(source: Path, target: Path, place: Path) -> None:
    place.touch(0o666)
    with place.open("rb") as opened:
        libseal.seal_file(public_key(), source, target)
        assert not os.path.sameopenfile(opened.fileno(), os.open(target, os.O_RDONLY))
        assert opened.read() == b""
    assert left(target) == []


def test_file_of_a_stranger_in_the_way(shared: Path) -> None:
    target, seen = shared / "target", shared / "seen"
    watch = f"""
seal_file = libseal.seal_file
def look(*args, **kwargs):
    names = lambda _: open({str(seen)!r}, "w").write(" ".join(os.listdir({str(shared)!r})))
    return seal_file(*args, **kwargs | {{"progress": names}})
libseal.seal_file = look
"""
    child = run_as(BOB, "seal", shared / "plain", target, NAMED + watch)
    assert child.returncode == 0, child.stderr
    (name,) = (name for name in seen.read_text().split() if name.startswith(".libseal"))
    place = shared / name
    place.write_bytes(b"alice's")
    os.chown(place, ALICE, ALICE)
    place.chmod(0o600)
    before = target.read_bytes()
    child = run_as(BOB, "seal", shared / "plain", target, NAMED)
    assert child.returncode != 0
    assert child.stderr.startswith("FileExistsError")
    assert f"{place} is in the way" in child.stderr
    assert target.read_bytes() == before
    assert place.read_bytes() == b"alice's"


def test_long_name(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The temporary name is short, however long the other is."""
    for _ in range(2):
        libseal.seal_file(public_key(), source, tmp_path / ("x" * 255))
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)


def test_children_work(source: Path, target: Path) -> None:
    """Or else the tests above prove nothing."""
    assert "-pause" in command("seal-pause", source, target)[-3]
