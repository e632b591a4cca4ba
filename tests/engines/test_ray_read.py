"""libseal.ray reads sealed files: the rows of plain ones, and one call of the KMS for each key."""

import functools
import io
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
import ray

import libseal
from libseal import batch
from libseal.ray import SealedDatasource, SharedUnwrapper
from tests.engines.cloud import KEY, Cloud, Fleet

pytestmark = [
    pytest.mark.usefixtures("ray_folder"),
    # Ray warns of itself.
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray", "ignore::FutureWarning:ray"),
]

make_client = functools.partial(boto3.client, "kms")


def kms_unwrapper() -> libseal.aws.KmsUnwrapper:
    return libseal.aws.KmsUnwrapper(make_client, [KEY])


def read(files: Any, unwrap: Any = None, **options: Any) -> Any:
    source = SealedDatasource(files, unwrap or kms_unwrapper(), **options)
    return ray.data.read_datasource(source, override_num_blocks=4)


def contents(dataset: Any) -> dict[str, bytes]:
    return {row["path"]: row["content"] for row in dataset.iter_rows()}


def expected(fleet: Fleet) -> dict[str, bytes]:
    return {fleet.url_of(name): content for name, content in fleet.contents.items()}


def test_whole_files(cloud: Cloud) -> None:
    fleet = cloud.fleet(objects=40, keys=5)
    rows = read(fleet.url).take_all()
    assert {row["path"]: row["content"] for row in rows} == expected(fleet)
    assert all(row["length"] == len(row["content"]) for row in rows)
    assert all(row["modified"].year > 2000 for row in rows)
    assert cloud.kms.requests["Decrypt"] == 5
    # The beginnings, and each of them once.
    assert cloud.s3.requests["GET"] - len(rows) <= len(rows) + 2


def test_the_keys_of_a_plan(cloud: Cloud) -> None:
    fleet = cloud.fleet(objects=40, keys=5)
    plan = batch.scan(fleet.url)
    keys, _ = plan.unwrap(kms_unwrapper())
    assert contents(read(plan, keys)) == expected(fleet)
    assert cloud.kms.requests["Decrypt"] == 5


def test_a_shared_unwrapper_in_any_task(cloud: Cloud) -> None:
    key = libseal.SealingKey(cloud.recipient)
    messages = [{"bytes": key.seal(b"%d" % number)} for number in range(20)]
    unwrap = SharedUnwrapper(kms_unwrapper())
    dataset = ray.data.from_items(messages, override_num_blocks=4)
    unsealed = dataset.map(lambda row: {"text": libseal.unseal(row["bytes"], unwrap).decode()})
    assert {row["text"] for row in unsealed.iter_rows()} == set(map(str, range(20)))
    assert cloud.kms.requests["Decrypt"] == 1


TABLE = pa.table({"number": list(range(1000)), "text": [f"row {n}" for n in range(1000)]})


def parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pa.parquet.write_table(table, buffer)
    return buffer.getvalue()


