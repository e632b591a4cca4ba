"""What the tests share."""

from __future__ import annotations

import io
import threading
import time
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

import libseal
from tests.independent.vector import KEYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

CHUNK = 16384
# What files and streams work on at a time.
PIECE = 1024 * 1024
LENGTHS = (0, 1, 16383, 16384, 16385, 32768)


def key_file(name: str) -> bytes:
    return (KEYS / name).read_bytes()


@cache
def public_key(name: str = "rsa-2048") -> libseal.PublicKey:
    return libseal.PublicKey(key_file(f"{name}.pub.der"))


@cache
def unwrapper(name: str = "rsa-2048") -> libseal.LocalUnwrapper:
    return libseal.LocalUnwrapper(key_file(f"{name}.key.pem"))


def plaintext_of(file: io.BytesIO) -> bytes:
    return libseal.unseal(file.getvalue(), unwrapper())


def assert_unfinished(file: io.BytesIO) -> None:
    with pytest.raises(libseal.AuthenticationError):
        plaintext_of(file)


def data_key_of(blob: bytes) -> bytes:
    data_key = unwrapper()(libseal.inspect(blob).wrapped_keys[0])
    assert data_key is not None
    return data_key


def holds_nothing(_: libseal.WrappedKey) -> None:
    return None


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def unseal_in_pieces(
    parts: Iterable[bytes], unwrap: libseal.Unwrap, require: libseal.Require | None = None
) -> bytes:
    unsealer = libseal.Unsealer(require=require)
    plaintext = b""
    for part in parts:
        plaintext += unsealer.update(part)
        if unsealer.needs_key:
            unsealer.unwrap_with(unwrap)
    return plaintext + unsealer.finish()


class ShortWriter(io.RawIOBase):
    """Takes few bytes at a time, and fails when it is full."""

    def __init__(self, room: int = 1 << 30, at_once: int = 7) -> None:
        self.room = room
        self.at_once = at_once
        self.content = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object, /) -> int:
        taken = bytes(memoryview(data))[: min(self.at_once, self.room)]  # type: ignore[arg-type]
        if not taken:
            raise OSError(28, "full")
        self.room -= len(taken)
        self.content += taken
        return len(taken)


class ShortReader(io.RawIOBase):
    """Gives few bytes at a time, and fails at an offset if there is one."""

    def __init__(self, content: bytes, at_once: int = 7, fails_at: int | None = None) -> None:
        self.content = content
        self.at_once = at_once
        self.fails_at = fails_at
        self.position = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        end = self.position + min(self.at_once, size)
        if self.fails_at is not None:
            if self.position >= self.fails_at:
                raise OSError(5, "unreadable")
            end = min(end, self.fails_at)
        piece = self.content[self.position : end]
        self.position += len(piece)
        return piece


class Counting:
    """Unwraps, and counts how often and in how many threads at once."""

    def __init__(self, pause: float = 0.0, fail: Callable[[int], object] | None = None) -> None:
        self.calls = 0
        self.at_once = 0
        self.most_at_once = 0
        self.threads: set[str] = set()
        self.pause = pause
        self.fail = fail
        self.lock = threading.Lock()

    def __call__(self, wrapped_key: libseal.WrappedKey) -> bytes | None:
        with self.lock:
            self.calls += 1
            number = self.calls
            self.at_once += 1
            self.most_at_once = max(self.at_once, self.most_at_once)
            self.threads.add(threading.current_thread().name)
        try:
            time.sleep(self.pause)
            if self.fail is not None:
                self.fail(number)
            return unwrapper()(wrapped_key)
        finally:
            with self.lock:
                self.at_once -= 1


def fleet(count: int) -> list[libseal.SealingKey]:
    return [libseal.SealingKey(public_key(), context={"device": str(n)}) for n in range(count)]


def each_alone(count: int) -> list[bytes]:
    """Messages with a data key each."""
    return [libseal.seal(public_key(), b"%d" % number) for number in range(count)]


def unsealed(messages: Iterable[Any], **options: Any) -> list[Any]:
    unwrap = options.pop("unwrap", unwrapper())
    return list(libseal.unseal_many(messages, unwrap, return_exceptions=True, **options))


def kinds(results: Iterable[object]) -> list[str]:
    return [type(result).__name__ for result in results]
