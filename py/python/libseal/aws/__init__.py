"""Unwrapping with AWS KMS, and rewrapping in S3.

Works with any boto3 client; ``pip install libseal[aws]`` brings one.
"""

import os
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, runtime_checkable

from .._errors import make_error
from .._libseal import PublicKey, WrappedKey
from ._s3 import S3Client, rewrap_object

__all__ = ["KmsClient", "KmsUnwrapper", "S3Client", "public_key", "rewrap_object"]

_ALGORITHMS = ("RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1")


@runtime_checkable
class KmsClient(Protocol):
    """What is needed of a client: ``boto3.client("kms")`` is one."""

    @property
    def get_public_key(self) -> Callable[..., Mapping[str, Any]]:
        """The KMS operation GetPublicKey."""

    @property
    def decrypt(self) -> Callable[..., Mapping[str, Any]]:
        """The KMS operation Decrypt."""


class KmsUnwrapper:
    """Unwraps data keys with RSA keys in AWS KMS: for ``unseal`` and its kin.

    ``keys`` are the ids, ARNs or aliases of the KMS keys that may be used: one or several. A
    message names its recipients by the fingerprint of the public key, so when it is first needed,
    each of ``keys`` is asked for its public key (``kms:GetPublicKey``), once. Then it takes one
    ``kms:Decrypt`` for each message. For messages that are sealed for other keys there is no
    ``Decrypt`` at all, whatever key id they claim.

    An alias is resolved once, and stands for that key as long as this object lives. After a
    rotation, list the old key too, by its id or ARN.

    Exceptions of the client, such as ClientError, become the cause of KeyUnwrapError. Retries and
    timeouts are the client's business. Can be used from several threads, and in a forked child if
    the client can, which a client of boto3 cannot: make a new one there.
    """

    def __init__(self, kms_client: KmsClient, keys: Iterable[str]) -> None:
        _check_client(kms_client)
        names = _names(keys)
        self._client = kms_client
        # The keys whose fingerprint is not known yet, and the ARNs of the others.
        self._unknown = list(dict.fromkeys(names))
        self._arns: dict[bytes, str] = {}
        self._lock = threading.Lock()
        _unwrappers.add(self)

    def __call__(self, wrapped_key: WrappedKey) -> bytes | None:
        """Return the data key, or None if it is wrapped for none of the keys."""
        if wrapped_key.algorithm not in _ALGORITHMS:
            return None
        arn = self._arn_of(wrapped_key)
        if arn is None:
            return None
        response = self._client.decrypt(
            KeyId=arn,
            CiphertextBlob=wrapped_key.ciphertext,
            EncryptionAlgorithm=wrapped_key.algorithm,
        )
        data_key: bytes = response["Plaintext"]
        return data_key

    def fingerprints(self) -> list[bytes]:
        """Return the fingerprints of the keys, as far as the KMS has been asked for them."""
        with self._lock:
            return list(self._arns)

    def _arn_of(self, wrapped_key: WrappedKey) -> str | None:
        fingerprint = wrapped_key.fingerprint
        with self._lock:
            first_error: Exception | None = None
            # The key id is a hint which key to ask first, and no more than that.
            for key in sorted(self._unknown, key=lambda key: key != wrapped_key.key_id):
                if fingerprint in self._arns:
                    break
                try:
                    found, arn = _get_public_key(self._client, key)
                except Exception as error:  # raised below, if no other key matches
                    first_error = first_error or error
                else:
                    self._arns[found.fingerprint] = arn
                    self._unknown.remove(key)
            arn_of_fingerprint = self._arns.get(fingerprint)
        if arn_of_fingerprint is None and first_error is not None:
            raise first_error
        return arn_of_fingerprint


# Whose locks a forked child has to make anew, because a thread that it does not have may hold them.
_unwrappers: weakref.WeakSet[KmsUnwrapper] = weakref.WeakSet()


def _make_new_locks() -> None:
    for unwrapper in _unwrappers:
        unwrapper._lock = threading.Lock()  # noqa: SLF001


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_make_new_locks)


def public_key(kms_client: KmsClient, key_id: str) -> PublicKey:
    """Fetch the public key of the KMS key ``key_id``, to seal for it; ``.der`` is what to store.

    Raises InvalidKeyError for a key that could seal but never unseal: one that is there to sign,
    or is not RSA. KMS refuses itself to give out the public keys of those it is about to delete.
    """
    _check_client(kms_client)
    if not isinstance(key_id, str):
        raise TypeError(f"key_id must be str, not {type(key_id).__name__}")
    return _get_public_key(kms_client, key_id)[0]


def _names(keys: object) -> list[str]:
    if isinstance(keys, str):
        keys = [keys]
    if isinstance(keys, bytes) or not isinstance(keys, Iterable):
        raise TypeError(f"keys must be str or an iterable of str, not {type(keys).__name__}")
    names = list(keys)
    if not names:
        raise ValueError("keys is empty: name the KMS keys that may be used")
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"each of keys must be str, not {type(name).__name__}")
        if not name:
            raise ValueError("a key id in keys is empty")
    return names


def _check_client(client: object) -> None:
    from inspect import iscoroutinefunction  # noqa: PLC0415 (importing it takes 5 ms)

    given = type(client).__name__
    for name in ("get_public_key", "decrypt"):
        if not callable(getattr(client, name, None)):
            raise TypeError(
                f'kms_client must be a KMS client, such as boto3.client("kms"), not {given}: '
                f"it has no method {name}"
            )
    # In aiobotocore, it is not decrypt that is an async function, but what that calls.
    calls = (getattr(client, name, None) for name in ("decrypt", "_make_api_call"))
    if any(map(iscoroutinefunction, calls)):
        raise TypeError(
            f'kms_client must be synchronous, such as boto3.client("kms"), not {given}: with an '
            "asynchronous client, await its decrypt, and give the data key to Reading.provide_key"
        )


def _get_public_key(client: KmsClient, key_id: str) -> tuple[PublicKey, str]:
    response = client.get_public_key(KeyId=key_id)
    usage = response["KeyUsage"]
    if usage != "ENCRYPT_DECRYPT":
        message = f"the KMS key {key_id} cannot unseal: its usage is {usage}, not ENCRYPT_DECRYPT"
        raise make_error(119, "WRONG_KEY_USAGE", message)
    if "RSAES_OAEP_SHA_256" not in response["EncryptionAlgorithms"]:
        spec = response.get("KeySpec", "unknown")
        message = (
            f"the KMS key {key_id} cannot unseal: its spec is {spec}, and no RSAES_OAEP_SHA_256"
        )
        raise make_error(114, "NOT_RSA", message)
    return PublicKey(response["PublicKey"]), response["KeyId"]
