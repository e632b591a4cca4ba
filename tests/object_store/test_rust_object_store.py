"""The example program over the crate object_store, against S3 on this machine and in a folder."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import libseal
from tests.kms.ministack import LocalKms, ministack

PROGRAM = os.environ["LIBSEAL_RUST_OBJECT_STORE"]
KEYS = Path(__file__).parents[1] / "vectors/keys"
BUCKET = "example-bucket"
PLAINTEXT = b"".join(b"line %06d\n" % number for number in range(100_000))


@pytest.fixture(scope="module")
def objects() -> dict[str, bytes]:
    key = libseal.PublicKey((KEYS / "rsa-2048.pub.der").read_bytes())
    return {
        "logs/long.sealed": libseal.seal(key, PLAINTEXT),
        "logs/short.sealed": libseal.seal(key, b"21.5 C"),
        "logs/notes.txt": b"not sealed",
        "other/long.sealed": libseal.seal(key, b""),
    }


@pytest.fixture(scope="module")
def kms() -> Iterator[LocalKms]:
    with ministack() as running:
        yield running


@pytest.fixture(params=["s3", "folder"])
def url(
    request: pytest.FixtureRequest, kms: LocalKms, objects: dict[str, bytes], tmp_path: Path
) -> str:
    if request.param == "folder":
        for name, content in objects.items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
        return f"{tmp_path.as_uri()}/logs"
    kms.s3.create_bucket(Bucket=BUCKET)
    for name, content in objects.items():
        kms.s3.put_object(Bucket=BUCKET, Key=name, Body=content)
    return f"s3://{BUCKET}/logs"


def run(
    kms: LocalKms, *arguments: str, key: str = "rsa-2048"
) -> "subprocess.CompletedProcess[bytes]":
    environment = kms.environment | {"AWS_ENDPOINT_URL": kms.endpoint, "AWS_ALLOW_HTTP": "true"}
    command = [PROGRAM, "--private-key", str(KEYS / f"{key}.key.pem"), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, timeout=60, check=False)


def listed(kms: LocalKms, url: str) -> dict[str, tuple[int, str]]:
    """Length of the plaintext and path of each object, by its name."""
    lines = [line.split(" ", 1) for line in run(kms, url).stdout.decode().splitlines()]
    return {Path(path).name: (int(length), path) for length, path in lines}


def test_it_lists_the_lengths_of_plaintexts(kms: LocalKms, url: str) -> None:
    lengths = {name: length for name, (length, _) in listed(kms, url).items()}
    assert lengths == {"long.sealed": len(PLAINTEXT), "short.sealed": 6}
    done = run(kms, url)
    assert done.returncode == 1
    assert b"logs/notes.txt: not a sealed message" in done.stderr


def test_it_reads_a_part_and_the_whole(kms: LocalKms, url: str) -> None:
    _, path = listed(kms, url)["long.sealed"]
    assert run(kms, url, path, "--range", "600000-600023").stdout == PLAINTEXT[600_000:600_024]
    assert run(kms, url, path).stdout == PLAINTEXT


def test_another_key_reads_nothing(kms: LocalKms, url: str) -> None:
    _, path = listed(kms, url)["long.sealed"]
    done = run(kms, url, path, "--range", "0-9", key="rsa-3072")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"sealed for other keys" in done.stderr
