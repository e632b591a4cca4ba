"""A lock of KmsUnwrapper was copied while a thread held it, so the child waited forever."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import pytest

import libseal
from support import key_file, public_key, unwrapper

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks"),
    pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning"),
]


class SlowKms:
    """Answers the first call only when it may."""

    def __init__(self) -> None:
        self.is_asked = threading.Event()
        self.may_answer = threading.Event()

    def get_public_key(self, KeyId: str) -> dict[str, Any]:  # noqa: N803
        self.is_asked.set()
        self.may_answer.wait(60)
        return {
            "KeyId": KeyId,
            "PublicKey": key_file("rsa-2048.pub.der"),
            "KeyUsage": "ENCRYPT_DECRYPT",
            "EncryptionAlgorithms": ["RSAES_OAEP_SHA_256"],
        }

    def decrypt(
        self,
        KeyId: str,  # noqa: N803
        CiphertextBlob: bytes,  # noqa: N803
        EncryptionAlgorithm: str,  # noqa: N803
    ) -> dict[str, Any]:
        local = unwrapper()
        fingerprint = local.public_key.fingerprint
        key = libseal.WrappedKey(EncryptionAlgorithm, fingerprint, KeyId, CiphertextBlob)
        return {"KeyId": KeyId, "Plaintext": local(key)}


def test_it_is_not_locked_in_the_child() -> None:
    kms = SlowKms()
    unwrap = libseal.aws.KmsUnwrapper(lambda: kms, "alias/key")
    blob = libseal.seal(public_key(), b"data")
    found = []
    thread = threading.Thread(target=lambda: found.append(libseal.unseal(blob, unwrap)))
    thread.start()
    assert kms.is_asked.wait(60)
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        code = 1
        try:
            kms.may_answer = threading.Event()
            kms.may_answer.set()
            code = int(libseal.unseal(blob, unwrap) != b"data")
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    # Here, the lock is still the one that the thread holds.
    kms.may_answer.set()
    thread.join()
    assert found == [b"data"]
