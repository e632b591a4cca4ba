"""A message before it is a file: in memory while it is short, then in a temporary file."""

import io
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from .._errors import StateError
from .._types import Buffer
from .._writer import SealWriter

# Longer plaintext goes to a temporary file, sealed, and has a data key of its own.
SHORT = 5 * 1024 * 1024


class Draft:
    """Takes plaintext, and makes a message of it."""

    def __init__(self, seal: Callable[[Buffer], bytes], begin: Callable[[Any], SealWriter]) -> None:
        # For short plaintext, and for long.
        self._seal = seal
        self._begin = begin
        self._plaintext = io.BytesIO()
        self._writer: SealWriter | None = None
        self._path: Path | None = None
        self._process = os.getpid()
        self._has_failed = False
        """Whether a write was left by an exception: something is missing then."""

    def write(self, data: Buffer) -> int:
        """Take plaintext, all of it, and return its length."""
        with memoryview(data) as view:
            self._check()
            self._has_failed = True
            if self._writer is None and self._plaintext.tell() + view.nbytes > SHORT:
                self._become_long()
            if self._writer is not None:
                count = self._writer.write(data)
            else:
                count = self._plaintext.write(data)
            self._has_failed = False
            return count

    def _check(self) -> None:
        if self._has_failed:
            raise StateError("a write has failed, so the file is not made: write it again")

    def _become_long(self) -> None:
        file: Any = NamedTemporaryFile(prefix="libseal-", suffix=".sealed", delete=False)  # noqa: SIM115
        self._path = Path(file.name)
        self._writer = self._begin(file)
        self._writer.write(self._plaintext.getbuffer())
        self._plaintext = io.BytesIO()

    def finish(self) -> bytes | Path:
        """End the message. Returns it, or the file that it is in, which stays until ``drop``."""
        self._check()
        if self._writer is None or self._path is None:
            return self._seal(self._plaintext.getbuffer())
        self._writer.finish()
        return self._path

    def drop(self) -> None:
        """Delete what there is."""
        self._plaintext = io.BytesIO()
        if self._writer is not None:
            self._writer.abort()
        if self._path is not None and self._process == os.getpid():
            with suppress(FileNotFoundError):
                self._path.unlink()
            self._path = None
