"""libseal for asyncio: unseal and seal bytes, streams and files without blocking the event loop.

>>> from libseal import aio

>>> async def unwrap(wrapped_key: libseal.WrappedKey) -> bytes | None:
...     if wrapped_key.fingerprint != key.fingerprint:
...         return None
...     response = await kms.decrypt(
...         KeyId=key_arn,
...         CiphertextBlob=wrapped_key.ciphertext,
...         EncryptionAlgorithm=wrapped_key.algorithm,
...     )
...     return response["Plaintext"]

>>> await aio.unseal(message, unwrap, require={"device": "42"})
b'21.5 C'

Functions and classes have the names of the synchronous ones, and the same rules and errors:

- ``unseal``: bytes in, bytes out. (``libseal.seal`` asks no one and is fast: call it as it is, or
  in ``asyncio.to_thread`` if the data is long.)
- ``seal_file`` and ``unseal_file``: files of any size, in constant memory, all or nothing.
- ``UnsealReader``: reads a message from an asynchronous source, and gives the plaintext.
- ``SealWriter``: takes plaintext, and writes the message to an asynchronous target.
- ``SealReader``: reads plaintext from an asynchronous source, and gives the message: for the bodies
  of HTTP requests and responses.

An unwrapper may be an async function, an object with an async method ``unwrap_keys``, or one that
is made for the synchronous functions, such as ``libseal.aws.KmsUnwrapper``, which then runs in a
thread. A sequence may have both kinds.

A source is an asyncio.StreamReader, another object with an async method ``read``, or an async
iterable of bytes; a target is an asyncio.StreamWriter, or another object with an async method
``write``. So these fit as they are::

    # aiobotocore: an object in S3
    response = await s3.get_object(Bucket=bucket, Key=name)
    async with response["Body"] as body:
        reader = await aio.UnsealReader.open(body, unwrap)
        async for piece in reader:
            ...

    # aiohttp, as a server: an upload
    reader = await aio.UnsealReader.open(request.content, unwrap, require={"device": device})
    data = await reader.read()

    # Starlette and FastAPI: an upload, and a download
    reader = await aio.UnsealReader.open(request.stream(), unwrap)
    return StreamingResponse(aio.SealReader(rows(), key))

    # aiohttp and httpx, as clients: an upload
    await session.post(url, data=aio.SealReader(source, key))
    await client.post(url, content=aio.SealReader(source, key))

    # asyncio: a connection
    _, stream = await asyncio.open_connection(host, port)
    async with aio.SealWriter(stream, key) as writer:
        await writer.write(b"21.5 C")

Cancellation, ``asyncio.timeout`` included, leaves nothing behind: no part of a file, and no message
that passes for a whole one. What was cancelled while it sealed cannot be ended.
"""

from ._files import seal_file, unseal_file
from ._reader import UnsealReader
from ._seal_reader import SealReader
from ._types import (
    Source,
    SupportsRead,
    SupportsUnwrapKeys,
    SupportsWrite,
    SupportsWriteAndDrain,
    Target,
    Unwrap,
    Unwrapper,
)
from ._unseal import unseal
from ._writer import SealWriter

__all__ = [
    "unseal",
    "seal_file",
    "unseal_file",
    "UnsealReader",
    "SealWriter",
    "SealReader",
    "Unwrap",
    "Unwrapper",
    "SupportsUnwrapKeys",
    "Source",
    "SupportsRead",
    "Target",
    "SupportsWrite",
    "SupportsWriteAndDrain",
]

# Tracebacks and pickles name classes by where users find them.
for _name in __all__:
    _value = globals()[_name]
    if isinstance(_value, type) and _value.__module__.startswith("libseal.aio._"):
        _value.__module__ = "libseal.aio"
del _name, _value
