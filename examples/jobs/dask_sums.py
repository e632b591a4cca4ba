"""Sum a column of sealed Parquet by another one, on Dask, in several processes.

    python dask_sums.py s3://example-bucket/rows/ sensor level alias/example-rsa-key

The KMS is asked once for each data key, in this process, and only the columns that are needed are
fetched. The workers get the data keys encrypted under a job key, which they inherit with the
environment. For a cluster of dask.distributed, set LIBSEAL_JOB_SECRET in the environment of its
workers, and read the same job key here with JobKey.from_env().

Region and credentials come from where boto3 finds them. Needs s3:ListBucket and s3:GetObject, and
kms:GetPublicKey and kms:Decrypt on the key. Run with Dask 2026.8.
"""

import argparse
import os
from functools import partial

import boto3
import dask
import dask.dataframe

from libseal import aws, batch


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", help="s3://bucket/folder/")
    parser.add_argument("by", help="column to group by")
    parser.add_argument("column", help="column to sum")
    parser.add_argument("key", help="KMS key: alias, id or ARN")
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()

    job_key = batch.JobKey.generate()
    os.environ["LIBSEAL_JOB_SECRET"] = job_key.to_text()
    plan = batch.scan(args.folder)
    unwrap = aws.KmsUnwrapper(partial(boto3.client, "kms"), [args.key])
    keys, _ = plan.unwrap(unwrap, job_key=job_key)

    rows = dask.dataframe.read_parquet(
        [f"sealed::{file.name}" for file in plan],
        columns=[args.by, args.column],
        storage_options={"unwrap": keys},
    )
    with dask.config.set(scheduler="processes", num_workers=args.processes):
        sums = rows.groupby(args.by)[args.column].sum().compute()
    for name, value in sums.sort_index().items():
        print(f"{name}\t{value}")


if __name__ == "__main__":
    main()
