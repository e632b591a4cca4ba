"""The policies of py/OPERATING.md allow what they should, and nothing else."""

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest

import libseal
from libseal.aws import KmsUnwrapper
from tests.kms.ministack import REGION, LocalKms, access, ministack
from tests.readme.test_readme import KEY, OPERATING

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

ACCOUNT = "000000000000"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            "Action": "sts:AssumeRole",
        }
    ],
}


class Account:
    """A KMS that obeys policies, with a key and a message for it."""

    def __init__(self, kms: LocalKms) -> None:
        self.kms = kms
        self.iam = boto3.client("iam", **access(kms.endpoint))
        self.sts = boto3.client("sts", **access(kms.endpoint))
        kms.create_key(KEY)
        self.arn = kms.client.describe_key(KeyId=KEY)["KeyMetadata"]["Arn"]
        self.message = libseal.seal(libseal.aws.public_key(kms.client, KEY), b"data")

    def policy(self, name: str) -> str:
        """A policy of the page, for this account and its key."""
        block = re.search(rf"^```json {name}\n(.*?)^```$", OPERATING.read_text(), re.M | re.S)
        assert block is not None
        text = json.dumps(json.loads(block[1])).replace("111122223333", ACCOUNT)
        return re.sub(r"arn:aws:kms:[^\"]*", self.arn, text)

    def client_of(self, role: str, policy: str | None = None) -> "KMSClient":
        """A client of a new role, which has this IAM policy or none."""
        trust = json.dumps(TRUST)
        arn = self.iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        if policy is not None:
            self.iam.put_role_policy(RoleName=role, PolicyName="page", PolicyDocument=policy)
        session = self.sts.assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        return boto3.client(
            "kms",
            endpoint_url=self.kms.endpoint,
            region_name=REGION,
            aws_access_key_id=session["AccessKeyId"],
            aws_secret_access_key=session["SecretAccessKey"],
            aws_session_token=session["SessionToken"],
        )

    def assert_unseals(self, client: "KMSClient") -> None:
        # Not the alias: unlike AWS, MiniStack takes that for a resource of its own.
        assert libseal.unseal(self.message, KmsUnwrapper(client, self.arn)) == b"data"

    def assert_cannot_unseal(self, client: "KMSClient") -> None:
        with pytest.raises(libseal.KmsRefusedError):
            libseal.unseal(self.message, KmsUnwrapper(client, {self.arn: self.fingerprint}))

    @property
    def fingerprint(self) -> bytes:
        return libseal.inspect(self.message).wrapped_keys[0].fingerprint

    def assert_cannot_change(self, client: "KMSClient") -> None:
        with pytest.raises(client.exceptions.ClientError, match="AccessDenied"):
            client.disable_key(KeyId=self.arn)


@pytest.fixture
def account() -> Iterator[Account]:
    with ministack(AUTH="true", SERVICES="kms,iam,sts") as kms:
        yield Account(kms)


def test_identity_policy(account: Account) -> None:
    client = account.client_of("unsealer", account.policy("policy"))
    account.assert_unseals(client)
    account.assert_cannot_change(client)
    account.assert_cannot_unseal(account.client_of("someone"))


def test_decrypt_alone_does_with_a_mapping(account: Account) -> None:
    policy = json.loads(account.policy("policy"))
    policy["Statement"][0]["Action"].remove("kms:GetPublicKey")
    client = account.client_of("unsealer", json.dumps(policy))
    unwrap = KmsUnwrapper(client, {account.arn: account.fingerprint})
    assert libseal.unseal(account.message, unwrap) == b"data"
    with pytest.raises(libseal.KmsRefusedError, match="GetPublicKey"):
        libseal.unseal(account.message, KmsUnwrapper(client, account.arn))


def test_key_policy(account: Account) -> None:
    roles = ("unsealer", "provisioning", "key-administrator", "someone")
    # KMS takes no policy for roles that it does not know.
    clients = {role: account.client_of(role) for role in roles}
    account.kms.client.put_key_policy(KeyId=account.arn, Policy=account.policy("key-policy"))
    account.assert_unseals(clients["unsealer"])
    assert libseal.aws.public_key(clients["provisioning"], account.arn)
    for role in ("provisioning", "key-administrator", "someone"):
        account.assert_cannot_unseal(clients[role])
    for role in ("unsealer", "provisioning", "someone"):
        account.assert_cannot_change(clients[role])
    clients["key-administrator"].disable_key(KeyId=account.arn)
