"""Measures what a fleet costs: `make fleet` prints it and writes it to build/fleet.md.

The requests are counted at the KMS, a MiniStack on loopback. FLEET=quick takes fewer messages and
smaller ones.
"""

import json
import os
import pickle
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import libseal
from tests.kms.counting import CountedKms, counting
from tests.kms.ministack import ministack
from tests.measure.fleet.jobs import DEAD_KEY, KEY, NEW_KEY, PROCESSES, TASKS, THREADS, Answer

ROOT = Path(__file__).parents[3]
BUILD = ROOT / "build"

MIB = 1024 * 1024
SEALING_KEYS = 20
FOREIGN_CALLS = 2
REWRAP_SECONDS = 1.0
REWRAP_WRITTEN = MIB
MEMORY_GOAL = 16 * MIB


@dataclass(frozen=True)
class Size:
    messages: int
    messages_in_a_loop: int
    foreign: int
    rewrapped: int
    """Bytes of the message that is rewrapped."""
    handled: int
    """Bytes of the object that the handler unseals."""


FULL = Size(10_000, 500, 1_000, 10 * 1024 * MIB, 256 * MIB)
QUICK = Size(1_000, 100, 200, 1024 * MIB, 32 * MIB)


@dataclass(frozen=True)
class Row:
    job: str
    goal: str
    reached: str
    good: bool

    def __str__(self) -> str:
        mark = "" if self.good else " **missed**"
        return f"| {self.job} | {self.goal} | {self.reached}{mark} |"


