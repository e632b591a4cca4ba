"""Measures what jobs on sealed files cost: `make engine-figures` prints it and writes it to
build/engines.md.

KMS and S3 are a MiniStack on loopback, and requests and bytes are counted there. ENGINES=quick
takes fewer objects and smaller ones.
"""

import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

import libseal
from libseal import batch
from tests.engines.cloud import KEY, ROOT, Cloud, running_cloud
from tests.measure.engines import jobs, queries

BUILD = ROOT / "build"
CHUNK_LEN = 16 * 1024 + 16
SENSORS = 10
ROWS_IN_GROUP = 100_000
WIDE = 8
"""Columns that the query does not need."""

DECRYPTS = "Decrypts, {objects:,} objects under {keys} keys: {engine}"
SECRETS = "keys in the clear in plans, tasks and files of the engine: {engine}"
BYTES = "bytes of Parquet fetched, of plain: {engine}"
RATE = "objects of 4 KiB per second and core"
TIME = "time of a query on Parquet, of plain: {engine}"


@dataclass(frozen=True)
class Size:
    objects: int
    keys: int
    files: int
    rows: int
    """In each file."""
    runs: int


FULL = Size(objects=2000, keys=50, files=8, rows=400_000, runs=5)
QUICK = Size(objects=200, keys=10, files=4, rows=50_000, runs=2)


@dataclass(frozen=True)
class Row:
    what: str
    goal: str
    reached: str
    good: bool

    def __str__(self) -> str:
        return f"| {self.what} | {self.goal} | {self.reached}{'' if self.good else ' **missed**'} |"


