"""The short form of `make engine-figures` reaches every goal but those of time."""

from collections.abc import Iterable
from pathlib import Path

from tests.engines.cloud import Cloud
from tests.measure.engines import engines
from tests.measure.engines.engines import QUICK, Row


def missed(rows: Iterable[Row]) -> list[str]:
    return [str(row) for row in rows if not row.good and not row.what.startswith("time")]


def test_one_decrypt_for_each_key_and_none_in_the_clear(cloud: Cloud, tmp_path: Path) -> None:
    assert missed(engines.count_rows(cloud, QUICK, tmp_path)) == []


def test_a_query_fetches_hardly_more_than_of_plain_files(cloud: Cloud, tmp_path: Path) -> None:
    assert missed(engines.query_rows(cloud, QUICK, tmp_path)) == []


def test_small_objects_and_a_million(cloud: Cloud, tmp_path: Path) -> None:
    assert missed(engines.rate_rows(cloud, tmp_path)) == []
    assert missed(engines.paper_rows(cloud, QUICK)) == []
