"""Replacing a file as a whole: ``replacing``. What else has no underscore is for ``_redo``.

Where the system can (Linux, most file systems), the new file has no name until it is complete, so
nothing is left of it however the process ends. Elsewhere it has a temporary name beside the old
file, which follows from the name of that. A killed process leaves that one file at most, and the
next one removes it. A lock says that its process lives.

A file without a name can get one that is free, but not replace another. So it gets the temporary
name as well, for the instant until it is renamed.
"""

import errno
import io
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path as FilePath

from ._rights import set_mode, take_over_rights
from ._types import Buffer, Path

ADVICE = "so it cannot be replaced: use SealWriter or UnsealReader"
# How often, every 10 ms, a name is tried that others use for the time of two system calls.
TRIES = 200
MAX_LINKS = 40
# What is copied at a time where the system cannot.
PIECE_LEN = 1024 * 1024


@contextmanager
def replacing(
    dst: Path, *, overwrite: bool = True, survives_power_loss: bool = True
) -> Iterator["NewFile"]:
    """Yield a file that takes the place of ``dst`` when the block ends without an exception.

    What is no regular file, or may not be written, is refused at once, and so is any file unless
    ``overwrite``; then also one that another process makes during the block. An OSError about the
    new file names ``dst`` as the caller gave it.

    To survive a power failure right after that, it waits for the disk.
    """
    FilePath(dst)  # Refuses what is not a path, bytes included.
    name = os.fspath(dst)
    with naming(name):
        final = followed(name)
        old = replaceable(final)
        if old is not None:
            if not overwrite:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            _foresee_refusal(final, old)
        new = NewFile(name, final, old, overwrite=overwrite)
    try:
        yield new
        with naming(name):
            if survives_power_loss:
                new.wait_for_disk()
            new.take_place()
    finally:
        new.close()


class NewFile:
    """The new content of a file."""

    def __init__(
        self, dst: str, final: FilePath, old: os.stat_result | None, *, overwrite: bool
    ) -> None:
        self._dst = dst
        self._final = final
        self._overwrite = overwrite
        self._temporary = temporary_name(final)
        self._mode: int | None = None
        # Pythons that were built for a glibc before 2.27 lack it: those on Amazon Linux 2.
        self._can_copy = hasattr(os, "copy_file_range")
        self._process = os.getpid()
        try:
            # Without a name no one else can open it, so it can have its final mode at once.
            unnamed = _unnamed(final.parent, 0o666 if old is None else 0o600)
            if unnamed is None and old is None:
                self._mode = _mode_of_new_file(self._temporary)
            self._named = unnamed is None
            self._file = _created(self._temporary, 0o600) if unnamed is None else unnamed
        except PermissionError as error:
            reason = f"{error.strerror}: no new file can be made in its folder"
            raise PermissionError(error.errno, reason) from None

    @property
    def length(self) -> int:
        """How many bytes have been written."""
        return self._file.tell()

    def write(self, data: Buffer) -> None:
        """Write all of ``data``."""
        with naming(self._dst), memoryview(data) as rest:
            written = 0
            while written < len(rest):
                written += self._file.write(rest[written:])

    def copy(self, source: int, offset: int, count: int) -> int:
        """Append up to ``count`` bytes of an open file, from ``offset`` on, as the system can.

        Returns how many, and 0 only at the end of that file.
        """
        with naming(self._dst):
            if sys.platform == "linux" and self._can_copy:
                # Within one file system, this need not move the bytes through this process, or not
                # even copy them.
                with suppress(OSError):
                    copied = os.copy_file_range(source, self._file.fileno(), count, offset)
                    if copied:
                        return copied
                self._can_copy = False
            os.lseek(source, offset, os.SEEK_SET)
            data = os.read(source, min(count, PIECE_LEN))
        self.write(data)
        return len(data)

    def wait_for_disk(self) -> None:
        """Or else a power failure may leave the name with nothing behind it."""
        os.fsync(self._file.fileno())

    def take_place(self) -> None:
        """Put the file, which is complete, at its destination."""
        fd = self._file.fileno()
        # Much may have changed since the beginning.
        old = replaceable(self._final)
        if old is not None:
            if not self._overwrite:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            take_over_rights(fd, self._final, old)
        elif self._mode is not None:
            set_mode(fd, self._mode)
        if not self._named:
            if old is None:
                try:
                    _link(fd, self._final)
                except FileExistsError:  # Made by another process since we looked.
                    if not self._overwrite:
                        raise
                    self.take_place()
                return
            self._take_name()
        if sys.platform == "win32":
            self._file.close()
        if self._overwrite:
            self._temporary.replace(self._final)
        else:
            rename_to_free(self._temporary, self._final)
        self._named = False

    def close(self) -> None:
        """Remove the file unless it has taken its place."""
        if sys.platform == "win32":
            self._file.close()
            if self._named:
                with suppress(OSError):
                    self._temporary.unlink()
            return
        # In a child that was forked meanwhile, all of it is still the parent's.
        if self._process == os.getpid():
            if self._named:
                with suppress(OSError):
                    if is_at(self._file.fileno(), self._temporary):
                        self._temporary.unlink()
            # It may have the name of the target by now.
            unlock(self._file.fileno())
        self._file.close()

    def _take_name(self) -> None:
        """Get the temporary name, from which a file can be renamed over another."""
        fd = self._file.fileno()
        lock(fd)
        self._named = True
        for _ in range(TRIES):
            try:
                _link(fd, self._temporary)
            except FileExistsError:
                if not _remove_leftover(self._temporary):
                    time.sleep(0.01)
            else:
                return
        raise busy()


