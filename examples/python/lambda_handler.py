"""Unseal objects from one S3 bucket into another, as an AWS Lambda function.

    KMS_KEYS=alias/example-rsa-key TARGET_BUCKET=plain python lambda_handler.py event.json

For each new object of the event, writes what it holds to TARGET_BUCKET, without the suffix .sealed.
Only what has been verified to its end appears there. Takes some 7 MiB of memory over the idle
process, whatever the size of the object. KMS_KEYS are the aliases, ids or ARNs of the KMS keys that
may be used, with commas in between. Needs s3:GetObject on the one bucket, s3:PutObject and
s3:AbortMultipartUpload on the other, and kms:GetPublicKey and kms:Decrypt on the keys.
"""

import argparse
import json
import os
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

import boto3
from boto3.s3.transfer import TransferConfig

import libseal

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MIB = 1024 * 1024

# By default, boto3 keeps a dozen parts of 8 MiB and more in memory. Without threads it keeps one;
# with max_concurrency=1 alone, it still keeps ten. S3 takes 10,000 parts: those of 5 MiB, the
# smallest, are enough for 48 GiB.
ONE_PART_AT_A_TIME = TransferConfig(
    multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, use_threads=False
)


@cache
def s3_client() -> "S3Client":
    """Made by the first event, like the next one, and kept for the others."""
    return boto3.client("s3")


@cache
def unwrapper() -> libseal.Unwrap:
    # An object that is unsealed twice, or a device with one data key for many, asks the KMS once.
    keys = os.environ["KMS_KEYS"].split(",")
    return libseal.CachingUnwrapper(libseal.aws.KmsUnwrapper(boto3.client("kms"), keys=keys))


def handler(event: dict[str, Any], context: object) -> None:
    """What Lambda calls. An exception makes it try the event again, or give it to another queue."""
    for record in event["Records"]:
        bucket, key = record["s3"]["bucket"]["name"], unquote_plus(record["s3"]["object"]["key"])
        unseal_object(bucket, key, os.environ["TARGET_BUCKET"], key.removesuffix(".sealed"))


def unseal_object(bucket: str, key: str, target_bucket: str, target_key: str) -> None:
    s3 = s3_client()
    body = s3.get_object(Bucket=bucket, Key=key)["Body"]
    with closing(body), libseal.UnsealReader(body, unwrapper()) as reader:
        # If the end does not verify, this fails before the upload is complete, and aborts it.
        s3.upload_fileobj(reader, target_bucket, target_key, Config=ONE_PART_AT_A_TIME)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("event", type=Path, help="JSON file with an event of S3")
    args = parser.parse_args()
    handler(json.loads(args.event.read_text()), None)


if __name__ == "__main__":
    main()
