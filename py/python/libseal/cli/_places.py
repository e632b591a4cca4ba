"""Where data comes from and goes to: files, standard input and output, objects in S3.

What makes the output is always a *reader*, such as a SealReader, an UnsealReader or one around
another. ``Place.receive`` takes all that it gives, and keeps nothing if it fails::

    here, there = places.source("log.sealed"), places.target("log")
    there.check(force=False)
    with here.opened() as file, libseal.UnsealReader(file, unwrap) as reader:
        there.receive(reader, reporter.advance, like=here.status())
"""

import errno
import io
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Protocol, TypeAlias

import click

from .._types import Buffer
from ._failures import ExitCode, Failure

STANDARD = "-"
PIECE_LEN = 4 * 1024 * 1024
STDIN, STDOUT = 0, 1

_BINARY = "the output is binary, and would go to a terminal: give -o FILE, or pipe it on"
# What steers a terminal, and is no tab or end of a line: C0, and C1 as UTF-8 encodes it.
_CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]")

Advance: TypeAlias = Callable[[int], object]
"""Called with the number of bytes that were processed since the last call."""


class Reader(Protocol):
    """What gives the output: a file object of io, of libseal or the like."""

    def readinto1(self, buffer: memoryview, /) -> int:
        """Read some bytes into the buffer, and none only at the end."""

    def read(self, size: int = -1, /) -> bytes:
        """Read so many bytes, and fewer only at the end."""


class Place(Protocol):
    """A file, standard input or output, or an object."""

    @property
    def name(self) -> str:
        """What the user calls it. Not safe to print as it is."""

    @property
    def identity(self) -> object:
        """The same for two places that are the same, whatever they are called; hashable."""

    def size(self) -> int | None:
        """Length in bytes, or None if it is unknown."""

    def status(self) -> os.stat_result | None:
        """What the system knows about a file; None for all else."""

    def opened(self) -> AbstractContextManager[IO[bytes]]:
        """Open it to read."""

    def check(self, *, force: bool) -> None:
        """Raise Failure if it cannot be written to, before any work is done."""

    def receive(self, reader: Reader, advance: Advance, like: os.stat_result | None = None) -> int:
        """Write all that the reader gives, or nothing, and return how many bytes that was.

        Only standard output keeps what came before a failure. A new file gets the mode and times
        of ``like``.
        """


def source(name: str) -> Place:
    """Make a place to read from of what the user has given."""
    return Input() if name == STANDARD else _named(name, makes_folders=False)


def target(name: str, *, makes_folders: bool = False) -> Place:
    """Make a place to write to of what the user has given."""
    return Output() if name == STANDARD else _named(name, makes_folders=makes_folders)


def _named(name: str, *, makes_folders: bool) -> Place:
    if name.startswith("s3://"):
        from ._s3 import Object  # noqa: PLC0415 (only S3 needs it)

        return Object.at(name)
    return File(name, makes_folders=makes_folders)


def key_files() -> set[str]:
    """Where the keys of this run were read from: nothing is written there, whatever is forced."""
    found: set[str] = click.get_current_context().meta.setdefault("libseal.key_files", set())
    return found


