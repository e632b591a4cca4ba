"""With the clients and servers that backends have: aiohttp, and aiobotocore against MiniStack."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest
from aiobotocore.session import get_session
from aiohttp import web

import libseal
from aio_support import in_pieces, run, unwrap
from libseal import aio
from libseal.aws import AsyncKmsUnwrapper, KmsCall
from libseal.aws import public_key as public_key_of
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


class Aws(NamedTuple):
    unwrap: AsyncKmsUnwrapper
    s3: Any
    key: libseal.PublicKey
    calls: list[KmsCall]


@asynccontextmanager
async def aws(kms: LocalKms) -> AsyncIterator[Aws]:
    """An unwrapper on a client of aiobotocore, and a client for S3."""
    async with AsyncExitStack() as clients:
        kms_client, s3 = [
            await clients.enter_async_context(
                get_session().create_client(name, **access(kms.endpoint))
            )
            for name in ("kms", "s3")
        ]
        calls: list[KmsCall] = []
        unwrap_key = AsyncKmsUnwrapper(kms_client, ALIAS, on_call=calls.append)
        yield Aws(unwrap_key, s3, public_key_of(kms.client, ALIAS), calls)


@pytest.fixture(scope="module")
def local_kms(kms: LocalKms) -> LocalKms:
    kms.create_key(ALIAS)
    kms.s3.create_bucket(Bucket=BUCKET)
    return kms


def test_aiobotocore(local_kms: LocalKms, tmp_path: Path) -> None:
    async def from_s3() -> None:
        async with aws(local_kms) as there:
            message = libseal.seal([public_key(), there.key], DATA)
            await there.s3.put_object(Bucket=BUCKET, Key="sealed", Body=message)
            response = await there.s3.get_object(Bucket=BUCKET, Key="sealed")
            async with response["Body"] as body:
                reader = await aio.UnsealReader.open(body, there.unwrap)
                assert await reader.read() == DATA
            assert [call.operation for call in there.calls] == ["GetPublicKey", "Decrypt"]

            (tmp_path / "sealed").write_bytes(message)
            await aio.unseal_file(tmp_path / "sealed", tmp_path / "plain", there.unwrap)
            assert (tmp_path / "plain").read_bytes() == DATA

            there.calls.clear()
            cached = libseal.CachingUnwrapper(there.unwrap)
            same = await asyncio.gather(*(aio.unseal(message, cached) for _ in range(50)))
            assert same == [DATA] * 50
            assert [call.operation for call in there.calls] == ["Decrypt"]

    run(from_s3())


def test_aiobotocore_multipart_upload(local_kms: LocalKms) -> None:
    """Parts of the same length, except the last one, as S3 demands."""
    part_len = 5 << 20
    data = DATA * 4

    async def through_s3() -> None:
        async with aws(local_kms) as there:
            name = {"Bucket": BUCKET, "Key": "parts"}
            sealing = aio.SealReader(in_pieces(data, 300_000), there.key)
            upload = await there.s3.create_multipart_upload(**name)
            parts: list[dict[str, Any]] = []
            while part := await sealing.read(part_len):
                number = len(parts) + 1
                answer = await there.s3.upload_part(
                    **name, UploadId=upload["UploadId"], PartNumber=number, Body=part
                )
                parts.append({"PartNumber": number, "ETag": answer["ETag"]})
            assert len(parts) == 3
            await there.s3.complete_multipart_upload(
                **name, UploadId=upload["UploadId"], MultipartUpload={"Parts": parts}
            )
            response = await there.s3.get_object(**name)
            async with response["Body"] as body:
                reader = await aio.UnsealReader.open(body, there.unwrap)
                assert await reader.read() == data

    run(through_s3())


def test_failures_of_aiobotocore(local_kms: LocalKms) -> None:
    async def fail() -> None:
        async with aws(local_kms) as there:
            message = bytearray(libseal.seal(there.key, b"data"))
            message[-80 - 256] ^= 1  # In the wrapped key.
            with pytest.raises(libseal.WrappedKeyRejectedError):
                await aio.unseal(message, there.unwrap)
            # The next one is asked.
            both: list[aio.Unwrapper] = [there.unwrap, unwrap]
            assert await aio.unseal(libseal.seal(public_key(), b"data"), both) == b"data"

    run(fail())
