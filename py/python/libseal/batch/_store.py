"""The files in a store, through fsspec: which there are, and bytes of them."""

import errno
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from .._changed import ChangedError
from ._pauses import pauses

# How often a request is made that times out, breaks off or is not answered in full.
TRIES = 4


class Found(NamedTuple):
    """A file in a store, before its beginning was read."""

    name: str
    size: int | None
    etag: str | None
    modified: datetime | None
    error: Exception | None = None
    """Why it cannot be read."""


class Store:
    """What the names of files lead to. Several threads may use it."""

    def __init__(self, storage_options: Mapping[str, Any] | None, fs: Any) -> None:
        if fs is not None and storage_options:
            raise TypeError("storage_options belong to the file system that is given as fs")
        if getattr(fs, "asynchronous", False):
            raise TypeError("fs must be a file system that is made without asynchronous=True")
        self._options = dict(storage_options or {})
        self._fs = fs
        self._by_protocol: dict[str, Any] = {}

    def find(self, name: str) -> Iterator[Found]:
        """Find the files that a URL, path, pattern or folder names.

        Raises FileNotFoundError for a pattern or folder without any. A file that is named, and
        cannot be found, comes with the error.
        """
        fs = self._at(name)
        # What was listed before may have been replaced since.
        fs.invalidate_cache()
        missing = "there is no file in this folder"
        if _is_pattern(name):
            listed = [*fs.glob(name, detail=True).values()]
            missing = "no file matches this pattern"
        elif name.endswith("/"):
            listed = _below(fs, name)
        else:
            try:
                listed = [fs.info(name)]
            except Exception as error:
                yield Found(name, None, None, None, error)
                return
            if listed[0]["type"] == "directory":
                listed = _below(fs, name)
        # A listing of many files takes much memory.
        fs.invalidate_cache()
        files = [info for info in listed if info["type"] != "directory"]
        if not files:
            raise FileNotFoundError(errno.ENOENT, missing, name)
        for info in files:
            yield self._found(fs, info)

    def _found(self, fs: Any, info: Mapping[str, Any]) -> Found:
        name = info["name"] if self._fs is not None else fs.unstrip_protocol(info["name"])
        etag = info.get("ETag") or info.get("etag")
        size = info.get("size")
        error = None
        if info["type"] == "other":
            # Reading a pipe might never end.
            error = OSError(errno.EINVAL, "this is not a regular file", name)
        elif size is None:
            error = OSError(errno.EINVAL, "the store does not say how long this file is", name)
        return Found(name, size, etag and str(etag).strip('"'), _modified(info), error)

    def fetch(self, name: str, start: int, stop: int, size: int) -> bytes:
        """The bytes of a file from ``start`` to ``stop``, or to its end if that comes first.

        ``size`` is how long the file is. With a longer ``stop``, a file that has grown is noticed.
        Raises ChangedError if it has another length, and OSError if it has not, but the store still
        returns less.
        """
        fs = self._at(name)
        expected = min(stop, size) - start
        for pause in pauses(TRIES):
            try:
                data: bytes = fs.cat_file(name, start=start, end=stop)
            except TimeoutError as error:
                if pause is None:
                    # That of fsspec has no text.
                    text = "the store did not answer in time"
                    raise TimeoutError(errno.ETIMEDOUT, text, name) from error
            except ConnectionError:
                if pause is None:
                    raise
            except OSError as error:
                # S3 has no part of a file that has become empty.
                if error.errno == errno.EINVAL and self._length(name) != size:
                    raise ChangedError.since("scanned", name) from error
                raise
            else:
                if len(data) == expected:
                    return data
                if len(data) > expected:
                    return self._beginning_of(data, name, start, stop, size)
                if self._length(name) != size:
                    raise ChangedError.since("scanned", name)
                if pause is None:
                    text = f"the store returned {len(data)} of the {expected} bytes asked for"
                    raise OSError(errno.EIO, text, name)
            time.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def _beginning_of(self, data: bytes, name: str, start: int, stop: int, size: int) -> bytes:
        """What was asked for, if the store has returned more, as HTTP servers without ranges do."""
        if stop > size:
            raise ChangedError.since("scanned", name)
        if start > 0:
            raise OSError(errno.EIO, "the store returns more than the part asked for", name)
        return data[:stop]

    def _length(self, name: str) -> int | None:
        fs = self._at(name)
        fs.invalidate_cache()
        size: int | None = fs.info(name)["size"]
        return size

    def _at(self, name: str) -> Any:
        """The file system that ``name`` is in."""
        if self._fs is not None:
            return self._fs
        if name.startswith("sealed::"):
            raise ValueError(
                f"{name} names plaintext, and a plan is made of sealed files: leave out sealed::"
            )
        if "::" in name:
            raise ValueError(
                f"{name} chains file systems: make the outer one with fsspec and give it as fs"
            )
        protocol = name.partition("://")[0] if "://" in name else "file"
        if protocol not in self._by_protocol:
            self._by_protocol[protocol] = _fsspec().filesystem(protocol, **self._options)
        return self._by_protocol[protocol]


def _fsspec() -> Any:
    try:
        import fsspec  # noqa: PLC0415 (an extra)
    except ImportError as error:
        text = "files are read through fsspec: pip install 'libseal[fsspec]'"
        raise ImportError(text, name="fsspec") from error
    return fsspec


def _is_pattern(name: str) -> bool:
    # In a URL of HTTP, the rest stands for a query or an address.
    magic = "*" if name.startswith(("http://", "https://")) else "*?["
    return any(character in name for character in magic)


def _below(fs: Any, name: str) -> list[Any]:
    """The files in a folder and below, as the file system describes them."""
    folder = fs._strip_protocol(name)  # noqa: SLF001 (each file system's own way to read a name)
    found = fs.find(name, detail=True).values()
    return [info for info in found if not _is_hidden(info["name"], folder)]


def _is_hidden(path: str, folder: str) -> bool:
    """Whether it is not data of the folder for anything that reads tables, such as Spark and Arrow:
    what is not complete yet, for example.
    """
    parts = path.removeprefix(folder).split("/")
    return any(part.startswith(("_", ".")) for part in parts)


def _modified(info: Mapping[str, Any]) -> datetime | None:
    """When a file was changed last; each file system has a name of its own for that."""
    for key in ("LastModified", "last_modified", "mtime", "updated", "modified", "created"):
        value = info.get(key)
        if isinstance(value, datetime):
            return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC)
    return None
