"""From a password and a salt to a key: what ``openssl enc`` was told, and what it made of that."""

import hashlib
from collections.abc import Callable
from functools import partial
from threading import Thread
from typing import Final, NamedTuple

from .._types import Buffer

__all__ = ["BLOCK_LEN", "CIPHERS", "DIGESTS", "KeyDerivation", "password_bytes"]

BLOCK_LEN: Final = 16
DEFAULT_ITERATIONS: Final = 10_000

CIPHERS: Final = tuple(f"aes-{bits}-{mode}" for mode in ("ctr", "cbc") for bits in (256, 192, 128))
DIGESTS: Final = ("sha256", "md5", "sha1", "sha512")


class KeyDerivation(NamedTuple):
    """How key and IV were derived, and for which mode of AES."""

    mode: str
    key_len: int
    md: str
    iterations: int | None
    """Those of PBKDF2; None for EVP_BytesToKey."""

    @classmethod
    def of(cls, cipher: str, md: str, iterations: int | None, *, pbkdf2: bool) -> "KeyDerivation":
        """Check what ``openssl enc`` was told."""
        _, bits, mode = _one_of("cipher", cipher, CIPHERS).split("-")
        md = _one_of("md", md, DIGESTS)
        if iterations is not None:
            if not isinstance(iterations, int):
                raise TypeError(f"iterations must be int or None, not {type(iterations).__name__}")
            if not 0 < iterations < 2**31:  # openssl's limit, and hashlib's
                raise ValueError(f"iterations must be from 1 to {2**31 - 1}, not {iterations}")
        elif pbkdf2:
            iterations = DEFAULT_ITERATIONS
        return cls(mode, int(bits) // 8, md, iterations)

    def derive(self, password: bytes, salt: bytes) -> tuple[bytes, bytes]:
        """Return key and IV."""
        length = self.key_len + BLOCK_LEN
        if self.iterations is not None:
            derived = _in_thread(
                partial(hashlib.pbkdf2_hmac, self.md, password, salt, self.iterations, length)
            )
        else:
            # EVP_BytesToKey with one iteration.
            derived = block = b""
            while len(derived) < length:
                digest = hashlib.new(self.md, block + password + salt, usedforsecurity=False)
                block = digest.digest()
                derived += block
        return derived[: self.key_len], derived[self.key_len : length]


def _in_thread(function: Callable[[], bytes]) -> bytes:
    """Call a function of C that may take minutes, so that Ctrl-C need not wait for it."""
    from concurrent.futures import Future  # noqa: PLC0415 (importing it takes 5 ms)

    future: Future[bytes] = Future()

    def run() -> None:
        try:
            future.set_result(function())
        except BaseException as error:
            future.set_exception(error)

    # A pool would be waited for at the end of the process.
    Thread(target=run, daemon=True).start()
    return future.result()


def password_bytes(password: Buffer) -> bytes:
    """Refuse what is no password in bytes."""
    if isinstance(password, str):
        raise TypeError("password must be bytes, not str: encode it as openssl was given it")
    try:
        return bytes(memoryview(password))
    except TypeError:
        # Not the value: it may be a secret.
        raise TypeError(f"password must be bytes, not {type(password).__name__}") from None


def _one_of(name: str, value: object, known: tuple[str, ...]) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be str, not {type(value).__name__}")
    # As in openssl, capitals make no difference.
    if value.lower() not in known:
        raise ValueError(f"{name} must be one of {', '.join(known)}, not {value!r}")
    return value.lower()
