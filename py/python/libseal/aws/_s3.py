"""Other recipients for a message in S3."""

import errno
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from contextlib import suppress
from typing import Any, Protocol, runtime_checkable

from .._arguments import check_progress
from .._errors import SealError
from .._libseal import MAX_HEADER_LEN, Header, WrappedKey, check_unwrap
from .._rewrap import remembering
from .._types import Progress, Recipients, Unwrap

# S3 takes no shorter parts, but for the last one.
MIN_PART_LEN = 5 << 20
# Up to here an object is fetched and put as a whole.
MAX_WHOLE_LEN = 8 << 20
# What one request copies; longer for what would have more than MAX_PARTS of them.
COPY_LEN = 512 << 20
MAX_PARTS = 10_000
# Fewer than a client of boto3 has connections.
THREADS = 8

# What S3 says about an object that can be said of the new one.
KEPT = (
    "BucketKeyEnabled",
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
    "Metadata",
    "ObjectLockLegalHoldStatus",
    "ObjectLockMode",
    "ObjectLockRetainUntilDate",
    "SSEKMSKeyId",
    "ServerSideEncryption",
    "StorageClass",
    "WebsiteRedirectLocation",
)


@runtime_checkable
class S3Client(Protocol):
    """What is needed of a client: ``boto3.client("s3")`` is one."""

    @property
    def get_object(self) -> Callable[..., Mapping[str, Any]]:
        """The S3 operation GetObject."""

    @property
    def put_object(self) -> Callable[..., Mapping[str, Any]]:
        """The S3 operation PutObject."""

    @property
    def head_object(self) -> Callable[..., Mapping[str, Any]]:
        """The S3 operation HeadObject."""

    @property
    def get_object_tagging(self) -> Callable[..., Mapping[str, Any]]:
        """The S3 operation GetObjectTagging."""

    @property
    def create_multipart_upload(self) -> Callable[..., Mapping[str, Any]]:
        """The S3 operation CreateMultipartUpload."""

    @property
    def upload_part(self) -> Callable[..., Mapping[str, Any]]:
        """The S3 operation UploadPart."""

    @property
    def upload_part_copy(self) -> Callable[..., Mapping[str, Any]]:
        """The S3 operation UploadPartCopy."""

    @property
    def complete_multipart_upload(self) -> Callable[..., Mapping[str, Any]]:
        """The S3 operation CompleteMultipartUpload."""

    @property
    def abort_multipart_upload(self) -> Callable[..., Mapping[str, Any]]:
        """The S3 operation AbortMultipartUpload."""


def rewrap_object(
    s3_client: S3Client,
    bucket: str,
    key: str,
    unwrap: Unwrap,
    recipients: Recipients = (),
    *,
    keep: bool | Callable[[WrappedKey], object] = False,
    progress: Progress | None = None,
    headers: MutableMapping[Header, Header] | None = None,
) -> Header:
    """Give the message in an S3 object other recipients, and return its new header.

    It takes one call of ``unwrap``, for the data key, which is wrapped anew: messages that shared a
    wrapped key no longer do. The payload is not decrypted, and not verified either. For
    ``recipients`` and ``keep`` see ``Header.rewrap``: by default, the new recipients replace the
    old ones.

    Of an object of more than 8 MiB, only the first 5 MiB are fetched and sent; S3 copies the rest
    itself, in parts of 512 MiB or more, eight at a time. A shorter object is fetched and put.

    The object is replaced as a whole, when all of it is there, and only if it is still the one
    whose header was read: else OSError says that it was replaced meanwhile. S3 checks that itself
    (``If-Match``). Where a server or an old client has no such condition, libseal looks just
    before, which leaves an instant unchecked. After any failure the object is as it was, and
    nothing is left of the upload.

    Kept are the metadata, the content type and what else is like it (encoding, disposition,
    language, cache control, expiry date, redirection), storage class, encryption settings, object
    lock and, with the permission ``s3:GetObjectTagging``, the tags. Not kept are ACLs, the date,
    the ETag, and a checksum algorithm of your choice. Lifecycle rules count from now. Objects
    encrypted with a key of yours (SSE-C) and archived ones cannot be read, so S3 refuses.

    In a bucket with versions this makes a new one. The old versions can be opened by the old
    recipients as before.

    It takes the permissions ``s3:GetObject``, ``s3:PutObject`` and ``s3:AbortMultipartUpload``, and
    with tags ``s3:PutObjectTagging``.

    Messages of one ``SealingKey`` have the same header, so whoever reads many of them asks the KMS
    once. For that to stay so, give all calls the same dict as ``headers``, as in ``rewrap_file``.

    ``progress`` is called with the number of bytes of the object processed since the last call. For
    ``unwrap`` and what is raised, besides exceptions of the client, see ``unseal``. LimitError if
    no recipient is left, or too many.
    """
    _check_client(s3_client)
    check_unwrap(unwrap)
    check_progress(progress)
    return replace_header(
        s3_client,
        bucket,
        key,
        remembering(lambda old: old.rewrap(unwrap, recipients, keep=keep), headers),
        progress,
    )


