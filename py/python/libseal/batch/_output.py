"""Rows into sealed files that appear together, when all of them are complete."""

import uuid
from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import Any

from .._errors import LimitError
from .._libseal import PublicKey, Recipient, SealingKey
from .._types import Context, Recipients
from ._tables import Format, check_format

# Of each job that this process writes for. A SealingKey is no one else's: it is never pickled.
_sealing_keys: dict[str, SealingKey] = {}


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
        self._job = uuid.uuid4().hex
        self._folder = folder.rstrip("/")
        self._format = format
        if isinstance(recipients, PublicKey | Recipient):
            recipients = [recipients]
        self._sealing = [*recipients], context
        self._storage_options = dict(storage_options or {})
        SealingKey(self._sealing[0], context=context)  # Refuses what no one can seal for.

    def write(self, table: Any, number: int) -> str:
        """Seal the rows of a table of Arrow into a file, and return its name.

        ``number`` is that of the task. The file is not in its place before ``commit``.
        """
        buffer = BytesIO()
        _WRITERS[self._format](table, buffer)
        message = self._seal(buffer.getbuffer())
        fs, _, temporary = self._places()
        # The same task may be tried again while it still runs.
        name = f"part-{number:05}-{uuid.uuid4().hex}.{self._format}.sealed"
        fs.makedirs(temporary, exist_ok=True)
        fs.pipe_file(f"{temporary}/{name}", message)
        return name

    def commit(self, names: Iterable[str]) -> None:
        """Put these files into their place, and delete what others were written."""
        fs, folder, temporary = self._places()
        for name in names:
            fs.mv(f"{temporary}/{name}", f"{folder}/{name}")
        self.discard()

    def discard(self) -> None:
        """Delete all that is not in its place."""
        fs, _, temporary = self._places()
        fs.invalidate_cache()
        if fs.exists(temporary):
            fs.rm(temporary, recursive=True)

    def _places(self) -> tuple[Any, str, str]:
        """The file system, the folder in it, and the folder in that for what is not complete."""
        from fsspec.core import url_to_fs  # noqa: PLC0415 (an extra)

        fs, folder = url_to_fs(self._folder, **self._storage_options)
        return fs, folder, f"{folder}/_temporary-{self._job}"

    def _seal(self, data: memoryview) -> bytes:
        try:
            return self._sealing_key().seal(data)
        except LimitError:
            del _sealing_keys[self._job]
            return self._sealing_key().seal(data)

    def _sealing_key(self) -> SealingKey:
        """One for each process, so that there are few of them."""
        if self._job not in _sealing_keys:
            recipients, context = self._sealing
            _sealing_keys[self._job] = SealingKey(recipients, context=context)
        return _sealing_keys[self._job]


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
