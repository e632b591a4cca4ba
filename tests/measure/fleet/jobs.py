"""The jobs that are measured, each in a process of its own.

    python -m tests.measure.fleet.jobs JOB ARGUMENT

The KMS is where boto3 finds it. A job prints what it found out about itself, in JSON.
"""

import asyncio
import importlib.util
import json
import multiprocessing
import pickle
import sys
import time
import zlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import boto3

import libseal
from libseal import aio

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

ROOT = Path(__file__).parents[3]
KEY = "alias/fleet"
DEAD_KEY = "alias/retired"
NEW_KEY = "alias/fleet-next"
THREADS = 16
TASKS = 200
PROCESSES = 4

Answer = dict[str, float]


def client() -> "KMSClient":
    return boto3.client("kms")


def kms_unwrapper(*keys: str) -> libseal.aws.KmsUnwrapper:
    return libseal.aws.KmsUnwrapper(client, keys=keys or [KEY])


def read(file: str) -> list[bytes]:
    messages: list[bytes] = pickle.loads(Path(file).read_bytes())
    return messages


def count_good(plaintexts: Iterable[object]) -> Answer:
    return {"unsealed": sum(plaintext == b"21.5 C" for plaintext in plaintexts)}


def loop(file: str) -> Answer:
    unwrap = kms_unwrapper()
    return count_good(libseal.unseal(message, unwrap) for message in read(file))


def many(file: str) -> Answer:
    return count_good(libseal.unseal_many(read(file), kms_unwrapper()))


def threads(file: str) -> Answer:
    unwrap = libseal.CachingUnwrapper(kms_unwrapper())
    with ThreadPoolExecutor(THREADS) as pool:
        return count_good(pool.map(lambda message: libseal.unseal(message, unwrap), read(file)))


def tasks(file: str) -> Answer:
    return count_good(asyncio.run(unseal_in_tasks(read(file))))


async def unseal_in_tasks(messages: list[bytes]) -> list[bytes]:
    from aiobotocore.session import get_session

    remaining = iter(messages)
    plaintexts = []

    async def work(unwrap: libseal.CachingUnwrapper) -> None:
        for message in remaining:
            plaintexts.append(await aio.unseal(message, unwrap))

    async with get_session().create_client("kms") as kms:
        unwrap = libseal.CachingUnwrapper(libseal.aws.AsyncKmsUnwrapper(kms, keys=[KEY]))
        async with asyncio.TaskGroup() as group:
            for _ in range(TASKS):
                group.create_task(work(unwrap))
    return plaintexts


def processes(file: str) -> Answer:
    shares: list[list[bytes]] = [[] for _ in range(PROCESSES)]
    for message in read(file):
        wrapped_key = libseal.Header(message).wrapped_keys[0]
        shares[zlib.crc32(wrapped_key.ciphertext) % PROCESSES].append(message)
    # Made before the fork, as in a server that loads its application first.
    unwrap = libseal.CachingUnwrapper(kms_unwrapper())
    fork = multiprocessing.get_context("fork")
    children = []
    for share in shares:
        receiver, sender = fork.Pipe(duplex=False)
        child = fork.Process(target=unseal_share, args=(share, unwrap, sender.send))
        child.start()
        children.append((child, receiver))
    unsealed = sum(receiver.recv()["unsealed"] for _, receiver in children)
    for child, _ in children:
        child.join()
    return {"unsealed": unsealed}


def unseal_share(
    share: list[bytes], unwrap: libseal.Unwrap, report: Callable[[Answer], None]
) -> None:
    report(count_good(libseal.unseal(message, unwrap) for message in share))


def foreign(file: str) -> Answer:
    unwrap = libseal.CachingUnwrapper(kms_unwrapper(DEAD_KEY, KEY))
    refused = 0
    for message in read(file):
        try:
            libseal.unseal(message, unwrap)
        except libseal.KeyUnwrapError:
            refused += 1
    return {"refused": refused}


def rewrap(file: str) -> Answer:
    """Gives the message to another key. The KMS is asked for that before the clock starts."""
    recipient = libseal.Recipient(libseal.aws.public_key(boto3.client("kms"), NEW_KEY), NEW_KEY)
    unwrap = kms_unwrapper()
    # So that what boto3 imports for its first request is not counted.
    unwrap(libseal.inspect(file).wrapped_keys[0])
    before = io_counters()
    start = time.perf_counter()
    libseal.rewrap_file(file, unwrap, [recipient])
    seconds = time.perf_counter() - start
    after = io_counters()
    written = max(after[name] - before[name] for name in ("wchar", "write_bytes"))
    return {"seconds": seconds, "written": written}


def io_counters() -> dict[str, int]:
    """What this process gave to write calls, and what it made the disk write."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return {name: int(number) for name, number in (line.split(": ") for line in lines)}


def handler(events: str) -> Answer:
    """Peaks of memory of the handler of a Lambda function after each event."""
    path = ROOT / "examples/python/lambda_handler.py"
    spec = importlib.util.spec_from_file_location("lambda_handler", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    peaks = []
    for event in json.loads(events):
        module.handler(event, None)
        peaks.append(peak_memory())
    return {"idle": peaks[0], "peak": peaks[-1]}


def peak_memory() -> int:
    """The peak of this process, without those of the process that started it."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


JOBS: dict[str, Callable[[str], Answer]] = {
    job.__name__: job for job in (loop, many, threads, tasks, processes, foreign, rewrap, handler)
}


if __name__ == "__main__":
    print(json.dumps(JOBS[sys.argv[1]](sys.argv[2])))
