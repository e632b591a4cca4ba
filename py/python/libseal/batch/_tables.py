"""The files of a plan as tables of Arrow: what the adapters for engines have in common."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from .._changed import ChangedError
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
    """Those that are needed; None is all of them. If none are, how many rows there are counts."""
    require: Require | None = None
    on_error: OnError = "raise"
    """With "keep", there is a column more, unless others are asked for: see ERROR."""
    storage_options: Mapping[str, Any] | None = None
    types: Any = None
    """A schema of Arrow that columns of CSV and JSON are read as; None guesses for each file."""


ERROR = "_error"
"""The column that says why a file could not be read, and names it. Null in all other rows."""

PATH = "_path"
"""The column with the name of the file that a row is in, if it is among the columns."""


COUNTED = "_row"
"""The column of Parquet without columns."""


def check_format(format: object) -> None:  # noqa: A002 (its name everywhere)
    """Refuse what files are not read as."""
    if format is not None and format not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}, or None, not {format!r}")


def tables(plan: "Plan", unwrap: Unwrap, options: TableOptions) -> Iterator[Any]:
    """The files of a plan: a row for each file, or the rows that are in the files.

    Whole files are read to their ends, whatever the columns. Of Parquet, only the columns that are
    needed are fetched. With ``on_error="keep"``, no row of a file comes before all of it was read,
    and the failures of the plan come last.
    """
    yield from (_whole_files if options.format is None else _rows)(plan, unwrap, options)
    if options.on_error == "keep":
        for failure in plan.failures:
            yield from _error(failure.name, failure.error, options)


def _whole_files(plan: "Plan", unwrap: Unwrap, options: TableOptions) -> Iterator[Any]:
    import pyarrow as pa  # noqa: PLC0415 (only tables need it)

    schema = _whole_file_schema(options)
    rows: list[dict[str, Any]] = []
    length = 0
    for file, result in plan.unseal(
        unwrap,
        storage_options=options.storage_options,
        require=options.require,
        on_error=options.on_error,
    ):
        if isinstance(result, Exception):
            yield from _error(file.name, result, options)
            continue
        row = {"path": file.name, "length": len(result), "modified": file.modified}
        rows.append(row | {"content": result})
        length += len(result)
        if len(rows) == MOST_ROWS or length >= MOST_BYTES:
            yield pa.Table.from_pylist(rows, schema)
            rows, length = [], 0
    if rows:
        yield pa.Table.from_pylist(rows, schema)


def _whole_file_schema(options: TableOptions) -> Any:
    """Of a table of whole files, without the columns that are not needed."""
    import pyarrow as pa  # noqa: PLC0415 (only tables need it)

    types = {
        "path": pa.string(),
        "length": pa.int64(),
        "modified": pa.timestamp("us", tz="UTC"),
        "content": pa.large_binary(),
    }
    if options.on_error == "keep":
        types[ERROR] = pa.string()
    for name in options.columns or ():
        if name not in types:
            raise ValueError(f"there is no column {name!r}: whole files have {', '.join(types)}")
    return pa.schema([(name, types[name]) for name in options.columns or types])


def _error(name: str, error: Exception, options: TableOptions) -> Iterator[Any]:
    """The row of a file that could not be read."""
    import pyarrow as pa  # noqa: PLC0415 (only tables need it)

    if options.columns is not None and ERROR not in options.columns:
        return
    row = {ERROR: f"{name}: {type(error).__name__}: {error}"}
    if options.format is None:
        yield pa.Table.from_pylist([row], _whole_file_schema(options))
    else:
        # The types of the others are in the files that can be read.
        yield pa.Table.from_pylist([row], pa.schema([(ERROR, pa.string())]))


def _rows(plan: "Plan", unwrap: Unwrap, options: TableOptions) -> Iterator[Any]:
    columns = None
    if options.columns is not None:
        columns = tuple(name for name in options.columns if name not in {ERROR, PATH})
    for file in plan:
        try:
            with _opened(file, unwrap, options) as source:
                found = _READERS[str(options.format)](source, columns, options.types)
                found = (_with_own_columns(table, file, options) for table in found)
                if options.on_error == "raise":
                    yield from found
                    continue
                complete = [*found]
        except Exception as error:
            if options.on_error == "raise":
                raise noted(error, file.name)  # noqa: B904 (it is the same)
            yield from _error(file.name, error, options)
        else:
            yield from complete


def _with_own_columns(table: Any, file: "PlannedFile", options: TableOptions) -> Any:
    import pyarrow as pa  # noqa: PLC0415 (only tables need it)

    rows, columns = table.num_rows, options.columns
    if options.on_error == "keep" and (columns is None or ERROR in columns):
        table = table.append_column(ERROR, pa.nulls(rows, pa.string()))
    if columns is not None and PATH in columns:
        table = table.append_column(PATH, pa.repeat(file.name, rows))
    return table


def _opened(file: "PlannedFile", unwrap: Unwrap, options: TableOptions) -> Any:
    from fsspec.core import url_to_fs  # noqa: PLC0415 (an extra)

    from ..fsspec import SealedFileSystem  # noqa: PLC0415 (an extra)

    inner, path = url_to_fs(file.name, **(options.storage_options or {}))
    # What fsspec keeps lives as long as the process, and so would the data keys.
    sealed = SealedFileSystem(
        fs=inner, unwrap=unwrap, require=options.require, skip_instance_cache=True
    )
    opened = sealed.open(path, "rb")
    if not opened.is_message(file.header, file.salt, file.message_len):
        opened.close()
        raise ChangedError.since("scanned", file.name)
    return opened


def first_schema(plan: "Plan", unwrap: Unwrap, options: TableOptions) -> Any:
    """The schema of Arrow of the rows in the first file that can be read."""
    for file in plan:
        try:
            with _opened(file, unwrap, options) as source:
                return _schema(source, options)
        except Exception as error:
            if options.on_error == "raise":
                raise noted(error, file.name)  # noqa: B904 (it is the same)
    raise FileNotFoundError("there is no file whose rows can be read")


def _schema(source: Any, options: TableOptions) -> Any:
    from pyarrow.parquet import ParquetFile  # noqa: PLC0415 (only tables need it)

    if options.format == "parquet":
        return ParquetFile(source).schema_arrow
    return next(_READERS[str(options.format)](source, None, None)).schema


def _parquet(source: Any, columns: tuple[str, ...] | None, _: Any) -> Iterator[Any]:
    import pyarrow as pa  # noqa: PLC0415 (only tables need it)
    from pyarrow.parquet import ParquetFile  # noqa: PLC0415

    with ParquetFile(source) as file:
        for group in range(file.num_row_groups):
            if columns == ():
                # Of a table without columns, Arrow loses the length.
                rows = file.metadata.row_group(group).num_rows
                yield pa.table({COUNTED: pa.nulls(rows)})
            else:
                yield file.read_row_group(group, columns)
        if not file.num_row_groups:
            yield pa.Table.from_batches([], file.schema_arrow).select(columns)


def _csv(source: Any, columns: tuple[str, ...] | None, types: Any) -> Iterator[Any]:
    import pyarrow as pa  # noqa: PLC0415 (only tables need it)
    from pyarrow import csv  # noqa: PLC0415

    options = csv.ConvertOptions(
        include_columns=columns, column_types=types, include_missing_columns=types is not None
    )
    with csv.open_csv(source, convert_options=options) as batches:
        for batch in batches:
            yield pa.Table.from_batches([batch])


def _json(source: Any, columns: tuple[str, ...] | None, types: Any) -> Iterator[Any]:
    from pyarrow import json  # noqa: PLC0415 (only tables need it)

    table = json.read_json(source, parse_options=json.ParseOptions(explicit_schema=types))
    yield table.select(columns) if columns else table


_READERS = {"parquet": _parquet, "csv": _csv, "json": _json}
