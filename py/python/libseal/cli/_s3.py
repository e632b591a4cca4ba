"""Objects in S3: read as a stream, written by an upload that is whole or aborted."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Semaphore
from typing import IO, TYPE_CHECKING, Any

import click

from ._aws import client
from ._failures import ExitCode, Failure
from ._places import Advance, Reader, pieces

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# S3 takes no more parts, and none that is shorter but the last.
MAX_PARTS = 10_000
PART_LEN = 8 * 1024 * 1024
# Of what has no known length, such as a pipe: up to 312 GiB.
PART_LEN_OF_UNKNOWN = 32 * 1024 * 1024
# Parts under way at a time, each of which is in memory.
CONCURRENCY = 4
# Of what was read and is not part of a part yet.
PIECES_READ_AHEAD = 2

NOT_FOUND, FORBIDDEN = 404, 403

_ENDS_OF_UPLOADS = ("PutObject", "CompleteMultipartUpload")
_EXISTS = "exists: add --force to replace it"


_client: "list[S3Client]" = []


def s3_client() -> "S3Client":
    """Make the client, once. Raises click.UsageError if there is no boto3."""
    if not _client:
        _client.append(client("s3"))
    return _client[0]


class Object:
    """An object, which need not exist."""

    def __init__(self, bucket: str, key: str, length: int | None = None) -> None:
        self.bucket = bucket
        self.key = key
        self.name = f"s3://{bucket}/{key}"
        self._length = length
        self._replaces = False

    @classmethod
    def at(cls, name: str) -> "Object":
        """Make one of ``s3://bucket/key``."""
        bucket, _, key = name.removeprefix("s3://").partition("/")
        if not bucket or not key:
            raise click.UsageError(f"{name} names no object: give s3://bucket/key")
        if key.endswith("/"):
            raise click.UsageError(
                f"{name} names no object: add --recursive for all that is below it"
            )
        return cls(bucket, key)

    @classmethod
    def below(cls, name: str) -> "Iterator[tuple[Object, str]]":
        """Find all objects below ``s3://bucket/prefix/``, with their names below that."""
        bucket, _, prefix = name.removeprefix("s3://").partition("/")
        pages = s3_client().get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=bucket, Prefix=prefix):
            for found in page.get("Contents", ()):
                relative = found["Key"].removeprefix(prefix)
                # Consoles make empty objects that stand for folders.
                if relative and not relative.endswith("/"):
                    yield cls(bucket, found["Key"], found["Size"]), relative

    @property
    def identity(self) -> object:
        """Bucket and key."""
        return self.bucket, self.key

    def size(self) -> int | None:
        """Length of the object, which S3 is asked for unless it was listed."""
        if self._length is None:
            try:
                head = s3_client().head_object(Bucket=self.bucket, Key=self.key)
            except Exception:  # Reading it will say what is wrong.
                return None
            self._length = head["ContentLength"]
        return self._length

    def status(self) -> None:
        """Nothing to pass on."""

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """Get the object as a stream."""
        body: Any = s3_client().get_object(Bucket=self.bucket, Key=self.key)["Body"]
        with body:
            yield body

    def check(self, *, force: bool) -> None:
        """Refuse an object that exists, unless forced to replace it."""
        self._replaces = force
        if force:
            return
        try:
            s3_client().head_object(Bucket=self.bucket, Key=self.key)
        except Exception as error:
            # Who may only put objects cannot ask. Then S3 refuses the upload.
            if _status_of(error) in {NOT_FOUND, FORBIDDEN}:
                return
            raise
        raise Failure(f"{self.name} {_EXISTS}", ExitCode.IO)

    def receive(self, reader: Reader, advance: Advance, like: os.stat_result | None = None) -> int:  # noqa: ARG002
        """Upload all that the reader gives. If that fails, the upload is aborted."""
        from boto3.s3.transfer import TransferConfig, create_transfer_manager  # noqa: PLC0415

        length = getattr(reader, "length", None)
        part_len = PART_LEN_OF_UNKNOWN
        if length is not None:
            part_len = max(PART_LEN, -(-length // MAX_PARTS))
        config: Any = TransferConfig(
            multipart_threshold=PART_LEN,
            multipart_chunksize=part_len,
            max_concurrency=CONCURRENCY,
            preferred_transfer_client="classic",
        )
        # How many parts are in memory at a time. It is no argument of boto3's class.
        config.max_in_memory_upload_chunks = CONCURRENCY
        handover = _Handover()
        length = 0
        with (
            _replacing_nothing(unless=self._replaces),
            create_transfer_manager(s3_client(), config) as manager,
        ):
            # A buffered one, as parts must not be shorter than boto3 asks for.
            upload: Any = manager.upload(io.BufferedReader(handover), self.bucket, self.key)
            try:
                for piece in pieces(reader):
                    handover.put(piece, upload)
                    length += len(piece)
                    advance(len(piece))
                handover.end()
                upload.result()
            except BaseException:
                handover.abort()
                raise
        return length


@contextmanager
def _replacing_nothing(*, unless: bool) -> Iterator[None]:
    """Have S3 itself refuse an upload in the place of an object, also of one made meanwhile."""
    events = s3_client().meta.events
    # upload_fileobj has no argument for it.
    operations = () if unless else _ENDS_OF_UPLOADS
    names = [f"provide-client-params.s3.{operation}" for operation in operations]
    for name in names:
        events.register(name, _add_condition)
    try:
        yield
    finally:
        for name in names:
            events.unregister(name, _add_condition)


def _add_condition(params: dict[str, Any], model: Any, **_: Any) -> None:
    # Older clients do not have it.
    if "IfNoneMatch" in model.input_shape.members:
        params["IfNoneMatch"] = "*"


class _Handover(io.RawIOBase):
    """Hands what the main thread has read to the threads of boto3, which read it as a file.

    Only the main thread gets signals. So it must be the one that reads, and that says where the end
    is: Ctrl-C ends the other side of a pipe as well, which must not pass for the end of the data.
    """

    def __init__(self) -> None:
        self._pieces: SimpleQueue[bytes | Exception] = SimpleQueue()
        self._room = Semaphore(PIECES_READ_AHEAD)
        self._piece = memoryview(b"")

    def put(self, piece: memoryview, upload: Any) -> None:
        """Hand on a piece. Raises what the upload has failed with."""
        while not self._room.acquire(timeout=0.1):
            if upload.done():
                upload.result()
        self._pieces.put(bytes(piece))

    def end(self) -> None:
        """Say that there is no more."""
        self._pieces.put(b"")

    def abort(self) -> None:
        """Have the upload fail."""
        self._pieces.put(InterruptedError("the source has failed"))

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """As a file does, for a thread of boto3."""
        if not self._piece:
            piece = self._pieces.get()
            if isinstance(piece, Exception) or not piece:
                # boto3 may ask again.
                self._pieces.put(piece)
            if isinstance(piece, Exception):
                raise piece
            self._piece = memoryview(piece)
            self._room.release()
        length = min(len(buffer), len(self._piece))
        buffer[:length] = self._piece[:length]
        self._piece = self._piece[length:]
        return length


def explained(error: BaseException) -> str:
    """One sentence for what boto3 has raised."""
    detail = getattr(error, "response", {}).get("Error", {})
    operation = getattr(error, "operation_name", "")
    code = detail.get("Code", "")
    if code in {"PreconditionFailed", "ConditionalRequestConflict"}:
        return f"the object {_EXISTS}"
    if code:
        text = f"S3 {operation}: {code}: {detail.get('Message', '')}".removesuffix(": ")
        if code in {"AccessDenied", "403"}:
            text += f"; check the credentials, and that they allow s3:{operation}"
        if code == "NoSuchKey":
            text += " For all objects below it, end the name with a slash and give --recursive."
        return text
    if type(error).__name__ == "NoCredentialsError":
        return "there are no AWS credentials: set them up as for the AWS CLI"
    return f"{type(error).__name__}: {error}"


def _status_of(error: Exception) -> int | None:
    response = getattr(error, "response", {})
    status: int | None = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return status
