"""Data keys from the one process that unwraps to those that read.

What is sent is sealed for a key pair that the receiver made and keeps, so data keys are not in the
clear in what an engine sends, stores or logs, and no secret has to be there before.
"""

import functools
import threading
from collections.abc import Callable
from typing import TypeAlias

from .._libseal import (
    CachingUnwrapper,
    DataKeys,
    JobKey,
    LocalUnwrapper,
    PublicKey,
    WrappedKey,
    generate_private_key,
)
from .._seal import seal
from .._types import Unwrap
from .._unseal import unseal

Answer: TypeAlias = bytes | Exception | None
"""A sealed data key, why there is none, or that it is wrapped for other keys."""

# Data keys that are kept, in some 40 MB.
MOST_KEYS = 65_536

_making_key = threading.Lock()


class KeyHolder:
    """Unwraps each data key once, whoever asks for it. Several threads may ask."""

    def __init__(self, unwrap: Unwrap | None) -> None:
        self._unwrap: CachingUnwrapper | DataKeys | None = None
        if unwrap is not None:
            self._unwrap = CachingUnwrapper(unwrap, max_age=None, max_entries=MOST_KEYS)

    def public_key(self) -> bytes:
        """What to give to ``sealed_keys``, for keys that are unwrapped already."""
        return _own_key().public_key.der

    def take(self, sealed_job_key: bytes, encrypted: bytes) -> None:
        """Hold the keys of ``sealed_keys``, and unwrap no others."""
        job_key = JobKey.from_text(unseal(sealed_job_key, _own_key()).decode())
        self._unwrap = DataKeys.decrypt(job_key, encrypted)

    def unwrap(self, wrapped_key: WrappedKey, reader: bytes) -> Answer:
        """Answer the function that ``asking`` was given."""
        if self._unwrap is None:
            return None
        try:
            data_key = self._unwrap(wrapped_key)
        except Exception as error:  # It is raised where the key is needed.
            return error
        return None if data_key is None else seal(PublicKey(reader), data_key)


def sealed_keys(keys: DataKeys, holder: bytes) -> tuple[bytes, bytes]:
    """Keys that are unwrapped already, for the ``take`` of the holder with this public key."""
    job_key = JobKey.generate()
    return seal(PublicKey(holder), job_key.to_text().encode()), keys.encrypt(job_key)


def asking(ask: Callable[[WrappedKey, bytes], Answer]) -> CachingUnwrapper:
    """An unwrapper of this process, which asks for each data key once.

    ``ask`` is given a wrapped key and the public key of this process, for ``KeyHolder.unwrap``.
    """

    def unwrap(wrapped_key: WrappedKey) -> bytes | None:
        own = _own_key()
        answer = ask(wrapped_key, own.public_key.der)
        if isinstance(answer, Exception):
            raise answer
        return None if answer is None else unseal(answer, own)

    return CachingUnwrapper(unwrap, max_age=None, max_entries=MOST_KEYS)


def _own_key() -> LocalUnwrapper:
    """The key pair of this process. It takes some 200 ms to make."""
    with _making_key:
        return _make_key()


@functools.cache
def _make_key() -> LocalUnwrapper:
    return LocalUnwrapper(generate_private_key())
