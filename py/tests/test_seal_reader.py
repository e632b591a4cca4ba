"""SealReader: what reads it gets a message, of the length that was announced, or an exception."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import subprocess
import sys
import tempfile
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from boto3.s3.transfer import TransferConfig

import libseal
from support import LENGTHS, ShortReader, public_key, unwrapper
from tests.independent.vector import KEYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.kms.ministack import LocalKms

DATA = os.urandom(1_500_000)
PIECE = 512 * 1024


class Broken(ShortReader):
    """Fails where its content ends."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content, at_once=1 << 20, fails_at=len(content))


def reader(data: bytes = DATA, **arguments: Any) -> libseal.SealReader:
    return libseal.SealReader(io.BytesIO(data), public_key(), **arguments)


def opened(message: bytes | bytearray) -> bytes:
    return libseal.unseal(message, unwrapper())


# ---- Every way to read


@pytest.mark.parametrize("length", [*LENGTHS, PIECE - 1, PIECE, PIECE + 1, len(DATA)])
@pytest.mark.parametrize("threads", [1, 2])
def test_message_and_its_length(length: int, threads: int) -> None:
    data = DATA[:length]
    with reader(data, threads=threads, context={"a": "b"}) as source:
        announced = source.length
        message = source.read()
        assert source.read() == source.read1() == b""
        assert source.tell() == len(message) == announced
    assert libseal.unseal(message, unwrapper(), require={"a": "b"}) == data


def by_read(source: libseal.SealReader, size: int) -> Iterator[bytes]:
    while piece := source.read(size):
        yield piece


def by_read1(source: libseal.SealReader, size: int) -> Iterator[bytes]:
    while piece := source.read1(size):
        assert len(piece) <= size
        yield piece


def by_readinto(source: libseal.SealReader, size: int) -> Iterator[bytes]:
    room = bytearray(size)
    while count := source.readinto(room):
        yield bytes(room[:count])


def by_readinto1(source: libseal.SealReader, size: int) -> Iterator[bytes]:
    room = bytearray(size)
    while count := source.readinto1(room):
        yield bytes(room[:count])


def by_line(source: libseal.SealReader, size: int) -> Iterator[bytes]:
    yield from source


def by_peek(source: libseal.SealReader, size: int) -> Iterator[bytes]:
    while ahead := source.peek():
        assert source.read(len(ahead)) == ahead
        yield ahead


@pytest.mark.parametrize(
    "way",
    [by_read, by_read1, by_readinto, by_readinto1, by_line, by_peek],
    ids=lambda way: way.__name__,
)
@pytest.mark.parametrize("size", [777, 65536, 1 << 20])
@pytest.mark.parametrize("short", [False, True])
def test_pieces(
    way: Callable[[libseal.SealReader, int], Iterator[bytes]], size: int, short: bool
) -> None:
    inner = ShortReader(DATA, 40_000) if short else io.BytesIO(DATA)
    pieces = list(way(libseal.SealReader(inner, public_key()), size))
    assert opened(b"".join(pieces)) == DATA
    if way in {by_read, by_readinto}:
        assert {len(piece) for piece in pieces[:-1]} == {size}


def test_copyfileobj() -> None:
    target = io.BytesIO()
    with reader() as source:
        shutil.copyfileobj(source, target)
    assert opened(target.getvalue()) == DATA


def test_nothing_is_read_into_nothing() -> None:
    source = reader()
    assert source.read(0) == source.read1(0) == b""
    assert source.readinto(bytearray()) == source.readinto1(bytearray()) == 0
    assert opened(source.read()) == DATA


def test_it_is_a_file_object(tmp_path: Path) -> None:
    path = tmp_path / "plain"
    path.write_bytes(b"data")
    with path.open("rb") as file, libseal.SealReader(file, public_key()) as source:
        assert isinstance(source, io.BufferedIOBase)
        assert bool(source)
        assert source.name == str(path)
        assert (source.readable(), source.writable(), source.seekable()) == (True, False, False)
        for unsupported in (
            source.fileno,
            source.detach,
            lambda: source.write(b""),
            lambda: source.seek(0),
            lambda: source.seek(0, 2),
        ):
            with pytest.raises(io.UnsupportedOperation):
                unsupported()
        with pytest.raises(io.UnsupportedOperation, match="upload_fileobj"):
            source.seek(0)
        with pytest.raises(TypeError):
            source.read("1")  # type: ignore[arg-type]
        assert opened(source.read()) == b"data"
    assert not hasattr(reader(), "name")


def test_recipients_of_every_kind() -> None:
    names = ["rsa-2048", "rsa-3072"]
    keys = [public_key(name) for name in names]
    for recipients in (keys, tuple(keys), iter(keys), (key for key in keys)):
        source = libseal.SealReader(io.BytesIO(DATA), recipients)
        message = source.read()
        assert len(message) == source.length
        for name in names:
            assert libseal.unseal(message, unwrapper(name)) == DATA


