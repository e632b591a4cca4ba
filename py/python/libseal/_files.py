"""Whole files, all or nothing; and a look at a message."""

import errno
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path as FilePath

from ._arguments import check_path, check_progress
from ._libseal import MAX_HEADER_LEN, Header, Reading, Sealer, check_unwrap, thread_count
from ._next import Next
from ._types import Buffer, Context, Path, Progress, Recipients, Require, Unwrap

# What each thread works on at a time.
PIECE_LEN = 1024 * 1024
CHUNK_LEN = 16 * 1024


def seal_file(
    recipients: Recipients,
    src: Path,
    dst: Path,
    *,
    context: Context | None = None,
    progress: Progress | None = None,
    threads: int | None = None,
) -> int:
    """Seal the file ``src`` into the file ``dst`` and return the length of ``dst`` in bytes.

    ``dst`` is replaced when the message is complete. Until then, and after any failure, it is
    untouched: the message grows in a temporary file beside it, which only the owner can read.
    ``dst`` keeps its permissions, or gets those of any new file. It can be the same file as
    ``src``. ``src`` can be a pipe.

    ``progress`` is called now and then with the number of bytes of ``src`` processed since the
    last call; ``tqdm.update`` fits. For ``recipients`` and ``context`` see ``seal``; for
    ``threads``, each of which takes at most 4 MiB of memory here, see the module.

    Raises ContextError, LimitError or OSError.
    """
    count = thread_count(threads)
    sealer = Sealer(recipients, context=context, threads=threads)
    check_path("src", src)
    check_path("dst", dst)
    check_progress(progress)
    with _replacing(dst) as target, _opened(src) as source:
        piece_len = _piece_len(source, count)
        _write_parts(target, _sealed(source, sealer, progress, piece_len), count)
        return target.tell()


def unseal_file(
    src: Path,
    dst: Path,
    unwrap: Unwrap,
    *,
    require: Require | None = None,
    progress: Progress | None = None,
    threads: int | None = None,
) -> int:
    """Unseal the file ``src`` into the file ``dst`` and return the length of ``dst`` in bytes.

    ``dst`` is replaced only when the end of the message has been verified. For ``unwrap``,
    ``require`` and what is raised, besides OSError, see ``unseal``; for ``dst``, ``progress`` and
    ``threads`` see ``seal_file``.
    """
    check_path("src", src)
    check_path("dst", dst)
    check_progress(progress)
    check_unwrap(unwrap)
    count = thread_count(threads)
    reading = Reading(require=require, threads=threads, piece_len=count * PIECE_LEN)
    with _replacing(dst) as target, _opened(src) as source:
        piece_len = _piece_len(source, count)
        _write_parts(target, _unsealed(source, reading, unwrap, progress, piece_len), count)
        return target.tell()


def inspect(message_or_path: Buffer | Path, /) -> Header:
    """Read the header of a message: a bytes-like object, or a file at a path.

    Needs no key and verifies nothing: do not act upon what a stranger may have written.

    Raises FormatError, TruncatedError or OSError.
    """
    if isinstance(message_or_path, str | os.PathLike):
        beginning = bytearray(MAX_HEADER_LEN)
        with _opened(message_or_path) as source:
            length = _fill(beginning, source)
        return Header(memoryview(beginning)[:length])
    return Header(message_or_path)


def _opened(path: Path) -> io.FileIO:
    return FilePath(path).open("rb", buffering=0)


def _piece_len(source: io.FileIO, count: int) -> int:
    """How much plaintext to work on at a time, in whole chunks."""
    size = os.fstat(source.fileno()).st_size
    if size == 0:  # A pipe, or a file in /proc.
        return count * PIECE_LEN
    # Fresh memory is slow, so buffers are worth their length only if they are used several times.
    longest = max(min(count * PIECE_LEN, size // 4), PIECE_LEN)
    return (min(longest - 1, size) // CHUNK_LEN + 1) * CHUNK_LEN


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
    source: io.FileIO, sealer: Sealer, progress: Progress | None, piece_len: int
) -> Iterator[Buffer]:
    """The message, part by part. A part is overwritten when the next but one is asked for."""
    yield sealer.update(b"")
    piece = memoryview(bytearray(piece_len))
    outs = _two_in_turn(sealer.update_len(piece_len))
    while (length := _fill(piece, source)) == piece_len:
        out = next(outs)
        written = sealer.update_into(piece, out)
        if progress is not None:
            progress(length)
        yield out[:written]
    last = sealer.finish_with(piece[:length])
    if progress is not None and length:
        progress(length)
    yield last


def _unsealed(
    source: io.FileIO,
    reading: Reading,
    unwrap: Unwrap,
    progress: Progress | None,
    piece_len: int,
) -> Iterator[Buffer]:
    """The plaintext, part by part, as in ``_sealed``."""
    # With a tag of 16 bytes for each chunk.
    piece = memoryview(bytearray(piece_len + piece_len // CHUNK_LEN * 16))
    outs = _two_in_turn(piece_len)
    while True:
        match reading.next(piece_len):
            case range() as offsets:
                length = _fill(piece[: len(offsets)], source)
                out = next(outs)
                written = reading.feed_into(piece[:length], out)
                if progress is not None and length:
                    progress(length)
                yield out[:written]
            case Next.KEY:
                reading.unwrap_with(unwrap)
            case Next.PLAINTEXT:
                out = next(outs)
                yield out[: reading.read_into(out)]
            case Next.END:
                return


def _two_in_turn(length: int) -> Iterator[memoryview]:
    """Two buffers: one can still be written to the target while the other is filled."""
    first = memoryview(bytearray(length))
    yield first
    second = memoryview(bytearray(length))
    while True:
        yield second
        yield first


def _write_parts(target: io.FileIO, parts: Iterator[Buffer], count: int) -> None:
    """With several threads, a part is written while the next one is made."""
    # Files of one piece or two are not worth a thread that writes.
    for part in parts if count == 1 else islice(parts, 3):
        _write_all(target, part)
    later = next(parts, None)
    if later is None:
        return
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 (importing it takes 5 ms)

    with ThreadPoolExecutor(1, "libseal-writer") as writer:
        writing = writer.submit(_write_all, target, later)
        for part in parts:
            writing.result()
            writing = writer.submit(_write_all, target, part)
        writing.result()


def _write_all(target: io.FileIO, data: Buffer) -> None:
    with memoryview(data) as rest:
        written = 0
        while written < len(rest):
            written += target.write(rest[written:])


@contextmanager
def _replacing(dst: Path) -> Iterator[io.FileIO]:
    """A new file that takes the place of ``dst`` when the block is left without an exception."""
    import tempfile  # noqa: PLC0415 (importing it takes 4 ms)

    # Through symbolic links, as open() goes.
    final = FilePath(os.path.realpath(dst))
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
        FilePath(temporary).replace(final)
    except BaseException:
        with suppress(OSError):
            FilePath(temporary).unlink()
        raise


def _status(dst: FilePath) -> os.stat_result | None:
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


def _give_permissions(fd: int, folder: FilePath, old: os.stat_result | None) -> None:
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


def _mode_of_new_file(folder: FilePath) -> int:
    import tempfile  # noqa: PLC0415 (importing it takes 4 ms)

    # Asking for the umask means setting it, for all threads. So try it.
    with tempfile.TemporaryDirectory(prefix=".libseal-", dir=folder) as empty:
        fd = os.open(FilePath(empty, "new"), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            return stat.S_IMODE(os.fstat(fd).st_mode)
        finally:
            os.close(fd)
