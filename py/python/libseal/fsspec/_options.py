"""What the file system is given: whom to ask for data keys, and whom to seal for."""

import os
import threading
import weakref
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

from .._libseal import CachingUnwrapper, DataKeys, PublicKey, Recipient, check_unwrap
from .._types import Unwrap
from ..aws import KmsUnwrapper
from ..aws._keys import region_of

KmsKeys: TypeAlias = str | Iterable[str]
"""Names of keys in AWS KMS."""

FileRecipient: TypeAlias = PublicKey | Recipient | bytes | str | os.PathLike[str]
"""Whom to seal for: a public key, its encoding in bytes, its PEM as text, or a file with it."""


class Held:
    """An unwrapper with a name that it keeps when it is pickled.

    fsspec has one file system for equal options, and takes options for equal if their ``repr`` is.
    That of an unwrapper may be the same for different keys, or different for each copy of one. By
    this name, a process has one file system, and one cache of data keys, for each unwrapper that it
    made or was sent.
    """

    def __init__(self, unwrap: Unwrap, name: str) -> None:
        self.unwrap = unwrap
        self.name = name
        self.caching = unwrap if isinstance(unwrap, CachingUnwrapper) else CachingUnwrapper(unwrap)

    def __repr__(self) -> str:
        return f"<unwrapper {self.name}>"

    def __reduce__(self) -> tuple[Any, tuple[Unwrap, str]]:
        return _known_by_name, (self.unwrap, self.name)


_held: "weakref.WeakValueDictionary[str, Held]" = weakref.WeakValueDictionary()
_lock = threading.Lock()


def hold(unwrap: Unwrap | Held) -> Held:
    """The Held for an unwrapper: always the same one."""
    if isinstance(unwrap, Held):
        return unwrap
    check_unwrap(unwrap)
    members = _members(unwrap)
    with _lock:
        for held in list(_held.values()):
            theirs = _members(held.unwrap)
            if len(theirs) == len(members) and all(map(_is, theirs, members)):
                return held
        held = Held(tuple(unwrap) if isinstance(unwrap, list) else unwrap, uuid4().hex)
        _held[held.name] = held
    return held


def _members(unwrap: Unwrap) -> list[object]:
    return [*unwrap] if isinstance(unwrap, list | tuple) else [unwrap]


def _is(one: object, other: object) -> bool:
    return one is other


def _known_by_name(unwrap: Unwrap, name: str) -> Held:
    with _lock:
        held = _held.get(name)
        if held is None:
            held = _held[name] = Held(unwrap, name)
        elif isinstance(held.unwrap, DataKeys) and isinstance(unwrap, DataKeys):
            # There may be more of them than in the pickle that came first.
            held.unwrap.extend(unwrap)
    return held


_kms_unwrappers: dict[tuple[str, ...], CachingUnwrapper] = {}


def kms_unwrapper(keys: KmsKeys) -> CachingUnwrapper:
    """The unwrapper of this process for keys in AWS KMS."""
    names = (keys,) if isinstance(keys, str) else tuple(keys)
    if not names or not all(isinstance(name, str) for name in names):
        raise TypeError("kms must be the id, ARN or alias of a key in AWS KMS, or several of them")
    with _lock:
        unwrapper = _kms_unwrappers.get(names)
        if unwrapper is None:
            regions: dict[str | None, list[str]] = {}
            for name in names:
                regions.setdefault(region_of(name), []).append(name)
            unwrapper = _kms_unwrappers[names] = CachingUnwrapper(
                [KmsUnwrapper(partial(_client, region), keys) for region, keys in regions.items()]
            )
    return unwrapper


def _client(region: str | None) -> Any:
    try:
        import boto3  # noqa: PLC0415 (importing it takes 200 ms)
    except ModuleNotFoundError as error:
        text = "kms needs boto3: pip install 'libseal[aws]'"
        raise ModuleNotFoundError(text, name=error.name) from None
    make: Any = boto3.client  # Its stubs have an overload for each service.
    return make("kms", region_name=region or os.environ.get("AWS_REGION"))


def caching_unwrapper(unwrap: Unwrap | Held | None, kms: KmsKeys | None) -> CachingUnwrapper | None:
    """What to ask for data keys; None if there is nothing."""
    if unwrap is not None and kms is not None:
        raise ValueError("give unwrap or kms, not both: unwrap may be a list of unwrappers")
    if kms is not None:
        return kms_unwrapper(kms)
    return None if unwrap is None else hold(unwrap).caching


def read_recipients(
    given: FileRecipient | Iterable[FileRecipient] | None,
) -> list[PublicKey | Recipient]:
    """Whom to seal for."""
    if given is None:
        return []
    if isinstance(given, PublicKey | Recipient | bytes | str | os.PathLike):
        given = [given]
    if isinstance(given, Mapping) or not isinstance(given, list | tuple):
        raise TypeError(
            "recipients must be a PublicKey, a Recipient, the bytes of a public key or the path of "
            f"its file, or a list of these, not {type(given).__name__}"
        )
    return [_recipient(one) for one in given]


def _recipient(given: FileRecipient) -> PublicKey | Recipient:
    if isinstance(given, PublicKey | Recipient):
        return given
    if isinstance(given, str) and given.lstrip().startswith("-----BEGIN "):
        given = given.encode()
    return PublicKey(given if isinstance(given, bytes) else Path(given).read_bytes())
