"""A child that is forked while a file is replaced or rewrapped keeps no lock, and takes none."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import libseal
from support import public_key, unwrapper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks"),
    pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning"),
]

both_kinds = pytest.mark.usefixtures("new_file")

OLD, SAME, OTHER = "rsa-2048", "rsa-2048-b", "rsa-3072"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "folder/message"
    path.parent.mkdir()
    path.write_bytes(libseal.seal(public_key(), b"data"))
    return path


@pytest.fixture
def fork() -> Iterator[Callable[[], None]]:
    """Forks a child that lives until the test ends."""
    reads, writes = os.pipe()

    def call() -> None:
        child = os.fork()
        if child == 0:
            os.close(writes)
            os.read(reads, 1)
            os._exit(0)
        children.append(child)

    children: list[int] = []
    yield call
    os.close(writes)
    os.close(reads)
    assert len(children) > 0
    for child in children:
        os.waitpid(child, 0)


def rewrap(path: Path, old: str, new: str, meanwhile: Callable[[], object] = bool) -> None:
    def unwrap(key: libseal.WrappedKey) -> bytes | None:
        meanwhile()
        return unwrapper(old)(key)

    libseal.rewrap_file(path, unwrap, public_key(new))


@pytest.mark.parametrize("name", [SAME, OTHER])
def test_after_rewrapping(path: Path, fork: Callable[[], None], name: str) -> None:
    rewrap(path, OLD, name, fork)
    rewrap(path, name, OLD)


def test_after_rewrapping_that_failed(path: Path, fork: Callable[[], None]) -> None:
    with pytest.raises(libseal.NoMatchingRecipientError):
        rewrap(path, OTHER, SAME, fork)
    rewrap(path, OLD, SAME)


@both_kinds
def test_after_replacing(path: Path, fork: Callable[[], None]) -> None:
    libseal.seal_file(public_key(), __file__, path, progress=lambda _: fork())
    rewrap(path, OLD, SAME)
    libseal.seal_file(public_key(), __file__, path)


@both_kinds
def test_after_replacing_that_failed(path: Path, fork: Callable[[], None]) -> None:
    def fail(_: int) -> None:
        fork()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        libseal.seal_file(public_key(), __file__, path, progress=fail)
    libseal.seal_file(public_key(), __file__, path)


# ---- A child that leaves the call by an exception, as sys.exit does


def child_leaves(parent: int) -> None:
    """Fork a child that raises SystemExit, and wait until it has exited."""
    child = os.fork()
    if child == 0:
        raise SystemExit
    assert os.getpid() == parent
    os.waitpid(child, 0)


def test_the_parent_stays_locked(path: Path) -> None:
    parent = os.getpid()

    def meanwhile() -> None:
        child_leaves(parent)
        with pytest.raises(OSError, match="another process or thread is rewrapping"):
            rewrap(path, OLD, SAME)

    try:
        rewrap(path, OLD, SAME, meanwhile)
    finally:
        if os.getpid() != parent:
            os._exit(0)
    assert libseal.unseal(path.read_bytes(), unwrapper(SAME)) == b"data"


@both_kinds
def test_the_parents_new_file_stays(path: Path) -> None:
    parent = os.getpid()
    try:
        libseal.seal_file(public_key(), __file__, path, progress=lambda _: child_leaves(parent))
    finally:
        if os.getpid() != parent:
            os._exit(0)
    assert libseal.unseal(path.read_bytes(), unwrapper()) == Path(__file__).read_bytes()
