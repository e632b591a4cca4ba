"""The jobs that are measured, each in a process of its own with two workers.

    python -m tests.measure.engines.jobs JOB < TASK

The task is a pickled Task, and the answer, on the last line of the output, is in JSON. KMS and S3
are where boto3 finds them.
"""

import functools
import json
import os
import pickle
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISREG
from typing import Any

import boto3

import libseal
from libseal import batch
from tests.engines.cloud import KEY
from tests.engines.search import count_secrets

WORKERS = 2
PARTS = 4 * WORKERS
SEARCH_SECONDS = 0.2

Answer = dict[str, Any]


@dataclass
class Task:
    url: str
    folder: str
    """For what the engine writes: temporary files, logs, what does not fit into memory."""
    secrets: list[bytes] = field(default_factory=list)
    """Data keys in the clear, to search for."""


def kms_unwrapper() -> libseal.aws.KmsUnwrapper:
    return libseal.aws.KmsUnwrapper(functools.partial(boto3.client, "kms"), keys=[KEY])


def new_job_key() -> batch.JobKey:
    """Workers find it in the environment that they inherit."""
    job_key = batch.JobKey.generate()
    os.environ["LIBSEAL_JOB_SECRET"] = job_key.to_text()
    return job_key


class Searching:
    """Searches what is sent, and what an engine writes, for secrets, as long as it works.

    Engines delete their files at the end, so they are looked at again and again until then.
    """

    def __init__(self, folder: Path, secrets: list[bytes]) -> None:
        job_secret = os.environ.get("LIBSEAL_JOB_SECRET")
        self.secrets = secrets + ([job_secret.encode()] if job_secret else [])
        self.folder = folder
        self.found: set[bytes] = set()
        self.seen: dict[Path, tuple[int, int]] = {}
        self.sent_len = 0
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.search_files)

    def __enter__(self) -> "Searching":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_over.set()
        self.thread.join()

    def search(self, data: bytes) -> None:
        self.found |= {secret for secret in self.secrets if count_secrets([secret], data)}

    def search_sent(self, sent: Iterable[bytes]) -> None:
        for data in sent:
            self.sent_len += len(data)
            self.search(data)

    def search_files(self) -> None:
        is_last = False
        while not is_last:
            is_last = self.is_over.wait(SEARCH_SECONDS)
            for file in self.folder.rglob("*"):
                # It may be deleted at any moment.
                with suppress(OSError):
                    status = file.stat()
                    state = status.st_size, status.st_mtime_ns
                    if S_ISREG(status.st_mode) and self.seen.get(file) != state:
                        self.search(file.read_bytes())
                        self.seen[file] = state

    def answer(self, objects: int) -> Answer:
        length = self.sent_len + sum(length for length, _ in self.seen.values())
        return {"objects": objects, "found": len(self.found), "searched": length}


def unseal(plan: batch.Plan, keys: libseal.Unwrap) -> int:
    return sum(1 for _ in plan.unseal(keys))


def processes(task: Task) -> Answer:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    job_key = new_job_key()
    plan = batch.scan(task.url)
    keys, _ = plan.unwrap(kms_unwrapper(), job_key=job_key)
    parts = plan.partitions(PARTS)
    with Searching(Path(task.folder), task.secrets) as searching:
        searching.search_sent([pickle.dumps(plan), *(pickle.dumps((part, keys)) for part in parts)])
        with ProcessPoolExecutor(WORKERS, get_context("spawn")) as pool:
            objects = sum(pool.map(unseal, parts, [keys] * len(parts)))
    return searching.answer(objects)


