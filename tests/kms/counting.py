"""Stands between a client and a KMS, counts the requests, and makes some of them fail.

    with ministack() as kms, counting(kms) as counted:
        libseal.unseal(message, KmsUnwrapper(counted.client, keys=["alias/example-rsa-key"]))
        assert counted.requests == {"GetPublicKey": 1, "Decrypt": 1}

        with counted.failing(THROTTLED, "Decrypt", times=2):
            ...

A retry is a request like any other, so what is counted is what AWS would count.
"""

import json
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from tests.kms.ministack import LocalKms, access

MOST_CONNECTIONS = 256
ANSWER_SECONDS = 60
HOP_BY_HOP = {"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"}


@dataclass(frozen=True)
class Fault:
    """What a client gets for a request, in the place of the answer of the KMS."""

    status: int = 0
    """0 leaves the answer as it is."""
    body: bytes = b""
    delay: float = 0.0
    """Seconds before the answer."""
    hangs_up: bool = False
    """Resets the connection in the place of an answer."""


def refusal(code: str, message: str = "", status: int = 400) -> Fault:
    """An error as KMS sends it: JSON, with status 400 unless the KMS itself has failed."""
    return Fault(status, json.dumps({"__type": code, "message": message}).encode())


THROTTLED = refusal("ThrottlingException", "You have exceeded the rate at which you may call KMS.")
DENIED = refusal("AccessDeniedException", "User is not authorized to perform this operation.")
DISABLED = refusal("DisabledException", "The key is disabled.")
PENDING_DELETION = refusal("KMSInvalidStateException", "The key is pending deletion.")
EXPIRED_TOKEN = refusal("ExpiredTokenException", "The security token in the request is expired.")
SERVER_ERROR = refusal("KMSInternalException", "An internal error occurred.", 500)
GARBAGE = Fault(200, b"<html>It works!</html>")
"""botocore makes an answer without any members of it."""
SHORT_KEY = Fault(200, json.dumps({"Plaintext": "c2hvcnQ="}).encode())
"""A data key of 5 bytes."""
RESET = Fault(hangs_up=True)


class CountedKms:
    """A KMS whose requests are counted, by the name of the operation."""

    def __init__(self, kms: LocalKms, endpoint: str) -> None:
        self.kms = kms
        self.endpoint = endpoint
        self.requests: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._fault: Fault | None = None
        self._operation: str | None = None
        self._times: int | None = None

    @property
    def local(self) -> LocalKms:
        """The KMS under the address at which its requests are counted."""
        # Without retries, so that a test says how often it asks.
        config = Config(retries={"total_max_attempts": 1}, max_pool_connections=MOST_CONNECTIONS)
        return LocalKms(self.endpoint, boto3.client("kms", **access(self.endpoint), config=config))

    @property
    def environment(self) -> dict[str, str]:
        """As that of the KMS. Of its services, only the KMS is counted."""
        return self.kms.environment | {"AWS_ENDPOINT_URL_KMS": self.endpoint}

    def reset(self) -> None:
        """Counts from 0 again."""
        with self._lock:
            self.requests.clear()

    @contextmanager
    def failing(
        self, fault: Fault, operation: str | None = None, times: int | None = None
    ) -> Iterator[None]:
        """Makes all requests fail, those of one operation, or the next few of them."""
        with self._lock:
            self._fault, self._operation, self._times = fault, operation, times
        try:
            yield
        finally:
            with self._lock:
                self._fault = None

    def count(self, operation: str) -> Fault:
        """Counts a request, and says what becomes of it."""
        with self._lock:
            self.requests[operation] += 1
            if self._fault is None or self._operation not in (None, operation):
                return Fault()
            if self._times is not None:
                if self._times == 0:
                    return Fault()
                self._times -= 1
            return self._fault


@contextmanager
def counting(kms: LocalKms) -> Iterator[CountedKms]:
    """Listens on loopback until the block is left."""
    with Server(("127.0.0.1", 0), Handler) as server:
        server.counted = CountedKms(kms, f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield server.counted
        finally:
            server.shutdown()


class Server(ThreadingHTTPServer):
    # Clients keep their connections open, each with a thread that waits for the next request.
    daemon_threads = True
    block_on_close = False
    request_queue_size = MOST_CONNECTIONS
    counted: CountedKms

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Server

    def setup(self) -> None:
        super().setup()
        address = urlsplit(self.server.counted.kms.endpoint).netloc
        self.upstream = HTTPConnection(address, timeout=ANSWER_SECONDS)

    def finish(self) -> None:
        self.upstream.close()
        super().finish()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        operation = self.headers["X-Amz-Target"].rpartition(".")[2]
        fault = self.server.counted.count(operation)
        time.sleep(fault.delay)
        if fault.hangs_up:
            self.hang_up()
        elif fault.status:
            self.answer(fault.status, {"Content-Type": "application/x-amz-json-1.1"}, fault.body)
        else:
            self.upstream.request("POST", self.path, body, dict(self.headers))
            with self.upstream.getresponse() as response:
                headers = {
                    name: text
                    for name, text in response.headers.items()
                    if name.lower() not in HOP_BY_HOP
                }
                self.answer(response.status, headers, response.read())

    def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def hang_up(self) -> None:
        """Closes the connection so that the client sees a reset, not an end."""
        self.close_connection = True
        at_once = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        # The socket must not be shut down in order first.
        self.connection.close()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name in http.server)
        """Keeps the log of the tests clean."""
