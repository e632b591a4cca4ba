"""SealWriter and UnsealReader with the standard library."""

import csv
import gzip
import io
import json
import shutil
import tarfile
import zipfile
from pathlib import Path

import libseal
from support import public_key, unwrapper

DATA = bytes(range(256)) * 300


def test_text() -> None:
    file = io.BytesIO()
    with libseal.SealTextWriter(file, public_key()) as text:
        print("grüße", file=text)
        csv.writer(text, lineterminator="\n").writerow([1, "zwei"])
    file.seek(0)
    with io.TextIOWrapper(libseal.UnsealReader(file, unwrapper()), encoding="utf-8") as lines:
        assert list(lines) == ["grüße\n", "1,zwei\n"]


def test_json_and_gzip() -> None:
    file = io.BytesIO()
    value = {"numbers": list(range(10_000))}
    with (
        libseal.SealWriter(file, public_key()) as writer,
        gzip.open(writer, "wt", encoding="utf-8") as text,
    ):
        json.dump(value, text)
    file.seek(0)
    with libseal.UnsealReader(file, unwrapper()) as reader, gzip.open(reader) as unzipped:
        assert json.load(unzipped) == value


def test_tar(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for number in range(5):
        (source / str(number)).write_bytes(DATA[: number * 10_000])
    file = io.BytesIO()
    with (
        libseal.SealWriter(file, public_key()) as writer,
        tarfile.open(fileobj=writer, mode="w|gz") as tar,
    ):
        tar.add(source, "folder")
    file.seek(0)
    with (
        libseal.UnsealReader(file, unwrapper()) as reader,
        tarfile.open(fileobj=reader, mode="r|gz") as tar,
    ):
        tar.extractall(tmp_path / "target", filter="data")
        shutil.copyfileobj(reader, io.BytesIO())
    for path in source.iterdir():
        assert (tmp_path / "target" / "folder" / path.name).read_bytes() == path.read_bytes()


def test_zip() -> None:
    file = io.BytesIO()
    with (
        libseal.SealWriter(file, public_key()) as writer,
        zipfile.ZipFile(writer, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        archive.writestr("name", DATA)
    plaintext = io.BytesIO(libseal.unseal(file.getvalue(), unwrapper()))
    assert zipfile.ZipFile(plaintext).read("name") == DATA


def test_copyfileobj() -> None:
    sealed, back = io.BytesIO(), io.BytesIO()
    with libseal.SealWriter(sealed, public_key()) as writer:
        shutil.copyfileobj(io.BytesIO(DATA), writer)
    sealed.seek(0)
    with libseal.UnsealReader(sealed, unwrapper()) as file:
        shutil.copyfileobj(file, back, 1000)
    assert back.getvalue() == DATA


def test_one_message_in_another() -> None:
    file = io.BytesIO()
    with (
        libseal.SealWriter(file, public_key("rsa-2048-b")) as outer,
        libseal.SealWriter(outer, public_key()) as inner,
    ):
        inner.write(DATA)
    file.seek(0)
    with (
        libseal.UnsealReader(file, unwrapper("rsa-2048-b")) as outer_reader,
        libseal.UnsealReader(outer_reader, unwrapper()) as inner_reader,
    ):
        assert inner_reader.read() == DATA
