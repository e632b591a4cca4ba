"""Sealed files in Ray Data: a datasource that unseals, a sink that seals, and one unwrapper for all.

>>> from libseal.ray import SealedDatasink, SealedDatasource
>>> unwrap = libseal.aws.KmsUnwrapper(functools.partial(boto3.client, "kms"), ["alias/telemetry"])
>>> ds = ray.data.read_datasource(SealedDatasource("s3://example-bucket/logs/", unwrap))
>>> ds.write_datasink(SealedDatasink("s3://example-bucket/out", public_key))

Run with Ray 2.60. Each data key is unwrapped once, however many workers need it, and is never in the
clear in what Ray sends, stores or logs. Do not give a secret to ``runtime_env``: Ray writes its
``env_vars`` to a log file.
"""

import functools
import json
import pickle
import re
import threading
import uuid
from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import Any

import ray

from ._errors import LimitError
from ._libseal import (
    CachingUnwrapper,
    LocalUnwrapper,
    PublicKey,
    SealingKey,
    WrappedKey,
    check_unwrap,
    generate_private_key,
)
from ._seal import seal
from ._types import Context, Recipients, Require, Unwrap
from ._unseal import unseal
from .batch import DataKeys, Failure, Files, JobKey, OnError, Plan, scan
from .batch._tables import Format, TableOptions, check_format, rows, whole_file_schema, whole_files

OLDEST = (2, 50)
if tuple(map(int, re.findall(r"\d+", ray.__version__)[:2])) < OLDEST:
    text = f"libseal.ray needs Ray {OLDEST[0]}.{OLDEST[1]} or later, and this is {ray.__version__}"
    raise ImportError(text, name=__name__)

from ray.data import Datasink, Datasource  # noqa: E402 (older ones have others)
from ray.data.block import BlockAccessor, BlockMetadata  # noqa: E402
from ray.data.datasource import ReadTask  # noqa: E402

__all__ = ["SealedDatasink", "SealedDatasource", "SharedUnwrapper"]

# Data keys that are kept, in some 40 MB.
MOST_KEYS = 65_536


class SharedUnwrapper:
    """One unwrapper for all workers of a Ray job: it asks ``unwrap`` once for each wrapped key.

    It can be sent to tasks and actors, in a closure too, and is given to anything that unseals::

        unwrap = SharedUnwrapper(KmsUnwrapper(make_client, ["alias/telemetry"]))
        ds.map(lambda row: {"text": libseal.unseal(row["bytes"], unwrap)})

    ``unwrap`` runs in an actor, on up to ``concurrency`` threads, which lives as long as the driver
    holds this object. So it is pickled: a KmsUnwrapper takes a function that makes the client. Or it
    is the DataKeys of a plan: then the driver alone needs the KMS. The driver encrypts them for a
    key pair of the actor.

    Each worker process makes a key pair, and gets every data key sealed for that. Whoever can run a
    task in the job can ask for keys: Ray has no other boundary.
    """

    def __init__(self, unwrap: Unwrap, *, concurrency: int = 8) -> None:
        check_unwrap(unwrap)
        options = {"num_cpus": 0, "max_concurrency": concurrency}
        if not isinstance(unwrap, DataKeys):
            # What it knew it can ask for again.
            options |= {"max_restarts": -1, "max_task_retries": -1}
            self._holder = _KeyHolder.options(**options).remote(unwrap)
            return
        self._holder = _KeyHolder.options(**options).remote(None)
        actor = PublicKey(ray.get(self._holder.public_key.remote()))
        job_key = JobKey.generate()
        keys = pickle.dumps(unwrap.bound_to(job_key))
        ray.get(self._holder.take.remote(seal(actor, job_key.to_text().encode()), keys))

    def __call__(self, wrapped_key: WrappedKey) -> bytes | None:
        """Return the data key, or None if it is wrapped for none of the unwrapper's keys."""
        return _cache(self._holder)(wrapped_key)

    def fingerprints(self) -> list[bytes]:
        """The fingerprints of the keys that the unwrapper holds, for the text of an error."""
        found: list[bytes] = ray.get(self._holder.fingerprints.remote())
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        return _shared, (self._holder,)


