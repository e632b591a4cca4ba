"""Arguments of the wrong type: what was expected, and what was given."""

import io
import os
from typing import Any


def check_target(fileobj: object) -> None:
    """Refuse what bytes cannot be written to."""
    _check_fileobj(fileobj, "write", "wb")


def check_source(fileobj: object) -> None:
    """Refuse what bytes cannot be read from."""
    _check_fileobj(fileobj, "read", "rb")


def _check_fileobj(fileobj: object, method: str, mode: str) -> None:
    given = type(fileobj).__name__
    # Some file objects are os.PathLike too.
    if isinstance(fileobj, type) or not callable(getattr(fileobj, method, None)):
        hint = ""
        if isinstance(fileobj, str | os.PathLike):
            hint = f": open(path, {mode!r}) makes one"
        elif isinstance(fileobj, bytes | bytearray | memoryview):
            hint = ": io.BytesIO() makes one"
        message = f"fileobj must be a file object with a method {method}, not {given}{hint}"
        raise TypeError(message)
    # Not all of them are of io: those of codecs and tempfile are not.
    is_text = isinstance(getattr(fileobj, "encoding", None), str)
    if is_text or isinstance(fileobj, io.TextIOBase):
        raise TypeError(
            f"fileobj must be a binary file object, not one for text, {given}: "
            f"open it with mode {mode!r}"
        )


def check_count(method: str, count: object, name: str = "fileobj") -> None:
    """Refuse what is no number of bytes."""
    if not isinstance(count, int):
        raise TypeError(f"{method}() of {name} must return an int, not {_returned(count)}")


def check_data(method: str, data: object) -> None:
    """Refuse what is not bytes-like."""
    try:
        memoryview(data).release()  # type: ignore[arg-type]
    except TypeError:
        message = f"{method}() of fileobj must return bytes, not {_returned(data)}"
        raise TypeError(message) from None


def bytes_of(data: Any) -> memoryview:
    """The bytes of what is bytes-like, whatever its items are. They are copied only if need be."""
    view = memoryview(data)
    try:
        return view.cast("B")
    except (TypeError, ValueError):  # Not contiguous, or of a format that Python cannot cast.
        return memoryview(view.tobytes())


def _returned(value: Any) -> str:
    if isinstance(value, str):
        return "str: open it in binary mode, not in text mode"
    if not hasattr(value, "__await__"):
        return type(value).__name__
    if hasattr(value, "close"):
        value.close()  # Or else Python warns that no one has awaited it.
    return "an awaitable: for asynchronous file objects see libseal.aio"


def check_path(name: str, path: object) -> None:
    """Refuse what is no path."""
    if not isinstance(path, str | os.PathLike):
        hint = ""
        if hasattr(path, "read") or hasattr(path, "write"):
            hint = "; for file objects see SealWriter and UnsealReader"
        raise TypeError(
            f"{name} must be a path, str or os.PathLike, not {type(path).__name__}{hint}"
        )


def check_progress(progress: Any) -> None:
    """Refuse what cannot be called."""
    if progress is not None and not callable(progress):
        raise TypeError(f"progress must be callable or None, not {type(progress).__name__}")
