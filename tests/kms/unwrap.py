"""Has AWS KMS unwrap a data key: the COMMAND of the C and Rust examples that unseal.

Takes the wrapped key on standard input and gives the data key on standard output. The program that
runs it says in LIBSEAL_ALGORITHM how the key is wrapped. LIBSEAL_KMS_KEY names the key to ask for;
what the message calls it is not trusted. Endpoint, region and credentials are those of any AWS SDK.

    export LIBSEAL_KMS_KEY=alias/example-rsa-key
    unseal_file photo.sealed photo.jpg 'python tests/kms/unwrap.py'
"""

import os
import sys
from typing import TYPE_CHECKING, cast

import boto3

if TYPE_CHECKING:
    from mypy_boto3_kms.literals import EncryptionAlgorithmSpecType

answer = boto3.client("kms").decrypt(
    KeyId=os.environ["LIBSEAL_KMS_KEY"],
    EncryptionAlgorithm=cast("EncryptionAlgorithmSpecType", os.environ["LIBSEAL_ALGORITHM"]),
    CiphertextBlob=sys.stdin.buffer.read(),
)
sys.stdout.buffer.write(answer["Plaintext"])
