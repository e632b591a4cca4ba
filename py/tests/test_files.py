"""seal_file, unseal_file and inspect."""

import asyncio
import errno
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest
from tqdm import tqdm

import libseal
import libseal.aio
from support import LENGTHS, PIECE, holds_nothing, public_key, unwrapper

if TYPE_CHECKING:
    from libseal import Progress

both_kinds = pytest.mark.usefixtures("new_file")


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    path = tmp_path / "plain"
    path.write_bytes(bytes(range(256)) * 10_000)
    return path


@pytest.fixture
def sealed(plain: Path, tmp_path: Path) -> Path:
    path = tmp_path / "sealed"
    libseal.seal_file(public_key(), plain, path)
    return path


@pytest.fixture
def destination_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("as_path", [str, Path])
@pytest.mark.parametrize("length", [*LENGTHS, PIECE - 1, PIECE, PIECE + 1, 3_000_000])
def test_round_trip(tmp_path: Path, length: int, as_path: type[str] | type[Path]) -> None:
    plain, sealed, back = (as_path(tmp_path / name) for name in ("plain", "sealed", "back"))
    data = os.urandom(length)
    Path(plain).write_bytes(data)
    written = libseal.seal_file(
        libseal.Recipient(public_key(), "id"), plain, sealed, context={"a": "b"}
    )
    assert written == Path(sealed).stat().st_size
    assert libseal.inspect(sealed).wrapped_keys[0].key_id == "id"
    assert libseal.unseal_file(sealed, back, unwrapper(), require={"a": "b"}) == length
    assert Path(back).read_bytes() == data
    assert libseal.unseal(Path(sealed).read_bytes(), unwrapper()) == data
    assert files(tmp_path) == {"plain", "sealed", "back"}


def test_progress_counts_the_source(plain: Path, tmp_path: Path) -> None:
    sealed, back = tmp_path / "sealed", tmp_path / "back"
    counts: list[int] = []
    libseal.seal_file(public_key(), plain, sealed, progress=counts.append)
    assert sum(counts) == plain.stat().st_size
    assert len(counts) > 1
    counts.clear()
    libseal.unseal_file(sealed, back, unwrapper(), progress=counts.append)
    assert sum(counts) == sealed.stat().st_size
    with tqdm(total=plain.stat().st_size, disable=True) as bar:
        libseal.seal_file(public_key(), plain, sealed, progress=bar.update)


@both_kinds
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_new_file_has_the_permissions_of_any_new_file(plain: Path, umask: int) -> None:
    sealed, other = plain.parent / "sealed", plain.parent / "other"
    before = os.umask(umask)
    try:
        libseal.seal_file(public_key(), plain, sealed)
        other.touch()
    finally:
        os.umask(before)
    assert sealed.stat().st_mode == other.stat().st_mode


@both_kinds
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755])
def test_existing_file_keeps_its_permissions(plain: Path, tmp_path: Path, mode: int) -> None:
    target = tmp_path / "target"
    target.touch()
    target.chmod(mode)
    libseal.seal_file(public_key(), plain, target)
    assert stat.S_IMODE(target.stat().st_mode) == mode
    assert files(tmp_path) == {"plain", "target"}


def test_temporary_file_is_only_for_the_owner(plain: Path, tmp_path: Path, new_file: str) -> None:
    modes = set()

    def look(_: int) -> None:
        for path in tmp_path.glob(".libseal-*"):
            modes.add(stat.S_IMODE(path.stat().st_mode))

    libseal.seal_file(public_key(), plain, tmp_path / "sealed", progress=look)
    libseal.seal_file(public_key(), plain, tmp_path / "sealed", progress=look)
    assert modes == ({0o600} if new_file == "with a name" else set())


@both_kinds
def test_hard_link_keeps_the_old_content(plain: Path, tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"before")
    link.hardlink_to(target)
    libseal.seal_file(public_key(), plain, target)
    assert link.read_bytes() == b"before"
    assert libseal.unseal(target.read_bytes(), unwrapper()) == plain.read_bytes()