class Fleet:
    """A KMS with its keys, and a directory for messages."""

    def __init__(self, kms: CountedKms, directory: Path, size: Size) -> None:
        self.kms, self.directory, self.size = kms, directory, size
        for key in (KEY, NEW_KEY):
            kms.kms.create_key(key)
        self.key = libseal.aws.public_key(kms.kms.client, KEY)
        self.random = random.Random(12)

    def run(
        self, job: str, argument: str | Path, variables: dict[str, str] | None = None
    ) -> Answer:
        """Runs a job; the counters have its requests afterwards."""
        self.kms.reset()
        process = subprocess.run(
            [sys.executable, "-m", "tests.measure.fleet.jobs", job, str(argument)],
            cwd=ROOT,
            env=self.kms.environment | (variables or {}),
            stdout=subprocess.PIPE,
            check=False,
        )
        if process.returncode != 0:
            raise RuntimeError(f"the job {job} failed")
        answer: Answer = json.loads(process.stdout)
        return answer

    def write(self, messages: list[bytes]) -> Path:
        file = self.directory / "messages"
        file.write_bytes(pickle.dumps(messages))
        return file

    def messages(self, count: int) -> list[bytes]:
        """Messages of the devices, one device after the other."""
        recipient = libseal.Recipient(self.key, KEY)
        keys = [libseal.SealingKey(recipient) for _ in range(SEALING_KEYS)]
        return [key.seal(b"21.5 C") for key in keys for _ in range(count // SEALING_KEYS)]

    def requests(self) -> str:
        return ", ".join(f"{count} {name}" for name, count in sorted(self.kms.requests.items()))


def count_rows(fleet: Fleet) -> Iterator[Row]:
    plain = fleet.messages(fleet.size.messages_in_a_loop)
    yield counted(fleet, "loop", "plain loop, for comparison", plain, len(plain))
    jobs = {
        "many": "`unseal_many`",
        "threads": f"{THREADS} threads, `CachingUnwrapper`",
        "tasks": f"{TASKS} tasks, `CachingUnwrapper` around `AsyncKmsUnwrapper`",
        "processes": f"{PROCESSES} forked processes, each with its share of the keys",
    }
    sorted_messages = fleet.messages(fleet.size.messages)
    shuffled = list(sorted_messages)
    fleet.random.shuffle(shuffled)
    for job, title in jobs.items():
        for order, messages in (("sorted", sorted_messages), ("shuffled", shuffled)):
            yield counted(fleet, job, f"{title}; {order}", messages, SEALING_KEYS)


def counted(fleet: Fleet, job: str, title: str, messages: list[bytes], goal: int) -> Row:
    unsealed = fleet.run(job, fleet.write(messages))["unsealed"]
    if unsealed != len(messages):
        raise RuntimeError(f"{title}: unsealed {unsealed} of {len(messages)}")
    good = fleet.kms.requests["Decrypt"] == goal
    return Row(f"{len(messages)} messages, {title}", f"{goal} Decrypt", fleet.requests(), good)


def foreign_row(fleet: Fleet) -> Row:
    """Strangers make up keys, and say what they like about their names."""
    stranger = libseal.PublicKey((ROOT / "tests/vectors/keys/rsa-2048.pub.der").read_bytes())
    messages = [
        libseal.seal(libseal.Recipient(stranger, key_id), b"21.5 C")
        for key_id in (KEY, DEAD_KEY, "", "alias/made-up")
        for _ in range(fleet.size.foreign // 4)
    ]
    fleet.random.shuffle(messages)
    refused = fleet.run("foreign", fleet.write(messages))["refused"]
    if refused != len(messages):
        raise RuntimeError(f"refused {refused} of {len(messages)} foreign messages")
    return Row(
        f"{len(messages)} foreign messages, one dead key and one good one",
        f"at most {FOREIGN_CALLS} requests",
        fleet.requests(),
        fleet.kms.requests.total() <= FOREIGN_CALLS,
    )


def rewrap_row(fleet: Fleet) -> Row:
    """Nothing of the payload is read, so it may as well be a hole."""
    file = fleet.directory / "large.sealed"
    recipient = libseal.Recipient(fleet.key, "alias/fleet-last")
    file.write_bytes(libseal.seal(recipient, bytes(MIB)))
    os.truncate(file, fleet.size.rewrapped)
    answer = fleet.run("rewrap", file)
    seconds, written = answer["seconds"], answer["written"]
    if libseal.inspect(file).wrapped_keys[0].key_id != NEW_KEY:
        raise RuntimeError("the message was not rewrapped")
    file.unlink()
    return Row(
        f"rewrapping {fleet.size.rewrapped / 1024 / MIB:g} GiB in place",
        f"under {REWRAP_SECONDS:g} s, under {REWRAP_WRITTEN // MIB} MiB written",
        f"{seconds:.3f} s, {written / 1024:.1f} KiB written",
        seconds < REWRAP_SECONDS and written < REWRAP_WRITTEN,
    )


def handler_row(fleet: Fleet) -> Row:
    s3 = fleet.kms.kms.s3
    for bucket in ("sealed", "plain"):
        s3.create_bucket(Bucket=bucket)
    large = fleet.directory / "large.sealed"
    with large.open("wb") as target, libseal.SealWriter(target, fleet.key) as writer:
        for _ in range(fleet.size.handled // MIB):
            writer.write(bytes(MIB))
    s3.upload_file(str(large), "sealed", "large.sealed")
    large.unlink()
    s3.put_object(Bucket="sealed", Key="small.sealed", Body=libseal.seal(fleet.key, bytes(1000)))
    events = [
        {"Records": [{"s3": {"bucket": {"name": "sealed"}, "object": {"key": key}}}]}
        for key in ("small.sealed", "large.sealed")
    ]
    variables = {"KMS_KEYS": KEY, "TARGET_BUCKET": "plain"}
    answer = fleet.run("handler", json.dumps(events), variables)
    if s3.head_object(Bucket="plain", Key="large")["ContentLength"] != fleet.size.handled:
        raise RuntimeError("the handler unsealed something else")
    more = answer["peak"] - answer["idle"]
    return Row(
        f"memory of `lambda_handler.py` with an object of {fleet.size.handled // MIB} MiB",
        f"under {MEMORY_GOAL // MIB} MiB over idle, which is after an object of 1 kB",
        f"+{more / MIB:.1f} MiB over {answer['idle'] / MIB:.1f} MiB",
        more < MEMORY_GOAL,
    )


def rows(fleet: Fleet) -> Iterator[Row]:
    yield from count_rows(fleet)
    yield foreign_row(fleet)
    yield rewrap_row(fleet)
    yield handler_row(fleet)


def main() -> None:
    size = QUICK if os.environ.get("FLEET") == "quick" else FULL
    lines = [
        f"Measured by `make fleet`, with {SEALING_KEYS} sealing keys; requests counted at the KMS.",
        "",
        "| | goal | reached |",
        "|---|---|---|",
    ]
    with (
        TemporaryDirectory(dir=BUILD, prefix="fleet-") as directory,
        ministack() as kms,
        counting(kms) as counted_kms,
    ):
        for row in rows(Fleet(counted_kms, Path(directory), size)):
            print(row, flush=True)
            lines.append(str(row))
    (BUILD / "fleet.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
