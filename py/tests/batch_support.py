"""What the tests of libseal.batch share."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from fsspec.implementations.memory import MemoryFileSystem

import libseal
from libseal import batch
from support import fleet, public_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class Store(MemoryFileSystem):  # type: ignore[misc]
    """Files in memory, that notes the requests and fails as it is told."""

    cachable = False
    protocol = "memory"

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.store: dict[str, Any] = {}
        self.pseudo_dirs = [""]
        self.requests: list[tuple[str, int, int]] = []
        self.faults: dict[str, list[Callable[[bytes], bytes]]] = defaultdict(list)
        """For each name, what becomes of its next answers."""
        self.before: Callable[[], object] = lambda: None
        self._lock = threading.Lock()

    def cat_file(self, path: str, start: Any = None, end: Any = None, **options: Any) -> bytes:
        path = self._strip_protocol(path)
        with self._lock:
            self.requests.append((path, start, end))
            faults = self.faults[path]
            fault = faults.pop(0) if faults else bytes
        self.before()
        return fault(super().cat_file(path, start, end, **options))

    def put(self, path: str, data: bytes) -> str:
        self.pipe_file(path, data)
        return path

    def change(self, path: str, change: Callable[[bytes], bytes]) -> None:
        self.pipe_file(path, change(self.store[path].getvalue()))


def filled(keys: int = 3, each: int = 4) -> Store:
    """A store with messages under several keys: the plaintext of /0-1 is b"0-1"."""
    store = Store()
    for number, key in enumerate(fleet(keys)):
        for message in range(each):
            store.put(f"/{number}-{message}", key.seal(b"%d-%d" % (number, message)))
    return store


def scanned(store: Store, files: Any = "/*", **options: Any) -> batch.Plan:
    return batch.scan(files, fs=store, **options)


def names(files: Iterable[Any]) -> list[str]:
    return [file.name for file in files]


def reasons(failures: Iterable[batch.Failure]) -> dict[str, str]:
    return {failure.name: type(failure.error).__name__ for failure in failures}


def raises(error: Exception, times: int = 100) -> list[Callable[[bytes], bytes]]:
    def fail(_: bytes) -> bytes:
        raise error

    return [fail] * times


def cut(length: int, times: int = 100) -> list[Callable[[bytes], bytes]]:
    """Answers that end early."""
    return [lambda data: data[:length]] * times


def with_long_header(plaintext: bytes = b"data") -> bytes:
    recipients = [libseal.Recipient(public_key(), "k" * 2000 + str(n)) for n in range(5)]
    return libseal.seal(recipients, plaintext)


def flipped(data: bytes, offset: int) -> bytes:
    changed = bytearray(data)
    changed[offset] ^= 1
    return bytes(changed)


def numbers(count: int) -> Iterator[str]:
    return map(str, range(count))
