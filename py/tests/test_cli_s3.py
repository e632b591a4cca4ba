"""The command with objects in S3: streamed in and out, whole or not at all."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

import libseal
from cli_support import (
    INCOMPLETE,
    IO,
    NOT_AUTHENTIC,
    OK,
    SECONDS,
    TERMINATED,
    USAGE,
    Command,
    Result,
)
from support import public_key, unwrapper

if TYPE_CHECKING:
    from tests.kms.ministack import LocalKms

BUCKET = "example-bucket"
SEAL = ("seal", "-r", "public.pem")
UNSEAL = ("unseal", "-i", "private.pem")
# More than one part of an upload.
LONG = bytes(range(256)) * (40 << 10)


@pytest.fixture
def s3(kms: LocalKms, command: Command) -> Any:
    """An empty bucket, which the command finds."""
    command.environment |= kms.environment
    client = kms.s3
    client.create_bucket(Bucket=BUCKET)
    for found in client.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        client.delete_object(Bucket=BUCKET, Key=found["Key"])
    return client


def get(s3: Any, key: str) -> bytes:
    body: bytes = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    return body


def keys(s3: Any) -> list[str]:
    return [found["Key"] for found in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())]


def uploads(s3: Any) -> list[Any]:
    return list(s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", ()))


def put(s3: Any, key: str, body: bytes) -> str:
    s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    return f"s3://{BUCKET}/{key}"


def refused(result: Result, code: int, sentence: str) -> None:
    assert (result.code, result.out) == (code, b"")
    assert sentence in result.err
    assert result.err.startswith("libseal: ")


def test_a_file_goes_up_sealed_and_comes_back(command: Command, s3: Any) -> None:
    command.path("log", LONG)
    url = f"s3://{BUCKET}/logs/log.sealed"
    sealed = command(*SEAL, "log", "-o", url)
    assert sealed == (OK, b"", f"sealed log -> {url} (10.0 MiB)\n")
    assert libseal.unseal(get(s3, "logs/log.sealed"), unwrapper()) == LONG

    assert command(*UNSEAL, "-q", url, "-o", "back") == (OK, b"", "")
    assert command.read("back") == LONG
    assert command(*UNSEAL, "-q", url, "-o", "-") == (OK, LONG, "")
    assert command("verify", "-q", "-i", "private.pem", url).code == OK
    assert b"plaintext   10.0 MiB" in command("inspect", url).out
    # From S3 to S3.
    assert command(*UNSEAL, "-q", url, "-o", f"s3://{BUCKET}/plain") == (OK, b"", "")
    assert get(s3, "plain") == LONG


def test_a_pipe_goes_up(command: Command, s3: Any) -> None:
    done = command(*SEAL, "-q", "-o", f"s3://{BUCKET}/pipe", stdin=LONG)
    assert done == (OK, b"", "")
    assert libseal.unseal(get(s3, "pipe"), unwrapper()) == LONG


def test_a_prefix_is_a_folder(command: Command, s3: Any) -> None:
    command.path("in/a", b"a")
    command.path("in/deep/b", b"b")
    there = f"s3://{BUCKET}/backup/"
    assert command(*SEAL, "-q", "--recursive", "in", "-o", there) == (OK, b"", "")
    assert keys(s3) == ["backup/a.sealed", "backup/deep/b.sealed"]
    put(s3, "backup/readme", b"left out")
    command.path("other.pub", public_key("rsa-3072").der)
    rewrap = ("rewrap", "-i", "private.pem", "--keep", "-r", "other.pub", "--recursive", there)
    assert command(*rewrap).err == "rewrapped 2 files (1 not named *.sealed left out)\n"
    done = command("unseal", "-i", "other.pem", "--recursive", there, "-o", "out")
    assert done == (OK, b"", "unsealed 2 files (2 B)\n")
    assert command.names("out") == ["a", "deep/b"]


def test_files_that_go_up_together_share_a_data_key(command: Command, s3: Any) -> None:
    contents = {"a": b"a", "b": LONG, "empty": b""}
    for name, content in contents.items():
        command.path(f"in/{name}", content)
    assert command(*SEAL, "-q", "--recursive", "in", "-o", f"s3://{BUCKET}/x/").code == OK
    messages = {name: get(s3, f"x/{name}.sealed") for name in contents}
    for name, message in messages.items():
        assert libseal.unseal(message, unwrapper()) == contents[name]
    assert libseal.Header(messages["a"]) == libseal.Header(messages["b"])

    # From one prefix to another, too.
    copied = command(*SEAL, "-q", "--recursive", f"s3://{BUCKET}/x/", "-o", f"s3://{BUCKET}/y/")
    refused(copied, IO, "is no file to seal")
    for name in ("c", "d"):
        put(s3, f"z/{name}", contents["a"])
    assert command(*SEAL, "-q", "--recursive", f"s3://{BUCKET}/z/", "-o", "out").code == OK
    c, d = (libseal.inspect(command.folder / f"out/{name}.sealed") for name in ("c", "d"))
    assert c == d


def test_no_object_leads_out_of_the_folder(command: Command, s3: Any) -> None:
    put(s3, "in/../../evil.sealed", libseal.seal(public_key(), b"evil"))
    done = command(*UNSEAL, "--recursive", f"s3://{BUCKET}/in/", "-o", "a/b")
    refused(done, IO, "has a name that leads out of the folder")
    assert command.names() == []


@pytest.mark.parametrize(("length", "code"), [(-100, INCOMPLETE), (None, NOT_AUTHENTIC)])
def test_what_does_not_verify_never_becomes_an_object(
    command: Command, s3: Any, length: int | None, code: int
) -> None:
    message = bytearray(libseal.seal(public_key(), LONG))
    if length is None:
        message[len(message) - 20_000] ^= 1
    url = put(s3, "a.sealed", bytes(message[:length]))
    for target in (f"s3://{BUCKET}/a", "a"):
        refused(command(*UNSEAL, url, "-o", target), code, f"libseal: {url}: ")
    assert keys(s3) == ["a.sealed"]
    assert not uploads(s3)
    assert command.names() == []


def test_an_upload_that_is_stopped_is_aborted(command: Command, s3: Any) -> None:
    process = command.start(*SEAL, "-o", f"s3://{BUCKET}/long")
    assert process.stdin
    # More than the first part, so the upload has begun.
    process.stdin.write(bytes(40 << 20))
    process.stdin.flush()
    process.send_signal(signal.SIGTERM)
    # It does not wait for more, or for the end.
    assert process.wait(SECONDS) == TERMINATED
    assert process.communicate() == (b"", b"libseal: interrupted\n")
    assert keys(s3) == []
    assert not uploads(s3)


@pytest.mark.parametrize("length", [1 << 20, 20 << 20], ids=["put", "upload in parts"])
def test_an_object_that_appears_meanwhile_is_kept(command: Command, s3: Any, length: int) -> None:
    process = command.start(*SEAL, "-o", f"s3://{BUCKET}/a")
    assert process.stdin
    # More than a pipe holds, so it has looked for the object before.
    process.stdin.write(bytes(length))
    process.stdin.flush()
    put(s3, "a", b"first")
    _, err = process.communicate()
    assert process.returncode == IO
    names = f"standard input -> s3://{BUCKET}/a"
    assert err.decode() == f"libseal: {names}: the object exists: add --force to replace it\n"
    assert get(s3, "a") == b"first"
    assert not uploads(s3)


def test_what_s3_refuses_is_said_in_a_sentence(command: Command, s3: Any) -> None:
    command.path("a", b"a")
    url = put(s3, "there", b"old")
    refused(command(*SEAL, "a", "-o", url), IO, f"a: {url} exists: add --force to replace it")
    assert get(s3, "there") == b"old"
    assert command(*SEAL, "-q", "-f", "a", "-o", url).code == OK
    refused(command(*UNSEAL, f"s3://{BUCKET}/gone", "-o", "x"), IO, "NoSuchKey")
    refused(command("inspect", "--recursive", f"s3://{BUCKET}/x"), IO, "end the name with a slash")
    no_bucket = "a -> s3://no-such-bucket/a: S3 PutObject: NoSuchBucket"
    refused(command(*SEAL, "a", "-o", "s3://no-such-bucket/a"), IO, no_bucket)
    no_prefix = "s3://no-such-bucket/a/: S3 ListObjectsV2: NoSuchBucket"
    refused(command("inspect", "--recursive", "s3://no-such-bucket/a/"), IO, no_prefix)
    refused(command(*UNSEAL, f"s3://{BUCKET}", "-o", "x"), USAGE, "give s3://bucket/key")
    refused(command(*UNSEAL, f"s3://{BUCKET}/x/", "-o", "x"), USAGE, "add --recursive")
    refused(command(*UNSEAL, url), USAGE, "give -o for where to write")
    none = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    refused(command("inspect", url, environment=none), IO, "there are no AWS credentials")
