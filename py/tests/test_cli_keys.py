"""``libseal keys``: the commands that ask a KMS."""

from __future__ import annotations

import json
import re
import subprocess
from base64 import b64decode
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

import libseal
from cli_support import IO, KEY_REFUSED, KMS_REFUSED, KMS_UNAVAILABLE, PROGRAM, USAGE
from libseal import provision
from tests.kms import counting
from tests.kms.ministack import ministack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.kms.counting import CountedKms
    from tests.kms.ministack import LocalKms

ROLE = "arn:aws:iam::111122223333:role/x"
ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


class Keys:
    """Runs ``libseal keys`` in a folder, against a KMS."""

    def __init__(self, counted: CountedKms, folder: Path) -> None:
        self.counted = counted
        self.folder = folder
        self.kms = counted.kms

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
        """Run it with these variables in the environment; an empty one is taken out."""
        environment = self.counted.environment | variables
        return subprocess.run(
            [PROGRAM, "keys", *arguments],
            cwd=self.folder,
            env={name: text for name, text in environment.items() if text},
            capture_output=True,
            check=False,
        )

    def __call__(self, *arguments: str) -> str:
        """What it prints on standard output when it succeeds."""
        done = self.run(*arguments)
        assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr
        return done.stdout.decode()

    def failure(self, code: int, *arguments: str, **variables: str) -> str:
        """The sentence that it prints when it fails with this code."""
        done = self.run(*arguments, **variables)
        assert (done.returncode, done.stderr[:9]) == (code, b"libseal: "), done
        sentence = done.stderr.decode().removesuffix("\n")
        if code == USAGE:
            sentence = sentence.partition("\ntry: libseal keys ")[0]
        assert "\n" not in sentence
        return sentence


@pytest.fixture(scope="module")
def counted(kms: LocalKms) -> Iterator[CountedKms]:
    with counting.counting(kms) as running:
        yield running


@pytest.fixture
def keys(counted: CountedKms, tmp_path: Path) -> Keys:
    counted.reset()
    return Keys(counted, tmp_path)


@pytest.fixture
def alias(kms: LocalKms) -> str:
    name = f"alias/test-{uuid4()}"
    kms.create_key(name)
    return name


def arn_of(keys: Keys, alias: str) -> str:
    return keys.kms.client.describe_key(KeyId=alias)["KeyMetadata"]["Arn"]


def without_credentials(keys: Keys) -> dict[str, str]:
    nobody = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "HOME": str(keys.folder)}
    return nobody | {"AWS_EC2_METADATA_DISABLED": "true"}


# ---- create


def test_create(keys: Keys) -> None:
    alias = f"alias/test-{uuid4()}"
    made = keys("create", alias, "--spec", "RSA_2048", "--description", "é x", "--tag", "a=b=c")
    arn = arn_of(keys, alias)
    assert made == f"made {alias}: RSA_2048, {arn}\n"
    metadata = keys.kms.client.describe_key(KeyId=alias)["KeyMetadata"]
    assert metadata["Description"] == "é x"
    tags = keys.kms.client.list_resource_tags(KeyId=arn)["Tags"]
    assert tags == [{"TagKey": "a", "TagValue": "b=c"}]
    again = keys("create", alias)
    assert again == f"{alias} exists and can unseal, nothing was changed: RSA_2048, {arn}\n"


def test_create_refuses(keys: Keys, alias: str) -> None:
    assert "not RSA_4096" in keys.failure(USAGE, "create", alias, "--spec", "RSA_4096")
    assert "begins with alias/" in keys.failure(USAGE, "create", "telemetry")
    assert "NAME=VALUE" in keys.failure(USAGE, "create", alias, "--tag", "x")
    keys.failure(USAGE, "create", alias, "--spec", "RSA_1024")
    signing = keys.kms.client.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
    name = f"{alias}-sign"
    keys.kms.client.create_alias(AliasName=name, TargetKeyId=signing["KeyMetadata"]["KeyId"])
    assert "SIGN_VERIFY, not ENCRYPT" in keys.failure(KEY_REFUSED, "create", name)
    assert "SIGN_VERIFY, not ENCRYPT" in keys.failure(KEY_REFUSED, "check", name)
    for role in (["unseal"], ["seal"], ["rewrap"], ["key", "--allow", f"unseal={ROLE}"]):
        assert "SIGN_VERIFY" in keys.failure(KEY_REFUSED, "policy", role[0], name, *role[1:])
    assert "SIGN" in keys.failure(KEY_REFUSED, "policy", "rewrap", alias, "--new-key", name)


