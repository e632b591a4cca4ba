"""Spark reads sealed files as it reads plain ones, with one Decrypt for each data key."""

import io
import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import csv, parquet
from pyspark import cloudpickle
from pyspark.sql import DataFrame, DataFrameReader, SparkSession

import libseal
from libseal.spark import SealedDataSource, register
from tests.engines.cloud import KEY, Cloud, Fleet

# Workers cannot import this module.
cloudpickle.register_pickle_by_value(sys.modules[__name__])

ROWS = 100
START = datetime(2026, 11, 1, tzinfo=UTC)


def sealed(spark: SparkSession, **options: str | int) -> DataFrameReader:
    return spark.read.format("sealed").options(kms=KEY, **options)


def table(number: int) -> pa.Table:
    rows = range(number * ROWS, (number + 1) * ROWS)
    return pa.table(
        {
            "id": pa.array(rows, pa.int64()),
            "device": [f"{row % 7:03}" for row in rows],
            "time": pa.array([START + timedelta(seconds=row) for row in rows]),
            "value": [row / 8 if row % 5 else None for row in rows],
        }
    )


def written(rows: pa.Table, kind: str) -> bytes:
    file = io.BytesIO()
    if kind == "parquet":
        # Not with snappy: where musl is installed as well, Spark's takes its library for musl.
        parquet.write_table(rows, file, compression="none")
    elif kind == "csv":
        csv.write_csv(rows, file)
    else:
        for row in rows.to_pylist():
            file.write(json.dumps(row, default=datetime.isoformat).encode() + b"\n")
    return file.getvalue()


def tables(cloud: Cloud, kind: str, files: int = 6, keys: int = 3) -> Fleet:
    return cloud.fleet(files, keys, lambda number: written(table(number), kind), f".{kind}.sealed")


def plain(fleet: Fleet, folder: Path) -> str:
    for name, content in fleet.contents.items():
        (folder / name.removesuffix(".sealed")).write_bytes(content)
    return str(folder)


def test_each_file_is_a_row(spark: SparkSession, cloud: Cloud) -> None:
    fleet = cloud.fleet(40, 5, lambda number: os.urandom(number * 100))
    files = sealed(spark).load(fleet.url)
    assert files.schema.simpleString() == (
        "struct<path:string,length:bigint,modified:timestamp,content:binary>"
    )
    rows = files.collect()
    contents = {row.path: bytes(row.content) for row in rows}
    assert contents == {fleet.url_of(name): text for name, text in fleet.contents.items()}
    assert all(row.length == len(row.content) for row in rows)
    age = datetime.now() - min(row.modified for row in rows)
    assert timedelta(0) <= age < timedelta(hours=1)

    assert files.selectExpr("sum(length)").first()[0] == sum(map(len, contents.values()))
    assert cloud.kms.requests["Decrypt"] == 5
    # The beginning of each file once, and all of it for each query.
    assert cloud.s3.requests["GET"] - 40 * 3 in range(1, 4)


@pytest.mark.parametrize("kind", ["parquet", "csv", "json"])
def test_rows_are_those_of_plain_files(
    spark: SparkSession, cloud: Cloud, tmp_path: Path, kind: str
) -> None:
    fleet = tables(cloud, kind)
    columns = "id bigint, device string, time timestamp, value double"
    reader = spark.read.schema(columns)
    if kind == "csv":
        reader = reader.option("header", True)
    expected = reader.format(kind).load(plain(fleet, tmp_path))
    found = sealed(spark, rows=kind).schema(columns).load(fleet.url)
    assert found.count() == 6 * ROWS
    assert sorted(found.collect()) == sorted(expected.collect())

    def query(rows: DataFrame) -> list[Any]:
        grouped = rows.where("value > 3").groupBy("device").agg({"value": "sum", "time": "max"})
        return sorted(grouped.collect())

    assert query(found) == query(expected)
    assert cloud.kms.requests["Decrypt"] == 3


@pytest.mark.parametrize("kind", ["parquet", "csv", "json"])
def test_columns_are_those_of_the_first_file(spark: SparkSession, cloud: Cloud, kind: str) -> None:
    fleet = tables(cloud, kind)
    rows = sealed(spark, rows=kind).load(fleet.url)
    assert rows.columns == ["id", "device", "time", "value"]
    assert rows.selectExpr("sum(id)").first()[0] == sum(range(6 * ROWS))
    assert cloud.kms.requests["Decrypt"] == 3


