"""SealedFileSystem writes whole files, or none."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

import fsspec
import pytest
from fsspec.implementations.local import LocalFileSystem

import libseal
from fsspec_support import Store, sealed
from support import Counting, key_file, public_key, unwrapper

if TYPE_CHECKING:
    from pathlib import Path

    from libseal.fsspec import SealedFileSystem

# What is longer has a data key of its own.
SHORT = 5 * 1024 * 1024
LONG = os.urandom(SHORT + 1)


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def fs(store: Store) -> SealedFileSystem:
    return sealed(store)


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def test_what_is_written_is_sealed(store: Store, fs: SealedFileSystem) -> None:
    with fs.open("/opened", "wb") as file:
        assert file.write(b"21.5") == 4
        file.write(memoryview(b" C"))
    with fs.open("/text", "w", encoding="utf-8") as text:
        text.write("21.5 °C")
    fs.pipe("/piped", b"21.5 C")
    fs.pipe({"/one": b"1", "/two": b"2"})

    for path in ("/opened", "/piped"):
        assert libseal.unseal(store.objects.cat_file(path), unwrapper()) == b"21.5 C"
    assert fs.cat_file("/text") == "21.5 °C".encode()
    assert fs.cat_file("/two") == b"2"


def test_a_long_file_is_written_in_pieces(fs: SealedFileSystem, temporary: Path) -> None:
    with fs.open("/a", "wb") as file:
        file.write(LONG[:100])
        file.write(LONG[100:])
        assert file.tell() == len(LONG)
        assert not fs.exists("/a")

    assert fs.cat_file("/a") == LONG
    assert not any(temporary.iterdir())


@pytest.mark.parametrize("data", [b"short", LONG], ids=len)
def test_an_exception_makes_no_file(fs: SealedFileSystem, temporary: Path, data: bytes) -> None:
    fs.pipe_file("/a", b"old")

    with pytest.raises(ZeroDivisionError), fs.open("/a", "wb") as file:
        file.write(data)
        raise ZeroDivisionError

    assert fs.cat_file("/a") == b"old"
    assert not any(temporary.iterdir())


def close_while_failing(fs: SealedFileSystem) -> None:
    file = fs.open("/a", "wb")
    try:
        file.write(LONG)
        raise ZeroDivisionError
    finally:
        file.close()


def test_close_because_of_an_exception_makes_no_file(fs: SealedFileSystem, temporary: Path) -> None:
    with pytest.warns(RuntimeWarning, match="not made"), pytest.raises(ZeroDivisionError):
        close_while_failing(fs)

    assert not fs.exists("/a")
    assert not any(temporary.iterdir())


def test_a_file_about_an_exception_is_made(fs: SealedFileSystem) -> None:
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        file = fs.open("/a", "wb")
        file.write(b"failed")
        file.close()

    assert fs.cat_file("/a") == b"failed"


def test_a_forgotten_file_is_not_made(fs: SealedFileSystem, temporary: Path) -> None:
    with pytest.warns(RuntimeWarning, match="forgotten"):
        fs.open("/a", "wb").write(LONG)

    assert not fs.exists("/a")
    assert not any(temporary.iterdir())


@pytest.mark.parametrize("around", [io.TextIOWrapper, io.BufferedWriter])
def test_a_file_object_around_a_forgotten_one_does_not_make_it(
    fs: SealedFileSystem, around: Any
) -> None:
    file = around(fs.open("/a", "wb"))
    file.write("the beginning" if around is io.TextIOWrapper else b"the beginning")

    with pytest.warns(RuntimeWarning, match="forgotten"):
        del file

    assert not fs.exists("/a")


def test_after_a_write_that_failed_no_file_is_made(
    fs: SealedFileSystem, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = fs.open("/a", "wb")
    file.write(LONG[:100])
    with monkeypatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(temporary / "missing"))
        with pytest.raises(FileNotFoundError):
            file.write(LONG)

    with pytest.raises(libseal.StateError, match="a write has failed"):
        file.write(b"more")
    with pytest.raises(libseal.StateError, match="a write has failed"):
        file.close()

    assert not fs.exists("/a")


@pytest.mark.parametrize("data", [b"new", LONG], ids=len)
def test_a_transaction_makes_all_files_at_its_end(
    fs: SealedFileSystem, temporary: Path, tmp_path: Path, data: bytes
) -> None:
    (tmp_path / "c").write_bytes(data)

    with fs.transaction:
        with fs.open("/a", "wb") as file:
            file.write(data)
        fs.pipe_file("/b", data)
        fs.put_file(str(tmp_path / "c"), "/c")
        assert fs.find("/") == []

    assert fs.cat(fs.find("/")) == {"/a": data, "/b": data, "/c": data}
    assert not any(temporary.iterdir())


def test_a_transaction_that_fails_makes_no_file(fs: SealedFileSystem, temporary: Path) -> None:
    with pytest.raises(ZeroDivisionError), fs.transaction:
        with fs.open("/a", "wb") as file:
            file.write(LONG)
        fs.pipe_file("/b", b"new")
        raise ZeroDivisionError

    assert fs.find("/") == []
    assert not any(temporary.iterdir())


def test_short_files_share_a_data_key(store: Store, fs: SealedFileSystem) -> None:
    for number in range(3):
        fs.pipe_file(f"/{number}", b"21.5 C")
    fs.touch("/3")
    unwrap = Counting()

    assert len(sealed(store, unwrap=unwrap).cat(fs.find("/"))) == 4
    assert unwrap.calls == 1


def test_what_was_written_is_known_anew(fs: SealedFileSystem) -> None:
    fs.pipe_file("/a", b"1")
    assert fs.size("/a") == 1
    fs.pipe_file("/a", b"22")
    assert fs.size("/a") == 2
    fs.cp_file("/a", "/b")
    assert fs.cat_file("/b") == b"22"
    fs.rm("/a")
    assert not fs.exists("/a")


def test_the_context_is_bound(store: Store) -> None:
    fs = sealed(store, context={"device": "42"}, require={"device": "42"})
    fs.pipe_file("/a", b"21.5 C")

    assert fs.cat_file("/a") == b"21.5 C"
    assert libseal.inspect(store.objects.cat_file("/a")).context == {"device": "42"}


def test_put_and_get_a_folder(fs: SealedFileSystem, tmp_path: Path) -> None:
    (tmp_path / "from" / "deep").mkdir(parents=True)
    (tmp_path / "from" / "a").write_bytes(b"a")
    (tmp_path / "from" / "deep" / "b").write_bytes(LONG)

    fs.put(str(tmp_path / "from"), "/folder", recursive=True)
    fs.get("/folder", str(tmp_path / "to"), recursive=True)

    assert fs.find("/folder") == ["/folder/a", "/folder/deep/b"]
    assert (tmp_path / "to" / "a").read_bytes() == b"a"
    assert (tmp_path / "to" / "deep" / "b").read_bytes() == LONG


def test_modes_and_recipients_that_do_not_work_are_refused(
    store: Store, fs: SealedFileSystem
) -> None:
    fs.pipe_file("/a", b"1")

    with pytest.raises(ValueError, match="written as a whole"):
        fs.open("/a", "ab")
    with pytest.raises(FileExistsError):
        fs.open("/a", "xb")
    with pytest.raises(FileExistsError):
        fs.pipe_file("/a", b"2", mode="create")
    with pytest.raises(ValueError, match="no one to seal for"):
        sealed(store, recipients=None).open("/b", "wb")
    with pytest.raises(TypeError, match="recipients must be"):
        sealed(store, recipients=5)
    assert fs.cat_file("/a") == b"1"


def test_a_local_file_is_replaced_when_the_new_one_is_whole(tmp_path: Path) -> None:
    fs = sealed(LocalFileSystem())
    target = tmp_path / "a"
    fs.pipe_file(str(target), b"old")

    with pytest.raises(ZeroDivisionError), fs.open(str(target), "wb") as file:
        file.write(LONG)
        raise ZeroDivisionError
    assert fs.cat_file(str(target)) == b"old"

    with fs.open(str(target), "wb") as file:
        file.write(LONG)
    assert libseal.unseal(target.read_bytes(), unwrapper()) == LONG


@pytest.mark.parametrize("form", ["key", "recipient", "bytes", "text", "path", "list"])
def test_recipients_may_be_given_in_many_forms(form: str, tmp_path: Path) -> None:
    path = tmp_path / "public.der"
    path.write_bytes(public_key().der)
    recipients: dict[str, Any] = {
        "key": public_key(),
        "recipient": libseal.Recipient(public_key(), "alias/a"),
        "bytes": public_key().der,
        "text": key_file("rsa-2048.pub.pem").decode(),
        "path": str(path),
        "list": [path],
    }
    url = f"sealed::file://{tmp_path}/a"

    with fsspec.open(url, "wb", recipients=recipients[form]) as file:
        file.write(b"21.5 C")

    assert libseal.unseal((tmp_path / "a").read_bytes(), unwrapper()) == b"21.5 C"
