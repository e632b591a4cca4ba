"""Arguments of the wrong type: what was expected, and what was given."""

import inspect
import io
import os
from collections.abc import AsyncIterable

from .._arguments import bytes_of


def check_source(source: object) -> None:
    """Refuse what bytes cannot be read from asynchronously."""
    _check_stream(source, "read", "libseal.UnsealReader takes file objects")
    if not callable(getattr(source, "read", None)) and not isinstance(source, AsyncIterable):
        raise TypeError(
            "source must have an async method read, as asyncio.StreamReader does, or be an async "
            f"iterable of bytes, not {type(source).__name__}{_hint(source)}"
        )


def check_target(target: object) -> None:
    """Refuse what bytes cannot be written to asynchronously."""
    _check_stream(target, "write", "libseal.SealWriter takes file objects")
    if not callable(getattr(target, "write", None)):
        raise TypeError(
            "target must be an asyncio.StreamWriter or have an async method write, not "
            f"{type(target).__name__}{_hint(target)}"
        )


def _check_stream(stream: object, method: str, advice: str) -> None:
    name = "source" if method == "read" else "target"
    if isinstance(stream, type):
        raise TypeError(f"{name} must be an object, not the class {stream.__name__}")
    # The bodies of aiobotocore are of io too, and asynchronous.
    is_async = inspect.iscoroutinefunction(getattr(stream, method, None))
    if isinstance(stream, io.IOBase) and not is_async:
        given = type(stream).__name__
        raise TypeError(f"{name} must be asynchronous, not {given}: {advice}, in a thread")


def _hint(stream: object) -> str:
    if isinstance(stream, str | os.PathLike):
        return ": seal_file and unseal_file take paths"
    if isinstance(stream, bytes | bytearray | memoryview):
        return ": seal and unseal take bytes"
    if inspect.iscoroutine(stream):
        stream.close()  # Or else Python warns that no one has awaited it.
        return ": await it first"
    return ""


def not_asynchronous(method: str, name: str, returned: object) -> TypeError:
    """What to raise if a method of a stream has blocked, instead of returning what to await."""
    given = type(returned).__name__
    return TypeError(f"{method}() of {name} must be asynchronous; it returned {given}")


def view_of(data: object, expected: str) -> memoryview:
    """The bytes of what is bytes-like; ``expected`` says what has to be."""
    try:
        return bytes_of(data)
    except TypeError:
        raise TypeError(f"{expected}, not {type(data).__name__}") from None
