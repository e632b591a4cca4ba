"""Whole files, all or nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .._arguments import check_path, check_progress
from .._files import noting, opened, piece_len_for, sealed_parts, write_parts
from .._libseal import Sealer, thread_count
from .._source import Source
from .._types import Buffer, Context, Path, Progress, Recipients
from ._decryption import decrypted
from ._key import KeyDerivation, password_bytes
from ._reader import RawDecryptReader

if TYPE_CHECKING:
    import io

    from .._replace import NewFile

__all__ = ["decrypt_file", "reseal_file"]


def decrypt_file(
    src: Path,
    dst: Path,
    password: Buffer,
    *,
    cipher: str = "aes-256-ctr",
    md: str = "sha256",
    pbkdf2: bool = False,
    iterations: int | None = None,
    base64: bool = False,
    overwrite: bool = True,
    progress: Progress | None = None,
) -> int:
    """Decrypt the file ``src`` into the file ``dst`` and return the length of ``dst`` in bytes.

    Nothing of it is authenticated, and with CTR a wrong password is no error: see the module, also
    for the arguments. For ``src``, ``dst``, ``overwrite`` and ``progress`` see
    ``libseal.seal_file``: ``dst`` is replaced as a whole, at the end. For destinations such as
    pipes, see DecryptReader.

    Raises FormatError if this is not what ``openssl enc`` writes, TruncatedError if it was cut and
    that shows, AuthenticationError if the padding of CBC does not fit, ImportError if the package
    cryptography is missing, and OSError.
    """
    derivation = KeyDerivation.of(cipher, md, iterations, pbkdf2=pbkdf2)
    secret = password_bytes(password)
    count = thread_count(None)
    with _replacing(src, dst, progress, overwrite=overwrite) as (target, source):
        parts = decrypted(
            Source(source).read,
            secret,
            derivation,
            base64=base64,
            progress=progress,
            piece_len=piece_len_for(source, 1),
        )
        write_parts(target, parts, count)
        return target.length


def reseal_file(
    recipients: Recipients,
    src: Path,
    dst: Path,
    password: Buffer,
    *,
    context: Context | None = None,
    cipher: str = "aes-256-ctr",
    md: str = "sha256",
    pbkdf2: bool = False,
    iterations: int | None = None,
    base64: bool = False,
    overwrite: bool = True,
    progress: Progress | None = None,
) -> int:
    """Decrypt the file ``src``, seal it into the file ``dst``, and return the length of ``dst``.

    The plaintext is never in a file. The message says nothing about who made its content, as no
    message does; and here, anyone may have changed it before it was sealed: see ``decrypt_file``,
    also for what is raised. For ``recipients`` and ``context`` see ``libseal.seal_file``.
    """
    derivation = KeyDerivation.of(cipher, md, iterations, pbkdf2=pbkdf2)
    secret = password_bytes(password)
    sealer = Sealer(recipients, context=context, threads=None)
    count = thread_count(None)
    with _replacing(src, dst, progress, overwrite=overwrite) as (target, source):
        plaintext = RawDecryptReader(
            Source(source).read, secret, derivation, base64=base64, progress=progress
        )
        parts = sealed_parts(plaintext, sealer, None, piece_len_for(source, count))
        write_parts(target, parts, count)
        return target.length


@contextmanager
def _replacing(
    src: Path, dst: Path, progress: Progress | None, *, overwrite: bool
) -> Iterator[tuple["NewFile", "io.FileIO"]]:
    from .._replace import replacing  # noqa: PLC0415 (importing it takes 3 ms)

    check_path("src", src)
    check_path("dst", dst)
    check_progress(progress)
    with noting(src), replacing(dst, overwrite=overwrite) as target, opened(src) as source:
        yield target, source
