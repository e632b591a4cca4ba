"""Fetch the files of a plan and unseal them."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from .._arguments import check_progress
from .._changed import ChangedError
from .._libseal import check_unwrap
from .._many import unseal_many
from .._types import Progress, Require, Unwrap
from .._unseal import unseal as unseal_one
from ._ahead import ahead, check_concurrency
from ._failures import OnError, check_on_error, noted
from ._store import Store

if TYPE_CHECKING:
    from ._plan import PlannedFile


def unseal(
    files: "Iterable[PlannedFile]",
    unwrap: Unwrap,
    *,
    storage_options: Mapping[str, Any] | None,
    fs: Any,
    require: Require | None,
    concurrency: int,
    threads: int | None,
    on_error: OnError,
    progress: Progress | None,
) -> "Iterator[tuple[PlannedFile, Any]]":
    """See Plan.unseal."""
    check_unwrap(unwrap)
    check_on_error(on_error)
    check_concurrency(concurrency)
    check_progress(progress)
    store = Store(storage_options, fs)
    fetched = ahead(files, _message(store), lambda file: file.message_len, concurrency)
    taken: deque[PlannedFile] = deque()

    def messages() -> "Iterator[bytes | _Unread]":
        for file, result in fetched:
            taken.append(file)
            try:
                yield result.result()
            except Exception as error:
                yield _Unread(error)

    results = unseal_many(
        messages(), unwrap, require=require, return_exceptions=True, threads=threads
    )
    return _with_files(results, taken, fetched, on_error == "raise", progress)


def _with_files(
    results: Iterator[bytes | Exception],
    taken: "deque[PlannedFile]",
    fetched: Generator[Any],
    raises: bool,
    progress: Progress | None,
) -> "Iterator[tuple[PlannedFile, bytes | Exception]]":
    try:
        for result in results:
            file = taken.popleft()
            if isinstance(result, Exception):
                # That of unseal_many, which knows a number only.
                result.__notes__.pop()
                error = noted(result, file.name)
                if raises:
                    raise error
                yield file, error
            else:
                yield file, result
            if progress is not None:
                progress(1)
    finally:
        fetched.close()


def read(
    file: "PlannedFile",
    unwrap: Unwrap,
    storage_options: Mapping[str, Any] | None,
    fs: Any,
    require: Require | None,
) -> bytes:
    """See Plan.read."""
    try:
        message = _message(Store(storage_options, fs))(file)
        return unseal_one(message, unwrap, require=require)
    except Exception as error:
        error.add_note(f"in {file.name}")
        raise


def _message(store: Store) -> "Callable[[PlannedFile], bytes]":
    """What fetches a file, and looks whether it is still the one that was scanned."""

    def fetch(file: "PlannedFile") -> bytes:
        length = file.message_len
        # One byte more, for a file that has become longer.
        message = store.fetch(file.name, 0, length + 1, length)
        if not message.startswith(bytes(file.header) + file.salt):
            raise ChangedError.since("scanned", file.name)
        return message

    return fetch


class _Unread:
    """What stands among the messages for one that could not be fetched."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def read(self, _: int, /) -> NoReturn:
        raise self.error
