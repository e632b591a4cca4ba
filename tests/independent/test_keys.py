"""The forms of keys against OpenSSL and pyca/cryptography, which had no part in choosing them."""

import json
import subprocess
from base64 import b64decode
from pathlib import Path

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)

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
