"""The base64 text that ``openssl enc -a`` writes."""

import binascii
from collections.abc import Callable
from typing import Final, TypeAlias

from .._errors import FormatError, TruncatedError

__all__ = ["Base64Decoder", "Bytes", "Read"]

Bytes: TypeAlias = bytes | memoryview
Read: TypeAlias = Callable[[int], Bytes]
"""Reads up to so many bytes, and none only at the end."""

_WHITE: Final = b" \t\r\n"


class Base64Decoder:
    """Reads base64 text, in lines of any length, and returns bytes.

    ``openssl enc -d -a`` leaves out or stops at what it cannot read. Here it is an error.
    """

    def __init__(self, read: Read) -> None:
        self._read = read
        # Up to three characters of a group that goes on.
        self._left = b""
        self._is_padded = False

    def read(self, size: int) -> bytes:
        """Read about ``size`` bytes, and none only at the end."""
        while text := bytes(self._read(size)):
            text = self._left + text.translate(None, _WHITE)
            end = len(text) - len(text) % 4
            was_padded = self._is_padded
            self._is_padded |= text[:end].endswith(b"=")
            self._left = text[end:]
            if (was_padded and text) or (self._is_padded and self._left):
                raise FormatError("the base64 text goes on after its end, the padding `=`")
            if not end:
                continue
            try:
                return binascii.a2b_base64(text[:end], strict_mode=True)
            except binascii.Error:
                raise FormatError(
                    "this is not base64 text: read it without base64 if `openssl enc` was not told "
                    "-a or -A"
                ) from None
        if self._left:
            raise TruncatedError("the base64 text is cut short: its last group is not complete")
        return b""
