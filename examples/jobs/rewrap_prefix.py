"""Give everything under a prefix in S3 to a new KMS key, in several processes.

    python rewrap_prefix.py s3://example-bucket/logs/ alias/old-key alias/new-key

The KMS is asked once for each data key, and no payload is decrypted: the beginnings of the objects
are read, the new headers are made here, and the workers, who need no key, put them in the place of
the old ones. Objects that share a data key share a header afterwards too.

An object is replaced as a whole or not at all. What was rewrapped already is left alone, so a run
that was killed is started again and goes on where it was. Of an object over 8 MiB, a killed run may
leave the parts of an upload: have a lifecycle rule (AbortIncompleteMultipartUpload) delete them.

Region and credentials come from where boto3 finds them. Needs s3:ListBucket, s3:GetObject and
s3:PutObject, kms:GetPublicKey on both keys, and kms:Decrypt on the old one.
"""

import argparse
import multiprocessing
import os
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from urllib.parse import urlsplit

import boto3

import libseal
from libseal import aws, batch

Headers = dict[libseal.Header, libseal.Header]


def rewrap_part(names: list[str], headers: Headers) -> list[tuple[str, str | None]]:
    """Runs in a worker. Says what went wrong with each object, or None."""
    s3 = boto3.client("s3")
    results: list[tuple[str, str | None]] = []
    for name in names:
        place = urlsplit(name)
        try:
            # Everything is in the headers: one that is not was replaced after the scan.
            aws.rewrap_object(
                s3, place.netloc, place.path.removeprefix("/"), no_key, headers=headers
            )
        except Exception as error:  # The others are still to be done.
            results.append((name, str(error)))
        else:
            results.append((name, None))
    return results


def end_with_parent() -> None:
    """Runs first in a worker, which would wait for more work if the parent was killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def no_key(_: libseal.WrappedKey) -> None:
    return None


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("prefix", help="s3://bucket/prefix/")
    parser.add_argument("old_key", help="KMS key that the objects are sealed for: alias, id or ARN")
    parser.add_argument("new_key", help="KMS key that they are to be sealed for")
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()

    make_client = partial(boto3.client, "kms")
    public_key = aws.public_key(make_client, args.new_key)
    recipient = libseal.Recipient(public_key, args.new_key)
    plan = batch.scan(args.prefix, on_error="keep")
    todo = plan.select(lambda file: not is_for(file.header, public_key))
    print(f"{len(plan)} objects, {len(plan) - len(todo)} of them done", file=sys.stderr)

    unwrap = aws.KmsUnwrapper(make_client, [args.old_key])
    keys, refused = todo.unwrap(unwrap, on_error="keep")
    todo = todo.without(refused)
    failures = [(name, str(error)) for name, error in todo.failures]
    headers = {header: header.rewrap(keys, recipient) for header in todo.headers}
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(args.processes, spawn, end_with_parent) as pool:
        # Short parts, so that little is to be looked at again after a failure.
        parts = todo.partitions(8 * args.processes)
        jobs = [pool.submit(rewrap_part, [file.name for file in part], headers) for part in parts]
        for job in as_completed(jobs):
            failures += [(name, text) for name, text in job.result() if text is not None]
    for name, text in failures:
        print(f"{name}: {text}")
    sys.exit(1 if failures else 0)


def is_for(header: libseal.Header, key: libseal.PublicKey) -> bool:
    return any(wrapped.fingerprint == key.fingerprint for wrapped in header.wrapped_keys)


if __name__ == "__main__":
    main()
