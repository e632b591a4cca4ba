"""Runs MiniStack, which speaks the APIs of AWS KMS, S3 and SQS, on loopback with nothing in it.

    with ministack() as kms:
        kms.create_key("alias/example-rsa-key")
        kms.client.get_public_key(KeyId="alias/example-rsa-key")["PublicKey"]

As a program it runs a command whose AWS SDK finds it:

    python -m tests.kms.ministack aws kms list-keys
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal, TypedDict
from urllib.request import ProxyHandler, build_opener

import boto3

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

START_SECONDS = 30
STOP_SECONDS = 10
REGION = "us-east-1"
CREDENTIAL = "test"


@dataclass(frozen=True)
class LocalKms:
    endpoint: str
    client: "KMSClient"

    @property
    def environment(self) -> dict[str, str]:
        """This process's environment, changed so that a child's AWS SDK uses this machine."""
        inherited = {name: text for name, text in os.environ.items() if not name.startswith("AWS_")}
        return inherited | {
            "AWS_ENDPOINT_URL_KMS": self.endpoint,
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_ENDPOINT_URL_SQS": self.endpoint,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": CREDENTIAL,
            "AWS_SECRET_ACCESS_KEY": CREDENTIAL,
        }

    @property
    def s3(self) -> "S3Client":
        return boto3.client("s3", **access(self.endpoint))

    @property
    def sqs(self) -> "SQSClient":
        return boto3.client("sqs", **access(self.endpoint))

    def create_key(
        self, alias: str, spec: Literal["RSA_2048", "RSA_3072", "RSA_4096"] = "RSA_2048"
    ) -> None:
        """Makes a key pair for encryption and gives it an alias."""
        key = self.client.create_key(KeySpec=spec, KeyUsage="ENCRYPT_DECRYPT")
        self.client.create_alias(AliasName=alias, TargetKeyId=key["KeyMetadata"]["KeyId"])


@contextmanager
def ministack(**variables: str) -> Iterator[LocalKms]:
    """Starts a KMS that is gone, with all that it wrote, when the block is left.

    ``variables`` go into its environment: ``AUTH="true"`` makes it obey policies.
    """
    with TemporaryDirectory(prefix="ministack-") as home:
        port = free_port()
        log = Path(home, "log")
        with log.open("wb") as output:
            # A session of its own, so that Ctrl-C leaves the end to this process.
            server = subprocess.Popen(
                [sys.executable, "-m", "ministack"],
                cwd=home,
                env=server_environment(home, port) | variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            endpoint = f"http://127.0.0.1:{port}"
            wait_until_healthy(server, endpoint, log)
            yield LocalKms(endpoint, boto3.client("kms", **access(endpoint)))
        finally:
            stop(server)


class Access(TypedDict):
    endpoint_url: str
    region_name: str
    aws_access_key_id: str
    aws_secret_access_key: str


def access(endpoint: str) -> Access:
    return {
        "endpoint_url": endpoint,
        "region_name": REGION,
        "aws_access_key_id": CREDENTIAL,
        "aws_secret_access_key": CREDENTIAL,
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def server_environment(home: str, port: int) -> dict[str, str]:
    return {
        "PATH": os.defpath,
        "PYTHONSAFEPATH": "1",
        "HOME": home,
        "TMPDIR": home,
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "SERVICES": "kms,s3,sqs",
        # These listen on ports of their own, whatever the services.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }


def wait_until_healthy(server: "subprocess.Popen[bytes]", endpoint: str, log: Path) -> None:
    opener = build_opener(ProxyHandler({}))
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        try:
            with opener.open(f"{endpoint}/_ministack/health", timeout=1):
                return
        except (OSError, HTTPException):
            time.sleep(0.05)
    raise RuntimeError(f"MiniStack did not start:\n{log.read_text(errors='replace')}")


def stop(server: "subprocess.Popen[bytes]") -> None:
    server.terminate()
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def main() -> int:
    if len(sys.argv) < 2:
        sys.exit("usage: python -m tests.kms.ministack COMMAND [ARGUMENT ...]")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with ministack() as kms:
        return subprocess.run(sys.argv[1:], env=kms.environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
