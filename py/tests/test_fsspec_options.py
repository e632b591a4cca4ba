"""How SealedFileSystem is found, what it is given, and what goes into pickles."""

from __future__ import annotations

import gc
import pickle
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import fsspec
import pytest
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

import libseal
from fsspec_support import sealed, store_of
from libseal.batch import DataKeys, JobKey
from libseal.fsspec import SealedFileSystem
from support import Counting, data_key_of, holds_nothing, key_file, public_key, unwrapper

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.kms.counting import CountedKms


@pytest.fixture
def url() -> Iterator[str]:
    """One of a sealed object in fsspec's memory."""
    MemoryFileSystem().pipe_file("/a", libseal.seal(public_key(), b"21.5 C"))
    yield "sealed::memory://a"
    MemoryFileSystem().rm("/a")


def unwrap_by_function(wrapped_key: libseal.WrappedKey) -> bytes | None:
    return unwrapper()(wrapped_key)


def test_it_is_found_without_an_import() -> None:
    program = (
        "import sys, fsspec; fsspec.get_filesystem_class('sealed'); print('libseal' in sys.modules)"
    )

    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)

    assert ran.stdout.split() == [b"True"]


def test_importing_libseal_does_not_import_fsspec() -> None:
    program = "import sys, libseal; print('fsspec' in sys.modules)"

    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)

    assert ran.stdout.split() == [b"False"]


def test_a_url_and_options_are_all_it_takes(url: str) -> None:
    with fsspec.open(url, unwrap=unwrapper()) as file:
        assert file.read() == b"21.5 C"
    with fsspec.open(url, "rt", sealed={"unwrap": unwrapper()}) as text:
        assert text.read() == "21.5 C"

    fs, path = fsspec.url_to_fs(url, unwrap=unwrapper())
    assert path == "/a"
    assert fs.cat("sealed::memory://a") == b"21.5 C"


def test_it_takes_a_file_system_below() -> None:
    with pytest.raises(ValueError, match="there is no file system below"):
        fsspec.filesystem("sealed")
    with pytest.raises(ValueError, match="needs an asynchronous file system"):
        SealedFileSystem(MemoryFileSystem(), asynchronous=True)
    with pytest.raises(TypeError):
        fsspec.filesystem("sealed", target_protocol="memory", unwrap=5)
    with pytest.raises(ValueError, match="not both"):
        fsspec.filesystem("sealed", target_protocol="memory", unwrap=unwrapper(), kms="alias/a")
    with pytest.raises(TypeError, match="kms must be"):
        fsspec.filesystem("sealed", target_protocol="memory", kms=[])


def test_it_takes_a_folder_of_a_file_system(tmp_path: Path) -> None:
    fs = sealed(DirFileSystem(tmp_path, LocalFileSystem()))
    fs.pipe_file("a", b"21.5 C")

    assert fs.cat_file("a") == b"21.5 C"
    assert fs.ls("", detail=False) == ["a"]
    assert libseal.unseal((tmp_path / "a").read_bytes(), unwrapper()) == b"21.5 C"


def test_one_unwrapper_has_one_file_system_and_one_cache(url: str) -> None:
    unwrap = Counting()
    one, path = fsspec.url_to_fs(url, unwrap=unwrap)
    other, _ = fsspec.url_to_fs("sealed::memory://b", unwrap=unwrap)
    stranger, _ = fsspec.url_to_fs(url, unwrap=Counting())
    several, _ = fsspec.url_to_fs(url, unwrap=[unwrap, unwrapper()])
    again, _ = fsspec.url_to_fs(url, unwrap=[unwrap, unwrapper()])

    assert one is other
    assert several is again
    assert len({id(one), id(stranger), id(several)}) == 3
    assert one != stranger
    for fs in (one, other):
        fs.cat(path)
    assert unwrap.calls == 1


