"""Spark on this machine, with two workers, everything it writes in one folder, and a job key."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

import libseal.spark
from libseal.batch import JobKey

TRIES = 2


@contextmanager
def running_spark(folder: Path, workers: int = 2) -> Iterator[SparkSession]:
    """Starts Spark. Workers have the environment of this process, with a job key in it.

    A task is tried twice. What is written is neither compressed nor deleted before the end, so that
    it can be searched.
    """
    # Java that another session has left keeps the folders of that one.
    stop_java()
    for name in ("events", "local"):
        (folder / name).mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        if "LIBSEAL_JOB_SECRET" not in os.environ:
            patch.setenv("LIBSEAL_JOB_SECRET", JobKey.generate().to_text())
        settings = {
            "spark.cleaner.referenceTracking": "false",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.eventLog.compress": "false",
            "spark.eventLog.dir": folder.joinpath("events").as_uri(),
            "spark.eventLog.enabled": "true",
            "spark.local.dir": str(folder / "local"),
            "spark.log.level": "FATAL",
            "spark.shuffle.compress": "false",
            "spark.shuffle.spill.compress": "false",
            "spark.sql.inMemoryColumnarStorage.compressed": "false",
            "spark.sql.shuffle.partitions": "2",
            "spark.sql.warehouse.dir": str(folder / "warehouse"),
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
        }
        builder = SparkSession.builder.master(f"local[{workers},{TRIES}]")
        spark = builder.config(map=settings).getOrCreate()
        try:
            libseal.spark.register(spark)
            yield spark
        finally:
            spark.stop()
            stop_java()


def stop_java() -> None:
    """Ends Java too: another session may need another environment."""
    from pyspark import SparkContext

    gateway = SparkContext._gateway
    if gateway is not None:
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait()
        SparkContext._gateway = SparkContext._jvm = None
