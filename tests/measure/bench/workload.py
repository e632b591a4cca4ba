"""What is sealed and unsealed, in files, so that every program works on the same bytes.

The messages are sealed under one data key, which is in a file as well: who knows it unseals without
the RSA of the private key, which is the KMS's and not what is measured.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import libseal

from .measure import LARGE, MIB, SMALL

ROOT = Path(__file__).parents[3]
KEYS = ROOT / "tests/vectors/keys"
MEMORY_FILES = Path("/dev/shm")


class Workload:
    """A directory that `create` has filled."""

    def __init__(self, directory: str | Path) -> None:
        self.directory = Path(directory)
        self.key = libseal.PublicKey(self.path("public.der").read_bytes())
        self.data_key = self.path("data-key").read_bytes()

    def path(self, name: str) -> Path:
        return self.directory / name

    def unwrap(self, _: libseal.WrappedKey) -> bytes:
        return self.data_key

    def private_key(self) -> libseal.LocalUnwrapper:
        return libseal.LocalUnwrapper(self.path("private.pem").read_bytes())

    def plaintext(self, size: int) -> bytes:
        with self.path("plaintext").open("rb") as file:
            return file.read(size)

    def message(self, size: int) -> bytes:
        return self.message_path(size).read_bytes()

    def message_path(self, size: int) -> Path:
        return self.path(f"{size}.sealed")

    @property
    def source(self) -> Path:
        return self.path("source")

    @property
    def sealed_source(self) -> Path:
        return self.path("source.sealed")

    def target(self, name: str) -> Path:
        """A path at which there is no file: an old one would have to be cut first."""
        path = self.path(f"target-{name}")
        path.unlink(missing_ok=True)
        return path


@contextmanager
def work_directory(needed: int, disk: Path, less: str) -> Iterator[Path]:
    """A directory in memory if there is room for that many bytes, so that no disk is measured."""
    has_room = MEMORY_FILES.is_dir() and shutil.disk_usage(MEMORY_FILES).free >= needed
    parent = MEMORY_FILES if has_room else disk
    if shutil.disk_usage(parent).free < needed:
        sys.exit(f"{parent} needs {needed // MIB} MiB of free room; {less} takes less")
    with TemporaryDirectory(dir=parent, prefix="bench-") as directory:
        yield Path(directory)


def room(file_size: int) -> int:
    """Bytes that the directory needs: the file, also sealed, both once more, and the messages."""
    return 4 * file_size + file_size // 8 + 4 * LARGE


def create(directory: Path, file_size: int) -> Workload:
    shutil.copy(KEYS / "rsa-2048.pub.der", directory / "public.der")
    shutil.copy(KEYS / "rsa-2048.pub.pem", directory / "public.pem")
    shutil.copy(KEYS / "rsa-2048.key.pem", directory / "private.pem")
    public_key = libseal.PublicKey((directory / "public.der").read_bytes())
    sealing_key = libseal.SealingKey(public_key, max_bytes=2 * (file_size + LARGE))

    plaintext = os.urandom(LARGE)
    (directory / "plaintext").write_bytes(plaintext)
    for size in [*SMALL, LARGE]:
        message = sealing_key.seal(plaintext[:size])
        (directory / f"{size}.sealed").write_bytes(message)

    private_key = libseal.LocalUnwrapper((directory / "private.pem").read_bytes())
    data_key = private_key(libseal.inspect(message).wrapped_keys[0])
    assert data_key is not None
    (directory / "data-key").write_bytes(data_key)

    work = Workload(directory)
    write_source(work, plaintext, file_size, sealing_key.sealer(file_size))
    return work


def write_source(work: Workload, plaintext: bytes, size: int, sealer: libseal.Sealer) -> None:
    with work.source.open("wb") as source, work.sealed_source.open("wb") as sealed:
        for start in range(0, size, MIB):
            offset = start % LARGE
            piece = plaintext[offset : offset + min(MIB, size - start)]
            source.write(piece)
            sealed.write(sealer.update(piece))
        sealed.write(sealer.finish())


def verify_sealed(work: Workload, directory: Path) -> None:
    """Unseals what another program sealed: files whose names end in the size of the plaintext."""
    private_key = work.private_key()
    for message in directory.iterdir():
        plaintext = work.plaintext(int(message.name.rpartition("-")[2]))
        if libseal.unseal(message.read_bytes(), private_key) != plaintext:
            raise ValueError(f"{message.name}: unsealed something else")
