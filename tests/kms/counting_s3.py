"""Stands between a client and S3, counts requests and bytes fetched, and makes some requests fail.

with ministack() as local, counting_s3(local) as counted:
    counted.client.get_object(Bucket="sealed", Key="x", Range="bytes=0-99")["Body"].read()
    assert counted.requests == {"GET": 1}
    assert counted.fetched == 100

    with counted.failing(lambda method, path, headers: method == "GET", cut=10):
        ...
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from tests.kms.counting import ANSWER_SECONDS, HOP_BY_HOP, MOST_CONNECTIONS
from tests.kms.ministack import LocalKms, access

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Matches = Callable[[str, str, Mapping[str, str]], bool]
"""Of a request: its method, its path with the query, its headers."""


@dataclass(frozen=True)
class StoreFault:
    matches: Matches
    status: int = 0
    """0 passes the request on."""
    cut: int = 0
    """How many bytes the answer has too few, as from a store that returns less than asked."""


@dataclass
class CountedS3:
    """An S3 whose requests are counted by method. A HEAD is a request of its own."""

    endpoint: str
    requests: Counter[str] = field(default_factory=Counter)
    fetched: int = 0
    """Bytes of objects that clients got. Listings are not among them."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    fault: StoreFault | None = None

    @property
    def client(self) -> "S3Client":
        config = Config(max_pool_connections=MOST_CONNECTIONS, s3={"addressing_style": "path"})
        return boto3.client("s3", **access(self.endpoint), config=config)

    def reset(self) -> None:
        """Counts from 0 again."""
        with self.lock:
            self.requests.clear()
            self.fetched = 0

    @contextmanager
    def failing(self, matches: Matches, status: int = 0, cut: int = 0) -> Iterator[None]:
        """Makes the requests fail for which ``matches`` is true."""
        self.fault = StoreFault(matches, status, cut)
        try:
            yield
        finally:
            self.fault = None


@contextmanager
def counting_s3(local: LocalKms) -> Iterator[CountedS3]:
    """Listens on loopback until the block is left."""
    with Server(("127.0.0.1", 0), Handler) as server:
        server.upstream = urlsplit(local.endpoint).netloc
        server.counted = CountedS3(f"http://127.0.0.1:{server.server_port}")
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
    upstream: str
    counted: CountedS3

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Server

    def setup(self) -> None:
        super().setup()
        self.upstream = HTTPConnection(self.server.upstream, timeout=ANSWER_SECONDS)

    def finish(self) -> None:
        self.upstream.close()
        super().finish()

    def pass_on(self) -> None:
        counted = self.server.counted
        body = self.body()
        with counted.lock:
            counted.requests[self.command] += 1
        fault = counted.fault
        if fault is not None and not fault.matches(self.command, self.path, dict(self.headers)):
            fault = None
        if fault is not None and fault.status:
            self.answer(fault.status, {}, b"")
            return
        headers = {
            name: text
            for name, text in self.headers.items()
            if name.lower() not in {"expect", "transfer-encoding"}
        }
        self.upstream.request(self.command, self.path, body, headers)
        with self.upstream.getresponse() as response:
            headers = {
                name: text
                for name, text in response.headers.items()
                if name.lower() not in HOP_BY_HOP
            }
            # HEAD names a length and sends nothing.
            length = int(response.headers.get("Content-Length") or 0)
            content = response.read()
        if self.command == "GET":
            length = len(content)
            if fault is not None and fault.cut:
                content = content[: -fault.cut]
                length = len(content)
                # A client that knows the checksum would notice before libseal does.
                headers = {
                    name: text
                    for name, text in headers.items()
                    if not name.lower().startswith("x-amz-checksum")
                }
            if "ETag" in headers:
                with counted.lock:
                    counted.fetched += len(content)
        self.answer(response.status, headers, content, length)

    def handle_expect_100(self) -> bool:
        """Says at once that the body may come: some clients wait for that, whatever it takes."""
        goes_on = super().handle_expect_100()
        self.wfile.flush()
        return goes_on

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = pass_on  # noqa: N815 (the names in http.server)

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pieces = []
        while length := int(self.rfile.readline().partition(b";")[0], 16):
            pieces.append(self.rfile.read(length))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def answer(
        self, status: int, headers: Mapping[str, str], content: bytes, length: int | None = None
    ) -> None:
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name in http.server)
        """Keeps the log of the tests clean."""
