"""examples/jobs/verify_prefix.py: lists what is damaged, also after the job was killed."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import libseal
from tests.engines.cloud import KEY, ROOT, Cloud, Fleet

JOB = ROOT / "examples/jobs/verify_prefix.py"


def start(cloud: Cloud, url: str, journal: Path) -> "subprocess.Popen[str]":
    environment = cloud.environment | {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "disabled",
    }
    return subprocess.Popen(
        [sys.executable, JOB, url, str(journal), KEY, "--workers", "2"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(cloud: Cloud, url: str, journal: Path) -> tuple[int, list[str], str]:
    job = start(cloud, url, journal)
    output, errors = job.communicate()
    return job.returncode, output.splitlines(), errors


def damage(cloud: Cloud, fleet: Fleet) -> list[str]:
    """Puts damaged objects among the good ones. Returns their URLs."""
    whole = libseal.seal(cloud.recipient, b"x" * 100_000)
    altered = bytearray(whole)
    altered[-100] ^= 1
    bad = {"altered": bytes(altered), "cut": whole[:-20_000], "plain": b"21.5;" * 100}
    cloud.put(fleet.bucket, bad)
    return sorted(map(fleet.url_of, bad))


def test_damaged_objects_are_listed(cloud: Cloud, tmp_path: Path) -> None:
    fleet = cloud.fleet(objects=40, keys=4)
    bad = damage(cloud, fleet)
    journal = tmp_path / "verified.jsonl"
    code, lines, _ = run(cloud, fleet.url, journal)
    assert code == 1
    assert [line.partition(": ")[0] for line in lines] == bad
    # Those of the fleet, and the two keys of the damaged objects, which have one each.
    assert cloud.kms.requests["Decrypt"] == 4 + 1

    cloud.reset()
    again, same_lines, errors = run(cloud, fleet.url, journal)
    assert (again, same_lines) == (code, lines)
    assert "42 objects, 42 of them known" in errors
    assert cloud.kms.requests == {}


def test_a_job_that_was_killed_goes_on(cloud: Cloud, tmp_path: Path) -> None:
    # More than a task has, so that some are known before all are.
    fleet = cloud.fleet(objects=130, keys=4)
    journal = tmp_path / "verified.jsonl"
    jobs: list[subprocess.Popen[str]] = []

    def kill_when_some_are_known(method: str, path: str, headers: Mapping[str, str]) -> bool:
        if journal.exists() and journal.read_text().count("\n") >= 20:
            for job in jobs:
                job.kill()
        return False

    with cloud.s3.failing(kill_when_some_are_known):
        jobs.append(start(cloud, fleet.url, journal))
        jobs[0].communicate()
    assert jobs[0].returncode != 0
    known = journal.read_text().count("\n")
    assert 20 <= known < 130
    # As if the kill had come in the middle of a line.
    with journal.open("a") as file:
        file.write('{"path": "s3://')

    code, lines, errors = run(cloud, fleet.url, journal)
    assert (code, lines) == (0, [])
    assert f"130 objects, {known} of them known" in errors
    whole = [line for line in journal.read_text().splitlines() if line.endswith("}")]
    assert len({json.loads(line)["path"] for line in whole}) == len(whole) == 130