def _shared(holder: Any) -> SharedUnwrapper:
    shared = SharedUnwrapper.__new__(SharedUnwrapper)
    shared._holder = holder  # noqa: SLF001 (it is ours)
    return shared


@ray.remote
class _KeyHolder:
    """The actor. What it returns is sealed for the process that asks."""

    def __init__(self, unwrap: Unwrap | None) -> None:
        self._unwrap = unwrap and CachingUnwrapper(unwrap, max_age=None, max_entries=MOST_KEYS)

    def public_key(self) -> bytes:
        return _own_key().public_key.der

    def take(self, sealed_job_key: bytes, keys: bytes) -> None:
        JobKey.install(JobKey.from_text(unseal(sealed_job_key, _own_key()).decode()))
        self._unwrap = pickle.loads(keys)  # noqa: S301 (from the driver, as all of a task is)

    def unwrap(self, wrapped_key: WrappedKey, reader: bytes) -> bytes | Exception | None:
        assert self._unwrap is not None
        try:
            data_key = self._unwrap(wrapped_key)
        except Exception as error:  # It is the worker's, and not a failure of the actor.
            return error
        return None if data_key is None else seal(PublicKey(reader), data_key)

    def fingerprints(self) -> list[bytes]:
        fingerprints = getattr(self._unwrap, "fingerprints", None)
        return fingerprints() if fingerprints else []


@functools.lru_cache(maxsize=16)
def _cache(holder: Any) -> CachingUnwrapper:
    """What this process was given, so that it asks once."""

    def ask(wrapped_key: WrappedKey) -> bytes | None:
        own = _own_key()
        answer = ray.get(holder.unwrap.remote(wrapped_key, own.public_key.der))
        if isinstance(answer, Exception):
            raise answer
        return None if answer is None else unseal(answer, own)

    return CachingUnwrapper(ask, max_age=None, max_entries=MOST_KEYS)


_making_key = threading.Lock()


def _own_key() -> LocalUnwrapper:
    """The key pair of this process, which never leaves it."""
    with _making_key:
        return _make_key()


@functools.cache
def _make_key() -> LocalUnwrapper:
    return LocalUnwrapper(generate_private_key())


