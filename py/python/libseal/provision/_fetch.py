"""A public key from a web server, which has to be the expected one."""

import re
from typing import Final

from .._errors import InvalidKeyError
from .._libseal import PublicKey

__all__ = ["MAX_LEN", "fetch_key"]

MAX_LEN: Final = 64 * 1024
"""No public key, certificate or bundle is longer, in bytes."""

_FINGERPRINT_LEN: Final = 32
_HEX_FINGERPRINT: Final = re.compile(r"[0-9A-Fa-f]{64}")


def fetch_key(url: str, *, fingerprint: bytes | str, timeout: float = 10.0) -> PublicKey:
    """Fetch a public key over HTTPS, and refuse it unless it has this fingerprint.

    The fingerprint, 32 bytes or 64 hexadecimal digits, has to come another way: from the output of
    ``libseal keys export``, for example. What the server gives may be a key in any form that
    ``PublicKey`` reads, a key bundle, which is refused after its not-after, or a certificate, which
    is refused outside its validity.

    Certificates of servers are verified as ``ssl.create_default_context`` does. Redirections are
    followed to HTTPS only; HTTP is for loopback. ``timeout`` is in seconds, for all of it.

    Raises OSError if there is no such answer, and InvalidKeyError if it is no such key.
    """
    if not isinstance(url, str):
        raise TypeError(f"url must be str, not {type(url).__name__}")
    # A wrong pin is found out before anything is asked for.
    _check_pin(fingerprint)
    from ._https import get  # noqa: PLC0415 (importing urllib takes 60 ms)

    return _read_key(get(url, max_len=MAX_LEN, timeout=timeout), fingerprint)


def _check_pin(fingerprint: object) -> None:
    if not isinstance(fingerprint, bytes | bytearray | memoryview | str):
        given = type(fingerprint).__name__
        raise TypeError(f"fingerprint must be bytes or str, not {given}")
    if isinstance(fingerprint, str):
        if not _HEX_FINGERPRINT.fullmatch(fingerprint):
            raise ValueError(
                "a fingerprint has 64 hexadecimal digits: libseal keys export --form json shows it"
            )
    elif len(fingerprint) != _FINGERPRINT_LEN:
        raise ValueError(f"a fingerprint has 32 bytes, not {len(fingerprint)}")


def _read_key(content: bytes, fingerprint: bytes | str) -> PublicKey:
    if content.lstrip().startswith(b"{"):
        key = PublicKey.from_bundle(content)
    else:
        try:
            return PublicKey(content, fingerprint=fingerprint)
        except InvalidKeyError as error:
            if error.name != "CERTIFICATE_GIVEN":
                raise
        key = PublicKey.from_certificate(content)
    return PublicKey(key.der, fingerprint=fingerprint)
