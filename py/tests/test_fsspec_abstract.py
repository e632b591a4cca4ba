"""fsspec's own tests of file systems, over SealedFileSystem: paths, globs, copies, get and put."""

import posixpath
from collections.abc import Callable
from pathlib import Path

import pytest
from fsspec.implementations.local import LocalFileSystem, make_path_posix
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.tests import abstract

from libseal.fsspec import SealedFileSystem
from support import public_key, unwrapper


class Fixtures(abstract.AbstractFixtures):
    @pytest.fixture
    def fs_join(self) -> Callable[..., str]:
        return posixpath.join


class Memory(Fixtures):
    @pytest.fixture
    def fs(self) -> SealedFileSystem:
        below = MemoryFileSystem(global_store=False, skip_instance_cache=True)
        return SealedFileSystem(below, unwrap=unwrapper(), recipients=public_key())

    @pytest.fixture
    def fs_path(self) -> str:
        return "/remote"


class Local(Fixtures):
    @pytest.fixture
    def fs(self) -> SealedFileSystem:
        below = LocalFileSystem(auto_mkdir=True)
        return SealedFileSystem(below, unwrap=unwrapper(), recipients=public_key())

    @pytest.fixture
    def fs_path(self, tmp_path: Path) -> str:
        return str(make_path_posix(str(tmp_path / "remote")))


class TestMemoryCopy(Memory, abstract.AbstractCopyTests): ...


class TestMemoryGet(Memory, abstract.AbstractGetTests): ...


class TestMemoryPut(Memory, abstract.AbstractPutTests): ...


class TestMemoryPipe(Memory, abstract.AbstractPipeTests): ...


class TestMemoryOpen(Memory, abstract.AbstractOpenTests): ...


class TestLocalCopy(Local, abstract.AbstractCopyTests): ...


class TestLocalGet(Local, abstract.AbstractGetTests): ...


class TestLocalPut(Local, abstract.AbstractPutTests): ...


class TestLocalPipe(Local, abstract.AbstractPipeTests): ...


class TestLocalOpen(Local, abstract.AbstractOpenTests): ...
