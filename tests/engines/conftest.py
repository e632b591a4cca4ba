import os
from collections.abc import Iterator

import pytest

from tests.engines.cloud import Cloud, running_cloud


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
