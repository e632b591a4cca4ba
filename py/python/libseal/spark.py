"""Spark reads and writes sealed files: a Python data source for Spark 4.0 or later.

>>> libseal.spark.register(spark)
>>> sealed = spark.read.format("sealed").option("kms", "alias/telemetry")
>>> files = sealed.load("s3://bucket/logs/")
>>> rows = sealed.option("rows", "parquet").schema("time timestamp, value double").load("s3://…")
>>> to = rows.write.format("sealed").option("recipients", "public.pem").mode("append")
>>> to.save("s3://bucket/copy/")

Reading asks the KMS once for each data key, in the driver, when a query first uses the DataFrame.
Workers get their data keys encrypted under a job key. They and the driver find it in the environment,
so set ``LIBSEAL_JOB_SECRET`` to ``JobKey.generate().to_text()`` before the session starts. Executors
on other machines get it from a secret of the cluster (``spark.kubernetes.executor.secretKeyRef…``),
or from ``spark.executorEnv.LIBSEAL_JOB_SECRET`` in a configuration file that only you can read: what
``SparkSession.builder.config`` sets is on a command line, where all users of the machine see it.

Without a job key the workers ask the KMS themselves. The files of one data key are in one partition
as far as their lengths permit, so this takes few calls more, unless tasks are repeated.

Options for reading:

- the path: a URL, a pattern or a folder, or several in ``load([…])``. Names that begin with ``_`` or
  ``.`` are left out, as everywhere in Spark. A path without any file raises FileNotFoundError.
- ``kms``: ids, ARNs or aliases of keys in AWS KMS, separated by commas. For anything else, register a
  subclass of SealedDataSource with an ``unwrapper`` of its own.
- ``rows``: ``parquet``, ``csv`` with a line of names, or ``json`` with an object on each line, for the
  rows in the files. Without it, each file is a row: ``path``, ``length`` (of the plaintext),
  ``modified`` and ``content``.
- ``onError``: with ``raise``, the default, the first bad file ends the query. With ``keep`` a bad file
  becomes a row with nothing but an ``_error``, which names the file and says what is wrong. A worker
  then holds all rows of a file in memory until it has been read to its end.
- ``require``: pairs that the encryption context must have, as a JSON object: see ``unseal``.
- ``partitions``: how many partitions to make at most. Spark runs one task for each.
- ``storageOptions``: what fsspec needs to open the store, as a JSON object. Spark shows options in
  plans, so leave credentials to the environment.

Spark (4.3 is the newest that was tried) does not tell Python data sources which columns a query
needs. So name them in ``schema``: of Parquet, only these are read. Without a schema, the columns are
those of the first good file, and the KMS is asked when ``load`` is called.

Writing takes no more than the public key: ``recipients`` names files with public keys, separated by
commas, ``context`` is a JSON object, and ``rows`` is the format, ``parquet`` by default. Each partition
becomes a file. It is written to ``_temporary-…`` in the path, and the files are moved from there when
all of them are complete; if a task fails for good, nothing is left. If the driver is killed while it
moves them, some stay where they were, and ``_temporary-…`` stays too; all of them are whole. The mode
is ``append``, or ``overwrite``, which deletes the old files after the new ones are there.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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

    _TEXT = f"libseal.spark needs Spark 4.0 or later with pyarrow: this is {version('pyspark')}"
    raise ImportError(_TEXT, name="pyspark") from error
from fsspec import url_to_fs
from pyspark.sql.types import StringType, StructType

from ._libseal import DataKeys, JobKey, PublicKey, Recipient
from ._types import Unwrap
from .batch import Plan, scan
from .batch._failures import check_on_error
from .batch._output import Output
from .batch._tables import ERROR, TableOptions, check_format, first_schema, tables
from .fsspec._options import kms_unwrapper, read_recipients

if TYPE_CHECKING:
    import pyarrow
    from pyspark.sql import SparkSession

__all__ = ["register", "SealedDataSource"]

JOB_SECRET = "LIBSEAL_JOB_SECRET"
FILE_COLUMNS = "path string, length bigint, modified timestamp, content binary"
# As in Spark's own sources: how much goes into a partition, and what a file takes at least.
PARTITION_BYTES = 128 * 1024 * 1024
FILE_BYTES = 4 * 1024 * 1024
FEWEST_PARTITIONS = 8
# Rows that go to Spark at once, as with its own batches.
BATCH_ROWS = 10_000


def register(spark: "SparkSession", source: "type[SealedDataSource] | None" = None) -> None:
    """Make ``format("sealed")`` known to a session, or a subclass of SealedDataSource.

    It takes the job key out of the environment that PySpark sends along with every task.
    """
    spark.sparkContext.environment.pop(JOB_SECRET, None)
    spark.dataSource.register(source or SealedDataSource)


class SealedDataSource(DataSource):  # type: ignore[misc] (without types)
    """``format("sealed")``. In a subclass, ``unwrapper`` and ``recipients`` may be others.

    A subclass is pickled with what it refers to, so let ``unwrapper`` make what holds secrets.
    """

    planned: "tuple[Plan, DataKeys | None] | None" = None

    @classmethod
    def name(cls) -> str:
        """What ``format`` is given."""
        return "sealed"

    def unwrapper(self) -> Unwrap:
        """Make what unwraps data keys, in the driver or, without a job key, in the workers."""
        if not (names := self._names("kms")):
            raise ValueError('name the keys to unseal with: .option("kms", "alias/telemetry")')
        return kms_unwrapper(names)

    def recipients(self) -> Sequence[PublicKey | Recipient]:
        """Whom to seal for."""
        if not (names := self._names("recipients")):
            raise ValueError('name the key to seal for: .option("recipients", "public.pem")')
        return read_recipients(names)

    def schema(self) -> StructType | str:
        """See the module."""
        options = self.table_options()
        if options.format is None:
            return FILE_COLUMNS + (f", {ERROR} string" if self.keeps() else "")
        from pyspark.sql.pandas.types import from_arrow_schema  # noqa: PLC0415 (takes a while)

        self.planned = plan, keys = self.plan()
        unwrap = self.unwrapper() if keys is None else keys
        columns = from_arrow_schema(first_schema(plan, unwrap, options))
        return columns.add(ERROR, StringType()) if self.keeps() else columns

    def plan(self) -> "tuple[Plan, DataKeys | None]":
        """Scan, and unwrap if there is a job key under which the keys can be sent."""
        options = self.table_options()
        found = scan(
            self._paths(),
            storage_options=options.storage_options,
            require=options.require,
            on_error="keep",
        )
        plan = found.select(lambda file: not _is_hidden(file.name))
        plan.failures = [failure for failure in found.failures if not _is_hidden(failure.name)]
        if plan.failures and not self.keeps():
            raise plan.failures[0].error
        if not plan and not plan.failures:
            raise FileNotFoundError(f"there is no file in {', '.join(self._paths())}")
        if JOB_SECRET not in os.environ:
            return plan, None
        keys, refused = plan.unwrap(
            self.unwrapper(), job_key=JobKey.from_env(), on_error=options.on_error
        )
        return plan.without(refused), keys

    def keeps(self) -> bool:
        """Whether bad files become rows."""
        return self.table_options().on_error == "keep"

    def table_options(self) -> TableOptions:
        """How the files become rows, by the options."""
        rows: Any = self.options.get("rows")
        check_format(rows)
        on_error: Any = self.options.get("onError", "raise")
        check_on_error(on_error)
        return TableOptions(
            format=rows,
            require=self._mapping("require"),
            on_error=on_error,
            storage_options=self._mapping("storageOptions"),
        )

    def reader(self, schema: StructType) -> "SealedReader":
        """See the module."""
        if self.keeps() and ERROR not in schema.names:
            raise ValueError(f'with onError "keep", the schema needs the column "{ERROR} string"')
        planned, self.planned = self.planned, None
        return SealedReader(self, schema, planned)

    def writer(self, schema: StructType, overwrite: bool) -> "SealedWriter":  # noqa: ARG002
        """See the module."""
        [path], options = self._paths(), self._mapping("storageOptions")
        rows: Any = self.options.get("rows", "parquet")
        output = Output(path, self.recipients(), rows, self._mapping("context"), options)
        return SealedWriter(output, path, options or {}, overwrite)

    def _paths(self) -> list[str]:
        """Spark puts one path or several into options."""
        if "paths" in self.options:
            paths: list[str] = json.loads(self.options["paths"])
            return paths
        return [self.options["path"]]

    def _names(self, option: str) -> list[str]:
        return [name.strip() for name in self.options.get(option, "").split(",") if name.strip()]

    def _mapping(self, option: str) -> dict[str, Any] | None:
        if option not in self.options:
            return None
        mapping = json.loads(self.options[option])
        if not isinstance(mapping, dict):
            raise TypeError(f"the option {option} must be a JSON object")
        return mapping


def _is_hidden(name: str) -> bool:
    return "/_temporary" in name or name.rpartition("/")[2].startswith(("_", "."))


@dataclass
class SealedPartition(InputPartition):  # type: ignore[misc] (without types)
    """What a worker is sent: never a data key in the clear."""

    plan: Plan
    keys: DataKeys | None


class SealedReader(DataSourceReader):  # type: ignore[misc] (without types)
    """Divides the files among workers, and reads them there."""

    def __init__(
        self,
        source: SealedDataSource,
        schema: StructType,
        planned: "tuple[Plan, DataKeys | None] | None",
    ) -> None:
        self.source, self.columns, self.planned = source, schema, planned

    def __getstate__(self) -> dict[str, Any]:
        # A worker gets its part, and no more.
        return self.__dict__ | {"planned": None}

    def partitions(self) -> list[SealedPartition]:
        """Runs in the driver."""
        plan, keys = self.planned or self.source.plan()
        length = plan.message_len + FILE_BYTES * len(plan)
        count = max(-(-length // PARTITION_BYTES), min(len(plan), FEWEST_PARTITIONS), 1)
        parts = [
            SealedPartition(part, keys and keys.for_headers(part.headers))
            for part in plan.partitions(int(self.source.options.get("partitions", count)))
        ]
        if plan.failures:
            failed = Plan()
            failed.failures = plan.failures
            parts.append(SealedPartition(failed, DataKeys()))
        return parts

    def read(self, partition: SealedPartition) -> "Iterator[pyarrow.RecordBatch]":
        """Runs in a worker."""
        import pyarrow as pa  # noqa: PLC0415 (not needed by the driver)
        from pyspark.sql.pandas.types import to_arrow_schema  # noqa: PLC0415 (takes a while)

        schema = to_arrow_schema(self.columns, timezone="UTC")
        options = self.source.table_options()._replace(columns=tuple(schema.names), types=schema)
        plan, keys = partition.plan, partition.keys
        if keys is None:
            keys, refused = plan.unwrap(self.source.unwrapper(), on_error=options.on_error)
            plan = plan.without(refused)
        for table in tables(plan, keys, options):
            columns = [
                table[field.name].cast(field.type)
                if field.name in table.column_names
                else pa.nulls(table.num_rows, field.type)
                for field in schema
            ]
            yield from pa.Table.from_arrays(columns, schema=schema).to_batches(BATCH_ROWS)


@dataclass
class Written(WriterCommitMessage):  # type: ignore[misc] (without types)
    """The name of the file that a task has written; none if there were no rows."""

    name: str | None


class SealedWriter(DataSourceArrowWriter):  # type: ignore[misc] (without types)
    """Seals each partition into a file, and puts them into their place together."""

    def __init__(
        self, output: Output, path: str, storage_options: Mapping[str, Any], overwrite: bool
    ) -> None:
        self.output, self.path, self.overwrite = output, path, overwrite
        self.storage_options = storage_options

    def write(self, iterator: "Iterator[pyarrow.RecordBatch]") -> Written:
        """Runs in a worker."""
        import pyarrow as pa  # noqa: PLC0415 (not needed by the driver)
        from pyspark import TaskContext  # noqa: PLC0415 (there is none in the driver)

        batches = [*iterator]
        if not any(batch.num_rows for batch in batches):
            return Written(None)
        number = TaskContext.get().partitionId()
        return Written(self.output.write(pa.Table.from_batches(batches), number))

    def commit(self, messages: "Sequence[Written | None]") -> None:
        """Runs in the driver when all tasks are done."""
        fs, folder = url_to_fs(self.path, **self.storage_options)
        old = []
        if self.overwrite and fs.exists(folder):
            old = [name for name in fs.find(folder) if "/_temporary" not in name]
        self.output.commit([message.name for message in messages if message and message.name])
        if old:
            fs.rm(old)

    def abort(self, messages: "Sequence[Written | None]") -> None:  # noqa: ARG002
        """Runs in the driver after a task has failed for good."""
        self.output.discard()
