"""Sealed files in Ray Data: a source that unseals, a sink that seals, one unwrapper for workers.

>>> from libseal.ray import SealedDatasink, SealedDatasource
>>> unwrap = libseal.aws.KmsUnwrapper(functools.partial(boto3.client, "kms"), ["alias/telemetry"])
>>> ds = ray.data.read_datasource(SealedDatasource("s3://example-bucket/logs/", unwrap))
>>> ds.write_datasink(SealedDatasink("s3://example-bucket/out", public_key))

Run with Ray 2.55 and 2.60. Each data key is unwrapped once for all workers, and is never in the
clear in what Ray sends, stores or logs. Ray writes ``env_vars`` of ``runtime_env`` to a log file.
"""

import functools
import re
from collections.abc import Iterable, Mapping
from typing import Any

import ray

from ._libseal import WrappedKey, check_unwrap
from ._types import Context, Recipients, Require, Unwrap
from .batch import DataKeys, Files, OnError, Plan, scan
from .batch._handing import KeyHolder, asking, sealed_keys
from .batch._output import Output
from .batch._tables import ERROR, Format, TableOptions, check_format, tables

OLDEST = (2, 55)
if tuple(map(int, re.findall(r"\d+", ray.__version__)[:2])) < OLDEST:
    text = f"libseal.ray needs Ray {OLDEST[0]}.{OLDEST[1]} or later, and this is {ray.__version__}"
    raise ImportError(text, name=__name__)

from ray.data.block import BlockAccessor, BlockMetadata  # noqa: E402 (older ones have others)
from ray.data.datasource import Datasink, Datasource, ReadTask  # noqa: E402

__all__ = ["SealedDatasink", "SealedDatasource", "SharedUnwrapper"]


class SharedUnwrapper:
    """One unwrapper for all workers of a Ray job: each data key is unwrapped once.

    It can be sent to tasks and actors, in a closure too, and unwraps for anything that unseals::

        unwrap = SharedUnwrapper(KmsUnwrapper(make_client, ["alias/telemetry"]))
        ds.map(lambda row: {"text": libseal.unseal(row["bytes"], unwrap)})

    ``unwrap`` runs in an actor, on up to ``concurrency`` threads. So it is pickled, and the machine
    of the actor needs the permissions. Or it is the DataKeys of a plan: then only the driver does.

    Worker processes get data keys sealed for a key pair of their own. Whoever can run a task in the
    job can get them: Ray has no boundary inside a job.
    """

    def __init__(self, unwrap: Unwrap, *, concurrency: int = 8) -> None:
        check_unwrap(unwrap)
        # After a restart, it can ask a KMS again.
        tries = 0 if isinstance(unwrap, DataKeys) else -1
        actor = ray.remote(KeyHolder).options(
            num_cpus=0, max_concurrency=concurrency, max_restarts=tries, max_task_retries=tries
        )
        if isinstance(unwrap, DataKeys):
            holder = actor.remote(None)
            keys = sealed_keys(unwrap, ray.get(holder.public_key.remote()))
            ray.get(holder.take.remote(*keys))
        else:
            holder = actor.remote(unwrap)
        self._ask_of(holder)

    def _ask_of(self, holder: Any) -> None:
        self._holder = holder
        self._unwrap = asking(lambda *question: ray.get(holder.unwrap.remote(*question)))

    def __call__(self, wrapped_key: WrappedKey) -> bytes | None:
        """Return the data key, or None if it is wrapped for none of the unwrapper's keys."""
        return self._unwrap(wrapped_key)

    def __reduce__(self) -> tuple[Any, ...]:
        return _shared, (self._holder,)


@functools.lru_cache(maxsize=16)
def _shared(holder: Any) -> SharedUnwrapper:
    """The same one for all tasks of a worker process, with the data keys that it has got."""
    shared = SharedUnwrapper.__new__(SharedUnwrapper)
    shared._ask_of(holder)  # noqa: SLF001 (it is ours)
    return shared


