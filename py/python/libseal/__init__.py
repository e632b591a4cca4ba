"""Seal data offline with a public RSA key; unseal it with the private key that stays in a KMS.

>>> key = libseal.PublicKey(open("public.pem", "rb").read())
>>> blob = libseal.seal(key, b"21.5 C", context={"device": "42"})

>>> unwrap = libseal.aws.KmsUnwrapper(boto3.client("kms"), keys=["alias/telemetry"])
>>> libseal.unseal(blob, unwrap, context={"device": "42"})
b'21.5 C'

From simple to flexible:

- ``seal`` and ``unseal``: bytes in, bytes out; ``seal_into`` and ``unseal_into``: into a buffer.
- ``seal_file`` and ``unseal_file``: files of any size, in constant memory, all or nothing.
- ``SealWriter`` and ``UnsealReader``: file objects; the reader can seek.
- ``Sealer`` and ``Unsealer``: piece by piece without I/O, for asyncio and queues.
- ``SealingKey``: one data key for many messages, so RSA and the KMS are paid for once.
- ``inspect``: what a message says about itself, without any key.

Sealing says nothing about *who* sealed: anybody has the public key.
"""

from . import aws
from ._errors import (
    AuthenticationError,
    ContextError,
    ContextMismatchError,
    FormatError,
    InternalError,
    InvalidKeyError,
    KeyUnwrapError,
    LimitError,
    NoMatchingRecipientError,
    SealError,
    StateError,
    TruncatedError,
)
from ._files import inspect, seal_file, unseal_file
from ._io import SealWriter, UnsealReader
from ._libseal import (
    Header,
    LocalUnwrapper,
    PublicKey,
    Recipient,
    Sealer,
    SealingKey,
    Unsealer,
    WrappedKey,
    __version__,
    plaintext_len,
    seal,
    seal_into,
    sealed_len,
    unseal,
    unseal_into,
)
from ._types import Unwrap

__all__ = [
    "seal",
    "unseal",
    "seal_into",
    "unseal_into",
    "sealed_len",
    "plaintext_len",
    "seal_file",
    "unseal_file",
    "inspect",
    "SealWriter",
    "UnsealReader",
    "Sealer",
    "Unsealer",
    "SealingKey",
    "PublicKey",
    "Recipient",
    "LocalUnwrapper",
    "Unwrap",
    "WrappedKey",
    "Header",
    "aws",
    "SealError",
    "InvalidKeyError",
    "ContextError",
    "LimitError",
    "FormatError",
    "AuthenticationError",
    "TruncatedError",
    "ContextMismatchError",
    "KeyUnwrapError",
    "NoMatchingRecipientError",
    "StateError",
    "InternalError",
    "__version__",
]

# Where users find them is where tracebacks and pickles should look for them.
for _name in __all__:
    _value = globals()[_name]
    if isinstance(_value, type) and _value.__module__.startswith("libseal._"):
        _value.__module__ = "libseal"
del _name, _value
