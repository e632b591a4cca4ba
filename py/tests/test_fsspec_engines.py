"""pandas, pyarrow and DuckDB read and write sealed files, and fetch little else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import duckdb
import fsspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.spec import AbstractFileSystem

import libseal
from fsspec_support import Store, sealed
from support import public_key, unwrapper

if TYPE_CHECKING:
    from pathlib import Path

FILES = 3
ROWS = 40_000
EXPECTED = (FILES * ROWS, 100)
"""Rows, and the greatest value of a column."""

Query = Callable[[AbstractFileSystem, str], tuple[int, int]]


def with_pandas(fs: AbstractFileSystem, folder: str) -> tuple[int, int]:
    frames = [
        pd.read_parquet(path, filesystem=fs, columns=["level"]) for path in fs.glob(f"{folder}/*")
    ]
    levels = pd.concat(frames)["level"]
    return len(levels), int(levels.max())


def with_pyarrow(fs: AbstractFileSystem, folder: str) -> tuple[int, int]:
    levels = ds.dataset(folder, filesystem=fs).to_table(columns=["level"])["level"]
    return len(levels), pa.compute.max(levels).as_py()


def with_duckdb(fs: AbstractFileSystem, folder: str) -> tuple[int, int]:
    with duckdb.connect() as connection:
        connection.register_filesystem(fs)
        protocol = fs.protocol if isinstance(fs.protocol, str) else fs.protocol[0]
        query = f"select count(*), max(level) from '{protocol}://{folder}/*.parquet'"
        return connection.execute(query).fetchone()  # type: ignore[return-value]


QUERIES: dict[str, Query] = {
    "pandas": with_pandas,
    "pyarrow": with_pyarrow,
    "DuckDB": with_duckdb,
}


@pytest.fixture(scope="module")
def stores() -> tuple[Store, Store]:
    """The same Parquet files, plain and sealed."""
    plain, with_messages = Store(), Store()
    random = np.random.default_rng(1)
    for number in range(FILES):
        columns = {
            "level": random.integers(0, 101, ROWS),
            "noise": random.random(ROWS),
            "more": random.random(ROWS),
        }
        out = pa.BufferOutputStream()
        pq.write_table(pa.table(columns), out, row_group_size=ROWS // 2)
        data = out.getvalue().to_pybytes()
        plain.place(f"/logs/{number}.parquet", data)
        with_messages.place(f"/logs/{number}.parquet", libseal.seal(public_key(), data))
    return plain, with_messages


@pytest.mark.parametrize("engine", [*QUERIES])
def test_a_query_fetches_the_columns_that_it_needs(
    stores: tuple[Store, Store], engine: str
) -> None:
    plain, with_messages = stores
    # fsspec would read ahead 5 MiB: these are exactly the bytes that the engine asks for.
    plain.cache_type = "none"
    results = []
    for store in stores:
        store.reset()
        fs = store if store is plain else sealed(store)
        results.append(QUERIES[engine](fs, "/logs"))

    assert results == [EXPECTED, EXPECTED]
    chunks = 4096 + 2 * 16400 * 4
    assert with_messages.bytes_fetched < 1.1 * plain.bytes_fetched + FILES * chunks
    whole = sum(with_messages.objects.sizes(with_messages.objects.find("/logs")))
    assert with_messages.bytes_fetched < 0.5 * whole


@pytest.fixture
def memory() -> Iterator[MemoryFileSystem]:
    fs = MemoryFileSystem()
    yield fs
    fs.rm("/", recursive=True) if fs.find("/") else None


def test_pandas_writes_and_reads(memory: MemoryFileSystem) -> None:
    frame = pd.DataFrame({"device": ["a", "b"], "level": [21.5, 21.7]})
    url = "sealed::memory://frames/one"
    writing, reading = {"recipients": public_key()}, {"unwrap": unwrapper()}

    frame.to_parquet(f"{url}.parquet", storage_options=writing)
    frame.to_csv(f"{url}.csv", index=False, storage_options=writing)
    frame.to_json(f"{url}.json", orient="records", lines=True, storage_options=writing)

    for name in memory.find("/frames"):
        assert memory.cat_file(name).startswith(b"SEAL")
    read = [
        pd.read_parquet(f"{url}.parquet", storage_options=reading),
        pd.read_csv(f"{url}.csv", storage_options=reading),
        pd.read_json(f"{url}.json", orient="records", lines=True, storage_options=reading),
    ]
    for each in read:
        pd.testing.assert_frame_equal(each, frame)


def test_pyarrow_writes_and_reads_a_dataset(tmp_path: Path) -> None:
    fs, folder = fsspec.url_to_fs(
        f"sealed::file://{tmp_path}/logs", unwrap=unwrapper(), recipients=public_key()
    )
    table = pa.table({"day": [1, 1, 2], "level": [21, 22, 23]})

    ds.write_dataset(table, folder, filesystem=fs, format="parquet", partitioning=["day"])

    read = ds.dataset(folder, filesystem=fs, partitioning=["day"]).to_table().sort_by("level")
    assert read["level"].to_pylist() == [21, 22, 23]
    for path in tmp_path.rglob("*.parquet"):
        assert path.read_bytes().startswith(b"SEAL")


def test_duckdb_writes_and_reads(tmp_path: Path) -> None:
    fs = fsspec.filesystem(
        "sealed", target_protocol="file", unwrap=unwrapper(), recipients=public_key()
    )
    with duckdb.connect() as connection:
        connection.register_filesystem(fs)
        url = f"sealed://{tmp_path}/a"
        connection.execute(f"copy (select range as level from range(1000)) to '{url}.parquet'")
        connection.execute(f"copy (select range as level from range(1000)) to '{url}.csv'")
        for name in ("a.parquet", "a.csv"):
            query = f"select count(*), max(level) from 'sealed://{tmp_path}/{name}'"
            assert connection.execute(query).fetchone() == (1000, 999)
            assert (tmp_path / name).read_bytes().startswith(b"SEAL")


def test_a_cut_file_among_good_ones_fails_the_query(stores: tuple[Store, Store]) -> None:
    _, with_messages = stores
    store = Store()
    for path in with_messages.objects.find("/logs"):
        store.place(path, with_messages.objects.cat_file(path))
    store.place("/logs/1.parquet", store.objects.cat_file("/logs/1.parquet")[:-16400])

    with pytest.raises(Exception, match=r"cut short|end of the message|1\.parquet"):
        with_pyarrow(sealed(store), "/logs")


def test_options_travel_through_storage_options(memory: MemoryFileSystem) -> Any:
    key = libseal.SealingKey(public_key())
    for number in range(3):
        data = f"device,level\na,{number}\n".encode()
        memory.pipe_file(f"/csv/{number}.csv", key.seal(data))

    with fsspec.open_files("sealed::memory://csv/*.csv", "rt", unwrap=unwrapper()) as files:
        frames = [pd.read_csv(file) for file in files]

    assert pd.concat(frames)["level"].to_list() == [0, 1, 2]
