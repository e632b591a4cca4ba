"""Spark reads and writes sealed files: a Python data source for Spark 4.0 or later.

>>> libseal.spark.register(spark)
>>> files = spark.read.format("sealed").option("kms", "alias/telemetry").load("s3://bucket/logs/")
>>> sealed_parquet = spark.read.format("sealed").options(kms="alias/telemetry", rows="parquet")
>>> rows = sealed_parquet.schema("time timestamp, value double").load("s3://bucket/tables/")
>>> to = rows.write.format("sealed").option("recipients", "public.pem").mode("append")
>>> to.save("s3://bucket/copy/")

The KMS is asked once for each data key, in the driver, when a query first uses the DataFrame. That
is also when the files are scanned; Spark 4.0 does so for every query. Workers get data keys
encrypted under a job key, which the driver and they find in the environment: set
``LIBSEAL_JOB_SECRET`` to ``JobKey.generate().to_text()`` before the session starts. Executors on
other machines get it from a secret of the cluster (``spark.kubernetes.executor.secretKeyRef.…``),
or from ``spark.executorEnv.LIBSEAL_JOB_SECRET`` in a configuration file that only you can read. Do
not put it into ``SparkSession.builder.config``: that is a command line, which the whole machine can
see.

Without a job key, the workers ask the KMS. The files of one data key are in one partition as far as
their lengths permit, so this takes few calls more, unless Spark repeats tasks.

Options for reading, besides a path, pattern or folder, or a list of them:

- ``kms``: ids, ARNs or aliases of keys in AWS KMS, separated by commas. For anything else, register
  a subclass of SealedDataSource with an ``unwrapper`` of its own.
- ``rows``: ``parquet``, ``csv`` with a line of names, or ``json`` with an object on each line, for
  the rows in the files. Without it, each file is a row: ``path``, ``length`` (of the plaintext),
  ``modified``, ``content``.
- ``onError``: with ``raise``, the first bad file ends the query. With ``keep``, it becomes a row
  with nothing but an ``_error``, which names the file. A worker then holds all rows of a file in
  memory.
- ``require``: pairs that the encryption context must have, as a JSON object: see ``unseal``.
- ``partitions``: into how many partitions to divide the files, at most.
- ``storageOptions``: what fsspec needs to open the store, as a JSON object. Spark shows options in
  plans, so leave credentials to the environment.

Spark does not tell Python data sources which columns a query needs (4.3, the newest that was
tried). So name them with ``schema``: of Parquet, no others are fetched. A column ``_path`` there is
the name of the file. Without a schema the columns are those of the first file, and the KMS is asked
by ``load``.

Writing takes no more than a public key: ``recipients`` names files with keys, separated by commas,
``context`` is a JSON object, ``rows`` the format, ``parquet`` if not given. Each partition becomes
a file in ``_temporary-…`` in the folder, and all are moved from there when the last is complete; if
a task fails for good, nothing stays. If the driver is killed while it moves them, ``_temporary-…``
stays with the rest. The mode is ``append``, or ``overwrite``, which deletes old files after all new
ones are in their place.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

try:
    from pyspark.sql.datasource import (
        DataSource,
        DataSourceArrowWriter,
        DataSourceReader,
        InputPartition,
        WriterCommitMessage,
    )
except ImportError as error:
    from importlib.metadata import version

    _TEXT = f"libseal.spark needs Spark 4.0 or later with pyarrow, and this is {version('pyspark')}"
    raise ImportError(_TEXT, name="pyspark") from error

from ._types import Recipients, Unwrap
from .batch import DataKeys, JobKey, Plan, scan
from .batch._failures import check_on_error
from .batch._output import Output
from .batch._tables import ERROR, TableOptions, check_format, first_schema, tables
from .fsspec._options import kms_unwrapper, read_recipients

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import SparkSession
    from pyspark.sql.types import StructType

__all__ = ["register", "SealedDataSource"]

Planned: TypeAlias = tuple[Plan, DataKeys | None]

_JOB_SECRET = "LIBSEAL_JOB_SECRET"  # noqa: S105 (its name)
_FILE_COLUMNS = "path string, length bigint, modified timestamp, content binary"
# As in Spark's own sources: how much goes into a partition, and what a file counts for at least.
_PARTITION_BYTES = 128 * 1024 * 1024
_FILE_BYTES = 4 * 1024 * 1024
_FEWEST_PARTITIONS = 8
_BATCH_ROWS = 10_000


def register(spark: "SparkSession", source: "type[SealedDataSource] | None" = None) -> None:
    """Make ``format("sealed")`` known to a session: SealedDataSource, or a subclass of it.

    The job key is taken out of ``spark.sparkContext.environment``: that goes along with each task.
    """
    spark.sparkContext.environment.pop(_JOB_SECRET, None)
    spark.dataSource.register(source or SealedDataSource)


class SealedDataSource(DataSource):
    """What ``format("sealed")`` stands for. A subclass may have another ``unwrapper``, or ``scan``.

    Spark pickles a subclass with all that it refers to. So let ``unwrapper`` make or fetch what
    has a secret, and not the class.
    """

    _planned: Planned | None = None

    @classmethod
    def name(cls) -> str:
        """Return what ``format`` is given."""
        return "sealed"

    def unwrapper(self) -> Unwrap:
        """Make what unwraps the data keys: in the driver or, without a job key, in the workers."""
        if not (names := self._names("kms")):
            raise ValueError('name the keys to unseal with: .option("kms", "alias/telemetry")')
        return kms_unwrapper(names)

    def recipients(self) -> Recipients:
        """Return whom to seal for."""
        if not (names := self._names("recipients")):
            raise ValueError('name the key to seal for: .option("recipients", "public.pem")')
        return read_recipients(names)

    def schema(self) -> "StructType | str":
        """For Spark, in the driver: the columns, unless the user names them."""
        options = self.table_options()
        if options.format is None:
            return _FILE_COLUMNS + (f", {ERROR} string" if options.on_error == "keep" else "")
        from pyspark.sql.pandas.types import from_arrow_schema  # noqa: PLC0415 (takes a while)

        # Spark pickles this object for what comes next: the keys as ciphertext.
        self._planned = plan, keys = self.plan()
        found = first_schema(plan, keys or self.unwrapper(), options)
        columns = from_arrow_schema(found, prefer_timestamp_ntz=True)
        return columns.add(ERROR, "string") if options.on_error == "keep" else columns

    def reader(self, schema: "StructType") -> "SealedReader":
        """For Spark, in the driver."""
        if self.table_options().on_error == "keep" and ERROR not in schema.names:
            raise ValueError(f'with onError "keep", the schema needs the column "{ERROR} string"')
        planned, self._planned = self._planned, None
        return SealedReader(self, schema, planned)

    def writer(self, schema: "StructType", overwrite: bool) -> "SealedWriter":  # noqa: ARG002
        """For Spark, in the driver."""
        [folder] = self._paths()
        rows: Any = self.options.get("rows", "parquet")
        context, storage_options = self._pairs("context"), self._pairs("storageOptions")
        return SealedWriter(
            Output(folder, self.recipients(), rows, context, storage_options), overwrite
        )

    def scan(self) -> Plan:
        """Look which files there are. A subclass can leave some out, with ``Plan.select``."""
        options = self.table_options()
        return scan(
            self._paths(),
            storage_options=options.storage_options,
            require=options.require,
            on_error=options.on_error,
        )

    def plan(self) -> Planned:
        """Scan and, if there is a job key to send the data keys under, unwrap them."""
        plan, options = self.scan(), self.table_options()
        if _JOB_SECRET not in os.environ:
            return plan, None
        job_key = JobKey.from_env()
        keys, refused = plan.unwrap(self.unwrapper(), job_key=job_key, on_error=options.on_error)
        return plan.without(refused), keys

    def table_options(self) -> TableOptions:
        """Return how files become rows."""
        rows: Any = self.options.get("rows")
        on_error: Any = self.options.get("onError", "raise")
        check_format(rows)
        check_on_error(on_error)
        require, storage_options = self._pairs("require"), self._pairs("storageOptions")
        return TableOptions(rows, None, require, on_error, storage_options)

    def _paths(self) -> list[str]:
        # Spark has one option for a path and another for several.
        paths = self.options.get("paths")
        return [*json.loads(paths)] if paths else [self.options["path"]]

    def _names(self, option: str) -> list[str]:
        return [name.strip() for name in self.options.get(option, "").split(",") if name.strip()]

    def _pairs(self, option: str) -> dict[str, Any] | None:
        pairs = json.loads(self.options.get(option, "null"))
        if not isinstance(pairs, dict | None):
            raise TypeError(f"the option {option} must be a JSON object")
        return pairs


@dataclass
class SealedPartition(InputPartition):
    """What a worker is sent."""

    plan: Plan
    keys: DataKeys | None


class SealedReader(DataSourceReader):
    """Divides the files among the workers, and reads them there."""

    def __init__(
        self, source: SealedDataSource, columns: "StructType", planned: Planned | None
    ) -> None:
        self._source, self._columns, self._planned = source, columns, planned

    def __getstate__(self) -> dict[str, Any]:
        # Workers get a part of the plan each, and not all of it with this object.
        return self.__dict__ | {"_planned": None}

    def partitions(self) -> list[SealedPartition]:
        """For Spark, in the driver."""
        plan, keys = self._planned or self._source.plan()
        fewest = -(-(plan.message_len + _FILE_BYTES * len(plan)) // _PARTITION_BYTES)
        count = self._source.options.get("partitions", max(fewest, _FEWEST_PARTITIONS))
        parts = [
            SealedPartition(part, keys and keys.for_headers(part.headers))
            for part in plan.partitions(int(count))
        ]
        if plan.failures:
            failed = Plan()
            failed.failures = plan.failures
            parts.append(SealedPartition(failed, None))
        # Spark takes no parts for one part that it makes.
        return parts or [SealedPartition(plan, None)]

    def read(self, partition: SealedPartition) -> "Iterator[pa.RecordBatch]":
        """For Spark, in a worker."""
        import pyarrow as pa  # noqa: PLC0415 (not needed in the driver)

        schema = _arrow_schema(self._columns)
        names = tuple(schema.names)
        options = self._source.table_options()._replace(columns=names, types=schema)
        plan, keys = partition.plan, partition.keys
        if keys is None:
            keys, refused = plan.unwrap(self._source.unwrapper(), on_error=options.on_error)
            plan = plan.without(refused)
        for table in tables(plan, keys, options):
            columns = [
                table[field.name].cast(field.type)
                if field.name in table.column_names
                else pa.nulls(table.num_rows, field.type)
                for field in schema
            ]
            yield from pa.Table.from_arrays(columns, schema=schema).to_batches(_BATCH_ROWS)


def _arrow_schema(columns: "StructType") -> "pa.Schema":
    from pyspark.sql.pandas.types import to_arrow_schema  # noqa: PLC0415 (takes a while)

    try:
        return to_arrow_schema(columns, timezone="UTC")
    except TypeError:
        # Spark 4.0 knows no other time zone.
        return to_arrow_schema(columns)


@dataclass
class Written(WriterCommitMessage):
    """The name of the file that a task wrote; None if it had no rows."""

    name: str | None


class SealedWriter(DataSourceArrowWriter):
    """Seals each partition into a file, and puts all of them into their place."""

    def __init__(self, output: Output, overwrite: bool) -> None:
        self._output, self._overwrite = output, overwrite

    def write(self, iterator: "Iterator[pa.RecordBatch]") -> Written:
        """For Spark, in a worker."""
        from pyspark import TaskContext  # noqa: PLC0415 (not needed in the driver)

        return Written(self._output.write(iterator, TaskContext.get().partitionId()))

    def commit(self, messages: Sequence[Written | None]) -> None:
        """For Spark, in the driver, when all tasks are done."""
        self._output.commit(_names(messages), overwrite=self._overwrite)

    def abort(self, messages: Sequence[Written | None]) -> None:
        """For Spark, in the driver, when something has failed for good."""
        self._output.discard(_names(messages))


def _names(messages: Sequence[Written | None]) -> list[str]:
    return [message.name for message in messages if message and message.name]
