"""The worked example and the code in core/FORMAT.md."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from . import reader
from .keys import private_key
from .vector import VECTORS, parse

FORMAT = Path(__file__).parents[2] / "core" / "FORMAT.md"
PLAINTEXT = b"temperature=21.5"


def block(language: str) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```$", FORMAT.read_text("utf-8"), re.M | re.S)
    assert len(found) == 1
    return str(found[0])


def example() -> bytes:
    message = b""
    for line in block("hex").splitlines():
        fields = re.fullmatch(r"([0-9a-f]{4})  ((?:[0-9a-f]{2} ?)+)( .*)?", line)
        assert fields is not None, line
        assert int(fields[1], 16) == len(message), line
        message += bytes.fromhex(fields[2])
    return message


def derived() -> dict[str, bytes]:
    values: dict[str, bytes] = {}
    name = ""
    for line in block("derived").splitlines():
        name = line[:15].strip() or name
        values[name] = values.get(name, b"") + bytes.fromhex(line[15:])
    return values


def test_worked_example_opens() -> None:
    unsealed = reader.unseal(example(), reader.private_key_unwrap(private_key("rsa-2048")))
    assert unsealed.plaintext == PLAINTEXT
    assert unsealed.context == {"device": "42"}


def test_worked_example_is_the_vector() -> None:
    vector = parse(VECTORS / "accepted" / "worked_example.vector")
    assert vector.message == example()
    assert vector.data_key == derived()["data key"]


def test_derived_values() -> None:
    message, values = example(), derived()
    header = reader.parse_header(message)
    salt = message[header.length : header.length + 24]
    info = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00" + salt + header.bound
    assert expand(info, 76) == values["payload key"] + values["base nonce"] + values["commitment"]
    assert expand(b"libseal/v1 header mac", 64) == values["MAC key"]


def expand(info: bytes, length: int) -> bytes:
    return HKDFExpand(hashes.SHA512(), length, info).derive(derived()["data key"])


@pytest.mark.parametrize("vector", ["worked_example", "key_id_2048_bytes", "length_32768"])
def test_reading_without_libseal(vector: str) -> None:
    message = parse(VECTORS / "accepted" / f"{vector}.vector").message
    unwrap = reader.private_key_unwrap(private_key("rsa-2048"))
    fingerprint = reader.parse_header(message).recipients[0].fingerprint

    def decrypt(**request: Any) -> dict[str, bytes | None]:
        assert request.pop("KeyId") == "alias/test"
        assert request.pop("EncryptionAlgorithm") == "RSAES_OAEP_SHA_256"
        wrapped = request.pop("CiphertextBlob")
        assert not request
        return {"Plaintext": unwrap(1, fingerprint, "", wrapped)}

    names: dict[str, Any] = {
        "message": message,
        "kms": SimpleNamespace(decrypt=decrypt),
        "key_id": "alias/test",
    }
    exec(block("python"), names)
    assert names["plaintext"] == reader.unseal(message, unwrap).plaintext
