"""Writer, reader and pyca's Cobblestone-256 against each other, and the two command lines."""

import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.cobblestone import Cobblestone256Encryptor

from . import reader, writer
from .draft import Draft, flip, oaep_encode
from .keys import private_key
from .vector import KEYS

ROOT = Path(__file__).parents[2]
LENGTHS = (0, 1, 16383, 16384, 16385, 40000)


def rsa_2048(kind: int, fingerprint: bytes, key_id: str, wrapped: bytes) -> bytes | None:
    return reader.private_key_unwrap(private_key("rsa-2048"))(kind, fingerprint, key_id, wrapped)


def status_of(message: bytes) -> str:
    try:
        reader.unseal(message, rsa_2048)
    except reader.Rejected as rejected:
        return rejected.status
    return "OK"


@pytest.mark.parametrize("kind", [1, 2])
@pytest.mark.parametrize("length", LENGTHS)
def test_reader_opens_what_writer_seals(length: int, kind: int) -> None:
    plaintext = bytes(length)
    public_key = private_key("rsa-2048").public_key()
    context = {"z": "1", "a": "2"}
    message = writer.seal(plaintext, public_key, kind=kind, key_id="id", context=context)
    unsealed = reader.unseal(message, rsa_2048, {"a": "2"})
    assert unsealed.plaintext == plaintext
    assert list(unsealed.context.items()) == [("a", "2"), ("z", "1")]


@pytest.mark.parametrize("length", LENGTHS)
def test_reader_opens_what_pyca_seals(length: int) -> None:
    message = Draft("pyca").message(b"", context={"device": "42"})
    encryptor = Cobblestone256Encryptor(Draft("pyca").data_key, message.prefix + message.context)
    payload = encryptor.update(bytes(length)) + encryptor.finalize()
    assert reader.unseal(message.header + payload, rsa_2048).plaintext == bytes(length)


def test_oaep_by_hand_is_what_pyca_decrypts() -> None:
    for digest, kind in (("sha256", 1), ("sha1", 2)):
        key = private_key("rsa-2048")
        numbers = key.public_key().public_numbers()
        seed = bytes(32 if kind == 1 else 20)
        encoded = oaep_encode(b"data key", 256, digest, seed)
        wrapped = pow(int.from_bytes(encoded), numbers.e, numbers.n).to_bytes(256)
        fingerprint = writer.fingerprint(key.public_key())
        assert rsa_2048(kind, fingerprint, "", wrapped) == b"data key"


def test_every_cut_is_refused() -> None:
    message = Draft("cut").message(b"twenty bytes of text", context={"device": "42"})
    whole = bytes(message)
    final_chunk = len(message.header) + 56
    assert status_of(whole) == "OK"
    assert status_of(b"") == "EMPTY_MESSAGE"
    for length in range(1, len(whole)):
        told = "TRUNCATED" if length < final_chunk + 16 else "END_NOT_AUTHENTIC"
        assert status_of(whole[:length]) == told, length


def test_every_bit_is_authenticated() -> None:
    whole = bytes(Draft("flip").message(b"twenty bytes of text", context={"device": "42"}))
    for index in range(len(whole)):
        assert status_of(flip(whole, index)) != "OK", index


def test_command_lines(tmp_path: Path) -> None:
    plain, sealed, opened = (tmp_path / name for name in ("plain", "sealed", "opened"))
    plain.write_bytes(b"some text")
    run("writer", KEYS / "rsa-3072.pub.der", plain, sealed, "--key-id", "id",
        "--algorithm", "RSAES_OAEP_SHA_1", "--context", "a=b=c")  # fmt: skip
    assert run("reader", KEYS / "rsa-3072.key.pem", sealed, opened, "--context", "a=b=c") == ""
    assert opened.read_bytes() == b"some text"

    opened.unlink()
    told = run("reader", KEYS / "rsa-3072.key.pem", sealed, opened, "--context", "a=d")
    assert told == "CONTEXT_MISMATCH\n"
    assert not opened.exists()


def run(module: str, *arguments: object) -> str:
    command = [sys.executable, "-m", f"tests.independent.{module}", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stderr
