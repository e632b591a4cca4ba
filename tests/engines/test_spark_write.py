"""What Spark writes is sealed, with nothing but the public key, and appears as a whole or not."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyspark import cloudpickle
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

import libseal
from libseal.batch._output import Output
from libseal.spark import SealedDataSource, SealedReader, SealedWriter, register
from tests.engines.cloud import KEY, Cloud

# Workers cannot import this module.
cloudpickle.register_pickle_by_value(sys.modules[__name__])

ROWS = 3000
COLUMNS = "id bigint, device string, time timestamp, value double"


@pytest.fixture(scope="module")
def rows(spark: SparkSession) -> DataFrame:
    return spark.range(ROWS, numPartitions=3).selectExpr(
        "id",
        "concat('device ', id % 7) device",
        "timestamp_seconds(id) time",
        "if(id % 5 = 0, null, id / 8) value",
    )


@pytest.fixture(scope="session")
def recipients(running: Cloud, tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("keys") / "public.der"
    file.write_bytes(running.public_key.der)
    return str(file)


def write(df: DataFrame, to: str, recipients: str, mode: str = "append", **options: str) -> None:
    writer = df.write.format("sealed").mode(mode)
    writer.options(recipients=recipients, **options).save(to)


def read(spark: SparkSession, path: str, kind: str = "parquet") -> list[Any]:
    reader = spark.read.format("sealed").options(kms=KEY, rows=kind)
    return sorted(reader.schema(COLUMNS).load(path).collect())


def names(cloud: Cloud, bucket: str) -> list[str]:
    return [found["Key"] for found in cloud.kms.kms.s3.list_objects_v2(Bucket=bucket)["Contents"]]


@pytest.mark.parametrize("kind", ["parquet", "csv", "json"])
def test_rows_come_back(
    spark: SparkSession, cloud: Cloud, rows: DataFrame, recipients: str, kind: str
) -> None:
    bucket = cloud.bucket()
    write(rows, f"s3://{bucket}/out", recipients, rows=kind, context='{"job": "7"}')
    assert cloud.kms.requests == {}

    written = names(cloud, bucket)
    assert len(written) == 3
    assert all(name.startswith("out/part-0000") for name in written)
    assert all(name.endswith(f".{kind}.sealed") for name in written)
    for name in written:
        message = cloud.kms.kms.s3.get_object(Bucket=bucket, Key=name)["Body"].read()
        assert libseal.Header(message).context == {"job": "7"}
    assert read(spark, f"s3://{bucket}/out", kind) == sorted(rows.collect())
    assert cloud.kms.requests["Decrypt"] <= 3


def test_append_and_overwrite(
    spark: SparkSession, rows: DataFrame, recipients: str, tmp_path: Path, cloud: Cloud
) -> None:
    folder = tmp_path / "out"
    write(rows, str(folder), recipients)
    write(rows.limit(10), str(folder), recipients)
    assert len(read(spark, str(folder))) == ROWS + 10
    assert {file.suffix for file in folder.iterdir()} == {".sealed"}
    write(rows.limit(7), str(folder), recipients, "overwrite")
    assert len(read(spark, str(folder))) == 7
    assert len([*folder.iterdir()]) == 1


def test_no_rows_make_no_file(
    rows: DataFrame, recipients: str, tmp_path: Path, cloud: Cloud
) -> None:
    write(rows.where("id < 0"), str(tmp_path / "out"), recipients)
    assert not (tmp_path / "out").exists()


def test_a_task_that_fails_leaves_nothing(
    spark: SparkSession, rows: DataFrame, recipients: str, cloud: Cloud
) -> None:
    bucket = cloud.bucket()
    cloud.put(bucket, {"out/before.sealed": libseal.seal(cloud.recipient, b"")})
    broken = rows.selectExpr("id", "if(id = 2500, raise_error('broken'), device) device")
    for mode in ("append", "overwrite"):
        with pytest.raises(Exception, match="broken"):
            write(broken, f"s3://{bucket}/out", recipients, mode)
        assert names(cloud, bucket) == ["out/before.sealed"]


def test_a_commit_that_fails_leaves_nothing(rows: DataFrame, recipients: str, cloud: Cloud) -> None:
    bucket = cloud.bucket()
    cloud.put(bucket, {"out/before.sealed": libseal.seal(cloud.recipient, b"")})

    def is_second_copy(method: str, path: str, headers: Any) -> bool:
        copies = any(name.lower() == "x-amz-copy-source" for name in headers)
        return copies and "part-00001" in path

    with cloud.s3.failing(is_second_copy, status=403), pytest.raises(Exception, match="Forbidden"):
        write(rows, f"s3://{bucket}/out", recipients, "overwrite")
    assert names(cloud, bucket) == ["out/before.sealed"]


class Mortal(SealedDataSource):
    """Its workers are killed once, after they have read or written something."""

    @classmethod
    def name(cls) -> str:
        return "sealed-mortal"

    def reader(self, schema: StructType) -> SealedReader:
        planned, self._planned = self._planned, None
        return MortalReader(self, schema, planned)

    def writer(self, schema: StructType, overwrite: bool) -> SealedWriter:
        writer = super().writer(schema, overwrite)
        return MortalWriter(writer._output, overwrite, self.options["killed"])


def die_once(flag: str) -> None:
    try:
        Path(flag).touch(exist_ok=False)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


class MortalReader(SealedReader):
    def read(self, partition: Any) -> Iterator[pa.RecordBatch]:
        for batch in super().read(partition):
            yield batch
            die_once(self._source.options["killed"])


class MortalWriter(SealedWriter):
    def __init__(self, output: Output, overwrite: bool, killed: str) -> None:
        super().__init__(output, overwrite)
        self._killed = killed

    def write(self, iterator: Iterator[pa.RecordBatch]) -> Any:
        written = super().write(iterator)
        die_once(self._killed)
        return written


def test_a_reader_that_is_killed_is_replaced(
    spark: SparkSession, cloud: Cloud, tmp_path: Path
) -> None:
    register(spark, Mortal)
    fleet = cloud.fleet(30, 3)
    reader = spark.read.format("sealed-mortal").options(kms=KEY, killed=str(tmp_path / "killed"))
    rows = reader.load(fleet.url).collect()
    assert {bytes(row.content) for row in rows} == {*fleet.contents.values()}
    assert len(rows) == 30
    assert (tmp_path / "killed").exists()
    assert cloud.kms.requests["Decrypt"] == 3


def test_a_writer_that_is_killed_is_replaced(
    spark: SparkSession, rows: DataFrame, cloud: Cloud, recipients: str, tmp_path: Path
) -> None:
    register(spark, Mortal)
    bucket = cloud.bucket()
    writer = rows.write.format("sealed-mortal").mode("append")
    options = {"recipients": recipients, "killed": str(tmp_path / "killed")}
    writer.options(**options).save(f"s3://{bucket}/out")
    assert (tmp_path / "killed").exists()
    # The first try had written its file: it is gone.
    assert len(names(cloud, bucket)) == 3
    assert read(spark, f"s3://{bucket}/out") == sorted(rows.collect())


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "name the key to seal for"),
        ({"recipients": "/none/public.pem"}, "FileNotFoundError"),
        ({"rows": "avro", "recipients": "RECIPIENTS"}, "format must be one of parquet, csv, json"),
        ({"context": "7", "recipients": "RECIPIENTS"}, "the option context must be a JSON object"),
    ],
    ids=["no recipients", "no file", "rows", "context"],
)
def test_options_that_cannot_be_meant(
    rows: DataFrame, recipients: str, tmp_path: Path, options: dict[str, str], text: str
) -> None:
    if options.get("recipients") == "RECIPIENTS":
        options = options | {"recipients": recipients}
    writer = rows.write.format("sealed").mode("append").options(**options)
    with pytest.raises(Exception, match=text):
        writer.save(str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()
