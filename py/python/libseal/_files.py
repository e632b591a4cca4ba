"""Whole files, all or nothing; and a look at a message."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ._libseal import MAX_HEADER_LEN, Header, Sealer, Unsealer, parse_header

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator

    from typing_extensions import Buffer

    from . import _types

PIECE_LEN = 256 * 1024


def seal_file(
    key: _types.Recipients,
    src: _types.Path,
    dst: _types.Path,
    key_id: str = "",
    context: _types.Context | None = None,
    progress: _types.Progress | None = None,
) -> int:
    """Seal the file ``src`` into the file ``dst`` and return the length of that in bytes.

    For ``key``, ``key_id`` and ``context`` see ``seal``. ``progress`` is called now and then with
    the number of bytes of ``src`` processed since the last call; ``tqdm.update`` fits.

    ``dst`` is replaced when the message is complete. Until then, and after any failure, it is
    untouched: the message grows in a temporary file beside it, which only the owner can read.
    ``dst`` keeps its permissions, or gets those of any new file. It can be the same file as
    ``src``. ``src`` can be a pipe.

    Raises ContextError, LimitError or OSError.
    """
    sealer = Sealer(key, key_id, context)
    with _replacing(dst) as target:
        with _opened(src) as source:
            for piece in _pieces(source):
                target.write(sealer.update(piece))
                if progress is not None:
                    progress(len(piece))
        target.write(sealer.finish())
        return target.tell()


def unseal_file(
    src: _types.Path,
    dst: _types.Path,
    unwrap: _types.Unwrap,
    context: _types.Context | None = None,
    progress: _types.Progress | None = None,
) -> int:
    """Unseal the file ``src`` into the file ``dst`` and return the length of that in bytes.

    For ``unwrap``, ``context`` and what is raised see ``unseal``, and OSError; for ``dst`` and
    ``progress`` see ``seal_file``. ``dst`` is replaced only when the end of the message has been
    verified.
    """
    unsealer = Unsealer(context)
    with _replacing(dst) as target:
        with _opened(src) as source:
            for piece in _pieces(source):
                target.write(unsealer.update(piece))
                if unsealer.needs_key:
                    unsealer.unwrap_with(unwrap)
                if progress is not None:
                    progress(len(piece))
        target.write(unsealer.finish())
        return target.tell()


def inspect(blob_or_path: Buffer | _types.Path) -> Header:
    """Read the header of a message, which is bytes-like, or in a file at a path.

    No key is needed, and nothing is verified: do not act upon what a stranger may have written.

    Raises FormatError, TruncatedError or OSError.
    """
    if isinstance(blob_or_path, str | os.PathLike):
        with _opened(blob_or_path) as source:
            beginning = bytearray()
            for piece in _pieces(source):
                beginning += piece
                if len(beginning) >= MAX_HEADER_LEN:
                    break
        return parse_header(beginning)
    return parse_header(blob_or_path)


def _opened(path: _types.Path) -> io.FileIO:
    return Path(path).open("rb", buffering=0)


def _pieces(source: io.FileIO) -> Iterator[bytes]:
    while True:
        # Typeshed leaves out the None. Where /dev/stdin is a duplicate, it can be non-blocking.
        piece: bytes | None = source.read(PIECE_LEN)
        if piece is None:
            raise BlockingIOError(errno.EAGAIN, "the source is non-blocking and has no data yet")
        if not piece:
            return
        yield piece


@contextmanager
def _replacing(dst: _types.Path) -> Iterator[IO[bytes]]:
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
        with os.fdopen(fd, "wb") as target:
            yield target
            target.flush()
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