@pytest.mark.parametrize(
    ("spec", "usage"), [("ECC_NIST_P256", "SIGN_VERIFY"), ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT")]
)
def test_no_policy_for_what_could_not_unseal(keys: Keys, spec: Any, usage: Any) -> None:
    key = keys.kms.client.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["KeyId"]
    assert "cannot unseal: its " in keys.failure(KEY_REFUSED, "policy", "unseal", key)


def test_a_policy_for_a_key_that_is_disabled(keys: Keys, alias: str) -> None:
    """It can be enabled again."""
    keys.kms.client.disable_key(KeyId=arn_of(keys, alias))
    assert arn_of(keys, alias) in keys("policy", "unseal", alias)


# ---- check


def test_check(keys: Keys, alias: str) -> None:
    lines = keys("check", alias).splitlines()
    assert [line.split()[0] for line in lines[:-1]] == ["ok"] * 8
    assert lines[-1] == f"{alias} can unseal"
    answer = json.loads(keys("check", alias, "--json"))
    assert (answer["ok"], answer["arn"]) == (True, arn_of(keys, alias))
    assert [step["name"] for step in answer["steps"]][-2:] == ["seal", "unseal"]


def test_check_names_the_permission(keys: Keys, alias: str) -> None:
    with keys.counted.failing(counting.DENIED, "Decrypt"):
        done = keys.run("check", alias)
        asked = json.loads(keys.run("check", alias, "--json").stdout)
    assert done.returncode == KMS_REFUSED
    assert "allow kms:Decrypt" in done.stderr.decode()
    assert re.search(r"^FAILED .* kms:Decrypt$", done.stdout.decode(), re.MULTILINE)
    assert asked["steps"][-1]["permission"] == "kms:Decrypt"


def test_what_is_wrong_on_this_side(keys: Keys, alias: str) -> None:
    typo = keys.failure(KMS_REFUSED, "check", f"{alias}-typo", "--region", "us-east-1")
    assert "check the name of the key, and that the client is for its region" in typo
    nobody = without_credentials(keys)
    assert "credentials" in keys.failure(KMS_REFUSED, "check", alias, **nobody)
    nowhere = keys.failure(KMS_REFUSED, "check", alias, AWS_DEFAULT_REGION="")
    assert "AWS_REGION" in nowhere
    assert "profile" in keys.failure(KMS_REFUSED, "check", alias, AWS_PROFILE="missing")
    with keys.counted.failing(counting.SERVER_ERROR):
        assert "try again later" in keys.failure(KMS_UNAVAILABLE, "check", alias)


@pytest.mark.parametrize("name", ["telemetry", "team/telemetry"])
def test_an_alias_without_its_beginning(keys: Keys, name: str) -> None:
    hint = f"if it is an alias, give it as alias/{name}; else check the name"
    assert hint in keys.failure(KMS_REFUSED, "check", name)
    assert hint in keys.failure(KMS_REFUSED, "export", name)


@pytest.mark.parametrize(
    "name", ["alias/missing", "1234abcd-12ab-34cd-56ef-1234567890ab", "mrk-" + "0a" * 16, ARN]
)
def test_what_cannot_be_an_alias_gets_no_such_hint(keys: Keys, name: str) -> None:
    assert "if it is an alias" not in keys.failure(KMS_REFUSED, "check", name)


# ---- export


def test_export(keys: Keys, alias: str) -> None:
    key = libseal.aws.public_key(keys.kms.client, alias)
    done = keys.run("export", alias)
    assert libseal.PublicKey(done.stdout) == key
    assert key.fingerprint.hex() in done.stderr.decode()
    quiet = keys.run("export", alias, "--der", "--quiet")
    assert (quiet.stdout, quiet.stderr) == (key.der, b"")
    header = keys("export", alias, "--c-header", "--name", "My Key")
    assert "static const uint8_t my_key_der[294]" in header
    assert "pub const TEST_" in keys("export", alias, "--rust")
    [recipient] = provision.read_recipients(keys("export", alias, "--recipients"))
    assert (recipient.key, recipient.key_id) == (key, alias)
    fields = json.loads(keys("export", arn_of(keys, alias), "--json"))
    assert (b64decode(fields["PublicKey"]), fields["Alias"]) == (key.der, "")
    assert "NotAfter" not in fields


def test_export_has_one_form(keys: Keys, alias: str) -> None:
    refused = keys.failure(USAGE, "export", alias, "--pem", "--der")
    assert "--pem and --der are different forms: give one of them" in refused
    assert not keys.counted.requests
    assert keys.run("export", alias, "--der", "--der").stdout[:1] == b"0"


def test_export_until(keys: Keys, alias: str) -> None:
    fields = json.loads(keys("export", alias, "--json", "--not-after", "2999-12-31"))
    assert fields["NotAfter"] == "2999-12-31T23:59:59Z"
    for text in ("tomorrow", "2021-01-01", "-1", "2999-02-30", "99999999"):
        keys.failure(USAGE, "export", alias, "--json", "--not-after", text)
    assert "json" in keys.failure(USAGE, "export", alias, "--pem", "--not-after", "1")


def test_export_to_a_file(keys: Keys, alias: str) -> None:
    done = keys.run("export", alias, "-o", "a key.pem")
    assert done.stdout == b""
    assert b"exported" in done.stderr
    file = keys.folder / "a key.pem"
    before = file.read_bytes()
    assert "--force" in keys.failure(IO, "export", alias, "--der", "-o", "a key.pem")
    assert file.read_bytes() == before
    keys("export", alias, "--der", "--force", "-o", "a key.pem")
    assert libseal.PublicKey(file.read_bytes()) == libseal.PublicKey(before)
    keys.failure(IO, "export", alias, "-o", "missing/key.pem")
    assert sorted(path.name for path in keys.folder.iterdir()) == ["a key.pem"]


# ---- policy


def test_policy(keys: Keys, alias: str) -> None:
    arn = arn_of(keys, alias)
    keys.counted.reset()
    assert json.loads(keys("policy", "unseal", ARN)) == provision.policy("unseal", [ARN])
    rewrap = keys("policy", "rewrap", ARN, "--new-key", ARN, "--s3", "logs/2026")
    assert json.loads(rewrap) == provision.policy("rewrap", [ARN], new_keys=[ARN], s3=["logs/2026"])
    made = "arn:aws:kms:eu-central-1:111122223333:alias/*"
    assert json.loads(keys("policy", "provision", made)) == provision.policy("provision", [made])
    allowed = json.loads(keys("policy", "key", ARN, "--allow", f"unseal={ROLE}"))
    assert allowed == provision.key_policy("111122223333", {"unseal": [ROLE]})
    # None of that asked the KMS. An alias does.
    assert not keys.counted.requests
    assert json.loads(keys("policy", "seal", alias)) == provision.policy("seal", [arn])


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("unseal",), "KEY"),
        (("read", ARN), "read"),
        (("unseal", ARN, "--s3", "logs"), "for the role rewrap"),
        (("unseal", ARN, "--allow", "unseal=x"), "libseal keys policy key"),
        (("key", ARN), "--allow"),
        (("key", ARN, "--allow", "read=x"), "ROLE one of"),
        (("key", ARN, "--allow", "unseal=*"), "ARN of a role or user"),
        (("key", ARN, ARN, "--allow", "unseal=x"), "one KEY"),
        (("key", ARN, "--s3", "logs", "--allow", "unseal=x"), "for rewrap"),
        (("provision", ARN), "ARN of an alias"),
    ],
)
def test_no_policy(keys: Keys, arguments: tuple[str, ...], reason: str) -> None:
    assert reason in keys.failure(USAGE, "policy", *arguments)


