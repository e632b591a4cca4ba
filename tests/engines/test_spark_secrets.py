"""Neither data keys nor the job key are in the clear in what Spark sends, stores and logs."""

import os
from pathlib import Path
from typing import Any

import pytest
from pyspark import StorageLevel
from pyspark.cloudpickle import dumps
from pyspark.sql import DataFrame, SparkSession

from libseal.batch import JobKey
from libseal.spark import SealedDataSource, register
from tests.engines.cloud import KEY, Cloud
from tests.engines.search import count_secrets

JOB_SECRET = "LIBSEAL_JOB_SECRET"


def secrets_of(fleet_keys: list[bytes]) -> list[bytes]:
    """The data keys, and the job key in the form in which the environment has it."""
    return [*fleet_keys, os.environ[JOB_SECRET].encode()]


def serialized(spark: SparkSession, rows: DataFrame) -> list[bytes]:
    """What Spark sends for each task, and for all of them together."""
    java: Any = spark.sparkContext._jvm
    plan = rows._jdf.queryExecution().toRdd()
    serialize = java.org.apache.spark.util.Utils.serialize
    return [bytes(serialize(part)) for part in [plan, *plan.partitions()]]


@pytest.mark.parametrize("rows", ["", "csv"], ids=["files", "rows"])
def test_no_key_is_found(spark: SparkSession, spark_folder: Path, cloud: Cloud, rows: str) -> None:
    fleet = cloud.fleet(60, 6, lambda number: b"id\n%d\n" % number)
    options = {"rows": rows} if rows else {}
    found = spark.read.format("sealed").options(kms=KEY, **options).load(fleet.url)
    column = found.columns[0]
    sent = serialized(spark, found)
    assert len(sent) > 2
    # What goes to the disk: a shuffle, and rows that are kept there.
    assert found.repartition(4, column).groupBy(column).count().count() == 60
    kept = found.persist(StorageLevel.DISK_ONLY)
    assert kept.count() == 60
    assert cloud.kms.requests["Decrypt"] == 6

    folders = [spark_folder / name for name in ("local", "events")]
    assert count_secrets(secrets_of(fleet.data_keys), *sent, *folders) == 0
    # The search has seen what there is: names of files in the tasks, rows on the disk.
    assert count_secrets([fleet.url_of("000007.sealed").encode()], *sent) == 1
    if not rows:
        assert count_secrets([fleet.url_of("000007.sealed").encode()], folders[0]) == 1
    assert b"org.apache.spark.sql.execution" in b"".join(
        file.read_bytes() for file in folders[1].rglob("*") if file.is_file()
    )
    kept.unpersist()


@pytest.mark.parametrize("rows", ["", "csv"], ids=["files", "rows"])
def test_no_key_is_in_what_the_driver_pickles(cloud: Cloud, spark: SparkSession, rows: str) -> None:
    fleet = cloud.fleet(6, 3, lambda number: b"id\n%d\n" % number)
    source = SealedDataSource({"kms": KEY, "path": fleet.url} | ({"rows": rows} if rows else {}))
    pickles = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(JOB_SECRET, JobKey.generate().to_text())
        columns = source.schema()
        pickles.append(dumps(source))
        reader = source.reader(columns)
        parts = reader.partitions()
        pickles += [dumps(reader), *map(dumps, parts)]
        assert len(parts) > 1
        assert count_secrets(secrets_of(fleet.data_keys), *pickles) == 0
        shown = repr([source, reader, parts]).encode()
        assert count_secrets(secrets_of(fleet.data_keys), shown) == 0


def test_the_job_key_does_not_go_along_with_tasks(spark: SparkSession, cloud: Cloud) -> None:
    """PySpark sends ``spark.executorEnv`` with each function: ``register`` takes the key out."""
    fleet = cloud.fleet(2, 1)
    environment = spark.sparkContext.environment
    assert JOB_SECRET not in environment
    environment[JOB_SECRET] = os.environ[JOB_SECRET]
    try:
        spark.dataSource.register(SealedDataSource)
        leaking = spark.read.format("sealed").option("kms", KEY).load(fleet.url)
        assert count_secrets(secrets_of([]), *serialized(spark, leaking)) == 1
    finally:
        register(spark)
    assert JOB_SECRET not in environment
    safe = spark.read.format("sealed").option("kms", KEY).load(fleet.url)
    assert count_secrets(secrets_of([]), *serialized(spark, safe)) == 0
    assert safe.count() == 2
