"""Keys that are valid for a time: bundles and certificates."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

import libseal
from support import key_file, public_key
from tests.independent.dated_keys import FOLDER, DatedKey, parse

FILES = sorted(FOLDER.iterdir())
LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def time_of(dated: DatedKey) -> datetime:
    """Python has no time after the year 9999."""
    end = int(LAST.timestamp())
    return datetime.fromtimestamp(min(dated.at, end), UTC)


def read(dated: DatedKey) -> libseal.PublicKey:
    at = time_of(dated)
    if dated.form == "bundle":
        return libseal.PublicKey.from_bundle(dated.content, at=at)
    roots = None if dated.roots is None else key_file(dated.roots)
    return libseal.PublicKey.from_certificate(dated.content, roots=roots, at=at)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_dated_key(path: Path) -> None:
    dated = parse(path)
    if dated.expect == "OK":
        assert read(dated) == public_key(dated.key)
    else:
        with pytest.raises(libseal.InvalidKeyError) as refused:
            read(dated)
        assert refused.value.name == dated.expect, refused.value


def test_there_are_dated_keys() -> None:
    assert len(FILES) > 90


Reader = Callable[..., libseal.PublicKey]


def bundle_until(end: datetime) -> tuple[Reader, str]:
    key = json.loads(key_file("public-accepted/rsa-2048.bundle.json"))
    key |= {"NotAfter": end.strftime("%Y-%m-%dT%H:%M:%SZ")}
    return libseal.PublicKey.from_bundle, json.dumps(key)


def self_signed(key: rsa.RSAPrivateKey, end: datetime) -> x509.Certificate:
    """What pyca makes today; nothing of it is in a file."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "fleet")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(end)
        .sign(key, SHA256())
    )


def certificate_until(end: datetime) -> tuple[Reader, str]:
    certificate = self_signed(rsa.generate_private_key(65537, 2048), end)
    return libseal.PublicKey.from_certificate, certificate.public_bytes(Encoding.PEM).decode()


@pytest.mark.parametrize("form", [bundle_until, certificate_until])
def test_the_time_is_now_or_the_one_given(
    form: Callable[[datetime], tuple[Reader, str]],
) -> None:
    hour = timedelta(hours=1)
    now = datetime.now(UTC)
    from_text, text = form(now + hour)
    assert from_text(text).bits == 2048
    assert from_text(text.encode(), at=None).bits == 2048
    elsewhere = (now + hour / 2).astimezone(timezone(timedelta(hours=5)))
    assert from_text(text, at=elsewhere).bits == 2048
    with pytest.raises(libseal.InvalidKeyError, match="expired on") as refused:
        from_text(text, at=elsewhere + hour)
    assert (refused.value.code, refused.value.name) == (123, "KEY_NOT_VALID_NOW")
    with pytest.raises(libseal.InvalidKeyError) as refused:
        from_text(text, at=datetime(1, 1, 1, tzinfo=UTC))
    assert refused.value.name == "KEY_NOT_VALID_NOW"

    from_text, text = form(now - hour)
    with pytest.raises(libseal.InvalidKeyError, match="expired on"):
        from_text(text)

    with pytest.raises(ValueError, match="at must have a time zone") as naive:
        from_text(text, at=datetime(2026, 6, 1))  # noqa: DTZ001 (that is what is refused)
    assert not isinstance(naive.value, libseal.SealError)
    for at in (7, "2026-06-01", now.date(), now.timetz()):
        with pytest.raises(TypeError, match="at must be a datetime, not"):
            from_text(text, at=at)
    with pytest.raises(TypeError, match="must be bytes-like"):
        from_text(7)


def test_a_message_for_the_key_in_a_certificate() -> None:
    key = rsa.generate_private_key(65537, 3072)
    certificate = self_signed(key, datetime.now(UTC) + timedelta(days=1))
    der = certificate.public_bytes(Encoding.DER)
    public = libseal.PublicKey.from_certificate(der, roots=der)
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert public == libseal.PublicKey(spki)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    message = libseal.seal(public, b"21.5 C")
    assert libseal.unseal(message, libseal.LocalUnwrapper(private)) == b"21.5 C"


def test_empty_roots_are_not_no_roots() -> None:
    certificate = key_file("certificate.pem")
    at = datetime(2026, 6, 1, tzinfo=UTC)
    assert libseal.PublicKey.from_certificate(certificate, at=at) == public_key()
    for roots in (b"", "", bytearray()):
        with pytest.raises(libseal.InvalidKeyError, match="roots hold no certificate") as refused:
            libseal.PublicKey.from_certificate(certificate, roots=roots, at=at)
        assert (refused.value.code, refused.value.name) == (124, "CERTIFICATE_NOT_TRUSTED")


def test_what_is_read_in_another_way_is_said() -> None:
    with pytest.raises(libseal.InvalidKeyError, match="`from_certificate`"):
        libseal.PublicKey(key_file("certificate.pem"))
    usual = parse(FOLDER / "usual.bundle").content
    with pytest.raises(libseal.InvalidKeyError, match="`from_bundle`"):
        libseal.PublicKey(usual)
