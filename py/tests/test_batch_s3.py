"""Scanning and unsealing objects in S3, through s3fs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from s3fs import S3FileSystem

import libseal
from batch_support import names
from libseal import batch
from support import fleet, unwrapper
from tests.kms.ministack import CREDENTIAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kms.ministack import LocalKms

BUCKET = "batch-bucket"
LOGS = f"s3://{BUCKET}/logs"


@pytest.fixture(scope="module")
def options(kms: LocalKms) -> Iterator[dict[str, Any]]:
    yield {"key": CREDENTIAL, "secret": CREDENTIAL, "endpoint_url": kms.endpoint}
    S3FileSystem.clear_instance_cache()


@pytest.fixture
def s3(kms: LocalKms) -> Any:
    """A bucket with messages of three devices."""
    client = kms.s3
    client.create_bucket(Bucket=BUCKET)
    for found in client.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        client.delete_object(Bucket=BUCKET, Key=found["Key"])
    for number, key in enumerate(fleet(3)):
        for message in range(5):
            data = key.seal(b"%d-%d" % (number, message))
            client.put_object(Bucket=BUCKET, Key=f"logs/{number}/{message}.sealed", Body=data)
    return client


def test_a_prefix_is_scanned_and_unsealed(s3: Any, options: Any) -> None:
    plan = batch.scan(f"{LOGS}/", storage_options=options)
    assert names(plan) == [f"{LOGS}/{n}/{m}.sealed" for n in range(3) for m in range(5)]
    assert len(plan.headers) == 3
    head = s3.head_object(Bucket=BUCKET, Key="logs/0/0.sealed")
    assert plan[0].etag == head["ETag"].strip('"')
    assert plan[0].message_len == head["ContentLength"]
    assert plan[0].modified is not None
    assert plan[0].modified.replace(microsecond=0) == head["LastModified"]
    assert datetime.now(UTC) - plan[0].modified < timedelta(hours=1)

    keys, _ = plan.unwrap(unwrapper())
    for file, data in plan.unseal(keys, storage_options=options):
        assert file.name == f"{LOGS}/{data.decode().replace('-', '/')}.sealed"


def test_patterns_and_names(s3: Any, options: Any) -> None:
    plan = batch.scan([f"{LOGS}/*/3.sealed", f"{LOGS}/0/1.sealed"], storage_options=options)
    assert names(plan) == [f"{LOGS}/{name}.sealed" for name in ("0/3", "1/3", "2/3", "0/1")]


@pytest.mark.parametrize("files", [f"{LOGS}/*.nothing", f"{LOGS}/9/", f"{LOGS}/9/x.sealed"])
def test_what_is_not_there(s3: Any, options: Any, files: str) -> None:
    with pytest.raises(FileNotFoundError):
        batch.scan(files, storage_options=options)


def test_objects_that_are_new_replaced_or_gone_since(s3: Any, options: Any) -> None:
    plan = batch.scan(f"{LOGS}/0", storage_options=options)
    [key] = fleet(1)
    s3.put_object(Bucket=BUCKET, Key="logs/0/1.sealed", Body=key.seal(b"0-1"))
    s3.delete_object(Bucket=BUCKET, Key="logs/0/2.sealed")
    s3.put_object(Bucket=BUCKET, Key="logs/0/5.sealed", Body=key.seal(b"0-5"))
    s3.put_object(Bucket=BUCKET, Key="logs/0/3.sealed", Body=b"")
    kinds = [
        type(result).__name__
        for _, result in plan.unseal(unwrapper(), storage_options=options, on_error="keep")
    ]
    assert kinds == ["bytes", "ChangedError", "FileNotFoundError", "ChangedError", "bytes"]

    s3.put_object(Bucket=BUCKET, Key="logs/0/3.sealed", Body=key.seal(b"0-3"))
    plan = batch.scan(f"{LOGS}/0", storage_options=options)
    data = [data for _, data in plan.unseal(unwrapper(), storage_options=options)]
    assert data == [b"0-0", b"0-1", b"0-3", b"0-4", b"0-5"]


def test_listings_of_others_are_not_used_again(s3: Any, options: Any) -> None:
    S3FileSystem(**options).ls(f"{LOGS}/0")
    [key] = fleet(1)
    s3.put_object(Bucket=BUCKET, Key="logs/0/1.sealed", Body=key.seal(b"longer than before"))
    [file] = batch.scan(f"{LOGS}/0/1.sealed", storage_options=options)
    assert file.plaintext_len == len(b"longer than before")


def test_a_foreign_object_among_others(s3: Any, options: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="logs/1/foreign", Body=b"PAR1" * 100)
    plan = batch.scan(LOGS, storage_options=options, on_error="keep")
    assert len(plan) == 15
    [failure] = plan.failures
    assert failure.name == f"{LOGS}/1/foreign"
    assert isinstance(failure.error, libseal.FormatError)


def test_a_store_out_of_reach(options: Any) -> None:
    nowhere = options | {
        "endpoint_url": "http://127.0.0.1:9",
        "config_kwargs": {"retries": {"total_max_attempts": 1}},
    }
    fs = S3FileSystem(**nowhere, skip_instance_cache=True)
    fs.retries = 1
    plan = batch.scan(f"{LOGS}/0/0.sealed", fs=fs, on_error="keep")
    assert len(plan) == 0
    assert "127.0.0.1:9" in str(plan.failures[0].error)
