"""Looks for secrets byte for byte, in the forms in which an engine might write them down."""

import base64
from collections.abc import Iterable, Iterator
from pathlib import Path


def forms(secret: bytes) -> Iterator[bytes]:
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    # In longer text in base64, a secret may begin at any of three places.
    for before in range(3):
        text = base64.b64encode(bytes(before) + secret)
        # Only the characters that are made of nothing but the secret.
        yield (inner := text[-(-4 * before // 3) : 4 * (before + len(secret)) // 3])
        yield inner.replace(b"+", b"-").replace(b"/", b"_")
    yield repr(secret)[2:-1].encode()
    yield ", ".join(map(str, secret)).encode()


def count_secrets(secrets: Iterable[bytes], *haystacks: bytes | Path) -> int:
    """How many of the secrets are in bytes, in a file or in a file of a folder."""
    texts = [text for haystack in haystacks for text in contents(haystack)]
    return sum(any(form in text for form in forms(secret) for text in texts) for secret in secrets)


def contents(haystack: bytes | Path) -> Iterator[bytes]:
    if isinstance(haystack, bytes):
        yield haystack
    elif haystack.is_file():
        yield haystack.read_bytes()
    else:
        yield from (file.read_bytes() for file in haystack.rglob("*") if file.is_file())
