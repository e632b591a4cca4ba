"""Recipients files: the keys that a message is to be sealed for, one a line."""

import re
from collections.abc import Iterator
from typing import Final

from .._errors import InvalidKeyError, SealError, make_error
from .._libseal import PublicKey, Recipient

__all__ = ["read_recipients"]

_BEGIN: Final = "-----BEGIN "
_END: Final = "-----END "
_MAX_WORDS: Final = 2


def read_recipients(text: str | bytes) -> list[Recipient]:
    """Read a recipients file: text, of which bytes are UTF-8.

    A line is the DER of a public key in base64, or a key id and that: ``alias/telemetry MIIB…``.
    The key id goes into the header of messages. Public keys in PEM may be there too. Lines that
    begin with ``#`` are comments.

    Raises InvalidKeyError, which names the line, for anything else, and for a file without a key.
    """
    if isinstance(text, bytes | bytearray | memoryview):
        try:
            text = bytes(text).decode("utf-8-sig")
        except UnicodeDecodeError:
            raise _invalid("this is no recipients file: it is not text") from None
    if not isinstance(text, str):
        raise TypeError(f"text must be str or bytes, not {type(text).__name__}")
    recipients = []
    for number, key_id, encoded in _entries(text):
        try:
            recipients.append(Recipient(PublicKey(encoded), key_id))
        except SealError as error:
            named = type(error)(f"line {number}: {error}")
            named.code, named.name = error.code, error.name
            raise named from None
    if not recipients:
        raise _invalid("there is no key in this recipients file, which has one in each line")
    return recipients


def _entries(text: str) -> Iterator[tuple[int, str, str]]:
    """Number of the line, key id and encoded key of each recipient."""
    block: list[str] = []
    start = 0
    # Not splitlines(), which takes more than line feeds for ends of lines.
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), start=1):
        stripped = line.strip()
        if block or stripped.startswith(_BEGIN):
            start = start if block else number
            block.append(stripped)
            if stripped.startswith(_END):
                yield start, "", "\n".join([*block, ""])
                block = []
            continue
        if not stripped or stripped.startswith("#"):
            continue
        words = stripped.split()
        if len(words) > _MAX_WORDS:
            raise _invalid(
                f"line {number}: there are {len(words)} words, and a recipient is a key id and the "
                "public key in base64, or the latter alone; comments begin with #"
            )
        yield number, "" if len(words) == 1 else words[0], words[-1]
    if block:
        raise _invalid(f"line {start}: the PEM block that begins here has no end")


def _invalid(message: str) -> InvalidKeyError:
    error = make_error(110, "NOT_A_PUBLIC_KEY", message)
    assert isinstance(error, InvalidKeyError)  # noqa: S101 (110 is one)
    return error
