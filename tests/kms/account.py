"""An account of AWS with roles: a KMS on this machine that obeys policies.

with account() as made:
    client = made.client_of("unsealer", policy)
    with pytest.raises(client.exceptions.ClientError, match="AccessDenied"):
        client.disable_key(KeyId=made.arn)
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3

from tests.kms.ministack import REGION, LocalKms, access, ministack

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

KEY = "alias/example-rsa-key"
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
    """A KMS that obeys policies, with a key."""

    def __init__(self, kms: LocalKms) -> None:
        self.kms = kms
        self.iam = boto3.client("iam", **access(kms.endpoint))
        self.sts = boto3.client("sts", **access(kms.endpoint))
        kms.create_key(KEY)
        self.arn = kms.client.describe_key(KeyId=KEY)["KeyMetadata"]["Arn"]

    def client_of(self, role: str, policy: Mapping[str, Any] | None = None) -> "KMSClient":
        """A client of a new role, which has this IAM policy or none."""
        trust = json.dumps(TRUST)
        arn = self.iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        if policy is not None:
            document = json.dumps(enforceable(policy))
            self.iam.put_role_policy(RoleName=role, PolicyName="test", PolicyDocument=document)
        session = self.sts.assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        return boto3.client(
            "kms",
            endpoint_url=self.kms.endpoint,
            region_name=REGION,
            aws_access_key_id=session["AccessKeyId"],
            aws_secret_access_key=session["SecretAccessKey"],
            aws_session_token=session["SessionToken"],
        )

    def set_key_policy(self, policy: Mapping[str, Any]) -> None:
        """Gives the key this policy. The roles that it names have to exist."""
        document = json.dumps(enforceable(policy))
        self.kms.client.put_key_policy(KeyId=self.arn, Policy=document)


def enforceable(policy: Mapping[str, Any]) -> dict[str, Any]:
    """The policy as far as MiniStack understands it.

    It has no condition keys of KMS, such as kms:EncryptionAlgorithm, and takes a condition that
    names one for false. It does not find the key of an alias before it looks at the policy, and
    takes calls that make or move an alias for calls about no resource.
    """
    statements = []
    for statement in policy["Statement"]:
        changed = {name: statement[name] for name in statement if name != "Condition"}
        if statement["Sid"] == "NameKeys":
            changed["Resource"] = "*"
        elif statement["Sid"] == "ManageKeys":
            changed["Resource"] = [statement["Resource"], "arn:aws:kms:*:*:alias/*"]
        statements.append(changed)
    return {**policy, "Statement": statements}


@contextmanager
def account() -> Iterator[Account]:
    """Runs until the block is left."""
    with ministack(AUTH="true", SERVICES="kms,iam,sts") as kms:
        yield Account(kms)
