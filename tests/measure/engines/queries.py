"""The same query on plain and on sealed Parquet, through each engine in a process of its own.

    python -m tests.measure.engines.queries ENGINE KIND < TASK

The kinds are "plain", "sealed", and "exact": plain without the reading ahead of fsspec, which
fetches exactly what the engine asks for. S3 is where boto3 finds it. The answer, on the last line
of the output, is in JSON.
"""

import json
import os
import pickle
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import fsspec

from libseal import batch
from tests.measure.engines.jobs import WORKERS, spark_session

COLUMNS = ["sensor", "level"]

Result = list[tuple[int, int]]
"""For each sensor, the sum of the levels."""


@dataclass
class Task:
    folder: str
    """A URL."""
    keys: bytes
    """Pickled: their job key is in the environment."""
    runs: int
    scratch: str
    """A folder for what the engine writes."""


@dataclass
class Query:
    kind: str
    folder: str
    keys: batch.DataKeys | None

    @property
    def url(self) -> str:
        return f"sealed::{self.folder}" if self.keys is not None else self.folder

    @property
    def options(self) -> dict[str, Any]:
        """Of storage."""
        if self.keys is not None:
            return {"unwrap": self.keys}
        return {"default_cache_type": "none"} if self.kind == "exact" else {}

    def file_system(self) -> tuple[Any, str, list[str]]:
        """The file system, the path of the folder in it, and those of the files."""
        fs, path = fsspec.url_to_fs(self.url, **self.options)
        return fs, path, sorted(fs.find(path))

    def forget(self) -> None:
        """What was read before is not to make a difference."""
        fs, _, _ = self.file_system()
        fs.invalidate_cache()
        type(fs).clear_instance_cache()


def result_of(frame: Any) -> Result:
    sums = frame.groupby("sensor")["level"].sum().sort_index()
    return [(int(sensor), int(level)) for sensor, level in sums.items()]


def with_pandas(query: Query) -> Result:
    import pandas as pd

    _, _, paths = query.file_system()
    urls = [query.url + path.rpartition("/")[2] for path in paths]
    read = partial(pd.read_parquet, columns=COLUMNS, storage_options=query.options)
    return result_of(pd.concat([read(url) for url in urls]))


def with_pyarrow(query: Query) -> Result:
    import pyarrow.dataset

    fs, path, _ = query.file_system()
    table = pyarrow.dataset.dataset(path, filesystem=fs).to_table(columns=COLUMNS)
    sums = table.group_by("sensor").aggregate([("level", "sum")]).to_pylist()
    return sorted((row["sensor"], row["level_sum"]) for row in sums)


def with_duckdb(query: Query) -> Result:
    import duckdb

    fs, _, paths = query.file_system()
    protocol = fs.protocol if isinstance(fs.protocol, str) else fs.protocol[0]
    urls = [f"{protocol}://{path}" for path in paths]
    with duckdb.connect() as connection:
        connection.execute(f"set threads = {WORKERS}")
        connection.register_filesystem(fs)
        rows = connection.execute(
            f"select sensor, sum(level)::bigint from read_parquet({urls}) group by 1 order by 1"
        ).fetchall()
    return [(sensor, level) for sensor, level in rows]


def with_dask(query: Query) -> Result:
    import dask
    import dask.dataframe

    with dask.config.set(scheduler="processes", num_workers=WORKERS):
        rows = dask.dataframe.read_parquet(
            query.url, columns=COLUMNS, storage_options=query.options
        )
        sums = rows.groupby("sensor")["level"].sum().compute().sort_index()
    return [(int(sensor), int(level)) for sensor, level in sums.items()]


def with_ray(query: Query) -> Result:
    import ray

    from libseal.ray import SealedDatasource

    if query.keys is not None:
        source = SealedDatasource(query.folder, query.keys, format="parquet", columns=COLUMNS)
        rows = ray.data.read_datasource(source)
    else:
        fs, path, _ = query.file_system()
        rows = ray.data.read_parquet(path, filesystem=fs, columns=COLUMNS)
    return result_of(rows.to_pandas())


def with_spark(query: Query) -> Result:
    from pyspark.sql import SparkSession

    session = SparkSession.getActiveSession()
    schema = "sensor long, level long"
    if query.keys is not None:
        reader = session.read.format("sealed").schema(schema).option("rows", "parquet")
        rows = reader.option("kms", os.environ["KEY"]).load(query.folder)
    else:
        # Reading S3 in Java takes jars that are not in the package.
        _, _, paths = query.file_system()
        names = session.createDataFrame([(path,) for path in paths], "path string")
        rows = names.repartition(len(paths)).mapInArrow(partial(read_plain, query), schema)
    sums = rows.groupBy("sensor").sum("level").orderBy("sensor").collect()
    return [(row[0], row[1]) for row in sums]


def read_plain(query: Query, batches: Iterator[Any]) -> Iterator[Any]:
    import pyarrow.parquet

    fs, _, _ = query.file_system()
    for each in batches:
        for path in each["path"].to_pylist():
            with fs.open(path) as file:
                yield from pyarrow.parquet.ParquetFile(file).iter_batches(columns=COLUMNS)


ENGINES: dict[str, Callable[[Query], Result]] = {
    "pandas": with_pandas,
    "pyarrow": with_pyarrow,
    "DuckDB": with_duckdb,
    "Dask": with_dask,
    "Spark": with_spark,
    "Ray": with_ray,
}


def main() -> None:
    engine, kind = sys.argv[1:]
    task = pickle.load(sys.stdin.buffer)
    keys = pickle.loads(task.keys) if kind == "sealed" else None
    query = Query(kind, task.folder, keys)
    with ExitStack() as stack:
        if engine == "Ray":
            from tests.engines.ray_cluster import running_ray

            stack.enter_context(running_ray(WORKERS))
        elif engine == "Spark":
            stack.callback(spark_session(task.scratch).stop)
        seconds = []
        for _ in range(task.runs):
            query.forget()
            start = time.perf_counter()
            result = ENGINES[engine](query)
            seconds.append(time.perf_counter() - start)
    print("\n" + json.dumps({"result": result, "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
