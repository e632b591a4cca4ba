"""KMSs that hold test keys, note the calls, and fail as they are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

import libseal
from libseal.aws import _keys
from openssl_support import rsa_oaep
from support import key_file, public_key

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

OAEP = ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"]


def arn(name: str = "rsa-2048", region: str = "us-east-1") -> str:
    return f"arn:aws:kms:{region}:111122223333:key/{name}"


def error(code: str, message: str = "", status: int = 400) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, "Decrypt")


def sealed(*names: str, key_id: str = "", algorithm: str = OAEP[1]) -> bytes:
    recipients = [
        libseal.Recipient(public_key(name), key_id, algorithm) for name in names or ["rsa-2048"]
    ]
    return libseal.seal(recipients, b"data")


class FakeKms:
    """Holds test keys under names, in one region. A key's id is the name of its file."""

    def __init__(self, region: str | None = None, **keys: str) -> None:
        self.region = region or "us-east-1"
        if region is not None:
            self.meta = type("Meta", (), {"region_name": region})
        # Keyword arguments cannot have a slash: a_x is alias/x.
        self.keys = {name.replace("a_", "alias/"): key for name, key in keys.items()}
        self.held: set[str] = set()
        self.calls: list[tuple[str, str]] = []
        self.arguments: list[dict[str, Any]] = []
        self.failures: dict[tuple[str, str], Exception] = {}
        """What to raise for an operation and a key id."""
        self.answers: dict[str, Any] = {}
        """Fields to change in answers; None to leave them out."""
        self.before: Callable[[], object] = lambda: None

    def get_public_key(self, **arguments: Any) -> Any:
        self._note("GetPublicKey", arguments)
        key_id = arguments["KeyId"]
        name = self.keys[key_id] if key_id in self.keys else key_id.removeprefix(self._arn(""))
        return self._answer(
            KeyId=self._arn(name),
            PublicKey=key_file(f"{name}.pub.der"),
            KeyUsage="ENCRYPT_DECRYPT",
            KeySpec="RSA_2048",
            EncryptionAlgorithms=OAEP,
        )

    def decrypt(self, **arguments: Any) -> Any:
        self._note("Decrypt", arguments)
        key_id = arguments["KeyId"]
        name = self.keys[key_id] if key_id in self.keys else key_id.removeprefix(self._arn(""))
        try:
            plaintext = rsa_oaep(
                name, arguments["CiphertextBlob"], arguments["EncryptionAlgorithm"]
            )
        except ValueError:
            raise error("InvalidCiphertextException") from None
        if arguments.get("DryRun"):
            raise error("DryRunOperationException", "would succeed", 412)
        return self._answer(Plaintext=plaintext, KeyId=self._arn(name))

    def count(self, operation: str) -> int:
        return sum(called == operation for called, _ in self.calls)

    def _arn(self, name: str) -> str:
        return arn(name, self.region)

    def _note(self, operation: str, arguments: dict[str, Any]) -> None:
        key_id = arguments["KeyId"]
        self.calls.append((operation, key_id))
        self.arguments.append(arguments)
        self.before()
        for about in (key_id, "*"):
            if (operation, about) in self.failures:
                raise self.failures[operation, about]
        # A key stays when its alias moves.
        self.held |= set(self.keys.values())
        if key_id not in self.keys and key_id.removeprefix(self._arn("")) not in self.held:
            raise error("NotFoundException", f"Key {key_id} does not exist")

    def _answer(self, **fields: Any) -> Any:
        fields |= {name: value for name, value in self.answers.items() if name in fields}
        return {name: value for name, value in fields.items() if value is not None}


class Clock:
    """Stands still until it is set on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 1000.0
        monkeypatch.setattr(_keys, "now", lambda: self.seconds)

    def wait(self, seconds: float) -> None:
        self.seconds += seconds