def replace_header(
    s3_client: S3Client,
    bucket: str,
    key: str,
    change: Callable[[Header], Header],
    progress: Progress | None,
) -> Header:
    """Put the header that ``change`` returns in the place of the old one, unless it is the same."""
    source = _Object(s3_client, bucket, key)
    beginning = source.beginning(MAX_HEADER_LEN)
    try:
        old = Header(beginning)
        new = change(old)
    except SealError as error:
        error.add_note(f"in the object {source.name}")
        raise
    advance = progress or (lambda _: None)
    if new == old:
        advance(source.length)
    elif source.length <= MAX_WHOLE_LEN:
        rest = source.rest_of(beginning, source.length)
        advance(source.length)
        body = bytes(new) + rest[old.length :]
        source.replace(s3_client.put_object, "PutObject", Body=body, **source.properties())
    else:
        first = source.rest_of(beginning, old.length + MIN_PART_LEN)
        _upload(source, bytes(new) + first[old.length :], len(first), advance)
    return new


class _Object:
    """An object as it was when its beginning was read."""

    def __init__(self, client: S3Client, bucket: str, key: str) -> None:
        self.client = client
        self.place = {"Bucket": bucket, "Key": key}
        self.name = f"s3://{bucket}/{key}"
        self.length = 0
        self._status: Mapping[str, Any] = {}

    def beginning(self, length: int) -> bytes:
        """The first bytes of the object, or fewer if there are no more."""
        try:
            status = self.client.get_object(**self.place, Range=f"bytes=0-{length - 1}")
        except Exception as error:
            if _code(error) == "InvalidRange":  # It is empty.
                return b""
            raise
        data: bytes = status["Body"].read()
        self._status = status
        self.length = int(status.get("ContentRange", f"/{len(data)}").rpartition("/")[2])
        return data

    def rest_of(self, data: bytes, stop: int) -> bytes:
        """``data``, the beginning, continued up to ``stop``, or shortened."""
        if len(data) >= stop:
            return data[:stop]
        try:
            more = self.client.get_object(
                **self.place, IfMatch=self.etag, Range=f"bytes={len(data)}-{stop - 1}"
            )
        except Exception as error:
            self._check_still_there(error)
            raise
        data += more["Body"].read()
        if len(data) != stop:
            raise OSError(errno.EIO, "the server did not return the range asked for", self.name)
        return data

    @property
    def etag(self) -> str:
        etag: str = self._status["ETag"]
        return etag

    def properties(self) -> dict[str, Any]:
        """The arguments that make another object like this one."""
        properties = {name: self._status[name] for name in KEPT if self._status.get(name)}
        until = properties.get("ObjectLockRetainUntilDate")
        # S3 takes none that has passed.
        if until is not None and until <= type(until).now(until.tzinfo):
            del properties["ObjectLockRetainUntilDate"], properties["ObjectLockMode"]
        if self._status.get("TagCount"):
            from urllib.parse import urlencode  # noqa: PLC0415 (only tags need it)

            tags = self.client.get_object_tagging(**self.place)["TagSet"]
            properties["Tagging"] = urlencode([(tag["Key"], tag["Value"]) for tag in tags])
        return properties

    def copy(self, upload: Mapping[str, str], number: int, offsets: range) -> dict[str, Any]:
        """Have S3 copy a part of this object. Returns what completing the upload takes."""
        try:
            copied = self.client.upload_part_copy(
                **upload,
                PartNumber=number,
                CopySource=self.place,
                CopySourceIfMatch=self.etag,
                CopySourceRange=f"bytes={offsets.start}-{offsets.stop - 1}",
            )
        except Exception as error:
            self._check_still_there(error)
            raise
        return _part(number, copied["CopyPartResult"])

    def replace(
        self, operation: Callable[..., Mapping[str, Any]], name: str, **arguments: Any
    ) -> None:
        """Put another object here, if this one is still here."""
        if _takes_condition(self.client, name):
            try:
                operation(**self.place, **arguments, IfMatch=self.etag)
            except Exception as error:
                self._check_still_there(error)
                if _code(error) != "NotImplemented":
                    raise
            else:
                return
        try:
            is_same = self.client.head_object(**self.place)["ETag"] == self.etag
        except Exception as error:
            self._check_still_there(error)
            raise
        if not is_same:
            raise self._replaced()
        operation(**self.place, **arguments)

    def _check_still_there(self, error: Exception) -> None:
        gone = ("404", "412", "ConditionalRequestConflict", "NoSuchKey", "PreconditionFailed")
        if _code(error) in gone:
            raise self._replaced() from error

    def _replaced(self) -> OSError:
        message = "the object was replaced or deleted while it was being rewrapped: look again"
        return OSError(errno.EBUSY, message, self.name)


