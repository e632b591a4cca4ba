"""An argument of the wrong type is refused at once: its name, what is expected, what came."""

from __future__ import annotations

import asyncio
import codecs
import io
import tempfile
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock

import boto3
import pytest

import libseal
from support import public_key, unwrapper

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MESSAGE = libseal.seal(public_key(), b"data")
HEADER = libseal.inspect(MESSAGE)


async def asynchronous(_: libseal.WrappedKey) -> bytes:
    return b""


def returns_a_coroutine(wrapped_key: libseal.WrappedKey) -> Any:
    return asynchronous(wrapped_key)


class AsyncCall:
    async def __call__(self, _: libseal.WrappedKey) -> bytes:
        return b""


class AsyncUnwrapKeys:
    async def unwrap_keys(self, _: tuple[libseal.WrappedKey, ...]) -> bytes:
        return b""


class AsyncFile:
    async def write(self, data: bytes) -> int:
        return len(data)

    async def read(self, size: int) -> bytes:
        return b"x" * size


def boto3_client(service: str) -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload]
        region_name="eu-west-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )


def check(call: Callable[[], object], words: str, error: type[Exception] = TypeError) -> None:
    with pytest.raises(error, match=words):
        call()


@pytest.mark.parametrize("recipients", ["pem", b"pem", bytearray(3), ["pem"]])
def test_keys_that_are_not_read_yet(recipients: Any) -> None:
    words = r"libseal\.Recipient, not \w+: libseal\.PublicKey\(\) makes one of a key in PEM or DER"
    check(lambda: libseal.seal(recipients, b""), words)
    check(lambda: libseal.SealWriter(io.BytesIO(), recipients), words)


@pytest.mark.parametrize("value", [None, 7, b"id", {"device": "42"}])
def test_text(value: Any) -> None:
    given = type(value).__name__
    check(lambda: libseal.Recipient(public_key(), value), f"^key_id must be str, not {given}")
    check(
        lambda: libseal.Recipient(public_key(), "id", value),
        f"^algorithm must be str, not {given}",
    )
    check(
        lambda: libseal.WrappedKey(value, bytes(32), "", b""),
        f"^algorithm must be str, not {given}",
    )
    check(
        lambda: libseal.WrappedKey("RSAES_OAEP_SHA_256", bytes(32), value, b""),
        f"^key_id must be str, not {given}",
    )


def test_objects_of_ours() -> None:
    wrong: Any = b"bytes"
    check(lambda: libseal.Recipient(wrong), r"key must be a libseal\.PublicKey, not bytes")
    check(lambda: unwrapper()(wrong), r"wrapped_key must be a libseal\.WrappedKey, not bytes")
    for with_key in (
        lambda: libseal.Unsealer.with_key(wrong, bytes(32)),
        lambda: libseal.Reading.with_key(wrong, bytes(32)),
        lambda: libseal.UnsealReader.with_key(io.BytesIO(), wrong, bytes(32)),
    ):
        check(with_key, r"header must be a libseal\.Header, not bytes")


@pytest.mark.parametrize("threads", [True, False, "2", 1.5])
def test_threads(threads: Any) -> None:
    words = f"threads must be an int or None, not {type(threads).__name__}"
    check(lambda: libseal.seal(public_key(), b"", threads=threads), words)
    check(lambda: libseal.Unsealer(threads=threads), words)


UNWRAPPERS: list[tuple[Any, str]] = [
    (None, "unwrap must be callable or have a method unwrap_keys, not NoneType"),
    ("pem", "unwrap must be callable or have a method unwrap_keys, not str"),
    ([7], "each of unwrap must be callable or have a method unwrap_keys, not int"),
    (asynchronous, r"unwrap must not be asynchronous here: .*libseal\.aio"),
    ([asynchronous], "must not be asynchronous"),
    (AsyncCall(), "must not be asynchronous"),
    (AsyncCall().__call__, "must not be asynchronous"),
    (AsyncUnwrapKeys(), "must not be asynchronous"),
    (libseal.LocalUnwrapper, "not the class LocalUnwrapper: make an object of it"),
    (libseal.aws.KmsUnwrapper, "not the class KmsUnwrapper: make an object of it"),
    (boto3_client("kms"), r"not KMS: libseal\.aws\.KmsUnwrapper makes one of a KMS client"),
    (boto3_client("s3"), "unwrap_keys, not S3"),
]


