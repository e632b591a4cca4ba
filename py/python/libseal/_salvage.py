"""What is left of a message in a file that was cut short or damaged."""

import io
from collections.abc import Iterator
from typing import NamedTuple

from ._errors import SealError, TruncatedError
from ._files import note, unsealing
from ._libseal import check_unwrap
from ._types import Buffer, Path, Progress, Require, Unwrap


class Salvaged(NamedTuple):
    """What ``salvage_file`` found."""

    plaintext_len: int
    """Bytes of plaintext that were written: a multiple of 16 KiB unless the message is whole."""

    error: SealError | None
    """Why the rest is missing: what ``unseal_file`` would raise. None if the message is whole.

    If the source could not be read to its end, it is a TruncatedError with the OSError as its
    ``__cause__``.
    """


def salvage_file(
    src: Path,
    dst: Path,
    unwrap: Unwrap,
    *,
    require: Require | None = None,
    overwrite: bool = True,
    progress: Progress | None = None,
    threads: int | None = None,
) -> Salvaged:
    """Unseal the verified beginning of a message that was cut short or altered.

    That is every chunk of 16 KiB up to the first that is not whole or not authentic. A part of a
    chunk cannot be verified, so it is left out. Look at ``error`` of the result before you use
    ``dst`` as if it were complete, and give ``dst`` a name that says so if it is not.

    If the file cannot be read to its end, for example because of a bad sector, what comes before
    counts.

    If not even the first chunk verifies, because the header is damaged, the key is another one, or
    the message is too short, nothing is written and this raises what ``unseal_file`` raises. For
    the arguments see there.
    """
    check_unwrap(unwrap)
    ending = Ending()
    unsealed = unsealing(src, dst, require, progress, threads, overwrite=overwrite, ending=ending)
    with unsealed as (reading, write_plaintext):
        reading.unwrap_with(unwrap)
        length = write_plaintext()
        error = ending.error
        if error is None:
            return Salvaged(length, None)
        if length == 0:
            raise ending.failure or error
        if ending.failure is not None:
            text = f"the message could not be read to its end: {ending.failure}"
            error = TruncatedError(text)
            error.__cause__ = ending.failure.with_traceback(None)
        note(error, src)
        # The frames would keep all buffers.
        return Salvaged(length, error.with_traceback(None))


class Ending:
    """How a message ends. Its source ends where it fails: what came before may still be whole."""

    def __init__(self) -> None:
        self.error: SealError | None = None
        self.failure: OSError | None = None
        self._source: io.FileIO | None = None

    def of_source(self, source: io.FileIO) -> "Ending":
        """Stand in for the source."""
        self._source = source
        return self

    def readinto(self, buffer: memoryview, /) -> int | None:
        """As that of the source."""
        if self._source is None or self.failure is not None:
            return 0
        try:
            return self._source.readinto(buffer)
        except OSError as error:
            self.failure = error
            return 0

    def of_parts(self, parts: Iterator[Buffer]) -> Iterator[Buffer]:
        """All parts before an error of the message."""
        try:
            yield from parts
        except SealError as error:
            self.error = error
