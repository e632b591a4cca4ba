"""Key bundles, and what public keys are exported as."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
from base64 import b64decode
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

import libseal
from libseal import provision
from support import public_key

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kms.ministack import LocalKms

ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
CREATED = datetime(2026, 11, 27, 12, 0, 0, tzinfo=UTC)
NOT_AFTER = datetime(2027, 11, 27, 23, 59, 59, tzinfo=UTC)


def bundle(alias: str = "alias/telemetry", **fields: Any) -> provision.KeyBundle:
    return provision.KeyBundle(ARN, alias, public_key(), CREATED, **fields)


# ---- KeyBundle


def test_from_the_kms(kms: LocalKms) -> None:
    alias = "alias/test-bundle"
    kms.create_key(alias)
    not_after = datetime.now(UTC) + timedelta(days=365)
    made = provision.KeyBundle.from_kms(kms.client, alias, not_after=not_after)
    metadata = kms.client.describe_key(KeyId=alias)["KeyMetadata"]
    assert (made.arn, made.alias) == (metadata["Arn"], alias)
    assert made.public_key == libseal.aws.public_key(kms.client, alias)
    assert made.fingerprint == made.public_key.fingerprint
    assert made.spec == "RSA_2048"
    assert sorted(made.algorithms) == sorted(metadata["EncryptionAlgorithms"])
    assert made.created == metadata["CreationDate"]
    assert made.not_after == not_after.replace(microsecond=0)
    # By another name, there is no alias.
    assert provision.KeyBundle.from_kms(kms.client, made.arn).alias == ""


def test_there_and_back() -> None:
    for made in (bundle(), bundle(not_after=NOT_AFTER), bundle(alias="")):
        text = made.to_json()
        assert provision.KeyBundle.from_json(text, at=CREATED) == made
        assert provision.KeyBundle.from_json(text.encode(), at=CREATED) == made
        assert pickle.loads(pickle.dumps(made)) == made


def test_the_fields() -> None:
    fields = json.loads(bundle(not_after=NOT_AFTER).to_json())
    assert b64decode(fields.pop("PublicKey")) == public_key().der
    assert fields == {
        "KeyId": ARN,
        "Alias": "alias/telemetry",
        "KeySpec": "RSA_2048",
        "KeyUsage": "ENCRYPT_DECRYPT",
        "EncryptionAlgorithms": ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"],
        "Fingerprint": public_key().fingerprint.hex(),
        "Created": "2026-11-27T12:00:00Z",
        "NotAfter": "2027-11-27T23:59:59Z",
    }
    assert "NotAfter" not in json.loads(bundle().to_json())


def test_times_are_in_utc_and_whole_seconds() -> None:
    there = timezone(timedelta(hours=5))
    made = bundle(not_after=datetime(2027, 1, 1, 5, 0, 0, 999_999, tzinfo=there))
    assert made.not_after == datetime(2027, 1, 1, tzinfo=UTC)
    assert '"2027-01-01T00:00:00Z"' in made.to_json()
    with pytest.raises(ValueError, match="time zone"):
        bundle(not_after=datetime(2027, 1, 1))  # noqa: DTZ001
    with pytest.raises(TypeError, match="datetime"):
        bundle(not_after="2027-01-01")


def test_a_bundle_is_a_public_key() -> None:
    assert libseal.PublicKey(bundle().to_json()) == public_key()
    with pytest.raises(libseal.InvalidKeyError, match="from_bundle"):
        libseal.PublicKey(bundle(not_after=NOT_AFTER).to_json())


def test_until_its_last_second() -> None:
    text = bundle(not_after=NOT_AFTER).to_json()
    assert provision.KeyBundle.from_json(text, at=NOT_AFTER).not_after == NOT_AFTER
    with pytest.raises(libseal.InvalidKeyError) as error:
        provision.KeyBundle.from_json(text, at=NOT_AFTER + timedelta(seconds=1))
    assert error.value.name == "KEY_NOT_VALID_NOW"
    over = bundle(not_after=datetime(2020, 1, 1, tzinfo=UTC)).to_json()
    with pytest.raises(libseal.InvalidKeyError):
        provision.KeyBundle.from_json(over)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Fingerprint", "00" * 32),
        ("KeySpec", "RSA_4096"),
        ("KeyId", None),
        ("Created", None),
        ("Created", "yesterday"),
        ("Created", "2026-11-27T12:00:00"),
        ("Alias", 1),
        ("PublicKey", None),
    ],
)
def test_a_bundle_that_does_not_fit(field: str, value: object) -> None:
    fields = json.loads(bundle().to_json())
    fields[field] = value
    if value is None:
        del fields[field]
    with pytest.raises(libseal.InvalidKeyError):
        provision.KeyBundle.from_json(json.dumps(fields), at=CREATED)


@pytest.mark.parametrize("text", ["", "[]", "{", "no JSON", b"\xff"])
def test_no_bundle(text: str | bytes) -> None:
    with pytest.raises(libseal.InvalidKeyError):
        provision.KeyBundle.from_json(text)


# ---- export_key


def test_der_and_pem() -> None:
    assert provision.export_key(bundle(), "der") == public_key().der
    pem = provision.export_key(bundle(), "pem")
    assert libseal.PublicKey(pem) == public_key()
    lines = pem.decode().splitlines()
    assert lines[0] == "-----BEGIN PUBLIC KEY-----"
    assert max(map(len, lines)) == 64


def test_json_is_the_bundle() -> None:
    made = bundle(not_after=NOT_AFTER)
    assert provision.export_key(made, "json").decode() == made.to_json()


def test_recipients() -> None:
    text = provision.export_key(bundle(), "recipients") + provision.export_key(
        bundle(alias=""), "recipients"
    )
    named = libseal.Recipient(public_key(), "alias/telemetry")
    assert provision.read_recipients(text) == [named, libseal.Recipient(public_key(), ARN)]
    for fact in (ARN, "alias/telemetry", public_key().fingerprint.hex(), "2026-11-27T12:00:00Z"):
        assert fact in text.decode()


C_PROGRAM = """
#include "key.h"
#include "key.h"
#include <stdio.h>

