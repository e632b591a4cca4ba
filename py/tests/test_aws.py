"""KmsUnwrapper: what it asks the KMS, and what it makes of the answers."""

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
from botocore.stub import Stubber

import libseal
from fake_kms import OAEP, FakeKms, arn, sealed
from libseal.aws import KmsUnwrapper
from openssl_support import encrypted, wrapped
from support import key_file, public_key, unwrapper

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

    from tests.kms.ministack import LocalKms

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("algorithm", OAEP)
def test_one_look_and_then_one_call_for_each_message(algorithm: str) -> None:
    kms = FakeKms(a="rsa-2048", b="rsa-2048-b")
    unwrap = KmsUnwrapper(kms, ["a", "b"])
    assert not kms.calls
    blob = sealed("rsa-2048", algorithm=algorithm)
    for _ in range(3):
        assert libseal.unseal(blob, unwrap) == b"data"
    assert kms.calls == [("GetPublicKey", "a")] + [("Decrypt", arn())] * 3
    assert libseal.unseal(sealed("rsa-2048-b"), unwrap) == b"data"
    assert kms.calls[4:] == [("GetPublicKey", "b"), ("Decrypt", arn("rsa-2048-b"))]


def test_key_id_of_the_message_is_a_hint_which_key_to_ask_first() -> None:
    kms = FakeKms(a="rsa-2048", b="rsa-2048-b")
    unwrap = KmsUnwrapper(kms, ["a", "b"])
    assert libseal.unseal(sealed("rsa-2048-b", key_id="b"), unwrap) == b"data"
    assert kms.calls == [("GetPublicKey", "b"), ("Decrypt", arn("rsa-2048-b"))]


def test_no_decrypt_for_other_keys_whatever_they_are_called() -> None:
    kms = FakeKms(a="rsa-2048", b="rsa-2048-b")
    unwrap = KmsUnwrapper(kms, ["a"])
    for key_id in ("", "a", "b", arn(), arn("rsa-2048-b")):
        with pytest.raises(libseal.NoMatchingRecipientError):
            libseal.unseal(sealed("rsa-2048-b", key_id=key_id), unwrap)
    assert kms.calls == [("GetPublicKey", "a")]


def test_second_recipient() -> None:
    unwrap = KmsUnwrapper(FakeKms(a="rsa-2048"), "a")
    assert libseal.unseal(sealed("rsa-2048-b", "rsa-3072", "rsa-2048"), unwrap) == b"data"


def test_unknown_kind_is_not_asked_for() -> None:
    kms = FakeKms(a="rsa-2048")
    unwrap = KmsUnwrapper(kms, ["a"])
    key = libseal.WrappedKey("UNKNOWN_3", public_key().fingerprint, "a", b"x")
    assert unwrap(key) is None
    assert not kms.calls


def test_keys() -> None:
    kms = FakeKms()
    empties: list[Any] = [[], "", ["a", ""], {}]
    for empty in empties:
        with pytest.raises(ValueError, match="empty"):
            KmsUnwrapper(kms, empty)
    for bad in ([b"a"], [None]):
        with pytest.raises(TypeError, match="must be str"):
            KmsUnwrapper(kms, bad)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        KmsUnwrapper(kms)  # type: ignore[call-arg]


GARBAGE: list[tuple[dict[str, Any], str]] = [
    ({"Plaintext": None}, "Plaintext must be bytes, not nothing"),
    ({"Plaintext": "x" * 32}, "Plaintext must be bytes, not str"),
    ({"KeyId": 7}, "KeyId must be str, not int"),
    ({"PublicKey": None}, "PublicKey must be bytes, not nothing"),
    ({"PublicKey": b"no key"}, "KMS GetPublicKey of a: "),
    ({"KeyUsage": None}, "KeyUsage must be str, not nothing"),
    ({"EncryptionAlgorithms": "RSAES_OAEP_SHA_256"}, "EncryptionAlgorithms must be list, not str"),
]


@pytest.mark.parametrize(("answer", "words"), GARBAGE)
def test_answers_that_are_garbage(answer: dict[str, Any], words: str) -> None:
    kms = FakeKms(a="rsa-2048")
    kms.answers = answer
    with pytest.raises(libseal.KeyUnwrapError, match=words) as refused:
        libseal.unseal(sealed(), KmsUnwrapper(kms, "a"))
    assert "x" * 32 not in str(refused.value)