# ---- The length


class WithoutLength(io.BytesIO):
    def seekable(self) -> bool:
        return False


def test_length_is_of_what_is_left(tmp_path: Path) -> None:
    path = tmp_path / "plain"
    path.write_bytes(DATA)
    with path.open("rb") as file:
        file.seek(1000)
        source = libseal.SealReader(file, public_key())
        assert source.length == source.len
        message = source.read()
        assert len(message) == source.length
    assert opened(message) == DATA[1000:]
    with tempfile.TemporaryFile() as nameless:
        nameless.write(DATA)
        assert libseal.SealReader(nameless, public_key()).length == reader(b"").length


def test_length_of_another_message_in_it() -> None:
    sealed = io.BytesIO(libseal.seal(public_key("rsa-3072"), DATA))
    inner = libseal.UnsealReader(sealed, unwrapper("rsa-3072"))
    source = libseal.SealReader(inner, public_key())
    message = source.read()
    assert len(message) == source.length
    assert opened(message) == DATA


def test_length_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    packed = io.BytesIO(gzip.compress(DATA))
    reads, writes = os.pipe()
    os.write(writes, b"data")
    os.close(writes)
    with (tmp_path / "empty").open("rb") as empty, os.fdopen(reads, "rb") as pipe:
        for inner, data in (
            (WithoutLength(DATA), DATA),
            (ShortReader(DATA, 1 << 20), DATA),
            (gzip.GzipFile(fileobj=packed), DATA),
            (empty, b""),
            (pipe, b"data"),
        ):
            source = libseal.SealReader(inner, public_key())
            assert source.length is None
            assert source.len is None
            assert opened(source.read()) == data


def test_what_unpacks_is_read_once() -> None:
    packed = gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(DATA)))
    packed.seek = None  # type: ignore[assignment,method-assign]
    assert opened(libseal.SealReader(packed, public_key()).read()) == DATA


@pytest.mark.parametrize("difference", [1, 16384, 600_000, -1, -16384, -600_000])
def test_a_length_that_turns_out_wrong_is_no_message(tmp_path: Path, difference: int) -> None:
    path = tmp_path / "plain"
    path.write_bytes(DATA)
    with path.open("rb", buffering=0) as file, libseal.SealReader(file, public_key()) as source:
        length, message = source.length, bytearray()
        os.truncate(path, len(DATA) + difference)
        text = "goes on after" if difference > 0 else "ended after"
        with pytest.raises(OSError, match=text):
            while piece := source.read(65536):
                message += piece
        with pytest.raises(libseal.StateError):
            source.read(1)
    assert length is not None
    assert len(message) < length
    with pytest.raises(libseal.TruncatedError):
        opened(message)


# ---- What goes wrong


@pytest.mark.parametrize("size", [1, 65536, 1 << 20, -1])
def test_a_source_that_fails_is_no_message(size: int) -> None:
    source = libseal.SealReader(Broken(DATA), public_key())
    message = bytearray()
    with pytest.raises(OSError, match="unreadable"):
        while piece := source.read(size):
            message += piece
    for again in (source.read, source.read1, source.peek, source.readline):
        with pytest.raises(libseal.StateError, match="failed before"):
            again()
    with pytest.raises(libseal.StateError):
        source.readinto(bytearray(10))
    with pytest.raises(libseal.TruncatedError):
        opened(message)


def test_what_is_interrupted_does_not_go_on() -> None:
    """Even if the source would: what a call had read already is lost with it."""

    class Interrupted(io.BytesIO):
        calls = 0

        def read(self, size: int | None = -1, /) -> bytes:
            self.calls += 1
            if self.calls == 3:
                raise KeyboardInterrupt
            return super().read(size)

    source = libseal.SealReader(Interrupted(DATA), public_key())
    with pytest.raises(KeyboardInterrupt):
        source.read()
    with pytest.raises(libseal.StateError):
        source.read()


@pytest.mark.parametrize(
    ("returned", "error", "text"),
    [
        (None, BlockingIOError, "non-blocking"),
        ("text", TypeError, "binary mode"),
        (b"x" * (PIECE + 1), OSError, "returned"),
    ],
)
def test_a_source_that_returns_anything_else(
    returned: object, error: type[Exception], text: str
) -> None:
    class Wrong:
        def read(self, size: int, /) -> Any:
            return returned

    with pytest.raises(error, match=text):
        libseal.SealReader(Wrong(), public_key()).read()


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("text")
    with (tmp_path / "plain").open() as text, pytest.raises(TypeError, match="open it with mode"):
        libseal.SealReader(text, public_key())  # type: ignore[arg-type]
    for wrong in (b"data", "path", tmp_path, None):
        with pytest.raises(TypeError, match="fileobj must be a file object with a method read"):
            libseal.SealReader(wrong, public_key())  # type: ignore[arg-type]
    with (tmp_path / "new").open("wb") as target, pytest.raises(io.UnsupportedOperation):
        libseal.SealReader(target, public_key())
    with pytest.raises(TypeError, match="recipients must be"):
        libseal.SealReader(io.BytesIO(), "key")  # type: ignore[arg-type]
    with pytest.raises(libseal.ContextError):
        reader(context={"": ""})


