"""The types of arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from os import PathLike
from typing import TYPE_CHECKING, TypeAlias, Union

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from ._libseal import PublicKey, Recipient, WrappedKey

Unwrap: TypeAlias = Callable[["WrappedKey"], Union["Buffer", None]]
"""What unwraps data keys: returns 32 bytes, or None for a key that it does not hold."""

Recipients: TypeAlias = Union["PublicKey", "Recipient", Iterable[Union["PublicKey", "Recipient"]]]
"""Whom to seal for: one public key, or several recipients."""

Context: TypeAlias = Mapping[str, str]
"""An encryption context."""

Path: TypeAlias = str | PathLike[str]
"""Where a file is."""

Progress: TypeAlias = Callable[[int], object]
"""Is told how many more bytes of the source have been processed; ``tqdm.update`` is one."""
