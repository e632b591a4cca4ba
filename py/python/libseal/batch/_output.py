"""Rows into sealed files that appear together, when all of them are complete."""

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from itertools import chain
from typing import Any

from .._libseal import SealingKey
from .._types import Context, Recipients
from ._tables import Format, check_format

# What is in memory at a time; in Parquet, a group of rows.
TABLE_BYTES = 64 * 1024 * 1024


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

    def write(self, batches: Iterable[Any], number: int) -> str | None:
        """Seal rows, in batches of Arrow, into a file and return its name; None if there are none.

        ``number`` is that of the task. The file is not in its place before ``commit``.
        """
        tables = _gathered(batches)
        first = next(tables, None)
        if first is None:
            return None
        fs, folder = self._place()
        # The same task may be tried again while it still runs.
        name = f"part-{number:05}-{uuid.uuid4().hex}.{self._format}.sealed"
        fs.makedirs(f"{folder}/{self._temporary}", exist_ok=True)
        with (
            fs.open(f"{folder}/{self._temporary}/{name}", "wb") as file,
            _writer(self._format, file, first.schema) as writer,
        ):
            for table in chain([first], tables):
                writer.write_table(table)
        return name

    def commit(self, names: Iterable[str], *, overwrite: bool = False) -> None:
        """Put these files into their place, and delete what else was written.

        With ``overwrite``, what was in the folder before is deleted when they are there.
        """
        fs, folder = self._place()
        fs.invalidate_cache()
        old = []
        if overwrite and fs.exists(folder):
            # Other jobs may be writing there too.
            old = [path for path in fs.find(folder) if "/_temporary-" not in path]
        for name in names:
            fs.mv(f"{folder}/{self._temporary}/{name}", f"{folder}/{name}")
        self.discard()
        if old:
            fs.rm(old)

    def discard(self, names: Iterable[str] = ()) -> None:
        """Delete all that is not in its place, and these files too if ``commit`` did not end."""
        fs, folder = self._place()
        fs.invalidate_cache()
        if fs.exists(f"{folder}/{self._temporary}"):
            for path in (f"{folder}/{name}" for name in names):
                if fs.exists(path):
                    fs.rm_file(path)
            fs.rm(f"{folder}/{self._temporary}", recursive=True)

    def _place(self) -> tuple[Any, str]:
        """The folder, in a file system that seals: the same one for all of the job in a process."""
        from fsspec.core import url_to_fs  # noqa: PLC0415 (an extra)

        from ..fsspec import SealedFileSystem  # noqa: PLC0415 (an extra)

        fs, folder = url_to_fs(self._folder, **self._storage_options)
        return SealedFileSystem(fs=fs, recipients=self._recipients, context=self._context), folder


def _gathered(batches: Iterable[Any]) -> Iterator[Any]:
    """Tables of about TABLE_BYTES, none without rows."""
    import pyarrow as pa  # noqa: PLC0415 (only tables need it)

    gathered: list[Any] = []
    length = 0
    for batch in batches:
        if batch.num_rows:
            gathered.append(batch)
            length += batch.nbytes
        if length >= TABLE_BYTES:
            yield pa.Table.from_batches(gathered)
            gathered, length = [], 0
    if gathered:
        yield pa.Table.from_batches(gathered)


def _writer(format: Format, file: Any, schema: Any) -> Any:  # noqa: A002 (its name everywhere)
    """A context with a method ``write_table``."""
    from pyarrow import csv, parquet  # noqa: PLC0415 (only tables need it)

    if format == "parquet":
        return parquet.ParquetWriter(file, schema)
    return csv.CSVWriter(file, schema) if format == "csv" else _JsonWriter(file)


class _JsonWriter(AbstractContextManager["_JsonWriter"]):
    """Writes each row as a line of JSON. What JSON has no form for becomes its text."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write_table(self, table: Any) -> None:
        for batch in table.to_batches(1024):
            lines = (json.dumps(row, default=str) + "\n" for row in batch.to_pylist())
            self._file.write("".join(lines).encode())

    def __exit__(self, *_: object) -> None:
        """The file is closed elsewhere."""
