"""Rows into sealed files that appear together, when all of them are complete."""

import uuid
from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import Any

from .._libseal import SealingKey
from .._types import Context, Recipients
from ._tables import Format, check_format


class Output:
    """A folder that a job writes to. It can be pickled, and is the same job then."""

    def __init__(
        self,
        folder: str,
        recipients: Recipients,
        format: Format,  # noqa: A002 (its name everywhere)
        context: Context | None,
        storage_options: Mapping[str, Any] | None,
    ) -> None:
        check_format(format)
        self._format = format
        self._folder = folder.rstrip("/")
        self._temporary = f"_temporary-{uuid.uuid4().hex}"
        self._recipients = [*recipients] if isinstance(recipients, Iterable) else [recipients]
        self._context = dict(context or {})
        self._storage_options = dict(storage_options or {})
        SealingKey(self._recipients, context=context)  # Refuses what no one can seal for.

    def write(self, table: Any, number: int) -> str:
        """Seal the rows of a table of Arrow into a file, and return its name.

        ``number`` is that of the task. The file is not in its place before ``commit``.
        """
        buffer = BytesIO()
        _WRITERS[self._format](table, buffer)
        fs, folder = self._place()
        # The same task may be tried again while it still runs.
        name = f"part-{number:05}-{uuid.uuid4().hex}.{self._format}.sealed"
        fs.makedirs(f"{folder}/{self._temporary}", exist_ok=True)
        fs.pipe_file(f"{folder}/{self._temporary}/{name}", buffer.getvalue())
        return name

    def commit(self, names: Iterable[str]) -> None:
        """Put these files into their place, and delete what else was written."""
        fs, folder = self._place()
        for name in names:
            fs.mv(f"{folder}/{self._temporary}/{name}", f"{folder}/{name}")
        self.discard()

    def discard(self) -> None:
        """Delete all that is not in its place."""
        fs, folder = self._place()
        fs.invalidate_cache()
        if fs.exists(f"{folder}/{self._temporary}"):
            fs.rm(f"{folder}/{self._temporary}", recursive=True)

    def _place(self) -> tuple[Any, str]:
        """The folder, in a file system that seals: the same one for all of the job in a process."""
        from fsspec.core import url_to_fs  # noqa: PLC0415 (an extra)

        from ..fsspec import SealedFileSystem  # noqa: PLC0415 (an extra)

        fs, folder = url_to_fs(self._folder, **self._storage_options)
        sealing = {"recipients": self._recipients, "context": self._context}
        return SealedFileSystem(fs=fs, **sealing), folder


def _parquet(table: Any, file: BytesIO) -> None:
    from pyarrow import parquet  # noqa: PLC0415 (only tables need it)

    parquet.write_table(table, file)


def _csv(table: Any, file: BytesIO) -> None:
    from pyarrow import csv  # noqa: PLC0415 (only tables need it)

    csv.write_csv(table, file)


def _json(table: Any, file: BytesIO) -> None:
    import json  # noqa: PLC0415 (only this needs it)

    for batch in table.to_batches(1024):
        for row in batch.to_pylist():
            file.write(json.dumps(row, default=str).encode() + b"\n")


_WRITERS = {"parquet": _parquet, "csv": _csv, "json": _json}
