"""With the clients and servers that backends have: aiohttp, and aiobotocore against MiniStack."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiobotocore.session import get_session
from aiohttp import web

import libseal
from aio_support import in_pieces, run, unwrap
from libseal import aio
from support import public_key, unwrapper
from tests.kms.ministack import LocalKms, access

DATA = os.urandom(3_000_007)
ALIAS = "alias/aio"
BUCKET = "aio"


@asynccontextmanager
async def serving(handler: Any) -> AsyncIterator[str]:
    """Serve one resource on loopback, and yield its URL."""
    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}/"
    finally:
        await runner.cleanup()


def test_upload_to_an_aiohttp_server_that_unseals() -> None:
    async def upload(request: web.Request) -> web.Response:
        reader = await aio.UnsealReader.open(request.content, unwrap, require={"device": "42"})
        length = 0
        async for piece in reader:
            assert piece == DATA[length : length + len(piece)]
            length += len(piece)
        return web.Response(text=str(length))

    async def both() -> None:
        async with serving(upload) as url, aiohttp.ClientSession() as http:
            body = aio.SealReader(in_pieces(DATA, 100_000), public_key(), context={"device": "42"})
            async with http.post(url, data=body) as response:
                assert await response.text() == str(len(DATA))

    run(both())


def test_download_from_an_aiohttp_server_that_seals() -> None:
    async def download(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        async with aio.SealWriter(response, public_key()) as writer:
            await writer.write(DATA)
        return response

    async def both() -> None:
        async with (
            serving(download) as url,
            aiohttp.ClientSession() as http,
            http.get(url) as response,
        ):
            reader = await aio.UnsealReader.open(response.content, unwrap)
            assert await reader.read() == DATA
        async with (
            serving(download) as url,
            aiohttp.ClientSession() as http,
            http.get(url) as response,
        ):
            reader = await aio.UnsealReader.open(response.content.iter_any(), unwrap)
            assert await reader.read() == DATA

    run(both())


def test_a_server_that_stops_in_the_middle_sends_no_whole_message() -> None:
    """However HTTP tells it: what has arrived is refused."""

    async def download(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        async with aio.SealWriter(response, public_key()) as writer:
            await writer.write(DATA)
            raise ConnectionResetError("the source of the data is gone")

    async def both() -> None:
        async with (
            serving(download) as url,
            aiohttp.ClientSession() as http,
            http.get(url) as response,
        ):
            received = bytearray()
            try:
                async for piece in response.content.iter_any():
                    received += piece
            except aiohttp.ClientError:
                pass
            with pytest.raises(libseal.TruncatedError):
                libseal.unseal(received, unwrapper())

    run(both())


def test_an_upload_whose_source_fails_is_not_whole() -> None:
    received = bytearray()

    async def upload(request: web.Request) -> web.Response:
        async for piece in request.content.iter_any():
            received.extend(piece)
        return web.Response()

    async def failing() -> AsyncIterator[bytes]:
        yield DATA
        raise OSError(5, "broken")

    async def both() -> None:
        async with serving(upload) as url, aiohttp.ClientSession() as http:
            with pytest.raises((aiohttp.ClientError, OSError)):
                await http.post(url, data=aio.SealReader(failing(), public_key()))
            await asyncio.sleep(0.05)

    run(both())
    with pytest.raises(libseal.TruncatedError):
        libseal.unseal(received, unwrapper())


class Kms:
    """A KMS behind an asynchronous client, as in the module's documentation."""

    def __init__(self, client: Any, key_id: str, key: libseal.PublicKey) -> None:
        self.client = client
        self.key_id = key_id
        self.key = key
        self.calls = 0

    async def __call__(self, wrapped_key: libseal.WrappedKey) -> bytes | None:
        if wrapped_key.fingerprint != self.key.fingerprint:
            return None
        self.calls += 1
        response = await self.client.decrypt(
            KeyId=self.key_id,
            CiphertextBlob=wrapped_key.ciphertext,
            EncryptionAlgorithm=wrapped_key.algorithm,
        )
        data_key: bytes = response["Plaintext"]
        return data_key


@asynccontextmanager
async def aws(kms: LocalKms) -> AsyncIterator[tuple[Kms, Any]]:
    """An unwrapper on a client of aiobotocore, and a client for S3."""
    async with AsyncExitStack() as clients:
        kms_client, s3 = [
            await clients.enter_async_context(
                get_session().create_client(name, **access(kms.endpoint))
            )
            for name in ("kms", "s3")
        ]
        answer = await kms_client.get_public_key(KeyId=ALIAS)
        yield Kms(kms_client, answer["KeyId"], libseal.PublicKey(answer["PublicKey"])), s3


@pytest.fixture(scope="module")
def local_kms(kms: LocalKms) -> LocalKms:
    kms.create_key(ALIAS)
    kms.s3.create_bucket(Bucket=BUCKET)
    return kms


def test_aiobotocore(local_kms: LocalKms, tmp_path: Any) -> None:
    async def from_s3() -> None:
        async with aws(local_kms) as (kms, s3):
            message = libseal.seal([public_key(), kms.key], DATA)
            await s3.put_object(Bucket=BUCKET, Key="sealed", Body=message)
            response = await s3.get_object(Bucket=BUCKET, Key="sealed")
            async with response["Body"] as body:
                reader = await aio.UnsealReader.open(body, kms)
                assert await reader.read() == DATA
            assert kms.calls == 1
            assert await aio.unseal(message, kms) == DATA

            (tmp_path / "sealed").write_bytes(message)
            await aio.unseal_file(tmp_path / "sealed", tmp_path / "plain", kms)
            assert (tmp_path / "plain").read_bytes() == DATA

    run(from_s3())


def test_aiobotocore_multipart_upload(local_kms: LocalKms) -> None:
    """Parts of the same length, except the last one, as S3 demands."""
    part_len = 5 << 20
    data = DATA * 4

    async def through_s3() -> None:
        async with aws(local_kms) as (kms, s3):
            name = {"Bucket": BUCKET, "Key": "parts"}
            sealing = aio.SealReader(in_pieces(data, 300_000), kms.key)
            upload = await s3.create_multipart_upload(**name)
            parts: list[dict[str, Any]] = []
            while part := await sealing.read(part_len):
                number = len(parts) + 1
                answer = await s3.upload_part(
                    **name, UploadId=upload["UploadId"], PartNumber=number, Body=part
                )
                parts.append({"PartNumber": number, "ETag": answer["ETag"]})
            assert len(parts) == 3
            await s3.complete_multipart_upload(
                **name, UploadId=upload["UploadId"], MultipartUpload={"Parts": parts}
            )
            response = await s3.get_object(**name)
            async with response["Body"] as body:
                reader = await aio.UnsealReader.open(body, kms)
                assert await reader.read() == data

    run(through_s3())


def test_failures_of_aiobotocore(local_kms: LocalKms) -> None:
    async def fail() -> None:
        async with aws(local_kms) as (kms, _):
            message = bytearray(libseal.seal(kms.key, b"data"))
            message[100] ^= 1  # In the wrapped key.
            with pytest.raises(libseal.KeyUnwrapError, match="InvalidCiphertext"):
                await aio.unseal(message, kms)
            kms.key_id = "alias/gone"
            with pytest.raises(libseal.KeyUnwrapError, match="NotFoundException"):
                await aio.unseal(libseal.seal(kms.key, b"data"), kms)

    run(fail())
