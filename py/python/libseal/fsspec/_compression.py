"""``compression="sealed"``, for single files."""

import sys
from typing import IO, Any

from fsspec.compression import register_compression
from fsspec.config import conf

from .._reader import UnsealReader
from .._writer import SealWriter
from ._opened import SealedReader, SealedWriter
from ._options import caching_unwrapper, read_recipients

NAME = "sealed"


def register() -> None:
    """Add the compression to fsspec, also for files that end with ``.sealed``."""
    register_compression(NAME, open_sealed, NAME, force=True)


def open_sealed(file: IO[bytes], mode: str = "rb", **_: Any) -> IO[bytes]:
    """Read or write the plaintext of a sealed file; the options are those of fsspec's ``conf``."""
    if isinstance(file, SealedReader | SealedWriter):
        # A file of SealedFileSystem that is called .sealed: it is unsealed, or will be sealed.
        return file
    options = conf.get(NAME, {})
    if "r" in mode:
        unwrap = caching_unwrapper(options.get("unwrap"), options.get("kms"))
        if unwrap is None:
            raise ValueError(
                'there is nothing to unseal with: set fsspec.config.conf["sealed"] to '
                '{"kms": "alias/telemetry"}, for example'
            )
        return UnsealReader(file, unwrap, require=options.get("require"))
    recipients = read_recipients(options.get("recipients"))
    if not recipients:
        raise ValueError(
            'there is no one to seal for: set fsspec.config.conf["sealed"] to '
            '{"recipients": "public.pem"}, for example'
        )
    return _Writer(file, recipients, context=options.get("context"))


class _Writer(SealWriter):
    """A SealWriter that ``close`` finishes, as users of fsspec expect of a file.

    If an exception is being handled, the message stays unfinished.
    """

    def close(self) -> None:
        """End the message, unless an exception is being handled."""
        if self.closed or sys.exception() is not None:
            super().close()
        else:
            self.finish()
