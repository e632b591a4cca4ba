"""A rewrap that is killed leaves a message that opens, at once or after the next rewrap."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import logging
import os
import signal
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import libseal
from children import ALICE
from cli_support import OK
from support import public_key, unwrapper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cli_support import Command

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks"),
    pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning"),
]

DATA = os.urandom(100_000)
SAME, OTHER = "rsa-2048-b", "rsa-3072"

both_ways = pytest.mark.parametrize("name", [SAME, OTHER], ids=["in place", "by copy"])

CALLS = (
    "access", "close", "copy_file_range", "fchmod", "fchown", "fsync", "link", "lseek", "lstat",
    "open", "read", "rename", "replace", "stat", "unlink", "write",
)  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "folder/message"
    path.parent.mkdir()
    path.write_bytes(libseal.seal(public_key(), DATA))
    return path


def record_of(path: Path) -> Path | None:
    found = [file for file in path.parent.iterdir() if file.suffix == ".rewrap"]
    return found[0] if found else None


def rewrap_until_call(
    path: Path, name: str, number: int, when: str, calls: Sequence[str] = CALLS
) -> tuple[bool, str]:
    """Rewrap in a child that is killed at one of its system calls.

    Returns whether it was, and at which.
    """
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            kill_at(number, when, calls, writes)
            libseal.rewrap_file(path, unwrapper(), public_key(name))
            os._exit(0)
        finally:
            os._exit(1)
    os.close(writes)
    call = os.read(reads, 100).decode()
    os.close(reads)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in {0, -signal.SIGKILL}
    return code != 0, call


def kill_at(number: int, when: str, calls: Sequence[str], report: int) -> None:
    """Make the process kill itself before or after one of its system calls, or half-way."""
    count = 0
    really_write, kill = os.write, os.kill

    def replaced(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def replacement(*args: Any, **kwargs: Any) -> Any:
            nonlocal count
            count += 1
            if count == number:
                really_write(report, name.encode())
                try:
                    if when == "after":
                        call(*args, **kwargs)
                    elif when == "half" and name == "write":
                        really_write(args[0], args[1][: len(args[1]) // 2])
                finally:
                    kill(os.getpid(), signal.SIGKILL)
            return call(*args, **kwargs)

        return replacement

    for name in calls:
        setattr(os, name, replaced(name, getattr(os, name)))
    if calls is CALLS:
        fcntl.flock = replaced("flock", fcntl.flock)


def assert_good(path: Path, name: str, after: str) -> str:
    """Returns with what it opened: the old key, or the new one, or that after the next rewrap."""
    unwrap = [unwrapper(), unwrapper(name)]
    record = record_of(path)
    if record is not None:
        assert record.stat().st_mode & 0o777 == 0o600
    try:
        at_once = libseal.unseal(path.read_bytes(), unwrap)
    except (libseal.AuthenticationError, libseal.FormatError, libseal.KeyUnwrapError):
        assert record is not None, after
        with pytest.raises(libseal.SealError) as raised:
            libseal.unseal_file(path, path.with_name("plain"), unwrap)
        assert "rewrap_file finishes it" in raised.value.__notes__[-1]
        at_once = b""
    libseal.rewrap_file(path, unwrap, keep=True)
    # Where files have no names until they are complete, nothing else is ever left.
    left = [file for file in path.parent.iterdir() if file != path]
    assert [file.suffix for file in left] in ([], [".tmp"])
    assert libseal.unseal(path.read_bytes(), unwrap) == DATA, after
    is_new = libseal.inspect(path).wrapped_keys[0].fingerprint == public_key(name).fingerprint
    if not at_once:
        assert is_new
        return "restored"
    assert at_once == DATA
    return "new" if is_new else "old"


@both_ways
@pytest.mark.parametrize("when", ["before", "after", "half"])
def test_at_every_system_call(path: Path, name: str, when: str) -> None:
    content = path.read_bytes()
    outcomes: list[str] = []
    is_killed, number = True, 0
    while is_killed:
        number += 1
        is_killed, call = rewrap_until_call(path, name, number, when)
        outcomes.append(assert_good(path, name, f"{when} {call}"))
        for file in path.parent.iterdir():
            file.unlink()
        path.write_bytes(content)
    assert number > 20
    # Or else this test proves nothing.
    assert outcomes[0] == "old"
    assert outcomes[-1] == "new"
    assert ("restored" in outcomes) == (when == "half" and name == SAME)


def test_after_every_byte_of_the_header(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    old, record, new = interrupted(path)
    caplog.set_level(logging.DEBUG, "libseal")
    stored = record.read_bytes()
    length = libseal.Header(new).length
    for count in (0, 1, 100, 300, length - 1, length):
        for begins, goes_on in ((new, old), (old, new)):
            path.write_bytes(begins[:count] + goes_on[count:])
            record.write_bytes(stored)
            caplog.clear()
            # It takes no key.
            with pytest.raises(libseal.NoMatchingRecipientError):
                libseal.rewrap_file(path, lambda _: None, public_key())
            assert path.read_bytes() == new
            assert record_of(path) is None
            assert "finished an interrupted rewrap" in caplog.text
            assert str(path) in caplog.text


def test_the_order_of_what_is_stored(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power failure at any time finds the record complete, or the old header untouched."""
    events: list[str] = []
    really_write, really_sync, really_unlink = os.write, os.fsync, os.unlink

    def target_of(fd: int) -> str:
        name = Path(f"/proc/self/fd/{fd}").readlink().name
        return "record" if name.endswith(".rewrap") else name

    def write(fd: int, data: bytes) -> int:
        events.append(f"write {target_of(fd)}")
        return really_write(fd, data)

    def sync(fd: int) -> None:
        events.append(f"sync {target_of(fd)}")
        really_sync(fd)

    def unlink(name: Any, **arguments: Any) -> None:
        events.append("unlink")
        really_unlink(name, **arguments)

    monkeypatch.setattr(os, "write", write)
    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "unlink", unlink)
    libseal.rewrap_file(path, unwrapper(), public_key(SAME))
    monkeypatch.undo()
    assert events == [
        "write record",
        "sync record",
        "sync folder",
        "write message",
        "sync message",
        "unlink",
    ]


