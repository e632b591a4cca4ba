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
from uuid import uuid4

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
from pyspark.sql.types import StringType, StructField, StructType

from ._libseal import PublicKey, Recipient
from ._types import Unwrap
from .batch import DataKeys, JobKey, Plan, scan
from .fsspec._options import kms_unwrapper, read_recipients
from .fsspec._tables import FORMATS, read_rows, write_rows

if TYPE_CHECKING:
    import pyarrow
    from pyspark.sql import SparkSession

__all__ = ["register", "SealedDataSource"]
