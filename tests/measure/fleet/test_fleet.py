"""The short form of `make fleet` reaches every goal."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kms.counting import counting
from tests.kms.ministack import ministack
from tests.measure.fleet import fleet
from tests.measure.fleet.fleet import QUICK, Fleet


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with ministack() as kms, counting(kms) as counted:
        yield Fleet(counted, Path(tmp_path_factory.mktemp("fleet")), QUICK)


def test_one_request_for_each_key(quick: Fleet) -> None:
    assert [str(row) for row in fleet.count_rows(quick) if not row.good] == []


def test_strangers_cause_no_load(quick: Fleet) -> None:
    row = fleet.foreign_row(quick)
    assert row.good, row


def test_rewrapping_writes_the_header_only(quick: Fleet) -> None:
    row = fleet.rewrap_row(quick)
    assert row.good, row


def test_memory_of_a_handler(quick: Fleet) -> None:
    row = fleet.handler_row(quick)
    assert row.good, row