# ---- Records that are not to be applied


def interrupted(path: Path) -> tuple[bytes, Path, bytes]:
    """The message as it was, the record that stayed, and the message as it was to be."""
    old = path.read_bytes()
    # The first one writes the record.
    assert rewrap_until_call(path, SAME, 2, "half", ["write"])[0]
    assert path.read_bytes() != old
    record = record_of(path)
    assert record is not None
    new = new_header(record)
    return old, record, new + old[len(new) :]


def new_header(record: Path) -> bytes:
    stored = record.read_bytes()
    first = stored.index(b"SEAL", 17)
    second = stored.index(b"SEAL", first + 1)
    return stored[second : 2 * second - first]


def assert_refused(path: Path, text: str) -> None:
    content = path.read_bytes()
    record = record_of(path)
    assert record is not None
    with pytest.raises(FileExistsError, match=text) as raised:
        libseal.rewrap_file(path, lambda _: pytest.fail("asked"), public_key(SAME))
    assert raised.value.filename == str(path)
    assert record.name in str(raised.value)
    assert path.read_bytes() == content
    assert record.exists()


def other_message(old: bytes) -> bytes:
    header = libseal.Header(old)
    return bytes(header) + libseal.seal(public_key(), DATA)[header.length :]


def other_recipients(old: bytes) -> bytes:
    header = libseal.Header(old)
    return bytes(header.rewrap(unwrapper(), public_key("rsa-2048-e3"))) + old[header.length :]


@pytest.mark.parametrize(
    "change",
    [
        other_message,
        other_recipients,
        lambda old: libseal.seal(public_key(), DATA),
        lambda old: libseal.seal(public_key(), DATA + b"more"),
        lambda old: old + b"more",
        lambda old: old[:-1],
        lambda old: old[:10],
        lambda old: b"",
    ],
)
def test_a_record_of_another_message(path: Path, change: Callable[[bytes], bytes]) -> None:
    old, _, new = interrupted(path)
    path.write_bytes(change(old))
    assert_refused(path, "but of another message")
    # The way out that the error names.
    path.write_bytes(old)
    libseal.rewrap_file(path, unwrapper(SAME), keep=True)
    assert path.read_bytes() == new
    assert record_of(path) is None


