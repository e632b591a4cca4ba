"""Seal data offline with a public RSA key; unseal it with the private key that stays in a KMS.

>>> key = libseal.PublicKey(open("public.pem", "rb").read())
>>> message = libseal.seal(key, b"21.5 C", context={"device": "42"})

>>> unwrap = libseal.aws.KmsUnwrapper(boto3.client("kms"), keys=["alias/telemetry"])
>>> libseal.unseal(message, unwrap, require={"device": "42"})
b'21.5 C'

From simple to flexible:

- ``seal`` and ``unseal``: bytes in, bytes out; ``seal_into`` and ``unseal_into``: into a buffer.
- ``seal_many`` and ``unseal_many``: many messages, with one call of the KMS for each data key.
- ``seal_file`` and ``unseal_file``: files of any size, in constant memory, all or nothing.
- ``salvage_file``: the verified beginning of a message that was cut short or altered.
- ``SealWriter`` and ``UnsealReader``: file objects; the reader can seek. ``SealTextWriter``: the
  same for text. ``SealReader``: a file object to read the message from, for uploads.
- ``libseal.aio``, to be imported: the same for asyncio.
- ``libseal.batch``, to be imported: very many files, on one machine or on several.
- ``libseal.openssl_enc``, to be imported: reads what ``openssl enc`` wrote before libseal.
- ``Writing`` and ``Reading``: what those are made of, for other sources and targets, such as HTTP
  range requests. They perform no I/O.
- ``Sealer`` and ``Unsealer``: piece by piece, every byte at once.
- ``SealingKey``: one data key for many messages, so RSA and the KMS are paid for once.
- ``CachingUnwrapper``: one call of the KMS for each data key, and not for each message.
- ``Header`` and ``inspect``: what a message says about itself, without any key. ``Header.rewrap``
  and ``rewrap_file``: other recipients for a message, whose payload stays.

A message says nothing about *who* sealed it: anyone can have the public key.

What seals does not survive ``os.fork``: in the child, a message or a SealingKey of the parent
raises StateError. Begin another there. The parent goes on, and unsealing goes on in both.

Arguments that many functions share:

- ``threads``: how many threads may work on a call with 512 KiB or more. 1 is the calling thread
  alone. N is at most N threads of a pool that the whole process shares, and None is all of them,
  one per core. The pool starts when it is first needed, and again in a forked process.
- Data is any bytes-like object: ``bytes``, ``bytearray``, ``memoryview``, a NumPy array. It is read
  in place, without a copy, so do not modify it from another thread during the call. Only what is
  not contiguous, such as ``view[::2]``, is copied first. What is written to, ``out``, has to be
  contiguous.
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
    KmsRefusedError,
    KmsUnavailableError,
    LimitError,
    NoMatchingRecipientError,
    SealError,
    StateError,
    StopUnwrap,
    TruncatedError,
    WrappedKeyRejectedError,
)
from ._files import inspect, seal_file, unseal_file
from ._libseal import (
    CachingUnwrapper,
    Header,
    LocalUnwrapper,
    PublicKey,
    Reading,
    Recipient,
    Sealer,
    SealingKey,
    Unsealer,
    WrappedKey,
    Writing,
    __version__,
    generate_private_key,
)
from ._many import seal_many, unseal_many
from ._next import Next
from ._reader import UnsealReader
from ._rewrap import rewrap_file
from ._salvage import Salvaged, salvage_file
from ._seal import seal, seal_into, sealed_len
from ._seal_reader import SealReader
from ._text_writer import SealTextWriter
from ._types import (
    Buffer,
    CacheStatistics,
    Context,
    Path,
    Progress,
    Recipients,
    Require,
    SupportsRead,
    SupportsUnwrapKeys,
    SupportsWrite,
    Unwrap,
    Unwrapper,
)
from ._unseal import plaintext_len, unseal, unseal_into
from ._writer import SealWriter

__all__ = [
    "seal",
    "unseal",
    "seal_into",
    "unseal_into",
    "sealed_len",
    "plaintext_len",
    "seal_many",
    "unseal_many",
    "seal_file",
    "unseal_file",
    "salvage_file",
    "Salvaged",
    "inspect",
    "rewrap_file",
    "SealWriter",
    "SealTextWriter",
    "SealReader",
    "UnsealReader",
    "Writing",
    "Reading",
    "Next",
    "Sealer",
    "Unsealer",
    "SealingKey",
    "PublicKey",
    "Recipient",
    "Header",
    "WrappedKey",
    "LocalUnwrapper",
    "generate_private_key",
    "CachingUnwrapper",
    "CacheStatistics",
    "aws",
    "Recipients",
    "Context",
    "Require",
    "Unwrap",
    "Unwrapper",
    "SupportsUnwrapKeys",
    "Buffer",
    "Path",
    "Progress",
    "SupportsRead",
    "SupportsWrite",
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
    "KmsUnavailableError",
    "KmsRefusedError",
    "WrappedKeyRejectedError",
    "StopUnwrap",
    "StateError",
    "InternalError",
    "__version__",
]

# Tracebacks and pickles name classes by where users find them.
for _name in __all__:
    _value = globals()[_name]
    if isinstance(_value, type) and _value.__module__.startswith("libseal._"):
        _value.__module__ = "libseal"
del _name, _value
