"""libseal.aws.rewrap_object: only the beginning moves, and nothing is mixed or left behind."""

from __future__ import annotations

import errno
import hashlib
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import boto3
import pytest
from botocore.exceptions import ClientError

import libseal
from libseal.aws import rewrap_object
from libseal.aws._s3 import _ranges
from support import holds_nothing, public_key, unwrapper
from tests.kms.ministack import access

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_s3 import S3Client

    from tests.kms.ministack import LocalKms

BUCKET, VERSIONED = "rewrap", "rewrap-versioned"
MIB = 1 << 20
SMALL, MEDIUM, LARGE = 1000, 3 * MIB, 20 * MIB

every_size = pytest.mark.parametrize("size", [SMALL, MEDIUM, LARGE])


def data_of(size: int) -> bytes:
    return hashlib.sha256(b"data").digest() * (size // 32 + 1)


@pytest.fixture(scope="module")
def made(kms: LocalKms) -> LocalKms:
    s3 = kms.s3
    s3.create_bucket(Bucket=BUCKET)
    s3.create_bucket(Bucket=VERSIONED)
    s3.put_bucket_versioning(Bucket=VERSIONED, VersioningConfiguration={"Status": "Enabled"})
    return kms


@pytest.fixture
def s3(made: LocalKms) -> Iterator[S3Client]:
    s3 = made.s3
    yield s3
    for bucket in (BUCKET, VERSIONED):
        assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


class Log:
    """What a client sends and gets."""

    def __init__(self, s3: S3Client) -> None:
        self.operations: list[str] = []
        self.parameters: list[dict[str, Any]] = []
        self.sent = 0
        self.received = 0
        events = s3.meta.events
        events.register("provide-client-params.s3.*", self.note)
        events.register("before-send.s3.*", self.note_request)
        events.register("after-call.s3.GetObject", self.note_response)

    def note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        self.operations.append(model.name)
        self.parameters.append(params)

    def note_request(self, request: Any, **_: Any) -> None:
        self.sent += int(request.headers.get("Content-Length", 0))

    def note_response(self, parsed: dict[str, Any], **_: Any) -> None:
        self.received += parsed.get("ContentLength", 0)


def put(s3: S3Client, size: int, bucket: str = BUCKET, **arguments: Any) -> bytes:
    message = libseal.seal(public_key(), data_of(size), context={"device": "42"})
    s3.put_object(Bucket=bucket, Key="a/b c.sealed", Body=message, **arguments)
    return message


def get(s3: S3Client, bucket: str = BUCKET, **arguments: Any) -> bytes:
    return s3.get_object(Bucket=bucket, Key="a/b c.sealed", **arguments)["Body"].read()


def rewrap(s3: Any, name: str = "rsa-3072", bucket: str = BUCKET, **arguments: Any) -> Any:
    defaults: dict[str, Any] = {"unwrap": unwrapper(), "recipients": public_key(name)}
    return rewrap_object(s3, bucket, "a/b c.sealed", **(defaults | arguments))


@every_size
@pytest.mark.parametrize("name", ["rsa-2048-b", "rsa-3072"])
def test_the_new_key_opens_it_and_the_old_one_does_not(s3: S3Client, size: int, name: str) -> None:
    message = put(s3, size)
    seen: list[int] = []
    header = rewrap(s3, name, progress=seen.append)
    assert sum(seen) == len(message)
    new = get(s3)
    assert libseal.inspect(new) == header
    assert new[header.length :] == message[libseal.Header(message).length :]
    assert libseal.unseal(new, unwrapper(name)) == data_of(size)
    with pytest.raises(libseal.NoMatchingRecipientError):
        libseal.unseal(new, unwrapper())


@pytest.mark.parametrize("size", [8 * MIB - 9000, 8 * MIB, 5 * MIB, 65_000])
def test_sizes_between(s3: S3Client, size: int) -> None:
    put(s3, size)
    rewrap(s3)
    assert libseal.unseal(get(s3), unwrapper("rsa-3072")) == data_of(size)


@pytest.mark.parametrize(
    ("size", "operations", "moved"),
    [
        (SMALL, ["GetObject", "PutObject"], 70_000),
        (MEDIUM, ["GetObject", "GetObject", "PutObject"], 3.1 * MIB),
        (
            LARGE,
            [
                "GetObject",
                "GetObject",
                "CreateMultipartUpload",
                "UploadPart",
                "UploadPartCopy",
                "CompleteMultipartUpload",
            ],
            5.1 * MIB,
        ),
    ],
)
def test_how_much_moves(s3: S3Client, size: int, operations: list[str], moved: float) -> None:
    message = put(s3, size)
    log = Log(s3)
    rewrap(s3)
    assert log.operations == operations
    assert log.received < moved
    assert log.sent < moved
    if size < MEDIUM:
        return
    # Every byte is fetched or copied once.
    assert log.received + sum(map(copied, log.parameters)) == len(message)


def copied(parameters: dict[str, Any]) -> int:
    begin, _, end = parameters.get("CopySourceRange", "bytes=1-0")[6:].partition("-")
    return int(end) - int(begin) + 1


def test_parts(s3: S3Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libseal.aws._s3.COPY_LEN", 5 * MIB)
    message = put(s3, 33 * MIB)
    log, seen = Log(s3), list[int]()
    rewrap(s3, progress=seen.append)
    assert log.operations.count("UploadPartCopy") == 6
    assert sum(seen) == len(message)
    assert len(seen) == 7
    assert libseal.unseal(get(s3), unwrapper("rsa-3072")) == data_of(33 * MIB)


def test_parts_of_the_largest_object() -> None:
    for length in (9 * MIB, 10**9, 10**12, 50 * 10**12):
        ranges = _ranges(5 * MIB, length)
        assert 1 + len(ranges) <= 10_000
        assert ranges[0].start == 5 * MIB
        assert ranges[-1].stop == length
        for offsets, following in pairwise(ranges):
            assert offsets.stop == following.start
            assert 5 * MIB <= len(offsets) <= 5 << 30


def test_one_unwrap_and_nothing_to_do(s3: S3Client) -> None:
    put(s3, LARGE)
    asked = []

    def unwrap(key: libseal.WrappedKey) -> bytes | None:
        asked.append(key)
        return unwrapper()(key)

    log = Log(s3)
    rewrap(s3, unwrap=unwrap, recipients=(), keep=True)
    assert len(asked) == 1
    assert log.operations == ["GetObject"]


def test_messages_of_one_data_key_share_their_new_header(s3: S3Client) -> None:
    names = ["one", "two", "other"]
    shared_key = libseal.SealingKey(public_key())
    messages = [shared_key.seal(b"1"), shared_key.seal(b"2"), libseal.seal(public_key(), b"3")]
    for name, message in zip(names, messages, strict=True):
        s3.put_object(Bucket=BUCKET, Key=name, Body=message)
    asked = []

    def unwrap(key: libseal.WrappedKey) -> bytes | None:
        asked.append(key)
        return unwrapper()(key)

    headers: dict[libseal.Header, libseal.Header] = {}
    new = [
        rewrap_object(s3, BUCKET, name, unwrap, public_key("rsa-3072"), headers=headers)
        for name in names
    ]
    assert len(asked) == 2
    assert new[0] == new[1] != new[2]
    assert headers == {libseal.Header(messages[0]): new[0], libseal.Header(messages[2]): new[2]}
    bodies = [s3.get_object(Bucket=BUCKET, Key=name)["Body"].read() for name in names]
    opened = [libseal.unseal(body, unwrapper("rsa-3072")) for body in bodies]
    assert opened == [b"1", b"2", b"3"]


def test_a_header_that_is_known_takes_no_unwrapper(s3: S3Client) -> None:
    message = put(s3, SMALL)
    old = libseal.Header(message)
    new = old.rewrap(unwrapper(), public_key("rsa-3072"))
    assert rewrap(s3, unwrap=lambda _: None, headers={old: new}) == new
    assert libseal.unseal(get(s3), unwrapper("rsa-3072")) == data_of(SMALL)
    with pytest.raises(libseal.NoMatchingRecipientError):
        rewrap(s3, unwrap=lambda _: None, headers={old: new})


PROPERTIES: dict[str, Any] = {
    "CacheControl": "max-age=60",
    "ContentDisposition": "attachment",
    "ContentEncoding": "identity",
    "ContentLanguage": "de",
    "ContentType": "application/x-sealed",
    "Metadata": {"device": "42", "site": "north"},
    "StorageClass": "STANDARD_IA",
    "ServerSideEncryption": "AES256",
}


@every_size
def test_what_is_kept(s3: S3Client, size: int) -> None:
    expires = datetime(2030, 1, 2, tzinfo=UTC)
    put(s3, size, **PROPERTIES, Expires=expires, Tagging="a=b%20c&d=")
    log = Log(s3)
    rewrap(s3)
    assert libseal.unseal(get(s3), unwrapper("rsa-3072")) == data_of(size)
    status: Any = s3.head_object(Bucket=BUCKET, Key="a/b c.sealed")
    assert {name: status.get(name) for name in PROPERTIES} == PROPERTIES
    assert status["Expires"] == expires
    # MiniStack drops the tags of multipart uploads.
    made = log.operations.index("PutObject" if size < LARGE else "CreateMultipartUpload")
    tags = parse_qs(log.parameters[made]["Tagging"], keep_blank_values=True)
    assert tags == {"a": ["b c"], "d": [""]}


@pytest.mark.parametrize("days", [1, -1])
def test_object_lock(made: LocalKms, days: int) -> None:
    """It is kept, unless it has ended, which S3 would refuse."""
    s3, bucket = made.s3, "rewrap-locked"
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days)
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    put(s3, SMALL, bucket, ObjectLockLegalHoldStatus="ON")
    lock = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": until}
    s3.meta.events.register("after-call.s3.GetObject", lambda parsed, **_: parsed.update(lock))
    log = Log(s3)
    rewrap(s3, bucket=bucket)
    parameters = log.parameters[log.operations.index("PutObject")]
    assert parameters["ObjectLockLegalHoldStatus"] == "ON"
    assert {name: parameters.get(name) for name in lock} == (
        lock if days > 0 else dict.fromkeys(lock)
    )


@every_size
def test_versions(s3: S3Client, size: int) -> None:
    message = put(s3, size, VERSIONED)
    before = s3.head_object(Bucket=VERSIONED, Key="a/b c.sealed")["VersionId"]
    rewrap(s3, bucket=VERSIONED)
    assert libseal.unseal(get(s3, VERSIONED), unwrapper("rsa-3072")) == data_of(size)
    assert get(s3, VERSIONED, VersionId=before) == message


# ---- What goes wrong leaves the object as it is, and nothing else


@every_size
@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"recipients": ()}, libseal.LimitError),
        ({"recipients": [public_key()] * 17}, libseal.LimitError),
        ({"recipients": "key"}, TypeError),
        ({"unwrap": holds_nothing}, libseal.NoMatchingRecipientError),
        ({"unwrap": lambda _: bytes(32)}, libseal.AuthenticationError),
        ({"unwrap": None}, TypeError),
        ({"progress": 1}, TypeError),
        ({"keep": lambda _: 1 / 0}, ZeroDivisionError),
        ({"progress": lambda _: 1 / 0}, ZeroDivisionError),
    ],
)
def test_what_fails(
    s3: S3Client, size: int, arguments: dict[str, Any], error: type[Exception]
) -> None:
    message = put(s3, size)
    with pytest.raises(error) as raised:
        rewrap(s3, **arguments)
    if isinstance(raised.value, libseal.SealError):
        assert raised.value.__notes__ == [f"in the object s3://{BUCKET}/a/b c.sealed"]
    assert get(s3) == message