@contextmanager
def naming(dst: str) -> Iterator[None]:
    """Name the file that the caller named, whichever it was that failed."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, dst) from None


def rename_to_free(old: FilePath, new: FilePath) -> None:
    """Rename a file, but not over another. Raises FileExistsError."""
    if sys.platform == "win32":
        old.rename(new)
        return
    try:
        new.hardlink_to(old)
    except FileExistsError:
        raise
    except OSError:
        # Without hard links, as on FAT, an empty file keeps the name for the instant in between.
        new.touch(0o600, exist_ok=False)
        old.replace(new)
    else:
        old.unlink()


def busy(doing: str = "replacing") -> OSError:
    return OSError(errno.EBUSY, f"another process or thread is {doing} the file")


# ---- What may be replaced


def followed(dst: str) -> FilePath:
    """The path without symbolic links. It need not exist."""
    # A Path would drop these.
    if os.path.basename(dst) in ("", "."):  # noqa: PTH119
        code = errno.EISDIR if dst else errno.ENOENT
        raise OSError(code, os.strerror(code))
    path = FilePath(dst)
    for _ in range(MAX_LINKS):
        path = FilePath(os.path.realpath(path.parent, strict=True), path.name)
        # /dev/stdout is a link to one of these. Even if it is a file, others hold it open.
        if path.is_relative_to("/proc") or path.is_relative_to("/dev/fd"):
            raise OSError(errno.EINVAL, f"an open file of a process, {ADVICE}")
        if not path.is_symlink():
            break
        path = path.parent / path.readlink()
    # The system has its own rules for links, which protect those in shared folders.
    with suppress(FileNotFoundError):
        FilePath(dst).stat()
    return path


def replaceable(path: FilePath) -> os.stat_result | None:
    """The status of the file, if there is one. Refuses what open() could not write to."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, f"not a regular file, {ADVICE}")
    if not os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        # open() knows the reason.
        os.close(os.open(path, os.O_WRONLY))
    return status


def _foresee_refusal(path: FilePath, status: os.stat_result) -> None:
    """Say at once what renaming another file over this one would say after all the work."""
    if sys.platform == "win32":
        return
    if _mount(path) != _mount(path.parent):
        raise OSError(errno.EBUSY, f"a mount point, {ADVICE}, or mount its folder")
    folder = path.parent.stat()
    ours = os.geteuid() in (0, folder.st_uid, status.st_uid)
    if folder.st_mode & stat.S_ISVTX and not ours:
        message = "the folder has the sticky bit and the file another owner, so it must stay"
        raise PermissionError(errno.EPERM, message)


def _mount(path: FilePath) -> bytes | None:
    """The mount that the path leads to, where the system says so."""
    if sys.platform != "linux":
        return None
    fd = os.open(path, os.O_PATH)
    try:
        with FilePath(f"/proc/self/fdinfo/{fd}").open("rb", buffering=0) as info:
            lines = info.readall().splitlines()
    except OSError:  # Without /proc, renaming will fail.
        return None
    finally:
        os.close(fd)
    return next((line for line in lines if line.startswith(b"mnt_id:")), None)


