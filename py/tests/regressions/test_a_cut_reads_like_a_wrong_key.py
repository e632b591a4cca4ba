"""A message cut inside a chunk raised the same error as a wrong data key."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

import libseal
from support import CHUNK, data_key_of, pieces, public_key, unseal_in_pieces

if TYPE_CHECKING:
    from collections.abc import Callable

BLOB = libseal.seal(public_key(), bytes(40_000))
DATA_KEY = data_key_of(BLOB)
CHUNKS = libseal.inspect(BLOB).length + 56
SEALED_CHUNK = CHUNK + 16


def unwrap(_: libseal.WrappedKey) -> bytes:
    return DATA_KEY


def read(message: bytes) -> bytes:
    return libseal.UnsealReader(io.BytesIO(message), unwrap).read()


def read_at_the_end(message: bytes) -> bytes:
    reader = libseal.UnsealReader(io.BytesIO(message), unwrap)
    reader.seek(1)
    return reader.read()


FROM_THE_START = [
    lambda message: libseal.unseal(message, unwrap),
    lambda message: unseal_in_pieces(pieces(message, 5000), unwrap),
    read,
]


@pytest.mark.parametrize("unseal", [*FROM_THE_START, read_at_the_end])
def test_every_cut_of_the_payload_is_a_truncation(unseal: Callable[[bytes], bytes]) -> None:
    for length in [*range(CHUNKS - 56, CHUNKS + 90), *range(CHUNKS + 90, len(BLOB), 509)]:
        with pytest.raises(libseal.TruncatedError) as refused:
            unseal(BLOB[:length])
        certain = length < CHUNKS or (length - CHUNKS) % SEALED_CHUNK < 16
        assert refused.value.name == ("TRUNCATED" if certain else "END_NOT_AUTHENTIC")
        assert "cut short" in str(refused.value)


@pytest.mark.parametrize("unseal", [*FROM_THE_START, read_at_the_end])
def test_bytes_after_the_end(unseal: Callable[[bytes], bytes]) -> None:
    with pytest.raises(libseal.TruncatedError, match="extended") as refused:
        unseal(BLOB + b"more")
    assert (refused.value.code, refused.value.name) == (302, "END_NOT_AUTHENTIC")


@pytest.mark.parametrize("unseal", FROM_THE_START)
def test_an_altered_chunk_is_no_truncation(unseal: Callable[[bytes], bytes]) -> None:
    altered = bytearray(BLOB)
    altered[CHUNKS + SEALED_CHUNK] ^= 1
    for message in (bytes(altered), bytes(altered[:-100])):
        with pytest.raises(libseal.AuthenticationError) as refused:
            unseal(message)
        assert refused.value.name == "AUTHENTICATION_FAILED"
        assert not isinstance(refused.value, libseal.TruncatedError)


def test_a_wrong_key_is_no_truncation() -> None:
    with pytest.raises(libseal.AuthenticationError) as refused:
        libseal.unseal(BLOB[:-100], lambda _: bytes(32))
    assert not isinstance(refused.value, libseal.TruncatedError)
    assert "cut" not in str(refused.value)
