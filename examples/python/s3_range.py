"""Unseal a part of an object in S3 with HTTP range requests.

    python s3_range.py s3://bucket/log.sealed 1000000 500 alias/example-rsa-key > part

Fetches the header, the last chunk, which verifies the length, and the chunks of 16 KiB that the
part lies in. Region and credentials come from where boto3 finds them; needs s3:GetObject, and
kms:GetPublicKey and kms:Decrypt on the key.
"""

import argparse
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import boto3

import libseal

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LARGEST_REQUEST = 8 * 1024 * 1024


class S3Object:
    """An object in S3, of which parts can be fetched."""

    def __init__(self, client: "S3Client", bucket: str, key: str) -> None:
        self.client, self.bucket, self.key = client, bucket, key
        head = client.head_object(Bucket=bucket, Key=key)
        self.size, self.etag = head["ContentLength"], head["ETag"]
        self.fetched = self.requests = 0

    def get(self, offsets: range) -> bytes:
        # If the object has been replaced in the meantime, this fails.
        response = self.client.get_object(
            Bucket=self.bucket,
            Key=self.key,
            Range=f"bytes={offsets.start}-{offsets.stop - 1}",
            IfMatch=self.etag,
        )
        data = response["Body"].read()
        self.fetched += len(data)
        self.requests += 1
        return data


def unseal_part(
    sealed: S3Object, start: int, length: int, unwrap: libseal.Unwrap
) -> Iterator[bytes]:
    reading = libseal.Reading(piece_len=LARGEST_REQUEST)
    reading.message_len = sealed.size
    reading.seek(start)
    while length > 0:
        match reading.next(length):
            case range() as offsets:
                reading.feed(sealed.get(offsets))
            case libseal.Next.KEY:
                reading.unwrap_with(unwrap)
            case libseal.Next.PLAINTEXT:
                data = reading.read(length)
                length -= len(data)
                yield data
            case libseal.Next.END:
                return


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url", help="s3://bucket/key of a sealed object")
    parser.add_argument("start", type=int, help="where the part begins in the plaintext")
    parser.add_argument("length", type=int, help="bytes of plaintext")
    parser.add_argument(
        "keys", nargs="+", metavar="KEY_ALIAS", help="KMS keys that may be used: alias, id or ARN"
    )
    args = parser.parse_args()

    unwrap = libseal.aws.KmsUnwrapper(boto3.client("kms"), keys=args.keys)
    url = urlsplit(args.url)
    sealed = S3Object(boto3.client("s3"), url.netloc, url.path.lstrip("/"))
    for data in unseal_part(sealed, args.start, args.length, unwrap):
        sys.stdout.buffer.write(data)
    how = f"fetched {sealed.fetched} of {sealed.size} bytes in {sealed.requests} requests"
    print(how, file=sys.stderr)


if __name__ == "__main__":
    main()