def _upload(
    source: _Object, first: bytes, first_len: int, advance: Callable[[int], object]
) -> None:
    """Replace the object by ``first`` and what comes after its first ``first_len`` bytes."""
    client = source.client
    created = client.create_multipart_upload(**source.place, **source.properties())
    upload = source.place | {"UploadId": created["UploadId"]}
    try:
        parts = [_part(1, client.upload_part(**upload, PartNumber=1, Body=first))]
        advance(first_len)
        parts += _copied(source, upload, _ranges(first_len, source.length), advance)
        source.replace(
            client.complete_multipart_upload,
            "CompleteMultipartUpload",
            UploadId=upload["UploadId"],
            MultipartUpload={"Parts": parts},
        )
    except BaseException as error:
        try:
            client.abort_multipart_upload(**upload)
        except Exception as failed:
            error.add_note(
                f"the multipart upload {upload['UploadId']} of {source.name} could not be aborted "
                f"({failed}), and its parts cost money until it is"
            )
        raise


def _ranges(start: int, stop: int) -> list[range]:
    length = max(COPY_LEN, -((start - stop) // (MAX_PARTS - 1)))
    return [range(begin, min(begin + length, stop)) for begin in range(start, stop, length)]


def _copied(
    source: _Object,
    upload: Mapping[str, str],
    ranges: Sequence[range],
    advance: Callable[[int], object],
) -> list[dict[str, Any]]:
    """Have S3 copy what comes after the first part."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 (importing it takes 5 ms)

    parts = []
    with ThreadPoolExecutor(min(THREADS, len(ranges)), "libseal-s3") as pool:
        copies = [
            pool.submit(source.copy, upload, number, offsets)
            for number, offsets in enumerate(ranges, 2)
        ]
        try:
            for copy, offsets in zip(copies, ranges, strict=True):
                parts.append(copy.result())
                advance(len(offsets))
        except BaseException:
            # Those under way are waited for: aborting the upload takes away only what is there.
            pool.shutdown(cancel_futures=True)
            raise
    return parts


def _part(number: int, result: Mapping[str, Any]) -> dict[str, Any]:
    checksums = {
        name: value
        for name, value in result.items()
        if name.startswith("Checksum") and name != "ChecksumType"
    }
    return {"PartNumber": number, "ETag": result["ETag"], **checksums}


def _code(error: Exception) -> str:
    """The code of a ClientError of botocore, which need not be installed."""
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code")) if isinstance(response, dict) else ""


def _takes_condition(client: Any, operation: str) -> bool:
    """Whether the client, which may be older than the condition, has it."""
    with suppress(AttributeError):
        shape = client.meta.service_model.operation_model(operation).input_shape
        return "IfMatch" in shape.members
    return True


def _check_client(client: object) -> None:
    from inspect import iscoroutinefunction  # noqa: PLC0415 (importing it takes 5 ms)

    given = type(client).__name__
    if not isinstance(client, S3Client):
        message = f's3_client must be an S3 client, such as boto3.client("s3"), not {given}'
        raise TypeError(message)
    # In aiobotocore, it is not get_object that is an async function, but what that calls.
    calls = (getattr(client, name, None) for name in ("get_object", "_make_api_call"))
    if any(map(iscoroutinefunction, calls)):
        message = f's3_client must be synchronous, such as boto3.client("s3"), not {given}'
        raise TypeError(message)