@pytest.mark.parametrize(("unwrap", "words"), UNWRAPPERS)
def test_unwrap(unwrap: Any, words: str, tmp_path: Path) -> None:
    check(lambda: libseal.unseal(MESSAGE, unwrap), words)
    # Before anything is read.
    check(lambda: libseal.UnsealReader(io.BytesIO(), unwrap), words)
    check(lambda: libseal.unseal_file(tmp_path / "missing", tmp_path / "out", unwrap), words)


def test_unwrap_that_returns_a_coroutine() -> None:
    for unwrap in (returns_a_coroutine, [returns_a_coroutine]):
        with pytest.raises(libseal.KeyUnwrapError) as refused:
            libseal.unseal(MESSAGE, unwrap)
        assert "must not be asynchronous" in str(refused.value.__cause__)


def test_unwrap_that_is_a_mock() -> None:
    data_key = unwrapper()(libseal.inspect(MESSAGE).wrapped_keys[0])
    assert libseal.unseal(MESSAGE, MagicMock(return_value=data_key)) == b"data"


def test_file_objects(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(MESSAGE)
    with (
        path.open() as text,
        codecs.open(str(path), encoding="utf-8") as codec,
        tempfile.NamedTemporaryFile("w") as temporary,
    ):
        for value, words in (
            (str(path), r"a file object with .*, not str: open\(path, '[rw]b'\) makes one"),
            (path, "a file object with .*, not PosixPath: open"),
            (MESSAGE, r"a file object with .*, not bytes: io\.BytesIO\(\) makes one"),
            (None, "a file object with a method (read|write), not NoneType"),
            (io.BytesIO, "a file object with a method (read|write), not type"),
            (public_key(), "a file object with a method (read|write), not PublicKey"),
            (text, "a binary file object, not one for text, TextIOWrapper: open it with mode"),
            (io.StringIO(), "a binary file object, not one for text, StringIO"),
            (codec, "a binary file object, not one for text, StreamReaderWriter"),
            (temporary, "a binary file object, not one for text, _TemporaryFileWrapper"),
        ):
            wrong: Any = value
            calls: list[Callable[[], object]] = [
                lambda: libseal.SealWriter(wrong, public_key()),  # noqa: B023
                lambda: libseal.SealTextWriter(wrong, public_key()),  # noqa: B023
                lambda: libseal.UnsealReader(wrong, unwrapper()),  # noqa: B023
                lambda: libseal.UnsealReader.with_key(wrong, HEADER, bytes(32)),  # noqa: B023
            ]
            for call in calls:
                check(call, f"^fileobj must be {words}")
    assert path.read_bytes() == MESSAGE


def test_file_objects_that_are_paths_too() -> None:
    class File(io.BytesIO):
        def __fspath__(self) -> str:
            return "path"

    file = File()
    with libseal.SealWriter(file, public_key()) as writer:
        writer.write(b"data")
    file.seek(0)
    assert libseal.UnsealReader(file, unwrapper()).read() == b"data"


def test_file_objects_that_are_not_open_for_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(MESSAGE)
    for buffering in (-1, 0):
        with path.open("rb", buffering) as file:
            check(
                lambda: libseal.SealWriter(file, public_key()),
                "fileobj is not open for writing",
                io.UnsupportedOperation,
            )
        with path.open("ab", buffering) as file:
            check(
                lambda: libseal.UnsealReader(file, unwrapper()),
                "fileobj is not open for reading",
                io.UnsupportedOperation,
            )
    check(lambda: libseal.SealWriter(file, public_key()), "closed file", ValueError)
    check(lambda: libseal.UnsealReader(file, unwrapper()), "closed file", ValueError)


def test_asynchronous_file_objects() -> None:
    wrong: Any = AsyncFile()
    check(
        lambda: libseal.SealWriter(wrong, public_key()),
        r"write\(\) of fileobj must return an int, not an awaitable: .*libseal\.aio",
    )
    check(
        lambda: libseal.UnsealReader(wrong, unwrapper()),
        r"read\(\) of fileobj must return bytes, not an awaitable: .*libseal\.aio",
    )


@pytest.mark.parametrize("path", [None, 7, b"path", io.BytesIO(), public_key()])
def test_paths(path: Any, tmp_path: Path) -> None:
    plain, sealed = tmp_path / "plain", tmp_path / "sealed"
    plain.write_bytes(b"data")
    sealed.write_bytes(MESSAGE)
    given = type(path).__name__
    for name, call in (
        ("src", lambda: libseal.seal_file(public_key(), path, tmp_path / "out")),
        ("dst", lambda: libseal.seal_file(public_key(), plain, path)),
        ("src", lambda: libseal.unseal_file(path, tmp_path / "out", unwrapper())),
        ("dst", lambda: libseal.unseal_file(sealed, path, unwrapper())),
    ):
        check(call, rf"^{name} must be a path, str or os\.PathLike, not {given}")
    assert sorted(tmp_path.iterdir()) == [plain, sealed]


def test_progress(tmp_path: Path) -> None:
    progress: Any = "bar"
    words = "progress must be callable or None, not str"
    missing = tmp_path / "missing"
    check(lambda: libseal.seal_file(public_key(), missing, missing, progress=progress), words)
    check(lambda: libseal.unseal_file(missing, missing, unwrapper(), progress=progress), words)


class AsyncKms:
    """As aiobotocore's clients: the methods are functions, and what they call is not."""

    def get_public_key(self, **arguments: str) -> Any:
        return self._make_api_call("GetPublicKey", arguments)

    def decrypt(self, **arguments: str) -> Any:
        return self._make_api_call("Decrypt", arguments)

    async def _make_api_call(self, name: str, arguments: dict[str, str]) -> None:
        await asyncio.sleep(0)


class AsyncDecrypt:
    async def get_public_key(self, **_: str) -> None:
        pass

    async def decrypt(self, **_: str) -> None:
        pass


@pytest.mark.parametrize("client", [AsyncKms(), AsyncDecrypt()])
def test_asynchronous_kms_clients(client: Any) -> None:
    words = rf"client must be synchronous, not {type(client).__name__}: .*AsyncKmsUnwrapper"
    check(lambda: libseal.aws.KmsUnwrapper(client, ["a"]), words)
    check(lambda: libseal.aws.public_key(client, "a"), words)


NO_CLIENTS: list[Any] = [
    boto3_client("s3"), boto3, boto3.Session(), "kms", None
]  # fmt: skip


@pytest.mark.parametrize("client", NO_CLIENTS)
def test_what_is_no_kms_client(client: Any) -> None:
    given = type(client).__name__
    words = (
        r'client must be a KMS client, such as boto3\.client\("kms"\), '
        f"or a function that makes one, not {given}"
    )
    check(lambda: libseal.aws.KmsUnwrapper(client, ["a"]), words)
    check(lambda: libseal.aws.public_key(client, "a"), words)


def test_clients_that_are_mocks() -> None:
    libseal.aws.KmsUnwrapper(MagicMock(), ["a"])


@pytest.mark.parametrize("keys", [None, 7, b"alias/a"])
def test_names_of_kms_keys(keys: Any) -> None:
    client = boto3_client("kms")
    given = type(keys).__name__
    check(
        lambda: libseal.aws.KmsUnwrapper(client, keys),
        f"keys must be str, an iterable of str, or a mapping .*, not {given}",
    )
    check(
        lambda: libseal.aws.KmsUnwrapper(client, [keys]), f"each of keys must be str, not {given}"
    )
    check(lambda: libseal.aws.public_key(client, keys), f"key_id must be str, not {given}")
