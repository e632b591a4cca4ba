"""Unseal everything under a prefix into Parquet, on Spark.

    python unseal_to_parquet.py s3://example-bucket/logs/ s3://other-bucket/logs alias/telemetry

The Parquet files have a row for each object: path, length, modified, content. The KMS is asked once
for each data key, in the driver. A worker holds one Parquet file in memory.

Each Parquet file appears when it is complete, so a run that was killed leaves no half file. Started
again, it goes on where it was: objects in the Parquet files that are there are left alone, unless
they have changed since. Objects that cannot be unsealed are printed, and the exit code is 1.

Region and credentials come from where boto3 finds them. Needs s3:ListBucket and s3:GetObject on the
prefix, the same and s3:PutObject on the target, and kms:GetPublicKey and kms:Decrypt on the key.
"""

import argparse
import io
import os
import sys
import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime

import fsspec
import pyarrow as pa
from pyarrow import parquet
from pyspark.sql import SparkSession

from libseal import batch
from libseal.spark import SealedDataSource, register


class NotUnsealed(SealedDataSource):
    """Objects that are not in the target yet."""

    @classmethod
    def name(cls) -> str:
        return "not-unsealed"

    def scan(self) -> batch.Plan:
        done = unsealed(self.options["target"])
        return super().scan().select(lambda file: (file.name, file.modified) not in done)


def unsealed(target: str) -> set[tuple[str, datetime]]:
    """Which objects are in Parquet, and of what time. Only these two columns are read."""
    fs, folder = fsspec.url_to_fs(target)
    done: set[tuple[str, datetime]] = set()
    for path in fs.glob(f"{folder}/*.parquet"):
        with fs.open(path) as file:
            table = parquet.read_table(file, columns=["path", "modified"])
        done.update(zip(table["path"].to_pylist(), table["modified"].to_pylist(), strict=True))
    return done


def write(batches: Iterable[pa.RecordBatch], target: str) -> Iterator[pa.RecordBatch]:
    """Runs in a worker. Passes on what went wrong, and writes the others into one file."""
    if not (found := [*batches]):
        return
    rows = pa.Table.from_batches(found)
    bad = rows["_error"].is_valid()
    yield from rows.filter(bad).select(["_error"]).to_batches()
    good = rows.filter(pa.compute.invert(bad)).drop_columns(["_error"])
    if good.num_rows:
        buffer = io.BytesIO()
        parquet.write_table(good, buffer)
        put(target, buffer.getvalue())


def put(target: str, data: bytes) -> None:
    """Has a file appear as a whole, also on a disk."""
    fs, folder = fsspec.url_to_fs(target)
    fs.makedirs(folder, exist_ok=True)
    path = f"{folder}/{uuid.uuid4().hex}"
    fs.pipe_file(f"{path}.tmp", data)
    fs.mv(f"{path}.tmp", f"{path}.parquet")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("prefix", help="s3://bucket/prefix/")
    parser.add_argument("target", help="folder for the Parquet files, in S3 or on a disk")
    parser.add_argument("key", help="KMS key: alias, id or ARN")
    parser.add_argument("--partitions", type=int, help="how many Parquet files to make at most")
    args = parser.parse_args()

    # The workers of this machine inherit it; for those of a cluster see libseal.spark.
    os.environ.setdefault("LIBSEAL_JOB_SECRET", batch.JobKey.generate().to_text())
    spark = SparkSession.builder.appName("unseal to Parquet").getOrCreate()
    register(spark, NotUnsealed)
    reader = spark.read.format("not-unsealed").options(kms=args.key, target=args.target)
    if args.partitions:
        reader = reader.option("partitions", args.partitions)
    objects = reader.option("onError", "keep").load(args.prefix)
    print(f"{len(unsealed(args.target))} objects are there already", file=sys.stderr)
    target = args.target
    failures = objects.mapInArrow(lambda rows: write(rows, target), "_error string").collect()
    spark.stop()
    for failure in failures:
        print(failure["_error"])
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
