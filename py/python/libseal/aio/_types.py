"""The types of arguments."""

from collections.abc import AsyncIterable, Awaitable, Callable, Sequence
from typing import Protocol, TypeAlias, runtime_checkable

from .. import _types as sync
from .._libseal import WrappedKey
from .._types import Buffer


@runtime_checkable
class SupportsUnwrapKeys(Protocol):
    """An asynchronous unwrapper that is asked once about all recipients of a message."""

    async def unwrap_keys(self, wrapped_keys: tuple[WrappedKey, ...], /) -> Buffer | None:
        """As that of ``libseal.SupportsUnwrapKeys``."""


@runtime_checkable
class SupportsRead(Protocol):
    """What to read from: asyncio.StreamReader, ``content`` of aiohttp, a file of aiofiles."""

    async def read(self, size: int, /) -> Buffer:
        """Return up to ``size`` bytes, and none only at the end."""


@runtime_checkable
class SupportsWrite(Protocol):
    """What to write to, such as aiohttp's StreamResponse or a file of aiofiles."""

    async def write(self, data: bytes, /) -> int | None:
        """Write ``data``, and return how many bytes were written; None stands for all of them."""


@runtime_checkable
class SupportsWriteAndDrain(Protocol):
    """What to write to, such as asyncio.StreamWriter."""

    def write(self, data: bytes, /) -> object:
        """Take all of ``data``."""

    async def drain(self) -> object:
        """Wait until there is room for more."""


Unwrapper: TypeAlias = (
    Callable[[WrappedKey], Awaitable[Buffer | None]] | SupportsUnwrapKeys | sync.Unwrapper
)
"""What unwraps data keys: an asynchronous unwrapper, or a synchronous one, which runs in a thread.

An async function returns what the KMS returned for the ciphertext, 32 bytes for an RSA key, or None
for a key that it does not hold. For the rest see ``libseal.Unwrapper``.
"""

Unwrap: TypeAlias = Unwrapper | Sequence[Unwrapper]
"""One unwrapper, or several, of both kinds, that are asked one after the other."""

Source: TypeAlias = SupportsRead | AsyncIterable[Buffer]
"""What is read from: an object with an async method ``read``, or an async iterable of bytes."""

Target: TypeAlias = SupportsWrite | SupportsWriteAndDrain
"""What is written to."""
