"""The forms of keys against OpenSSL and pyca/cryptography, which had no part in choosing them."""

import json
import subprocess
from base64 import b64decode
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)

from .dated_keys import DatedKey, parse
from .key_forms import PASSWORD
from .keys import spki
from .vector import KEYS


def files(folder: str) -> list[Path]:
    return sorted((KEYS / folder).iterdir())


def expected(path: Path) -> bytes:
    return (KEYS / f"{path.name.partition('.')[0]}.pub.der").read_bytes()


def without_text(path: Path) -> bytes:
    """DER or PEM, without what the AWS command line puts around the DER."""
    content = path.read_bytes()
    if path.suffix == ".json":
        return b64decode(json.loads(content)["PublicKey"])
    return b64decode(content) if path.suffix == ".base64" else content


def by_openssl(content: bytes, *options: str) -> bytes | None:
    command = ["openssl", "pkey", "-pubout", "-outform", "DER", *options]
    result = subprocess.run(command, input=content, capture_output=True, check=False)
    return result.stdout if result.returncode == 0 else None


def by_pyca(content: bytes) -> rsa.RSAPublicKey | None:
    load = load_pem_public_key if b"-----BEGIN" in content else load_der_public_key
    try:
        key = load(content)
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, rsa.RSAPublicKey) else None


def private_by_pyca(content: bytes, password: bytes | None) -> rsa.RSAPrivateKey | None:
    load = load_pem_private_key if b"-----BEGIN" in content else load_der_private_key
    try:
        key = load(content, password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, rsa.RSAPrivateKey) else None


@pytest.mark.parametrize("path", files("public-accepted"), ids=lambda path: path.name)
def test_what_is_accepted_others_read_as_the_same_key(path: Path) -> None:
    content = without_text(path)
    key = by_pyca(content)
    found = {by_openssl(content, "-pubin"), None if key is None else spki(key)} - {None}
    assert found == {expected(path)}


@pytest.mark.parametrize("path", files("public-rejected"), ids=lambda path: path.name)
def test_what_is_rejected_is_no_public_rsa_key(path: Path) -> None:
    """Nor is one that is for signatures only."""
    is_for_signatures = ".rsassa-pss." in path.name
    assert (by_pyca(path.read_bytes()) is not None) == is_for_signatures


@pytest.mark.parametrize("path", files("private-accepted"), ids=lambda path: path.name)
def test_private_keys_that_are_accepted(path: Path) -> None:
    content = path.read_bytes()
    password = PASSWORD if ".encrypted." in path.name else None
    key = private_by_pyca(content, None if password is None else password.encode())
    options = () if password is None else ("-passin", f"pass:{password}")
    found = {by_openssl(content, *options), None if key is None else spki(key.public_key())}
    assert found - {None} == {expected(path)}


@pytest.mark.parametrize("path", files("private-rejected"), ids=lambda path: path.name)
def test_private_keys_that_are_rejected(path: Path) -> None:
    """What pyca reads all the same is encrypted, or of a format of its own."""
    known = ("old-encryption", "pbes1", "des3", "openssh")
    key = private_by_pyca(path.read_bytes(), None) or private_by_pyca(
        path.read_bytes(), PASSWORD.encode()
    )
    assert key is None or path.name.split(".")[1] in known


def by_openssl_verify(dated: DatedKey, folder: Path) -> bool:
    """Whether OpenSSL trusts a chain at that time."""
    assert dated.roots is not None
    (folder / "leaf.pem").write_bytes(dated.content)
    command = ["openssl", "verify", "-attime", str(dated.at), "-partial_chain", "-no-CApath"]
    command += ["-CAfile", str(KEYS / dated.roots), "-untrusted", "leaf.pem", "leaf.pem"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


# OpenSSL takes the certificate of an authority for that of a key, and looks at no use without being
# asked. Roots are in PEM for it.
NOT_OF_OPENSSL = (
    "ca_as_leaf",
    "of_the_root_in_der",
    "roots_are_damaged",
    "trusted_ec_key",
    "trusted_for_signatures",
)


@pytest.mark.parametrize(
    "dated",
    [
        dated
        for dated in map(parse, files("dated"))
        if dated.roots is not None and dated.name not in NOT_OF_OPENSSL
    ],
    ids=lambda dated: dated.name,
)
def test_openssl_trusts_the_same_chains(dated: DatedKey, tmp_path: Path) -> None:
    assert by_openssl_verify(dated, tmp_path) == (dated.expect == "OK")


@pytest.mark.parametrize("path", files("dated"), ids=lambda path: path.name)
def test_dated_keys_that_are_accepted(path: Path) -> None:
    """They hold the key that they name, by pyca; the dates are those that pyca reads."""
    dated = parse(path)
    if dated.expect != "OK":
        return
    if dated.form == "bundle":
        der = b64decode(json.loads(dated.content)["PublicKey"])
    else:
        content = dated.content
        if b"-----BEGIN" in content:
            certificate = x509.load_pem_x509_certificates(content)[0]
        else:
            is_der = content.startswith(b"\x30")
            content = content.rstrip(b"\n") if is_der else b64decode(content)
            certificate = x509.load_der_x509_certificate(content)
        der = spki(certificate.public_key())
        at = datetime.fromtimestamp(dated.at, UTC)
        assert certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc
    assert der == (KEYS / f"{dated.key}.pub.der").read_bytes()
