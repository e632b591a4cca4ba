"""The example program over the AWS SDK for Rust, against a KMS whose requests are counted."""

import base64
import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import libseal
from tests.kms import counting
from tests.kms.counting import CountedKms, Fault
from tests.kms.ministack import ministack

PROGRAM = os.environ["LIBSEAL_RUST_AWS"]
KEY = "alias/fleet"
TRY_AGAIN = "(try again later)"


@pytest.fixture(scope="module")
def running() -> Iterator[CountedKms]:
    with ministack() as kms, counting.counting(kms) as counted:
        kms.create_key(KEY)
        yield counted


@pytest.fixture
def kms(running: CountedKms) -> CountedKms:
    running.reset()
    return running


@pytest.fixture
def key(running: CountedKms) -> libseal.PublicKey:
    return libseal.PublicKey(running.kms.client.get_public_key(KeyId=KEY)["PublicKey"])


def run(kms: CountedKms, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    # One try, so that a fault need not be waited for.
    environment = kms.environment | {"AWS_MAX_ATTEMPTS": "1", "AWS_EC2_METADATA_DISABLED": "true"}
    return subprocess.run(
        [PROGRAM, *arguments], env=environment, capture_output=True, text=True, timeout=60
    )


def unseal(kms: CountedKms, files: Sequence[Path]) -> str:
    """Unseals all of them, and gives what the program says: nothing if it succeeded."""
    done = run(kms, "unseal", "--key", KEY, *files)
    assert bool(done.returncode) == bool(done.stderr), done
    return done.stderr


def sealed(folder: Path, key: libseal.PublicKey, plaintext: bytes = b"21.5 C") -> Path:
    path = folder / "reading.sealed"
    path.write_bytes(libseal.seal(key, plaintext))
    return path


@pytest.mark.parametrize("length", [0, 1, 16384, 3_000_000])
def test_round_trip(kms: CountedKms, tmp_path: Path, length: int) -> None:
    answer = kms.kms.client.get_public_key(KeyId=KEY)
    public_key = tmp_path / "fleet.der"
    public_key.write_bytes(answer["PublicKey"])
    plaintext = os.urandom(length)
    file = tmp_path / "photo.jpg"
    file.write_bytes(plaintext)
    assert run(kms, "seal", public_key, file).returncode == 0
    assert not kms.requests, "sealing needs no KMS"

    file.unlink()
    assert unseal(kms, [tmp_path / "photo.jpg.sealed"]) == ""
    assert file.read_bytes() == plaintext
    assert kms.requests == {"GetPublicKey": 1, "Decrypt": 1}


def test_one_call_for_many_messages_of_a_sealing_key(
    kms: CountedKms, key: libseal.PublicKey, tmp_path: Path
) -> None:
    sealing_key = libseal.SealingKey(key)
    files = [tmp_path / f"{number}.sealed" for number in range(100)]
    for number, file in enumerate(files):
        file.write_bytes(sealing_key.seal(f"reading {number}".encode()))
    assert unseal(kms, files) == ""
    for number, file in enumerate(files):
        assert file.with_suffix("").read_text() == f"reading {number}"
    assert kms.requests["Decrypt"] == 1


def test_no_call_for_a_message_of_another_key(kms: CountedKms, tmp_path: Path) -> None:
    vectors = Path(__file__).parents[1] / "vectors/keys"
    other = libseal.PublicKey((vectors / "rsa-2048.pub.der").read_bytes())
    assert "sealed for other keys" in unseal(kms, [sealed(tmp_path, other)])
    assert "Decrypt" not in kms.requests


@pytest.mark.parametrize(
    ("fault", "text", "may_be_repeated"),
    [
        (counting.THROTTLED, "the KMS could not be asked", True),
        (counting.SERVER_ERROR, "the KMS could not be asked", True),
        (counting.RESET, "the KMS could not be asked", True),
        (counting.DENIED, "AccessDeniedException", False),
        (counting.DISABLED, "The key is disabled", False),
        (counting.PENDING_DELETION, "The key is pending deletion", False),
        (counting.EXPIRED_TOKEN, "ExpiredTokenException", False),
        (counting.refusal("InvalidCiphertextException"), "cannot decrypt this wrapped key", False),
        (counting.SHORT_KEY, "not 32 bytes long", False),
    ],
)
def test_failures_are_told_apart(
    kms: CountedKms,
    key: libseal.PublicKey,
    tmp_path: Path,
    fault: Fault,
    text: str,
    may_be_repeated: bool,
) -> None:
    file = sealed(tmp_path, key)
    with kms.failing(fault, "Decrypt"):
        said = unseal(kms, [file])
    assert text in said
    assert (TRY_AGAIN in said) == may_be_repeated
    assert list(tmp_path.iterdir()) == [file]


def test_a_message_that_is_cut_leaves_nothing(
    kms: CountedKms, key: libseal.PublicKey, tmp_path: Path
) -> None:
    file = sealed(tmp_path, key, bytes(1_000_000))
    file.write_bytes(file.read_bytes()[:-1])
    assert "the end of the message does not verify" in unseal(kms, [file])
    assert list(tmp_path.iterdir()) == [file]


def test_a_key_for_signatures_is_refused(kms: CountedKms) -> None:
    signing = kms.kms.client.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
    done = run(kms, "unseal", "--key", signing["KeyMetadata"]["KeyId"], "x.sealed")
    assert done.returncode != 0
    assert "is not for decryption" in done.stderr


def test_what_is_wrong_with_the_files_to_seal_is_said(kms: CountedKms, tmp_path: Path) -> None:
    public_key = tmp_path / "fleet.json"
    answer = kms.kms.client.get_public_key(KeyId=KEY)
    encoded = base64.b64encode(answer["PublicKey"]).decode()
    public_key.write_text(json.dumps({"PublicKey": encoded}))
    missing = run(kms, "seal", public_key, tmp_path / "absent")
    assert f"cannot seal {tmp_path}/absent" in missing.stderr
    assert "No such file" in missing.stderr
    public_key.write_text("no key")
    assert "not a public key" in run(kms, "seal", public_key, public_key).stderr
    assert list(tmp_path.iterdir()) == [public_key]