def test_a_policy_for_provisioning_takes_an_account(keys: Keys) -> None:
    with ministack(SERVICES="sts") as sts:
        there = {"AWS_ENDPOINT_URL_STS": sts.endpoint}
        made = keys.run("policy", "provision", "alias/new", **there)
    assert re.search(rb':kms:[a-z0-9-]+:[0-9]{12}:alias/new"', made.stdout)
    region = keys.counted.environment["AWS_DEFAULT_REGION"]
    alone = keys.failure(
        KMS_REFUSED, "policy", "provision", "alias/new", **without_credentials(keys)
    )
    assert "AWS STS was asked for your account: NoCredentialsError" in alone
    assert f"or give the ARN of the alias: arn:aws:kms:{region}:ACCOUNT:alias/new" in alone
    nowhere = keys.failure(KMS_REFUSED, "policy", "provision", "alias/new", AWS_DEFAULT_REGION="")
    assert "arn:aws:kms:REGION:ACCOUNT:alias/new" in nowhere
    shown = " ".join(keys("policy", "--help").split())
    assert "AWS STS is asked for yours" in shown
    assert "arn:aws:kms:REGION:ACCOUNT:alias/" in shown


# ---- rotate and list


def test_rotate(keys: Keys, alias: str) -> None:
    old = arn_of(keys, alias)
    text = keys("rotate", alias)
    new = arn_of(keys, f"{alias}-next")
    assert text.startswith(f"made {alias}-next: RSA_2048, {new}\n")
    # What it says to do next can be done as it stands there.
    assert old in text
    for line in text.splitlines():
        if line.startswith("   libseal keys "):
            keys(*line.split()[2:])
    assert arn_of(keys, alias) == new
    assert "no next key" in keys.failure(KMS_REFUSED, "rotate", alias, "--move-alias")


