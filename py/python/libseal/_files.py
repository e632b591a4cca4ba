"""Whole files, all or nothing; and a look at a message.

What else has no underscore is for ``openssl_enc``.
"""

import errno
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from ._arguments import check_path, check_progress
from ._errors import SealError
from ._libseal import MAX_HEADER_LEN, Header, Reading, Sealer, check_unwrap, thread_count
from ._next import Next
from ._types import Buffer, Context, Path, Progress, Recipients, Require, Unwrap

if TYPE_CHECKING:
    from ._replace import NewFile
    from ._salvage import Ending

# What each thread works on at a time.
PIECE_LEN = 1024 * 1024
CHUNK_LEN = 16 * 1024


def seal_file(
    recipients: Recipients,
    src: Path,
    dst: Path,
    *,
    context: Context | None = None,
    overwrite: bool = True,
    progress: Progress | None = None,
    threads: int | None = None,
) -> int:
    """Seal the file ``src`` into the file ``dst`` and return the length of ``dst`` in bytes.

    ``dst`` is replaced as a whole when the message is complete. Until then, and after any failure,
    it is untouched. It can be the same file as ``src``. ``src`` can be a pipe.

    ``dst`` must be a regular file that may be written, or not exist. Other destinations, such as
    pipes and /dev/stdout, are refused: use SealWriter. A symbolic link is followed. A hard link to
    the old file keeps the old content. Without ``overwrite``, ``dst`` must not exist, also not by
    the time the message is complete: FileExistsError is raised, and the file that is there stays.

    A new file gets the permissions of any new file. An old one keeps its owner, group, mode and
    POSIX ACL as far as the system permits. If group or ACL cannot be kept, group and others lose
    their permissions. Set-user-id, set-group-id and sticky bits are never kept.

    On Linux, most file systems leave nothing behind if the process is killed. Elsewhere, a file
    ``.libseal-*.tmp`` may stay beside ``dst``, readable by its owner only until it is complete. The
    next call for the same ``dst`` removes it. While it is in use, other calls for ``dst`` raise
    OSError. SIGTERM kills too, unless the program has a handler for it that raises an exception.

    ``progress`` is called now and then with the number of bytes of ``src`` processed since the
    last call; ``tqdm.update`` fits. For ``recipients`` and ``context`` see ``seal``; for
    ``threads``, each of which takes at most 4 MiB of memory here, see the module.

    Raises ContextError, LimitError or OSError.
    """
    sealer = Sealer(recipients, context=context, threads=threads)
    return seal_file_with(sealer, src, dst, overwrite=overwrite, progress=progress, threads=threads)


def seal_file_with(
    sealer: Sealer,
    src: Path,
    dst: Path,
    *,
    overwrite: bool = True,
    progress: Progress | None = None,
    threads: int | None = None,
) -> int:
    """Seal a file as ``seal_file`` does, with a Sealer that has begun the message."""
    from ._replace import replacing  # noqa: PLC0415 (importing it takes 3 ms)

    count = thread_count(threads)
    check_path("src", src)
    check_path("dst", dst)
    check_progress(progress)
    with replacing(dst, overwrite=overwrite) as target, opened(src) as source:
        piece_len = piece_len_for(source, count)
        write_parts(target, sealed_parts(source, sealer, progress, piece_len), count)
        return target.length


def unseal_file(
    src: Path,
    dst: Path,
    unwrap: Unwrap,
    *,
    require: Require | None = None,
    overwrite: bool = True,
    progress: Progress | None = None,
    threads: int | None = None,
) -> int:
    """Unseal the file ``src`` into the file ``dst`` and return the length of ``dst`` in bytes.

    ``dst`` is replaced only when the end of the message has been verified. It cannot be a pipe,
    which would pass on what is not verified yet: use UnsealReader. For ``unwrap``, ``require`` and
    what is raised, besides OSError, see ``unseal``; for ``dst``, ``overwrite``, ``progress`` and
    ``threads`` see ``seal_file``.
    """
    check_unwrap(unwrap)
    unsealed = unsealing(src, dst, require, progress, threads, overwrite=overwrite)
    with unsealed as (reading, write_plaintext):
        reading.unwrap_with(unwrap)
        return write_plaintext()


