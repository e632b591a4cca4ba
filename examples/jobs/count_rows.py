"""Count the rows of sealed Parquet files by a column, on Spark.

    python count_rows.py s3://example-bucket/tables/ device s3://other-bucket/counts alias/telemetry

Prints each value of the column and how many rows have it. Of each file, only that column is
fetched, with the beginning and the end. The KMS is asked once for each data key, in the driver.

What was counted is in the folder for counts, by file. Each part of it appears when it is complete,
so a run that was killed is started again and goes on where it was, and later runs count only new
files. Files that cannot be read are printed to stderr, and then the exit code is 1.

Region and credentials come from where boto3 finds them. Needs s3:ListBucket and s3:GetObject on the
files, the same and s3:PutObject on the counts, and kms:GetPublicKey and kms:Decrypt on the key.
"""

import argparse
import io
import os
import sys
import uuid
from collections.abc import Iterable, Iterator

import fsspec
import pyarrow as pa
from pyarrow import parquet
from pyspark.sql import SparkSession

from libseal import batch
from libseal.spark import SealedDataSource, register


class NotCounted(SealedDataSource):
    """Files that are not among the counts yet."""

    @classmethod
    def name(cls) -> str:
        return "not-counted"

    def scan(self) -> batch.Plan:
        counted = {*counts(self.options["counts"])["path"].to_pylist()}
        return super().scan().select(lambda file: file.name not in counted)


def counts(folder: str) -> pa.Table:
    """What was counted so far: path, value, count."""
    fs, path = fsspec.url_to_fs(folder)
    schema = pa.schema([("path", pa.string()), ("value", pa.string()), ("count", pa.int64())])
    tables = [schema.empty_table()]
    for part in fs.glob(f"{path}/*.parquet"):
        with fs.open(part) as file:
            tables.append(parquet.read_table(file))
    return pa.concat_tables(tables)


def count(batches: Iterable[pa.RecordBatch], folder: str) -> Iterator[pa.RecordBatch]:
    """Runs in a worker. Passes on what went wrong, and writes how often each value was there."""
    if not (found := [*batches]):
        return
    rows = pa.Table.from_batches(found)
    bad = rows["_error"].is_valid()
    yield from rows.filter(bad).select(["_error"]).to_batches()
    good = rows.filter(pa.compute.invert(bad)).drop_columns(["_error"])
    if good.num_rows:
        counted = good.group_by(["path", "value"]).aggregate([([], "count_all")])
        buffer = io.BytesIO()
        parquet.write_table(counted.rename_columns(["path", "value", "count"]), buffer)
        put(folder, buffer.getvalue())


def put(folder: str, data: bytes) -> None:
    """Has a file appear as a whole, also on a disk."""
    fs, path = fsspec.url_to_fs(folder)
    fs.makedirs(path, exist_ok=True)
    path = f"{path}/{uuid.uuid4().hex}"
    fs.pipe_file(f"{path}.tmp", data)
    fs.mv(f"{path}.tmp", f"{path}.parquet")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("prefix", help="s3://bucket/prefix/")
    parser.add_argument("column")
    parser.add_argument("counts", help="folder for the counts, in S3 or on a disk")
    parser.add_argument("key", help="KMS key: alias, id or ARN")
    parser.add_argument("--partitions", type=int, help="how many parts to count at most")
    args = parser.parse_args()

    # The workers of this machine inherit it; for those of a cluster see libseal.spark.
    os.environ.setdefault("LIBSEAL_JOB_SECRET", batch.JobKey.generate().to_text())
    spark = SparkSession.builder.appName("count rows").getOrCreate()
    register(spark, NotCounted)
    reader = spark.read.format("not-counted").options(kms=args.key, counts=args.counts)
    if args.partitions:
        reader = reader.option("partitions", args.partitions)
    schema = f"`{args.column}` string, _path string, _error string"
    rows = reader.options(rows="parquet", onError="keep").schema(schema).load(args.prefix)
    renamed = rows.selectExpr(f"`{args.column}` value", "_path path", "_error")
    folder = args.counts
    failures = renamed.mapInArrow(lambda found: count(found, folder), "_error string").collect()
    spark.stop()
    totals = counts(folder).group_by("value").aggregate([("count", "sum")]).sort_by("value")
    for row in totals.to_pylist():
        print(row["value"], row["count_sum"], sep="\t")
    for failure in failures:
        print(failure["_error"], file=sys.stderr)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
