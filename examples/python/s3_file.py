"""Seal a file into an object in S3, or unseal an object into a file, in constant memory.

    python s3_file.py seal photo.jpg s3://bucket/photo.sealed public.pem
    python s3_file.py unseal s3://bucket/photo.sealed photo.jpg alias/example-rsa-key

Nothing sealed touches the disk. The object, or the file, appears only when it is complete; a file
also only when all of it has been verified. Region and credentials come from where boto3 finds them.
Needs s3:PutObject and s3:AbortMultipartUpload, or s3:GetObject and, on the KMS key,
kms:GetPublicKey and kms:Decrypt.
"""

import argparse
import shutil
import sys
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import boto3
from boto3.s3.transfer import TransferConfig

import libseal

MIB = 1024 * 1024
MOST_PARTS = 10_000


def seal(source: Path, bucket: str, key: str, public_key: Path) -> None:
    recipient = libseal.PublicKey(public_key.read_bytes())
    # boto3 does not know how much will come, so it cannot choose the size of the parts. Without
    # threads it holds one part in memory; with them, ten and more.
    part = max(8 * MIB, libseal.sealed_len(recipient, source.stat().st_size) // MOST_PARTS + 1)
    one_part_at_a_time = TransferConfig(multipart_chunksize=part, use_threads=False)
    with source.open("rb") as file, libseal.SealReader(file, recipient) as reader:
        boto3.client("s3").upload_fileobj(reader, bucket, key, Config=one_part_at_a_time)


def unseal(bucket: str, key: str, target: Path, kms_key: str) -> None:
    unwrap = libseal.aws.KmsUnwrapper(boto3.client("kms"), keys=[kms_key])
    body = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"]
    with closing(body), TemporaryDirectory(dir=target.parent) as directory:
        # What is read before the end may be only the beginning of a message.
        part = Path(directory, "part")
        with libseal.UnsealReader(body, unwrap) as reader, part.open("wb") as file:
            shutil.copyfileobj(reader, file, MIB)
        part.replace(target)


def bucket_and_key(url: str) -> tuple[str, str]:
    scheme, _, path = url.partition("://")
    bucket, _, key = path.partition("/")
    if scheme != "s3" or not bucket or not key:
        sys.exit(f"{url} is not of the form s3://bucket/key")
    return bucket, key


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("job", choices=["seal", "unseal"])
    parser.add_argument("source", help="a file to seal, or s3://bucket/key to unseal")
    parser.add_argument("target", help="s3://bucket/key, or a file to write")
    parser.add_argument("key", help="to seal, a file with a public key; to unseal, a KMS key")
    args = parser.parse_args()

    try:
        if args.job == "seal":
            seal(Path(args.source), *bucket_and_key(args.target), Path(args.key))
        else:
            unseal(*bucket_and_key(args.source), Path(args.target), args.key)
    except (libseal.SealError, OSError) as error:
        sys.exit(f"{args.source}: {error}")


if __name__ == "__main__":
    main()