def test_data_keys_that_look_alike_are_not_mixed_up(url: str) -> None:
    """Their repr shows only how many they are, and fsspec goes by that."""
    right, wrong = DataKeys(), DataKeys()
    header = libseal.Header(MemoryFileSystem().cat("/a"))
    right.unwrap(header, unwrapper())
    wrong.unwrap(libseal.Header(libseal.seal(public_key(), b"")), unwrapper())
    assert repr(right) == repr(wrong)

    with fsspec.open(url, unwrap=right) as file:
        assert file.read() == b"21.5 C"
    with (
        pytest.raises(libseal.NoMatchingRecipientError),
        fsspec.open(url, unwrap=wrong) as file,
    ):
        file.read()


def test_a_pickle_reads_on_and_has_no_keys(url: str) -> None:
    fs, path = fsspec.url_to_fs(url, unwrap=unwrap_by_function, recipients=public_key())
    assert fs.cat(path) == b"21.5 C"
    data_key = data_key_of(MemoryFileSystem().cat("/a"))

    pickled = pickle.dumps(fs)

    assert pickle.loads(pickled) is fs
    SealedFileSystem.clear_instance_cache()
    copy = pickle.loads(pickled)
    assert copy is not fs
    assert copy == fs
    assert copy.cat(path) == b"21.5 C"
    assert pickle.loads(pickled) is copy
    assert data_key not in pickled
    assert key_file("rsa-2048.key.pem")[40:80] not in pickled
    SealedFileSystem.clear_instance_cache()


def test_a_pickled_file_goes_on_at_its_place(url: str) -> None:
    fs, path = fsspec.url_to_fs(url, unwrap=unwrap_by_function)

    with fs.open(path) as file:
        file.seek(2)
        with pickle.loads(pickle.dumps(file)) as copy:
            assert copy.read() == b".5 C"


