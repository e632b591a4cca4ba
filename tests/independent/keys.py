"""The keys in tests/vectors/keys: made once, except for what follows from another of them."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from .vector import KEYS

PRIVATE_KEYS = {
    "rsa-2048": (2048, 65537),
    "rsa-2048-b": (2048, 65537),
    "rsa-2048-e3": (2048, 3),
    "rsa-3072": (3072, 65537),
    "rsa-4096": (4096, 65537),
}
REFUSED_SIZES = (1024, 2560, 8192)


@cache
def private_key(name: str) -> rsa.RSAPrivateKey:
    key = load_pem_private_key((KEYS / f"{name}.key.pem").read_bytes(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def _pkcs8(key: rsa.RSAPrivateKey, encryption: KeySerializationEncryption) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def spki(key: PublicKeyTypes, encoding: Encoding = Encoding.DER) -> bytes:
    return key.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


def _make_private(bits: int, exponent: int) -> bytes:
    return _pkcs8(rsa.generate_private_key(exponent, bits), NoEncryption())


def _make_public(bits: int) -> bytes:
    return spki(rsa.generate_private_key(65537, bits).public_key())


def _make_ec() -> bytes:
    return spki(ec.generate_private_key(ec.SECP256R1()).public_key())


def _make_ed25519() -> bytes:
    return spki(ed25519.Ed25519PrivateKey.generate().public_key())


def _encrypt() -> bytes:
    return _pkcs8(private_key("rsa-2048"), BestAvailableEncryption(b"correct horse"))


def missing() -> dict[str, Callable[[], bytes]]:
    """The files that come out different each time, with what makes them."""
    makers: dict[str, Callable[[], bytes]] = {}
    for name, (bits, exponent) in PRIVATE_KEYS.items():
        makers[f"{name}.key.pem"] = partial(_make_private, bits, exponent)
    for bits in REFUSED_SIZES:
        makers[f"rsa-{bits}.pub.der"] = partial(_make_public, bits)
    makers["ec-p256.pub.der"] = _make_ec
    makers["ed25519.pub.der"] = _make_ed25519
    makers["rsa-2048.encrypted.pem"] = _encrypt
    return makers


def derived() -> dict[str, bytes]:
    """The files that follow from the private keys, byte for byte."""
    files: dict[str, bytes] = {}
    for name in PRIVATE_KEYS:
        public_key = private_key(name).public_key()
        files[f"{name}.pub.pem"] = spki(public_key, Encoding.PEM)
        files[f"{name}.pub.der"] = spki(public_key)

    key = private_key("rsa-2048")
    pkcs1 = PublicFormat.PKCS1
    files["rsa-2048.key.der"] = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    files["rsa-2048.pkcs1.key.pem"] = key.private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    )
    files["rsa-2048.pkcs1.pub.pem"] = key.public_key().public_bytes(Encoding.PEM, pkcs1)
    files["rsa-2048.pkcs1.pub.der"] = key.public_key().public_bytes(Encoding.DER, pkcs1)

    files["certificate.pem"] = certificate().public_bytes(Encoding.PEM)
    files["certificate.der"] = certificate().public_bytes(Encoding.DER)

    # Exponents that are refused. The exponent is the last byte of the encoding of rsa-2048-e3.
    body = files["rsa-2048-e3.pub.der"]
    assert body.endswith(b"\x02\x01\x03")
    files["rsa-2048-e1.pub.der"] = body[:-1] + b"\x01"
    files["rsa-2048-e4.pub.der"] = body[:-1] + b"\x04"
    large = rsa.RSAPublicNumbers(2**32 + 1, key.public_key().public_numbers().n)
    files["rsa-2048-e33-bits.pub.der"] = spki(large.public_key())
    return files


def certificate() -> x509.Certificate:
    key = private_key("rsa-2048")
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "libseal test vectors")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2025, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2125, 1, 1, tzinfo=UTC))
        .sign(key, SHA256())
    )
