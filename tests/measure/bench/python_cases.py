"""The Python part of `make bench`: libseal, and pyca's Cobblestone-256, which has no RSA.

python -m tests.measure.bench.python_cases WORK GROUP ROUNDS
"""

import io
import random
import subprocess
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor

import libseal

from .measure import ALL_THREADS, KIB, LARGE, MANY, MIB, SMALL, Case, arguments, measure
from .workload import Workload

# The wheel has no other.
PROVIDER = "aws-lc"
PYCA = "pyca Cobblestone-256"
PIECES = {"4 KiB": 4 * KIB, "1 MiB": MIB}
PART = MIB
MESSAGES = 10_000
SEALING_KEYS = 20
UNLIMITED = 1 << 62

# Where all cases write; more than any of them does.
OUT = bytearray(LARGE + MIB)


def case(operation: str, size: int, call: Callable[[], int], threads: int = 1) -> Case:
    return Case("libseal", operation, size, call, PROVIDER, threads)


def copying(plaintext: bytes) -> Iterator[Case]:
    size = len(plaintext)
    target = memoryview(OUT)[:size]

    def memcpy() -> int:
        target[:] = plaintext
        return size

    yield Case("memcpy", "copy", size, memcpy)
    yield Case("fresh allocation", "fill", size, lambda: len(b"\x01" * size))


def into_buffer(work: Workload, size: int, threads: int = 1) -> Iterator[Case]:
    plaintext, message = work.plaintext(size), work.message(size)
    yield case(
        "seal_into",
        size,
        lambda: libseal.seal_into(work.key, plaintext, OUT, threads=threads),
        threads,
    )
    yield case(
        "unseal_into",
        size,
        lambda: libseal.unseal_into(message, OUT, work.unwrap, threads=threads),
        threads,
    )


def returning(work: Workload, size: int, threads: int = 1) -> Iterator[Case]:
    plaintext, message = work.plaintext(size), work.message(size)
    yield case(
        "seal", size, lambda: len(libseal.seal(work.key, plaintext, threads=threads)), threads
    )
    yield case(
        "unseal", size, lambda: len(libseal.unseal(message, work.unwrap, threads=threads)), threads
    )


def under_a_key_in_use(work: Workload, size: int) -> Iterator[Case]:
    plaintext = work.plaintext(size)
    key = libseal.SealingKey(work.key, max_messages=UNLIMITED, max_bytes=UNLIMITED)
    yield case("SealingKey.seal_into", size, lambda: key.seal_into(plaintext, OUT))
    yield case("SealingKey.seal", size, lambda: len(key.seal(plaintext)))


def pyca(work: Workload, size: int) -> Iterator[Case]:
    """The payload alone: the data key is given, and nothing is wrapped."""
    plaintext, key = work.plaintext(size), Cobblestone256Encryptor.generate_key()
    encryptor = Cobblestone256Encryptor(key, b"")
    payload = encryptor.update(plaintext) + encryptor.finalize()

    def seal_into() -> int:
        encryptor = Cobblestone256Encryptor(key, b"")
        return encryptor.update_into(plaintext, OUT) + len(encryptor.finalize())

    def unseal_into() -> int:
        decryptor = Cobblestone256Decryptor(key, b"")
        return decryptor.update_into(payload, OUT) + len(decryptor.finalize())

    def seal() -> int:
        encryptor = Cobblestone256Encryptor(key, b"")
        return len(encryptor.update(plaintext) + encryptor.finalize())

    def unseal() -> int:
        decryptor = Cobblestone256Decryptor(key, b"")
        return len(decryptor.update(payload) + decryptor.finalize())

    yield Case(PYCA, "seal_into", size, seal_into)
    yield Case(PYCA, "unseal_into", size, unseal_into)
    if size < LARGE:
        # Putting two large parts together would be a copy that nobody needs.
        yield Case(PYCA, "seal", size, seal)
        yield Case(PYCA, "unseal", size, unseal)


def large(work: Workload) -> Iterator[Case]:
    yield from copying(work.plaintext(LARGE))
    yield from pyca(work, LARGE)
    for threads in sorted({1, ALL_THREADS}):
        yield from into_buffer(work, LARGE, threads)
        yield from returning(work, LARGE, threads)