def test_only_the_columns_of_the_schema_are_fetched(spark: SparkSession, cloud: Cloud) -> None:
    def wide(number: int) -> bytes:
        junk = pa.array([os.urandom(20_000) for _ in range(ROWS)])
        return written(table(number).append_column("junk", junk), "parquet")

    fleet = cloud.fleet(3, 1, wide, ".parquet.sealed")
    rows = sealed(spark, rows="parquet").schema("id bigint, missing string").load(fleet.url)
    assert rows.selectExpr("sum(id)", "count(missing)").first() == (sum(range(3 * ROWS)), 0)
    assert cloud.s3.fetched < sum(map(len, fleet.contents.values())) / 10


def test_a_row_can_name_its_file(spark: SparkSession, cloud: Cloud) -> None:
    fleet = tables(cloud, "parquet", 2)
    rows = sealed(spark, rows="parquet").schema("id bigint, _path string").load(fleet.url)
    counts = {row["_path"]: row["count"] for row in rows.groupBy("_path").count().collect()}
    assert counts == {fleet.url_of(name): ROWS for name in fleet.contents}


def test_several_paths_and_a_pattern(spark: SparkSession, cloud: Cloud) -> None:
    fleet = cloud.fleet(12, 2)
    paths = [fleet.url + "00000[12]*", fleet.url_of("000011.sealed")]
    names = sealed(spark).load(paths).select("path").collect()
    assert sorted(row.path for row in names) == [
        fleet.url_of(name) for name in ("000001.sealed", "000002.sealed", "000011.sealed")
    ]


def test_partitions(spark: SparkSession, cloud: Cloud) -> None:
    fleet = cloud.fleet(12, 2)
    assert sealed(spark, partitions=3).load(fleet.url).rdd.getNumPartitions() == 3
    assert sealed(spark).load(fleet.url_of("000001.sealed")).rdd.getNumPartitions() == 1


def test_a_required_context(spark: SparkSession, cloud: Cloud) -> None:
    fleet = cloud.fleet(2, 1, context={"site": "north"})
    assert sealed(spark, require='{"site": "north"}').load(fleet.url).count() == 2
    with pytest.raises(Exception, match="ContextMismatchError"):
        sealed(spark, require='{"site": "south"}').load(fleet.url).collect()
    assert cloud.kms.requests["Decrypt"] == 1


class Local(SealedDataSource):
    """Unwraps with a private key of its own."""

    @classmethod
    def name(cls) -> str:
        return "sealed-locally"

    def unwrapper(self) -> libseal.LocalUnwrapper:
        return libseal.LocalUnwrapper(Path(self.options["private"]).read_bytes())


def test_a_subclass_has_another_unwrapper(
    spark: SparkSession, cloud: Cloud, tmp_path: Path
) -> None:
    private = tmp_path / "private.pem"
    private.write_bytes(libseal.generate_private_key())
    key = libseal.LocalUnwrapper(private.read_bytes()).public_key
    libseal.seal_file(key, private, tmp_path / "x.sealed")
    register(spark, Local)
    reader = spark.read.format("sealed-locally").option("private", str(private))
    [row] = reader.load(str(tmp_path / "x.sealed")).collect()
    assert bytes(row.content) == private.read_bytes()
    assert cloud.kms.requests == {}


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"kms": ""}, "name the keys to unseal with"),
        ({"rows": "avro"}, "format must be one of parquet, csv, json"),
        ({"onError": "skip"}, 'on_error must be "raise" or "keep"'),
        ({"require": "[]"}, "the option require must be a JSON object"),
    ],
    ids=lambda value: "".join(value) if isinstance(value, dict) else "",
)
def test_options_that_cannot_be_meant(
    spark: SparkSession, cloud: Cloud, options: dict[str, str], text: str
) -> None:
    fleet = cloud.fleet(1, 1)
    with pytest.raises(Exception, match=text):
        spark.read.format("sealed").options(**{"kms": KEY} | options).load(fleet.url).collect()


@pytest.mark.parametrize("path", ["*.none", "none/"])
def test_a_path_without_any_file(spark: SparkSession, cloud: Cloud, path: str) -> None:
    fleet = cloud.fleet(1, 1)
    with pytest.raises(Exception, match="FileNotFoundError"):
        sealed(spark, onError="keep").load(fleet.url + path).collect()