# ---- A file without a name


def _unnamed(folder: FilePath, mode: int) -> io.FileIO | None:
    """A file that vanishes when it is closed, unless it is linked; None if there is no such thing.

    Whatever is wrong, making a file with a name will find it.
    """
    if sys.platform != "linux" or not hasattr(os, "O_TMPFILE"):
        return None

    def opener(path: str, _: int) -> int:
        return os.open(path, os.O_WRONLY | os.O_TMPFILE, mode)

    try:
        file = io.FileIO(folder, "wb", opener=opener)
    except OSError:
        return None
    if FilePath(_magic_link(file.fileno())).exists():
        return file
    file.close()
    return None


def _magic_link(fd: int) -> str:
    return f"/proc/self/fd/{fd}"


def _link(fd: int, name: FilePath) -> None:
    """Give a file without a name a name that is free."""
    # Links are followed only with a folder for relative paths, so name one; this path is absolute.
    os.link(_magic_link(fd), name, src_dir_fd=fd, follow_symlinks=True)


# ---- A file with a temporary name


def temporary_name(final: FilePath, suffix: str = ".tmp") -> FilePath:
    """A name beside ``final``, always the same, no other file's, and short however long that is."""
    from hashlib import sha256  # noqa: PLC0415 (only files need it)

    digest = sha256(os.fsencode(final.name)).hexdigest()[:32]
    return final.with_name(f".libseal-{digest}{suffix}")


def _created(name: FilePath, mode: int) -> io.FileIO:
    """A new and locked file at the temporary name."""

    def opener(path: str, flags: int) -> int:
        return os.open(path, flags, mode)

    while True:
        try:
            file = io.FileIO(name, "xb", opener=opener)
        except FileExistsError:
            if not _remove_leftover(name):
                raise busy() from None
            continue
        if lock(file.fileno()) and is_at(file.fileno(), name):
            return file
        # Another process took it for a leftover before it was locked.
        unlock(file.fileno())
        file.close()


def _mode_of_new_file(name: FilePath) -> int | None:
    """What umask and folder make of 0666. Asking for the umask means setting it: so try."""
    if sys.platform == "win32":
        return None
    with _created(name, 0o666) as file:
        try:
            return stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        finally:
            name.unlink()


def _remove_leftover(name: FilePath) -> bool:
    """Free the temporary name of what a killed process left there; False if the process lives."""
    if sys.platform == "win32":
        # Files that are open cannot be removed.
        try:
            name.unlink(missing_ok=True)
        except PermissionError:
            return False
        return True
    try:
        found = name.lstat()
        if not stat.S_ISREG(found.st_mode):
            raise in_the_way(name)
        fd = os.open(name, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return True
    except PermissionError:
        raise in_the_way(name) from None
    try:
        if not lock(fd, required=True):
            return False
        # Who holds the lock of what is at the name may remove it. It may be another by now.
        if stat.S_ISREG(os.fstat(fd).st_mode) and is_at(fd, name):
            name.unlink()
        return True
    finally:
        unlock(fd)
        os.close(fd)


def in_the_way(name: FilePath) -> OSError:
    message = f"{name} is in the way: it is needed for the new file and belongs to another"
    return OSError(errno.EEXIST, message)


def lock(fd: int, *, required: bool = False) -> bool:
    """Lock the file until ``unlock``; False if another holds the lock."""
    if sys.platform == "win32":
        return True
    import fcntl  # noqa: PLC0415 (not on Windows)

    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # Without locks no file is known to be a leftover, so it is enough if no one removes any.
        if required:
            raise
    return True


def unlock(fd: int) -> None:
    """Unlock the file. Closing it would not, while a child that was forked meanwhile lives."""
    if sys.platform == "win32":
        return
    import fcntl  # noqa: PLC0415 (not on Windows)

    with suppress(OSError):  # Where there are no locks.
        fcntl.flock(fd, fcntl.LOCK_UN)


def is_at(fd: int, name: FilePath) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), name.lstat())
    except FileNotFoundError:
        return False