def test_what_to_do_with_the_old_key(keys: Keys, alias: str) -> None:
    old = arn_of(keys, alias)
    keys("rotate", alias, "--quiet")
    text = keys("rotate", alias, "--move-alias")
    for command in ("libseal rewrap", "disable-key", "schedule-key-deletion"):
        assert re.search(rf"^   .*{command}.*{old.rpartition('/')[2]}", text, re.MULTILINE)
    assert keys.kms.client.describe_key(KeyId=old)["KeyMetadata"]["Enabled"]


def test_the_list_knows_a_key_that_was_rotated_away(keys: Keys, alias: str) -> None:
    old = arn_of(keys, alias)
    keys("rotate", alias, "--quiet")
    keys("rotate", alias, "--move-alias", "--quiet")
    described = keys.kms.client.create_key(
        KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT", Description="of the\nfleet" + "x" * 99
    )["KeyMetadata"]["Arn"]
    rows = {row.split("RSA_")[0].split()[-1]: row for row in keys("list").splitlines()}
    row = rows[old.rpartition("/")[2]]
    assert row.startswith(f"- (was {alias})")
    assert row.endswith("yes")
    assert rows[described.rpartition("/")[2]].startswith("- (of the fleetxx")
    listed = [json.loads(line) for line in keys("list", "--json").splitlines()]
    [mine] = [key for key in listed if key["arn"] == old]
    assert (mine["aliases"], mine["former_alias"]) == ([], alias)
    # It is worth no more than the row that it is in.
    with keys.counted.failing(counting.DENIED, "ListResourceTags"):
        assert old.rpartition("/")[2] in keys("list")


def test_list(keys: Keys, alias: str) -> None:
    gone = keys.kms.client.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
    gone_id = gone["KeyMetadata"]["KeyId"]
    keys.kms.client.schedule_key_deletion(KeyId=gone_id)
    heading, *rows = keys("list").splitlines()
    column = heading.index("CAN UNSEAL")
    by_name = {row.split()[0]: row[column:] for row in rows}
    assert by_name[alias] == "yes"
    [row] = [row for row in rows if gone_id in row]
    assert row[column:].startswith("no: it is to be deleted on ")
    objects: list[dict[str, Any]] = [
        json.loads(line) for line in keys("list", "--json").splitlines()
    ]
    [mine] = [each for each in objects if alias in each["aliases"]]
    assert (mine["arn"], mine["can_unseal"]) == (arn_of(keys, alias), True)
    with keys.counted.failing(counting.DENIED, "ListKeys"):
        assert "allow kms:ListKeys" in keys.failure(KMS_REFUSED, "list")


# ---- Help


@pytest.mark.parametrize(
    "command", ["create", "check", "export", "policy", "rotate", "list", "local", "fetch"]
)
def test_the_help_has_an_example(keys: Keys, command: str) -> None:
    assert re.search(rf"^    libseal keys {command}\b", keys(command, "--help"), re.MULTILINE)


def test_the_help_names_all_commands(keys: Keys) -> None:
    listed = re.findall(r"^  ([a-z]+)  ", keys("--help"), re.MULTILINE)
    assert listed == ["create", "check", "export", "policy", "rotate", "list", "local", "fetch"]