class SealedDatasource(Datasource):
    """Reads sealed files: for ``ray.data.read_datasource``.

    ``files`` is what ``libseal.batch.scan`` takes (a URL, path, pattern or folder, or several), or
    a Plan that it made. They are scanned in the driver, when this object is made.

    Without a ``format``, each file is a row of ``path``, ``length``, ``modified`` and ``content``.
    With ``"parquet"``, ``"csv"`` or ``"json"`` (JSON lines), rows are those in the files. Of
    Parquet, only ``columns`` are fetched; ``Dataset.select_columns`` has the same effect.

    ``unwrap`` is any unwrapper. It is put into a SharedUnwrapper, unless it is one already.

    By default, the first file that cannot be read fails the job. With ``on_error="keep"``, there is
    a column ``_error``, and such a file is a row that has nothing but that, a text that names it.
    The rows of a file are then held in memory until all of it was read.

    ``storage_options`` are those of fsspec. For ``require`` see ``unseal``.
    """

    def __init__(
        self,
        files: Plan | Files,
        unwrap: Unwrap,
        *,
        format: Format | None = None,  # noqa: A002 (its name in Spark)
        columns: Iterable[str] | None = None,
        require: Require | None = None,
        on_error: OnError = "raise",
        storage_options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        check_format(format)
        # As Ray keeps what its optimizer finds out about columns.
        kept = (ERROR,) if on_error == "keep" else ()
        self._projection_map = None if columns is None else {c: c for c in (*columns, *kept)}
        self._options = TableOptions(format, None, require, on_error, storage_options)
        if not isinstance(files, Plan):
            files = scan(files, storage_options=storage_options, require=require, on_error=on_error)
        elif on_error == "raise" and files.failures:
            raise files.failures[0].error
        self._plan = files
        self._unwrap = unwrap if isinstance(unwrap, SharedUnwrapper) else SharedUnwrapper(unwrap)

    def estimate_inmemory_data_size(self) -> int:
        """For Ray."""
        return self._plan.plaintext_len

    def supports_projection_pushdown(self) -> bool:
        """For Ray."""
        return True

    def get_read_tasks(
        self, parallelism: int, per_task_row_limit: int | None = None, **_: Any
    ) -> list[ReadTask]:
        """For Ray: tasks with about the same number of bytes, and files of one key together."""
        names = self.get_projection_map()
        options = self._options._replace(columns=None if names is None else tuple(names))
        parts = self._plan.partitions(parallelism)
        if options.on_error == "keep" and self._plan.failures:
            parts.append(Plan())
            parts[-1].failures = self._plan.failures
        # No count of rows is true before the files have been verified.
        about = functools.partial(BlockMetadata, num_rows=None, exec_stats=None)
        return [
            ReadTask(
                functools.partial(tables, part, self._unwrap, options),
                about(size_bytes=part.plaintext_len, input_files=[file.name for file in part]),
                per_task_row_limit=per_task_row_limit,
            )
            for part in parts
        ]


class SealedDatasink(Datasink):
    """Seals the rows of a dataset: for ``Dataset.write_datasink``. Needs public keys only.

    Writes files of ``format`` (``"parquet"``, ``"csv"`` or ``"json"``, one object in a line) into
    ``folder``, a URL or path of fsspec, beside what is there. They appear when all of them are
    complete: until then they are in a folder ``_temporary-…`` in it, which ``libseal.batch.scan``
    does not look into. If the job fails, that is deleted; if the driver is killed, it stays.

    Each worker process has a data key, so reading the files takes as many calls of a KMS.
    ``storage_options`` are those of fsspec. For ``recipients`` and ``context`` see ``seal``.
    """

    def __init__(
        self,
        folder: str,
        recipients: Recipients,
        *,
        format: Format = "parquet",  # noqa: A002 (its name in Spark)
        context: Context | None = None,
        storage_options: Mapping[str, Any] | None = None,
    ) -> None:
        self._output = Output(folder, recipients, format, context, storage_options)
        self._names: list[str] = []

    def write(self, blocks: Iterable[Any], ctx: Any) -> str | None:
        """For Ray, in a worker: seals the rows of a task into a file, and returns its name."""
        import pyarrow as pa  # noqa: PLC0415 (Ray imports it late as well)

        found = [BlockAccessor.for_block(block).to_arrow() for block in blocks]
        rows = pa.concat_tables(found, promote_options="permissive") if found else None
        return self._output.write(rows.to_batches() if rows else [], ctx.task_idx)

    def on_write_complete(self, write_result: Any) -> None:
        """For Ray, in the driver: puts the files of all tasks into their place."""
        self._names = [*filter(None, write_result.write_returns)]
        self._output.commit(self._names)

    def on_write_failed(self, error: Exception) -> None:  # noqa: ARG002 (Ray gives it)
        """For Ray, in the driver: deletes what was written."""
        self._output.discard(self._names)
