"""Decrypting piece by piece what ``openssl enc`` wrote."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from .._errors import AuthenticationError, FormatError, TruncatedError
from .._files import two_in_turn
from .._types import Progress
from ._base64 import Base64Decoder, Bytes, Read
from ._key import BLOCK_LEN, KeyDerivation

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import CipherContext

__all__ = ["decrypted"]

MAGIC: Final = b"Salted__"
SALT_LEN: Final = 8
HEADER_LEN: Final = len(MAGIC) + SALT_LEN
# What base64 makes of the magic.
MAGIC_IN_BASE64: Final = b"U2FsdGVkX1"


def decrypted(
    read: Read,
    password: bytes,
    derivation: KeyDerivation,
    *,
    base64: bool,
    progress: Progress | None,
    piece_len: int,
) -> Iterator[memoryview]:
    """Read the header, and return the plaintext, part by part.

    A part is overwritten when the next but one is asked for. ``read`` returns up to so many bytes,
    and none only at the end.
    """
    if progress is not None:
        read = _counted(read, progress)
    if base64:
        read = Base64Decoder(read).read
    beginning = b""
    while len(beginning) < HEADER_LEN and (more := bytes(read(2 * HEADER_LEN))):
        beginning += more
    _check_header(beginning)
    salt, beginning = beginning[len(MAGIC) : HEADER_LEN], beginning[HEADER_LEN:]
    cipher = _cipher(derivation, password, salt)
    ciphertext = _pieces(beginning, read, piece_len)
    if derivation.mode == "cbc":
        return _without_padding(cipher, ciphertext, piece_len)
    return _all(cipher, ciphertext, piece_len)


def _counted(read: Read, progress: Progress) -> Read:
    def counted(size: int) -> Bytes:
        piece = read(size)
        if piece:
            progress(len(piece))
        return piece

    return counted


def _check_header(beginning: bytes) -> None:
    """Refuse what does not begin with the magic and a salt, and say what it may be instead."""
    if beginning.startswith(MAGIC):
        if len(beginning) < HEADER_LEN:
            raise TruncatedError("the file is cut short: it ends within its salt")
        return
    if not beginning:
        raise TruncatedError("the file is empty: `openssl enc` writes 16 bytes or more")
    if beginning.startswith(MAGIC_IN_BASE64):
        raise FormatError(
            "this is base64 text, as `openssl enc -a` writes it: read it with base64 "
            "(--base64 of the command)"
        )
    if beginning.startswith(b"SEAL"):
        raise FormatError(
            "this is a sealed message of libseal, not a file of `openssl enc`: unseal it"
        )
    raise FormatError(
        "this does not begin with `Salted__`, so it is not what `openssl enc` writes when it has a "
        "password: check that it is the data and not the wrapped key; if -nosalt, -S or -K was "
        "given, only `openssl enc -d` with the same options can read it"
    )


def _cipher(derivation: KeyDerivation, password: bytes, salt: bytes) -> "CipherContext":
    try:
        from cryptography.hazmat.primitives.ciphers import (  # noqa: PLC0415 (optional)
            Cipher,
            algorithms,
            modes,
        )
    except ImportError as error:
        raise ImportError(
            "decrypting what `openssl enc` wrote takes the package cryptography: "
            "pip install 'libseal[openssl]'"
        ) from error
    key, iv = derivation.derive(password, salt)
    mode = modes.CBC(iv) if derivation.mode == "cbc" else modes.CTR(iv)
    return Cipher(algorithms.AES(key), mode).decryptor()


def _pieces(first: bytes, read: Read, piece_len: int) -> Iterator[Bytes]:
    if first:
        yield first
    while piece := read(piece_len):
        yield piece


def _all(
    cipher: "CipherContext", ciphertext: Iterator[Bytes], piece_len: int
) -> Iterator[memoryview]:
    # cryptography wants so much room.
    outs = two_in_turn(piece_len + BLOCK_LEN - 1)
    for piece in ciphertext:
        out = next(outs)
        yield out[: cipher.update_into(piece, out)]


def _without_padding(
    cipher: "CipherContext", ciphertext: Iterator[Bytes], piece_len: int
) -> Iterator[memoryview]:
    """The last block may be padding, so it is held back until there is another."""
    from cryptography.hazmat.primitives.padding import PKCS7  # noqa: PLC0415 (optional)

    outs = two_in_turn(piece_len + 2 * BLOCK_LEN - 1)
    out = next(outs)
    held = b""
    for piece in ciphertext:
        out[: len(held)] = held
        length = len(held) + cipher.update_into(piece, out[len(held) :])
        end = max(length - BLOCK_LEN, 0)
        held = bytes(out[end:length])
        if end:
            yield out[:end]
            out = next(outs)
    try:
        cipher.finalize()
    except ValueError:
        raise TruncatedError(
            "the file is cut short: its ciphertext is not in whole blocks, as that of CBC is; "
            "or another cipher made it"
        ) from None
    if not held:
        raise TruncatedError("the file is cut short: nothing comes after its salt")
    unpadder = PKCS7(8 * BLOCK_LEN).unpadder()
    try:
        last = unpadder.update(held) + unpadder.finalize()
    except ValueError:
        raise AuthenticationError(
            "the padding at the end does not fit: the password, the cipher, the digest or the "
            "iterations of PBKDF2 are not those of `openssl enc`, or the file was cut or altered"
        ) from None
    if last:
        yield memoryview(last)
