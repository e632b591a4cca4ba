"""Unwrapping with AWS KMS, and rewrapping in S3.

Works with any boto3 client; ``pip install libseal[aws]`` brings one.

- ``KmsUnwrapper`` is for ``unseal`` and everything else that unseals.
- ``AsyncKmsUnwrapper`` is the same for clients of aiobotocore.
- ``public_key`` fetches a public key, to seal for it.
- ``rewrap_object`` gives an object in S3 other recipients.

What fails is told apart by class: ``KmsUnavailableError``, ``KmsRefusedError`` and
``WrappedKeyRejectedError``. The logger ``libseal`` has a line for each call, at DEBUG.
"""

from ._async_unwrapper import AsyncKmsUnwrapper
from ._calls import KmsCall
from ._clients import AsyncKmsClient, KmsClient
from ._s3 import S3Client, rewrap_object
from ._unwrapper import KmsUnwrapper, public_key

__all__ = [
    "KmsUnwrapper",
    "AsyncKmsUnwrapper",
    "public_key",
    "rewrap_object",
    "KmsCall",
    "KmsClient",
    "AsyncKmsClient",
    "S3Client",
]

# Tracebacks and pickles name classes by where users find them.
for _name in __all__:
    globals()[_name].__module__ = "libseal.aws"
del _name
