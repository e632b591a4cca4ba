"""Sealed files in Ray Data: a datasource that unseals, a sink that seals, and one unwrapper for all.

>>> from libseal.ray import SealedDatasink, SealedDatasource
>>> unwrap = libseal.aws.KmsUnwrapper(functools.partial(boto3.client, "kms"), ["alias/telemetry"])
>>> ds = ray.data.read_datasource(SealedDatasource("s3://bucket/logs/", unwrap))
>>> ds.write_datasink(SealedDatasink("s3://bucket/out", recipients))

Run with Ray 2.60 on Python 3.11. Each wrapped key is unwrapped once, however many workers need it, and
no data key is in the clear in a task, in Ray's object store or in its logs.

What Ray calls ``runtime_env`` is no place for a secret: Ray writes ``env_vars`` to a log file.
"""

import functools
import pickle
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import ray

from ._errors import KeyUnwrapError
from ._libseal import (
    CachingUnwrapper,
    LocalUnwrapper,
    PublicKey,
    WrappedKey,
    check_unwrap,
    generate_private_key,
)
from ._seal import seal
from ._types import Context, Recipients, Require, Unwrap
from ._unseal import unseal
from ._writer import SealWriter
from .batch import DataKeys, JobKey, Plan, scan

OLDEST = "2.50"
"""The oldest Ray whose interfaces these are."""

__all__ = ["SealedDatasink", "SealedDatasource", "SharedUnwrapper"]

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
        if not isinstance(files, Plan):
            files = scan(
                files, storage_options=storage_options, require=require, on_error=on_error
            )
        elif on_error == "raise" and files.failures:
            raise files.failures[0].error
        self._plan = files
        self._holder = unwrap if isinstance(unwrap, SharedUnwrapper) else SharedUnwrapper(unwrap)
        self._options = TableOptions(format, columns, require, on_error, storage_options)
