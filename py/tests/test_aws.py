"""KmsUnwrapper, against a fake client, botocore's Stubber and a KMS on loopback."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.stub import Stubber

import libseal
from support import key_file, public_key, unwrapper

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

    from tests.kms.ministack import LocalKms

ROOT = Path(__file__).parents[2]
OAEP = ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"]


def denied(operation: str) -> ClientError:
    return ClientError({"Error": {"Code": "AccessDeniedException"}}, operation)


class FakeKms:
    """Holds test keys under their names, and notes the calls."""

    def __init__(self, **keys: str) -> None:
        self.keys = keys
        self.calls: list[tuple[str, str]] = []
        self.usage = "ENCRYPT_DECRYPT"
        self.algorithms = OAEP
        self.denied: set[str] = set()

    def get_public_key(self, KeyId: str) -> dict[str, Any]:  # noqa: N803
        self.calls.append(("GetPublicKey", KeyId))
        if KeyId in self.denied:
            raise denied("GetPublicKey")
        name = self.keys[KeyId]
        return {
            "KeyId": f"arn:{name}",
            "PublicKey": key_file(f"{name}.pub.der"),
            "KeyUsage": self.usage,
            "KeySpec": "RSA_2048",
            "EncryptionAlgorithms": self.algorithms,
        }

    def decrypt(
        self,
        KeyId: str,  # noqa: N803
        CiphertextBlob: bytes,  # noqa: N803
        EncryptionAlgorithm: str,  # noqa: N803
    ) -> dict[str, Any]:
        self.calls.append(("Decrypt", KeyId))
        if KeyId in self.denied:
            raise denied("Decrypt")
        local = unwrapper(KeyId.removeprefix("arn:"))
        fingerprint = local.public_key.fingerprint
        key = libseal.WrappedKey(EncryptionAlgorithm, fingerprint, "", CiphertextBlob)
        return {"Plaintext": local(key), "KeyId": KeyId}


def sealed(*names: str, key_id: str = "", algorithm: str = OAEP[1]) -> bytes:
    recipients = [libseal.Recipient(public_key(name), key_id, algorithm) for name in names]
    return libseal.seal(recipients, b"data")


@pytest.mark.parametrize("algorithm", OAEP)
def test_one_look_and_then_one_call_for_each_message(algorithm: str) -> None:
    kms = FakeKms(a="rsa-2048", b="rsa-2048-b")
    unwrap = libseal.aws.KmsUnwrapper(kms, ["a", "b"])
    assert not kms.calls
    blob = sealed("rsa-2048", algorithm=algorithm)
    for _ in range(3):
        assert libseal.unseal(blob, unwrap) == b"data"
    assert kms.calls == [("GetPublicKey", "a")] + [("Decrypt", "arn:rsa-2048")] * 3
    assert libseal.unseal(sealed("rsa-2048-b"), unwrap) == b"data"
    assert kms.calls[4:] == [("GetPublicKey", "b"), ("Decrypt", "arn:rsa-2048-b")]


def test_key_id_of_the_message_is_a_hint_which_key_to_ask_first() -> None:
    kms = FakeKms(a="rsa-2048", b="rsa-2048-b")
    unwrap = libseal.aws.KmsUnwrapper(kms, ["a", "b"])
    assert libseal.unseal(sealed("rsa-2048-b", key_id="b"), unwrap) == b"data"
    assert kms.calls == [("GetPublicKey", "b"), ("Decrypt", "arn:rsa-2048-b")]


def test_no_decrypt_for_other_keys_whatever_they_are_called() -> None:
    kms = FakeKms(a="rsa-2048", b="rsa-2048-b")
    unwrap = libseal.aws.KmsUnwrapper(kms, ["a"])
    for key_id in ("", "a", "b", "arn:rsa-2048", "arn:rsa-2048-b"):
        with pytest.raises(libseal.NoMatchingRecipientError):
            libseal.unseal(sealed("rsa-2048-b", key_id=key_id), unwrap)
    assert kms.calls == [("GetPublicKey", "a")]


def test_second_recipient() -> None:
    unwrap = libseal.aws.KmsUnwrapper(FakeKms(a="rsa-2048"), "a")
    assert libseal.unseal(sealed("rsa-2048-b", "rsa-3072", "rsa-2048"), unwrap) == b"data"


def test_unknown_kind_is_not_asked_for() -> None:
    kms = FakeKms(a="rsa-2048")
    unwrap = libseal.aws.KmsUnwrapper(kms, ["a"])
    key = libseal.WrappedKey("UNKNOWN_3", public_key().fingerprint, "a", b"x")
    assert unwrap(key) is None
    assert not kms.calls


def test_keys() -> None:
    kms = FakeKms()
    for empty in ([""][:0], "", ["a", ""]):
        with pytest.raises(ValueError, match="empty"):
            libseal.aws.KmsUnwrapper(kms, empty)
    for bad in ([b"a"], [None]):
        with pytest.raises(TypeError, match="must be str"):
            libseal.aws.KmsUnwrapper(kms, bad)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        libseal.aws.KmsUnwrapper(kms)  # type: ignore[call-arg]


def test_key_that_cannot_be_looked_at() -> None:
    kms = FakeKms(a="rsa-2048", b="rsa-2048-b")
    kms.denied = {"a"}
    unwrap = libseal.aws.KmsUnwrapper(kms, ["a", "b"])
    assert libseal.unseal(sealed("rsa-2048-b"), unwrap) == b"data"
    with pytest.raises(libseal.KeyUnwrapError) as refused:
        libseal.unseal(sealed("rsa-2048"), unwrap)
    assert isinstance(refused.value.__cause__, ClientError)
    kms.denied = set()
    assert libseal.unseal(sealed("rsa-2048"), unwrap) == b"data"


def test_decrypt_that_fails() -> None:
    kms = FakeKms(a="rsa-2048")
    kms.denied = {"arn:rsa-2048"}
    with pytest.raises(libseal.KeyUnwrapError) as refused:
        libseal.unseal(sealed("rsa-2048"), libseal.aws.KmsUnwrapper(kms, ["a"]))
    cause = refused.value.__cause__
    assert isinstance(cause, ClientError)
    assert cause.response["Error"]["Code"] == "AccessDeniedException"


def test_key_that_cannot_unseal() -> None:
    kms = FakeKms(a="rsa-2048")
    unwrap = libseal.aws.KmsUnwrapper(kms, ["a"])
    kms.usage = "SIGN_VERIFY"
    with pytest.raises(libseal.InvalidKeyError, match="a cannot unseal: its usage is SIGN_VERIFY"):
        libseal.aws.public_key(kms, "a")
    with pytest.raises(libseal.InvalidKeyError):
        libseal.unseal(sealed("rsa-2048"), unwrap)
    kms.usage, kms.algorithms = "ENCRYPT_DECRYPT", ["SM2PKE"]
    with pytest.raises(libseal.InvalidKeyError, match="no RSAES_OAEP_SHA_256"):
        libseal.aws.public_key(kms, "a")
    kms.algorithms = OAEP
    assert libseal.aws.public_key(kms, "a") == public_key()
    assert libseal.unseal(sealed("rsa-2048"), unwrap) == b"data"


def test_threads_look_once() -> None:
    kms = FakeKms(a="rsa-2048")
    unwrap = libseal.aws.KmsUnwrapper(kms, ["a"])
    blob = sealed("rsa-2048")
    threads = [
        threading.Thread(target=lambda: libseal.unseal(blob, unwrap), daemon=True) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert kms.calls.count(("GetPublicKey", "a")) == 1
    assert kms.calls.count(("Decrypt", "arn:rsa-2048")) == 8


def stubbed_client() -> KMSClient:
    return boto3.client(
        "kms",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        endpoint_url="http://127.0.0.1:1",
        config=Config(retries={"total_max_attempts": 1}),
    )


def test_exactly_these_parameters() -> None:
    """botocore checks the names and types."""
    client = stubbed_client()
    blob = sealed("rsa-2048")
    (key,) = libseal.inspect(blob).wrapped_keys
    arn = "arn:aws:kms:us-east-1:1:key/k"
    with Stubber(client) as stubber:
        stubber.add_response(
            "get_public_key",
            {
                "KeyId": arn,
                "PublicKey": key_file("rsa-2048.pub.der"),
                "KeyUsage": "ENCRYPT_DECRYPT",
                "EncryptionAlgorithms": OAEP,
            },
            {"KeyId": "alias/a"},
        )
        stubber.add_response(
            "decrypt",
            {"Plaintext": unwrapper()(key), "KeyId": arn},
            {
                "KeyId": arn,
                "CiphertextBlob": key.ciphertext,
                "EncryptionAlgorithm": "RSAES_OAEP_SHA_256",
            },
        )
        assert libseal.unseal(blob, libseal.aws.KmsUnwrapper(client, ["alias/a"])) == b"data"
        stubber.assert_no_pending_responses()


def test_no_network() -> None:
    unwrap = libseal.aws.KmsUnwrapper(stubbed_client(), ["alias/a"])
    with pytest.raises(libseal.KeyUnwrapError) as refused:
        libseal.unseal(sealed("rsa-2048"), unwrap)
    assert isinstance(refused.value.__cause__, EndpointConnectionError)


@pytest.fixture(scope="session")
def alias(kms: LocalKms) -> str:
    kms.create_key("alias/libseal-test")
    return "alias/libseal-test"


def test_with_a_kms(kms: LocalKms, alias: str) -> None:
    kms.create_key("alias/libseal-other", "RSA_3072")
    key = libseal.aws.public_key(kms.client, alias)
    other = libseal.aws.public_key(kms.client, "alias/libseal-other")
    assert (key.bits, other.bits) == (2048, 3072)
    for algorithm in OAEP:
        blob = libseal.seal([libseal.Recipient(key, alias, algorithm)], b"data")
        assert libseal.unseal(blob, libseal.aws.KmsUnwrapper(kms.client, [alias])) == b"data"
    blob = libseal.seal([libseal.Recipient(other, "hint"), key], b"data")
    for keys in ([alias], ["alias/libseal-other"], ["alias/libseal-other", alias]):
        assert libseal.unseal(blob, libseal.aws.KmsUnwrapper(kms.client, keys)) == b"data"
    with pytest.raises(libseal.NoMatchingRecipientError):
        libseal.unseal(libseal.seal(public_key(), b""), libseal.aws.KmsUnwrapper(kms.client, alias))
    with pytest.raises(libseal.KeyUnwrapError) as refused:
        libseal.unseal(blob, libseal.aws.KmsUnwrapper(kms.client, ["alias/none"]))
    assert isinstance(refused.value.__cause__, ClientError)


def test_a_key_to_sign_is_refused(kms: LocalKms) -> None:
    key = kms.client.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
    with pytest.raises(libseal.InvalidKeyError, match="SIGN_VERIFY") as refused:
        libseal.aws.public_key(kms.client, key["KeyMetadata"]["KeyId"])
    assert refused.value.name == "WRONG_KEY_USAGE"


def test_examples(kms: LocalKms, alias: str, tmp_path: Path) -> None:
    def run(script: str, *args: object, stdin: bytes = b"") -> None:
        command = [sys.executable, str(ROOT / "examples/python" / script), *map(str, args)]
        subprocess.run(command, input=stdin, env=kms.environment, check=True, cwd=tmp_path)

    public, log, sealed, back = (tmp_path / name for name in ("key.der", "log", "sealed", "back"))
    public.write_bytes(libseal.aws.public_key(kms.client, alias).der)
    log.write_text("a line\nanother\n")
    run("seal_log.py", public, sealed, "--device", "42", stdin=log.read_bytes())
    assert libseal.inspect(sealed).context == {"device": "42"}
    run("unseal_with_kms.py", sealed, back, alias)
    assert back.read_bytes() == log.read_bytes()
    for script in ("seal_log.py", "unseal_with_kms.py"):
        run(script, "--help")


def test_readme(kms: LocalKms, tmp_path: Path) -> None:
    kms.create_key("alias/example-rsa-key")
    key = libseal.aws.public_key(kms.client, "alias/example-rsa-key")
    (tmp_path / "public.pem").write_bytes(key.der)
    (tmp_path / "log").write_bytes(b"a line\n")
    (tmp_path / "log.sealed").write_bytes(libseal.seal(key, b"a line\n"))
    kms.s3.create_bucket(Bucket="example-bucket")
    kms.s3.upload_file(str(tmp_path / "log.sealed"), "example-bucket", "log.sealed")
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "py/README.md").read_text(), re.DOTALL)
    checks = [
        "assert data == b'21.5 C'",
        "assert readings == [b'21.5 C', b'21.7 C']",
        "assert unwrap_once.cache_info().misses == 1",
        "assert line == b'a line of 23 characters\\n'",
        "assert part == line",
    ]
    program = "\n".join([*blocks, *checks])
    command = [sys.executable, "-c", program]
    subprocess.run(command, env=kms.environment, check=True, cwd=tmp_path)


def test_boto3_is_not_imported() -> None:
    program = "import libseal, sys; sys.exit(any('boto' in name for name in sys.modules))"
    subprocess.run([sys.executable, "-c", program], check=True)
