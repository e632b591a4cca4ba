"""Seals a message as core/FORMAT.md says, without libseal.

Simple rather than fast: the whole message is held in memory. The payload is put together by hand
from HKDF and AES-GCM, so that a salt can be given and pyca's own Cobblestone-256, which the reader
uses, is a check on it.
"""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)

PREFIX = b"SEAL\x01\x01"
KINDS = {"RSAES_OAEP_SHA_256": 1, "RSAES_OAEP_SHA_1": 2}
HASHES: Mapping[int, hashes.HashAlgorithm] = {1: hashes.SHA256(), 2: hashes.SHA1()}
CHUNK_LENGTH = 16 * 1024
MAX_CONTEXT_LENGTH = 8192


@dataclass(frozen=True)
class Message:
    """A message in its parts, so that a test can replace one of them."""

    prefix: bytes
    context: bytes
    recipients: bytes
    mac: bytes
    salt: bytes
    commitment: bytes
    chunks: tuple[bytes, ...]

    @property
    def header(self) -> bytes:
        return self.prefix + self.context + self.recipients + self.mac

    @property
    def payload(self) -> bytes:
        return self.salt + self.commitment + b"".join(self.chunks)

    def __bytes__(self) -> bytes:
        return self.header + self.payload


def with_length(data: bytes) -> bytes:
    return len(data).to_bytes(2) + data


def context_block(pairs: Mapping[str, str]) -> bytes:
    """The canonical encryption context, behind its length."""
    entries = sorted((key.encode(), value.encode()) for key, value in pairs.items())
    if any(not key or key.startswith(b"libseal:") for key, _ in entries):
        raise ValueError("a context key is empty or begins with the reserved 'libseal:'")
    block = b"".join(with_length(key) + with_length(value) for key, value in entries)
    if len(block) > MAX_CONTEXT_LENGTH:
        raise ValueError(f"the encryption context takes over {MAX_CONTEXT_LENGTH} bytes")
    return with_length(block)


def fingerprint(public_key: rsa.RSAPublicKey) -> bytes:
    spki = public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    digest = hashes.Hash(hashes.SHA256())
    digest.update(spki)
    return digest.finalize()


def wrap(public_key: rsa.RSAPublicKey, kind: int, data_key: bytes) -> bytes:
    algorithm = HASHES[kind]
    return public_key.encrypt(data_key, padding.OAEP(padding.MGF1(algorithm), algorithm, None))


def recipient(kind: int, key_fingerprint: bytes, key_id: bytes, wrapped: bytes) -> bytes:
    return bytes([kind]) + key_fingerprint + with_length(key_id) + with_length(wrapped)


def recipients_block(entries: Sequence[bytes]) -> bytes:
    return bytes([len(entries)]) + b"".join(entries)


def header_mac(data_key: bytes, covered: bytes) -> bytes:
    mac_key = HKDFExpand(hashes.SHA512(), 64, b"libseal/v1 header mac").derive(data_key)
    mac = hmac.HMAC(mac_key, hashes.SHA512())
    mac.update(covered)
    return mac.finalize()[:32]


def payload(
    data_key: bytes, context: bytes, salt: bytes, plaintext: bytes
) -> tuple[bytes, tuple[bytes, ...]]:
    """The commitment and the sealed chunks of a Cobblestone-256 message."""
    info = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00" + salt + context
    derived = HKDFExpand(hashes.SHA512(), 32 + 12 + 32, info).derive(data_key)
    key, base_nonce, commitment = derived[:32], derived[32:44], derived[44:]
    aead = AESGCM(key)
    chunks = []
    # One more than the full chunks: the last is always short, and empty where it must be.
    for number in range(len(plaintext) // CHUNK_LENGTH + 1):
        nonce = (int.from_bytes(base_nonce) ^ number).to_bytes(12)
        piece = plaintext[number * CHUNK_LENGTH : (number + 1) * CHUNK_LENGTH]
        chunks.append(aead.encrypt(nonce, piece, None))
    return commitment, tuple(chunks)


def compose(
    data_key: bytes,
    salt: bytes,
    context: bytes,
    recipients: bytes,
    plaintext: bytes,
    prefix: bytes = PREFIX,
) -> Message:
    """A message from encoded blocks, which are taken as they are, be they right or wrong."""
    commitment, chunks = payload(data_key, prefix + context, salt, plaintext)
    mac = header_mac(data_key, prefix + context + recipients)
    return Message(prefix, context, recipients, mac, salt, commitment, chunks)


def seal(
    plaintext: bytes,
    public_key: rsa.RSAPublicKey,
    *,
    kind: int = 1,
    key_id: str = "",
    context: Mapping[str, str] | None = None,
) -> bytes:
    data_key = os.urandom(32)
    wrapped = wrap(public_key, kind, data_key)
    entry = recipient(kind, fingerprint(public_key), key_id.encode(), wrapped)
    block = context_block(context or {})
    return bytes(compose(data_key, os.urandom(24), block, recipients_block([entry]), plaintext))


def load_public_key(data: bytes) -> rsa.RSAPublicKey:
    is_pem = data.startswith(b"-----BEGIN")
    key = load_pem_public_key(data) if is_pem else load_der_public_key(data)
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError("not an RSA public key")
    return key


def pair(text: str) -> tuple[str, str]:
    """A context pair of the command line."""
    key, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.independent.writer",
        description="Seal the file IN into the message OUT, without libseal.",
        epilog="example: python -m tests.independent.writer tests/vectors/keys/rsa-2048.pub.pem "
        "report.txt report.sealed --context device=42",
    )
    parser.add_argument("public_key", metavar="PUBLIC_KEY", type=Path, help="SPKI, DER or PEM")
    parser.add_argument("source", metavar="IN", type=Path, help="file to seal")
    parser.add_argument("target", metavar="OUT", type=Path, help="sealed message to write")
    parser.add_argument("--key-id", metavar="ID", default="", help="a hint stored in the message")
    parser.add_argument(
        "--algorithm", choices=KINDS, default="RSAES_OAEP_SHA_256", help="default: %(default)s"
    )
    parser.add_argument(
        "--context",
        metavar="KEY=VALUE",
        type=pair,
        action="append",
        default=[],
        help="a pair of the encryption context, readable by all; may be repeated",
    )
    arguments = parser.parse_args()
    message = seal(
        arguments.source.read_bytes(),
        load_public_key(arguments.public_key.read_bytes()),
        kind=KINDS[arguments.algorithm],
        key_id=arguments.key_id,
        context=dict(arguments.context),
    )
    arguments.target.write_bytes(message)


if __name__ == "__main__":
    main()