def test_a_record_that_is_incomplete(path: Path) -> None:
    """The header was not touched then."""
    old, record, _ = interrupted(path)
    stored = record.read_bytes()
    for count in (0, 1, 16, 17, 30, 500, len(stored) - 1):
        path.write_bytes(old)
        record.write_bytes(stored[:count])
        libseal.rewrap_file(path, unwrapper(), keep=True)
        assert path.read_bytes() == old
        assert record_of(path) is None
    record.write_bytes(stored[:100] + bytes([stored[100] ^ 1]) + stored[101:])
    libseal.rewrap_file(path, unwrapper(), keep=True)
    assert path.read_bytes() == old


def digested(content: bytes) -> bytes:
    return content + hashlib.sha256(content).digest()


def test_a_record_that_is_malformed(path: Path) -> None:
    """Its digest is right, so it was never half written; but it says nothing either."""
    old, record, _ = interrupted(path)
    content = record.read_bytes()[:-32]
    lengths = slice(17 + 8, 17 + 8 + 4)
    malformed = [content[:count] for count in (17, 18, 28, 29, 30, 29 + 56, len(content) - 1)]
    malformed += [content + b"x", content[:29] + content[-56:]]
    for count in (0, 1, (1 << 32) - 1):
        with_count = bytearray(content)
        with_count[lengths] = count.to_bytes(4, "big")
        malformed.append(bytes(with_count))
    for wrong in malformed:
        path.write_bytes(old)
        record.write_bytes(digested(wrong))
        libseal.rewrap_file(path, unwrapper(), keep=True)
        assert path.read_bytes() == old
        assert record_of(path) is None


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("linked", "hard link"),
        ("writable by its group", "others may write"),
        ("writable by others", "others may write"),
        ("a stranger's", "belongs to another user"),
    ],
)
def test_a_record_that_others_may_have_made(
    path: Path, tmp_path: Path, kind: str, why: str
) -> None:
    """In every other respect it is good."""
    _, record, new = interrupted(path)
    owner = record.stat().st_uid
    match kind:
        case "linked":
            (tmp_path / "elsewhere").hardlink_to(record)
        case "writable by its group":
            record.chmod(0o620)
        case "writable by others":
            record.chmod(0o602)
        case "a stranger's":
            if os.geteuid() != 0:
                pytest.skip("becoming another user takes root")
            os.chown(record, ALICE, ALICE)
    assert_refused(path, why)
    # Once that is settled, it is good.
    (tmp_path / "elsewhere").unlink(missing_ok=True)
    os.chown(record, owner, -1)
    record.chmod(0o600)
    libseal.rewrap_file(path, unwrapper(SAME), keep=True)
    assert path.read_bytes() == new


def test_roots_own_record_and_that_of_the_owner(shared: Path) -> None:
    """Whoever owns the message may say what it is to be."""
    path = shared / "message"
    old, record, new = interrupted(path)
    os.chown(path, ALICE, ALICE)
    stored = record.read_bytes()
    for owner in (0, ALICE):
        path.write_bytes(old)
        record.write_bytes(stored)
        os.chown(record, owner, owner)
        record.chmod(0o600)
        libseal.rewrap_file(path, unwrapper(SAME), keep=True)
        assert path.read_bytes() == new


def test_where_all_files_have_one_mode(path: Path) -> None:
    """Whoever may write to the record may write to the message then."""
    _, record, new = interrupted(path)
    path.chmod(0o666)
    record.chmod(0o666)
    libseal.rewrap_file(path, unwrapper(SAME), keep=True)
    assert path.read_bytes() == new


# ---- Records of others


def test_names_that_have_one_checksum(path: Path) -> None:
    """The record of one message is not in the way of another."""
    names = ["plumless", "buckeroo"]
    assert zlib.crc32(names[0].encode()) == zlib.crc32(names[1].encode())
    first, second = (path.with_name(name) for name in names)
    path.rename(first)
    second.write_bytes(libseal.seal(public_key(), DATA))
    _, record, new = interrupted(first)
    stored = record.read_bytes()
    libseal.rewrap_file(second, unwrapper(), public_key(SAME))
    assert record.read_bytes() == stored
    libseal.rewrap_file(first, unwrapper(SAME), keep=True)
    assert first.read_bytes() == new


