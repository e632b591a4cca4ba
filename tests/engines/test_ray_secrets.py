"""No data key is in the clear in what Ray sends, stores and logs."""

import functools
import os
import re
from pathlib import Path
from typing import Any, ClassVar

import boto3
import pytest
import ray

import libseal
from libseal import batch
from libseal.batch import _handing
from libseal.ray import SealedDatasource, SharedUnwrapper
from tests.engines.cloud import KEY, Cloud
from tests.engines.ray_cluster import STORE_LEN
from tests.engines.search import count_secrets

SECRET = b"0d9c2f7e-ba52-43e1-8f2d-not-a-secret"


class RecordedJobKey:
    """Makes job keys and keeps them in the clear, to be searched for."""

    made: ClassVar[list[bytes]] = []
    from_text = batch.JobKey.from_text

    @classmethod
    def generate(cls) -> batch.JobKey:
        key = batch.JobKey.generate()
        cls.made.append(key.to_text().encode())
        return key


@pytest.mark.parametrize("by", ["kms", "plan"])
def test_no_key_is_found(
    cloud: Cloud, ray_folder: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    monkeypatch.setattr(_handing, "JobKey", RecordedJobKey)
    # More than the memory of Ray takes, so that it writes to its folder.
    length = 2 << 20
    fleet = cloud.fleet(60, 5, lambda number: os.urandom(length))
    assert length * 60 > STORE_LEN
    plan = batch.scan(fleet.url)
    unwrap: Any = libseal.aws.KmsUnwrapper(functools.partial(boto3.client, "kms"), [KEY])
    if by == "plan":
        unwrap = plan.unwrap(unwrap).keys
    source = SealedDatasource(plan, unwrap)
    tasks = [ray.cloudpickle.dumps(task) for task in source.get_read_tasks(4)]
    dataset = ray.data.read_datasource(source, override_num_blocks=4).materialize()
    assert dataset.count() == 60
    assert cloud.kms.requests["Decrypt"] == 5

    secrets = [*fleet.data_keys, *RecordedJobKey.made]
    assert len(secrets) >= 5 + (by == "plan")
    assert count_secrets(secrets, *tasks, ray.cloudpickle.dumps(plan), ray_folder) == 0
    spilled = [file for file in ray_folder.rglob("*") if "spilled" in str(file) and file.is_file()]
    assert spilled, "Ray wrote nothing, so the search has shown nothing"


def test_ray_writes_its_env_vars_to_a_log(ray_folder: Path) -> None:
    """Why the module warns of them; and the search finds what there is to find."""

    @ray.remote(runtime_env={"env_vars": {"LIBSEAL_JOB_SECRET": SECRET.decode()}})  # type: ignore[untyped-decorator]
    def look() -> bool:
        return os.environ["LIBSEAL_JOB_SECRET"] == SECRET.decode()

    assert ray.get(look.remote())
    assert count_secrets([SECRET], ray_folder) == 1


def test_an_unwrapper_with_a_client_is_refused(cloud: Cloud, ray_folder: Path) -> None:
    with pytest.raises(TypeError, match=re.compile("pickle", re.I)):
        SharedUnwrapper(libseal.aws.KmsUnwrapper(cloud.kms.local.client, [KEY]))
