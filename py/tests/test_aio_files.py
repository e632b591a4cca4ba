"""Files in threads: all or nothing, cancelled or not."""

import asyncio
import os
import threading
from pathlib import Path
from typing import Any

import pytest

import libseal
from aio_support import cancel_everywhere, run, unwrap
from libseal import aio
from support import LENGTHS, PIECE, public_key, unwrapper

DATA = os.urandom(5 * PIECE + 7)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    path = tmp_path / "plain"
    path.write_bytes(DATA)
    return path


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    path = tmp_path / "sealed"
    path.write_bytes(libseal.seal(public_key(), DATA, context={"device": "42"}))
    return path


@pytest.mark.parametrize("length", [*LENGTHS, PIECE, PIECE + 1, 5 * PIECE])
def test_round_trip(length: int, tmp_path: Path) -> None:
    plain, sealed, again = tmp_path / "plain", tmp_path / "sealed", tmp_path / "again"
    plain.write_bytes(DATA[:length])

    async def both() -> tuple[int, int]:
        return (
            await aio.seal_file(public_key(), plain, sealed, context={"a": "b"}),
            await aio.unseal_file(str(sealed), str(again), unwrap, require={"a": "b"}),
        )

    assert run(both()) == (sealed.stat().st_size, length)
    assert again.read_bytes() == DATA[:length]


@pytest.mark.parametrize("threads", [1, 2, None])
def test_unwrappers_of_both_kinds(
    threads: int | None, sealed: Path, plain: Path, tmp_path: Path
) -> None:
    for kind in (unwrap, unwrapper(), [unwrapper("rsa-3072"), unwrap]):
        assert run(aio.unseal_file(sealed, tmp_path / "out", kind, threads=threads)) == len(DATA)
        assert (tmp_path / "out").read_bytes() == DATA


def test_a_file_in_the_place_of_itself(sealed: Path) -> None:
    run(aio.unseal_file(sealed, sealed, unwrap))
    assert sealed.read_bytes() == DATA


def test_progress_comes_on_the_event_loop(plain: Path, tmp_path: Path) -> None:
    for seal in (True, False):
        source = plain if seal else tmp_path / "out"
        counts: list[int] = []

        def progress(count: int, counts: list[int] = counts) -> None:
            assert threading.current_thread() is threading.main_thread()
            counts.append(count)

        if seal:
            run(aio.seal_file(public_key(), plain, tmp_path / "out", progress=progress))
        else:
            run(aio.unseal_file(source, tmp_path / "again", unwrap, progress=progress))
        assert sum(counts) == source.stat().st_size
        assert len(counts) > 2


def test_more_files_at_once_than_threads(sealed: Path, tmp_path: Path) -> None:
    """None of them has a thread while it waits for its key, which a thread may have to unwrap."""
    number = 3 * (os.cpu_count() or 1) + 40

    async def unseal_all() -> None:
        async with asyncio.TaskGroup() as group:
            for index in range(number):
                kind: aio.Unwrap = unwrapper() if index % 2 else unwrap
                group.create_task(aio.unseal_file(sealed, tmp_path / f"out-{index}", kind))

    run(unseal_all())
    assert all((tmp_path / f"out-{index}").read_bytes() == DATA for index in range(number))


def test_errors_name_the_file_and_leave_nothing(sealed: Path, plain: Path, tmp_path: Path) -> None:
    cut, target = tmp_path / "cut", tmp_path / "target"
    cut.write_bytes(sealed.read_bytes()[:-1])
    target.write_bytes(b"old")
    before = sorted(tmp_path.iterdir())

    async def refuse(_: libseal.WrappedKey) -> bytes:
        raise ValueError("no")

    calls: list[tuple[Any, type[Exception]]] = [
        (lambda: aio.unseal_file(cut, target, unwrap), libseal.TruncatedError),
        (lambda: aio.unseal_file(sealed, target, refuse), libseal.KeyUnwrapError),
        (lambda: aio.unseal_file(plain, target, unwrap), libseal.FormatError),
        (
            lambda: aio.unseal_file(sealed, target, unwrap, require={"device": "43"}),
            libseal.ContextMismatchError,
        ),
    ]
    for call, error in calls:
        with pytest.raises(error) as refused:
            run(call())
        (note,) = refused.value.__notes__
        assert note.startswith("in the file '")
    for missing in (
        aio.unseal_file(tmp_path / "missing", target, unwrap),
        aio.seal_file(public_key(), tmp_path / "missing", target),
        aio.seal_file(public_key(), plain, tmp_path / "missing" / "out"),
    ):
        with pytest.raises(FileNotFoundError):
            run(missing)
    assert sorted(tmp_path.iterdir()) == before
    assert target.read_bytes() == b"old"


