"""Take sealed uploads over HTTP, and unseal them while they arrive.

    python upload_service.py uploads alias/example-rsa-key --port 8080
    curl --data-binary @log.sealed http://localhost:8080/42

An upload for /42 must have been sealed with device=42 in its encryption context. It becomes the
file 42 in the folder, in constant memory, when all of it has been verified. The KMS is asked once
for each data key. Region and credentials come from where aiobotocore finds them. Needs
kms:GetPublicKey and kms:Decrypt on the keys.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

from aiobotocore.session import get_session
from aiohttp import web

import libseal
from libseal import aio

FOLDER = web.AppKey("FOLDER", Path)
KEYS = web.AppKey("KEYS", list[str])
UNWRAP = web.AppKey("UNWRAP", libseal.CachingUnwrapper)


async def upload(request: web.Request) -> web.Response:
    device = request.match_info["device"]
    folder = request.app[FOLDER]
    try:
        with TemporaryDirectory(dir=folder, prefix=".upload-") as directory:
            # What arrives before the end may be only the beginning of a message.
            part = Path(directory, "part")
            await unseal_into(part, request, {"device": device})
            part.replace(folder / device)
    except libseal.SealError as error:
        return refusal(request, error)
    return web.Response(status=201)


async def unseal_into(file: Path, request: web.Request, require: libseal.Require) -> None:
    unwrap = request.app[UNWRAP]
    reader = await aio.UnsealReader.open(request.content, unwrap, require=require)
    with file.open("wb") as target:
        async for piece in reader:
            await asyncio.to_thread(target.write, piece)


def refusal(request: web.Request, error: libseal.SealError) -> web.Response:
    """Tells the device whether to try again. Why is for the log, not for strangers."""
    request.app.logger.warning("%s: %s", request.path, error)
    if error.retryable:
        return web.Response(status=503, headers={"Retry-After": "30"}, text="try again later\n")
    if error.never_opens:
        return web.Response(status=422, text="this upload cannot be unsealed\n")
    return web.Response(status=500, text="the service cannot unseal at the moment\n")


async def unwrapper(app: web.Application) -> AsyncIterator[None]:
    """One client and one cache, as long as the service runs."""
    async with get_session().create_client("kms") as kms:
        unwrap = libseal.aws.AsyncKmsUnwrapper(kms, keys=app[KEYS])
        app[UNWRAP] = libseal.CachingUnwrapper(unwrap, max_age=300)
        yield


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where to put what was uploaded")
    parser.add_argument("keys", nargs="+", metavar="KEY", help="KMS keys that may be used")
    parser.add_argument("--port", type=int, default=8080)
    args = parser.parse_args()

    app = web.Application()
    app[FOLDER], app[KEYS] = args.folder, args.keys
    app.cleanup_ctx.append(unwrapper)
    app.router.add_post("/{device:[0-9a-z-]+}", upload)
    web.run_app(app, host="127.0.0.1", port=args.port)


if __name__ == "__main__":
    main()
