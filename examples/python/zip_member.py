"""Unseal one member of a sealed zip archive, and only the chunks that it lies in.

    python zip_member.py backup.zip.sealed etc/passwd passwd alias/example-rsa-key

The archive was sealed like any other file. Region and credentials come from where boto3
finds them.
"""

import argparse
import io
import shutil
import sys
import zipfile
from pathlib import Path

import boto3

import libseal


class CountingFile(io.FileIO):
    """A file that counts what is read from it."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data: bytes = super().read(size)
        self.count += len(data)
        return data


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sealed", type=Path, metavar="IN", help="sealed zip archive")
    parser.add_argument("member", help="name of a member of the archive")
    parser.add_argument("out", type=Path, metavar="OUT", help="file to write")
    parser.add_argument(
        "keys", nargs="+", metavar="KEY_ALIAS", help="KMS keys that may be used: alias, id or ARN"
    )
    args = parser.parse_args()

    unwrap = libseal.aws.KmsUnwrapper(boto3.client("kms"), keys=args.keys)
    with CountingFile(args.sealed) as file, libseal.UnsealReader(file, unwrap) as reader:
        with (
            zipfile.ZipFile(reader) as archive,
            archive.open(args.member) as member,
            args.out.open("wb") as out,
        ):
            shutil.copyfileobj(member, out)
        size = args.sealed.stat().st_size
        print(f"read {file.count} of {size} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
