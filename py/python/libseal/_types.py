"""The types of arguments."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias, runtime_checkable

from ._libseal import PublicKey, Recipient, WrappedKey

__all__ = [
    "Buffer",
    "CacheStatistics",
    "Context",
    "Path",
    "Progress",
    "Recipients",
    "Require",
    "SupportsRead",
    "SupportsUnwrapKeys",
    "SupportsWrite",
    "Unwrap",
    "Unwrapper",
]

if TYPE_CHECKING:
    from typing_extensions import Buffer
elif sys.version_info >= (3, 12):
    from collections.abc import Buffer
else:

    class _BufferType(type):
        def __instancecheck__(cls, value: object) -> bool:
            try:
                memoryview(value).release()
            except TypeError:
                return False
            return True

    class Buffer(metaclass=_BufferType):
        """A bytes-like object: bytes, bytearray, memoryview, a NumPy array and so on."""


@runtime_checkable
class SupportsUnwrapKeys(Protocol):
    """An unwrapper that is asked once about all recipients of a message."""

    def unwrap_keys(self, wrapped_keys: tuple[WrappedKey, ...], /) -> Buffer | None:
        """Return the data key, or None if it is wrapped for none of the unwrapper's keys.

        ``WrappedKey.data_key`` makes the data key of what a KMS returned.
        """


@runtime_checkable
class SupportsRead(Protocol):
    """A file object to read from."""

    def read(self, size: int, /) -> Buffer | None:
        """Return up to ``size`` bytes, and none only at the end."""


@runtime_checkable
class SupportsWrite(Protocol):
    """A file object to write to."""

    def write(self, data: bytes, /) -> int | None:
        """Write ``data``, and return how many bytes were written; None stands for all of them."""


class CacheStatistics(NamedTuple):
    """What a CachingUnwrapper did in this process.

    Keys that the inner unwrapper does not hold are not counted.
    """

    hits: int
    """Data keys that came from the cache."""

    misses: int
    """Calls of the inner unwrapper for keys that it holds."""

    failures: int
    """Of the misses, those that failed."""

    shared: int
    """Answers to callers who waited for the call of another one."""

    evictions: int
    """Data keys that made room for others. If there are many, the cache is too small."""

    entries: int
    """Data keys in the cache now."""


Unwrapper: TypeAlias = Callable[[WrappedKey], Buffer | None] | SupportsUnwrapKeys
"""What unwraps data keys, such as a KMS client.

A function returns what the KMS returned for the ciphertext, 32 bytes for an RSA key, or None for a
key that it does not hold. If it raises an Exception, the next recipient is tried; if it raises
StopUnwrap, nothing else is.

An unwrapper may also have a method ``fingerprints`` that returns the fingerprints of the keys that
it holds, in a list. It is called for the text of NoMatchingRecipientError alone.
"""

Unwrap: TypeAlias = Unwrapper | Sequence[Unwrapper]
"""One unwrapper, or several that are asked one after the other."""

Recipients: TypeAlias = PublicKey | Recipient | Iterable[PublicKey | Recipient]
"""Whom to seal for: one public key or recipient, or up to 16 of them."""

Context: TypeAlias = Mapping[str, str]
"""An encryption context, to bind."""

Require: TypeAlias = Mapping[str, str | None]
"""What an encryption context must have: None stands for any value."""

Path: TypeAlias = str | PathLike[str]
"""Where a file is."""

Progress: TypeAlias = Callable[[int], object]
"""Called with the number of source bytes processed since the last call; ``tqdm.update`` fits."""
