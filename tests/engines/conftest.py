import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.engines.cloud import Cloud, running_cloud

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def running() -> Iterator[Cloud]:
    """In the environment of this process and so of the engines' workers, AWS is this machine."""
    with running_cloud() as cloud, pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, text in cloud.environment.items():
            patch.setenv(name, text)
        yield cloud


@pytest.fixture
def cloud(running: Cloud) -> Cloud:
    """A KMS and an S3 that count from here on."""
    running.reset()
    return running


@pytest.fixture(scope="session")
def ray_folder(running: Cloud) -> Iterator[Path]:
    """Ray runs, with the cloud in the environment of its workers: the folder of its session."""
    from tests.engines.ray_cluster import running_ray

    with running_ray() as folder:
        yield folder


@pytest.fixture(scope="session")
def spark_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For all that Spark writes."""
    return tmp_path_factory.mktemp("spark")


@pytest.fixture(scope="session")
def spark(running: Cloud, spark_folder: Path) -> "Iterator[SparkSession]":
    """Spark runs, with the cloud and a job key in the environment of its workers."""
    from tests.engines.spark_session import running_spark

    with running_spark(spark_folder) as session:
        yield session