int main(void) {
    fwrite(%(name)s_der, 1, sizeof %(name)s_der, stdout);
    fwrite(%(name)s_fingerprint, 1, sizeof %(name)s_fingerprint, stdout);
    return 0;
}
"""


@pytest.mark.parametrize(
    ("compiler", "alias", "name", "expected"),
    [
        ("cc -std=c99 -x c", "alias/telemetry", None, "telemetry"),
        ("c++ -std=c++11 -x c++", "alias/eu/Field--2", None, "eu_field_2"),
        ("cc -std=c99 -x c", "alias/7", None, "key_7"),
        ("cc -std=c99 -x c", "", None, "libseal_key"),
        ("cc -std=c99 -x c", "alias/a*/b/*c\n\\", "__int__", "int"),
    ],
)
def test_c_header(
    tmp_path: Path, compiler: str, alias: str, name: str | None, expected: str
) -> None:
    header = provision.export_key(bundle(alias, not_after=NOT_AFTER), "c-header", name=name)
    tmp_path.joinpath("key.h").write_bytes(header)
    source, program = tmp_path / "program.c", tmp_path / "program"
    source.write_text(C_PROGRAM % {"name": expected})
    warnings = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    subprocess.run([*compiler.split(), *warnings, source, "-o", program], check=True)
    printed = subprocess.run([program], check=True, capture_output=True).stdout
    assert printed == public_key().der + public_key().fingerprint
    for fact in (ARN, "RSA_2048", public_key().fingerprint.hex(), "init_pinned", "2027-11-27"):
        assert fact in header.decode()


RUST_PROGRAM = """
include!("key.rs");
fn main() {
    use std::io::Write;
    std::io::stdout().write_all(&TELEMETRY_DER).unwrap();
    std::io::stdout().write_all(&TELEMETRY_FINGERPRINT).unwrap();
}
"""


@pytest.mark.skipif(shutil.which("rustc") is None, reason="there is no rustc")
def test_rust(tmp_path: Path) -> None:
    tmp_path.joinpath("key.rs").write_bytes(provision.export_key(bundle(), "rust"))
    tmp_path.joinpath("main.rs").write_text(RUST_PROGRAM)
    program = tmp_path / "program"
    compiler = ["rustc", "--edition=2021", "-Dwarnings"]
    subprocess.run([*compiler, tmp_path / "main.rs", "-o", program], check=True)
    printed = subprocess.run([program], check=True, capture_output=True).stdout
    assert printed == public_key().der + public_key().fingerprint


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="der, pem, c-header"):
        provision.export_key(bundle(), "x509")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no use for it"):
        provision.export_key(bundle(), "pem", name="x")
    with pytest.raises(ValueError, match="letter or a digit"):
        provision.export_key(bundle(), "rust", name="-")
    for form in ("der", "pem"):
        with pytest.raises(ValueError, match="export as json"):
            provision.export_key(bundle(not_after=NOT_AFTER), form)
