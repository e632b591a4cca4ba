"""libseal.ray seals what a dataset has: all of it or nothing."""

from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pytest
import ray

import libseal
from libseal import batch
from libseal.ray import SealedDatasink, SealedDatasource
from tests.engines.cloud import KEY, Cloud

pytestmark = [
    pytest.mark.usefixtures("ray_folder"),
    # Ray warns of itself.
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray", "ignore::FutureWarning:ray"),
]

ROWS = [{"number": number, "text": f"row {number}"} for number in range(200)]


def unwrapper(cloud: Cloud) -> libseal.CachingUnwrapper:
    return libseal.CachingUnwrapper(libseal.aws.KmsUnwrapper(cloud.kms.local.client, [KEY]))


def names(bucket: str) -> list[str]:
    fs = fsspec.filesystem("s3", use_listings_cache=False)
    found: list[str] = fs.find(bucket)
    return found


def dataset(blocks: int = 4) -> Any:
    return ray.data.from_items(ROWS, override_num_blocks=blocks)


@pytest.mark.parametrize("format", ["parquet", "csv", "json"])
def test_rows_come_back(cloud: Cloud, format: Any) -> None:  # noqa: A002 (its name in libseal)
    folder = f"s3://{cloud.bucket()}/out"
    sink = SealedDatasink(folder, cloud.recipient, format=format, context={"job": "7"})
    dataset().write_datasink(sink)
    assert cloud.kms.requests == {}
    plan = batch.scan(folder, require={"job": "7"})
    assert all(file.name.endswith(f".{format}.sealed") for file in plan)
    # A data key for each worker, not for each file.
    assert len(plan.headers) <= 2 < len(plan)
    keys, _ = plan.unwrap(unwrapper(cloud))
    source = SealedDatasource(plan, keys, format=format)
    rows = ray.data.read_datasource(source).to_pandas().sort_values("number")
    assert rows.to_dict("records") == ROWS


def test_files_are_added_to_those_that_are_there(cloud: Cloud) -> None:
    folder = f"s3://{cloud.bucket()}/out"
    for _ in range(2):
        dataset(1).write_datasink(SealedDatasink(folder, cloud.recipient))
    plan = batch.scan(folder)
    assert len(plan) == 2
    assert len(names(folder)) == 2


def test_a_local_folder(cloud: Cloud, tmp_path: Path) -> None:
    dataset().write_datasink(SealedDatasink(str(tmp_path / "out"), cloud.recipient))
    assert len(batch.scan(tmp_path / "out")) == len([*tmp_path.rglob("*.sealed")]) == 4


def test_nothing_is_left_of_a_job_that_fails(cloud: Cloud) -> None:
    bucket = cloud.bucket()
    folder = f"s3://{bucket}/out"

    def fail_late(rows: Any) -> Any:
        if 150 in rows["number"]:
            raise ValueError("no more")
        return rows

    with pytest.raises(ray.exceptions.RayTaskError, match="no more"):
        dataset().map_batches(fail_late).write_datasink(SealedDatasink(folder, cloud.recipient))
    assert names(bucket) == []


def test_what_is_not_complete_is_no_data(cloud: Cloud) -> None:
    bucket = cloud.bucket()
    sink = SealedDatasink(f"s3://{bucket}/out", cloud.recipient)
    # As after a driver that was killed.
    sink._output.write(pa.Table.from_pylist(ROWS).to_batches(), 0)
    assert len(names(bucket)) == 1
    with pytest.raises(FileNotFoundError):
        batch.scan(f"s3://{bucket}/out")
    dataset().write_datasink(SealedDatasink(f"s3://{bucket}/out", cloud.recipient))
    assert len(batch.scan(f"s3://{bucket}/out")) == 4


def test_what_cannot_be_sealed_is_refused_at_once(cloud: Cloud) -> None:
    with pytest.raises(libseal.ContextError):
        SealedDatasink("s3://bucket/out", cloud.recipient, context={"": ""})
    with pytest.raises(libseal.LimitError):
        SealedDatasink("s3://bucket/out", [])
    with pytest.raises(ValueError, match="format must be one of"):
        SealedDatasink("s3://bucket/out", cloud.recipient, format="orc")  # type: ignore[arg-type]
