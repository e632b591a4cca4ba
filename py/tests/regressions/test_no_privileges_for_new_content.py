"""A file that is replaced does not pass on its set-user-id, set-group-id and sticky bits."""

import os
import stat
from pathlib import Path

import pytest

import libseal
from children import ALICE, BOB, SECRET, run_as
from support import public_key, unwrapper

SPECIAL = [0o4755, 0o2755, 0o1755, 0o7777]

both_kinds = pytest.mark.usefixtures("new_file")


@both_kinds
@pytest.mark.parametrize("mode", SPECIAL)
def test_own_file(tmp_path: Path, mode: int) -> None:
    target = tmp_path / "target"
    target.touch()
    target.chmod(mode)
    libseal.seal_file(public_key(), os.devnull, target)
    assert stat.S_IMODE(target.stat().st_mode) == mode & 0o777

    source = tmp_path / "source"
    target.rename(source)
    target.touch()
    target.chmod(mode)
    libseal.unseal_file(source, target, unwrapper())
    assert stat.S_IMODE(target.stat().st_mode) == mode & 0o777


@pytest.mark.parametrize("mode", [0o4777, 0o6777])
def test_file_of_a_stranger(shared: Path, mode: int) -> None:
    target = shared / "target"
    target.write_bytes(b"before")
    os.chown(target, ALICE, SECRET)
    target.chmod(mode)
    child = run_as(BOB, "unseal", shared / "message", target)
    assert child.returncode == 0, child.stderr
    status = target.stat()
    assert status.st_uid == BOB
    assert stat.S_IMODE(status.st_mode) == 0o700


def test_file_of_a_stranger_replaced_by_root(shared: Path) -> None:
    target = shared / "target"
    target.touch()
    os.chown(target, ALICE, SECRET)
    target.chmod(0o4755)
    libseal.unseal_file(shared / "message", target, unwrapper())
    status = target.stat()
    assert (status.st_uid, status.st_gid) == (ALICE, SECRET)
    assert stat.S_IMODE(status.st_mode) == 0o755
