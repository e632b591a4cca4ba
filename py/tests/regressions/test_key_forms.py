"""Keys in forms that OpenSSL reads, or the AWS command line prints, were no keys.

So was much that has a name; and a password was wrong where the encryption was not known.
"""

from pathlib import Path

import pytest

import libseal
from support import public_key
from tests.independent.vector import KEYS


def files(folder: str) -> list[Path]:
    found = sorted((KEYS / folder).iterdir())
    assert len(found) > 10
    return found


def first_part(path: Path) -> str:
    return path.name.partition(".")[0]


@pytest.mark.parametrize("path", files("public-accepted"), ids=lambda path: path.name)
def test_every_form_gives_the_same_key(path: Path) -> None:
    content = path.read_bytes()
    expected = public_key(first_part(path))
    assert libseal.PublicKey(content) == expected
    assert libseal.PublicKey(content).der == expected.der
    if content.isascii():
        assert libseal.PublicKey(content.decode()) == expected


@pytest.mark.parametrize("path", files("public-rejected"), ids=lambda path: path.name)
def test_everything_else_has_its_name(path: Path) -> None:
    with pytest.raises(libseal.InvalidKeyError) as refused:
        libseal.PublicKey(path.read_bytes())
    assert refused.value.name == first_part(path), refused.value


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("NOT_A_PUBLIC_KEY.ssh-rsa", "ssh-keygen -e"),
        ("NOT_A_PUBLIC_KEY.path", "name of a file"),
        ("NOT_A_PUBLIC_KEY.empty", "empty"),
        ("NOT_A_PUBLIC_KEY.literal-newlines.pem", "two characters"),
        ("WRONG_KEY_USAGE.kms.json", "ENCRYPT_DECRYPT"),
    ],
)
def test_what_to_do_is_said(name: str, words: str) -> None:
    with pytest.raises(libseal.InvalidKeyError, match=words):
        libseal.PublicKey((KEYS / "public-rejected" / name).read_bytes())


@pytest.mark.parametrize("path", files("private-accepted"), ids=lambda path: path.name)
def test_every_form_of_a_private_key(path: Path) -> None:
    password = "correct horse" if ".encrypted." in path.name else None
    local = libseal.LocalUnwrapper(path.read_bytes(), password)
    assert local.public_key == public_key(first_part(path))


@pytest.mark.parametrize("password", [None, "correct horse"])
@pytest.mark.parametrize("path", files("private-rejected"), ids=lambda path: path.name)
def test_no_private_key(path: Path, password: str | None) -> None:
    with pytest.raises(libseal.InvalidKeyError) as refused:
        libseal.LocalUnwrapper(path.read_bytes(), password)
    assert refused.value.name == first_part(path), refused.value


@pytest.mark.parametrize(
    ("name", "password", "words"),
    [
        ("rsa-2048.encrypted.pem", None, "missing"),
        ("rsa-2048.encrypted.pem", "battery staple", "is wrong"),
        ("rsa-2048.key.pem", "correct horse", "not encrypted"),
    ],
)
def test_what_is_wrong_with_a_password(name: str, password: str | None, words: str) -> None:
    with pytest.raises(libseal.InvalidKeyError, match=words) as refused:
        libseal.LocalUnwrapper((KEYS / name).read_bytes(), password)
    assert refused.value.name == "PRIVATE_KEY_PASSWORD"
