import gc
import os
import signal
from collections.abc import Iterator

import pytest

from children import shared
from cli_support import command
from tests.kms.counting import CountedKms, counting
from tests.kms.ministack import LocalKms, ministack

__all__ = ["command", "shared"]

# A shell starts what runs in the background without Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Spare the collector what lives to the end, thousands of tests: some collect twice each."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def kms() -> Iterator[LocalKms]:
    with ministack() as local_kms:
        yield local_kms


@pytest.fixture(params=["without a name", "with a name"])
def new_file(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to make a file that replaces another."""
    if request.param == "with a name":
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    elif not hasattr(os, "O_TMPFILE"):
        pytest.skip("all files have names here")
    return str(request.param)


@pytest.fixture(scope="module")
def running(kms: LocalKms) -> Iterator[CountedKms]:
    with counting(kms) as counted:
        yield counted


@pytest.fixture
def counted(running: CountedKms) -> CountedKms:
    """The KMS behind a proxy that counts from here on."""
    running.reset()
    return running
