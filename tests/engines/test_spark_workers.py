"""Without a job key, the workers of Spark ask the KMS themselves: once for each data key."""

import subprocess
import sys

from tests.engines.cloud import KEY, ROOT, Cloud

QUERY = """
import sys

from pyspark.sql import SparkSession

import libseal.spark

url, key = sys.argv[1:]
spark = (
    SparkSession.builder.master("local[2]")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.log.level", "FATAL")
    .config("spark.ui.enabled", "false")
    .getOrCreate()
)
libseal.spark.register(spark)
found = spark.read.format("sealed").options(kms=key, partitions=6).load(url)
print(found.count(), found.rdd.getNumPartitions())
spark.stop()
"""


def test_workers_ask_once_for_each_data_key(cloud: Cloud) -> None:
    fleet = cloud.fleet(60, 6)
    environment = cloud.environment | {"PYSPARK_PYTHON": sys.executable}
    environment.pop("LIBSEAL_JOB_SECRET", None)
    command = [sys.executable, "-c", QUERY, fleet.url, KEY]
    query = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, check=False)
    assert query.stdout.split() == [b"60", b"6"], query.stderr.decode()
    assert cloud.kms.requests["Decrypt"] == 6
