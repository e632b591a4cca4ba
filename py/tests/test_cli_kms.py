"""The command with keys in AWS KMS: how often that is asked, and what is said when it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import libseal
from cli_support import (
    KMS_REFUSED,
    KMS_UNAVAILABLE,
    OK,
    OTHER_KEYS,
    USAGE,
    Command,
    Result,
)
from support import public_key
from tests.kms import counting
from tests.kms.ministack import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kms.counting import CountedKms
    from tests.kms.ministack import LocalKms

ALIAS = "alias/command"
CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
DATA = b"21.5 C"


@pytest.fixture(scope="module")
def counted(kms: LocalKms) -> Iterator[CountedKms]:
    kms.create_key(ALIAS)
    with counting.counting(kms) as counted:
        yield counted


@pytest.fixture
def key(counted: CountedKms) -> libseal.PublicKey:
    found = libseal.aws.public_key(counted.local.client, ALIAS)
    counted.reset()
    return found


def unseal(command: Command, kms: CountedKms, *arguments: str, **changes: str) -> Result:
    return command("unseal", *arguments, environment=kms.environment | changes)


def test_the_kms_is_asked_once_for_each_data_key(
    command: Command, counted: CountedKms, key: libseal.PublicKey
) -> None:
    """40 files of 4 devices, in folders."""
    for device in range(4):
        sealing_key = libseal.SealingKey(key, context={"device": str(device)})
        for number in range(10):
            message = sealing_key.seal(f"{device} {number}".encode())
            command.path(f"in/{number}/{device}.sealed", message)
    done = unseal(command, counted, "--kms", ALIAS, "--recursive", "in", "-o", "out")
    assert done == (OK, b"", "unsealed 40 files (120 B, 4 calls of the KMS)\n")
    assert counted.requests == {"GetPublicKey": 1, "Decrypt": 4}
    assert command.read("out/7/3") == b"3 7"


def test_files_that_were_sealed_together_cost_one_call(
    command: Command, counted: CountedKms, key: libseal.PublicKey
) -> None:
    command.path("key.der", key.der)
    names = [command.path(f"{number}.log", DATA).name for number in range(5)]
    assert command("seal", "-q", "-r", "key.der", *names).code == OK
    sealed = [f"{name}.sealed" for name in names]
    assert unseal(command, counted, "-q", "-f", "--kms", ALIAS, *sealed) == (OK, b"", "")
    assert counted.requests["Decrypt"] == 1


def test_an_arn_says_its_region(
    command: Command, counted: CountedKms, key: libseal.PublicKey
) -> None:
    arn = counted.local.client.describe_key(KeyId=ALIAS)["KeyMetadata"]["Arn"]
    message = libseal.seal(key, DATA)
    environment = {name: text for name, text in counted.environment.items() if "REGION" not in name}
    done = command("unseal", "-q", "--kms", arn, stdin=message, environment=environment)
    assert done == (OK, DATA, "")
    refused = command("unseal", "--kms", ALIAS, stdin=message, environment=environment)
    assert refused.code == KMS_REFUSED
    assert "no AWS region is set: set AWS_REGION, or give the ARN of the key" in refused.err
    both = environment | {"AWS_REGION": "us-east-1"}
    assert command("unseal", "-q", "--kms", ALIAS, stdin=message, environment=both).out == DATA


def test_rewrapping_moves_a_message_from_a_local_key_to_the_kms(
    command: Command, counted: CountedKms, key: libseal.PublicKey
) -> None:
    command.path("kms.der", key.der)
    command.path("a.sealed", libseal.seal(public_key(), DATA))
    rewrapped = command("rewrap", "-i", "private.pem", "-r", "kms.der", "a.sealed")
    assert rewrapped == (OK, b"", "rewrapped a.sealed\n")
    assert unseal(command, counted, "-q", "--kms", ALIAS, "a.sealed", "-o", "-") == (OK, DATA, "")
    assert command("unseal", "-i", "private.pem", "a.sealed", "-o", "-").code == OTHER_KEYS
    verified = command("verify", "--kms", ALIAS, "a.sealed", environment=counted.environment)
    assert verified == (OK, b"", "verified a.sealed (6 B, 1 call of the KMS)\n")


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (counting.DENIED, (KMS_REFUSED, "allow kms:Decrypt on this key")),
        (counting.DISABLED, (KMS_REFUSED, "check the state of the key")),
        (counting.EXPIRED_TOKEN, (KMS_REFUSED, "check the credentials")),
        (counting.THROTTLED, (KMS_UNAVAILABLE, "try again later")),
    ],
)
def test_a_refusal_is_told_from_an_outage(
    command: Command,
    counted: CountedKms,
    key: libseal.PublicKey,
    fault: Any,
    expected: tuple[int, str],
) -> None:
    code, sentence = expected
    command.path("a.sealed", libseal.seal(key, DATA))
    with counted.failing(fault, "Decrypt"):
        failed = unseal(command, counted, "--kms", ALIAS, "a.sealed", AWS_MAX_ATTEMPTS="1")
    assert (failed.code, failed.out) == (code, b"")
    assert failed.err.startswith("libseal: a.sealed: ")
    assert sentence in failed.err
    assert failed.err.count("\n") == 1
    assert command.names() == ["a.sealed"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"KEY": "alias/comand"}, (KMS_REFUSED, "check the name of the key")),
        ({"AWS_DEFAULT_REGION": "eu-north-1"}, (KMS_REFUSED, "region")),
        (dict.fromkeys(CREDENTIALS, ""), (KMS_REFUSED, "credentials")),
        ({"AWS_PROFILE": "nowhere"}, (KMS_REFUSED, "nowhere")),
        ({"AWS_ENDPOINT_URL_KMS": "down"}, (KMS_UNAVAILABLE, "check the network")),
    ],
)
def test_what_is_wrong_with_the_settings_is_said(
    command: Command,
    counted: CountedKms,
    key: libseal.PublicKey,
    changes: dict[str, str],
    expected: tuple[int, str],
) -> None:
    code, sentence = expected
    command.path("a.sealed", libseal.seal(key, DATA))
    if "AWS_ENDPOINT_URL_KMS" in changes:
        changes = {"AWS_ENDPOINT_URL_KMS": f"http://127.0.0.1:{free_port()}"}
    changes = {"AWS_MAX_ATTEMPTS": "1", "KEY": ALIAS} | changes
    failed = unseal(command, counted, "--kms", changes["KEY"], "a.sealed", **changes)
    assert (failed.code, failed.out) == (code, b"")
    assert failed.err.startswith("libseal: ")
    assert sentence in failed.err
    assert failed.err.count("\n") == 1


def test_calls_that_were_not_made_are_not_counted(
    command: Command, counted: CountedKms, key: libseal.PublicKey
) -> None:
    for name in ("a", "b"):
        command.path(f"{name}.sealed", libseal.seal(key, DATA))
    failed = unseal(command, counted, "--kms", "alias/comand", "a.sealed", "b.sealed")
    assert failed.err.endswith("unsealed 0 files (0 B, 0 calls of the KMS); 2 failed\n")


def test_a_message_for_another_key_costs_no_decrypt(command: Command, counted: CountedKms) -> None:
    counted.reset()
    command.path("a.sealed", libseal.seal(public_key(), DATA))
    failed = unseal(command, counted, "--kms", ALIAS, "a.sealed")
    assert failed.code == OTHER_KEYS
    assert counted.requests == {"GetPublicKey": 1}


def test_messages_for_other_keys_are_certain_to_be_that(
    command: Command, counted: CountedKms
) -> None:
    """No one tries them again in this process, and they were there before the alias was asked."""
    counted.reset()
    strangers = [public_key("rsa-3072"), public_key("rsa-4096")]
    command.path("in/a.sealed", libseal.seal(strangers, DATA))
    command.path("in/b.sealed", libseal.seal(public_key(), DATA))
    failed = unseal(command, counted, "--kms", ALIAS, "--recursive", "in", "-o", "out")
    assert failed.code == OTHER_KEYS
    assert "try again" not in failed.err
    assert failed.err.endswith("; 2 failed\n")
    assert counted.requests == {"GetPublicKey": 1}


def test_an_alias_without_its_beginning_is_hinted_at(
    command: Command, counted: CountedKms, key: libseal.PublicKey
) -> None:
    command.path("a.sealed", libseal.seal(key, DATA))
    failed = unseal(command, counted, "--kms", "command", "a.sealed")
    assert failed.code == KMS_REFUSED
    assert "if it is an alias, give it as alias/command; else check the name" in failed.err


def test_a_required_pair_is_demanded_before_the_kms_is_asked(
    command: Command, counted: CountedKms, key: libseal.PublicKey
) -> None:
    command.path("a.sealed", libseal.seal(key, DATA, context={"device": "42"}))
    refused = unseal(command, counted, "--kms", ALIAS, "--require", "device=43", "a.sealed")
    assert refused.code == 4
    assert "device" in refused.err
    assert not counted.requests


def test_without_boto3_it_says_what_to_install(command: Command) -> None:
    command.path("boto3.py", b"raise ModuleNotFoundError('boto3')")
    path = {"PYTHONPATH": str(command.folder)}
    refused = command("unseal", "--kms", ALIAS, stdin=b"SEAL", environment=path)
    assert refused.code == USAGE
    assert "pip install 'libseal[aws]'" in refused.err
