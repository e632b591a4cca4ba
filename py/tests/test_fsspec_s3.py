"""SealedFileSystem over s3fs, which is asynchronous inside."""

from __future__ import annotations

import asyncio
import os
import pickle
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import fsspec
import pytest
import s3fs

import libseal
from libseal.fsspec import SealedFileSystem
from support import public_key, unwrapper
from tests.kms.ministack import CREDENTIAL, REGION

if TYPE_CHECKING:
    from pathlib import Path

    from tests.kms.ministack import LocalKms

DATA = os.urandom(3_000_000)


def unwrap(wrapped_key: libseal.WrappedKey) -> bytes | None:
    return unwrapper()(wrapped_key)


@pytest.fixture(scope="module")
def access(kms: LocalKms) -> dict[str, Any]:
    return {
        "endpoint_url": kms.endpoint,
        "key": CREDENTIAL,
        "secret": CREDENTIAL,
        "client_kwargs": {"region_name": REGION},
    }


@pytest.fixture(scope="module")
def options(access: dict[str, Any]) -> dict[str, Any]:
    return {"unwrap": unwrap, "recipients": public_key(), "s3": access}


@pytest.fixture
def bucket(kms: LocalKms) -> str:
    name = f"fsspec-{uuid4()}"
    kms.s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def fs(options: dict[str, Any], bucket: str) -> SealedFileSystem:
    fs, _ = fsspec.url_to_fs(f"sealed::s3://{bucket}", **options)
    assert isinstance(fs, SealedFileSystem)
    return fs


def test_write_list_and_read(fs: SealedFileSystem, bucket: str, tmp_path: Path) -> None:
    fs.pipe_file(f"{bucket}/x/a", DATA)
    fs.pipe_file(f"{bucket}/x/empty", b"")
    with fs.open(f"{bucket}/x/long", "wb") as file:
        file.write(DATA)
        file.write(DATA)
    fs.fs.pipe_file(f"{bucket}/x/plain", b"hello")
    fs.fs.pipe_file(f"{bucket}/x/nothing", b"")

    listed = {info["name"]: (info["size"], info["sealed"]) for info in fs.ls(f"{bucket}/x")}
    assert listed == {
        f"{bucket}/x/a": (3_000_000, True),
        f"{bucket}/x/empty": (0, True),
        f"{bucket}/x/long": (6_000_000, True),
        f"{bucket}/x/plain": (5, False),
        f"{bucket}/x/nothing": (0, False),
    }
    assert fs.glob(f"sealed::s3://{bucket}/*/l*") == [f"{bucket}/x/long"]
    assert fs.cat_file(f"{bucket}/x/a") == DATA
    assert fs.cat_file(f"{bucket}/x/empty") == b""
    assert fs.cat_ranges([f"{bucket}/x/a"] * 2, [0, -5], [3, None]) == [DATA[:3], DATA[-5:]]
    with fs.open(f"{bucket}/x/long") as file:
        file.seek(2_999_999)
        assert file.read(2) == DATA[-1:] + DATA[:1]
    fs.get(f"{bucket}/x/long", str(tmp_path / "long"))
    assert (tmp_path / "long").read_bytes() == DATA * 2
    for name in ("plain", "nothing"):
        with pytest.raises(libseal.FormatError, match=f"{name} is not a sealed file"):
            fs.cat_file(f"{bucket}/x/{name}")
    with pytest.raises(FileNotFoundError):
        fs.cat_file(f"{bucket}/x/none")
    fs.rm(f"{bucket}/x", recursive=True)
    assert fs.find(bucket) == []


def test_a_failure_or_a_transaction_leaves_no_object(fs: SealedFileSystem, bucket: str) -> None:
    with pytest.raises(ZeroDivisionError), fs.open(f"{bucket}/a", "wb") as file:
        file.write(DATA * 2)
        raise ZeroDivisionError
    with fs.transaction:
        fs.pipe_file(f"{bucket}/b", DATA)
        assert not fs.exists(f"{bucket}/b")

    assert fs.find(bucket) == [f"{bucket}/b"]


def test_a_pickle_reads(fs: SealedFileSystem, bucket: str) -> None:
    fs.pipe_file(f"{bucket}/a", b"21.5 C")
    pickled = pickle.dumps(fs)
    SealedFileSystem.clear_instance_cache()

    assert pickle.loads(pickled).cat_file(f"{bucket}/a") == b"21.5 C"


def test_it_can_be_awaited(access: dict[str, Any], bucket: str, tmp_path: Path) -> None:
    (tmp_path / "long").write_bytes(DATA * 2)

    async def use() -> None:
        below = s3fs.S3FileSystem(asynchronous=True, skip_instance_cache=True, **access)
        session = await below.set_session()
        fs = SealedFileSystem(below, asynchronous=True, unwrap=unwrap, recipients=public_key())
        await fs._pipe_file(f"{bucket}/a", b"21.5 C")
        await fs._put_file(str(tmp_path / "long"), f"{bucket}/long")
        await fs._get_file(f"{bucket}/long", str(tmp_path / "again"))
        assert await fs._cat([f"{bucket}/a"]) == {f"{bucket}/a": b"21.5 C"}
        assert await fs._ls(bucket, detail=False) == [f"{bucket}/a", f"{bucket}/long"]
        assert [folder async for folder in fs._walk(bucket)] == [(bucket, [], ["a", "long"])]
        opened = await fs.open_async(f"{bucket}/long")
        assert await opened.read(10) == DATA[:10]
        assert len(await opened.read()) == 2 * len(DATA) - 10
        await opened.close()
        await session.close()

    asyncio.run(use())

    assert (tmp_path / "again").read_bytes() == DATA * 2
    with pytest.raises(ValueError, match="must both be asynchronous"):
        SealedFileSystem(s3fs.S3FileSystem(**access), asynchronous=True)


@pytest.mark.parametrize("mode", ["wb", "w"])
def test_messages_go_through_a_cache(options: dict[str, Any], bucket: str, mode: str) -> None:
    url = f"sealed::simplecache::s3://{bucket}/a"
    with fsspec.open(url, mode, **options) as file:
        file.write(b"21.5 C" if mode == "wb" else "21.5 C")

    with fsspec.open(url, "rb", **options) as file:
        assert file.read() == b"21.5 C"
    store = fsspec.filesystem("s3", **options["s3"])
    assert libseal.unseal(store.cat_file(f"{bucket}/a"), unwrap) == b"21.5 C"
