"""Makes tests/c/regressions/known_secrets.h: what sealing computes from known random bytes.

    python -m tests.independent.known_secrets

Tests look for these bytes in memory after sealing and unsealing. They are masked there, so that the
tests do not find their own.
"""

from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

HEADER = Path(__file__).parents[1] / "c/regressions/known_secrets.h"
MASK = 0xA6
WINDOW = 8
MODULUS_LENGTH = 256
PAYLOAD_INFO = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00"
CONTEXT = b"SEAL\x01\x01\x00\x00"
"""The beginning of a message without an encryption context."""


def answer(call: int, length: int) -> bytes:
    """What good_byte() in support.c makes."""
    return bytes((call * 89 + i * (i + 31)) % 256 for i in range(length))


def expand(key: bytes, info: bytes, length: int) -> bytes:
    return HKDFExpand(hashes.SHA512(), length, info).derive(key)


def aes(key: bytes, block: bytes) -> bytes:
    encryptor = Cipher(algorithms.AES256(key), modes.ECB()).encryptor()
    return encryptor.update(block) + encryptor.finalize()


def xor(a: bytes, b: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(a, b, strict=True))


def mgf1(seed: bytes, length: int) -> bytes:
    blocks = (sha256(seed + counter.to_bytes(4)).digest() for counter in range(length // 32 + 1))
    return b"".join(blocks)[:length]


def oaep(message: bytes, seed: bytes) -> dict[str, bytes]:
    """RFC 8017 section 7.1.1, for RSA-2048."""
    label = sha256().digest()
    padding = bytes(MODULUS_LENGTH - 2 * len(label) - 2 - len(message))
    data_block = label + padding + b"\x01" + message
    masked = xor(data_block, mgf1(seed, len(data_block)))
    return {"OAEP-encoded data key": b"\x00" + xor(seed, mgf1(masked, len(seed))) + masked}


def hmac_pads(name: str, key: bytes) -> dict[str, bytes]:
    return {
        f"inner pad of the {name}": bytes(byte ^ 0x36 for byte in key),
        f"outer pad of the {name}": bytes(byte ^ 0x5C for byte in key),
    }


def secrets() -> dict[str, bytes]:
    """Of the message that libseal_seal() makes, and of the first two of a sealing key.

    Nonces are not among them: without the key they are of no use.
    """
    data_key, seed = answer(1, 32), answer(2, 32)
    mac_key = expand(data_key, b"libseal/v1 header mac", 64)
    found = {
        "data key": data_key,
        "OAEP seed": seed,
        **oaep(data_key, seed),
        **hmac_pads("data key", data_key),
        "key of the header MAC": mac_key,
        **hmac_pads("key of the header MAC", mac_key),
    }
    for salt in (3, 4):
        key = expand(data_key, PAYLOAD_INFO + answer(salt, 24) + CONTEXT, 76)[:32]
        found[f"message key {salt - 2}"] = key
        found[f"GHASH key {salt - 2}"] = aes(key, bytes(16))
    return found


def windows(secret: bytes) -> list[bytes]:
    starts = {*range(0, len(secret) - WINDOW + 1, WINDOW), len(secret) - WINDOW}
    return [secret[start : start + WINDOW] for start in sorted(starts)]


def forms(window: bytes) -> set[bytes]:
    """As it is, and as words of 8 and of 4 bytes in the other order."""
    return {window, window[::-1], window[3::-1] + window[:3:-1]}


def header() -> str:
    names = list(secrets())
    masked: dict[int, int] = {}
    for index, secret in enumerate(secrets().values()):
        for window in windows(secret):
            # A run of equal bytes is no secret.
            if len(set(window)) > 2:
                for form in forms(window):
                    number = int.from_bytes(bytes(byte ^ MASK for byte in form))
                    masked.setdefault(number, index)
    lines = [
        "/* Made by tests/independent/known_secrets.py: secrets of what is sealed with the answers",
        " * of good_byte(), in windows of 8 bytes, masked and in order. */",
        f"#define MASK 0x{MASK:02x}",
        "static const char *const secret_names[] = {",
        *(f'    "{name}",' for name in names),
        "};",
        "static const struct {",
        "    uint64_t window;",
        "    uint8_t secret;",
        "} known_secrets[] = {",
        *(f"    {{0x{number:016x}, {index}}}," for number, index in sorted(masked.items())),
        "};",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    HEADER.write_text(header())