@pytest.mark.parametrize("content", [b"", b"not a message" * 100, b"SEAL\x01\x01"])
def test_what_is_no_message(s3: S3Client, content: bytes) -> None:
    s3.put_object(Bucket=BUCKET, Key="a/b c.sealed", Body=content)
    with pytest.raises(libseal.FormatError if content[:1] == b"n" else libseal.TruncatedError):
        rewrap(s3)
    assert get(s3) == content


def test_what_is_no_client_or_no_object(s3: S3Client, made: LocalKms) -> None:
    for wrong in (None, "s3", made.client):
        with pytest.raises(TypeError, match="s3_client must be an S3 client"):
            rewrap(wrong)

    class Asynchronous:
        async def _make_api_call(self) -> None: ...

        def __getattr__(self, name: str) -> Callable[..., Any]:
            return lambda **_: None

    with pytest.raises(TypeError, match="must be synchronous"):
        rewrap(Asynchronous())
    with pytest.raises(ClientError, match="NoSuchKey"):
        rewrap_object(s3, BUCKET, "missing", unwrapper(), public_key())
    with pytest.raises(ClientError, match="NoSuchBucket"):
        rewrap_object(s3, "missing", "missing", unwrapper(), public_key())


def before(s3: S3Client, operation: str, action: Callable[[], object], number: int = 1) -> None:
    """Do something before a request is sent."""
    count = 0

    def do(**_: Any) -> None:
        nonlocal count
        count += 1
        if count == number:
            action()

    s3.meta.events.register(f"before-send.s3.{operation}", do)