def csv(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pa.csv.write_csv(table, buffer)
    return buffer.getvalue()


def json(table: pa.Table) -> bytes:
    frame: str = table.to_pandas().to_json(orient="records", lines=True)
    return frame.encode()


@pytest.mark.parametrize("write", [parquet, csv, json])
def test_rows_in_files(cloud: Cloud, write: Callable[[pa.Table], bytes]) -> None:
    fleet = cloud.fleet(10, 2, lambda number: write(TABLE.slice(100 * number, 100)))
    dataset = read(fleet.url, format=write.__name__)
    rows = sorted(dataset.iter_rows(), key=lambda row: row["number"])
    assert rows == TABLE.to_pylist()
    assert dataset.sum("number") == sum(range(1000))
    columns = read(fleet.url, format=write.__name__, columns=["number"])
    assert columns.schema().names == ["number"]
    assert columns.count() == 1000


@pytest.mark.parametrize("by", ["columns", "select_columns"])
def test_of_parquet_only_what_is_needed_is_fetched(cloud: Cloud, by: str) -> None:
    rows = 20_000
    noise = os.urandom(50 * rows)
    wide = [noise[50 * n : 50 * n + 50] for n in range(rows)]
    table = pa.table({"number": list(range(rows)), "wide": wide})
    fleet = cloud.fleet(2, 1, lambda _: parquet(table))
    cloud.reset()
    if by == "columns":
        dataset = read(fleet.url, format="parquet", columns=["number"])
    else:
        dataset = read(fleet.url, format="parquet").select_columns(["number"])
    assert sum(row["number"] for row in dataset.iter_rows()) == 2 * sum(range(rows))
    assert cloud.s3.fetched < sum(map(len, fleet.contents.values())) / 2


@pytest.fixture
def mixed(cloud: Cloud) -> tuple[Fleet, dict[str, bytes]]:
    """Good objects among bad ones."""
    fleet = cloud.fleet(objects=20, keys=2, content=lambda number: b"level\n%d\n" % number)
    stranger = libseal.LocalUnwrapper(libseal.generate_private_key()).public_key
    whole = libseal.seal(cloud.recipient, b"x" * 100_000)
    altered = bytearray(whole)
    altered[50_000] ^= 1
    bad = {
        "altered": bytes(altered),
        "cut": whole[:-1],
        "foreign": libseal.seal(stranger, b"x"),
        "not sealed": b"21.5;" * 100,
        "empty": b"",
    }
    cloud.put(fleet.bucket, bad)
    return fleet, bad


@pytest.mark.parametrize("format", [None, "csv"])
def test_bad_objects_are_named_and_the_others_read(
    cloud: Cloud,
    mixed: tuple[Fleet, dict[str, bytes]],
    format: str | None,  # noqa: A002 (its name in libseal)
) -> None:
    fleet, bad = mixed
    key: Any = cloud.kms.kms.client.describe_key(KeyId=KEY)["KeyMetadata"]
    # By its ARN: an alias might stand for another key soon, which strangers' messages are for.
    unwrap = libseal.aws.KmsUnwrapper(make_client, [key["Arn"]])
    rows = read(fleet.url, unwrap, format=format, on_error="keep").take_all()
    errors = sorted(row["_error"] for row in rows if row.get("_error"))
    assert [error.partition(": ")[0] for error in errors] == sorted(map(fleet.url_of, bad))
    kinds = {error.partition(": ")[2].partition(":")[0] for error in errors}
    assert kinds == {
        "AuthenticationError",
        "FormatError",
        "NoMatchingRecipientError",
        "TruncatedError",
    }
    if format == "csv":
        assert sum(row.get("level") or 0 for row in rows) == sum(range(20))
    else:
        good = {row["path"]: row["content"] for row in rows if not row["_error"]}
        assert good == expected(fleet)


def test_the_first_bad_object_fails_the_job(cloud: Cloud) -> None:
    fleet = cloud.fleet(objects=10, keys=2)
    message = bytearray(libseal.seal(cloud.recipient, b"x" * 100_000))
    message[50_000] ^= 1
    cloud.put(fleet.bucket, {"altered": bytes(message)})
    with pytest.raises(libseal.AuthenticationError) as caught:
        read(fleet.url).take_all()
    assert "altered" in str(caught.value)
    cloud.put(fleet.bucket, {"plain": b"21.5;" * 100})
    with pytest.raises(libseal.FormatError):
        read(fleet.url)


def test_an_object_that_was_replaced_after_the_scan(cloud: Cloud) -> None:
    fleet = cloud.fleet(objects=5, keys=1)
    plan = batch.scan(fleet.url)
    name = next(iter(fleet.contents))
    cloud.put(fleet.bucket, {name: libseal.seal(cloud.recipient, b"other")})
    with pytest.raises(batch.ChangedError, match="scan it again"):
        read(plan).take_all()


def test_a_key_that_is_refused(cloud: Cloud) -> None:
    from tests.kms.counting import DENIED

    fleet = cloud.fleet(objects=4, keys=2)
    with cloud.kms.failing(DENIED, "Decrypt"), pytest.raises(libseal.KmsRefusedError):
        read(fleet.url).take_all()


def test_a_worker_that_is_killed(cloud: Cloud, tmp_path: Path) -> None:
    fleet = cloud.fleet(objects=40, keys=5)
    marker = tmp_path / "killed"

    def kill_once(rows: Any) -> Any:
        if not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return rows

    dataset = read(fleet.url).map_batches(kill_once)
    assert contents(dataset) == expected(fleet)
    assert marker.exists()
    assert cloud.kms.requests["Decrypt"] == 5


def test_nothing_to_read(cloud: Cloud) -> None:
    bucket = cloud.bucket()
    with pytest.raises(FileNotFoundError, match="no file matches"):
        read(f"s3://{bucket}/*.sealed")


def test_what_cannot_be_read_is_refused_at_once(cloud: Cloud) -> None:
    fleet = cloud.fleet(objects=1, keys=1)
    with pytest.raises(ValueError, match="format must be one of parquet, csv, json"):
        SealedDatasource(fleet.url, kms_unwrapper(), format="orc")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        SealedDatasource(fleet.url, "alias/x")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="there is no column 'name'"):
        read(fleet.url, columns=["name"]).take_all()


def test_a_ray_that_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib
    import sys

    monkeypatch.setattr(ray, "__version__", "2.9.3")
    monkeypatch.delitem(sys.modules, "libseal.ray")
    with pytest.raises(ImportError, match=r"needs Ray 2\.\d+ or later, and this is 2\.9\.3"):
        importlib.import_module("libseal.ray")


def test_an_actor_that_is_restarted_asks_again(cloud: Cloud) -> None:
    unwrap = SharedUnwrapper(kms_unwrapper())
    for objects, keys in [(6, 2), (8, 4)]:
        cloud.reset()
        fleet = cloud.fleet(objects, keys)
        assert contents(read(fleet.url, unwrap)) == expected(fleet)
        assert cloud.kms.requests["Decrypt"] == keys
        ray.kill(unwrap._holder, no_restart=False)
