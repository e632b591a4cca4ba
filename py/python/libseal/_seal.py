"""Sealing in one call."""

from . import _libseal
from ._types import Buffer, Context, Recipients


def seal(
    recipients: Recipients, data: Buffer, *, context: Context | None = None, threads: int | None = 1
) -> bytes:
    """Seal ``data``, a bytes-like object, and return the message.

    ``recipients`` is a PublicKey, a Recipient, or an iterable of up to 16 of them; each can unseal
    the message alone. ``context`` binds an encryption context: pairs of str that anyone can read
    and no one can change unnoticed, at most 8192 bytes. For ``threads`` see the module.

    Raises ContextError or LimitError.
    """
    return _libseal.seal(recipients, data, context, threads)


def seal_into(
    recipients: Recipients,
    data: Buffer,
    out: Buffer,
    *,
    context: Context | None = None,
    threads: int | None = 1,
) -> int:
    """Seal ``data`` into ``out``, a writable buffer, and return how many bytes were written.

    They are as many as ``sealed_len`` says. ``out`` may be longer, and must not overlap ``data``.

    For the other arguments, and what it raises, see ``seal``. Raises LimitError too if ``out`` is
    too small.
    """
    return _libseal.seal_into(recipients, data, out, context, threads)


def sealed_len(
    recipients: Recipients, plaintext_len: int, *, context: Context | None = None
) -> int:
    """Return the length of a sealed message with ``plaintext_len`` bytes of plaintext.

    Raises ContextError or LimitError, as ``seal`` does.
    """
    return _libseal.sealed_len(recipients, plaintext_len, context)