def test_closing() -> None:
    for close_inner in (False, True):
        inner = io.BytesIO(DATA)
        with libseal.SealReader(inner, public_key(), close_inner=close_inner) as source:
            message = source.read(100_000)
        assert source.closed
        assert inner.closed == close_inner
        with pytest.raises(libseal.TruncatedError):
            opened(message)
        for call in (source.read, source.tell, source.readable, source.peek, source.readline):
            with pytest.raises(ValueError, match="closed file"):
                call()
        source.close()


def test_a_forked_child_takes_nothing_away(tmp_path: Path) -> None:
    path = tmp_path / "plain"
    path.write_bytes(DATA)
    with path.open("rb", buffering=0) as file:
        source = libseal.SealReader(file, public_key())
        message = source.read(100)
        child = os.fork()
        if child == 0:
            try:
                while source.read(65536):
                    pass
            except libseal.StateError:
                os._exit(0)
            os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
        message += source.read()
    assert opened(message) == DATA


# ---- What takes it


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            length = self.headers["Content-Length"]
            bodies.append(self.rfile.read(int(length)) if length else self.chunks())
            self.send_response(200)
            self.end_headers()

        def chunks(self) -> bytes:
            body = b""
            while length := int(self.rfile.readline() or b"0", 16):
                body += self.rfile.read(length)
                self.rfile.readline()
            return body

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    bodies: list[bytes] = []
    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        http.bodies = bodies  # type: ignore[attr-defined]
        thread = Thread(target=http.serve_forever)
        thread.start()
        yield http
        http.shutdown()
        thread.join()


@pytest.mark.parametrize("has_length", [False, True])
def test_http_body(server: HTTPServer, has_length: bool) -> None:
    source = reader()
    connection = HTTPConnection("127.0.0.1", server.server_port)
    headers = {"Content-Length": str(source.length)} if has_length else {}
    connection.request("PUT", "/", source, headers)
    connection.getresponse().close()
    connection.close()
    (body,) = server.bodies  # type: ignore[attr-defined]
    assert opened(body) == DATA


def test_http_body_that_fails(server: HTTPServer) -> None:
    connection = HTTPConnection("127.0.0.1", server.server_port)
    with pytest.raises(OSError, match="unreadable"):
        connection.request("PUT", "/", libseal.SealReader(Broken(DATA), public_key()))
    connection.close()


@pytest.mark.parametrize("length", [0, 1000, 12 << 20])
def test_s3(kms: LocalKms, length: int) -> None:
    s3 = kms.s3
    s3.create_bucket(Bucket="uploads")
    data = bytes(length)
    with reader(data) as source:
        s3.upload_fileobj(source, "uploads", "sealed", Config=TransferConfig(use_threads=False))
    assert opened(s3.get_object(Bucket="uploads", Key="sealed")["Body"].read()) == data
    with reader(data) as source, pytest.raises(io.UnsupportedOperation, match="upload_fileobj"):
        s3.put_object(Bucket="uploads", Key="other", Body=source)


def test_s3_after_a_failure(kms: LocalKms) -> None:
    s3 = kms.s3
    s3.create_bucket(Bucket="failing")
    for length in (1000, 12 << 20):
        with pytest.raises(OSError, match="unreadable"):
            s3.upload_fileobj(
                libseal.SealReader(Broken(bytes(length)), public_key()), "failing", "sealed"
            )
    assert "Contents" not in s3.list_objects_v2(Bucket="failing")
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="failing")


PROGRAM = """
import resource, sys
from pathlib import Path
import libseal
path, key = Path(sys.argv[1]), libseal.PublicKey(Path(sys.argv[2]).read_bytes())

def take():
    with path.open("rb") as file, libseal.SealReader(file, key) as source:
        while source.read(65536):
            pass

def peak():
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes if sys.platform == "darwin" else kilobytes * 1024

path.write_bytes(bytes(1 << 20))
take()
before = peak()
with path.open("r+b") as file:
    file.truncate(256 << 20)
take()
print(peak() - before)
"""


def test_memory(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-c",
        PROGRAM,
        str(tmp_path / "plain"),
        str(KEYS / "rsa-2048.pub.der"),
    ]
    grown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert int(grown) < 4 << 20
