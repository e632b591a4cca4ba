"""Unseal everything under a prefix into a folder, in several processes.

    python unseal_in_processes.py s3://example-bucket/logs/ logs alias/example-rsa-key

The KMS is asked once for each data key, in this process. The workers get the data keys encrypted
under a job key, which they inherit with the environment.

A file appears when all of it is verified and written. Those that are there already are left alone,
so a run that was killed is started again and goes on where it was.

Region and credentials come from where boto3 finds them. Needs s3:ListBucket and s3:GetObject, and
kms:GetPublicKey and kms:Decrypt on the key.
"""

import argparse
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import boto3

from libseal import aws, batch


def unseal_part(plan: batch.Plan, keys: batch.DataKeys, prefix: str, out: Path) -> list[str]:
    """Runs in a worker. Returns what went wrong."""
    failures = []
    for file, plaintext in plan.unseal(keys, on_error="keep"):
        if isinstance(plaintext, Exception):
            failures.append(f"{file.name}: {plaintext}")
            continue
        target = place(file, prefix, out)
        target.parent.mkdir(parents=True, exist_ok=True)
        # What a killed run has left is overwritten.
        temporary = target.with_name(f".{target.name}.part")
        temporary.write_bytes(plaintext)
        temporary.rename(target)
    return failures


def place(file: batch.PlannedFile, prefix: str, out: Path) -> Path:
    name = file.name.removeprefix(prefix).removesuffix(".sealed")
    target = (out / name).resolve()
    if not target.is_relative_to(out.resolve()) or name == file.name:
        raise ValueError(f"{file.name} has no place in the folder")
    return target


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("prefix", help="s3://bucket/prefix/")
    parser.add_argument("out", type=Path)
    parser.add_argument("key", help="KMS key: alias, id or ARN")
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()

    plan = batch.scan(args.prefix, on_error="keep")
    todo = plan.select(lambda file: not place(file, args.prefix, args.out).exists())
    print(f"{len(plan)} objects, {len(plan) - len(todo)} of them done", file=sys.stderr)

    job_key = batch.JobKey.generate()
    os.environ["LIBSEAL_JOB_SECRET"] = job_key.to_text()
    unwrap = aws.KmsUnwrapper(partial(boto3.client, "kms"), [args.key])
    keys, refused = todo.unwrap(unwrap, job_key=job_key, on_error="keep")
    todo = todo.without(refused)
    failures = [f"{name}: {error}" for name, error in todo.failures]
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(args.processes, spawn) as pool:
        parts = todo.partitions(4 * args.processes)
        jobs = [
            pool.submit(unseal_part, part, keys.for_headers(part.headers), args.prefix, args.out)
            for part in parts
        ]
        for job in jobs:
            failures += job.result()
    for failure in failures:
        print(failure)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