class File:
    """A file, which need not exist."""

    def __init__(self, name: str, *, makes_folders: bool = False) -> None:
        self.name = name
        self._makes_folders = makes_folders
        self._overwrite = False

    @property
    def identity(self) -> object:
        """The path without symbolic links."""
        return os.path.realpath(self.name)

    def size(self) -> int | None:
        """Length of a regular file. Those that seem empty may be in /proc."""
        try:
            status = self.status()
        except OSError:
            return None
        return status.st_size or None if status else None

    def status(self) -> os.stat_result | None:
        """What the system knows about it; None for a pipe or a device."""
        status = Path(self.name).stat()
        return status if stat.S_ISREG(status.st_mode) else None

    def refuse_folder(self) -> None:
        """Say what to do about a folder."""
        if Path(self.name).is_dir():
            raise Failure("is a folder: add --recursive for what is in it", ExitCode.IO)

    def opened(self) -> AbstractContextManager[IO[bytes]]:
        """Open it, without a buffer."""
        self.refuse_folder()
        return Path(self.name).open("rb", buffering=0)

    def check(self, *, force: bool) -> None:
        """Refuse what exists, unless forced to replace it, and folders in any case."""
        self._overwrite = force
        path = Path(self.name)
        if self.identity in key_files():
            text = f"{self.name} is one of the keys that were given: write to another file"
            raise Failure(text, ExitCode.USAGE)
        if path.is_dir():
            raise Failure(
                f"{self.name} is a folder: end it with a slash to write into it", ExitCode.IO
            )
        self._refuse_irregular()
        if os.path.lexists(self.name) and not force:
            raise self._exists()

    def _refuse_irregular(self) -> None:
        """Say what to do about a pipe, a device, or a link to an open file such as /dev/stdout."""
        if not os.path.lexists(self.name):
            return
        from .._replace import followed  # noqa: PLC0415 (importing it takes 3 ms)

        try:
            followed(self.name)
        except OSError as error:
            if error.errno == errno.EINVAL:
                text = f"{self.name} is an open file of a process: give -o - for standard output"
                raise Failure(text, ExitCode.IO) from None
        path = Path(self.name)
        if path.exists() and not path.is_file():
            text = (
                f"{self.name} is not a regular file: give -o - and redirect standard output to it"
            )
            raise Failure(text, ExitCode.IO)

    def receive(self, reader: Reader, advance: Advance, like: os.stat_result | None = None) -> int:
        """Replace the file as a whole, with all that the reader gives."""
        from .._replace import replacing  # noqa: PLC0415 (importing it takes 3 ms)

        overwrite = self._overwrite
        with self.made_like(like), replacing(self.name, overwrite=overwrite) as target:
            for piece in pieces(reader):
                target.write(piece)
                advance(len(piece))
            return target.length

    @contextmanager
    def made_like(self, like: os.stat_result | None) -> Iterator[None]:
        """Give the file that is made in the block the mode and the times of another one.

        A file that is there before keeps its mode. Never has anyone more rights than in the end.
        """
        if self._makes_folders:
            Path(self.name).parent.mkdir(parents=True, exist_ok=True)
        try:
            with self._made_like(like):
                yield
        except FileExistsError:
            if self._overwrite or not os.path.lexists(self.name):
                raise
            # It has appeared since the check.
            raise self._exists() from None

    @contextmanager
    def _made_like(self, like: os.stat_result | None) -> Iterator[None]:
        if like is None:
            yield
            return
        is_new = not Path(self.name).exists()
        umask = os.umask(0o777)
        # A message may be there for all to read, and its plaintext may not.
        mode = like.st_mode & 0o777 & ~umask
        os.umask(umask | (~mode & 0o777) if is_new else umask)
        try:
            yield
        finally:
            os.umask(umask)
        if is_new:
            Path(self.name).chmod(mode)
        os.utime(self.name, ns=(like.st_atime_ns, like.st_mtime_ns))

    def _exists(self) -> Failure:
        return Failure(f"{self.name} exists: add --force to replace it", ExitCode.IO)


class Input:
    """Standard input."""

    name = "standard input"
    identity = STDIN

    def size(self) -> int | None:
        """Length, if it is a file at its beginning."""
        try:
            if os.lseek(STDIN, 0, os.SEEK_CUR) == 0:
                return os.fstat(STDIN).st_size or None
        except OSError:
            pass
        return None

    def status(self) -> None:
        """Nothing to pass on."""

    def refuse_terminal(self) -> None:
        """For what no one types: messages, and data by mistake."""
        if os.isatty(STDIN):
            raise click.UsageError(
                "standard input is a terminal: name a file, or pipe the data into this"
            )

    def opened(self) -> AbstractContextManager[IO[bytes]]:
        """Read it without a buffer."""
        return io.FileIO(STDIN, "rb", closefd=False)

    def check(self, *, force: bool) -> None:
        """Never asked."""
        raise AssertionError(force)

    def receive(self, reader: Reader, advance: Advance, like: os.stat_result | None = None) -> int:
        """Never asked."""
        raise AssertionError(reader, advance, like)


class Output:
    """Standard output."""

    name = "standard output"
    identity = STDOUT

    def size(self) -> None:
        """Unknown."""

    def status(self) -> None:
        """Nothing to pass on."""

    def opened(self) -> AbstractContextManager[IO[bytes]]:
        """Never asked."""
        raise AssertionError

    def check(self, *, force: bool) -> None:
        """Anything can be written to it."""

    def refuse_terminal(self) -> None:
        """For what is always binary."""
        if os.isatty(STDOUT):
            raise Failure(_BINARY, ExitCode.USAGE)

    def receive(self, reader: Reader, advance: Advance, like: os.stat_result | None = None) -> int:  # noqa: ARG002
        """Write each piece as it comes. A terminal gets text only."""
        is_terminal = os.isatty(STDOUT)
        length = 0
        # Not closed, as there may be more inputs.
        output = io.FileIO(STDOUT, "wb", closefd=False)
        for piece in pieces(reader):
            if is_terminal and _CONTROLS.search(piece):
                raise Failure(_BINARY, ExitCode.USAGE)
            written = 0
            while written < len(piece):
                written += output.write(piece[written:]) or 0
            length += len(piece)
            advance(len(piece))
        return length


def pieces(reader: Reader) -> Iterator[memoryview]:
    """All that a reader gives, as soon as it does. The next piece overwrites the one before."""
    buffer = memoryview(bytearray(PIECE_LEN))
    while length := reader.readinto1(buffer):
        yield buffer[:length]


class Pieces(io.RawIOBase):
    """A file object to read pieces from. Each may be overwritten when the next one is taken."""

    def __init__(self, pieces: Iterable[Buffer]) -> None:
        self._pieces = iter(pieces)
        self._left = memoryview(b"")

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        """As a file does."""
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = memoryview(piece)
        view = memoryview(buffer)
        length = min(len(view), len(self._left))
        view[:length] = self._left[:length]
        self._left = self._left[length:]
        return length
