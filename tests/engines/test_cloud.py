"""The cloud and the search that the other tests rely on."""

import base64
import pickle
from pathlib import Path

import pytest

import libseal
from tests.engines.cloud import KEY, Cloud
from tests.engines.search import count_secrets


def test_a_fleet_unseals_and_is_counted(cloud: Cloud) -> None:
    fleet = cloud.fleet(objects=5, keys=2)
    unwrap = libseal.aws.KmsUnwrapper(cloud.kms.local.client, [KEY])
    for name, plaintext in fleet.contents.items():
        message = cloud.s3.client.get_object(Bucket=fleet.bucket, Key=name)["Body"].read()
        assert libseal.unseal(message, unwrap) == plaintext
    assert cloud.kms.requests["Decrypt"] == 5
    assert cloud.s3.requests == {"GET": 5}
    assert cloud.s3.fetched > sum(map(len, fleet.contents.values()))


def test_the_store_counts_ranges_and_passes_on_what_is_written(cloud: Cloud) -> None:
    bucket = cloud.bucket()
    client = cloud.s3.client
    client.put_object(Bucket=bucket, Key="a/b c", Body=bytes(1000))
    assert client.head_object(Bucket=bucket, Key="a/b c")["ContentLength"] == 1000
    body = client.get_object(Bucket=bucket, Key="a/b c", Range="bytes=10-19")["Body"]
    assert body.read() == bytes(10)
    assert cloud.s3.requests == {"PUT": 1, "HEAD": 1, "GET": 1}
    assert cloud.s3.fetched == 10


def test_the_store_fails_when_told(cloud: Cloud) -> None:
    bucket = cloud.bucket()
    client = cloud.s3.client
    client.put_object(Bucket=bucket, Key="x", Body=bytes(1000))
    with cloud.s3.failing(lambda method, path, headers: path.endswith("/x"), cut=10):
        assert len(client.get_object(Bucket=bucket, Key="x")["Body"].read()) == 990
    with (
        cloud.s3.failing(lambda method, path, headers: method == "GET", status=403),
        pytest.raises(client.exceptions.ClientError),
    ):
        client.get_object(Bucket=bucket, Key="x")


@pytest.mark.parametrize(
    "write",
    [
        bytes,
        pickle.dumps,
        base64.b64encode,
        lambda secret: base64.b64encode(b"x" + secret),
        lambda secret: base64.urlsafe_b64encode(b"xx" + secret + b"y"),
        lambda secret: secret.hex().encode(),
        lambda secret: repr([secret]).encode(),
        lambda secret: repr(list(secret)).encode(),
    ],
    ids=["raw", "pickle", "base64", "base64+1", "base64+2", "hex", "repr", "list"],
)
def test_the_search_finds_a_secret(write: object, tmp_path: Path) -> None:
    secret, other = bytes(range(90, 122)), bytes(range(190, 222))
    assert callable(write)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "file").write_bytes(b"before" + write(secret) + b"after")
    assert count_secrets([secret, other], tmp_path) == 1