@pytest.mark.parametrize("moment", ["half written", "written"])
def test_a_record_of_a_call_that_lives(
    path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Another message took the name meanwhile. Its rewrap must not touch what is not its own."""
    moved = path.with_name("moved")
    really_write, really_sync = os.write, os.fsync

    def other_comes() -> None:
        monkeypatch.undo()
        path.rename(moved)
        path.write_bytes(other)
        record = record_of(path)
        assert record is not None
        stored = record.read_bytes()
        with pytest.raises(OSError, match="another process or thread is rewrapping"):
            libseal.rewrap_file(path, unwrapper(), public_key(SAME))
        assert record.read_bytes() == stored

    def write(fd: int, data: bytes) -> int:
        count = really_write(fd, data[: len(data) // 2])
        other_comes()
        return count

    def sync(fd: int) -> None:
        really_sync(fd)
        other_comes()

    old, other = path.read_bytes(), libseal.seal(public_key(), b"other")
    monkeypatch.setattr(os, *(("write", write) if moment == "half written" else ("fsync", sync)))
    with pytest.raises(OSError, match="was changed while"):
        libseal.rewrap_file(path, unwrapper(), public_key(SAME))
    assert (moved.read_bytes(), path.read_bytes()) == (old, other)
    assert record_of(path) is None


@pytest.mark.parametrize("kind", ["other content", "folder", "link", "a stranger's"])
def test_what_is_no_record(path: Path, tmp_path: Path, kind: str) -> None:
    old, record, _ = interrupted(path)
    stored = record.read_bytes()
    path.write_bytes(old)
    match kind:
        case "other content":
            record.write_bytes(b"libseal rewrap 2\n")
        case "folder":
            record.unlink()
            record.mkdir()
        case "link":
            record.rename(tmp_path / "elsewhere")
            record.symlink_to(tmp_path / "elsewhere")
        case "a stranger's":
            if os.geteuid() != 0:
                pytest.skip("becoming another user takes root")
            assert stored
            os.chown(record, ALICE, ALICE)
    assert_refused(path, "in the way")


def test_a_disk_that_fails(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is as it was until the header is being overwritten. Then there is the record."""
    old = path.read_bytes()
    for name in ("write", "fsync"):
        for number in (1, 2):
            counter = iter(range(1, 100))
            monkeypatch.setattr(os, name, failing(getattr(os, name), counter, number))
            with pytest.raises(OSError, match="space") as raised:
                libseal.rewrap_file(path, unwrapper(), public_key(SAME))
            monkeypatch.undo()
            assert raised.value.filename == str(path)
            assert path.read_bytes() == old
            assert record_of(path) is None
    counter = iter(range(1, 100))
    monkeypatch.setattr(os, "fsync", failing(os.fsync, counter, 3))
    with pytest.raises(OSError, match="space"):
        libseal.rewrap_file(path, unwrapper(), public_key(SAME))
    monkeypatch.undo()
    assert record_of(path) is not None
    libseal.rewrap_file(path, unwrapper(SAME), keep=True)
    assert libseal.unseal(path.read_bytes(), unwrapper(SAME)) == DATA
    assert record_of(path) is None


def failing(call: Callable[..., Any], counter: Iterator[int], number: int) -> Callable[..., Any]:
    def replacement(*args: Any) -> Any:
        if next(counter) == number:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return call(*args)

    return replacement


def test_the_command_goes_on_with_what_was_killed(path: Path, command: Command) -> None:
    is_killed, _ = rewrap_until_call(path, SAME, 2, "half", calls=("write",))
    assert is_killed
    assert record_of(path) is not None
    command.path("new.der", public_key(SAME).der)
    done = command("rewrap", "-i", "private.pem", "-r", "new.der", path)
    assert done == (OK, b"", f"{path} was done already: nothing was changed\n")
    assert record_of(path) is None
    assert libseal.unseal(path.read_bytes(), unwrapper(SAME)) == DATA
