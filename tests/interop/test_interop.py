"""Sealed by each, unsealed by each."""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.interop.faces import (
    KINDS,
    READERS,
    REFUSALS,
    ROOT,
    WRITERS,
    Key,
    KmsKey,
    PrivateKey,
    Programs,
    Sealing,
)

KEYS = ROOT / "tests/vectors/keys"
CHUNK = 16 * 1024
LENGTHS = (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 100_000)
CONTEXT = {"device": "42", "ort": "Zürich"}

every_writer = pytest.mark.parametrize("writer", WRITERS)
every_reader = pytest.mark.parametrize("reader", READERS)
every_algorithm = pytest.mark.parametrize("algorithm", KINDS)

Sealed = Callable[[str, int, str, int], tuple[Path, Path]]


@pytest.fixture(scope="session")
def sealed(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    """Gives a plaintext and a message of it, made once for all readers."""

    @cache
    def plaintext(length: int) -> Path:
        path = tmp_path_factory.mktemp("plaintext") / str(length)
        path.write_bytes(os.urandom(length))
        return path

    @cache
    def message(writer: str, bits: int, algorithm: str, length: int) -> tuple[Path, Path]:
        target = tmp_path_factory.mktemp("message") / "sealed"
        public_key = KEYS / f"rsa-{bits}.pub.der"
        how = Sealing(public_key, algorithm, key_id=f"rsa-{bits}", context=CONTEXT)
        WRITERS[writer](programs, how, plaintext(length), target)
        return plaintext(length), target

    return message


def private_key(bits: int) -> Key:
    return PrivateKey(KEYS / f"rsa-{bits}.key.pem")


@every_reader
@every_writer
@every_algorithm
@pytest.mark.parametrize("bits", [2048, 3072, 4096])
@pytest.mark.parametrize("length", LENGTHS)
def test_unseals(
    programs: Programs,
    sealed: Sealed,
    tmp_path: Path,
    writer: str,
    reader: str,
    bits: int,
    algorithm: str,
    length: int,
) -> None:
    plaintext, message = sealed(writer, bits, algorithm, length)
    target = tmp_path / "unsealed"
    READERS[reader](programs, private_key(bits), CONTEXT, message, target)
    assert target.read_bytes() == plaintext.read_bytes()


@every_reader
@every_writer
@pytest.mark.parametrize("position", [10, 72, -1], ids=["context", "key-id", "end"])
def test_refuses_a_changed_message(
    programs: Programs, sealed: Sealed, tmp_path: Path, writer: str, reader: str, position: int
) -> None:
    _, message = sealed(writer, 2048, "RSAES_OAEP_SHA_256", CHUNK)
    changed = bytearray(message.read_bytes())
    changed[position] ^= 1
    source = tmp_path / "changed"
    source.write_bytes(changed)
    with pytest.raises(REFUSALS):
        READERS[reader](programs, private_key(2048), {}, source, tmp_path / "unsealed")
    assert list(tmp_path.iterdir()) == [source]


@every_reader
@every_writer
@every_algorithm
def test_unseals_through_the_kms(
    programs: Programs,
    kms_key: KmsKey,
    kms_public_key: Path,
    tmp_path: Path,
    writer: str,
    reader: str,
    algorithm: str,
) -> None:
    plaintext, message, target = (tmp_path / name for name in ("plaintext", "message", "unsealed"))
    plaintext.write_bytes(os.urandom(100_000))
    how = Sealing(kms_public_key, algorithm, key_id=kms_key.key)
    WRITERS[writer](programs, how, plaintext, message)
    READERS[reader](programs, kms_key, {}, message, target)
    assert target.read_bytes() == plaintext.read_bytes()
