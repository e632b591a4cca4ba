"""The recipe before libseal, as its pages give it: the real openssl makes the files."""

from __future__ import annotations

import subprocess
from functools import cache
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

import libseal
from support import key_file
from tests.independent.vector import KEYS

if TYPE_CHECKING:
    from pathlib import Path

CTR, CBC = "aes-256-ctr", "aes-256-cbc"
HASHES: dict[str, hashes.HashAlgorithm] = {
    "RSAES_OAEP_SHA_256": hashes.SHA256(),
    "RSAES_OAEP_SHA_1": hashes.SHA1(),
}


def openssl(*arguments: object, data: bytes = b"") -> bytes:
    """What openssl prints. Raises CalledProcessError if it fails."""
    command = ["openssl", *map(str, arguments)]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


def encrypted(data: bytes, key_file: Path, cipher: str = CTR, *options: object) -> bytes:
    """What `openssl enc` makes of it, with SHA-256 unless the options say otherwise."""
    return openssl("enc", f"-{cipher}", *_with_password(key_file, options), data=data)


def decrypted(data: bytes, key_file: Path, cipher: str = CTR, *options: object) -> bytes | None:
    """What `openssl enc -d` makes of it; None if it fails."""
    arguments = _with_password(key_file, options)
    try:
        return openssl("enc", "-d", f"-{cipher}", *arguments, data=data)
    except subprocess.CalledProcessError:
        return None


def _with_password(key_file: Path, options: tuple[object, ...]) -> list[object]:
    md = [] if "-md" in options else ["-md", "sha256"]
    return ["-pass", f"file:{key_file}", *md, *options]


def wrapped(data: bytes, key: str | Path = "rsa-2048", *options: str, md: str = "sha256") -> bytes:
    """What `openssl pkeyutl` makes of it for a test key, or for a public key in a file."""
    oaep = ["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", f"rsa_oaep_md:{md}"]
    more = [word for option in options for word in ("-pkeyopt", option)]
    public_key = KEYS / f"{key}.pub.pem" if isinstance(key, str) else key
    return openssl("pkeyutl", "-encrypt", "-pubin", "-inkey", public_key, *oaep, *more, data=data)


def rsa_oaep(name: str, ciphertext: bytes, algorithm: str) -> bytes:
    """Decrypt with a test key. Raises ValueError."""
    md = HASHES[algorithm]
    return _private_key(name).decrypt(ciphertext, padding.OAEP(padding.MGF1(md), md, None))


@cache
def _private_key(name: str) -> rsa.RSAPrivateKey:
    key = load_pem_private_key(key_file(f"{name}.key.pem"), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


class Decrypter:
    """Holds a test key, notes which algorithms it was asked for, and fails as it is told."""

    def __init__(
        self, name: str = "rsa-2048", failure: libseal.KeyUnwrapError | None = None
    ) -> None:
        self.name = name
        self.failure = failure
        self.asked: list[str] = []

    def decrypt(self, ciphertext: bytes, algorithm: str, /) -> bytes:
        self.asked.append(algorithm)
        if self.failure is not None:
            raise self.failure
        try:
            return rsa_oaep(self.name, ciphertext, algorithm)
        except ValueError:
            raise libseal.WrappedKeyRejectedError("does not decrypt") from None