def small(work: Workload) -> Iterator[Case]:
    for size in SMALL:
        yield from into_buffer(work, size)
        yield from returning(work, size)
        yield from under_a_key_in_use(work, size)
        yield from pyca(work, size)


class Fleet:
    """Small messages of several sealing keys, in no order, and their data keys."""

    def __init__(self, work: Workload, size: int) -> None:
        text = work.plaintext(size * MESSAGES)
        self.data = [text[n * size : (n + 1) * size] for n in range(MESSAGES)]
        self.keys = [
            libseal.SealingKey(
                work.key, context={"device": str(n)}, max_messages=UNLIMITED, max_bytes=UNLIMITED
            )
            for n in range(SEALING_KEYS)
        ]
        drawn = random.Random(1)
        self.messages = [drawn.choice(self.keys).seal(item) for item in self.data]
        private_key = work.private_key()
        self.data_keys: dict[libseal.WrappedKey, bytes | None] = {}
        for key in self.keys:
            (wrapped_key,) = libseal.inspect(key.seal(b"")).wrapped_keys
            self.data_keys[wrapped_key] = private_key(wrapped_key)

    def unwrap(self, wrapped_key: libseal.WrappedKey) -> bytes | None:
        return self.data_keys[wrapped_key]


def drain(results: Iterable[object]) -> int:
    """Fetches all results; each is gone when the next one comes."""
    deque(results, maxlen=0)
    return MESSAGES


def many_at(work: Workload, size: int) -> Iterator[Case]:
    fleet = Fleet(work, size)
    sealing_key, messages, data = fleet.keys[0], fleet.messages, fleet.data
    if list(libseal.unseal_many(messages, fleet.unwrap)) != data:
        raise ValueError(f"{size} bytes: unsealed something else")

    def case(operation: str, call: Callable[[], int], threads: int = 1) -> Case:
        return Case("libseal", operation, size, call, PROVIDER, threads, MESSAGES)

    def seal_many(threads: int) -> int:
        return drain(libseal.seal_many(sealing_key, data, threads=threads))

    def unseal_many(threads: int) -> int:
        return drain(libseal.unseal_many(messages, fleet.unwrap, threads=threads))

    for threads in sorted({1, ALL_THREADS}):
        yield case("seal_many", partial(seal_many, threads), threads)
        yield case("unseal_many", partial(unseal_many, threads), threads)
    yield case("seal in a loop", lambda: drain(map(sealing_key.seal, data)))
    yield case(
        "unseal in a loop",
        lambda: drain(libseal.unseal(message, fleet.unwrap) for message in messages),
    )

    # What the payload of a message is bound to: prefix and context.
    context = b"SEAL\1\1\0\x0b\0\6device\0\x010"
    key = Cobblestone256Encryptor.generate_key()

    def seal(plaintext: bytes) -> bytes:
        encryptor = Cobblestone256Encryptor(key, context)
        return encryptor.update(plaintext) + encryptor.finalize()

    def unseal(payload: bytes) -> bytes:
        decryptor = Cobblestone256Decryptor(key, context)
        return decryptor.update(payload) + decryptor.finalize()

    def loop(call: Callable[[bytes], bytes], items: list[bytes]) -> int:
        return drain(map(call, items))

    payloads = [seal(item) for item in data]
    for operation, call in {
        "seal": partial(loop, seal, data),
        "unseal": partial(loop, unseal, payloads),
    }.items():
        yield Case(PYCA, f"{operation} in a loop", size, call, messages=MESSAGES)


def many(work: Workload) -> Iterator[Case]:
    for size in MANY:
        yield from many_at(work, size)


