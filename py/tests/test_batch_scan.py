"""scan: the beginnings of files, a few requests, no key, and what fails."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import fsspec
import pytest

import libseal
from batch_support import (
    Store,
    cut,
    filled,
    flipped,
    names,
    raises,
    reasons,
    scanned,
    with_long_header,
)
from libseal import batch
from libseal.batch import _pauses
from support import fleet, public_key, unwrapper

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pauses, "FIRST", 0.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, key in enumerate(fleet(2)):
        for name in ("a.sealed", "below/b.sealed"):
            path = tmp_path / str(number) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(key.seal(b"data"))
    return tmp_path


def below(folder: Path, *relative: str) -> list[str]:
    return [f"file://{folder}/{name}" for name in relative]


def test_a_plan_says_what_there_is(folder: Path) -> None:
    (folder / "2.sealed").write_bytes(libseal.seal(public_key(), bytes(100_000)))
    path = folder / "0" / "a.sealed"
    message = path.read_bytes()

    plan = batch.scan(f"{folder}/**/*.sealed")

    assert len(plan) == 5
    assert len(plan.headers) == 3
    assert plan.plaintext_len == 100_000 + 4 * len(b"data")
    assert plan.message_len == sum(file.stat().st_size for file in folder.rglob("*.sealed"))
    assert plan.failures == []
    [file] = [file for file in plan if file.name.endswith("0/a.sealed")]
    assert file.message_len == len(message)
    assert file.plaintext_len == len(b"data")
    assert file.header == libseal.Header(message)
    assert file.etag is None
    assert file.modified == datetime.fromtimestamp(path.stat().st_mtime, UTC)


def test_patterns_folders_and_paths(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    everything = below(folder, "0/a.sealed", "0/below/b.sealed", "1/a.sealed", "1/below/b.sealed")
    assert names(batch.scan(folder)) == everything
    assert names(batch.scan(f"{folder}/")) == everything
    assert names(batch.scan(f"file://{folder}/*/a.sealed")) == everything[::2]
    assert names(batch.scan(folder / "1" / "a.sealed")) == [everything[2]]
    several: list[str | os.PathLike[str]] = [everything[2], folder / "?" / "a.*", str(folder / "1")]
    assert names(batch.scan(several)) == [everything[n] for n in (2, 0, 3)]
    monkeypatch.chdir(folder / "0")
    assert names(batch.scan("*.sealed")) == [everything[0]]
    assert names(batch.scan([])) == []


def test_what_is_no_data_of_a_folder() -> None:
    store = filled(keys=1, each=1)
    for name in ("/_logs/a/1", "/_logs/a/_SUCCESS", "/_logs/a/.crc", "/_logs/_temporary-x/2"):
        store.put(name, store.cat_file("/0-0"))
    assert names(scanned(store, "/_logs")) == ["/_logs/a/1"]
    assert names(scanned(store, ["/_logs/a/_SUCCESS", "/_logs/_temp*/*"])) == [
        "/_logs/a/_SUCCESS",
        "/_logs/_temporary-x/2",
    ]


def test_a_url_of_another_protocol(folder: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/scan/a.sealed", libseal.seal(public_key(), b"data"))
    try:
        plan = batch.scan(["memory://scan/*.sealed", folder / "0" / "a.sealed"])
        assert names(plan) == ["memory:///scan/a.sealed", *below(folder, "0/a.sealed")]
        assert [data for _, data in plan.unseal(unwrapper())] == [b"data"] * 2
    finally:
        memory.rm("/scan", recursive=True)


def test_one_request_for_a_beginning() -> None:
    store = filled(keys=2, each=3)
    store.put("/long", libseal.seal(public_key(), bytes(10_000)))
    plan = scanned(store)
    sizes = {file.name: file.message_len for file in plan}
    assert sorted(store.requests) == [(name, 0, min(size, 4096)) for name, size in sizes.items()]


def test_another_request_for_a_long_header() -> None:
    store = Store()
    message = with_long_header(bytes(100_000))
    store.put("/a", message)
    [file] = scanned(store)
    assert bytes(file.header) == message[: file.header.length]
    assert file.salt == message[file.header.length :][:24]
    assert [start for _, start, _ in store.requests] == [0, 4096]
    assert sum(stop - start for _, start, stop in store.requests) < 70_000


def test_requests_are_concurrent_and_bounded() -> None:
    store = filled(keys=1, each=16)
    together = threading.Barrier(4, timeout=30)
    store.before = together.wait
    assert len(scanned(store, concurrency=4)) == 16
    assert together.n_waiting == 0


def test_progress_is_told_for_each_file() -> None:
    store = filled()
    store.put("/foreign", b"foreign")
    told: list[int] = []
    scanned(store, on_error="keep", progress=told.append)
    assert told == [1] * 13


def bad_files(store: Store) -> dict[str, str]:
    message = libseal.seal(public_key(), b"data")
    header = libseal.Header(message).length
    return {
        store.put("/cut in the header", message[:100]): "TruncatedError",
        store.put("/cut in the salt", message[: header + 10]): "TruncatedError",
        store.put("/cut in the last chunk", message[: header + 60]): "TruncatedError",
        store.put("/empty", b""): "TruncatedError",
        store.put("/foreign", b"PAR1" * 1000): "FormatError",
        store.put("/magic altered", flipped(message, 0)): "FormatError",
    }


def test_bad_files_are_named_and_the_others_planned() -> None:
    store = filled(keys=10, each=10)
    bad = bad_files(store)
    plan = scanned(store, on_error="keep")
    assert len(plan) == 100
    assert reasons(plan.failures) == bad
    for failure in plan.failures:
        assert failure.error.__notes__ == [f"in {failure.name}"]


def test_a_bad_file_ends_the_scan() -> None:
    store = filled()
    store.put("/foreign", b"PAR1" * 1000)
    with pytest.raises(libseal.FormatError) as caught:
        scanned(store)
    assert caught.value.__notes__ == ["in /foreign"]


def test_a_required_context() -> None:
    store = filled(keys=3, each=2)
    plan = scanned(store, require={"device": "1"}, on_error="keep")
    assert names(plan) == ["/1-0", "/1-1"]
    assert set(reasons(plan.failures).values()) == {"ContextMismatchError"}
    assert len(scanned(store, require={"device": None})) == 6
    with pytest.raises(libseal.ContextMismatchError, match="device"):
        scanned(store, require={"device": "7"})


@pytest.mark.parametrize("on_error", ["raise", "keep"])
@pytest.mark.parametrize(
    ("files", "reason"), [("/x*", "pattern"), ("/nothing/", "folder"), (["/*", "/y?"], "pattern")]
)
def test_what_matches_nothing(files: Any, reason: str, on_error: Any) -> None:
    with pytest.raises(FileNotFoundError, match=reason) as caught:
        scanned(filled(), files, on_error=on_error)
    assert caught.value.filename in files


def test_a_listing_that_fails_says_of_what(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise FileNotFoundError("The specified bucket does not exist")

    store = filled()
    monkeypatch.setattr(store, "glob", refuse)
    with pytest.raises(FileNotFoundError) as caught:
        scanned(store, "/0-*")
    assert caught.value.__notes__ == ["in /0-*"]


def test_a_file_that_is_missing() -> None:
    store = filled()
    with pytest.raises(FileNotFoundError) as caught:
        scanned(store, ["/0-0", "/missing"])
    assert caught.value.__notes__ == ["in /missing"]
    plan = scanned(store, ["/missing", "/0-0"], on_error="keep")
    assert names(plan) == ["/0-0"]
    assert reasons(plan.failures) == {"/missing": "FileNotFoundError"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
def test_a_pipe_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "0" / "pipe")
    [failure] = batch.scan(folder, on_error="keep").failures
    assert (failure.name, type(failure.error)) == (*below(folder, "0/pipe"), OSError)


def test_short_answers_and_timeouts_are_tried_again() -> None:
    store = filled()
    store.faults["/0-0"] = cut(10, times=2)
    store.faults["/0-1"] = raises(fsspec.exceptions.FSTimeoutError(), times=3)
    store.faults["/0-2"] = raises(ConnectionResetError("reset"), times=1)
    plan = scanned(store)
    assert len(plan) == 12
    counts = [len([name for name, *_ in store.requests if name == f"/0-{n}"]) for n in range(4)]
    assert counts == [3, 4, 2, 1]


def test_a_store_that_does_not_get_better() -> None:
    store = filled()
    store.faults["/0-0"] = cut(10)
    store.faults["/0-1"] = raises(fsspec.exceptions.FSTimeoutError())
    store.faults["/0-2"] = raises(ConnectionResetError("reset"))
    plan = scanned(store, on_error="keep")
    short, late, reset = plan.failures
    assert str(short.error) == (
        f"[Errno 5] the store returned 10 of the {len(store.store['/0-0'].getvalue())} bytes "
        "asked for: '/0-0'"
    )
    assert isinstance(late.error, TimeoutError)
    assert "did not answer in time: '/0-1'" in str(late.error)
    assert isinstance(reset.error, ConnectionResetError)
    assert len(plan) == 9


def test_a_file_that_changes_after_the_listing() -> None:
    store = filled()
    store.before = lambda: store.change("/0-0", lambda data: data[:50])
    plan = scanned(store, on_error="keep", concurrency=1)
    assert reasons(plan.failures) == {"/0-0": "ChangedError"}


def test_credentials_that_expire_and_are_renewed() -> None:
    store = filled()
    for name in ("/0-0", "/1-1"):
        store.faults[name] = raises(PermissionError("The provided token has expired."), times=1)
    plan = scanned(store, on_error="keep")
    assert reasons(plan.failures) == dict.fromkeys(("/0-0", "/1-1"), "PermissionError")
    plan += scanned(store, [failure.name for failure in plan.failures])
    assert plan.failures == []
    assert sorted(names(plan)) == sorted(store.store)


class WholeOnly(Store):
    """As an HTTP server that knows no ranges."""

    def cat_file(self, path: str, start: Any = None, end: Any = None, **options: Any) -> bytes:
        return super().cat_file(path, **options)


def test_a_store_without_ranges() -> None:
    store = WholeOnly()
    store.put("/a", libseal.seal(public_key(), bytes(10_000)))
    plan = scanned(store)
    assert [len(data) for _, data in plan.unseal(unwrapper(), fs=store)] == [10_000]
    store.put("/b", with_long_header())
    with pytest.raises(OSError, match="more than the part asked for: '/b'"):
        scanned(store)


class Asynchronous(Store):
    """As s3fs with asynchronous=True, whose methods only a task may call."""

    asynchronous = True


@pytest.mark.parametrize(
    ("options", "error", "reason"),
    [
        ({"files": 5}, TypeError, "files must be a URL"),
        ({"files": b"/a"}, TypeError, "files must be a URL"),
        ({"files": [b"/a"]}, TypeError, "files must be URLs or paths"),
        ({"files": "simplecache::memory://a"}, ValueError, "give it as fs"),
        ({"files": "sealed::memory://a"}, ValueError, "leave out sealed::"),
        ({"files": "/a", "on_error": "skip"}, ValueError, '"raise" or "keep"'),
        ({"files": "/a", "concurrency": 0}, ValueError, "at least 1"),
        ({"files": "/a", "concurrency": 1.5}, TypeError, "an int"),
        ({"files": "/a", "progress": 1}, TypeError, "callable"),
        ({"files": "/a", "require": ["device"]}, TypeError, "mapping"),
        ({"files": "/a", "fs": Store(), "storage_options": {"a": 1}}, TypeError, "storage_options"),
        ({"files": "/a", "fs": Asynchronous()}, TypeError, "asynchronous"),
    ],
)
def test_arguments_that_are_refused(options: Any, error: type[Exception], reason: str) -> None:
    with pytest.raises(error, match=reason):
        batch.scan(**options)


def test_without_fsspec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(ImportError, match=r"pip install 'libseal\[fsspec\]'"):
        batch.scan("/a")


def test_importing_is_cheap() -> None:
    code = (
        "import sys, libseal; print('libseal.batch' in sys.modules);"
        "import libseal.batch; print('fsspec' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout == "False\nFalse\n"
