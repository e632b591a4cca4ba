"""Unseal a file with a private key that stays in AWS KMS.

    python unseal_with_kms.py crash.sealed crash.dump alias/example-rsa-key

Region and credentials come from where boto3 finds them. Needs kms:GetPublicKey and kms:Decrypt on
the key. OUT appears only when the whole file has been verified.
"""

import argparse
import sys
from pathlib import Path

import boto3
from tqdm import tqdm

import libseal


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sealed", type=Path, metavar="IN", help="file to unseal")
    parser.add_argument("out", type=Path, metavar="OUT", help="file to write")
    parser.add_argument(
        "keys", nargs="+", metavar="KEY_ALIAS", help="KMS keys that may be used: alias, id or ARN"
    )
    args = parser.parse_args()

    unwrap = libseal.aws.KmsUnwrapper(boto3.client("kms"), keys=args.keys)
    try:
        size = args.sealed.stat().st_size
        with tqdm(total=size, unit="B", unit_scale=True) as bar:
            libseal.unseal_file(args.sealed, args.out, unwrap, progress=bar.update)
    except libseal.SealError as error:
        sys.exit(f"{args.sealed}: {error}")
    except OSError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