def streams(work: Workload) -> Iterator[Case]:
    plaintext = work.plaintext(LARGE)
    message = work.message(LARGE)
    sink = io.BytesIO(OUT)
    yield from copying(plaintext)

    def write(target: BinaryIO, piece: bytes) -> int:
        # What is written was made just before, so it is the same piece of memory again and again.
        with libseal.SealWriter(target, work.key) as writer:
            for _ in range(LARGE // len(piece)):
                writer.write(piece)
        return target.tell()

    def read(source: BinaryIO, length: int) -> int:
        piece = memoryview(OUT)[:length]
        with libseal.UnsealReader(source, work.unwrap) as reader:
            while reader.readinto(piece):
                pass
            return reader.tell()

    def to_memory(piece: bytes) -> int:
        sink.seek(0)
        return write(sink, piece)

    def from_memory(length: int) -> int:
        return read(io.BytesIO(message), length)

    def to_file(piece: bytes) -> int:
        with work.target("python").open("xb") as file:
            return write(file, piece)

    def from_file(length: int) -> int:
        with work.message_path(LARGE).open("rb") as file:
            return read(file, length)

    for name, length in PIECES.items():
        calls: dict[str, Callable[[], int]] = {
            "SealWriter": partial(to_memory, plaintext[:length]),
            "UnsealReader": partial(from_memory, length),
            "SealWriter to a file": partial(to_file, plaintext[:length]),
            "UnsealReader of a file": partial(from_file, length),
        }
        for stream, call in calls.items():
            yield case(f"{stream}, {name}", LARGE, call)


def file(work: Workload) -> Iterator[Case]:
    size = work.source.stat().st_size

    def cp() -> int:
        target = work.target("python")
        subprocess.run(["cp", work.source, target], check=True)
        return target.stat().st_size

    yield Case("cp", "copy a file", size, cp)
    for threads in sorted({1, ALL_THREADS}):
        # Left alone, it takes all cores for a large file.
        choice = 1 if threads == 1 else None

        def seal(choice: int | None = choice) -> int:
            return libseal.seal_file(work.key, work.source, work.target("python"), threads=choice)

        def unseal(choice: int | None = choice) -> int:
            return libseal.unseal_file(
                work.sealed_source, work.target("python"), work.unwrap, threads=choice
            )

        yield case("seal a file", size, seal, threads)
        yield case("unseal a file", size, unseal, threads)


class CountingFile:
    """A file that counts what is read of it."""

    def __init__(self, path: Path) -> None:
        self.file = path.open("rb", buffering=0)
        self.count = 0

    def read(self, size: int = -1) -> bytes:
        data = self.file.read(size)
        self.count += len(data)
        return data

    def readinto(self, buffer: memoryview) -> int:
        count = self.file.readinto(buffer)
        self.count += count
        return count

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()


def middle(work: Workload) -> Iterator[Case]:
    """The count is that of the bytes read of the message."""
    position = work.source.stat().st_size // 2
    with work.source.open("rb") as source:
        source.seek(position)
        expected = source.read(PART)

    def read() -> int:
        sealed = CountingFile(work.sealed_source)
        with sealed.file, libseal.UnsealReader(sealed, work.unwrap) as reader:
            reader.seek(position)
            if reader.read(PART) != expected:
                raise ValueError("read something else than the middle")
        return sealed.count

    yield case("read the middle", PART, read)


def verify(work: Workload) -> None:
    """Whatever is measured later has to come out right first."""
    private_key = work.private_key()
    sealing_key = libseal.SealingKey(work.key)
    for size in [*SMALL, LARGE]:
        plaintext = work.plaintext(size)
        written = libseal.seal_into(work.key, plaintext, OUT, threads=ALL_THREADS)
        for message in [
            libseal.seal(work.key, plaintext),
            libseal.seal(work.key, plaintext, threads=ALL_THREADS),
            bytes(memoryview(OUT)[:written]),
            sealing_key.seal(plaintext),
        ]:
            if libseal.unseal(message, private_key) != plaintext:
                raise ValueError(f"{size} bytes: unsealed something else")
        written = libseal.unseal_into(work.message(size), OUT, work.unwrap, threads=ALL_THREADS)
        if memoryview(OUT)[:written] != plaintext:
            raise ValueError(f"{size} bytes: unsealed something else")
    target = work.target("python")
    libseal.unseal_file(work.sealed_source, target, work.unwrap)
    subprocess.run(["cmp", work.source, target], check=True)


CASES = {
    "large": large,
    "streams": streams,
    "small": small,
    "many": many,
    "file": file,
    "middle": middle,
}


def main() -> None:
    directory, group, rounds = arguments()
    work = Workload(directory)
    if group == "verify":
        verify(work)
    else:
        measure("Python", list(CASES[group](work)), rounds)


if __name__ == "__main__":
    main()