def dask(task: Task) -> Answer:
    import cloudpickle
    import dask
    import dask.bag

    dask.config.set(scheduler="processes", num_workers=WORKERS, temporary_directory=task.folder)
    job_key = new_job_key()
    plan = batch.scan(task.url)
    keys, _ = plan.unwrap(kms_unwrapper(), job_key=job_key)
    names = [f"sealed::{file.name}" for file in plan]
    lines = dask.bag.read_text(
        names, storage_options={"unwrap": keys}, files_per_partition=len(names) // PARTS
    )
    # So that rows are written to the disk.
    by_length = lines.groupby(len)
    with Searching(Path(task.folder), task.secrets) as searching:
        graph = dict(by_length.__dask_graph__())
        searching.search_sent(cloudpickle.dumps(each) for each in [plan, *graph.values()])
        objects = sum(len(group) for _, group in by_length.compute())
    return searching.answer(objects)


def ray(task: Task) -> Answer:
    from tests.engines.ray_cluster import running_ray

    with running_ray(WORKERS) as folder, Searching(folder, task.secrets) as searching:
        import ray

        from libseal.ray import SealedDatasource

        source = SealedDatasource(task.url, kms_unwrapper())
        searching.search_sent(ray.cloudpickle.dumps(each) for each in source.get_read_tasks(PARTS))
        objects = ray.data.read_datasource(source, override_num_blocks=PARTS).materialize().count()
    return searching.answer(objects)


def spark(task: Task) -> Answer:
    new_job_key()
    with Searching(Path(task.folder), task.secrets) as searching:
        session = spark_session(task.folder)
        rows = session.read.format("recorded").option("kms", KEY).option("partitions", PARTS)
        # So that rows are written to the disk.
        counts = rows.load(task.url).groupBy("path").count().collect()
        searching.is_over.set()
        searching.thread.join()
        session.stop()
    return searching.answer(sum(row["count"] for row in counts))


def spark_session(folder: str) -> Any:
    from pyspark.sql import SparkSession

    import libseal.spark

    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = (
        SparkSession.builder.master(f"local[{WORKERS}]")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.ui.enabled", "false")
        .config("spark.local.dir", folder)
        .config("spark.sql.warehouse.dir", f"{folder}/warehouse")
        .config("spark.sql.shuffle.partitions", str(WORKERS))
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")

    class RecordedReader(libseal.spark.SealedReader):
        def partitions(self) -> list[Any]:
            partitions = super().partitions()
            Path(folder, "partitions.pickle").write_bytes(pickle.dumps(partitions))
            return partitions

    class Recorded(libseal.spark.SealedDataSource):
        """Keeps what is sent to the workers."""

        @classmethod
        def name(cls) -> str:
            return "recorded"

        def reader(self, schema: Any) -> RecordedReader:
            return RecordedReader(self, schema, None)

    libseal.spark.register(session)
    libseal.spark.register(session, Recorded)
    return session


def rate(task: Task) -> Answer:
    """Objects of 4 KiB per second on one core: fetched from memory, and unsealed only."""
    import fsspec

    # A core is one thread here.
    count, per_key = 20_000, 400
    public = libseal.LocalUnwrapper(private := libseal.generate_private_key()).public_key
    sealing_keys = [libseal.SealingKey(public) for _ in range(count // per_key)]
    fs = fsspec.filesystem("memory")
    content = os.urandom(4096)
    messages = []
    for number in range(count):
        messages.append(sealing_keys[number % len(sealing_keys)].seal(content))
        fs.pipe_file(f"/objects/{number:06}", messages[-1])
    plan = batch.scan("memory://objects/")
    keys, _ = plan.unwrap(libseal.LocalUnwrapper(private))

    def in_memory() -> int:
        return sum(1 for _ in libseal.unseal_many(messages, keys, threads=1))

    def through_a_plan() -> int:
        return sum(1 for _ in plan.unseal(keys, threads=1))

    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    return {
        each.__name__: count / min(timed(each)[0] for _ in range(3))
        for each in (in_memory, through_a_plan)
    }


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


JOBS: dict[str, Callable[[Task], Answer]] = {
    job.__name__: job for job in (processes, dask, ray, spark, rate)
}


def main() -> None:
    task = pickle.load(sys.stdin.buffer)
    print("\n" + json.dumps(JOBS[sys.argv[1]](task)), flush=True)


if __name__ == "__main__":
    main()
