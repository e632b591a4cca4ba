"""SealTextWriter: a file object that seals text."""

import codecs
import io
from types import TracebackType
from typing import IO, BinaryIO, Self

from ._types import Context, Recipients, SupportsWrite
from ._writer import SealWriter


class SealTextWriter(io.TextIOWrapper):
    """A text file object that seals what is written to it, as ``open(path, "w")`` makes one.

    ``encoding``, ``errors`` and ``newline`` are those of ``open``, but the encoding is UTF-8 unless
    another one is given: what reads the message need not have the locale of what wrote it. For the
    other arguments, and for what ends the message, see SealWriter::

        with libseal.SealTextWriter(fileobj, key, newline="") as text:
            csv.writer(text).writerow(["21.5", "C"])

    To read text, put ``io.TextIOWrapper`` around an UnsealReader::

        with io.TextIOWrapper(libseal.UnsealReader(fileobj, unwrap), encoding="utf-8") as text:
            rows = list(csv.reader(text))

    Raises LookupError for an unknown encoding; UnicodeEncodeError when text cannot be encoded.
    """

    def __init__(
        self,
        fileobj: IO[bytes] | SupportsWrite,
        recipients: Recipients,
        *,
        encoding: str | None = "utf-8",
        errors: str | None = None,
        newline: str | None = None,
        context: Context | None = None,
        close_inner: bool = False,
        threads: int | None = 1,
    ) -> None:
        # Arguments that are wrong are refused before anything is written.
        io.TextIOWrapper(io.BytesIO(), encoding, errors, newline).close()
        writer = SealWriter(
            fileobj, recipients, context=context, close_inner=close_inner, threads=threads
        )
        super().__init__(writer, encoding, errors, newline)
        self._writer = writer
        if codecs.lookup(self.encoding).name in {"utf-16", "utf-32"}:
            # io.TextIOWrapper leaves out the byte order mark where it cannot seek.
            self.write("\ufeff")
        writer._set_text(self)  # noqa: SLF001

    def write(self, text: str, /) -> int:
        """Write ``text`` and return its length."""
        sealing = self._writer._sealing  # noqa: SLF001
        was_incomplete = sealing.is_incomplete
        # What raises an exception on the way, such as a handler of signals, takes text away.
        sealing.is_incomplete = True
        try:
            count = super().write(text)
        except (TypeError, ValueError):  # It is no text, cannot be encoded, or all is closed.
            sealing.is_incomplete = was_incomplete
            raise
        sealing.is_incomplete = was_incomplete
        return count

    def flush(self) -> None:
        """Seal everything written so far, and flush the inner file object."""
        sealing = self._writer._sealing  # noqa: SLF001
        was_incomplete = sealing.is_incomplete
        sealing.is_incomplete = True
        try:
            super().flush()
        except ValueError:  # It is closed.
            sealing.is_incomplete = was_incomplete
            raise
        sealing.is_incomplete = was_incomplete

    def finish(self) -> None:
        """End the message, and close. A second time, do nothing.

        Raises StateError if the message was given up or ``fileobj`` has failed.
        """
        self._writer.finish()

    def abort(self) -> None:
        """Give the message up, and close: every reader will refuse it as truncated."""
        self._writer.abort()

    def detach(self) -> BinaryIO:
        """Not supported."""
        raise io.UnsupportedOperation("detach")

    def __enter__(self) -> Self:
        self._writer.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._writer.__exit__(exc_type, exc_value, traceback)