def test_no_one_is_asked_for_a_target_that_cannot_be_replaced(sealed: Path, tmp_path: Path) -> None:
    async def ask(_: libseal.WrappedKey) -> bytes:
        raise AssertionError

    with pytest.raises(IsADirectoryError):
        run(aio.unseal_file(sealed, tmp_path, ask))


def test_pipes_are_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for call in (
        aio.seal_file(public_key(), pipe, tmp_path / "out"),
        aio.unseal_file(pipe, tmp_path / "out", unwrap),
    ):
        with pytest.raises(OSError, match="not a regular file.*pipe"):
            run(call)
    assert list(tmp_path.iterdir()) == [pipe]


@pytest.mark.usefixtures("new_file")
def test_cancelled_everywhere(sealed: Path, plain: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    attempts: list[tuple[Any, int]] = [
        (lambda: aio.unseal_file(sealed, target, unwrap), 4),
        (lambda: aio.unseal_file(sealed, target, unwrapper()), 4),
        (lambda: aio.seal_file(public_key(), plain, target), 1),
    ]
    for attempt, least in attempts:
        target.write_bytes(b"old")
        before = sorted(tmp_path.iterdir())
        times = 0
        for was_cancelled in cancel_everywhere(attempt):
            assert sorted(tmp_path.iterdir()) == before
            content = target.read_bytes()
            if not was_cancelled:
                assert content != b"old"
            elif content != b"old":
                # It came when the complete file was being put in its place.
                assert content == DATA or libseal.unseal(content, unwrapper()) == DATA
                target.write_bytes(b"old")
            times += was_cancelled
        assert times >= least


@pytest.mark.parametrize("is_sealing", [True, False])
def test_a_cancellation_stops_the_work_soon(is_sealing: bool, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    length = 1 << 30
    with source.open("wb") as file:
        if not is_sealing:
            file.write(libseal.seal(public_key(), bytes(64 << 20)))
        file.truncate(length)
    begun = asyncio.Event()
    counts: list[int] = []

    def progress(count: int) -> None:
        counts.append(count)
        begun.set()

    async def work() -> None:
        if is_sealing:
            await aio.seal_file(public_key(), source, target, progress=progress)
        else:
            await aio.unseal_file(source, target, unwrap, progress=progress)

    async def cancel() -> None:
        task = asyncio.create_task(work())
        await begun.wait()
        task.cancel()
        # Once more, while it waits for the thread.
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        # The thread has ended, and with it the file that it wrote.
        assert os.listdir(tmp_path) == ["source"]  # noqa: PTH208
        open_files = os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []  # noqa: PTH112, PTH208
        for descriptor in open_files:
            try:
                name = os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115
            except OSError:
                continue
            assert str(tmp_path) not in name

    run(cancel())
    assert sum(counts) < length // 2


def test_cancelled_before_a_thread_was_free(plain: Path, tmp_path: Path) -> None:
    async def cancel() -> None:
        loop = asyncio.get_running_loop()
        go_on = threading.Event()
        busy = [loop.run_in_executor(None, go_on.wait, 10) for _ in range(100)]
        task = asyncio.create_task(aio.seal_file(public_key(), plain, tmp_path / "out"))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not go_on.is_set()
        go_on.set()
        await asyncio.gather(*busy)

    run(cancel())
    assert list(tmp_path.iterdir()) == [plain]


def test_a_timeout(sealed: Path, tmp_path: Path) -> None:
    async def never(_: libseal.WrappedKey) -> bytes:
        await asyncio.sleep(60)
        raise AssertionError

    async def unseal() -> None:
        async with asyncio.timeout(0.05):
            await aio.unseal_file(sealed, tmp_path / "out", never)

    with pytest.raises(TimeoutError):
        run(unseal())
    assert list(tmp_path.iterdir()) == [sealed]


def test_arguments(plain: Path, sealed: Path, tmp_path: Path) -> None:
    wrong: Any
    for wrong in (None, 7, b"path"):
        for name, call in (
            ("src", lambda wrong=wrong: aio.seal_file(public_key(), wrong, tmp_path / "out")),
            ("dst", lambda wrong=wrong: aio.seal_file(public_key(), plain, wrong)),
            ("src", lambda wrong=wrong: aio.unseal_file(wrong, tmp_path / "out", unwrap)),
            ("dst", lambda wrong=wrong: aio.unseal_file(sealed, wrong, unwrap)),
        ):
            with pytest.raises(TypeError, match=f"^{name} must be a path, str or os.PathLike, not"):
                run(call())
    wrong = "bar"
    with pytest.raises(TypeError, match="progress must be callable or None, not str"):
        run(aio.seal_file(public_key(), plain, tmp_path / "out", progress=wrong))
    with pytest.raises(TypeError, match="unwrap must be callable"):
        run(aio.unseal_file(sealed, tmp_path / "out", wrong))
    assert sorted(tmp_path.iterdir()) == [plain, sealed]
