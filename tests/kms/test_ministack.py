import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.kms.ministack import ministack

UNWRAP = Path(__file__).with_name("unwrap.py")
DATA_KEY = bytes(range(32))


def test_unwrap_asks_the_kms() -> None:
    with ministack() as kms:
        kms.create_key("alias/test")
        sealed = kms.client.encrypt(
            KeyId="alias/test", Plaintext=DATA_KEY, EncryptionAlgorithm="RSAES_OAEP_SHA_256"
        )
        variables = {"LIBSEAL_KMS_KEY": "alias/test", "LIBSEAL_ALGORITHM": "RSAES_OAEP_SHA_256"}
        answer = subprocess.run(
            [sys.executable, UNWRAP],
            input=sealed["CiphertextBlob"],
            env=kms.environment | variables,
            stdout=subprocess.PIPE,
            check=True,
        )
    assert answer.stdout == DATA_KEY


def test_the_kms_ends_with_its_block() -> None:
    with ministack() as kms:
        address = urlsplit(kms.endpoint).netloc
    with pytest.raises(ConnectionRefusedError):
        HTTPConnection(address, timeout=5).connect()