@pytest.mark.parametrize("bucket", [BUCKET, VERSIONED])
@pytest.mark.parametrize("change", ["replaced", "deleted"])
@pytest.mark.parametrize(
    ("size", "request_number"),
    [
        (SMALL, ("PutObject", 1)),
        (MEDIUM, ("GetObject", 2)),
        (MEDIUM, ("PutObject", 1)),
        (LARGE, ("GetObject", 2)),
        (LARGE, ("CreateMultipartUpload", 1)),
        (LARGE, ("UploadPartCopy", 1)),
        (LARGE, ("CompleteMultipartUpload", 1)),
    ],
)
def test_an_object_that_is_replaced_meanwhile_stays(
    s3: S3Client, bucket: str, change: str, size: int, request_number: tuple[str, int]
) -> None:
    put(s3, size, bucket)
    other = boto3.client("s3", **access(s3.meta.endpoint_url))

    def act() -> None:
        if change == "replaced":
            other.put_object(Bucket=bucket, Key="a/b c.sealed", Body=b"other" * (4 * MIB))
        else:
            other.delete_object(Bucket=bucket, Key="a/b c.sealed")

    operation, number = request_number
    before(s3, operation, act, number)
    with pytest.raises(OSError, match="was replaced or deleted") as raised:
        rewrap(s3, bucket=bucket)
    assert raised.value.errno == errno.EBUSY
    assert raised.value.filename == f"s3://{bucket}/a/b c.sealed"
    if change == "replaced":
        assert get(other, bucket) == b"other" * (4 * MIB)
    else:
        with pytest.raises(ClientError, match="NoSuchKey"):
            get(other, bucket)


