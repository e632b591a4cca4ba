"""Unseal a part of an object in S3 with HTTP range requests.

    python s3_range.py s3://bucket/log.sealed 1000000 500 alias/example-rsa-key > part

Fetches the header, the last chunk, which confirms the length, and the chunks of 16 KiB that the
part lies in. Region and credentials come from where boto3 finds them; needs s3:GetObject, and
kms:GetPublicKey and kms:Decrypt on the key.
"""

import argparse
import io
import os
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import boto3

import libseal

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Object(io.RawIOBase):
    """An object in S3 as a file: every read is one request, for what is asked and no more."""

    def __init__(self, client: "S3Client", bucket: str, key: str) -> None:
        self.client, self.bucket, self.key = client, bucket, key
        head = client.head_object(Bucket=bucket, Key=key)
        self.size, self.etag = head["ContentLength"], head["ETag"]
        self.position = self.count = self.requests = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self.position, os.SEEK_END: self.size}
        self.position = base[whence] + offset
        return self.position

    def read(self, size: int = -1, /) -> bytes:
        stop = self.size if size < 0 else min(self.position + size, self.size)
        if self.position >= stop:
            return b""
        # If somebody has replaced the object in the meantime, this fails.
        response = self.client.get_object(
            Bucket=self.bucket,
            Key=self.key,
            Range=f"bytes={self.position}-{stop - 1}",
            IfMatch=self.etag,
        )
        data = response["Body"].read()
        self.position += len(data)
        self.count += len(data)
        self.requests += 1
        return data


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
    with libseal.UnsealReader(sealed, unwrap) as reader:
        reader.seek(args.start)
        sys.stdout.buffer.write(reader.read(args.length))
    how = f"fetched {sealed.count} of {sealed.size} bytes in {sealed.requests} requests"
    print(how, file=sys.stderr)


if __name__ == "__main__":
    main()
