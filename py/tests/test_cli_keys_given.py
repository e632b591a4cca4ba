"""Which keys the command takes, and what it says about the others."""

from __future__ import annotations

import base64
import json
import os
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import libseal
from cli_support import IO, KEY_REFUSED, OK, OTHER_KEYS, USAGE, Command
from support import key_file, public_key, unwrapper

FINGERPRINT = public_key().fingerprint.hex()


def test_a_public_key_may_have_any_form(command: Command) -> None:
    der = public_key().der
    command.path("key.der", der)
    command.path("key.b64", base64.b64encode(der))
    fields = {"KeyId": "arn:aws:kms:eu-west-1:111122223333:key/1", "KeySpec": "RSA_2048"}
    fields |= {"PublicKey": base64.b64encode(der).decode(), "KeyUsage": "ENCRYPT_DECRYPT"}
    algorithms = {"EncryptionAlgorithms": ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"]}
    command.path("key.json", json.dumps(fields | algorithms).encode())
    # Of one key, there is one recipient.
    given = [word for form in ("der", "b64", "json") for word in ("-r", f"key.{form}")]
    sealed = command("seal", "-r", "public.pem", *given, stdin=b"data")
    assert sealed.code == OK, sealed.err
    assert len(libseal.inspect(sealed.out).wrapped_keys) == 1
    assert libseal.unseal(sealed.out, unwrapper()) == b"data"


def test_a_recipients_file_names_several(command: Command) -> None:
    other = base64.b64encode(public_key("rsa-3072").der).decode()
    first = base64.b64encode(public_key().der).decode()
    command.path("team", f"# both of us\n\nalias/reports {first}\n{other}  \n".encode())
    sealed = command("seal", "-R", "team", stdin=b"data")
    keys = libseal.inspect(sealed.out).wrapped_keys
    assert [(key.fingerprint, key.key_id) for key in keys] == [
        (public_key().fingerprint, "alias/reports"),
        (public_key("rsa-3072").fingerprint, ""),
    ]
    command.path("typo", b"MIIBnonsense")
    refused = command("seal", "-R", "typo", stdin=b"data")
    assert refused.code == KEY_REFUSED
    assert refused.err.startswith("libseal: typo: line 1: ")


def test_a_recipients_file_given_as_a_key_is_named(command: Command) -> None:
    key = base64.b64encode(public_key().der).decode()
    command.path("team", f"# both of us\nalias/reports {key}\n{key}\n".encode())
    for arguments in (["-r", "team"], ["-r", "team", "--pin", FINGERPRINT]):
        refused = command("seal", *arguments, stdin=b"data")
        assert (refused.code, refused.out) == (KEY_REFUSED, b"")
        text = "team: is a recipients file, which may name several keys: give it as -R"
        assert refused.err == f"libseal: {text}\n"


def test_a_pin_tells_the_key_from_another(command: Command) -> None:
    assert command("seal", "-r", "public.pem", "--pin", FINGERPRINT.upper(), stdin=b"").code == OK
    for pin, code, sentence in [
        ("00" * 32, KEY_REFUSED, f"has the fingerprint {FINGERPRINT}, not the expected"),
        ("42", USAGE, "--pin takes 64 hexadecimal digits"),
    ]:
        refused = command("seal", "-r", "public.pem", "--pin", pin, stdin=b"")
        assert (refused.code, refused.out) == (code, b"")
        assert sentence in refused.err
    two = command("seal", "-r", "public.pem", "--pin", FINGERPRINT, "--pin", FINGERPRINT)
    assert two.code == USAGE
    assert "give one --pin for each -r" in two.err


def certificate(key: rsa.RSAPrivateKey, *, days: int) -> bytes:
    """A self-signed one, which ends so many days from now."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "fleet")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=100))
        .not_valid_after(now + timedelta(days=days))
    )
    return made.sign(key, SHA256()).public_bytes(Encoding.PEM)


def test_a_certificate_is_checked_for_its_dates_and_its_roots(command: Command) -> None:
    key = rsa.generate_private_key(65537, 2048)
    command.path("good", certificate(key, days=1))
    command.path("expired", certificate(key, days=-1))
    command.path("root", key_file("root.pem"))
    sealed = command("seal", "-q", "-r", "good", stdin=b"data")
    assert sealed.code == OK, sealed.err
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert libseal.unseal(sealed.out, libseal.LocalUnwrapper(pem)) == b"data"
    for arguments, sentence in [
        (["-r", "expired"], "libseal: expired: "),
        (["-r", "good", "--roots", "root"], "libseal: good: "),
        (["-r", "public.pem", "--roots", "root"], "libseal: public.pem: "),
        (["-r", "good", "--roots", "gone"], "libseal: gone: "),
        (["-r", "good", "--pin", FINGERPRINT], f"not the expected {FINGERPRINT}"),
    ]:
        refused = command("seal", *arguments, stdin=b"data")
        assert refused.code == (IO if "gone" in arguments else KEY_REFUSED)
        assert sentence in refused.err
        assert refused.err.count("\n") == 1


def test_a_bundle_names_its_alias_and_has_an_end(command: Command) -> None:
    bundle = json.loads(key_file("public-accepted/rsa-2048.bundle.json"))
    bundle |= {"Alias": "alias/reports", "NotAfter": "2999-01-01T00:00:00Z"}
    command.path("bundle.json", json.dumps(bundle).encode())
    sealed = command("seal", "-q", "-r", "bundle.json", stdin=b"data")
    assert libseal.inspect(sealed.out).wrapped_keys[0].key_id == "alias/reports"
    command.path("old.json", json.dumps(bundle | {"NotAfter": "2020-01-01T00:00:00Z"}).encode())
    refused = command("seal", "-r", "old.json", stdin=b"data")
    assert (refused.code, refused.out) == (KEY_REFUSED, b"")
    assert "2020" in refused.err


@pytest.mark.parametrize(
    ("name", "content", "code", "sentence"),
    [
        ("private.pem", None, KEY_REFUSED, "private.pem: "),
        ("key", b"no key at all", KEY_REFUSED, "key: "),
        ("key", bytes(2 << 20), KEY_REFUSED, "too long for a key"),
        ("key", key_file("ec-p256.pub.der"), KEY_REFUSED, "RSA"),
        ("gone", None, IO, "gone: No such file or directory"),
        ("alias/reports", None, IO, "libseal keys export gets the public key"),
    ],
)
def test_what_is_no_public_key_is_named(
    command: Command, name: str, content: bytes | None, code: int, sentence: str
) -> None:
    if content is not None:
        command.path(name, content)
    refused = command("seal", "-r", name, stdin=b"data")
    assert (refused.code, refused.out) == (code, b"")
    assert sentence in refused.err


def test_an_encrypted_private_key_takes_its_password(command: Command) -> None:
    command.path("locked.key", key_file("rsa-2048.encrypted.pem"))
    message = command.path("a.sealed", libseal.seal(public_key(), b"data"))
    unseal = ("unseal", "-q", "-i", "locked.key", message, "-o", "-")

    right = {"LIBSEAL_KEY_PASSWORD": "correct horse"}
    assert command(*unseal, environment=right) == (OK, b"data", "")
    wrong = command(*unseal, environment={"LIBSEAL_KEY_PASSWORD": "guess"})
    assert wrong.code == KEY_REFUSED
    assert wrong.err.startswith("libseal: locked.key: ")
    assert "guess" not in wrong.err

    wrong = command(*unseal, environment={"LIBSEAL_KEY_PASSWORD": os.fsdecode(b"\xff")})
    assert wrong.code == KEY_REFUSED
    assert "\\xff" not in wrong.err

    typed = command.in_terminal(*unseal, typed="correct horse")
    assert typed.code == OK
    assert b"Password of locked.key: " in typed.out
    assert b"data" in typed.out
    assert b"correct" not in typed.out, "what is typed is not shown"


def test_without_a_terminal_no_one_is_asked_for_a_password(command: Command) -> None:
    command.path("locked.key", key_file("rsa-2048.encrypted.pem"))
    process = command.start("unseal", "-i", "locked.key", start_new_session=True)
    _, err = process.communicate(b"")
    assert process.returncode == KEY_REFUSED
    assert b"locked.key: the key is encrypted, and no terminal to ask for its password" in err
    assert b"set LIBSEAL_KEY_PASSWORD" in err


def test_what_is_sealed_for_others_is_told_by_its_code(command: Command) -> None:
    message = libseal.seal(public_key(), b"data")
    other = command("unseal", "-i", "other.pem", stdin=message)
    assert (other.code, other.out) == (OTHER_KEYS, b"")
    assert FINGERPRINT in other.err
    # One of several is enough.
    both = command("unseal", "-q", "-i", "other.pem", "-i", "private.pem", stdin=message)
    assert both == (OK, b"data", "")


@pytest.mark.parametrize("name", ["seal", "unseal", "verify", "rewrap", "salvage"])
def test_without_a_key_it_says_what_to_add(command: Command, name: str) -> None:
    command.path("a.sealed", b"")
    refused = command(name, "a.sealed")
    assert refused.code == USAGE
    add = (
        "give -r KEY_FILE or -R" if name in {"seal", "rewrap"} else "give -i PRIVATE_KEY, or --kms"
    )
    assert add in refused.err
    assert f"try: libseal {name} --help" in refused.err
