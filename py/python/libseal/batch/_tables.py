"""The files of a plan as tables of Arrow: what the adapters for engines have in common."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from .._types import Require, Unwrap
from ._failures import OnError, noted

if TYPE_CHECKING:
    from ._plan import Plan, PlannedFile

Format: TypeAlias = Literal["parquet", "csv", "json"]
"""What is in files that hold rows. JSON is one object in each line."""

FORMATS = ("parquet", "csv", "json")

# What is put into one table of whole files: as many rows, or as many bytes and one row.
MOST_ROWS = 1024
MOST_BYTES = 16 * 1024 * 1024


class TableOptions(NamedTuple):
    """How the files of a plan become tables. It can be pickled if its parts can."""

    format: Format | None = None
    columns: tuple[str, ...] | None = None
    """Those that are needed; None is all of them."""
    require: Require | None = None
    on_error: OnError = "raise"
    storage_options: Mapping[str, Any] | None = None


def check_format(format: object) -> None:  # noqa: A002 (its name everywhere)
    """Refuse what files are not read as."""
    if format is not None and format not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, or None, not {format!r}")


def whole_file_schema(options: TableOptions) -> Any:
    """The schema of a table of whole files, without the columns that are not needed."""
    import pyarrow as pa  # noqa: PLC0415 (only tables need it)

    fields = [
        pa.field("path", pa.string(), nullable=False),
        pa.field("length", pa.int64(), nullable=False),
        pa.field("modified", pa.timestamp("us", tz="UTC")),
        pa.field("content", pa.large_binary()),
    ]
    if options.on_error == "keep":
        fields.append(pa.field("error", pa.string()))
    if options.columns is None:
        return pa.schema(fields)
    by_name = {field.name: field for field in fields}
    unknown = [name for name in options.columns if name not in by_name]
    if unknown:
        text = f"there is no column {unknown[0]!r}: whole files have {', '.join(by_name)}"
        raise ValueError(text)
    return pa.schema([by_name[name] for name in options.columns])


def whole_files(plan: "Plan", unwrap: Unwrap, options: TableOptions) -> Iterator[Any]:
    """Tables with a row for each file. Every file is read to its end, whatever the columns."""
    import pyarrow as pa  # noqa: PLC0415 (only tables need it)

    schema = whole_file_schema(options)
    rows: list[dict[str, Any]] = []
    length = 0
    for file, result in plan.unseal(
        unwrap,
        storage_options=options.storage_options,
        require=options.require,
        on_error=options.on_error,
    ):
        rows.append(_row(file, result))
        length += file.plaintext_len
        if len(rows) == MOST_ROWS or length >= MOST_BYTES:
            yield pa.Table.from_pylist(rows, schema)
            rows, length = [], 0
    if rows:
        yield pa.Table.from_pylist(rows, schema)


def _row(file: "PlannedFile", result: bytes | Exception) -> dict[str, Any]:
    row = {"path": file.name, "length": file.plaintext_len, "modified": file.modified}
    if isinstance(result, Exception):
        return row | {"error": f"{type(result).__name__}: {result}"}
    return row | {"content": result}


def rows(file: "PlannedFile", unwrap: Unwrap, options: TableOptions) -> Iterator[Any]:
    """The rows in one file, as tables. Of Parquet, only the columns that are needed are fetched.

    With ``on_error="keep"``, a table comes only when the whole file was read.
    """
    try:
        with _opened(file, unwrap, options) as source:
            tables = _READERS[options.format](source, options.columns)
            yield from list(tables) if options.on_error == "keep" else tables
    except Exception as error:
        raise noted(error, file.name)  # noqa: B904 (it is the same)


def _opened(file: "PlannedFile", unwrap: Unwrap, options: TableOptions) -> Any:
    from fsspec.core import url_to_fs  # noqa: PLC0415 (an extra)

    from ..fsspec import SealedFileSystem  # noqa: PLC0415 (an extra)

    inner, path = url_to_fs(file.name, **(options.storage_options or {}))
    sealed = SealedFileSystem(fs=inner, unwrap=unwrap, require=options.require)
    return sealed.open(path, "rb")


def _parquet(source: Any, columns: tuple[str, ...] | None) -> Iterator[Any]:
    import pyarrow as pa  # noqa: PLC0415 (only tables need it)
    from pyarrow.parquet import ParquetFile  # noqa: PLC0415

    with ParquetFile(source) as file:
        for group in range(file.num_row_groups):
            yield file.read_row_group(group, columns)
        if not file.num_row_groups:
            yield pa.Table.from_batches([], file.schema_arrow).select(columns)


def _csv(source: Any, columns: tuple[str, ...] | None) -> Iterator[Any]:
    import pyarrow as pa  # noqa: PLC0415 (only tables need it)
    from pyarrow import csv  # noqa: PLC0415

    options = csv.ConvertOptions(include_columns=columns)
    with csv.open_csv(source, convert_options=options) as batches:
        for batch in batches:
            yield pa.Table.from_batches([batch])


def _json(source: Any, columns: tuple[str, ...] | None) -> Iterator[Any]:
    from pyarrow import json  # noqa: PLC0415 (only tables need it)

    table = json.read_json(source)
    yield table if columns is None else table.select(columns)


_READERS = {"parquet": _parquet, "csv": _csv, "json": _json}
