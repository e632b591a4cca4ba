"""Trying out a key: what is named when something is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import libseal
from libseal import provision
from tests.kms import counting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kms.counting import CountedKms
    from tests.kms.ministack import LocalKms

ALIAS = "alias/test-check"
STEPS = ["key", "usage", "spec", "algorithms", "state", "public key", "seal", "unseal"]


@pytest.fixture(scope="module")
def running(kms: LocalKms) -> Iterator[CountedKms]:
    kms.create_key(ALIAS)
    with counting.counting(kms) as counted:
        yield counted


def test_all_is_well(counted: CountedKms) -> None:
    check = provision.check_key(counted.local.client, ALIAS)
    assert check.ok
    assert check.error is None
    assert [step.name for step in check.steps] == STEPS
    assert all(step.ok for step in check.steps)
    assert check.arn.startswith("arn:aws:kms:")
    public_key = libseal.aws.public_key(counted.kms.client, ALIAS)
    assert any(public_key.fingerprint.hex() in step.why for step in check.steps)
    # A probe is unsealed by the KMS, not just asked about.
    assert counted.requests == {"DescribeKey": 1, "GetPublicKey": 1, "Decrypt": 1}


@pytest.mark.parametrize(
    ("operation", "step"), [("GetPublicKey", "public key"), ("Decrypt", "unseal")]
)
def test_the_missing_permission_is_named(counted: CountedKms, operation: str, step: str) -> None:
    with counted.failing(counting.DENIED, operation):
        check = provision.check_key(counted.local.client, ALIAS)
    assert not check.ok
    failed = check.steps[-1]
    assert (failed.name, failed.ok, failed.permission) == (step, False, f"kms:{operation}")
    assert isinstance(check.error, libseal.KmsRefusedError)
    assert f"allow kms:{operation}" in failed.why


def test_describe_key_is_not_needed(counted: CountedKms) -> None:
    with counted.failing(counting.DENIED, "DescribeKey"):
        check = provision.check_key(counted.local.client, ALIAS)
    assert check.ok
    first = check.steps[0]
    assert (first.name, first.ok, first.permission) == ("key", None, "kms:DescribeKey")
    assert [step.name for step in check.steps if step.name != "state"] == [
        step.name for step in check.steps
    ]


def test_without_describe_key_a_key_for_signing_is_refused_too(counted: CountedKms) -> None:
    key = counted.kms.client.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    with counted.failing(counting.DENIED, "DescribeKey"):
        check = provision.check_key(counted.local.client, key["Arn"])
    assert (check.steps[-1].name, check.steps[-1].ok) == ("usage", False)
    assert isinstance(check.error, libseal.InvalidKeyError)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (counting.SHORT_KEY, libseal.WrappedKeyRejectedError),
        (counting.THROTTLED, libseal.KmsUnavailableError),
        (counting.DISABLED, libseal.KmsRefusedError),
    ],
)
def test_the_probe_fails(
    counted: CountedKms, fault: counting.Fault, kind: type[libseal.SealError]
) -> None:
    with counted.failing(fault, "Decrypt"):
        check = provision.check_key(counted.local.client, ALIAS)
    assert (check.steps[-1].name, check.steps[-1].ok) == ("unseal", False)
    assert check.steps[-1].permission is None
    assert isinstance(check.error, kind | libseal.KmsUnavailableError)


def test_a_typo(counted: CountedKms) -> None:
    check = provision.check_key(counted.local.client, "alias/test-chekc")
    assert [(step.name, step.ok) for step in check.steps] == [("key", False)]
    assert "check the name of the key" in str(check.error)
    assert check.arn == ""
