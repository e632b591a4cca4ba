"""The examples: what they say, how much they fetch, and what they leave where."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import time
import zipfile
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import libseal
from support import public_key as key_of_a_stranger
from tests.kms import counting
from tests.kms.ministack import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_sqs import SQSClient

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


def test_s3_file(kms: LocalKms, public_key: libseal.PublicKey, tmp_path: Path) -> None:
    source, der, back = tmp_path / "source", tmp_path / "public.der", tmp_path / "back"
    source.write_bytes(os.urandom(20_000_000))
    der.write_bytes(public_key.der)
    kms.s3.create_bucket(Bucket="files")
    run(kms, "s3_file.py", "seal", source, "s3://files/a.sealed", der)
    assert kms.s3.head_object(Bucket="files", Key="a.sealed")["ContentLength"] > 20_000_000
    run(kms, "s3_file.py", "unseal", "s3://files/a.sealed", back, ALIAS)
    assert back.read_bytes() == source.read_bytes()


def test_s3_file_that_was_cut(kms: LocalKms, public_key: libseal.PublicKey, tmp_path: Path) -> None:
    blob = libseal.seal(public_key, os.urandom(100_000))
    kms.s3.create_bucket(Bucket="cut")
    kms.s3.put_object(Bucket="cut", Key="a.sealed", Body=blob[:-1])
    with pytest.raises(subprocess.CalledProcessError) as error:
        run(kms, "s3_file.py", "unseal", "s3://cut/a.sealed", tmp_path / "back", ALIAS)
    assert b"s3://cut/a.sealed: " in error.value.stderr
    assert b"Traceback" not in error.value.stderr
    assert list(tmp_path.iterdir()) == []


def handle(kms: LocalKms, bucket: str, tmp_path: Path) -> None:
    """Gives the Lambda function an event for an object with a name that is quoted there."""
    record = {"s3": {"bucket": {"name": bucket}, "object": {"key": "a+log.sealed"}}}
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"Records": [record]}))
    variables = {"KMS_KEYS": ALIAS, "TARGET_BUCKET": f"{bucket}-plain"}
    command = [sys.executable, str(EXAMPLES / "lambda_handler.py"), str(event)]
    subprocess.run(command, env=kms.environment | variables, check=True, capture_output=True)


@pytest.mark.parametrize("size", [0, 1000, 12_000_000])
def test_lambda_handler(
    kms: LocalKms, public_key: libseal.PublicKey, tmp_path: Path, size: int
) -> None:
    bucket, data = f"lambda-{size}", os.urandom(size)
    for name in (bucket, f"{bucket}-plain"):
        kms.s3.create_bucket(Bucket=name)
    kms.s3.put_object(Bucket=bucket, Key="a log.sealed", Body=libseal.seal(public_key, data))
    handle(kms, bucket, tmp_path)
    assert kms.s3.get_object(Bucket=f"{bucket}-plain", Key="a log")["Body"].read() == data


@pytest.mark.parametrize("size", [1000, 12_000_000])
def test_lambda_handler_leaves_nothing_of_a_message_that_was_cut(
    kms: LocalKms, public_key: libseal.PublicKey, tmp_path: Path, size: int
) -> None:
    bucket = f"lambda-cut-{size}"
    for name in (bucket, f"{bucket}-plain"):
        kms.s3.create_bucket(Bucket=name)
    blob = libseal.seal(public_key, os.urandom(size))
    kms.s3.put_object(Bucket=bucket, Key="a log.sealed", Body=blob[:-1])
    with pytest.raises(subprocess.CalledProcessError) as error:
        handle(kms, bucket, tmp_path)
    assert b"TruncatedError" in error.value.stderr
    assert kms.s3.list_objects_v2(Bucket=f"{bucket}-plain")["KeyCount"] == 0
    assert not kms.s3.list_multipart_uploads(Bucket=f"{bucket}-plain").get("Uploads")


class Queues:
    """A queue with what was put into it, and a dead-letter queue."""

    def __init__(self, sqs: SQSClient, name: str, *messages: bytes) -> None:
        self.sqs = sqs
        self.queue = sqs.create_queue(QueueName=name)["QueueUrl"]
        self.dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
        for message in messages:
            sqs.send_message(QueueUrl=self.queue, MessageBody=base64.b64encode(message).decode())

    def count(self, queue: str) -> int:
        """Messages in a queue, those that are hidden for a while among them."""
        response = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])
        attributes = response["Attributes"]
        visible = int(attributes["ApproximateNumberOfMessages"])
        return visible + int(attributes["ApproximateNumberOfMessagesNotVisible"])

    def work(self, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        script = str(EXAMPLES / "sqs_worker.py")
        command = [sys.executable, script, "--drain", self.queue, self.dead, ALIAS]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True)


def test_sqs_worker(kms: LocalKms, public_key: libseal.PublicKey) -> None:
    sealing_key = libseal.SealingKey(public_key)
    good = [sealing_key.seal(b"%d" % number) for number in range(30)]
    cut, foreign = good[0][:-1], libseal.seal(key_of_a_stranger(), b"0")
    # The foreign one comes first. Later, the alias may have moved since it was looked up, and the
    # worker tries again before it gives up.
    queues = Queues(kms.sqs, "good", foreign, *good, cut, b"not sealed")
    with counting.counting(kms) as counted:
        done = queues.work(counted.environment)
    assert sorted(done.stdout.split(), key=int) == [str(number) for number in range(30)]
    assert queues.count(queues.queue) == 0
    assert queues.count(queues.dead) == done.stderr.count("dead: ") == 3
    assert counted.requests["Decrypt"] == 1


@pytest.mark.parametrize(
    ("fault", "alarms"),
    [(counting.THROTTLED, 0), (counting.RESET, 0), (counting.DENIED, 2), (counting.DISABLED, 2)],
    ids=["throttled", "reset", "denied", "disabled"],
)
def test_sqs_worker_keeps_what_the_kms_cannot_unwrap_now(
    kms: LocalKms,
    public_key: libseal.PublicKey,
    request: pytest.FixtureRequest,
    fault: counting.Fault,
    alarms: int,
) -> None:
    messages = [libseal.seal(public_key, b"data") for _ in range(2)]
    queues = Queues(kms.sqs, request.node.callspec.id, *messages)
    with counting.counting(kms) as counted, counted.failing(fault, "Decrypt"):
        done = queues.work(counted.environment | {"AWS_MAX_ATTEMPTS": "1"})
    assert done.stdout == ""
    assert done.stderr.count("ALARM") == alarms
    assert queues.count(queues.queue) == 2
    assert queues.count(queues.dead) == 0


@contextmanager
def serving(environment: dict[str, str], folder: Path) -> Iterator[HTTPConnection]:
    """The upload service, and a connection to it."""
    port = free_port()
    script = str(EXAMPLES / "upload_service.py")
    command = [sys.executable, script, str(folder), ALIAS, "--port", str(port)]
    service = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        deadline = time.monotonic() + 30
        while service.poll() is None and time.monotonic() < deadline:
            try:
                connection.connect()
            except ConnectionRefusedError:
                time.sleep(0.05)
            else:
                break
        yield connection
    finally:
        connection.close()
        service.terminate()
        service.wait()


def post(connection: HTTPConnection, path: str, body: bytes) -> int:
    connection.request("POST", path, body)
    with connection.getresponse() as response:
        response.read()
        return response.status


def test_upload_service(kms: LocalKms, public_key: libseal.PublicKey, tmp_path: Path) -> None:
    sealing_key = libseal.SealingKey(public_key, context={"device": "42"})
    data = [os.urandom(5_000_000), b"21.5 C"]
    with counting.counting(kms) as counted, serving(counted.environment, tmp_path) as connection:
        for content in data:
            assert post(connection, "/42", sealing_key.seal(content)) == 201
            assert (tmp_path / "42").read_bytes() == content
        assert counted.requests["Decrypt"] == 1

        blob = sealing_key.seal(os.urandom(1_000_000))
        assert post(connection, "/43", blob) == 422
        assert post(connection, "/42", blob[:-1]) == 422
        assert post(connection, "/42", b"not sealed") == 422
        other = libseal.seal(public_key, b"data", context={"device": "42"})
        with counted.failing(counting.SERVER_ERROR, "Decrypt"):
            assert post(connection, "/42", other) == 503
        with counted.failing(counting.DENIED, "Decrypt"):
            assert post(connection, "/42", other) == 500
        assert (tmp_path / "42").read_bytes() == data[1]
        assert post(connection, "/42", other) == 201
    assert [path.name for path in tmp_path.iterdir()] == ["42"]


@pytest.mark.parametrize("script", sorted(path.name for path in EXAMPLES.glob("*.py")))
def test_help(script: str) -> None:
    command = [sys.executable, str(EXAMPLES / script), "--help"]
    assert b"usage" in subprocess.run(command, check=True, capture_output=True).stdout
