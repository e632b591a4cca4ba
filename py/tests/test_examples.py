"""The examples that read a part of a message: what they say, and how much they fetch."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

import libseal

if TYPE_CHECKING:
    from tests.kms.ministack import LocalKms

EXAMPLES = Path(__file__).parents[2] / "examples/python"
ALIAS = "alias/examples"
CHUNK = 16_400
"""Bytes of the message that hold 16 KiB of plaintext."""


@pytest.fixture(scope="module")
def public_key(kms: LocalKms) -> libseal.PublicKey:
    kms.create_key(ALIAS)
    return libseal.aws.public_key(kms.client, ALIAS)


def run(kms: LocalKms, script: str, *args: str | Path | int) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, str(EXAMPLES / script), *map(str, args)]
    return subprocess.run(command, env=kms.environment, check=True, capture_output=True)


def fetched(errors: bytes) -> tuple[int, ...]:
    """The numbers in what the example says about itself."""
    return tuple(int(number) for number in re.findall(rb"\d+", errors))


def test_zip_member(kms: LocalKms, public_key: libseal.PublicKey, tmp_path: Path) -> None:
    sealed, back = tmp_path / "sealed", tmp_path / "back"
    contents = {f"{number}.log": os.urandom(100_000) for number in range(100)}
    with (
        sealed.open("wb") as file,
        libseal.SealWriter(file, public_key) as writer,
        zipfile.ZipFile(writer, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name, content in contents.items():
            archive.writestr(name, content)
    errors = run(kms, "zip_member.py", sealed, "42.log", back, ALIAS).stderr
    assert back.read_bytes() == contents["42.log"]
    count, size = fetched(errors)
    assert size == sealed.stat().st_size > 10_000_000
    assert count < 100_000 + 20 * CHUNK


def test_parquet_column(kms: LocalKms, public_key: libseal.PublicKey, tmp_path: Path) -> None:
    plain, sealed = tmp_path / "plain", tmp_path / "sealed"
    numbers = np.random.default_rng(1).random((10, 200_000))
    columns = {f"column{index}": column for index, column in enumerate(numbers)}
    pq.write_table(pa.table(columns), plain, use_dictionary=False)
    libseal.seal_file(public_key, plain, sealed)
    done = run(kms, "parquet_column.py", sealed, "column3", ALIAS)
    assert float(done.stdout) == pytest.approx(numbers[3].mean())
    count, size = fetched(done.stderr)
    assert size == sealed.stat().st_size > 15_000_000
    assert count < numbers[3].nbytes + 30 * CHUNK


def test_s3_range(kms: LocalKms, public_key: libseal.PublicKey) -> None:
    data = os.urandom(5_000_000)
    blob = libseal.seal(public_key, data)
    kms.s3.create_bucket(Bucket="bucket")
    kms.s3.put_object(Bucket="bucket", Key="a/log.sealed", Body=blob)
    for start, length, chunks in ((1_000_000, 500, 1), (1_000_000, 500_000, 31)):
        done = run(kms, "s3_range.py", "s3://bucket/a/log.sealed", start, length, ALIAS)
        assert done.stdout == data[start : start + length]
        last = 5_000_000 % 16_384 + 16
        assert fetched(done.stderr) == (4096 + last + chunks * CHUNK, len(blob), 3)
    done = run(kms, "s3_range.py", "s3://bucket/a/log.sealed", len(data) - 3, 500, ALIAS)
    assert done.stdout == data[-3:]
    assert fetched(done.stderr) == (4096 + last, len(blob), 2)


@pytest.mark.parametrize("script", sorted(path.name for path in EXAMPLES.glob("*.py")))
def test_help(script: str) -> None:
    command = [sys.executable, str(EXAMPLES / script), "--help"]
    assert b"usage" in subprocess.run(command, check=True, capture_output=True).stdout