@contextmanager
def unsealing(
    src: Path,
    dst: Path,
    require: Require | None,
    progress: Progress | None,
    threads: int | None,
    *,
    overwrite: bool = True,
    ending: "Ending | None" = None,
) -> Iterator[tuple[Reading, Callable[[], int]]]:
    """Yield a Reading that needs its data key, and what is to be called after that.

    ``dst`` is replaced when the block ends without an exception. ``ending`` is for
    ``salvage_file``.
    """
    from ._replace import replacing  # noqa: PLC0415 (importing it takes 3 ms)

    check_path("src", src)
    check_path("dst", dst)
    check_progress(progress)
    count = thread_count(threads)
    reading = Reading(require=require, threads=threads, piece_len=count * PIECE_LEN)
    with noting(src), replacing(dst, overwrite=overwrite) as target, opened(src) as source:
        piece_len = piece_len_for(source, count)
        # With a tag of 16 bytes for each chunk.
        piece = memoryview(bytearray(piece_len + piece_len // CHUNK_LEN * 16))
        while not reading.needs_key:
            match reading.next(piece_len):
                case range() as offsets:
                    length = _fill(piece[: len(offsets)], source)
                    reading.feed(piece[:length])
                    if progress is not None and length:
                        progress(length)

        def write_plaintext() -> int:
            if ending is None:
                parts = _unsealed(source, reading, progress, piece, piece_len)
            else:
                readable = ending.of_source(source)
                parts = ending.of_parts(_unsealed(readable, reading, progress, piece, piece_len))
            write_parts(target, parts, count)
            return target.length

        yield reading, write_plaintext


def inspect(message_or_path: Buffer | Path, /) -> Header:
    """Read the header of a message: a bytes-like object, or a file at a path.

    Needs no key and verifies nothing: do not act upon what a stranger may have written.

    Raises FormatError, TruncatedError or OSError.
    """
    if isinstance(message_or_path, str | os.PathLike):
        beginning = bytearray(MAX_HEADER_LEN)
        with opened(message_or_path) as source:
            length = _fill(beginning, source)
        with noting(message_or_path):
            return Header(memoryview(beginning)[:length])
    return Header(message_or_path)


@contextmanager
def noting(message: Path) -> Iterator[None]:
    """Note on an error which file it is about."""
    try:
        yield
    except SealError as error:
        note(error, message)
        raise


def note(error: SealError, message: Path) -> None:
    """Note on an error which file it is about."""
    from ._redo import NOTE, is_interrupted  # noqa: PLC0415 (importing it takes 4 ms)

    error.add_note(f"in the file {os.fspath(message)!r}")
    if is_interrupted(message):
        error.add_note(NOTE)


def opened(path: Path) -> io.FileIO:
    return FilePath(path).open("rb", buffering=0)


def piece_len_for(source: io.FileIO, count: int) -> int:
    """How much plaintext to work on at a time, in whole chunks."""
    size = os.fstat(source.fileno()).st_size
    if size == 0:  # A pipe, or a file in /proc.
        return count * PIECE_LEN
    # Fresh memory is slow, so buffers are worth their length only if they are used several times.
    longest = max(min(count * PIECE_LEN, size // 4), PIECE_LEN)
    return (min(longest - 1, size) // CHUNK_LEN + 1) * CHUNK_LEN


def _fill(buffer: bytearray | memoryview, source: "io.RawIOBase | Ending") -> int:
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


def sealed_parts(
    source: io.RawIOBase, sealer: Sealer, progress: Progress | None, piece_len: int
) -> Iterator[Buffer]:
    """The message, part by part. A part is overwritten when the next but one is asked for."""
    yield sealer.update(b"")
    piece = memoryview(bytearray(piece_len))
    outs = two_in_turn(sealer.update_len(piece_len))
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
    source: "io.FileIO | Ending",
    reading: Reading,
    progress: Progress | None,
    piece: memoryview,
    piece_len: int,
) -> Iterator[Buffer]:
    """The plaintext, as in ``sealed_parts``; ``piece`` is for parts of the message."""
    outs = two_in_turn(piece_len)
    while True:
        match reading.next(piece_len):
            case range() as offsets:
                length = _fill(piece[: len(offsets)], source)
                out = next(outs)
                written = reading.feed_into(piece[:length], out)
                if progress is not None and length:
                    progress(length)
                yield out[:written]
            case Next.PLAINTEXT:
                out = next(outs)
                yield out[: reading.read_into(out)]
            case _:
                return


def two_in_turn(length: int) -> Iterator[memoryview]:
    """Two buffers: one can still be written to the target while the other is filled."""
    first = memoryview(bytearray(length))
    yield first
    second = memoryview(bytearray(length))
    while True:
        yield second
        yield first


def write_parts(target: "NewFile", parts: Iterator[Buffer], count: int) -> None:
    """With several threads, a part is written while the next one is made."""
    # Files of one piece or two are not worth a thread that writes.
    for part in parts if count == 1 else islice(parts, 3):
        target.write(part)
    later = next(parts, None)
    if later is None:
        return
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 (importing it takes 5 ms)

    with ThreadPoolExecutor(1, "libseal-writer") as writer:
        writing = writer.submit(target.write, later)
        for part in parts:
            writing.result()
            writing = writer.submit(target.write, part)
        writing.result()
