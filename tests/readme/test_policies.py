"""The policies of py/OPERATING.md allow what they should, and nothing else."""

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

import libseal
from libseal import provision
from libseal.aws import KmsUnwrapper
from tests.kms.account import ACCOUNT, KEY, Account, account
from tests.readme.test_readme import OPERATING

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

EXAMPLE_ACCOUNT = "111122223333"
EXAMPLE_KEY = f"arn:aws:kms:eu-central-1:{EXAMPLE_ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def example(name: str) -> dict[str, Any]:
    """A policy of the page."""
    block = re.search(rf"^```json {name}\n(.*?)^```$", OPERATING.read_text(), re.M | re.S)
    assert block is not None
    policy: dict[str, Any] = json.loads(block[1])
    return policy


class Page:
    """The account of the page, with a message for its key."""

    def __init__(self, made: Account) -> None:
        self.account = made
        self.arn = made.arn
        self.message = libseal.seal(libseal.aws.public_key(made.kms.client, KEY), b"data")

    def policy(self, name: str) -> dict[str, Any]:
        """A policy of the page, for this account and its key."""
        text = json.dumps(example(name)).replace(EXAMPLE_KEY, self.arn)
        policy: dict[str, Any] = json.loads(text.replace(EXAMPLE_ACCOUNT, ACCOUNT))
        return policy

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
def page() -> Iterator[Page]:
    with account() as made:
        yield Page(made)


def test_identity_policy(page: Page) -> None:
    client = page.account.client_of("unsealer", page.policy("policy"))
    page.assert_unseals(client)
    page.assert_cannot_change(client)
    page.assert_cannot_unseal(page.account.client_of("someone"))


def test_decrypt_alone_does_with_a_mapping(page: Page) -> None:
    policy = page.policy("policy")
    policy["Statement"] = [
        statement for statement in policy["Statement"] if statement["Action"] != "kms:GetPublicKey"
    ]
    client = page.account.client_of("unsealer", policy)
    unwrap = KmsUnwrapper(client, {page.arn: page.fingerprint})
    assert libseal.unseal(page.message, unwrap) == b"data"
    with pytest.raises(libseal.KmsRefusedError, match="GetPublicKey"):
        libseal.unseal(page.message, KmsUnwrapper(client, page.arn))


def test_key_policy(page: Page) -> None:
    roles = ("unsealer", "provisioning", "key-administrator", "someone")
    # KMS takes no policy for roles that it does not know.
    clients = {role: page.account.client_of(role) for role in roles}
    page.account.set_key_policy(page.policy("key-policy"))
    page.assert_unseals(clients["unsealer"])
    assert provision.KeyBundle.from_kms(clients["provisioning"], page.arn)
    for role in ("provisioning", "key-administrator", "someone"):
        page.assert_cannot_unseal(clients[role])
    for role in ("unsealer", "provisioning", "someone"):
        page.assert_cannot_change(clients[role])
    clients["key-administrator"].disable_key(KeyId=page.arn)


def test_they_are_what_the_command_prints() -> None:
    assert example("policy") == provision.policy("unseal", [EXAMPLE_KEY])
    roles: dict[provision.Role, list[str]] = {
        "provision": [f"arn:aws:iam::{EXAMPLE_ACCOUNT}:role/provisioning"],
        "unseal": [f"arn:aws:iam::{EXAMPLE_ACCOUNT}:role/unsealer"],
    }
    printed = provision.key_policy(EXAMPLE_ACCOUNT, roles)
    by_hand = "AdministerButNotUnseal"
    shown = [s for s in example("key-policy")["Statement"] if s["Sid"] != by_hand]
    assert shown == printed["Statement"]
