"""The next key for an alias."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

import libseal
from libseal import provision
from libseal.aws import KmsUnwrapper
from tests.kms import counting

if TYPE_CHECKING:
    from tests.kms.counting import CountedKms
    from tests.kms.ministack import LocalKms


@pytest.fixture
def alias(kms: LocalKms) -> str:
    name = f"alias/test-{uuid4()}"
    kms.create_key(name)
    return name


def arn_of(kms: LocalKms, alias: str) -> str:
    return kms.client.describe_key(KeyId=alias)["KeyMetadata"]["Arn"]


def test_no_message_is_lost(kms: LocalKms, alias: str) -> None:
    before = libseal.seal(libseal.aws.public_key(kms.client, alias), b"before")
    made = provision.rotate_key(kms.client, alias)
    assert made.new.is_new
    assert not made.moved
    # Until the alias moves, nothing has changed.
    assert arn_of(kms, alias) == made.old.arn
    assert arn_of(kms, provision.next_alias(alias)) == made.new.arn
    assert provision.check_key(kms.client, provision.next_alias(alias)).ok

    unwrap = KmsUnwrapper(kms.client, [alias, made.old.arn])
    moved = provision.rotate_key(kms.client, alias, move_alias=True)
    assert moved.moved
    assert (moved.old.arn, moved.new.arn) == (made.old.arn, made.new.arn)
    assert arn_of(kms, alias) == made.new.arn
    after = libseal.seal(libseal.aws.public_key(kms.client, alias), b"after")
    assert libseal.unseal(before, unwrap) == b"before"
    assert libseal.unseal(after, unwrap) == b"after"
    # The name of the next key is free for the next rotation.
    again = provision.rotate_key(kms.client, alias)
    assert again.new.is_new
    assert again.old.arn == made.new.arn


def test_the_next_key_is_like_the_old_one(kms: LocalKms) -> None:
    alias = f"alias/test-{uuid4()}"
    old = provision.create_key(
        kms.client, alias, spec="RSA_2048", description="telemetry", tags={"team": "field"}
    )
    policy = json.loads(kms.client.get_key_policy(KeyId=old.key_id, PolicyName="default")["Policy"])
    policy["Statement"].append({**policy["Statement"][0], "Sid": "Another"})
    kms.client.put_key_policy(KeyId=old.key_id, Policy=json.dumps(policy))
    new = provision.rotate_key(kms.client, alias).new
    assert (new.spec, new.description) == ("RSA_2048", "telemetry")
    copied = kms.client.get_key_policy(KeyId=new.key_id, PolicyName="default")["Policy"]
    assert json.loads(copied) == policy
    tags = kms.client.list_resource_tags(KeyId=new.key_id)["Tags"]
    assert tags == [{"TagKey": "team", "TagValue": "field"}]


def test_another_spec(kms: LocalKms, alias: str) -> None:
    assert provision.rotate_key(kms.client, alias, spec="RSA_3072").new.spec == "RSA_3072"
    with pytest.raises(ValueError, match="RSA_3072 already, not RSA_4096"):
        provision.rotate_key(kms.client, alias, spec="RSA_4096")
    with pytest.raises(ValueError, match="move_alias takes the one there is"):
        provision.rotate_key(kms.client, alias, spec="RSA_3072", move_alias=True)


def test_a_second_call_makes_no_other_key(counted: CountedKms, alias: str) -> None:
    client = counted.local.client
    first = provision.rotate_key(client, alias)
    second = provision.rotate_key(client, alias)
    assert not second.new.is_new
    assert second.new.arn == first.new.arn
    assert counted.requests["CreateKey"] == 1


def test_there_is_nothing_to_move_to(counted: CountedKms, alias: str) -> None:
    client = counted.local.client
    with pytest.raises(libseal.KmsRefusedError, match="no next key"):
        provision.rotate_key(client, alias, move_alias=True)
    provision.rotate_key(client, alias)
    provision.rotate_key(client, alias, move_alias=True)
    # So it is harmless to do that twice.
    with pytest.raises(libseal.KmsRefusedError, match="no next key"):
        provision.rotate_key(client, alias, move_alias=True)
    assert counted.requests["UpdateAlias"] == 1


def test_a_next_key_that_cannot_unseal(kms: LocalKms, alias: str) -> None:
    made = provision.rotate_key(kms.client, alias)
    kms.client.disable_key(KeyId=made.new.key_id)
    with pytest.raises(libseal.KmsRefusedError, match="is disabled"):
        provision.rotate_key(kms.client, alias, move_alias=True)
    assert arn_of(kms, alias) == made.old.arn


def test_the_old_key_may_be_disabled(kms: LocalKms, alias: str) -> None:
    kms.client.disable_key(KeyId=arn_of(kms, alias))
    assert provision.rotate_key(kms.client, alias).old.why_not == "it is disabled"
    assert provision.rotate_key(kms.client, alias, move_alias=True).moved


def test_the_name_of_the_next_key_stays(counted: CountedKms, alias: str) -> None:
    client = counted.local.client
    made = provision.rotate_key(client, alias)
    with (
        counted.failing(counting.DENIED, "DeleteAlias"),
        pytest.raises(libseal.KmsRefusedError, match=r"was moved to .* is still there.*delete it"),
    ):
        provision.rotate_key(client, alias, move_alias=True)
    assert arn_of(counted.kms, alias) == made.new.arn
    # The next rotation takes it over.
    again = provision.rotate_key(client, alias)
    assert again.new.is_new
    assert arn_of(counted.kms, provision.next_alias(alias)) == again.new.arn != made.new.arn


def test_the_former_alias_is_a_tag_of_the_old_key_alone(counted: CountedKms, alias: str) -> None:
    client = counted.local.client
    old = provision.rotate_key(client, alias).old
    provision.rotate_key(client, alias, move_alias=True)
    tag = {"TagKey": "libseal:former-alias", "TagValue": alias}
    assert client.list_resource_tags(KeyId=old.key_id)["Tags"] == [tag]
    # Back by hand, and away again: what is copied from it is not that tag.
    client.update_alias(AliasName=alias, TargetKeyId=old.key_id)
    new = provision.rotate_key(client, alias).new
    assert client.list_resource_tags(KeyId=new.key_id)["Tags"] == []
    with counted.failing(counting.DENIED, "TagResource"):
        assert provision.rotate_key(client, alias, move_alias=True).moved
    keys = {key.arn: key for key in provision.list_keys(client)}
    assert (keys[old.arn].aliases, keys[old.arn].former_alias) == ((), alias)
    assert (keys[new.arn].aliases, keys[new.arn].former_alias) == ((alias,), "")


@pytest.mark.parametrize("operation", ["GetKeyPolicy", "CreateKey", "CreateAlias"])
def test_the_missing_permission_is_named(counted: CountedKms, alias: str, operation: str) -> None:
    with (
        counted.failing(counting.DENIED, operation),
        pytest.raises(libseal.KmsRefusedError, match=f"allow kms:{operation}"),
    ):
        provision.rotate_key(counted.local.client, alias)
