"""Recipients files."""

from __future__ import annotations

from base64 import b64encode

import pytest

import libseal
from libseal import provision
from support import key_file, public_key, unwrapper

A = b64encode(public_key("rsa-2048").der).decode()
B = b64encode(public_key("rsa-3072").der).decode()
PEM = provision._export.pem_of(public_key("rsa-3072"))


def test_the_forms_of_a_line() -> None:
    text = f"# the field\n\nalias/telemetry {A}\r\n  \t# inside\n\t{B}  \n"
    recipients = provision.read_recipients(text)
    assert recipients == [
        libseal.Recipient(public_key("rsa-2048"), "alias/telemetry"),
        libseal.Recipient(public_key("rsa-3072")),
    ]
    message = libseal.seal(recipients, b"data")
    assert libseal.unseal(message, unwrapper("rsa-3072")) == b"data"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_pem_among_lines(end: str) -> None:
    text = f"{A}\n{PEM}# more\n{PEM}x {A}".replace("\n", end)
    keys = [recipient.key.bits for recipient in provision.read_recipients(text.encode())]
    assert keys == [2048, 3072, 3072, 2048]


def test_a_byte_order_mark() -> None:
    assert provision.read_recipients(b"\xef\xbb\xbf# x\n" + A.encode())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no key in this recipients file"),
        ("# only a comment\n\n", "no key in this recipients file"),
        (f"{A}\n\nalias/x nonsense\n", "^line 3: "),
        (f"\nalias/x {A} # comment", "^line 2: there are 4 words"),
        (f"{A}\n-----BEGIN PUBLIC KEY-----\nMIIB\n", "^line 2: .* no end"),
        (key_file("rsa-2048.key.pem").decode(), "^line 1: .*private key"),
        (b"\xff\xfe", "not text"),
        (public_key().der, "not text"),
    ],
)
def test_the_line_is_named(text: str | bytes, reason: str) -> None:
    with pytest.raises(libseal.SealError, match=reason) as error:
        provision.read_recipients(text)
    assert isinstance(error.value, ValueError)
    assert "PRIVATE" not in str(error.value)


def test_it_is_text() -> None:
    with pytest.raises(TypeError, match="str or bytes, not list"):
        provision.read_recipients([A])  # type: ignore[arg-type]
