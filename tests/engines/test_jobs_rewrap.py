"""examples/jobs/rewrap_prefix.py: a new key for a prefix, also after the job was killed."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

import libseal
from tests.engines.cloud import KEY, NEW_KEY, ROOT, Cloud, Fleet

JOB = ROOT / "examples/jobs/rewrap_prefix.py"


def start(cloud: Cloud, url: str, old_key: str = KEY) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, JOB, url, old_key, NEW_KEY],
        env=cloud.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(cloud: Cloud, url: str, old_key: str = KEY) -> tuple[int, str, str]:
    job = start(cloud, url, old_key)
    output, errors = job.communicate()
    return job.returncode, output, errors


def headers(cloud: Cloud, fleet: Fleet) -> list[libseal.Header]:
    s3 = cloud.kms.kms.s3
    bodies = [s3.get_object(Bucket=fleet.bucket, Key=name)["Body"] for name in fleet.contents]
    return [libseal.Header(body.read()) for body in bodies]


def assert_all_open(cloud: Cloud, fleet: Fleet, key: str) -> None:
    s3 = cloud.kms.kms.s3
    unwrap = libseal.CachingUnwrapper(libseal.aws.KmsUnwrapper(cloud.kms.kms.client, [key]))
    for name, content in fleet.contents.items():
        message = s3.get_object(Bucket=fleet.bucket, Key=name)["Body"].read()
        assert libseal.unseal(message, unwrap) == content


def test_one_call_for_each_key_and_none_is_decrypted(cloud: Cloud) -> None:
    fleet = cloud.fleet(objects=60, keys=3)
    assert run(cloud, fleet.url) == (0, "", "60 objects, 0 of them done\n")
    assert cloud.kms.requests["Decrypt"] == 3
    assert_all_open(cloud, fleet, NEW_KEY)
    # Whoever reads them now needs one call for each data key, as before.
    assert len(set(headers(cloud, fleet))) == 3

    cloud.reset()
    assert run(cloud, fleet.url) == (0, "", "60 objects, 60 of them done\n")
    assert cloud.kms.requests["Decrypt"] == 0
    assert cloud.s3.requests["PUT"] == 0


def test_of_a_large_object_only_the_beginning_moves(cloud: Cloud) -> None:
    length = 20 << 20
    fleet = cloud.fleet(objects=2, keys=1, content=lambda number: bytes([number]) * length)
    assert run(cloud, fleet.url)[0] == 0
    assert cloud.s3.fetched < 2 * (6 << 20)
    assert_all_open(cloud, fleet, NEW_KEY)


def test_a_job_that_was_killed_goes_on(cloud: Cloud) -> None:
    fleet = cloud.fleet(objects=60, keys=3)
    with killing_at(cloud, writes=20) as start_killing:
        job = start(cloud, fleet.url)
        start_killing.append(job)
        job.communicate()
    assert job.returncode != 0
    states = {is_new(cloud, header) for header in headers(cloud, fleet)}
    assert states == {True, False}

    cloud.reset()
    code, _, errors = run(cloud, fleet.url)
    assert code == 0
    assert " 0 of them done" not in errors
    assert cloud.s3.requests["PUT"] <= 60 - 20 + 2
    assert cloud.kms.requests["Decrypt"] <= 3
    assert_all_open(cloud, fleet, NEW_KEY)


def is_new(cloud: Cloud, header: libseal.Header) -> bool:
    return header.wrapped_keys[0].fingerprint != cloud.public_key.fingerprint


@contextmanager
def killing_at(cloud: Cloud, writes: int) -> Iterator[list["subprocess.Popen[str]"]]:
    """Kills the jobs, of which the block makes a list, before that many objects are written."""
    jobs: list[subprocess.Popen[str]] = []
    seen = 0

    def watch(method: str, path: str, headers: Mapping[str, str]) -> bool:
        nonlocal seen
        seen += method == "PUT"
        if seen == writes:
            for job in jobs:
                job.kill()
        return False

    with cloud.s3.failing(watch):
        yield jobs


def test_bad_objects_are_named_and_the_others_done(cloud: Cloud) -> None:
    fleet = cloud.fleet(objects=10, keys=2)
    foreign = libseal.seal(libseal.LocalUnwrapper(libseal.generate_private_key()).public_key, b"x")
    bad = {"foreign": foreign, "plain": b"not sealed at all" * 10, "cut": foreign[:50]}
    cloud.put(fleet.bucket, bad)
    # An alias might stand for the stranger's key soon, so the job would wait for that.
    old_key = cloud.kms.kms.client.describe_key(KeyId=KEY)["KeyMetadata"]["Arn"]
    code, output, _ = run(cloud, fleet.url, old_key)
    assert code == 1
    assert sorted(line.partition(": ")[0] for line in output.splitlines()) == sorted(
        map(fleet.url_of, bad)
    )
    assert_all_open(cloud, fleet, NEW_KEY)
    s3 = cloud.kms.kms.s3
    for name, content in bad.items():
        assert s3.get_object(Bucket=fleet.bucket, Key=name)["Body"].read() == content


@pytest.mark.parametrize("url", ["s3://{bucket}/no/such/*", "s3://{bucket}/none/"])
def test_a_prefix_that_matches_nothing(cloud: Cloud, url: str) -> None:
    code, _, errors = run(cloud, url.format(bucket=cloud.bucket()))
    assert code == 1
    assert "FileNotFoundError" in errors
