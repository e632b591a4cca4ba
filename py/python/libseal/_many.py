"""Many messages: one call of the KMS for each data key, and small messages without the GIL."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

from ._arguments import check_source
from ._errors import SealError, copy_error
from ._libseal import (
    CachingUnwrapper,
    ManyUnsealer,
    SealingKey,
    UnknownKey,
    check_unwrap,
    seal_window,
    take_window,
    thread_count,
)
from ._source import Source
from ._types import Buffer, Context, Recipients, Require, SupportsRead, Unwrap

if TYPE_CHECKING:
    from concurrent.futures import Future

Item: TypeAlias = Buffer | os.PathLike[str] | SupportsRead
"""A message, or what is to be sealed: bytes-like, a file at a path, or a file object to read.

A path is a pathlib.Path or the like. A str is refused: it may come from whoever sent the message.
"""

# What is worked on together, and so held in memory: as many items, or as many bytes and one item.
MOST_ITEMS = 1024
MOST_BYTES = 8 * 1024 * 1024
# Data keys that are kept, in some 40 MB.
MOST_KEYS = 65_536
PIECE_LEN = 1024 * 1024
# Calls that take less, in seconds, are not worth a thread: a cache has the keys.
WORTH_A_THREAD = 0.001


@overload
def unseal_many(
    messages: Iterable[Item],
    unwrap: Unwrap,
    *,
    require: Require | None = None,
    return_exceptions: Literal[False] = False,
    read_ahead: int = MOST_ITEMS,
    max_calls: int = 8,
    threads: int | None = None,
) -> Iterator[bytes]: ...


@overload
def unseal_many(
    messages: Iterable[Item],
    unwrap: Unwrap,
    *,
    require: Require | None = None,
    return_exceptions: bool,
    read_ahead: int = MOST_ITEMS,
    max_calls: int = 8,
    threads: int | None = None,
) -> Iterator[bytes | Exception]: ...


def unseal_many(
    messages: Iterable[Item],
    unwrap: Unwrap,
    *,
    require: Require | None = None,
    return_exceptions: bool = False,
    read_ahead: int = MOST_ITEMS,
    max_calls: int = 8,
    threads: int | None = None,
) -> Iterator[bytes | Exception]:
    """Unseal ``messages`` and return an iterator of the plaintexts, in their order.

    ``messages`` is an iterable, also one without an end, of bytes-like objects, which may be
    changed once the next one is taken, of paths, and of binary file objects, which are read from
    where they are to their end and not closed.

    Each wrapped key is unwrapped once, whatever the order of the messages: thousands of messages
    that 20 sealing keys have sealed cost 20 calls of a KMS. For this, the unwrapper is put into a
    CachingUnwrapper of 65,536 keys without an age, unless it is one already. Of yours, max_age
    holds within a second, and max_uses counts a second of messages as one use. The unwrapper is
    asked about one recipient at a time, and from up to ``max_calls`` threads at once if it takes
    more than a millisecond. A wrapped key that it has failed for counts as failed for later
    messages too, for a minute, or for 100 ms if the failure is ``retryable``; they have it in
    words, without its cause. StopUnwrap counts for all keys, for 100 ms.

    The first message that cannot be unsealed, or read, raises its exception when its turn comes,
    and ends the iterator; a note on the exception names the message. With ``return_exceptions`` the
    exception, with the note, stands in the place of the plaintext, and the iterator goes on: it is
    a SealError, an OSError or other Exception that reading it has raised, or TypeError for what is
    no message. What the iterable raises itself comes after the results before it.

    Messages are taken from the iterable ahead of their results: one at first, then more and more,
    up to ``read_ahead`` messages or 8 MiB, as long as the iterable gives them without a pause of
    more than 10 ms. If yours pauses after some that came fast, as when it polls a queue, their
    results wait for the next one: use ``read_ahead=1``, or a call for each batch. At most 8 MiB of
    messages and one message more, and their plaintexts, are in memory at a time.

    For ``unwrap`` and ``require``, which is checked before any key is unwrapped, see ``unseal``;
    for ``threads`` see the module.
    """
    check_unwrap(unwrap)
    _check_iterable("messages", messages)
    _check_count("read_ahead", read_ahead)
    _check_count("max_calls", max_calls)
    several = unwrap if isinstance(unwrap, Sequence) else [unwrap]
    is_cached = all(isinstance(one, CachingUnwrapper) for one in several)
    if not is_cached:
        unwrap = CachingUnwrapper(unwrap, max_age=None, max_entries=MOST_KEYS)
    unsealer = ManyUnsealer(unwrap, require, threads, keeps=not is_cached)

    ask = _Asking(max_calls, goes_on=return_exceptions)

    def unseal(window: list[Any], _: int) -> list[bytes | Exception]:
        return unsealer.unseal_window(window, ask)

    return _results("message", iter(messages), unseal, return_exceptions, read_ahead)


@overload
def seal_many(
    key: SealingKey | Recipients,
    items: Iterable[Item],
    *,
    context: Context | None = None,
    return_exceptions: Literal[False] = False,
    read_ahead: int = MOST_ITEMS,
    threads: int | None = None,
) -> Iterator[bytes]: ...


@overload
def seal_many(
    key: SealingKey | Recipients,
    items: Iterable[Item],
    *,
    context: Context | None = None,
    return_exceptions: bool,
    read_ahead: int = MOST_ITEMS,
    threads: int | None = None,
) -> Iterator[bytes | Exception]: ...


def seal_many(
    key: SealingKey | Recipients,
    items: Iterable[Item],
    *,
    context: Context | None = None,
    return_exceptions: bool = False,
    read_ahead: int = MOST_ITEMS,
    threads: int | None = None,
) -> Iterator[bytes | Exception]:
    """Seal each of ``items`` and return an iterator of the messages, in their order.

    ``items`` is an iterable, also one without an end, of bytes-like objects, which may be changed
    once the next one is taken, of paths, and of binary file objects, which are read from where they
    are to their end and not closed.

    ``key`` is a SealingKey, or recipients as for ``seal``, and then ``context`` is the encryption
    context of all messages. For recipients, a SealingKey is made, and another whenever the limits
    of one are reached: so one RSA operation seals a million messages. All messages share a data
    key: whoever has it can open all of them, and anyone can see that they come from one sealer.
    Call ``seal`` for each if that must not be.

    With a SealingKey of your own, what its limits do not allow raises LimitError when its turn
    comes; what was taken from the iterable is taken from the limits, whether the message is
    fetched or not.

    For the other arguments, exceptions, and how far the iterable is read ahead, see
    ``unseal_many``. Raises ContextError or LimitError at once.
    """
    if isinstance(key, SealingKey):
        if context is not None:
            raise TypeError("context belongs to the SealingKey: give it when you make that")
        sealing_key, recipients = key, None
    else:
        # They are needed again and again.
        recipients = [*key] if isinstance(key, Iterator) else key
        sealing_key = _sealing_key(recipients, context)
    _check_iterable("items", items)
    _check_count("read_ahead", read_ahead)
    thread_count(threads)

    def seal(window: list[Any], length: int) -> list[bytes | Exception]:
        nonlocal sealing_key
        if recipients is not None and (
            sealing_key.remaining_messages < len(window) or sealing_key.remaining_bytes < length
        ):
            sealing_key = _sealing_key(recipients, context)
        return seal_window(sealing_key, window, threads)

    return _results("item", iter(items), seal, return_exceptions, read_ahead)


def _sealing_key(recipients: Recipients, context: Context | None) -> SealingKey:
    return SealingKey(recipients, context=context)


def _results(
    kind: str,
    iterator: Iterator[Item],
    work: Callable[[list[Any], int], list[Any]],
    return_exceptions: bool,
    read_ahead: int,
) -> Iterator[Any]:
    before, most, is_over = 0, 1, False
    while not is_over:
        names: dict[int, str] = {}

        def load(number: int, item: Item, names: dict[int, str] = names) -> tuple[Any, int]:
            return _load(number, item, names)

        window, length, is_over, error = take_window(iterator, load, most, MOST_BYTES)
        count = len(window)
        results = work(window, length) if window else []
        # Only the results are needed any more.
        del window
        start = 0
        for number in [n for n, result in enumerate(results) if type(result) is not bytes]:
            yield from results[start:number]
            failure = _noted(results[number], kind, before + number, names.get(number))
            if not return_exceptions:
                raise failure
            yield failure
            start = number + 1
        yield from results[start:] if start else results
        del results
        if error is not None:
            raise error
        before += count
        # As many as came without a pause, and as many again.
        most = min(2 * count, read_ahead)


def _load(number: int, item: Any, names: dict[int, str]) -> tuple[Any, int]:
    """What to work on, or the exception that is the result; and how long it is."""
    try:
        if isinstance(item, os.PathLike):
            names[number] = repr(os.fspath(item))
            with FilePath(item).open("rb", buffering=0) as file:
                data = file.readall()
            return data, len(data)
        if not callable(getattr(item, "read", None)) or isinstance(item, type):
            # A copy, unless nobody can change it: the iterable may fill one buffer again and again.
            with memoryview(item) as view:
                data = item if type(item) is bytes else view.tobytes()
                return data, view.nbytes
    except TypeError:
        given = type(item).__name__
        hint = ": encode it first, or give a pathlib.Path for a file" if given == "str" else ""
        message = f"an item must be bytes-like, a pathlib.Path or a file object, not {given}{hint}"
        return TypeError(message), 0
    except Exception as error:  # Whatever it is, it is that of one item.
        return error, 0
    try:
        name = getattr(item, "name", None)
        if isinstance(name, str | bytes | os.PathLike):
            names[number] = repr(name)
        data = _read(item)
    except Exception as error:
        return error, 0
    return data, len(data)


def _read(fileobj: SupportsRead) -> bytes:
    """All that is left in a file object."""
    check_source(fileobj)
    source = Source(fileobj)
    # The next piece may overwrite this one.
    return b"".join(iter(lambda: bytes(source.read(PIECE_LEN)), b""))


def _noted(error: Exception, kind: str, number: int, name: str | None) -> Exception:
    """With a note that says which item it is about."""
    # Items can share a failure, but not a note.
    own = copy_error(error) if isinstance(error, SealError) else error
    own.add_note(f"in {kind} {number}" + (f", {name}" if name else ""))
    return own


class _Asking:
    """Has keys unwrapped, on several threads if there are several keys and that takes long."""

    def __init__(self, max_calls: int, goes_on: bool) -> None:
        self.max_calls = max_calls
        self.goes_on = goes_on
        self.takes_long = False

    def __call__(self, keys: list[UnknownKey], failures: list[int]) -> None:
        """Unwrap ``keys``. ``failures`` are the numbers of messages that have failed."""
        for number, key in enumerate(keys):
            if self.takes_long and min(self.max_calls, len(keys) - number) > 1:
                self.unwrap_at_once(keys[number:], failures)
                return
            self.unwrap(key, failures)

    def unwrap(self, key: UnknownKey, failures: list[int]) -> None:
        # What comes after a failure that is raised is not worth a call.
        if not self.goes_on and failures and key.number > min(failures):
            return
        start = time.perf_counter()
        if not key.unwrap():
            failures.append(key.number)
        self.takes_long = time.perf_counter() - start > WORTH_A_THREAD

    def unwrap_at_once(self, keys: list[UnknownKey], failures: list[int]) -> None:
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 (importing it takes 5 ms)

        pool = ThreadPoolExecutor(min(self.max_calls, len(keys)), "libseal-unwrap")
        calls: list[Future[None]] = []
        try:
            # Unless no thread can be started: then this one does the rest.
            with suppress(RuntimeError):
                for key in keys:
                    calls.append(pool.submit(self.unwrap, key, failures))  # noqa: PERF401
            for call in calls:
                call.result()
            for key in keys[len(calls) :]:
                self.unwrap(key, failures)
        except BaseException:
            # Ctrl-C does not wait for the KMS.
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        pool.shutdown()


def _check_iterable(name: str, items: object) -> None:
    """Refuse what is one item, or yields none: text is made of text, and a file of lines."""
    hint = ""
    if isinstance(items, str | os.PathLike) or hasattr(items, "read"):
        hint = f": give [{name}] for one"
    elif hasattr(items, "__aiter__"):
        hint = ", which is asynchronous"
    elif isinstance(items, Iterable):
        try:
            memoryview(items).release()  # type: ignore[arg-type]
        except TypeError:
            return
        hint = f": give [{name}] for one"
    message = f"{name} must be an iterable of bytes, paths or file objects, not "
    raise TypeError(f"{message}{type(items).__name__}{hint}")


def _check_count(name: str, count: object) -> None:
    if not isinstance(count, int) or isinstance(count, bool):
        raise TypeError(f"{name} must be an int, not {type(count).__name__}")
    if count < 1:
        raise ValueError(f"{name} must be at least 1")
