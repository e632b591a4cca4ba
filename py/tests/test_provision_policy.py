"""Policies: what they allow, and what they do not, as far as MiniStack enforces it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import libseal
from libseal import provision
from libseal.aws import KmsUnwrapper
from tests.kms.account import ACCOUNT, KEY, Account, account

if TYPE_CHECKING:
    from collections.abc import Iterator

A = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
B = "arn:aws-cn:kms:cn-north-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab"
ALIAS = f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/telemetry"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/"


def actions(policy: dict[str, Any]) -> set[str]:
    listed = [statement["Action"] for statement in policy["Statement"]]
    return {action for each in listed for action in ([each] if isinstance(each, str) else each)}


# ---- As it is written


def test_each_role_is_allowed_no_more() -> None:
    assert actions(provision.policy("seal", [A])) == {"kms:GetPublicKey"}
    assert actions(provision.policy("unseal", [A])) == {"kms:Decrypt", "kms:GetPublicKey"}
    assert actions(provision.policy("rewrap", [A])) == {"kms:Decrypt", "kms:GetPublicKey"}
    for forbidden in ("kms:Decrypt", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:*"):
        assert forbidden not in actions(provision.policy("provision", [ALIAS]))


def test_it_can_be_pasted() -> None:
    made = provision.policy("unseal", [A, A, B])
    assert json.loads(json.dumps(made)) == made
    assert made["Version"] == "2012-10-17"
    decrypt, find = made["Statement"]
    assert decrypt["Resource"] == find["Resource"] == [A, B]
    only = {"StringEquals": {"kms:EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}}
    assert decrypt["Condition"] == only
    assert "Condition" not in find
    # One is not the other.
    decrypt["Condition"]["StringEquals"].clear()
    assert provision.policy("unseal", [A])["Statement"][0]["Condition"] == only


def test_rewrapping_in_s3() -> None:
    made = provision.policy("rewrap", [A], new_keys=[B], s3=["logs", "s3://more/2026/"])
    decrypt, find, rewrite = made["Statement"]
    assert decrypt["Resource"] == A
    assert find["Resource"] == [A, B]
    assert rewrite["Resource"] == ["arn:aws:s3:::logs/*", "arn:aws:s3:::more/2026/*"]
    assert {"s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"} <= {*rewrite["Action"]}


def test_provisioning_is_for_some_aliases() -> None:
    made = provision.policy("provision", [ALIAS])
    by_sid = {statement["Sid"]: statement for statement in made["Statement"]}
    assert by_sid["NameKeys"]["Resource"] == [ALIAS, f"{ALIAS}-next"]
    assert by_sid["MakeKeys"]["Condition"]["StringEquals"]["kms:KeyUsage"] == "ENCRYPT_DECRYPT"
    every = provision.policy("provision", [f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/*"])
    assert f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/*" in str(every)
    assert "next" not in str(every)


def test_key_policy() -> None:
    made = provision.key_policy("111122223333", {"unseal": [ROLE + "a", ROLE + "b"]})
    root, decrypt, find = made["Statement"]
    assert root["Principal"] == {"AWS": "arn:aws:iam::111122223333:root"}
    assert decrypt["Principal"] == find["Principal"] == {"AWS": [ROLE + "a", ROLE + "b"]}
    # In the policy of a key, that is the key.
    assert {statement["Resource"] for statement in made["Statement"]} == {"*"}
    china = provision.key_policy("111122223333", {}, partition="aws-cn")
    assert "arn:aws-cn:iam::111122223333:root" in str(china)


@pytest.mark.parametrize(
    ("arguments", "options", "reason"),
    [
        (("unseal", ["alias/telemetry"]), {}, "'alias/telemetry' does not fit"),
        (("unseal", [ALIAS]), {}, "not an alias"),
        (("unseal", []), {}, "keys is empty"),
        (("unseal", ["*"]), {}, "ARN of a key"),
        (("read", [A]), {}, "seal, unseal, rewrap, provision, not 'read'"),
        (("seal", [A]), {"s3": ["logs"]}, "for the role rewrap, not seal"),
        (("unseal", [A]), {"new_keys": [B]}, "for the role rewrap, not unseal"),
        (("rewrap", [A]), {"s3": ["*"]}, "buckets or bucket/prefix"),
        (("rewrap", [A]), {"new_keys": ["alias/x"]}, "ARN of a key"),
        (("provision", [A]), {}, "ARN of an alias"),
    ],
)
def test_what_does_not_fit(arguments: Any, options: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        provision.policy(*arguments, **options)


def test_a_key_policy_that_does_not_fit() -> None:
    with pytest.raises(ValueError, match="12 digits"):
        provision.key_policy("me", {})
    with pytest.raises(ValueError, match="ARN of a role or user"):
        provision.key_policy(ACCOUNT, {"unseal": ["*"]})
    with pytest.raises(TypeError, match="iterable of ARNs"):
        provision.key_policy(ACCOUNT, {"unseal": ROLE})
    with pytest.raises(TypeError, match="iterable of ARNs"):
        provision.policy("seal", A)


# ---- As it works


@pytest.fixture(scope="module")
def running() -> Iterator[Account]:
    with account() as made:
        yield made


def test_seal_and_unseal(running: Account) -> None:
    sealer = running.client_of("sealer", provision.policy("seal", [running.arn]))
    unsealer = running.client_of("unsealer", provision.policy("unseal", [running.arn]))
    message = libseal.seal(libseal.aws.public_key(sealer, running.arn), b"data")
    assert libseal.unseal(message, KmsUnwrapper(unsealer, running.arn)) == b"data"
    with pytest.raises(libseal.KmsRefusedError, match="allow kms:Decrypt"):
        libseal.unseal(message, KmsUnwrapper(sealer, running.arn))


def test_check_with_the_role_that_unseals(running: Account) -> None:
    client = running.client_of("checker", provision.policy("unseal", [running.arn]))
    check = provision.check_key(client, running.arn)
    assert check.ok
    assert [step.permission for step in check.steps if step.permission] == ["kms:DescribeKey"]
    other = running.client_of("half", provision.policy("seal", [running.arn]))
    assert provision.check_key(other, running.arn).steps[-1].permission == "kms:Decrypt"
    none = running.client_of("none")
    assert provision.check_key(none, running.arn).steps[-1].permission == "kms:GetPublicKey"


def test_another_key_is_not_allowed(running: Account) -> None:
    running.kms.create_key("alias/another")
    another = running.kms.client.describe_key(KeyId="alias/another")["KeyMetadata"]["Arn"]
    client = running.client_of("narrow", provision.policy("unseal", [running.arn]))
    assert provision.check_key(client, another).steps[-1].permission == "kms:GetPublicKey"


def test_rewrap(running: Account) -> None:
    running.kms.create_key("alias/new")
    new = running.kms.client.describe_key(KeyId="alias/new")["KeyMetadata"]["Arn"]
    made = provision.policy("rewrap", [running.arn], new_keys=[new])
    client = running.client_of("rewrapper", made)
    message = libseal.seal(libseal.aws.public_key(running.kms.client, KEY), b"data")
    header = libseal.Header(message)
    new_key = libseal.aws.public_key(client, new)
    rewrapped = header.rewrap(KmsUnwrapper(client, running.arn), new_key)
    whole = bytes(rewrapped) + message[header.length :]
    assert libseal.unseal(whole, KmsUnwrapper(running.kms.client, new)) == b"data"
    with pytest.raises(libseal.KmsRefusedError, match="allow kms:Decrypt"):
        libseal.unseal(whole, KmsUnwrapper(client, new))


def test_provision(running: Account) -> None:
    client = running.client_of("provisioner", provision.policy("provision", [ALIAS]))
    key = provision.create_key(
        client, "alias/telemetry", spec="RSA_2048", description="x", tags={"a": "b"}
    )
    # MiniStack looks for the alias where AWS looks for the key.
    assert provision.KeyBundle.from_kms(client, key.arn).arn == key.arn
    assert any(listed.arn == key.arn for listed in provision.list_keys(client))
    check = provision.check_key(client, key.arn)
    assert check.steps[-1].permission == "kms:Decrypt"
    with pytest.raises(client.exceptions.ClientError, match="AccessDenied"):
        client.schedule_key_deletion(KeyId=key.arn)


def test_key_policy_at_work(running: Account) -> None:
    names = ("key-seal", "key-unseal", "key-someone")
    # KMS takes no policy for roles that it does not know.
    sealer, unsealer, someone = (running.client_of(name) for name in names)
    principals: dict[provision.Role, list[str]] = {
        "seal": [ROLE + names[0]],
        "unseal": [ROLE + names[1]],
    }
    running.set_key_policy(provision.key_policy(ACCOUNT, principals))
    assert provision.check_key(unsealer, running.arn).ok
    assert provision.check_key(sealer, running.arn).steps[-1].permission == "kms:Decrypt"
    assert provision.check_key(someone, running.arn).steps[-1].permission == "kms:GetPublicKey"