@both_kinds
def test_onto_itself(plain: Path) -> None:
    data = plain.read_bytes()
    libseal.seal_file(public_key(), plain, plain)
    assert libseal.unseal(plain.read_bytes(), unwrapper()) == data
    libseal.unseal_file(plain, plain, unwrapper())
    assert plain.read_bytes() == data


@both_kinds
def test_through_a_symbolic_link(plain: Path, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    target, link = tmp_path / "folder" / "target", tmp_path / "link"
    link.symlink_to(target)
    libseal.seal_file(public_key(), plain, link)
    assert link.is_symlink()
    assert files(target.parent) == {"target"}
    libseal.seal_file(public_key(), plain, link)
    assert link.is_symlink()
    assert libseal.unseal(target.read_bytes(), unwrapper()) == plain.read_bytes()


@both_kinds
def test_through_links_that_are_relative(plain: Path, tmp_path: Path) -> None:
    (tmp_path / "one" / "two").mkdir(parents=True)
    (tmp_path / "folder").symlink_to(Path("one", "two"))
    (tmp_path / "link").symlink_to(Path("folder", "..", "link"))
    (tmp_path / "one" / "link").symlink_to("target")
    libseal.seal_file(public_key(), plain, tmp_path / "link")
    target = tmp_path / "one" / "target"
    assert libseal.unseal(target.read_bytes(), unwrapper()) == plain.read_bytes()


@both_kinds
def test_relative_path(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(plain.parent)
    libseal.seal_file(public_key(), "plain", "sealed")
    assert files(plain.parent) == {"plain", "sealed"}


def test_from_a_pipe(tmp_path: Path) -> None:
    pipe, sealed, back = tmp_path / "pipe", tmp_path / "sealed", tmp_path / "back"
    os.mkfifo(pipe)

    def feed(data: bytes) -> None:
        with pipe.open("wb", buffering=0) as file:
            for start in range(0, len(data), 1000):
                file.write(data[start : start + 1000])

    data = b"line\n" * 10_000
    thread = threading.Thread(target=feed, args=(data,))
    thread.start()
    libseal.seal_file(public_key(), pipe, sealed)
    thread.join()
    thread = threading.Thread(target=feed, args=(sealed.read_bytes(),))
    thread.start()
    libseal.unseal_file(pipe, back, unwrapper())
    thread.join()
    assert back.read_bytes() == data


def test_from_standard_input(tmp_path: Path) -> None:
    program = (
        "import libseal, sys; key = libseal.PublicKey(bytes.fromhex(sys.argv[1]));"
        "libseal.seal_file(key, '/dev/stdin', sys.argv[2])"
    )
    sealed = tmp_path / "sealed"
    command = [sys.executable, "-c", program, public_key().der.hex(), str(sealed)]
    subprocess.run(command, input=b"data", check=True)
    assert libseal.unseal(sealed.read_bytes(), unwrapper()) == b"data"


# ---- Failures: nothing is left, and an existing destination is untouched


class Stop(BaseException):
    pass


def stop(_: int) -> None:
    raise Stop


def interrupt(_: libseal.WrappedKey) -> bytes:
    raise KeyboardInterrupt


FAILURES: dict[str, tuple[type[BaseException], Callable[[Path, Path, Path], object]]] = {
    "missing source": (
        FileNotFoundError,
        lambda plain, sealed, dst: libseal.seal_file(public_key(), plain.parent / "none", dst),
    ),
    "source is a folder": (
        IsADirectoryError,
        lambda plain, sealed, dst: libseal.seal_file(public_key(), plain.parent, dst),
    ),
    "bad recipients": (
        libseal.LimitError,
        lambda plain, sealed, dst: libseal.seal_file([], plain, dst),
    ),
    "progress fails while sealing": (
        Stop,
        lambda plain, sealed, dst: libseal.seal_file(public_key(), plain, dst, progress=stop),
    ),
    "progress fails while unsealing": (
        Stop,
        lambda plain, sealed, dst: libseal.unseal_file(sealed, dst, unwrapper(), progress=stop),
    ),
    "not sealed": (
        libseal.FormatError,
        lambda plain, sealed, dst: libseal.unseal_file(plain, dst, unwrapper()),
    ),
    "empty": (
        libseal.TruncatedError,
        lambda plain, sealed, dst: libseal.unseal_file("/dev/null", dst, unwrapper()),
    ),
    "other recipients": (
        libseal.NoMatchingRecipientError,
        lambda plain, sealed, dst: libseal.unseal_file(sealed, dst, holds_nothing),
    ),
    "interrupted": (
        KeyboardInterrupt,
        lambda plain, sealed, dst: libseal.unseal_file(sealed, dst, interrupt),
    ),
    "context": (
        libseal.ContextMismatchError,
        lambda plain, sealed, dst: libseal.unseal_file(
            sealed, dst, unwrapper(), require={"a": "b"}
        ),
    ),
}


@pytest.fixture(params=[None, b"before"], ids=["new", "existing"])
def destination(request: pytest.FixtureRequest, tmp_path: Path, new_file: str) -> Iterator[Path]:
    folder = tmp_path / "out"
    folder.mkdir()
    path = folder / "dst"
    if request.param is not None:
        path.write_bytes(request.param)
        path.chmod(0o640)
    yield path
    if request.param is None:
        assert not list(folder.iterdir())
    else:
        assert files(folder) == {"dst"}
        assert path.read_bytes() == request.param
        assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize("failure", FAILURES)
def test_failure(failure: str, plain: Path, sealed: Path, destination: Path) -> None:
    error, call = FAILURES[failure]
    with pytest.raises(error):
        call(plain, sealed, destination)


def test_altered_and_cut(sealed: Path, destination: Path) -> None:
    blob = sealed.read_bytes()
    for bad in (
        blob[:-1],
        blob[:-1] + bytes([blob[-1] ^ 1]),
        blob + b"x",
        blob[: len(blob) // 2],
        blob[:400],
    ):
        sealed.write_bytes(bad)
        with pytest.raises(libseal.SealError):
            libseal.unseal_file(sealed, destination, unwrapper())


def test_limit_on_file_sizes(plain: Path, sealed: Path, destination: Path) -> None:
    """As a full disk, but any user can have it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large") as failed:
            libseal.seal_file(public_key(), plain, destination)
        assert failed.value.filename == str(destination)
        with pytest.raises(OSError, match="File too large") as failed:
            libseal.unseal_file(sealed, destination, unwrapper())
        assert failed.value.filename == str(destination)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@both_kinds
def test_full_disk(plain: Path, sealed: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(disk)]
    try:
        mounted = subprocess.run(mount, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("mounting a small disk takes root")
    try:
        (disk / "dst").write_bytes(b"before")
        calls: list[Callable[[Path], object]] = [
            lambda dst: libseal.seal_file(public_key(), plain, dst),
            lambda dst: libseal.unseal_file(sealed, dst, unwrapper()),
        ]
        for call, name in product(calls, ["dst", "new"]):
            with pytest.raises(OSError, match="No space left") as failed:
                call(disk / name)
            assert failed.value.errno == errno.ENOSPC
            assert failed.value.filename == str(disk / name)
            assert files(disk) == {"dst"}
            assert (disk / "dst").read_bytes() == b"before"
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@both_kinds
def test_destination_that_cannot_be(plain: Path, sealed: Path, tmp_path: Path) -> None:
    """The error names it as the caller did."""
    (tmp_path / "loop").symlink_to("loop")
    calls: list[Callable[[str], object]] = [
        lambda dst: libseal.seal_file(public_key(), plain, dst),
        lambda dst: libseal.unseal_file(sealed, dst, interrupt),
    ]
    refused: dict[str, type[OSError]] = {
        f"{tmp_path}": IsADirectoryError,
        f"{tmp_path}/": IsADirectoryError,
        f"{tmp_path}/new/": IsADirectoryError,
        f"{tmp_path}/missing/dst": FileNotFoundError,
        f"{tmp_path}/missing/../dst": FileNotFoundError,
        f"{plain}/dst": NotADirectoryError,
        f"{tmp_path}/loop": OSError,
        f"{tmp_path}/{'x' * 256}": OSError,
        "": FileNotFoundError,
    }
    for call, (dst, error) in product(calls, refused.items()):
        with pytest.raises(error) as failed:
            call(dst)
        assert failed.value.filename == dst
        assert failed.value.filename2 is None
    assert files(tmp_path) == {"plain", "sealed", "loop"}


def test_bad_paths(plain: Path) -> None:
    for path in (None, 7, b"plain"):
        with pytest.raises(TypeError):
            libseal.seal_file(public_key(), path, plain)  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            libseal.seal_file(public_key(), plain, path)  # type: ignore[arg-type]


def test_inspect_reads_no_more_than_it_needs(sealed: Path, tmp_path: Path) -> None:
    header = libseal.inspect(sealed)
    beginning = tmp_path / "beginning"
    beginning.write_bytes(sealed.read_bytes()[: header.length])
    assert libseal.inspect(beginning).wrapped_keys == header.wrapped_keys
    beginning.write_bytes(sealed.read_bytes()[: header.length - 1])
    with pytest.raises(libseal.TruncatedError):
        libseal.inspect(beginning)
    with pytest.raises(libseal.TruncatedError):
        libseal.inspect(b"")
    with pytest.raises(libseal.FormatError):
        libseal.inspect(b"junk")
    with pytest.raises(FileNotFoundError):
        libseal.inspect(tmp_path / "missing")
    with pytest.raises(TypeError):
        libseal.inspect(7)  # type: ignore[arg-type]
    assert "wrapped_keys" in repr(header)


# ---- Only a file that is new


def seal_new(src: Path, dst: Path, progress: "Progress | None") -> object:
    return libseal.seal_file(public_key(), src, dst, overwrite=False, progress=progress)


def unseal_new(src: Path, dst: Path, progress: "Progress | None") -> object:
    return libseal.unseal_file(src, dst, unwrapper(), overwrite=False, progress=progress)


def unseal_new_async(src: Path, dst: Path, progress: "Progress | None") -> object:
    unsealed = libseal.aio.unseal_file(src, dst, unwrapper(), overwrite=False, progress=progress)
    return asyncio.run(unsealed)


def salvage_new(src: Path, dst: Path, progress: "Progress | None") -> object:
    return libseal.salvage_file(src, dst, unwrapper(), overwrite=False, progress=progress)


both_ways = pytest.mark.parametrize(
    "call", [seal_new, unseal_new, unseal_new_async, salvage_new], ids=lambda call: call.__name__
)
NewFileCall: TypeAlias = Callable[[Path, Path, "Progress | None"], object]


@both_ways
@both_kinds
def test_a_new_file_takes_the_place_of_none(
    call: NewFileCall, sealed: Path, destination_folder: Path
) -> None:
    dst = destination_folder / "dst"
    call(sealed, dst, None)
    written = dst.read_bytes()
    assert written
    with pytest.raises(FileExistsError) as raised:
        call(sealed, dst, None)
    assert raised.value.filename == str(dst)
    assert dst.read_bytes() == written
    assert files(destination_folder) == {"dst"}


@both_ways
@both_kinds
def test_a_file_that_appears_meanwhile_stays(
    call: NewFileCall, sealed: Path, destination_folder: Path
) -> None:
    dst = destination_folder / "dst"

    def appear(_: int) -> None:
        dst.write_bytes(b"first")

    with pytest.raises(FileExistsError) as raised:
        call(sealed, dst, appear)
    assert raised.value.filename == str(dst)
    assert dst.read_bytes() == b"first"
    assert files(destination_folder) == {"dst"}


def test_a_new_file_where_there_are_no_hard_links(
    sealed: Path, destination_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    monkeypatch.setattr(os, "link", refuse)
    dst = destination_folder / "dst"
    unseal_new(sealed, dst, None)
    assert dst.read_bytes() == libseal.unseal(sealed.read_bytes(), unwrapper())
    with pytest.raises(FileExistsError):
        unseal_new(sealed, dst, None)
    assert files(destination_folder) == {"dst"}
