"""Unseal one column of a sealed Parquet file, and only the chunks that it lies in.

    python parquet_column.py rides.parquet.sealed fare alias/example-rsa-key

Prints the mean of the column. Region and credentials come from where boto3 finds them.
"""

import argparse
import io
import sys
from pathlib import Path

import boto3
import pyarrow.compute
import pyarrow.parquet

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
    parser.add_argument("sealed", type=Path, metavar="IN", help="sealed Parquet file")
    parser.add_argument("column", help="name of a column of numbers")
    parser.add_argument(
        "keys", nargs="+", metavar="KEY_ALIAS", help="KMS keys that may be used: alias, id or ARN"
    )
    args = parser.parse_args()

    unwrap = libseal.aws.KmsUnwrapper(boto3.client("kms"), keys=args.keys)
    with CountingFile(args.sealed) as file, libseal.UnsealReader(file, unwrap) as reader:
        # pre_buffer reads what lies between the parts of a column as well. And read_table leaves
        # the reader to threads of Arrow: one that still holds it when Python ends aborts it.
        parquet = pyarrow.parquet.ParquetFile(reader, pre_buffer=False)
        table = parquet.read([args.column], use_threads=False)
        print(pyarrow.compute.mean(table[args.column]))
        size = args.sealed.stat().st_size
        print(f"read {file.count} of {size} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