def test_data_keys_are_pickled_under_the_job_key(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    job_key = JobKey.generate()
    keys = DataKeys()
    keys.unwrap(libseal.Header(MemoryFileSystem().cat("/a")), unwrapper())
    with pytest.raises(TypeError, match="job key"):
        pickle.dumps(fsspec.url_to_fs(url, unwrap=keys)[0])
    fs, path = fsspec.url_to_fs(url, unwrap=keys.bound_to(job_key))

    pickled = pickle.dumps(fs)

    assert data_key_of(MemoryFileSystem().cat("/a")) not in pickled
    monkeypatch.setenv("LIBSEAL_JOB_SECRET", job_key.to_text())
    assert pickle.loads(pickled).cat(path) == b"21.5 C"


def test_data_keys_of_a_later_pickle_are_taken_too(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = MemoryFileSystem()
    memory.pipe_file("/b", libseal.seal(public_key(), b"21.7 C"))
    job_key = JobKey.generate()
    monkeypatch.setenv("LIBSEAL_JOB_SECRET", job_key.to_text())
    keys = DataKeys().bound_to(job_key)
    fs, path = fsspec.url_to_fs(url, unwrap=keys)
    keys.unwrap(libseal.Header(memory.cat("/a")), unwrapper())
    first = pickle.dumps(fs)
    keys.unwrap(libseal.Header(memory.cat("/b")), unwrapper())
    second = pickle.dumps(fs)
    # A worker has only what it was sent.
    del fs, keys
    SealedFileSystem.clear_instance_cache()
    gc.collect()

    worker = pickle.loads(first)

    assert worker.cat(path) == b"21.5 C"
    assert pickle.loads(second).cat("/b") == b"21.7 C"
    assert worker.cat("/b") == b"21.7 C"
    memory.rm("/b")


def test_a_private_key_is_not_pickled(url: str) -> None:
    fs, _ = fsspec.url_to_fs(url, unwrap=unwrapper())

    with pytest.raises(TypeError, match=r"cannot pickle 'libseal\.LocalUnwrapper'"):
        pickle.dumps(fs)


def test_the_names_of_kms_keys_are_enough(
    counted: CountedKms, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted.kms.create_key("alias/fsspec")
    for name, value in counted.local.environment.items():
        monkeypatch.setenv(name, value)
    key = libseal.aws.public_key(counted.kms.client, "alias/fsspec")
    below = fsspec.filesystem("memory")
    below.pipe_file("/kms/a", libseal.seal(key, b"21.5 C"))

    fs, path = fsspec.url_to_fs("sealed::memory://kms/a", kms="alias/fsspec")
    again = pickle.loads(pickle.dumps(fs))

    assert fs.cat(path) == again.cat(path) == b"21.5 C"
    assert counted.requests["Decrypt"] == 1


def test_what_is_known_is_forgotten_when_it_is_asked_for() -> None:
    store, fs = store_of(b"21.5 C" * 50_000)
    fs.info("/a")
    fs.info("/a")
    assert len(store.fetched) == 1

    fs.invalidate_cache("/b")
    fs.info("/a")
    assert len(store.fetched) == 1
    fs.invalidate_cache("/a")
    fs.info("/a")
    assert len(store.fetched) == 2
    fs.invalidate_cache()
    fs.info("/a")
    assert len(store.fetched) == 3


def write_and_fail(path: str) -> None:
    with fsspec.open(path, "wb", compression="sealed") as file:
        file.write(b"21.5 C")
        raise ZeroDivisionError


def test_single_files_as_a_compression(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"unwrap": unwrapper(), "recipients": public_key(), "context": {"device": "42"}}
    monkeypatch.setitem(fsspec.config.conf, "sealed", options)
    path = str(tmp_path / "a.csv.sealed")

    with fsspec.open(path, "wt", compression="sealed") as file:
        file.write("21.5\n" * 10_000)
    with fsspec.open(path, "rt", compression="infer") as file:
        assert file.readlines() == ["21.5\n"] * 10_000
    assert libseal.inspect(path).context == {"device": "42"}

    with pytest.warns(RuntimeWarning, match="unfinished"), pytest.raises(ZeroDivisionError):
        write_and_fail(path)
    with pytest.raises(libseal.TruncatedError):
        libseal.unseal(Path(path).read_bytes(), unwrapper())


def test_the_compression_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(fsspec.config.conf, "sealed", {})
    path = tmp_path / "a"
    path.write_bytes(libseal.seal(public_key(), b"21.5 C"))

    with pytest.raises(ValueError, match="nothing to unseal with"):
        fsspec.open(str(path), compression="sealed").open()
    with pytest.raises(ValueError, match="no one to seal for"):
        fsspec.open(str(path), "wb", compression="sealed").open()


def test_options_can_be_those_of_fsspec(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(fsspec.config.conf, "sealed", {"unwrap": unwrapper()})

    with fsspec.open(url) as file:
        assert file.read() == b"21.5 C"


def test_a_cache_of_ones_own_keeps_its_limits(url: str) -> None:
    unwrap = Counting()
    caching = libseal.CachingUnwrapper(unwrap, max_uses=1)

    fs, path = fsspec.url_to_fs(url, unwrap=caching)
    for _ in range(3):
        fs.cat(path)

    assert unwrap.calls == 3


def test_a_stranger_is_refused_by_name(url: str) -> None:
    fs, path = fsspec.url_to_fs(url, unwrap=holds_nothing)

    with pytest.raises(libseal.NoMatchingRecipientError) as caught:
        fs.cat(path)

    assert caught.value.__notes__ == ["in the file '/a'"]
    assert partial(sealed, MemoryFileSystem())().cat(path) == b"21.5 C"


def test_several_files_over_a_cache_are_sealed_too(tmp_path: Path) -> None:
    """fsspec opens several files together in the outermost file system that says it can."""
    options = {"simplecache": {"cache_storage": str(tmp_path / "cache")}}
    url = "sealed::simplecache::memory://several/*"

    with fsspec.open_files(url, "wb", num=2, recipients=public_key(), **options) as files:
        for file in files:
            file.write(b"21.5 C")
    for path in MemoryFileSystem().find("/several"):
        message = MemoryFileSystem().cat_file(path)
        assert libseal.unseal(message, unwrapper()) == b"21.5 C"
    with fsspec.open_files(url, unwrap=unwrapper(), **options) as files:
        assert [file.read() for file in files] == [b"21.5 C"] * 2
    MemoryFileSystem().rm("/several", recursive=True)


def test_half_an_arn_is_left_to_the_kms_to_refuse() -> None:
    assert fsspec.filesystem("sealed", target_protocol="memory", kms="arn:aws").fs is not None