def test_an_answer_that_is_no_mapping() -> None:
    kms = FakeKms(a="rsa-2048")
    kms._answer = lambda **_: "<html>"  # type: ignore[method-assign]
    with pytest.raises(libseal.KeyUnwrapError, match="not as it should be"):
        libseal.unseal(sealed(), KmsUnwrapper(kms, "a"))
    with pytest.raises(libseal.KeyUnwrapError, match="not as it should be"):
        libseal.aws.public_key(kms, "a")


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_data_key_of_the_wrong_length(length: int) -> None:
    kms = FakeKms(a="rsa-2048")
    kms.answers = {"Plaintext": b"s" * length}
    with pytest.raises(libseal.KeyUnwrapError, match=f"{length} bytes") as refused:
        libseal.unseal(sealed(), KmsUnwrapper(kms, "a"))
    assert refused.value.name == "DATA_KEY_LENGTH"
    assert type(refused.value) is libseal.WrappedKeyRejectedError
    assert not refused.value.retryable


@pytest.mark.parametrize("key_id", [arn("rsa-2048-b"), "rsa-2048", "", f"x{arn()}"])
def test_an_answer_about_another_key(key_id: str) -> None:
    kms = FakeKms(a="rsa-2048")
    unwrap = KmsUnwrapper(kms, {arn(): public_key()})
    kms.answers = {"KeyId": key_id}
    with pytest.raises(libseal.KeyUnwrapError, match=r"was asked about .* and answered about"):
        libseal.unseal(sealed(), unwrap)


def test_key_that_cannot_unseal() -> None:
    """A queue worker keeps the message: someone can give the alias the right key."""
    kms = FakeKms(a="rsa-2048")
    kms.answers = {"KeyUsage": "SIGN_VERIFY"}
    words = "a cannot unseal: its usage is SIGN_VERIFY"
    with pytest.raises(libseal.InvalidKeyError, match=words):
        libseal.aws.public_key(kms, "a")
    with pytest.raises(libseal.KmsRefusedError, match=words) as refused:
        libseal.unseal(sealed(), KmsUnwrapper(kms, ["a"]))
    assert isinstance(refused.value.__cause__, libseal.InvalidKeyError)
    kms.answers = {"EncryptionAlgorithms": ["SM2PKE"]}
    with pytest.raises(libseal.InvalidKeyError, match="no RSAES_OAEP_SHA_256"):
        libseal.aws.public_key(kms, "a")
    kms.answers = {}
    assert libseal.aws.public_key(kms, "a") == public_key()


