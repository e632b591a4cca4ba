"""Unseals a message as core/FORMAT.md says, without libseal.

Shares no code with the writer. Simple rather than fast: the whole message is held in memory.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path

from cryptography.cobblestone import Cobblestone256Decryptor
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

MAX_HEADER_LENGTH = 65536
MAX_CONTEXT_LENGTH = 8192
MAX_RECIPIENTS = 16
MAX_KEY_ID_LENGTH = 2048
MAX_WRAPPED_KEY_LENGTH = 6144
MAC_LENGTH = 32
DATA_KEY_LENGTH = 32

RSA_KINDS: Mapping[int, hashes.HashAlgorithm] = {1: hashes.SHA256(), 2: hashes.SHA1()}
RSA_WRAPPED_KEY_LENGTHS = (256, 384, 512)

Unwrap = Callable[[int, bytes, str, bytes], bytes | None]
"""From kind, fingerprint, key id and wrapped key to the data key.

Gives None for a key that it does not hold, and raises where unwrapping fails.
"""


class Rejected(Exception):
    """A message was refused; `status` says why, by the names of the test vectors."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True)
class Recipient:
    kind: int
    fingerprint: bytes
    key_id: str
    wrapped: bytes


@dataclass(frozen=True)
class Header:
    context: dict[str, str]
    recipients: tuple[Recipient, ...]
    bound: bytes
    """Prefix and context block as stored, which is the context of the payload."""
    covered: bytes
    """What the MAC is taken over: all of the header before it."""
    mac: bytes

    @property
    def length(self) -> int:
        return len(self.covered) + MAC_LENGTH


@dataclass(frozen=True)
class Unsealed:
    plaintext: bytes
    context: dict[str, str]


class Cursor:
    """Walks over bytes; asked for more than there are, it raises the status given to it."""

    def __init__(self, data: bytes, at_end: str) -> None:
        self.data = data
        self.at_end = at_end
        self.position = 0

    def take(self, length: int) -> bytes:
        if self.position + length > MAX_HEADER_LENGTH - MAC_LENGTH:
            raise Rejected("HEADER_TOO_LARGE")
        if self.position + length > len(self.data):
            raise Rejected(self.at_end)
        self.position += length
        return self.data[self.position - length : self.position]

    def integer(self, length: int) -> int:
        return int.from_bytes(self.take(length))

    def sized(self, longest: int) -> bytes:
        length = self.integer(2)
        check(length <= longest)
        return self.take(length)

    def text(self, longest: int) -> str:
        try:
            return self.sized(longest).decode()
        except UnicodeDecodeError:
            raise Rejected("HEADER_MALFORMED") from None


def check(holds: bool) -> None:
    if not holds:
        raise Rejected("HEADER_MALFORMED")


def check_prefix(message: bytes) -> None:
    if not message:
        raise Rejected("EMPTY_MESSAGE")
    if message[:4] != b"SEAL"[: len(message)]:
        raise Rejected("NOT_SEALED")
    if message[4:5] not in (b"", b"\x01"):
        raise Rejected("UNSUPPORTED_VERSION")
    if message[5:6] not in (b"", b"\x01"):
        raise Rejected("UNSUPPORTED_SUITE")
    if len(message) < 6:
        raise Rejected("TRUNCATED")


def parse_context(block: bytes) -> dict[str, str]:
    pairs: dict[str, str] = {}
    last = b""
    cursor = Cursor(block, at_end="HEADER_MALFORMED")
    while cursor.position < len(block):
        key = cursor.text(MAX_CONTEXT_LENGTH)
        check(key.encode() > last)  # ascending, hence unique, and the first is not empty
        check(not key.startswith("libseal:"))
        last = key.encode()
        pairs[key] = cursor.text(MAX_CONTEXT_LENGTH)
    return pairs


def parse_recipient(cursor: Cursor) -> Recipient:
    kind = cursor.integer(1)
    check(kind != 0)
    fingerprint = cursor.take(32)
    key_id = cursor.text(MAX_KEY_ID_LENGTH)
    length = cursor.integer(2)
    check(length in RSA_WRAPPED_KEY_LENGTHS or kind not in RSA_KINDS)
    check(1 <= length <= MAX_WRAPPED_KEY_LENGTH)
    return Recipient(kind, fingerprint, key_id, cursor.take(length))


def parse_header(message: bytes) -> Header:
    check_prefix(message)
    cursor = Cursor(message, at_end="TRUNCATED")
    cursor.take(6)
    context = parse_context(cursor.sized(MAX_CONTEXT_LENGTH))
    bound = message[: cursor.position]
    count = cursor.integer(1)
    check(1 <= count <= MAX_RECIPIENTS)
    recipients = tuple(parse_recipient(cursor) for _ in range(count))
    covered = message[: cursor.position]
    mac = message[cursor.position : cursor.position + MAC_LENGTH]
    if len(mac) < MAC_LENGTH:
        raise Rejected("TRUNCATED")
    return Header(context, recipients, bound, covered, mac)


