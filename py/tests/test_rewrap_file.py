"""rewrap_file: other recipients for a message in a file, which is whole or untouched."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

import libseal
from children import ALICE, BOB
from support import Counting, holds_nothing, key_file, public_key, unwrapper
from tests.independent.vector import KEYS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DATA = os.urandom(3_000_000)
SAME, OTHER = "rsa-2048-b", "rsa-3072"
"""Keys whose headers have, and do not have, the length of the old one."""

both_ways = pytest.mark.parametrize("name", [SAME, OTHER], ids=["in place", "by copy"])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "folder/message"
    path.parent.mkdir()
    path.write_bytes(libseal.seal(public_key(), DATA, context={"device": "42"}))
    path.chmod(0o640)
    return path


def rewrap(path: Path | str, name: str = SAME, **arguments: Any) -> libseal.Header:
    return libseal.rewrap_file(path, unwrapper(), public_key(name), **arguments)


def opens_with(path: Path, name: str) -> bool:
    try:
        return libseal.unseal(path.read_bytes(), unwrapper(name)) == DATA
    except libseal.NoMatchingRecipientError:
        return False


def assert_alone(path: Path) -> None:
    assert list(path.parent.iterdir()) == [path]


@both_ways
def test_the_new_key_opens_it_and_the_old_one_does_not(path: Path, name: str) -> None:
    before = path.stat()
    os.utime(path, ns=(0, 0))
    header = rewrap(path, name)
    assert header == libseal.inspect(path)
    assert header.context == {"device": "42"}
    assert opens_with(path, name)
    assert not opens_with(path, "rsa-2048")
    after = path.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        before.st_mode,
        before.st_uid,
        before.st_gid,
    )
    assert (after.st_ino == before.st_ino) == (name == SAME)
    # Or else backups would keep the old header.
    assert after.st_mtime_ns >= before.st_mtime_ns
    assert_alone(path)


def test_recipients_are_added_and_removed(path: Path) -> None:
    rewrap(path, OTHER, keep=True)
    assert opens_with(path, OTHER)
    assert opens_with(path, "rsa-2048")
    other = public_key(OTHER).fingerprint
    libseal.rewrap_file(path, unwrapper(OTHER), keep=lambda key: key.fingerprint == other)
    assert opens_with(path, OTHER)
    assert not opens_with(path, "rsa-2048")


def test_one_unwrap(path: Path) -> None:
    asked = []

    def unwrap(key: libseal.WrappedKey) -> bytes | None:
        asked.append(key)
        return unwrapper()(key)

    libseal.rewrap_file(path, unwrap, public_key(SAME))
    assert len(asked) == 1


def test_messages_of_one_data_key_share_the_new_header(tmp_path: Path) -> None:
    key = libseal.SealingKey(public_key())
    paths = [tmp_path / "a", tmp_path / "b"]
    for path in paths:
        path.write_bytes(key.seal(path.name.encode()))
    unwrap = Counting()
    headers: dict[libseal.Header, libseal.Header] = {}
    new = [
        libseal.rewrap_file(path, unwrap, public_key("rsa-3072"), headers=headers) for path in paths
    ]
    assert unwrap.calls == 1
    assert new[0] == new[1] == libseal.inspect(paths[1])
    opened = [libseal.unseal(path.read_bytes(), unwrapper("rsa-3072")) for path in paths]
    assert opened == [b"a", b"b"]


def test_nothing_to_do(path: Path) -> None:
    before, content = path.stat(), path.read_bytes()
    libseal.rewrap_file(path, unwrapper(), keep=True)
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert path.read_bytes() == content


@both_ways
@pytest.mark.parametrize("length", [0, 1, 16384, 40 << 20])
def test_every_length(path: Path, name: str, length: int) -> None:
    data = bytes(length)
    path.write_bytes(libseal.seal(public_key(), data))
    seen: list[int] = []
    size = path.stat().st_size
    rewrap(path, name, progress=seen.append)
    assert sum(seen) == size
    assert libseal.unseal(path.read_bytes(), unwrapper(name)) == data
    if name == OTHER and length > 1 << 20:
        assert len(seen) > 2


@pytest.mark.parametrize("failing", ["fails", "returns nothing", "fails later"])
def test_where_the_system_cannot_copy(
    path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    if not hasattr(os, "copy_file_range"):
        pytest.skip("it never can here")
    real, calls = os.copy_file_range, []

    def copy(source: int, target: int, count: int, offset: int) -> int:
        calls.append(offset)
        if failing == "returns nothing":
            return 0
        if failing == "fails" or len(calls) > 1:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return real(source, target, min(count, 5000), offset)

    monkeypatch.setattr(os, "copy_file_range", copy)
    rewrap(path, OTHER)
    assert opens_with(path, OTHER)
    assert len(calls) == (2 if failing == "fails later" else 1)


def test_where_python_cannot_ask_the_system_to_copy(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "copy_file_range", raising=False)
    rewrap(path, OTHER)
    assert opens_with(path, OTHER)


def test_links(path: Path, tmp_path: Path) -> None:
    hard, symbolic = tmp_path / "hard", tmp_path / "symbolic"
    hard.hardlink_to(path)
    symbolic.symlink_to(path)
    rewrap(symbolic, SAME)
    assert opens_with(path, SAME)
    assert opens_with(hard, SAME)
    assert symbolic.is_symlink()
    libseal.rewrap_file(symbolic, unwrapper(SAME), public_key(OTHER))
    assert opens_with(path, OTHER)
    assert opens_with(hard, SAME)
    assert symbolic.is_symlink()
    assert_alone(path)


# ---- What is refused leaves the file as it is


def not_a_message(path: Path) -> None:
    path.write_bytes(b"not a message" * 100)


def cut_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:300])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def changed_header(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[libseal.Header(content).length - 1] ^= 1
    path.write_bytes(content)


def failing_unwrapper(_: libseal.WrappedKey) -> bytes:
    raise OSError("unreachable")


def interrupted(_: object) -> Any:
    raise KeyboardInterrupt


REFUSED: list[tuple[Callable[[Path], object], dict[str, Any], type[BaseException]]] = [
    (not_a_message, {}, libseal.FormatError),
    (cut_header, {}, libseal.TruncatedError),
    (emptied, {}, libseal.TruncatedError),
    (changed_header, {}, libseal.AuthenticationError),
    (bool, {"recipients": ()}, libseal.LimitError),
    (bool, {"recipients": [public_key()] * 17}, libseal.LimitError),
    (bool, {"recipients": [public_key()] * 16, "keep": True}, libseal.LimitError),
    (bool, {"recipients": "key"}, TypeError),
    (bool, {"keep": "all"}, TypeError),
    (bool, {"keep": interrupted}, KeyboardInterrupt),
    (bool, {"unwrap": holds_nothing}, libseal.NoMatchingRecipientError),
    (bool, {"unwrap": failing_unwrapper}, libseal.KeyUnwrapError),
    (bool, {"unwrap": lambda _: bytes(32)}, libseal.AuthenticationError),
    (bool, {"unwrap": lambda _: bytes(31)}, libseal.KeyUnwrapError),
    (bool, {"unwrap": interrupted}, KeyboardInterrupt),
    (bool, {"unwrap": None}, TypeError),
    (bool, {"progress": 1}, TypeError),
    (bool, {"progress": interrupted}, KeyboardInterrupt),
]


@both_ways
@pytest.mark.parametrize(("change", "arguments", "error"), REFUSED)
def test_what_fails_leaves_the_file_untouched(
    path: Path,
    name: str,
    change: Callable[[Path], object],
    arguments: dict[str, Any],
    error: type[BaseException],
) -> None:
    defaults: dict[str, Any] = {"unwrap": unwrapper(), "recipients": public_key(name)}
    arguments = defaults | arguments
    change(path)
    before, content = path.stat(), path.read_bytes()
    with pytest.raises(error) as raised:
        libseal.rewrap_file(path, **arguments)
    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert path.read_bytes() == content
    assert_alone(path)
    if isinstance(raised.value, libseal.SealError):
        assert raised.value.__notes__ == [f"in the file {str(path)!r}"]


def test_path_that_is_none() -> None:
    for wrong in (b"path", None, 1):
        with pytest.raises(TypeError, match="path must be a path"):
            libseal.rewrap_file(wrong, unwrapper())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("missing", FileNotFoundError),
        ("folder", IsADirectoryError),
        ("pipe", OSError),
        ("/dev/null", OSError),
        ("/dev/stdin", OSError),
        ("dangling link", FileNotFoundError),
    ],
)
def test_what_is_no_file(tmp_path: Path, kind: str, error: type[OSError]) -> None:
    path = tmp_path / "target"
    match kind:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "dangling link":
            path.symlink_to(tmp_path / "nothing")
        case "/dev/null" | "/dev/stdin":
            path.symlink_to(kind)
    with pytest.raises(error) as raised:
        libseal.rewrap_file(path, lambda _: pytest.fail("worked"), public_key())
    assert raised.value.filename == str(path)


PROGRAM = """
import libseal, os, sys, hashlib, fcntl
path, user, public, private = sys.argv[1:]
key = libseal.PublicKey(bytes.fromhex(public))
unwrap = libseal.LocalUnwrapper(bytes.fromhex(private))
import libseal._redo
os.setgroups([]); os.setgid(int(user)); os.setuid(int(user))
try:
    libseal.rewrap_file(path, unwrap, key)
