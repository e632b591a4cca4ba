"""What is known of messages without any I/O: where plaintext lies, and unsealing parts of it."""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from .._errors import InternalError, TruncatedError
from .._libseal import Header, Unsealer
from .._types import Require, Unwrap

CHUNK_LEN = 16 * 1024
# With its tag.
SEALED_CHUNK_LEN = CHUNK_LEN + 16
# What a beginning takes is some 500 bytes.
_MOST_KNOWN = 10_000

Span: TypeAlias = tuple[int, int]
"""A range of plaintext: where it starts and where it stops."""

Identity: TypeAlias = tuple[str, ...]
"""What a store says about a file, as far as it changes when the file does."""


@dataclass(slots=True)
class Known:
    """A message of which the beginning is known. Nothing of this is secret."""

    header: Header
    beginning: bytes
    """What comes before the first chunk."""
    message_len: int
    identity: Identity
    is_whole: bool = False
    """Whether the end of the message has been verified."""

    @property
    def plaintext_len(self) -> int:
        """How long the plaintext is. Raises TruncatedError if no message has this length."""
        return self.header.plaintext_len(self.message_len)

    def to_fetch(self, spans: Sequence[Span], max_gap: int) -> list[range]:
        """Which bytes of the message hold the plaintext, merged where they are near each other.

        The last chunk is among them until it has been verified.
        """
        if not self.is_whole:
            # It is the only one that is not full, and may be empty. One byte of it means all of it,
            # even where there is none.
            start = self.plaintext_len // CHUNK_LEN * CHUNK_LEN
            spans = [*spans, (start, start + 1)]
        ranges = self.header.ciphertext_ranges(spans, max_gap=max_gap)
        return [range(each.start, min(each.stop, self.message_len)) for each in ranges]

    def unseal(
        self,
        fetched: Mapping[range, bytes],
        spans: Sequence[Span],
        unwrap: Unwrap,
        require: Require | None,
    ) -> list[bytes]:
        """Unseal what was fetched, and return the plaintext of each span."""
        unsealer = Unsealer(require=require)
        unsealer.update(self.beginning)
        unsealer.unwrap_with(unwrap)
        blocks: list[tuple[int, bytes]] = []
        for offsets, piece in fetched.items():
            start = (offsets.start - len(self.beginning)) // SEALED_CHUNK_LEN * CHUNK_LEN
            unsealer.seek(start)
            plaintext = unsealer.update(piece)
            if offsets.stop == self.message_len:
                plaintext += unsealer.finish()
                self.is_whole = True
            blocks.append((start, plaintext))
        return [_cut(blocks, *span) for span in spans]


def _cut(blocks: list[tuple[int, bytes]], start: int, stop: int) -> bytes:
    if start == stop:
        return b""  # In no block.
    for begin, plaintext in blocks:
        if begin <= start and stop <= begin + len(plaintext):
            return plaintext[start - begin : stop - begin]
    raise InternalError(f"no block has the plaintext from {start} to {stop}")


def read_beginning(data: bytes, message_len: int, identity: Identity) -> Known | None:
    """Read the beginning of a message; None if there has to be more of it.

    Raises FormatError if this is no message, and TruncatedError if it ends within its beginning.
    """
    is_all = len(data) >= message_len
    try:
        header = Header(data)
    except TruncatedError:
        if is_all:
            raise
        return None
    end = header.ciphertext_range(0, 0).start
    if len(data) < end:
        if is_all:
            raise TruncatedError("the message is cut short: its end is missing")
        return None
    return Known(header, data[:end], message_len, identity)


def identity_of(info: Mapping[str, Any]) -> Identity:
    """What tells a file from the one that takes its place, as far as the store says."""
    tag = info.get("ETag") or info.get("etag")
    if tag:
        return (str(info.get("size")), str(tag).strip('"'))
    names = ("mtime", "LastModified", "last_modified", "updated", "created", "ino")
    return (str(info.get("size")), *(_plain(info.get(name)) for name in names))


def _plain(value: Any) -> str:
    # Some stores give the same time as a number in one place and as a datetime in another.
    return str(value.timestamp() if hasattr(value, "timestamp") else value)


class KnownMessages:
    """What is known of the messages of a file system, by path; threads share it.

    None stands for a file that is not sealed.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[Identity, Known | None]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, path: str) -> Known | None:
        """The message at a path, if it is known."""
        with self._lock:
            entry = self._known.get(path)
            if entry is not None:
                self._known.move_to_end(path)
        return entry[1] if entry else None

    def look_up(self, path: str, identity: Identity) -> tuple[bool, Known | None]:
        """Whether the file is known, and its message if it is sealed."""
        with self._lock:
            entry = self._known.get(path)
        return (True, entry[1]) if entry and entry[0] == identity else (False, None)

    def put(self, path: str, identity: Identity, known: Known | None) -> None:
        """Keep what is known; what was not asked for for longest makes room."""
        with self._lock:
            self._known[path] = (identity, known)
            self._known.move_to_end(path)
            if len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)

    def forget_file(self, path: str) -> None:
        """Forget what is no folder, which takes no search through all that is known."""
        with self._lock:
            self._known.pop(path, None)

    def forget(self, path: str | None = None) -> None:
        """Forget the file or folder at a path, or everything."""
        with self._lock:
            if path is None:
                self._known.clear()
                return
            below = path.rstrip("/") + "/"
            for each in [one for one in self._known if one == path or one.startswith(below)]:
                del self._known[each]
