"""The password of the recipe: what `openssl pkeyutl` encrypted for an RSA key."""

from __future__ import annotations

import base64
import io
import os
import warnings
from typing import TYPE_CHECKING, Any

import pytest

import libseal
from libseal import openssl_enc
from libseal.aws import KmsUnwrapper
from openssl_support import CTR, Decrypter, encrypted, openssl, wrapped

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kms.ministack import LocalKms

KEY_B64 = openssl("rand", "-base64", "32")
PASSWORD = KEY_B64.removesuffix(b"\n")


@pytest.mark.parametrize("name", ["rsa-2048", "rsa-3072", "rsa-4096"])
@pytest.mark.parametrize(
    ("md", "options", "asked"),
    [
        ("sha256", (), ["RSAES_OAEP_SHA_256"]),
        ("sha256", ("rsa_mgf1_md:sha256",), ["RSAES_OAEP_SHA_256"]),
        ("sha1", (), ["RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1"]),
    ],
)
def test_what_pkeyutl_wrote(name: str, md: str, options: tuple[str, ...], asked: list[str]) -> None:
    ciphertext = wrapped(KEY_B64, name, *options, md=md)
    unwrap = Decrypter(name)
    assert openssl_enc.unwrap_password(ciphertext, unwrap) == PASSWORD
    assert unwrap.asked == asked
    # In base64, as mails and the AWS CLI have it.
    for text in (base64.b64encode(ciphertext), base64.encodebytes(ciphertext)):
        assert openssl_enc.unwrap_password(text, unwrap) == PASSWORD
    assert openssl_enc.unwrap_password(memoryview(ciphertext), unwrap, algorithm=asked[-1])


@pytest.mark.parametrize(
    ("key_file", "password", "odd"),
    [
        (b"c2VjcmV0\n", b"c2VjcmV0", None),
        (b"c2VjcmV0", b"c2VjcmV0", None),
        (b"first\nsecond\n", b"first", None),
        (b"\nsecond\n", b"", "empty"),
        (b"c2Vj\r\n", b"c2Vj\r", "carriage return"),
        (b"with \xff\x01 bytes\n", b"with \xff\x01 bytes", "not base64"),
        (b"cut\0here\n", b"cut", None),
    ],
)
def test_the_password_is_what_openssl_takes_for_it(
    tmp_path: Path, key_file: bytes, password: bytes, odd: str | None
) -> None:
    path = tmp_path / "key.b64"
    path.write_bytes(key_file)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        got = openssl_enc.unwrap_password(wrapped(key_file), Decrypter())
    assert got == password
    texts = [str(warning.message) for warning in caught]
    assert len(texts) == (odd is not None)
    assert all(odd in text and "c2Vj" not in text and "with" not in text for text in texts if odd)
    if texts:
        assert caught[0].filename == __file__
    data = encrypted(b"data", path)
    with openssl_enc.DecryptReader(io.BytesIO(data), got, cipher=CTR) as reader:
        assert reader.read() == b"data"


def test_several_unwrappers_are_asked_one_after_the_other() -> None:
    ciphertext = wrapped(KEY_B64, "rsa-2048-b")
    down = Decrypter(failure=libseal.KmsUnavailableError("down"))
    refused = Decrypter(failure=libseal.KmsRefusedError("refused"))
    other, right = Decrypter("rsa-2048"), Decrypter("rsa-2048-b")
    assert openssl_enc.unwrap_password(ciphertext, [down, refused, other, right]) == PASSWORD
    assert len(down.asked) == 1  # in vain, so not once more with SHA-1
    # One that could not be asked may be the right one.
    with pytest.raises(libseal.KmsUnavailableError, match="down"):
        openssl_enc.unwrap_password(ciphertext, [other, refused, down])
    with pytest.raises(libseal.KmsRefusedError, match="refused"):
        openssl_enc.unwrap_password(ciphertext, [other, refused])
    stop = Decrypter(failure=libseal.StopUnwrap("enough"))
    asked = len(right.asked)
    with pytest.raises(libseal.StopUnwrap, match="enough"):
        openssl_enc.unwrap_password(ciphertext, [stop, right])
    assert len(right.asked) == asked


def test_a_key_that_does_not_decrypt() -> None:
    ciphertext = wrapped(KEY_B64, "rsa-2048-b")
    with pytest.raises(libseal.WrappedKeyRejectedError, match="SHA_256 or RSAES_OAEP_SHA_1") as why:
        openssl_enc.unwrap_password(ciphertext, Decrypter())
    assert isinstance(why.value.__cause__, libseal.WrappedKeyRejectedError)
    sha_1 = wrapped(KEY_B64, md="sha1")
    with pytest.raises(libseal.WrappedKeyRejectedError):
        openssl_enc.unwrap_password(sha_1, Decrypter(), algorithm="RSAES_OAEP_SHA_256")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (b"Salted__" + bytes(248), "the other way round"),
        (b"U2FsdGVkX19" + b"A" * 245, "the other way round"),
        (b"SEAL\x01\x01" + bytes(300), "306 bytes"),
        pytest.param(KEY_B64, "45 bytes, and RSA makes 256, 384 or 512", id="key.b64"),
        (b"", "0 bytes"),
        (bytes(255), "255 bytes"),
        (b"A" * 256, "256 bytes"),
    ],
)
def test_other_files_are_named(given: bytes, sentence: str) -> None:
    unwrap = Decrypter()
    with pytest.raises(libseal.FormatError, match=sentence):
        openssl_enc.unwrap_password(given, unwrap)
    assert not unwrap.asked


def test_arguments_of_the_wrong_kind() -> None:
    ciphertext: Any = os.urandom(256)
    unwrap: Any
    for unwrap, kind in ((None, TypeError), ([], ValueError), ([Decrypter(), 7], TypeError)):
        with pytest.raises(kind, match="unwrap"):
            openssl_enc.unwrap_password(ciphertext, unwrap)
    with pytest.raises(ValueError, match="algorithm must be one of"):
        openssl_enc.unwrap_password(ciphertext, Decrypter(), algorithm="RSAES_PKCS1_V1_5")
    with pytest.raises(TypeError, match="binary mode"):
        openssl_enc.unwrap_password("text", Decrypter())  # type: ignore[arg-type]


def test_with_a_kms(kms: LocalKms, tmp_path: Path) -> None:
    kms.create_key("alias/old-recipe")
    kms.create_key("alias/another", "RSA_3072")
    public = kms.client.get_public_key(KeyId="alias/old-recipe")["PublicKey"]
    (tmp_path / "key.der").write_bytes(public)
    unwrap = KmsUnwrapper(kms.client, keys=["alias/another", "alias/old-recipe"])
    for md in ("sha256", "sha1"):
        ciphertext = wrapped(KEY_B64, tmp_path / "key.der", md=md)
        assert openssl_enc.unwrap_password(ciphertext, unwrap) == PASSWORD
    with pytest.raises(libseal.WrappedKeyRejectedError):
        openssl_enc.unwrap_password(wrapped(KEY_B64), unwrap)
