"""Verify everything under a prefix, on Ray, and list what is damaged.

    python verify_prefix.py s3://example-bucket/logs/ verified.jsonl alias/example-rsa-key

Every object is read to its end. The damaged ones are printed, and the exit code is 1 if there are
any. The KMS is asked once for each data key, whatever the number of workers.

What was found out is in the journal, verified.jsonl, a line for each object. A run that was killed
is started again with the same journal, and looks only at what is new, has changed, or could not be
read.

Region and credentials come from where boto3 finds them. Needs s3:ListBucket and s3:GetObject, and
kms:GetPublicKey and kms:Decrypt on the key.
"""

import argparse
import json
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import boto3
import fsspec
import ray

import libseal
from libseal import aws, batch
from libseal.ray import SharedUnwrapper

PIECE_LEN = 1 << 20
OBJECTS_PER_TASK = 20


def verify(row: dict[str, Any], unwrap: SharedUnwrapper) -> dict[str, Any]:
    """Runs in a worker. ``is_final`` says that another try would find out the same."""
    try:
        with fsspec.open(row["path"]) as file, libseal.UnsealReader(file, unwrap) as reader:
            while reader.read(PIECE_LEN):
                pass
    except Exception as error:  # The others are still to be done.
        is_message = isinstance(error, libseal.SealError)
        is_final = is_message and not isinstance(error, libseal.KeyUnwrapError)
        return row | {"error": str(error), "is_final": is_final}
    return row | {"error": "", "is_final": True}


class Journal:
    """What was found out, by name and ETag. A line that a kill has cut short counts as none."""

    def __init__(self, path: Path) -> None:
        self.errors: dict[tuple[str, str | None], str] = {}
        self._file = path.open("a+", encoding="utf-8")
        self._file.seek(0)
        text = self._file.read()
        for line in text.splitlines():
            with suppress(ValueError):
                row = json.loads(line)
                self.errors[row["path"], row["etag"]] = row["error"]
        if text and not text.endswith("\n"):
            self._file.write("\n")

    def add(self, row: dict[str, Any]) -> None:
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("prefix", help="s3://bucket/prefix/")
    parser.add_argument("journal", type=Path)
    parser.add_argument("key", help="KMS key: alias, id or ARN")
    parser.add_argument("--workers", type=int, help="on this machine; by default, one per core")
    args = parser.parse_args()

    plan = batch.scan(args.prefix, on_error="keep")
    # What is no sealed message, or only the beginning of one, is found out by the scan.
    damaged = {name: str(error) for name, error in plan.failures}
    journal = Journal(args.journal)
    todo = []
    for file in plan:
        error = journal.errors.get((file.name, file.etag))
        if error is None:
            todo.append({"path": file.name, "etag": file.etag})
        elif error:
            damaged[file.name] = error
    print(f"{len(plan)} objects, {len(plan) - len(todo)} of them known", file=sys.stderr)

    if todo:
        ray.init(num_cpus=args.workers)
        unwrap = SharedUnwrapper(aws.KmsUnwrapper(partial(boto3.client, "kms"), [args.key]))
        rows = ray.data.from_items(todo, override_num_blocks=-(-len(todo) // OBJECTS_PER_TASK))
        for row in rows.map(partial(verify, unwrap=unwrap)).iter_rows():
            if row.pop("is_final"):
                journal.add(row)
            if row["error"]:
                damaged[row["path"]] = row["error"]
    for name, text in sorted(damaged.items()):
        print(f"{name}: {text}")
    sys.exit(1 if damaged else 0)


if __name__ == "__main__":
    main()
