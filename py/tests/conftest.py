from collections.abc import Iterator

import pytest

from tests.kms.ministack import LocalKms, ministack


@pytest.fixture(scope="session")
def kms() -> Iterator[LocalKms]:
    with ministack() as local_kms:
        yield local_kms
