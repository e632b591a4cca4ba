"""``scan``: from the beginnings of files to a plan."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from .._arguments import check_progress
from .._errors import TruncatedError
from .._libseal import MAX_HEADER_LEN, Header, Unsealer
from .._types import Path, Progress, Require
from ._ahead import ahead, check_concurrency
from ._failures import Failure, OnError, check_on_error, noted
from ._plan import SALT_LEN, Plan
from ._store import Found, Store

Files: TypeAlias = Path | Iterable[Path]
"""A URL, path, pattern such as ``s3://bucket/*.sealed``, or folder; or several of them."""

# Nearly all headers are shorter.
BEGINNING_LEN = 4096


def scan(
    files: Files,
    *,
    storage_options: Mapping[str, Any] | None = None,
    fs: Any = None,
    require: Require | None = None,
    concurrency: int = 32,
    on_error: OnError = "raise",
    progress: Progress | None = None,
) -> Plan:
    """Read the beginnings of ``files``, and plan what is to be done with them. Needs no key.

    ``files`` are URLs, paths, patterns with ``*``, ``?`` and ``[…]``, and folders. A folder stands
    for all files in it and below, but for what has a name, or lies in a folder, that begins with
    ``_`` or ``.``: for Spark and Arrow, that is not data. A file that is named twice counts once.

    Each file takes one request for its first 4 KiB, and another if its header is longer than that.
    A pattern or a folder is listed first; for a file that is named, a request asks how long it is.

    What fails is a file that is not sealed (FormatError), cut short in its header or where no
    message can end (TruncatedError), without the pairs of ``require`` (ContextMismatchError), or
    that cannot be read (OSError, or what the store raises). With ``on_error="keep"`` it is in
    ``failures`` of the plan. Once the reason is gone, say credentials that had expired, go on with

        plan += scan([failure.name for failure in plan.failures])

    A process is busy for about 1.5 ms with each request through s3fs. For more files than that is
    fine for, scan some prefixes in each of several processes and add the plans.

    Nothing is verified yet: whoever can write to the store can make a file look as if it were in
    order until it is unsealed.

    A pattern or folder without any file raises FileNotFoundError in any case. For the other
    arguments see the module.
    """
    check_on_error(on_error)
    check_concurrency(concurrency)
    check_progress(progress)
    store = Store(storage_options, fs)
    # Refuses what is no context.
    Unsealer(require=require)
    plan = Plan()

    def fail(name: str, error: Exception) -> None:
        error = noted(error, name)
        if on_error == "raise":
            raise error
        plan.failures.append(Failure(name, error))

    beginnings = ahead(_find(store, files), _beginning(store, require), _beginning_len, concurrency)
    try:
        for file, result in beginnings:
            try:
                plan.add(file.name, *result.result(), etag=file.etag, modified=file.modified)
            except Exception as error:
                fail(file.name, error)
            if progress is not None:
                progress(1)
    finally:
        beginnings.close()
    return plan


def _find(store: Store, files: Any) -> Iterator[Found]:
    if isinstance(files, str | os.PathLike):
        files = [files]
    elif not isinstance(files, Iterable) or isinstance(files, bytes | bytearray | memoryview):
        text = "files must be a URL, a path, or an iterable of them, not "
        raise TypeError(text + type(files).__name__)
    seen: set[str] = set()
    for name in files:
        if not isinstance(name, str | os.PathLike):
            text = "files must be URLs or paths, str or os.PathLike, not "
            raise TypeError(text + type(name).__name__)
        path = os.fspath(name)
        try:
            for file in store.find(path):
                if file.name not in seen:
                    seen.add(file.name)
                    yield file
        except Exception as error:
            # Stores do not always say what they could not list.
            raise noted(error, path)  # noqa: B904 (the same exception)


def _beginning_len(file: Found) -> int:
    return min(file.size or 0, BEGINNING_LEN)


def _beginning(store: Store, require: Require | None) -> Callable[[Found], tuple[bytes, int]]:
    """What reads the beginning of a file, and returns it with the length of the file."""

    def read(file: Found) -> tuple[bytes, int]:
        if file.error is not None:
            raise file.error
        size = file.size or 0
        data = _fetched(store, file, 0, min(size, BEGINNING_LEN))
        try:
            needed = Header(data).length + SALT_LEN
        except TruncatedError:
            needed = MAX_HEADER_LEN + SALT_LEN
        if len(data) < min(needed, size):
            data += _fetched(store, file, len(data), min(needed, size))
        if require is not None:
            Unsealer(require=require).update(data[: Header(data).length])
        return data, size

    return read


def _fetched(store: Store, file: Found, start: int, stop: int) -> bytes:
    return store.fetch(file.name, start, stop, file.size or 0) if stop > start else b""