except OSError as error:
    sys.exit(f"{type(error).__name__} {error}")
"""


def rewrap_as(user: int, path: Path, name: str) -> str:
    keys = public_key(name).der.hex(), key_file("rsa-2048.key.pem").hex()
    command = [sys.executable, "-c", PROGRAM, str(path), str(user), *keys]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


@both_ways
def test_files_of_others(shared: Path, name: str) -> None:
    path = shared / "message"
    content = path.read_bytes()
    os.chown(path, ALICE, ALICE)
    path.chmod(0o644)
    denied = f"PermissionError [Errno 13] Permission denied: '{path}'\n"
    assert rewrap_as(BOB, path, name) == denied
    path.chmod(0o444)
    assert rewrap_as(ALICE, path, name) == denied
    path.chmod(0o640)
    shared.chmod(0o755)
    assert "no new file can be made in its folder" in rewrap_as(ALICE, path, name)
    assert path.read_bytes() == content
    shared.chmod(0o777)
    assert rewrap_as(ALICE, path, name) == ""
    assert path.read_bytes() != content
    status = path.stat()
    assert (status.st_uid, status.st_gid) == (ALICE, ALICE)
    assert stat.S_IMODE(status.st_mode) == 0o640


# ---- What others do meanwhile


@both_ways
@pytest.mark.parametrize("change", ["replaced", "appended", "rewritten", "removed"])
def test_a_file_that_changes_meanwhile_is_left_alone(path: Path, name: str, change: str) -> None:
    def unwrap(key: libseal.WrappedKey) -> bytes | None:
        match change:
            case "replaced":
                path.rename(path.with_name("old"))
                libseal.seal_file(public_key(), os.devnull, path)
            case "appended":
                with path.open("ab") as file:
                    file.write(b"more")
            case "rewritten":
                header = bytes(libseal.inspect(path).rewrap(unwrapper(), public_key()))
                with path.open("r+b") as file:
                    file.write(header)
            case "removed":
                path.unlink()
        left.extend([path.read_bytes()] if path.exists() else [])
        return unwrapper()(key)

    left: list[bytes] = []
    with pytest.raises(OSError, match="was changed while") as raised:
        libseal.rewrap_file(path, unwrap, public_key(name))
    assert raised.value.errno == errno.EBUSY
    assert raised.value.filename == str(path)
    assert ([path.read_bytes()] if path.exists() else []) == left
    assert {file.name for file in path.parent.iterdir()} <= {"message", "old"}


@both_ways
def test_one_at_a_time(path: Path, name: str) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def unwrap(key: libseal.WrappedKey) -> bytes | None:
        inside.set()
        assert go_on.wait(20)
        return unwrapper()(key)

    arguments = (path, unwrap, public_key(name))
    thread = threading.Thread(target=libseal.rewrap_file, args=arguments)
    thread.start()
    try:
        assert inside.wait(20)
        for again in (SAME, OTHER):
            with pytest.raises(OSError, match="another process or thread is rewrapping") as raised:
                rewrap(path, again)
            assert raised.value.errno == errno.EBUSY
    finally:
        go_on.set()
        thread.join()
    assert opens_with(path, name)
    assert_alone(path)


def test_a_reader_goes_on(path: Path) -> None:
    for name, old in ((SAME, "rsa-2048"), (OTHER, SAME)):
        with path.open("rb") as file, libseal.UnsealReader(file, unwrapper(old)) as reader:
            beginning = reader.read(100)
            libseal.rewrap_file(path, unwrapper(old), public_key(name))
            assert beginning + reader.read() == DATA


LARGE = """
import os, sys, time
from pathlib import Path
import libseal
path, keys = Path(sys.argv[1]), Path(sys.argv[2])
key = libseal.PublicKey((keys / "rsa-2048-b.pub.der").read_bytes())
unwrap = libseal.LocalUnwrapper((keys / "rsa-2048.key.pem").read_bytes())

def counted():
    lines = Path("/proc/self/io").read_text().splitlines()
    counters = dict(line.split(": ") for line in lines)
    return [int(counters[name]) for name in ("rchar", "wchar", "write_bytes")]

before, start = counted(), time.perf_counter()
libseal.rewrap_file(path, unwrap, key)
seconds = time.perf_counter() - start
print(seconds, *(after - first for first, after in zip(before, counted())))
"""


def test_ten_gibibytes_in_place(path: Path) -> None:
    """No one reads or writes them."""
    if sys.platform != "linux":
        pytest.skip("the system does not count")
    os.truncate(path, 10 << 30)
    command = [sys.executable, "-c", LARGE, str(path), str(KEYS)]
    done = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    seconds, read, written, stored = map(float, done)
    assert seconds < 1
    assert read < 1 << 20
    assert written < 1 << 20
    assert stored < 1 << 20
    assert path.stat().st_size == 10 << 30
    assert libseal.inspect(path).wrapped_keys[0].fingerprint == public_key(SAME).fingerprint
