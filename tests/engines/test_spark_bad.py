"""Bad files among good ones: named in the result, or the query ends, as the user chooses."""

import io
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet
from pyspark.sql import DataFrame, SparkSession

import libseal
from tests.engines.cloud import KEY, Cloud, Fleet
from tests.kms.counting import DENIED

GOOD = 60


def numbers(number: int) -> bytes:
    file = io.BytesIO()
    parquet.write_table(pa.table({"id": [number]}), file)
    return file.getvalue()


def stranger_s(message: bytes) -> bytes:
    key = libseal.LocalUnwrapper(libseal.generate_private_key()).public_key
    return libseal.seal(libseal.Recipient(key, "alias/a-stranger-s"), b"made up")


def with_another_mac(message: bytes) -> bytes:
    end = libseal.Header(message).length
    return message[: end - 1] + bytes([message[end - 1] ^ 1]) + message[end:]


BAD: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "altered": (lambda message: message[:-30] + b"?" + message[-29:], "TruncatedError"),
    "altered-header": (with_another_mac, "AuthenticationError"),
    "cut": (lambda message: message[:-7], "TruncatedError"),
    "cut-header": (lambda message: message[:100], "TruncatedError"),
    "empty": (lambda message: b"", "FormatError|TruncatedError"),
    # An alias may have moved to a newer key, so the KMS is asked about it again after a minute.
    "foreign": (stranger_s, "NoMatchingRecipientError|KmsUnavailableError"),
    "plain": (lambda message: b"id\n1\n", "FormatError"),
}


def load(spark: SparkSession, path: str, rows: str | None, **options: str) -> DataFrame:
    reader = spark.read.format("sealed").options(kms=KEY, **options)
    if rows is None:
        return reader.load(path)
    columns = "id bigint" + (", _error string" if options.get("onError") == "keep" else "")
    return reader.option("rows", rows).schema(columns).load(path)


@pytest.fixture(scope="module")
def fleet(running: Cloud) -> Fleet:
    """Good files, and one bad one of each kind."""
    fleet = running.fleet(GOOD, 3, numbers, ".parquet.sealed")
    s3 = running.kms.kms.s3
    good = s3.get_object(Bucket=fleet.bucket, Key="000007.parquet.sealed")["Body"].read()
    running.put(fleet.bucket, {f"{name}.sealed": spoil(good) for name, (spoil, _) in BAD.items()})
    return fleet


@pytest.mark.parametrize("rows", [None, "parquet"], ids=["files", "rows"])
def test_bad_files_are_named_and_the_others_done(
    spark: SparkSession, cloud: Cloud, fleet: Fleet, rows: str | None
) -> None:
    found = load(spark, fleet.url, rows, onError="keep").collect()
    good = [row for row in found if row["_error"] is None]
    errors = [row["_error"] for row in found if row["_error"] is not None]
    if rows is None:
        contents = {row.path: bytes(row.content) for row in good}
        assert contents == {fleet.url_of(name): text for name, text in fleet.contents.items()}
    else:
        assert sorted(row.id for row in good) == [*range(GOOD)]
    assert len(errors) == len(BAD)
    for name, (_, reason) in BAD.items():
        [error] = [text for text in errors if fleet.url_of(name + ".sealed") in text]
        assert re.search(reason, error), error
    # The altered header is another one, with the same wrapped key. The second time, the process
    # that unwraps may be the same, which keeps data keys for a while.
    assert cloud.kms.requests["Decrypt"] <= 3


@pytest.mark.parametrize("rows", [None, "parquet"], ids=["files", "rows"])
@pytest.mark.parametrize("name", BAD)
def test_the_first_bad_file_ends_the_query(
    spark: SparkSession, cloud: Cloud, fleet: Fleet, name: str, rows: str | None
) -> None:
    with pytest.raises(Exception, match=BAD[name][1]) as caught:
        load(spark, fleet.url_of(f"{name}.sealed"), rows).collect()
    assert fleet.url_of(f"{name}.sealed") in str(caught.value)


@pytest.mark.parametrize("on_error", ["raise", "keep"])
def test_a_key_that_the_kms_refuses(spark: SparkSession, cloud: Cloud, on_error: str) -> None:
    fleet = cloud.fleet(6, 3)
    with cloud.kms.failing(DENIED, "Decrypt", times=1):
        files = load(spark, fleet.url, None, onError=on_error)
        if on_error == "raise":
            with pytest.raises(Exception, match="AccessDeniedException"):
                files.collect()
            return
        rows = files.collect()
    refused = [row["_error"] for row in rows if row["_error"] is not None]
    assert len(refused) == 2
    assert all("AccessDeniedException" in text for text in refused)
    assert len(rows) == 6


@pytest.mark.parametrize("rows", [None, "parquet"], ids=["files", "rows"])
@pytest.mark.parametrize("on_error", ["raise", "keep"])
def test_a_file_that_was_replaced_after_the_scan(
    spark: SparkSession, cloud: Cloud, rows: str | None, on_error: str
) -> None:
    key = libseal.SealingKey(cloud.recipient)
    bucket = cloud.bucket()
    cloud.put(bucket, {f"{number}.sealed": key.seal(numbers(number)) for number in range(3)})
    found = load(spark, f"s3://{bucket}/", rows, onError=on_error)
    assert found.count() == 3
    # As long as before, and under the same data key.
    cloud.put(bucket, {"1.sealed": key.seal(numbers(7))})
    if on_error == "raise":
        with pytest.raises(Exception, match="ChangedError") as caught:
            found.collect()
        assert f"s3://{bucket}/1.sealed" in str(caught.value)
    else:
        errors = [row["_error"] for row in found.collect()]
        [error] = [text for text in errors if text is not None]
        assert len(errors) == 3
        assert error.startswith(f"s3://{bucket}/1.sealed: ChangedError")
    # Another load scans again.
    assert load(spark, f"s3://{bucket}/", rows).count() == 3


@pytest.mark.parametrize("rows", [None, "parquet"], ids=["files", "rows"])
def test_a_store_that_returns_less_than_asked(
    spark: SparkSession, cloud: Cloud, rows: str | None
) -> None:
    fleet = cloud.fleet(3, 1, numbers, ".parquet.sealed")
    found = load(spark, fleet.url, rows, onError="keep")
    assert found.count() == 3
    with cloud.s3.failing(lambda method, path, _: method == "GET" and "000001" in path, cut=5):
        errors = [row["_error"] for row in found.collect()]
    [error] = [text for text in errors if text is not None]
    assert error.startswith(fleet.url_of("000001.parquet.sealed"))


def test_keeping_errors_needs_a_column_for_them(spark: SparkSession, cloud: Cloud) -> None:
    fleet = cloud.fleet(1, 1)
    reader = spark.read.format("sealed").options(kms=KEY, onError="keep")
    with pytest.raises(Exception, match='the schema needs the column "_error string"'):
        reader.schema("path string").load(fleet.url).collect()


def test_a_spark_that_is_too_old_says_which_is_needed(tmp_path: Path) -> None:
    (tmp_path / "pyspark" / "sql").mkdir(parents=True)
    for package in ("pyspark", "pyspark/sql"):
        (tmp_path / package / "__init__.py").touch()
    (tmp_path / "pyspark-3.5.6.dist-info").mkdir()
    metadata = "Metadata-Version: 2.1\nName: pyspark\nVersion: 3.5.6\n"
    (tmp_path / "pyspark-3.5.6.dist-info" / "METADATA").write_text(metadata)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import libseal.spark"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert b"ImportError: libseal.spark needs Spark 4.0 or later" in child.stderr
    assert b"3.5.6" in child.stderr
