"""Unsealing in one call."""

from . import _libseal
from ._types import Buffer, Require, Unwrap


def unseal(
    message: Buffer, unwrap: Unwrap, *, require: Require | None = None, threads: int | None = 1
) -> bytes:
    """Unseal ``message``, a bytes-like object, and return the plaintext.

    ``unwrap`` unwraps the data key: a libseal.aws.KmsUnwrapper, a LocalUnwrapper, or a function
    that takes a WrappedKey and returns what the KMS returned for its ciphertext, or None for a key
    that it does not hold. It is asked about one recipient after the other, until there is a data
    key. An object with a method ``unwrap_keys`` is asked once about all recipients; a sequence of
    unwrappers is asked in turn. If an unwrapper raises an Exception, the next recipient is tried,
    unless it is StopUnwrap.

    ``require`` is what the encryption context must have: each key with the value given, or with any
    value if that is None. Otherwise the message is refused before any key is unwrapped. For
    ``threads`` see the module.

    Raises FormatError if this is not a message, TruncatedError or AuthenticationError if it is
    truncated or altered, ContextMismatchError, NoMatchingRecipientError if none of the recipients
    is the unwrapper's, or KeyUnwrapError, with the exception of the unwrapper as its cause.
    """
    return _libseal.unseal(message, unwrap, require, threads)


def unseal_into(
    message: Buffer,
    out: Buffer,
    unwrap: Unwrap,
    *,
    require: Require | None = None,
    threads: int | None = 1,
) -> int:
    """Unseal ``message`` into ``out``, a writable buffer, and return how many bytes were written.

    They are as many as ``plaintext_len`` says. ``out`` may be longer, and must not overlap
    ``message``. After an error it holds no plaintext.

    For the other arguments, and what it raises, see ``unseal``. Raises LimitError too if ``out`` is
    too small; ``unwrap`` is not called then.
    """
    return _libseal.unseal_into(message, out, unwrap, require, threads)


def plaintext_len(message: Buffer, /) -> int:
    """Return the length of the plaintext of a complete message.

    Needs no key and verifies nothing. If you have only the header, use
    ``header.plaintext_range(0, message_length).stop``.

    Raises FormatError or TruncatedError.
    """
    return _libseal.plaintext_len(message)
