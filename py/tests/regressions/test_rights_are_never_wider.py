"""What a file that is replaced did not let others do, its new content does not either."""

import errno
import os
import stat
import struct
from pathlib import Path

import pytest

import libseal
from children import ALICE, BOB, NAMED, SECRET, run_as
from support import public_key

both_kinds = pytest.mark.usefixtures("new_file")
both_kinds_of_child = pytest.mark.parametrize("before", ["", NAMED], ids=["unnamed", "named"])

ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
OWNER, USER, GROUP, MASK, OTHERS = 1, 2, 4, 0x10, 0x20


def acl(*entries: tuple[int, int] | tuple[int, int, int]) -> bytes:
    """Entries are a tag, permissions, and whom a tag that needs it is about."""
    packed = (struct.pack("<HHI", *(*entry, 0xFFFFFFFF)[:3]) for entry in entries)
    return struct.pack("<I", 2) + b"".join(packed)


def set_acl(path: Path, which: str, value: bytes) -> None:
    if not hasattr(os, "setxattr"):
        pytest.skip("the system has no such ACLs")
    try:
        os.setxattr(path, which, value)
    except OSError as error:
        pytest.skip(f"no ACLs here: {error}")


def get_acl(path: Path) -> bytes | None:
    try:
        return os.getxattr(path, ACCESS)
    except OSError:
        return None


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@both_kinds_of_child
def test_group_that_cannot_be_kept(shared: Path, before: str) -> None:
    """Bob may write to the file, but its group is not one of his."""
    target = shared / "target"
    target.write_bytes(b"before")
    os.chown(target, ALICE, SECRET)
    target.chmod(0o646)
    child = run_as(BOB, "unseal", shared / "message", target, before)
    assert child.returncode == 0, child.stderr
    status = target.stat()
    assert (status.st_uid, status.st_gid) == (BOB, BOB)
    assert mode(target) == 0o600


@both_kinds_of_child
def test_group_that_can_be_kept(shared: Path, before: str) -> None:
    target = shared / "target"
    target.write_bytes(b"before")
    os.chown(target, ALICE, SECRET)
    target.chmod(0o660)
    child = run_as(BOB, "unseal", shared / "message", target, before, groups=(SECRET,))
    assert child.returncode == 0, child.stderr
    status = target.stat()
    assert (status.st_uid, status.st_gid) == (BOB, SECRET)
    assert mode(target) == 0o660


@both_kinds
def test_acl_is_kept(tmp_path: Path) -> None:
    """The group has no rights. The mode shows those of the mask in their place."""
    target = tmp_path / "target"
    target.touch()
    value = acl((OWNER, 6), (USER, 4, BOB), (GROUP, 0), (MASK, 4), (OTHERS, 0))
    set_acl(target, ACCESS, value)
    libseal.seal_file(public_key(), os.devnull, target)
    assert get_acl(target) == value
    assert mode(target) == 0o640


@both_kinds
def test_acl_that_cannot_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "target"
    target.touch()
    set_acl(target, ACCESS, acl((OWNER, 6), (USER, 4, BOB), (GROUP, 0), (MASK, 4), (OTHERS, 0)))

    def fails(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no room for attributes")

    monkeypatch.setattr(os, "setxattr", fails)
    libseal.seal_file(public_key(), os.devnull, target)
    assert mode(target) == 0o600


@both_kinds_of_child
def test_acl_with_a_group_that_cannot_be_kept(shared: Path, before: str) -> None:
    target = shared / "target"
    target.touch()
    os.chown(target, ALICE, SECRET)
    set_acl(target, ACCESS, acl((OWNER, 6), (USER, 6, BOB), (GROUP, 0), (MASK, 6), (OTHERS, 0)))
    child = run_as(BOB, "unseal", shared / "message", target, before)
    assert child.returncode == 0, child.stderr
    assert target.stat().st_gid == BOB
    assert mode(target) == 0o600


@both_kinds
def test_default_acl_of_the_folder_does_not_reach_an_old_file(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.touch()
    target.chmod(0o640)
    default = acl((OWNER, 7), (USER, 7, BOB), (GROUP, 5), (MASK, 7), (OTHERS, 5))
    set_acl(tmp_path, DEFAULT, default)
    libseal.seal_file(public_key(), os.devnull, target)
    assert get_acl(target) is None
    assert mode(target) == 0o640


@both_kinds
@pytest.mark.parametrize("mask", [0, 4, 6])
def test_new_file_has_the_rights_that_the_folder_gives(tmp_path: Path, mask: int) -> None:
    default = acl((OWNER, 7), (USER, 7, BOB), (GROUP, 5), (MASK, mask), (OTHERS, 0))
    set_acl(tmp_path, DEFAULT, default)
    target, other = tmp_path / "target", tmp_path / "other"
    libseal.seal_file(public_key(), os.devnull, target)
    other.touch()
    assert get_acl(target) == get_acl(other) is not None
    assert mode(target) == mode(other)
