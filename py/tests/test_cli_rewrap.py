"""``libseal rewrap``: many messages, what was done before, and what they shared."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

import libseal
from cli_support import IO, OK, OTHER_KEYS, Command, seal_all
from support import public_key, unwrapper
from tests.kms import counting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kms.counting import CountedKms
    from tests.kms.ministack import LocalKms

DATA = b"21.5 C"
ALIAS, BUCKET = "alias/rewrapping", "rewrapping"
NEW = "rsa-3072"
REWRAP = ("rewrap", "-i", "private.pem", "-r", "new.der")


@pytest.fixture(scope="module")
def counted(kms: LocalKms) -> Iterator[CountedKms]:
    kms.create_key(ALIAS)
    with counting.counting(kms) as counted:
        yield counted


@pytest.fixture(autouse=True)
def new_key(command: Command) -> None:
    command.path("new.der", public_key(NEW).der)


def recipients(command: Command, name: str) -> list[bytes]:
    return [key.fingerprint for key in libseal.inspect(command.folder / name).wrapped_keys]


def test_what_was_done_already_is_left_alone(command: Command) -> None:
    names = [command.path(f"in/{name}", DATA).name for name in "abcde"]
    seal_all(command, ["in"], "--recursive")
    assert command(*REWRAP, "in/a.sealed", "in/b.sealed").err == "rewrapped 2 files\n"
    before = {name: (command.folder / f"in/{name}.sealed").stat().st_mtime_ns for name in "ab"}
    # So a rewrap of a folder that was killed can be started again.
    done = command(*REWRAP, "--recursive", "in")
    # Of the names without .sealed it says how many: there may be messages among them.
    left_out = "(5 not named *.sealed left out)"
    assert done == (OK, b"", f"rewrapped 3 files, 2 were done already {left_out}\n")
    for name in names:
        message = command.read(f"in/{name}.sealed")
        assert libseal.unseal(message, unwrapper(NEW)) == DATA
    after = {name: (command.folder / f"in/{name}.sealed").stat().st_mtime_ns for name in "ab"}
    assert after == before
    done = command(*REWRAP, "--recursive", "in")
    assert done.err == f"rewrapped 0 files, 5 were done already {left_out}\n"
    once = command(*REWRAP, "in/a.sealed")
    assert once == (OK, b"", "in/a.sealed was done already: nothing was changed\n")


def test_what_fails_is_counted_beside_what_was_done(command: Command) -> None:
    command.path("in/a.sealed", libseal.seal(public_key(), DATA))
    command.path("in/b.sealed", libseal.seal(public_key(NEW), DATA))
    command.path("in/c.sealed", libseal.seal(public_key("rsa-4096"), DATA))
    done = command(*REWRAP, "--recursive", "in")
    assert done.code == OTHER_KEYS
    assert done.err.endswith("rewrapped 1 file, 1 was done already; 1 failed\n")


def test_only_exactly_the_new_keys_are_done(command: Command) -> None:
    both = [public_key(), public_key(NEW)]
    sha_1 = libseal.Recipient(public_key(NEW), algorithm="RSAES_OAEP_SHA_1")
    command.path("both.sealed", libseal.seal(both, DATA))
    command.path("sha-1.sealed", libseal.seal(sha_1, DATA))
    # The old key is to go, and so is the old hash.
    done = command(*REWRAP, "-i", "other.pem", "both.sealed", "sha-1.sealed")
    assert done == (OK, b"", "rewrapped 2 files\n")
    for name in ("both.sealed", "sha-1.sealed"):
        [left] = libseal.inspect(command.folder / name).wrapped_keys
        assert left.fingerprint == public_key(NEW).fingerprint
        assert left.algorithm == "RSAES_OAEP_SHA_256"


def test_keeping_adds_only_who_is_missing(command: Command) -> None:
    team = [public_key(name) for name in (NEW, "rsa-4096")]
    lines = "\n".join(base64.b64encode(key.der).decode() for key in team)
    command.path("team", lines.encode())
    command.path("a.sealed", libseal.seal(public_key(), DATA))
    command.path("b.sealed", libseal.seal([public_key(), *team], DATA))
    command.path("c.sealed", libseal.seal([public_key(), team[0]], DATA))
    before = command.read("b.sealed")
    keep = ("rewrap", "-i", "private.pem", "--keep", "-R", "team")
    done = command(*keep, "a.sealed", "b.sealed", "c.sealed")
    assert done == (OK, b"", "rewrapped 2 files, 1 was done already\n")
    assert command.read("b.sealed") == before
    for name in ("a.sealed", "c.sealed"):
        expected = [key.fingerprint for key in (public_key(), *team)]
        assert recipients(command, name) == expected


def test_a_stream_that_was_done_passes_as_it_is(command: Command) -> None:
    message = libseal.seal(public_key(NEW), DATA)
    done = command(*REWRAP, stdin=message)
    assert (done.code, done.out) == (OK, message)


def test_files_that_share_a_call_of_the_kms_still_do(command: Command, counted: CountedKms) -> None:
    key = libseal.aws.public_key(counted.local.client, ALIAS)
    old = libseal.SealingKey(public_key())
    for number in range(4):
        command.path(f"in/{number}.sealed", old.seal(DATA))
    command.path("in/alone.sealed", libseal.seal(public_key(), DATA))
    command.path("kms.der", key.der)
    to_kms = ("rewrap", "-i", "private.pem", "-r", "kms.der", "--recursive", "in")
    assert command(*to_kms).err == "rewrapped 5 files\n"
    counted.reset()
    from_kms = ("rewrap", "--kms", ALIAS, "-r", "new.der", "--recursive", "in")
    done = command(*from_kms, environment=counted.environment)
    assert done == (OK, b"", "rewrapped 5 files (2 calls of the KMS)\n")
    headers = {libseal.inspect(path) for path in (command.folder / "in").iterdir()}
    assert len(headers) == 2
    counted.reset()
    again = command(*from_kms, environment=counted.environment)
    text = "rewrapped 0 files, 5 were done already (0 calls of the KMS)\n"
    assert again == (OK, b"", text)
    assert not counted.requests


def test_an_object_that_was_done_is_not_written(command: Command, kms: LocalKms) -> None:
    kms.s3.create_bucket(Bucket=BUCKET)
    old, new = (libseal.seal(public_key(name), DATA) for name in ("rsa-2048", NEW))
    kms.s3.put_object(Bucket=BUCKET, Key="in/a.sealed", Body=old)
    before = kms.s3.put_object(Bucket=BUCKET, Key="in/b.sealed", Body=new)["ETag"]
    there = f"s3://{BUCKET}/in/"
    done = command(*REWRAP, "--recursive", there, environment=kms.environment)
    assert done == (OK, b"", "rewrapped 1 file, 1 was done already\n")
    assert kms.s3.head_object(Bucket=BUCKET, Key="in/b.sealed")["ETag"] == before
    message = kms.s3.get_object(Bucket=BUCKET, Key="in/a.sealed")["Body"].read()
    assert libseal.unseal(message, unwrapper(NEW)) == DATA


def test_the_help_says_what_can_be_started_again(command: Command) -> None:
    text = " ".join(command("rewrap", "--help").out.decode().split())
    assert "what was interrupted can be started again" in text
    assert "wrapped anew for each" in text


def test_a_link_in_a_folder_is_refused_as_before(command: Command) -> None:
    command.path("a.sealed", libseal.seal(public_key(NEW), DATA))
    (command.folder / "in").mkdir()
    (command.folder / "in/link.sealed").symlink_to("../a.sealed")
    assert command(*REWRAP, "--recursive", "in").code == IO
