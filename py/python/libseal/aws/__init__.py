"""Unwrapping with AWS KMS. Works with any boto3 client; ``pip install libseal[aws]`` brings one.

- ``KmsUnwrapper`` is for ``unseal`` and everything else that unseals.
- ``AsyncKmsUnwrapper`` is the same for clients of aiobotocore.
- ``public_key`` fetches a public key, to seal for it.

What fails is told apart by class: ``KmsUnavailableError``, ``KmsRefusedError`` and
``WrappedKeyRejectedError``. The logger ``libseal`` has a line for each call, at DEBUG.
"""

from ._async_unwrapper import AsyncKmsUnwrapper
from ._calls import KmsCall
from ._clients import AsyncKmsClient, KmsClient
from ._unwrapper import KmsUnwrapper, public_key

__all__ = [
    "KmsUnwrapper",
    "AsyncKmsUnwrapper",
    "public_key",
    "KmsCall",
    "KmsClient",
    "AsyncKmsClient",
]

# Tracebacks and pickles name classes by where users find them.
for _name in __all__:
    globals()[_name].__module__ = "libseal.aws"
del _name