def test_threads_look_once() -> None:
    kms = FakeKms(a="rsa-2048")
    unwrap = KmsUnwrapper(kms, ["a"])
    blob = sealed()
    threads = [
        threading.Thread(target=lambda: libseal.unseal(blob, unwrap), daemon=True) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert kms.calls.count(("GetPublicKey", "a")) == 1
    assert kms.calls.count(("Decrypt", arn())) == 8


def stubbed_client() -> KMSClient:
    return boto3.client(
        "kms",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.mark.parametrize("tokens", [[], ["one", "two"]])
def test_exactly_these_parameters(tokens: list[str]) -> None:
    """botocore checks the names and types."""
    client = stubbed_client()
    blob = sealed()
    (key,) = libseal.inspect(blob).wrapped_keys
    granted: dict[str, Any] = {"GrantTokens": tokens} if tokens else {}
    with Stubber(client) as stubber:
        stubber.add_response(
            "get_public_key",
            {
                "KeyId": arn(),
                "PublicKey": key_file("rsa-2048.pub.der"),
                "KeyUsage": "ENCRYPT_DECRYPT",
                "EncryptionAlgorithms": OAEP,
            },
            {"KeyId": "alias/a", **granted},
        )
        stubber.add_response(
            "decrypt",
            {"Plaintext": unwrapper()(key), "KeyId": arn()},
            {
                "KeyId": arn(),
                "CiphertextBlob": key.ciphertext,
                "EncryptionAlgorithm": "RSAES_OAEP_SHA_256",
                **granted,
            },
        )
        unwrap = KmsUnwrapper(client, ["alias/a"], grant_tokens=iter(tokens))
        assert libseal.unseal(blob, unwrap) == b"data"
        stubber.assert_no_pending_responses()


@pytest.mark.parametrize("tokens", ["token", None, 7, [b"token"], b"token"])
def test_grant_tokens(tokens: Any) -> None:
    with pytest.raises(TypeError, match="grant_tokens must be"):
        KmsUnwrapper(FakeKms(), "a", grant_tokens=tokens)


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
        assert libseal.unseal(blob, KmsUnwrapper(kms.client, [alias])) == b"data"
    blob = libseal.seal([libseal.Recipient(other, "hint"), key], b"data")
    for keys in ([alias], ["alias/libseal-other"], ["alias/libseal-other", alias]):
        unwrap = KmsUnwrapper(kms.client, keys)
        assert libseal.unseal(blob, unwrap) == b"data"
        assert unwrap.check() == dict.fromkeys(keys)
    with pytest.raises(libseal.NoMatchingRecipientError):
        libseal.unseal(libseal.seal(public_key(), b""), KmsUnwrapper(kms.client, alias))
    unwrap = KmsUnwrapper(kms.client, ["alias/none"])
    with pytest.raises(libseal.KmsRefusedError, match="NotFoundException"):
        libseal.unseal(blob, unwrap)
    assert isinstance(unwrap.check()["alias/none"], libseal.KmsRefusedError)


def test_with_ids_and_arns_of_a_kms(kms: LocalKms, alias: str) -> None:
    key = libseal.aws.public_key(kms.client, alias)
    metadata = kms.client.describe_key(KeyId=alias)["KeyMetadata"]
    blob = libseal.seal(key, b"data")
    for name in (metadata["KeyId"], metadata["Arn"]):
        for keys in (name, {name: key}, {name: key.fingerprint}):
            unwrap = KmsUnwrapper(kms.client, keys)
            assert libseal.unseal(blob, unwrap) == b"data"
            assert unwrap.check() == {name: None}


def test_rotation_with_a_kms(kms: LocalKms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libseal.aws._keys.REFRESH_SECONDS", 0.0)
    kms.create_key("alias/libseal-rotated")
    unwrap = KmsUnwrapper(kms.client, "alias/libseal-rotated")
    old = libseal.seal(libseal.aws.public_key(kms.client, "alias/libseal-rotated"), b"old")
    assert libseal.unseal(old, unwrap) == b"old"
    new_key = kms.client.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
    key_id = new_key["KeyMetadata"]["KeyId"]
    kms.client.update_alias(AliasName="alias/libseal-rotated", TargetKeyId=key_id)
    new = libseal.seal(libseal.aws.public_key(kms.client, "alias/libseal-rotated"), b"new")
    assert libseal.unseal(new, unwrap) == b"new"
    assert libseal.unseal(old, unwrap) == b"old"


def test_a_disabled_key_of_a_kms(kms: LocalKms) -> None:
    key = kms.client.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
    arn = key["KeyMetadata"]["Arn"]
    unwrap = KmsUnwrapper(kms.client, arn)
    blob = libseal.seal(libseal.aws.public_key(kms.client, arn), b"data")
    assert libseal.unseal(blob, unwrap) == b"data"
    kms.client.disable_key(KeyId=arn)
    with pytest.raises(libseal.KmsRefusedError, match=r"DisabledException.*must be enabled"):
        libseal.unseal(blob, unwrap)
    kms.client.enable_key(KeyId=arn)
    assert libseal.unseal(blob, unwrap) == b"data"


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
    sealed_log = libseal.seal(key, b"a line\n")
    (tmp_path / "log.sealed").write_bytes(sealed_log)
    (tmp_path / "key.b64").write_bytes(b"c2VjcmV0\n")
    (tmp_path / "key.b64.enc").write_bytes(wrapped(b"c2VjcmV0\n", tmp_path / "public.pem"))
    (tmp_path / "encrypt.me.enc").write_bytes(encrypted(b"a line\n", tmp_path / "key.b64"))
    kms.s3.create_bucket(Bucket="example-bucket")
    kms.s3.upload_file(str(tmp_path / "log.sealed"), "example-bucket", "log.sealed")
    kms.s3.upload_file(str(tmp_path / "log.sealed"), "example-bucket", "logs/1.sealed")
    kms.s3.put_object(Bucket="example-bucket", Key="logs/not-sealed", Body=b"a line\n")
    kms.s3.put_object(Bucket="example-bucket", Key="logs/cut", Body=sealed_log[:-1])
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "py/README.md").read_text(), re.DOTALL)
    checks = [
        "assert data == b'21.5 C'",
        "assert readings == [b'21.5 C', b'21.7 C']",
        "assert result == b'999 C'",
        "assert unsealed == {'s3://example-bucket/logs/1.sealed': b'a line\\n'}",
        "assert done == {'s3://example-bucket/logs/1.sealed'}",
        "assert {name.rpartition('/')[2] for name in damaged} == {'cut', 'not-sealed'}",
        "assert len(plan) == 2",
        "assert unwrap_once.statistics.misses == 1",
        "assert line == b'a line of 23 characters\\n'",
        "assert part == line",
        "assert Path('encrypt.me').read_bytes() == b'a line\\n'",
        "assert libseal.unseal(Path('encrypt.me.sealed').read_bytes(), unwrap) == b'a line\\n'",
    ]
    program = "\n".join([*blocks, *checks])
    command = [sys.executable, "-c", program]
    subprocess.run(command, env=kms.environment, check=True, cwd=tmp_path)


@pytest.mark.parametrize("module", ["boto", "asyncio", "concurrent", "inspect"])
def test_what_is_not_imported(module: str) -> None:
    program = f"import libseal, sys; sys.exit(any({module!r} in name for name in sys.modules))"
    subprocess.run([sys.executable, "-c", program], check=True)
