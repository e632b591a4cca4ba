"""Dask reads sealed files through libseal.fsspec, in processes that have the keys of a plan."""

import functools
import io
import os
import pickle
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import cloudpickle
import dask
import dask.bag
import dask.dataframe as dd
import pandas as pd
import pytest

import libseal
from libseal import batch
from tests.engines.cloud import KEY, Cloud, Fleet
from tests.engines.search import count_secrets

FILES, KEYS, ROWS = 12, 3, 100


@pytest.fixture(autouse=True)
def two_processes() -> Iterator[None]:
    with dask.config.set(scheduler="processes", num_workers=2):
        yield


@pytest.fixture
def job_key(monkeypatch: pytest.MonkeyPatch) -> batch.JobKey:
    """In the environment, which the workers inherit."""
    key = batch.JobKey.generate()
    monkeypatch.setenv("LIBSEAL_JOB_SECRET", key.to_text())
    return key


def frame(number: int) -> pd.DataFrame:
    return pd.DataFrame({"number": range(ROWS * number, ROWS * (number + 1)), "file": number})


def parquet(number: int) -> bytes:
    buffer = io.BytesIO()
    frame(number).to_parquet(buffer)
    return buffer.getvalue()


def whole_frame() -> pd.DataFrame:
    return pd.concat(map(frame, range(FILES)), ignore_index=True)


def unwrap(cloud: Cloud, fleet: Fleet, job_key: batch.JobKey) -> batch.DataKeys:
    """Here, and nowhere else."""
    plan = batch.scan(fleet.url)
    client = functools.partial(boto3.client, "kms")
    return plan.unwrap(libseal.aws.KmsUnwrapper(client, [KEY]), job_key=job_key).keys


def test_parquet_with_the_keys_of_a_plan(cloud: Cloud, job_key: batch.JobKey) -> None:
    fleet = cloud.fleet(FILES, KEYS, parquet)
    keys = unwrap(cloud, fleet, job_key)
    rows = dd.read_parquet(f"sealed::{fleet.url}*", storage_options={"unwrap": keys})
    assert rows.npartitions > 1
    result = rows.compute().sort_values("number").reset_index(drop=True)
    pd.testing.assert_frame_equal(result, whole_frame(), check_dtype=False)
    assert rows.groupby("file")["number"].sum().compute().tolist() == [
        frame(number)["number"].sum() for number in range(FILES)
    ]
    assert cloud.kms.requests["Decrypt"] == KEYS


def test_csv_and_json_lines(cloud: Cloud, job_key: batch.JobKey) -> None:
    fleet = cloud.fleet(FILES, KEYS, lambda number: frame(number).to_csv(index=False).encode())
    options = {"unwrap": unwrap(cloud, fleet, job_key)}
    rows = dd.read_csv(f"sealed::{fleet.url}*", storage_options=options, blocksize=None)
    assert rows["number"].sum().compute() == whole_frame()["number"].sum()
    assert cloud.kms.requests["Decrypt"] == KEYS


def test_bags_of_text(cloud: Cloud, job_key: batch.JobKey) -> None:
    fleet = cloud.fleet(FILES, KEYS, lambda number: b"line\n" * number)
    options = {"unwrap": unwrap(cloud, fleet, job_key)}
    lines = dask.bag.read_text(f"sealed::{fleet.url}*", storage_options=options)
    assert lines.count().compute() == sum(range(FILES))
    assert cloud.kms.requests["Decrypt"] == KEYS


def test_no_key_is_in_what_dask_sends(cloud: Cloud, job_key: batch.JobKey, tmp_path: Path) -> None:
    fleet = cloud.fleet(FILES, KEYS, parquet)
    keys = unwrap(cloud, fleet, job_key)
    secrets = [*fleet.data_keys, job_key.to_text().encode()]
    with dask.config.set(temporary_directory=str(tmp_path)):
        rows = dd.read_parquet(f"sealed::{fleet.url}*", storage_options={"unwrap": keys})
        shuffled = rows.shuffle("file").map_partitions(len)
        tasks = [cloudpickle.dumps(task) for task in dict(shuffled.__dask_graph__()).values()]
        assert sum(shuffled.compute()) == FILES * ROWS
    assert tasks
    assert any(b"unpickle_data_keys" in task for task in tasks)
    assert count_secrets(secrets, *tasks, pickle.dumps(keys), tmp_path) == 0


def test_keys_without_a_job_key_are_not_sent(cloud: Cloud) -> None:
    fleet = cloud.fleet(FILES, KEYS, parquet)
    keys, _ = batch.scan(fleet.url).unwrap(libseal.aws.KmsUnwrapper(cloud.kms.local.client, [KEY]))
    with pytest.raises(dask.tokenize.TokenizationError, match="DataKeys of 3 keys"):
        dd.read_parquet(f"sealed::{fleet.url}*", storage_options={"unwrap": keys})
    with pytest.raises(TypeError, match="job key"):
        pickle.dumps(keys)


def test_workers_without_the_job_key(
    cloud: Cloud, job_key: batch.JobKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = cloud.fleet(FILES, KEYS, parquet)
    keys = unwrap(cloud, fleet, job_key)
    rows = dd.read_parquet(f"sealed::{fleet.url}*", storage_options={"unwrap": keys})
    monkeypatch.delenv("LIBSEAL_JOB_SECRET")
    with pytest.raises(libseal.StateError, match="LIBSEAL_JOB_SECRET"):
        rows.compute()


def test_a_bad_object_is_named(cloud: Cloud, job_key: batch.JobKey) -> None:
    fleet = cloud.fleet(FILES, KEYS, parquet)
    keys = unwrap(cloud, fleet, job_key)
    name = next(iter(fleet.contents))
    s3 = cloud.kms.kms.s3
    message = bytearray(s3.get_object(Bucket=fleet.bucket, Key=name)["Body"].read())
    message[-100] ^= 1
    cloud.put(fleet.bucket, {name: bytes(message)})
    with pytest.raises(libseal.SealError) as caught:
        dd.read_parquet(f"sealed::{fleet.url}*", storage_options={"unwrap": keys}).compute()
    # Dask makes another exception of it.
    assert caught.value.__cause__ is not None
    assert name in "".join(caught.value.__cause__.__notes__)


def die(_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_is_killed_fails_the_job(cloud: Cloud, job_key: batch.JobKey) -> None:
    """Dask's own processes are not replaced; the job can be started again at once."""
    fleet = cloud.fleet(FILES, KEYS, parquet)
    keys = unwrap(cloud, fleet, job_key)
    rows = dd.read_parquet(f"sealed::{fleet.url}*", storage_options={"unwrap": keys})
    with pytest.raises(Exception, match="terminated abruptly"):
        rows.map_partitions(die, meta=("x", int)).compute()
    assert len(rows.compute()) == FILES * ROWS
    assert cloud.kms.requests["Decrypt"] == KEYS


def test_a_pattern_that_matches_nothing(cloud: Cloud, job_key: batch.JobKey) -> None:
    url = f"s3://{cloud.bucket()}/*.parquet"
    with pytest.raises(FileNotFoundError, match="no file matches"):
        batch.scan(url)
    # Dask takes it for a table without rows, of plain files too.
    options = {"unwrap": batch.DataKeys().bound_to(job_key)}
    assert len(dd.read_parquet(f"sealed::{url}", storage_options=options).columns) == 0
    assert len(dd.read_parquet(url).columns) == 0
