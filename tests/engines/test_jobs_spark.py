"""The jobs on Spark in examples/jobs: whole results, also after the job was killed."""

import io
import os
import subprocess
import sys
import threading
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from tests.engines.cloud import KEY, ROOT, Cloud, Fleet

JOBS = ROOT / "examples/jobs"
ROWS = 50


def start(cloud: Cloud, job: str, *arguments: str) -> "subprocess.Popen[str]":
    settings = "--master local[2] --conf spark.ui.enabled=false --conf spark.log.level=FATAL"
    environment = cloud.environment | {
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_SUBMIT_ARGS": f"{settings} --conf spark.driver.host=127.0.0.1 pyspark-shell",
    }
    return subprocess.Popen(
        [sys.executable, JOBS / job, *arguments, KEY, "--partitions", "6"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(cloud: Cloud, job: str, *arguments: str) -> tuple[int, list[str], str]:
    process = start(cloud, job, *arguments)
    output, errors = process.communicate()
    return process.returncode, output.splitlines(), errors


def kill_at_third_file(cloud: Cloud, job: str, *arguments: str) -> None:
    """Kills the job with all its processes when it is about to store its third file."""
    stored = 0
    third = threading.Event()

    def watch(method: str, path: str, headers: Any) -> bool:
        nonlocal stored
        if method == "PUT" and path.endswith(".tmp"):
            stored += 1
            if stored == 3:
                third.set()
        # From there on the store takes nothing, so that the kill comes in time.
        return third.is_set()

    process = start(cloud, job, *arguments)
    with cloud.s3.failing(watch, status=403):
        assert third.wait(120), process.communicate()
        os.killpg(process.pid, 9)
        process.communicate()


def tables(cloud: Cloud, folder: str) -> list[pa.Table]:
    bucket, _, prefix = folder.removeprefix("s3://").partition("/")
    s3 = cloud.kms.kms.s3
    names = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]]
    return [
        parquet.read_table(io.BytesIO(s3.get_object(Bucket=bucket, Key=name)["Body"].read()))
        for name in names
        if name.endswith(".parquet")
    ]


def test_a_prefix_becomes_parquet_also_after_a_kill(cloud: Cloud) -> None:
    fleet = cloud.fleet(60, 5)
    cloud.put(fleet.bucket, {"plain.sealed": b"21.5;" * 100})
    target = f"s3://{cloud.bucket()}/parquet"
    kill_at_third_file(cloud, "unseal_to_parquet.py", fleet.url, target)
    # What is there is whole.
    before = sum(table.num_rows for table in tables(cloud, target))
    assert 0 < before < 60

    cloud.reset()
    code, lines, errors = run(cloud, "unseal_to_parquet.py", fleet.url, target)
    assert code == 1, errors
    assert [line.partition(": ")[0] for line in lines] == [fleet.url_of("plain.sealed")]
    assert f"{before} objects are there already" in errors
    rows = pa.concat_tables(tables(cloud, target)).to_pylist()
    contents = {row["path"]: row["content"] for row in rows}
    assert contents == {fleet.url_of(name): text for name, text in fleet.contents.items()}
    assert len(rows) == 60
    assert cloud.kms.requests["Decrypt"] <= 5


def readings(number: int) -> bytes:
    file = io.BytesIO()
    table = pa.table(
        {
            "device": [f"device {(number + row) % 4}" for row in range(ROWS)],
            "log": pa.array([os.urandom(20_000) for _ in range(ROWS)]),
        }
    )
    parquet.write_table(table, file)
    return file.getvalue()


def expected(fleet: Fleet) -> list[str]:
    counts: dict[str, int] = {}
    for number in range(len(fleet.contents)):
        for row in range(ROWS):
            device = f"device {(number + row) % 4}"
            counts[device] = counts.get(device, 0) + 1
    return [f"{device}\t{count}" for device, count in sorted(counts.items())]


def test_rows_are_counted_with_few_bytes_also_after_a_kill(cloud: Cloud) -> None:
    fleet = cloud.fleet(18, 3, readings, ".parquet.sealed")
    counts = f"s3://{cloud.bucket()}/counts"
    kill_at_third_file(cloud, "count_rows.py", fleet.url, "device", counts)
    assert tables(cloud, counts)

    cloud.reset()
    code, lines, errors = run(cloud, "count_rows.py", fleet.url, "device", counts)
    assert (code, lines) == (0, expected(fleet)), errors
    assert cloud.kms.requests["Decrypt"] <= 3
    assert cloud.s3.fetched < sum(map(len, fleet.contents.values())) / 5

    # Nothing is new: no file is opened, and no key asked for.
    cloud.reset()
    assert run(cloud, "count_rows.py", fleet.url, "device", counts)[:2] == (0, expected(fleet))
    assert cloud.kms.requests == {}
