"""File systems for the tests of libseal.fsspec."""

from __future__ import annotations

from typing import Any

from fsspec.implementations.memory import MemoryFileSystem
from fsspec.spec import AbstractBufferedFile, AbstractFileSystem

import libseal
from libseal.fsspec import SealedFileSystem
from support import public_key, unwrapper


class Store(AbstractFileSystem):  # type: ignore[misc]
    """An object store in memory, which counts what is asked of it."""

    protocol = "store"
    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self.objects = MemoryFileSystem(global_store=False, skip_instance_cache=True)
        self.fetched: list[tuple[str, int, int]] = []
        """The ranges that were fetched."""
        self.asked = 0
        """How often for what is known of one object."""
        self.most = 1 << 40
        """How many bytes it returns at most."""
        self.cache_type = "readahead"
        """Which of fsspec's caches its files have."""

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(MemoryFileSystem._strip_protocol(path.removeprefix("store://")))

    @property
    def bytes_fetched(self) -> int:
        return sum(stop - start for _, start, stop in self.fetched)

    def reset(self) -> None:
        self.fetched.clear()
        self.asked = 0

    def place(self, path: str, data: bytes) -> None:
        self.objects.pipe_file(path, data)

    def cat_file(
        self, path: str, start: int | None = None, end: int | None = None, **_: Any
    ) -> bytes:
        path = self._strip_protocol(path)
        data: bytes = self.objects.cat_file(path, start, end)[: self.most]
        start = start or 0
        self.fetched.append((path, start, start + len(data)))
        return data

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        self.asked += 1
        info: dict[str, Any] = self.objects.info(self._strip_protocol(path))
        return info

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        entries: list[Any] = self.objects.ls(path, detail=detail)
        return entries

    def exists(self, path: str, **_: Any) -> bool:
        return bool(self.objects.exists(path))

    def isfile(self, path: str) -> bool:
        return bool(self.objects.isfile(path))

    def isdir(self, path: str) -> bool:
        return bool(self.objects.isdir(path))

    def pipe_file(self, path: str, value: bytes, **options: Any) -> None:
        self.objects.pipe_file(path, value, **options)

    def put_file(self, lpath: str, rpath: str, **options: Any) -> None:
        self.objects.put_file(lpath, rpath, **options)

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        self.objects.makedirs(path, exist_ok=exist_ok)

    def cp_file(self, path1: str, path2: str, **_: Any) -> None:
        self.objects.cp_file(path1, path2)

    def rm_file(self, path: str) -> None:
        self.objects.rm_file(path)

    def modified(self, path: str) -> Any:
        return self.objects.modified(self._strip_protocol(path))

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        if mode != "rb":
            return self.objects._open(path, mode, **options)
        return AbstractBufferedFile(self, path, mode, cache_type=self.cache_type, **options)


def sealed(below: AbstractFileSystem, **options: Any) -> SealedFileSystem:
    given = {"unwrap": unwrapper(), "recipients": public_key(), **options}
    return SealedFileSystem(below, **given)


def store_of(data: bytes, path: str = "/a") -> tuple[Store, SealedFileSystem]:
    """A store with one sealed object."""
    store = Store()
    store.place(path, libseal.seal(public_key(), data))
    return store, sealed(store)