@pytest.mark.parametrize(
    "operation",
    ["CreateMultipartUpload", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload"],
)
@pytest.mark.parametrize("error", [OSError("lost"), KeyboardInterrupt()])
def test_a_failure_in_the_middle(
    s3: S3Client, operation: str, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``s3`` looks for what is left of the upload."""
    monkeypatch.setattr("libseal.aws._s3.COPY_LEN", 5 * MIB)

    def fail() -> None:
        raise error

    message = put(s3, LARGE)
    before(s3, operation, fail)
    with pytest.raises(type(error)) as raised:
        rewrap(s3)
    assert raised.value is error
    assert not hasattr(error, "__notes__")
    assert get(s3) == message


def test_an_upload_that_cannot_be_aborted_is_named(s3: S3Client, made: LocalKms) -> None:
    def fail() -> None:
        raise OSError("lost")

    message = put(s3, LARGE)
    before(s3, "UploadPartCopy", fail)
    before(s3, "AbortMultipartUpload", fail)
    with pytest.raises(OSError, match="lost") as raised:
        rewrap(s3)
    assert get(s3) == message
    (upload,) = made.s3.list_multipart_uploads(Bucket=BUCKET)["Uploads"]
    (note,) = raised.value.__notes__
    assert upload["UploadId"] in note
    made.s3.abort_multipart_upload(Bucket=BUCKET, Key="a/b c.sealed", UploadId=upload["UploadId"])


class Unconditional:
    """A client of a server that has no conditions for writing."""

    def __init__(self, s3: S3Client, *, refuses: bool) -> None:
        self.s3 = s3
        self.refuses = refuses
        self.meta = object() if refuses else self

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self.s3, name)
        if name not in {"put_object", "complete_multipart_upload"}:
            return operation

        def call(**arguments: Any) -> Any:
            if "IfMatch" in arguments:
                assert self.refuses
                error: Any = {"Error": {"Code": "NotImplemented"}}
                raise ClientError(error, name)
            return operation(**arguments)

        return call

    @property
    def service_model(self) -> Any:
        return self

    def operation_model(self, name: str) -> Any:
        self.members: dict[str, Any] = {}
        self.input_shape = self
        return self


@every_size
@pytest.mark.parametrize("refuses", [False, True])
def test_without_conditions(s3: S3Client, made: LocalKms, size: int, refuses: bool) -> None:
    put(s3, size)
    rewrap(Unconditional(s3, refuses=refuses))
    assert libseal.unseal(get(s3), unwrapper("rsa-3072")) == data_of(size)

    put(s3, size)
    before(
        s3,
        "HeadObject",
        lambda: made.s3.put_object(Bucket=BUCKET, Key="a/b c.sealed", Body=b"other"),
    )
    with pytest.raises(OSError, match="was replaced"):
        rewrap(Unconditional(s3, refuses=refuses))
    assert get(s3) == b"other"
