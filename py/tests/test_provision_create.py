"""Making keys, looking at them, and listing them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

import libseal
from libseal import provision
from tests.kms import counting

if TYPE_CHECKING:
    from tests.kms.counting import CountedKms
    from tests.kms.ministack import LocalKms


@pytest.fixture
def alias() -> str:
    return f"alias/test-{uuid4()}"


def named(kms: LocalKms, alias: str, **arguments: Any) -> str:
    """The ARN of a new key with this alias."""
    metadata = kms.client.create_key(**arguments)["KeyMetadata"]
    kms.client.create_alias(AliasName=alias, TargetKeyId=metadata["KeyId"])
    return metadata["Arn"]


# ---- create_key


def test_it_unseals(kms: LocalKms, alias: str) -> None:
    key = provision.create_key(kms.client, alias)
    assert key.is_new
    assert key.can_unseal
    assert key.why_not is None
    assert (key.spec, key.usage, key.state) == ("RSA_3072", "ENCRYPT_DECRYPT", "Enabled")
    assert key.aliases == (alias,)
    assert key.created is not None
    assert key.created.tzinfo is UTC
    assert datetime.now(UTC) - key.created < timedelta(minutes=5)
    message = libseal.seal(libseal.aws.public_key(kms.client, key.arn), b"data")
    assert libseal.unseal(message, libseal.aws.KmsUnwrapper(kms.client, alias)) == b"data"


def test_spec_description_and_tags(kms: LocalKms, alias: str) -> None:
    key = provision.create_key(
        kms.client, alias, spec="RSA_2048", description="for tests", tags={"team": "field"}
    )
    metadata = kms.client.describe_key(KeyId=alias)["KeyMetadata"]
    assert metadata["KeySpec"] == key.spec == "RSA_2048"
    assert metadata["Description"] == key.description == "for tests"
    tags = kms.client.list_resource_tags(KeyId=key.key_id)["Tags"]
    assert tags == [{"TagKey": "team", "TagValue": "field"}]


def test_a_second_call_takes_the_key_that_is_there(counted: CountedKms, alias: str) -> None:
    client = counted.local.client
    first = provision.create_key(client, alias, spec="RSA_2048")
    counted.reset()
    second = provision.create_key(client, alias, tags={"a": "b"})
    assert not second.is_new
    assert (second.arn, second.spec) == (first.arn, "RSA_2048")
    assert counted.requests == {"DescribeKey": 1}


def test_a_key_of_another_spec_is_not_taken(kms: LocalKms, alias: str) -> None:
    provision.create_key(kms.client, alias, spec="RSA_2048")
    with pytest.raises(ValueError, match=r"spec RSA_2048, not RSA_4096: take"):
        provision.create_key(kms.client, alias, spec="RSA_4096")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"}, "usage is SIGN_VERIFY"),
        ({"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}, "usage is SIGN_VERIFY"),
        ({"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}, "usage is GENERATE_VERIFY"),
        ({"KeySpec": "SYMMETRIC_DEFAULT"}, "spec is SYMMETRIC_DEFAULT, and not RSA"),
    ],
)
def test_what_can_never_unseal(
    counted: CountedKms, alias: str, arguments: dict[str, Any], reason: str
) -> None:
    named(counted.kms, alias, **arguments)
    client = counted.local.client
    with pytest.raises(libseal.InvalidKeyError, match=reason):
        provision.create_key(client, alias)
    with pytest.raises(libseal.InvalidKeyError, match=reason):
        provision.KeyBundle.from_kms(client, alias)
    with pytest.raises(libseal.InvalidKeyError, match=reason):
        provision.rotate_key(client, alias)
    check = provision.check_key(client, alias)
    assert isinstance(check.error, libseal.InvalidKeyError)
    assert reason in str(check.error)
    key = provision.describe_key(client, alias)
    assert key.why_not is not None
    assert reason in key.why_not
    # Its public key is never fetched, and nothing is made in its place.
    assert counted.requests.keys() == {"DescribeKey"}


@pytest.mark.parametrize(
    ("operation", "reason", "advice"),
    [
        ("disable_key", "is disabled", "aws kms enable-key"),
        ("schedule_key_deletion", "to be deleted on 20", "aws kms cancel-key-deletion"),
    ],
)
def test_what_cannot_unseal_now(
    counted: CountedKms, alias: str, operation: str, reason: str, advice: str
) -> None:
    client = counted.local.client
    arn = named(counted.kms, alias, KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
    getattr(counted.kms.client, operation)(KeyId=arn)
    for attempt in (provision.create_key, provision.KeyBundle.from_kms):
        with pytest.raises(libseal.KmsRefusedError, match=reason) as error:
            attempt(client, alias)
        assert advice in str(error.value)
    check = provision.check_key(client, alias)
    assert [step.name for step in check.steps if step.ok is False] == ["state"]
    assert counted.requests.keys() == {"DescribeKey"}


@pytest.mark.parametrize(
    ("alias", "reason"),
    [
        ("telemetry", "begins with alias/"),
        ("alias/aws/telemetry", "reserved"),
        ("alias/", "letters"),
        ("alias/a b", "letters"),
        ("alias/" + "a" * 251, "letters"),
        ("arn:aws:kms:us-east-1:111122223333:alias/x", "begins with alias/"),
    ],
)
def test_no_alias(counted: CountedKms, alias: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        provision.create_key(counted.local.client, alias)
    assert not counted.requests


def test_wrong_arguments(kms: LocalKms, alias: str) -> None:
    with pytest.raises(ValueError, match="RSA_2048, RSA_3072, RSA_4096, not 'RSA_1024'"):
        provision.create_key(kms.client, alias, spec="RSA_1024")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="mapping"):
        provision.create_key(kms.client, alias, tags=["a"])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="names and values"):
        provision.create_key(kms.client, alias, tags={"a": 1})  # type: ignore[dict-item]
    with pytest.raises(TypeError, match="KMS client"):
        provision.create_key("kms", alias)  # type: ignore[arg-type]


@pytest.mark.parametrize("operation", ["DescribeKey", "CreateKey", "CreateAlias"])
def test_the_missing_permission_is_named(counted: CountedKms, alias: str, operation: str) -> None:
    with (
        counted.failing(counting.DENIED, operation),
        pytest.raises(libseal.KmsRefusedError, match=f"allow kms:{operation} "),
    ):
        provision.create_key(counted.local.client, alias, spec="RSA_2048")


def test_what_is_half_done_is_named(counted: CountedKms, alias: str) -> None:
    with (
        counted.failing(counting.THROTTLED, "CreateAlias"),
        pytest.raises(libseal.KmsUnavailableError) as error,
    ):
        provision.create_key(counted.local.client, alias, spec="RSA_2048")
    text = str(error.value)
    arn = text.partition("the key ")[2].partition(" ")[0]
    key_id = arn.rpartition("/")[2]
    assert f"--alias-name {alias} --target-key-id {key_id}" in text
    assert f"schedule-key-deletion --key-id {key_id}" in text
    # The advice works.
    counted.kms.client.create_alias(AliasName=alias, TargetKeyId=key_id)
    assert provision.create_key(counted.local.client, alias).arn == arn


def test_someone_else_was_faster(counted: CountedKms, alias: str) -> None:
    exists = counting.refusal("AlreadyExistsException", "An alias with that name exists.")
    with (
        counted.failing(exists, "CreateAlias"),
        pytest.raises(libseal.KmsRefusedError, match="got that name meanwhile"),
    ):
        provision.create_key(counted.local.client, alias, spec="RSA_2048")


# ---- describe_key


def test_by_every_name(kms: LocalKms, alias: str) -> None:
    arn = named(kms, alias, KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
    alias_arn = f"{arn.rpartition(':')[0]}:{alias}"
    for name, aliases in (
        (alias, (alias,)),
        (alias_arn, (alias,)),
        (arn, ()),
        (arn.rpartition("/")[2], ()),
    ):
        key = provision.describe_key(lambda: kms.client, name)
        assert (key.arn, key.aliases) == (arn, aliases)


def test_a_typo(kms: LocalKms) -> None:
    with pytest.raises(libseal.KmsRefusedError, match="check the name of the key"):
        provision.describe_key(kms.client, "alias/telemetri")
    with pytest.raises(ValueError, match="empty"):
        provision.describe_key(kms.client, "")


@pytest.mark.parametrize("fault", [counting.GARBAGE, counting.RESET, counting.SERVER_ERROR])
def test_no_answer(counted: CountedKms, fault: counting.Fault) -> None:
    with counted.failing(fault), pytest.raises(libseal.KmsUnavailableError):
        provision.describe_key(counted.local.client, "alias/telemetry")


# ---- list_keys


def test_all_keys_with_their_aliases(kms: LocalKms, alias: str) -> None:
    good = named(kms, alias, KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
    kms.client.create_alias(AliasName=f"{alias}-2", TargetKeyId=good)
    bad = kms.client.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    keys = {key.arn: key for key in provision.list_keys(kms.client)}
    assert keys[good].aliases == (alias, f"{alias}-2")
    assert keys[good].can_unseal
    assert keys[bad].aliases == ()
    assert keys[bad].why_not == "its usage is SIGN_VERIFY, not ENCRYPT_DECRYPT"


class Paged:
    """A KMS with two pages of each list. The second key is gone, the third one is secret."""

    def get_public_key(self, **_: Any) -> Any:
        raise AssertionError

    decrypt = get_public_key

    def list_aliases(self, Marker: str = "") -> Any:  # noqa: N803 (the name at AWS)
        if not Marker:
            unused = {"AliasName": "alias/aws/unused"}
            return {"Aliases": [unused], "Truncated": True, "NextMarker": "2"}
        return {
            "Aliases": [{"AliasName": "alias/x", "TargetKeyId": f"{Marker}1"}],
            "Truncated": False,
        }

    def list_keys(self, Marker: str = "") -> Any:  # noqa: N803
        ids = ["21", "gone"] if not Marker else ["secret"]
        keys = [{"KeyId": key, "KeyArn": f"arn:aws:kms:r:a:key/{key}"} for key in ids]
        return {"Keys": keys, "Truncated": not Marker, "NextMarker": "2"}

    def describe_key(self, KeyId: str) -> Any:  # noqa: N803
        from fake_kms import error  # noqa: PLC0415

        if KeyId.endswith("gone"):
            raise error("NotFoundException")
        if KeyId.endswith("secret"):
            raise error("AccessDeniedException")
        return {
            "KeyMetadata": {
                "KeyId": "21",
                "Arn": KeyId,
                "KeySpec": "RSA_2048",
                "KeyUsage": "ENCRYPT_DECRYPT",
                "KeyState": "Unavailable",
                "EncryptionAlgorithms": ["RSAES_OAEP_SHA_256"],
                "CreationDate": datetime.now(UTC),
            }
        }


def test_pages_and_gaps() -> None:
    found, secret = provision.list_keys(Paged())
    assert found.aliases == ("alias/x",)
    assert found.why_not == "its state is Unavailable, not Enabled"
    assert secret.arn.endswith("secret")
    assert secret.why_not is not None
    assert "allow kms:DescribeKey" in secret.why_not


@pytest.mark.parametrize("operation", ["ListKeys", "ListAliases"])
def test_a_list_that_is_not_allowed(counted: CountedKms, operation: str) -> None:
    with (
        counted.failing(counting.DENIED, operation),
        pytest.raises(libseal.KmsRefusedError, match=f"allow kms:{operation}"),
    ):
        list(provision.list_keys(counted.local.client))