def unwrap_data_key(header: Header, unwrap: Unwrap) -> bytes:
    """The data key of the first recipient that unwraps, else the first failure."""
    failure: Rejected | None = None
    for recipient in header.recipients:
        if recipient.kind not in RSA_KINDS:
            continue
        try:
            data_key = unwrap(
                recipient.kind, recipient.fingerprint, recipient.key_id, recipient.wrapped
            )
        except Exception as error:
            rejected = Rejected("UNWRAP_FAILED")
            rejected.__cause__ = error
            failure = failure or rejected
            continue
        if data_key is None:
            continue
        if len(data_key) == DATA_KEY_LENGTH:
            return data_key
        failure = failure or Rejected("DATA_KEY_LENGTH")
    raise failure or Rejected("NO_MATCHING_RECIPIENT")


def verify_mac(header: Header, data_key: bytes) -> None:
    mac_key = HKDFExpand(hashes.SHA512(), 64, b"libseal/v1 header mac").derive(data_key)
    mac = hmac.HMAC(mac_key, hashes.SHA512())
    mac.update(header.covered)
    if not compare_digest(mac.finalize()[:MAC_LENGTH], header.mac):
        raise Rejected("AUTHENTICATION_FAILED")


def open_payload(payload: bytes, data_key: bytes, context: bytes) -> bytes:
    if len(payload) < 24 + 32:
        raise Rejected("TRUNCATED")
    decryptor = Cobblestone256Decryptor(data_key, context)
    try:
        plaintext = decryptor.update(payload)
    except InvalidTag:
        raise Rejected("AUTHENTICATION_FAILED") from None
    try:
        return plaintext + decryptor.finalize()
    except InvalidTag:
        # Commitment and full chunks were verified. What is left is the final one, unless it is too
        # short to be any chunk: only then is it sure that something was cut off.
        rest = (len(payload) - 56) % (16384 + 16)
        raise Rejected("TRUNCATED" if rest < 16 else "END_NOT_AUTHENTIC") from None


def unseal(message: bytes, unwrap: Unwrap, require: Mapping[str, str] | None = None) -> Unsealed:
    header = parse_header(message)
    for key, value in (require or {}).items():
        if header.context.get(key) != value:
            raise Rejected("CONTEXT_MISMATCH")
    data_key = unwrap_data_key(header, unwrap)
    verify_mac(header, data_key)
    plaintext = open_payload(message[header.length :], data_key, header.bound)
    return Unsealed(plaintext, header.context)


def private_key_unwrap(*private_keys: rsa.RSAPrivateKey) -> Unwrap:
    """An unwrapper that holds private keys, found by their fingerprints."""
    held = {
        sha256(
            key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        ).digest(): key
        for key in private_keys
    }

    def unwrap(kind: int, fingerprint: bytes, key_id: str, wrapped: bytes) -> bytes | None:
        if fingerprint not in held:
            return None
        algorithm = RSA_KINDS[kind]
        oaep = padding.OAEP(padding.MGF1(algorithm), algorithm, None)
        return held[fingerprint].decrypt(wrapped, oaep)

    return unwrap


def load_private_key(data: bytes) -> rsa.RSAPrivateKey:
    key = load_pem_private_key(data, password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("not an RSA private key")
    return key


def pair(text: str) -> tuple[str, str]:
    """A context pair of the command line."""
    key, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.independent.reader",
        description="Unseal the message IN into the file OUT, without libseal. A message that is "
        "refused leaves OUT alone; the reason is printed, and the exit status is 1.",
        epilog="example: python -m tests.independent.reader tests/vectors/keys/rsa-2048.key.pem "
        "report.sealed report.txt --context device=42",
    )
    parser.add_argument(
        "private_key", metavar="PRIVATE_KEY_PEM", type=Path, help="RSA, unencrypted PEM"
    )
    parser.add_argument("source", metavar="IN", type=Path, help="sealed message")
    parser.add_argument("target", metavar="OUT", type=Path, help="file to write the plaintext to")
    parser.add_argument(
        "--context",
        metavar="KEY=VALUE",
        type=pair,
        action="append",
        default=[],
        help="a pair that the encryption context must hold; may be repeated",
    )
    arguments = parser.parse_args()
    unwrap = private_key_unwrap(load_private_key(arguments.private_key.read_bytes()))
    try:
        unsealed = unseal(arguments.source.read_bytes(), unwrap, dict(arguments.context))
    except Rejected as rejected:
        sys.exit(rejected.status)
    arguments.target.write_bytes(unsealed.plaintext)


if __name__ == "__main__":
    main()
