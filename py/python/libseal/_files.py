"""Whole files, all or nothing; and a look at a message."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

from ._io import CHUNK_LEN, FIRST_LEN, piece_len
from ._libseal import MAX_HEADER_LEN, Header, Sealer, Unsealer, parse_header

if TYPE_CHECKING:
    import io
    from collections.abc import Iterable, Iterator

    from typing_extensions import Buffer

    from . import _types

# Files that are worth several threads.
LARGE = 16 * 1024 * 1024


def seal_file(
    key: _types.Recipients,
    src: _types.Path,
    dst: _types.Path,
    key_id: str = "",
    context: _types.Context | None = None,
    progress: _types.Progress | None = None,
    *,
    threads: int | None = None,
) -> int:
    """Seal the file ``src`` into the file ``dst`` and return the length of that in bytes.

    For ``key``, ``key_id`` and ``context`` see ``seal``. ``progress`` is called now and then with
    the number of bytes of ``src`` processed since the last call; ``tqdm.update`` fits.

    ``dst`` is replaced when the message is complete. Until then, and after any failure, it is
    untouched: the message grows in a temporary file beside it, which only the owner can read.
    ``dst`` keeps its permissions, or gets those of any new file. It can be the same file as
    ``src``. ``src`` can be a pipe.

    ``threads`` is 1, or more for a large file; without it, a file of 16 MiB or more has one on
    each core. They take at most 4 MiB of memory each.

    Raises ContextError, LimitError or OSError.
    """
    threads = _threads_for(src, threads)
    sealer = Sealer(key, key_id, context, threads=threads)
    with _replacing(dst) as target:
        with _opened(src) as source:
            _write_parts(target, _sealed(source, sealer, progress, threads), threads)
        return target.tell()


def unseal_file(
    src: _types.Path,
    dst: _types.Path,
    unwrap: _types.Unwrap,
    context: _types.Context | None = None,
    progress: _types.Progress | None = None,
    *,
    threads: int | None = None,
) -> int:
    """Unseal the file ``src`` into the file ``dst`` and return the length of that in bytes.

    For ``unwrap``, ``context`` and what is raised see ``unseal``, and OSError; for ``dst``,
    ``progress`` and ``threads`` see ``seal_file``. ``dst`` is replaced only when the end of the
    message has been verified.
    """
    threads = _threads_for(src, threads)
    unsealer = Unsealer(context, threads=threads)
    with _replacing(dst) as target:
        with _opened(src) as source:
            parts = _unsealed(source, unsealer, unwrap, progress, threads)
            _write_parts(target, parts, threads)
        return target.tell()


def inspect(blob_or_path: Buffer | _types.Path) -> Header:
    """Read the header of a message, which is bytes-like, or in a file at a path.

    No key is needed, and nothing is verified: do not act upon what a stranger may have written.

    Raises FormatError, TruncatedError or OSError.
    """
    if isinstance(blob_or_path, str | os.PathLike):
        beginning = bytearray(MAX_HEADER_LEN)
        with _opened(blob_or_path) as source:
            length = _fill(beginning, source)
        return parse_header(memoryview(beginning)[:length])
    return parse_header(blob_or_path)


def _threads_for(src: _types.Path, threads: int | None) -> int | None:
    if threads is not None:
        return threads
    try:
        is_large = Path(src).stat().st_size >= LARGE
    except OSError:
        is_large = False  # opening it says why
    return None if is_large else 1


def _opened(path: _types.Path) -> io.FileIO:
    return Path(path).open("rb", buffering=0)


def _fill(buffer: bytearray | memoryview, source: io.FileIO) -> int:
    """Read until the buffer is full or the source at its end; return how much there was."""
    length = 0
    with memoryview(buffer) as view:
        while length < len(view):
            # Typeshed leaves out the None. Where /dev/stdin is a duplicate, it can be non-blocking.
            count: int | None = source.readinto(view[length:])
            if count is None:
                message = "the source is non-blocking and has no data yet"
                raise BlockingIOError(errno.EAGAIN, message)
            if count == 0:
                break
            length += count
    return length


def _sealed(
    source: io.FileIO, sealer: Sealer, progress: _types.Progress | None, threads: int | None
) -> Iterator[Buffer]:
    """The message, part by part. A part is overwritten when the next but one is asked for."""
    yield sealer.update(b"")
    piece = bytearray(piece_len(threads))
    room = sealer.update_len(len(piece))
    for out in cycle((bytearray(room), bytearray(room))):
        length = _fill(piece, source)
        is_last = length < len(piece)
        if is_last:
            part: Buffer = sealer.finish_with(memoryview(piece)[:length])
        else:
            part = memoryview(out)[: sealer.update_into(piece, out)]
        if progress is not None and length:
            progress(length)
        yield part
        if is_last:
            return


def _unsealed(
    source: io.FileIO,
    unsealer: Unsealer,
    unwrap: _types.Unwrap,
    progress: _types.Progress | None,
    threads: int | None,
) -> Iterator[Buffer]:
    """The plaintext, part by part, as in ``_sealed``."""
    piece = memoryview(bytearray(piece_len(threads)))
    # With what is pending of a chunk.
    room = len(piece) + CHUNK_LEN
    for out in cycle((bytearray(room), bytearray(room))):
        wanted = FIRST_LEN if unsealer.header is None else len(piece)
        length = _fill(piece[:wanted], source)
        yield memoryview(out)[: unsealer.update_into(piece[:length], out)]
        if unsealer.needs_key:
            unsealer.unwrap_with(unwrap)
        if progress is not None and length:
            progress(length)
        if length < wanted:
            break
    yield unsealer.finish()


def _write_parts(target: io.FileIO, parts: Iterable[Buffer], threads: int | None) -> None:
    """With several threads, a part is written while the next one is made."""
    if threads == 1:
        for part in parts:
            _write_all(target, part)
        return
    with ThreadPoolExecutor(1, "libseal-writer") as writer:
        writing = None
        for part in parts:
            if writing is not None:
                writing.result()
            writing = writer.submit(_write_all, target, part)
        if writing is not None:
            writing.result()


def _write_all(target: io.FileIO, data: Buffer) -> None:
    with memoryview(data) as rest:
        written = 0
        while written < len(rest):
            written += target.write(rest[written:])


@contextmanager
def _replacing(dst: _types.Path) -> Iterator[io.FileIO]:
    """A new file that takes the place of ``dst`` when the block is left without an exception."""
    # Through symbolic links, as open() goes.
    final = Path(os.path.realpath(dst))
    old = _status(final)
    try:
        fd, temporary = tempfile.mkstemp(".tmp", ".libseal-", final.parent)
    except OSError as error:
        error.filename = os.fspath(dst)
        raise
    try:
        with open(fd, "wb", buffering=0) as target:  # noqa: PTH123
            yield target
            _give_permissions(fd, final.parent, old)
            # Or else a power failure may leave the name with nothing behind it.
            os.fsync(fd)
        Path(temporary).replace(final)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise


def _status(dst: Path) -> os.stat_result | None:
    try:
        status = dst.stat()
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(dst))
    if not stat.S_ISREG(status.st_mode):
        message = "not a regular file, so it cannot be replaced: use SealWriter or UnsealReader"
        raise OSError(errno.EINVAL, message, str(dst))
    return status


def _give_permissions(fd: int, folder: Path, old: os.stat_result | None) -> None:
    """What open() would have left: those of the old file, or those of a new one."""
    if os.name != "posix":
        return
    if old is None:
        os.fchmod(fd, _mode_of_new_file(folder))
        return
    new = os.fstat(fd)
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        with suppress(PermissionError):
            os.fchown(fd, old.st_uid, old.st_gid)
    os.fchmod(fd, stat.S_IMODE(old.st_mode))


def _mode_of_new_file(folder: Path) -> int:
    # Asking for the umask means setting it, for all threads. So try it.
    with tempfile.TemporaryDirectory(prefix=".libseal-", dir=folder) as empty:
        fd = os.open(Path(empty, "new"), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            return stat.S_IMODE(os.fstat(fd).st_mode)
        finally:
            os.close(fd)
