"""The password that ``openssl pkeyutl`` encrypted."""

import binascii
import re
from collections.abc import Iterable, Sequence
from typing import Final, Protocol, runtime_checkable

from .._errors import FormatError, KeyUnwrapError, StopUnwrap, WrappedKeyRejectedError
from .._types import Buffer

__all__ = ["SupportsDecrypt", "unwrap_password"]

ALGORITHMS: Final = ("RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1")

# What RSA keys of 2048, 3072 and 4096 bits make.
_WRAPPED_LENS: Final = (256, 384, 512)


@runtime_checkable
class SupportsDecrypt(Protocol):
    """What decrypts RSA-OAEP: ``libseal.aws.KmsUnwrapper`` and ``libseal.LocalUnwrapper`` do."""

    def decrypt(self, ciphertext: bytes, algorithm: str, /) -> bytes:
        """Return the plaintext. Raises KeyUnwrapError or one of its subclasses."""


def unwrap_password(
    wrapped: Buffer,
    unwrap: SupportsDecrypt | Sequence[SupportsDecrypt],
    *,
    algorithm: str | None = None,
) -> bytes:
    """Decrypt ``key.b64.enc`` and return the password that it holds, for ``openssl enc``'s data.

    ``wrapped`` is the content of that file: 256, 384 or 512 bytes, or the same in base64, which
    cannot be mistaken for one another. ``unwrap`` decrypts it: a KmsUnwrapper, a LocalUnwrapper, or
    several, one after the other. ``algorithm`` is a KMS EncryptionAlgorithm; by default,
    RSAES_OAEP_SHA_256 is tried first and then RSAES_OAEP_SHA_1.

    The password is what ``openssl enc -pass file:key.b64`` takes for it: the first line, without
    its newline, up to a zero byte. If it is empty or is not base64 text, a UserWarning says so,
    because something else may have been wrapped.

    Raises FormatError if ``wrapped`` is no such thing, WrappedKeyRejectedError if no key decrypts
    it, or KmsUnavailableError or KmsRefusedError if one that might could not be asked.
    """
    algorithms = ALGORITHMS if algorithm is None else (_known(algorithm),)
    unwrappers = [unwrap] if isinstance(unwrap, SupportsDecrypt) else _several(unwrap)
    key_file = _decrypted(_ciphertext(wrapped), unwrappers, algorithms)
    password = key_file.partition(b"\n")[0].partition(b"\0")[0]
    _warn_of_what_is_odd(password)
    return password


def _known(algorithm: object) -> str:
    if not isinstance(algorithm, str):
        raise TypeError(f"algorithm must be str or None, not {type(algorithm).__name__}")
    if algorithm not in ALGORITHMS:
        raise ValueError(f"algorithm must be one of {', '.join(ALGORITHMS)}, not {algorithm!r}")
    return algorithm


def _several(unwrap: object) -> list[SupportsDecrypt]:
    unwrappers = []
    for unwrapper in unwrap if isinstance(unwrap, Iterable) else [unwrap]:
        if isinstance(unwrapper, SupportsDecrypt):
            unwrappers.append(unwrapper)
        else:
            raise TypeError(
                "unwrap must have a method decrypt, as KmsUnwrapper and LocalUnwrapper do, or be "
                f"a sequence of what has; {type(unwrapper).__name__} has none"
            )
    if not unwrappers:
        raise ValueError("unwrap is empty: give what can decrypt the password")
    return unwrappers


def _ciphertext(wrapped: Buffer) -> bytes:
    if isinstance(wrapped, str):
        raise TypeError("wrapped must be bytes, not str: read the file in binary mode")
    data = bytes(memoryview(wrapped))
    ciphertext = _from_base64(data) or data
    if ciphertext.startswith(b"Salted__"):
        raise FormatError(
            "this is the data that `openssl enc` wrote, and the wrapped key is needed here: give "
            "the two files the other way round"
        )
    if len(ciphertext) not in _WRAPPED_LENS:
        raise FormatError(
            f"this is not a wrapped key: it has {len(data)} bytes, and RSA makes 256, 384 or 512 "
            "of them, or the same in base64"
        )
    return ciphertext


def _from_base64(data: bytes) -> bytes | None:
    """What the text holds; None for other bytes. RSA makes text by chance once in 2**500 times."""
    try:
        return binascii.a2b_base64(b"".join(data.split()), strict_mode=True)
    except binascii.Error:
        return None


def _decrypted(
    ciphertext: bytes, unwrappers: list[SupportsDecrypt], algorithms: Sequence[str]
) -> bytes:
    failures: list[KeyUnwrapError] = []
    for unwrapper in unwrappers:
        for algorithm in algorithms:
            try:
                return bytes(unwrapper.decrypt(ciphertext, algorithm))
            except StopUnwrap:
                raise
            except KeyUnwrapError as error:
                failures.append(error)
                if error.retryable:
                    break
    # The retryable one, as for messages, or else the first that is not about the wrapped key.
    failure = min(
        failures,
        key=lambda error: (not error.retryable, isinstance(error, WrappedKeyRejectedError)),
    )
    if isinstance(failure, WrappedKeyRejectedError):
        raise WrappedKeyRejectedError(
            "the wrapped key does not decrypt: it was wrapped for another key, with another "
            f"padding than {' or '.join(algorithms)}, or was altered"
        ) from failure
    raise failure


def _warn_of_what_is_odd(password: bytes) -> None:
    """The password itself is never shown."""
    if re.fullmatch(rb"[A-Za-z0-9+/]+={0,2}", password):
        return
    if not password:
        odd = "the first line of what was wrapped is empty, and so is the password"
    elif password.endswith(b"\r"):
        odd = (
            "the password ends in a carriage return, which openssl takes as a part of it, except "
            "on Windows"
        )
    else:
        odd = (
            "what was wrapped is not base64 text, as `openssl rand -base64` makes it: its first "
            "line is the password as it stands"
        )
    import warnings  # noqa: PLC0415 (rarely needed)

    warnings.warn(odd, UserWarning, stacklevel=3)