class SealedDatasource(Datasource):  # type: ignore[misc] (Ray is not there when types are checked)
    """Reads sealed files: for ``ray.data.read_datasource``.

    ``files`` is what ``libseal.batch.scan`` takes (a URL, path, pattern or folder, or several of
    them), or a Plan that it made. They are scanned in the driver, when this object is made.

    Without a ``format``, each file is a row of ``path``, ``length``, ``modified`` and ``content``.
    With ``"parquet"``, ``"csv"`` or ``"json"`` (JSON lines), rows are those in the files. Of
    Parquet, only ``columns`` are fetched; ``Dataset.select_columns`` has the same effect.

    ``unwrap`` is any unwrapper. It is put into a SharedUnwrapper, unless it is one already.

    By default, the first file that cannot be read fails the job. With ``on_error="keep"``, the
    others are read. Without a format, there is a column ``error``, which is null for them. With one,
    no row of the file is in the result, and ``failures`` names it when the job is done.

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
        self._projection_map = None if columns is None else {name: name for name in columns}
        self._options = TableOptions(format, None, require, on_error, storage_options)
        if not isinstance(files, Plan):
            files = scan(
                files, storage_options=storage_options, require=require, on_error=on_error
            )
        elif on_error == "raise" and files.failures:
            raise files.failures[0].error
        self._plan = files
        self._unwrap = unwrap if isinstance(unwrap, SharedUnwrapper) else SharedUnwrapper(unwrap)

    @property
    def failures(self) -> list[Failure]:
        """The files that could not be scanned, and those of a format that could not be read."""
        found = ray.get(self._unwrap._holder.failures.remote())  # noqa: SLF001 (it is ours)
        return [*self._plan.failures, *found]

    def estimate_inmemory_data_size(self) -> int:
        """For Ray: the length of all plaintexts."""
        return self._plan.plaintext_len

    def supports_projection_pushdown(self) -> bool:
        """For Ray: yes."""
        return True

    def get_read_tasks(
        self,
        parallelism: int,
        per_task_row_limit: int | None = None,
        data_context: Any = None,  # noqa: ARG002 (Ray gives it)
    ) -> list[ReadTask]:
        """For Ray: tasks with about the same number of bytes, and files of one key together."""
        columns = self.get_projection_map()
        options = self._options._replace(columns=None if columns is None else tuple(columns))
        if options.format is None:
            whole_file_schema(options)  # Refuses columns that there are not.
        parts = self._plan.partitions(parallelism)
        if options.on_error == "keep" and options.format is None and self._plan.failures:
            parts.append(Plan())
            parts[-1].failures = self._plan.failures
        return [
            ReadTask(
                functools.partial(_read, part, self._unwrap, options),
                BlockMetadata(
                    # No count is true before the files have been verified.
                    num_rows=None,
                    size_bytes=part.plaintext_len,
                    input_files=tuple(file.name for file in part),
                    exec_stats=None,
                ),
                per_task_row_limit=per_task_row_limit,
            )
            for part in parts
        ]


def _read(plan: Plan, unwrap: SharedUnwrapper, options: TableOptions) -> Any:
    if options.format is None:
        yield from whole_files(plan, unwrap, options)
        return
    for file in plan:
        try:
            yield from rows(file, unwrap, options)
        except Exception as error:
            if options.on_error == "raise":
                raise
            ray.get(unwrap._holder.note.remote(Failure(file.name, error)))  # noqa: SLF001


class SealedDatasink(Datasink):  # type: ignore[misc] (Ray is not there when types are checked)
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
        check_format(format)
        recipients = [recipients] if isinstance(recipients, PublicKey | Recipient) else [*recipients]
        SealingKey(recipients, context=context)  # Refuses what cannot seal.
        self._job = uuid.uuid4().hex
        self._folder = folder.rstrip("/")
        self._format = format
        self._sealing = recipients, context
        self._storage_options = storage_options

    def write(self, blocks: Iterable[Any], ctx: Any) -> str | None:
        """For Ray, in a worker: seals the rows of a task, and returns the name of the file."""
        import pyarrow as pa  # noqa: PLC0415 (Ray brings it, and imports it late as well)

        tables = [BlockAccessor.for_block(block).to_arrow() for block in blocks]
        table = pa.concat_tables([t for t in tables if t.num_rows], promote_options="permissive")
        if not table.num_rows:
            return None
        buffer = BytesIO()
        write_rows(table, buffer, self._format)
        fs, temporary = self._places()[:2]
        # Another try of the same task has another name.
        name = f"part-{ctx.task_idx:05}-{uuid.uuid4().hex}.{self._format}.sealed"
        fs.makedirs(temporary, exist_ok=True)
        fs.pipe_file(f"{temporary}/{name}", self._seal(buffer.getbuffer()))
        return name

    def on_write_complete(self, write_result: Any) -> None:
        """For Ray, in the driver: makes the files of all tasks appear."""
        fs, temporary, folder = self._places()
        for name in filter(None, write_result.write_returns):
            fs.mv(f"{temporary}/{name}", f"{folder}/{name}")
        # Of tasks that were tried again, there may be more.
        self._delete()

    def on_write_failed(self, error: Exception) -> None:  # noqa: ARG002 (Ray gives it)
        """For Ray, in the driver: deletes what was written."""
        self._delete()