def run(module: Any, arguments: list[str], task: Any, environment: dict[str, str]) -> Any:
    """Runs a job in a process of its own and returns its answer."""
    process = subprocess.run(
        [sys.executable, "-m", module.__name__, *arguments],
        input=pickle.dumps(task),
        env=environment,
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if process.returncode:
        raise RuntimeError(f"{arguments} failed:\n{process.stderr.decode(errors='replace')}")
    return json.loads(process.stdout.splitlines()[-1])


def count_rows(cloud: Cloud, size: Size, folder: Path) -> Iterator[Row]:
    """One Decrypt for each key, and no key where it does not belong."""
    fleet = cloud.fleet(size.objects, size.keys)
    for engine in (jobs.processes, jobs.dask, jobs.ray, jobs.spark):
        scratch = folder / engine.__name__
        scratch.mkdir()
        cloud.reset()
        task = jobs.Task(fleet.url, str(scratch), fleet.data_keys)
        answer = run(jobs, [engine.__name__], task, cloud.environment)
        if answer["objects"] != size.objects:
            raise RuntimeError(f"{engine.__name__} read {answer['objects']} objects")
        decrypts = cloud.kms.requests["Decrypt"]
        name = {"processes": "Python processes"}.get(engine.__name__, engine.__name__.title())
        what = DECRYPTS.format(objects=size.objects, keys=size.keys, engine=name)
        yield Row(what, str(size.keys), str(decrypts), decrypts == size.keys)
        found, searched = answer["found"], answer["searched"] / 1e6
        what = SECRETS.format(engine=name)
        yield Row(what, "0", f"{found} in {searched:.1f} MB", found == 0)


def table(number: int, rows: int) -> pa.Table:
    random = np.random.default_rng(number)
    columns = {
        "sensor": random.integers(0, SENSORS, rows),
        "level": random.integers(0, 1 << 40, rows),
    }
    return pa.table(columns | {f"wide{n}": random.random(rows) for n in range(WIDE)})


def parquet(number: int, rows: int) -> bytes:
    out = pa.BufferOutputStream()
    pa.parquet.write_table(table(number, rows), out, row_group_size=ROWS_IN_GROUP)
    data: bytes = out.getvalue().to_pybytes()
    return data


def query_rows(cloud: Cloud, size: Size, folder: Path) -> Iterator[Row]:
    """The same query on the same Parquet files, plain and sealed."""
    bucket = cloud.bucket()
    files = {f"{number}.parquet": parquet(number, size.rows) for number in range(size.files)}
    sealing_key = libseal.SealingKey(cloud.recipient)
    cloud.put(bucket, {f"plain/{name}": data for name, data in files.items()})
    sealed = {f"sealed/{name}": sealing_key.seal(data) for name, data in files.items()}
    cloud.put(bucket, sealed)
    job_key = batch.JobKey.generate()
    plan = batch.scan(f"s3://{bucket}/sealed/")
    unwrap = libseal.aws.KmsUnwrapper(cloud.kms.local.client, [KEY])
    keys, _ = plan.unwrap(unwrap, job_key=job_key)
    # The header, and the last chunk, which says where the plaintext ends.
    per_file = batch._scan.BEGINNING_LEN + CHUNK_LEN
    environment = cloud.environment | {"LIBSEAL_JOB_SECRET": job_key.to_text(), "KEY": KEY}
    for engine in queries.ENGINES:
        seconds: dict[str, float] = {}
        fetched: dict[str, float] = {}
        results = []
        for kind in ("plain", "exact", "sealed"):
            cloud.reset()
            url = f"s3://{bucket}/{'sealed' if kind == 'sealed' else 'plain'}/"
            task = queries.Task(url, pickle.dumps(keys), size.runs, str(folder))
            answer = run(queries, [engine, kind], task, environment)
            results.append(answer["result"])
            # The first run imports what it needs.
            seconds[kind] = min(answer["seconds"][1:])
            fetched[kind] = cloud.s3.fetched / size.runs
        if not results[0] == results[1] == results[2]:
            raise RuntimeError(f"{engine}: the results are not the same: {results}")
        ratio = fetched["sealed"] / fetched["exact"]
        less = (fetched["sealed"] - per_file * size.files) / fetched["exact"]
        reached = f"{ratio:.2f}; {less:.2f} without header and last chunk"
        yield Row(BYTES.format(engine=engine), "≤ 1.1 and these", reached, less <= 1.1)
        # Reading ahead makes some of them slower.
        ratio = seconds["sealed"] / min(seconds["plain"], seconds["exact"])
        reached = f"{ratio:.2f} ({seconds['sealed']:.2f} s)"
        yield Row(TIME.format(engine=engine), "≤ 1.25", reached, ratio <= 1.25)


def rate_rows(cloud: Cloud, folder: Path) -> Iterator[Row]:
    answer = run(jobs, ["rate"], jobs.Task("", str(folder)), cloud.environment)
    rate = answer["in_memory"]
    yield Row(
        "objects of 4 KiB per second and core: unsealed", "≥ 20,000", f"{rate:,.0f}", rate >= 20_000
    )
    through = answer["through_a_plan"]
    yield Row(f"{RATE}: also fetched, from memory with fsspec", "", f"{through:,.0f}", True)


def paper_rows(cloud: Cloud, size: Size) -> Iterator[Row]:
    """A million objects, from the requests that were counted for a few."""
    fleet = cloud.fleet(size.objects, size.keys, lambda _: bytes(4096))
    cloud.reset()
    plan = batch.scan(fleet.url)
    scanned = cloud.s3.requests["GET"]
    keys, _ = plan.unwrap(libseal.aws.KmsUnwrapper(cloud.kms.local.client, [KEY]))
    before = cloud.s3.requests["GET"]
    assert sum(1 for _ in plan.unseal(keys)) == size.objects
    read = cloud.s3.requests["GET"] - before
    decrypts = cloud.kms.requests["Decrypt"]
    scale = 1_000_000 / size.objects
    cost = plan.cost()
    # Scanning takes as many requests as reading, and listing a thousandth.
    gets = (scanned + read) * scale
    decrypts_there = decrypts * scale
    get_rate, decrypt_rate = 5_500, 1_000
    seconds = gets / get_rate + decrypts_there / decrypt_rate
    dollars = cost.dollars * scale + scanned * scale * 0.0004 / 1_000
    keys_there = f"{decrypts_there:,.0f} keys"
    text = (
        f"{gets:,.0f} GETs, {decrypts_there:,.0f} Decrypts, {seconds / 60:.1f} min at "
        f"{get_rate:,} and {decrypt_rate:,} per second, ${dollars:.2f}"
    )
    yield Row(f"a million objects of 4 KiB under {keys_there}, on paper", "", text, True)


def rows(cloud: Cloud, size: Size, folder: Path) -> Iterator[Row]:
    yield from count_rows(cloud, size, folder)
    yield from query_rows(cloud, size, folder)
    yield from rate_rows(cloud, folder)
    yield from paper_rows(cloud, size)


def main() -> None:
    size = QUICK if os.environ.get("ENGINES") == "quick" else FULL
    lines = [
        f"Measured by `make engine-figures`, with {jobs.WORKERS} workers. Requests and bytes are",
        "counted at KMS and S3. Where bytes are compared, plain Parquet is read without reading",
        "ahead, and where times are, in the faster way.",
        "",
        "| | goal | reached |",
        "|---|---|---|",
    ]
    with TemporaryDirectory(prefix="engines-") as directory, running_cloud() as cloud:
        os.environ.update(cloud.environment)
        for row in rows(cloud, size, Path(directory)):
            print(row, flush=True)
            lines.append(str(row))
    (BUILD / "engines.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
