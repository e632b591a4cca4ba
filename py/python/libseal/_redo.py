"""Another header in a file, in its place, so that no crash leaves half of it.

Before the header is overwritten, a record of the old and the new one is stored beside the file. It
is removed when the new header is stored. If it is found, the process was killed or the power failed
in between, and ``LockedFile.finish_interrupted`` writes the new header again.

A record is applied only to what it was made for. That is a file

- of the same length,
- whose payload begins with the same salt and commitment, which no other message has,
- each byte of whose header is that of the old or of the new one.
"""

import errno
import io
import os
import stat
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path as FilePath
from typing import NamedTuple

from ._libseal import MAX_HEADER_LEN
from ._replace import (
    TRIES,
    busy,
    followed,
    is_at,
    lock,
    naming,
    replaceable,
    temporary_name,
    unlock,
)
from ._rights import set_mode
from ._types import Path

SUFFIX = ".rewrap"
NOTE = "a rewrap of this file was interrupted, or is under way: rewrap_file finishes it"

MAGIC = b"libseal rewrap 1\n"
# The lengths of the file and of each header.
LENGTHS = struct.Struct(">QI")
SALT_AND_COMMITMENT_LEN = 24 + 32
DIGEST_LEN = 32
MAX_RECORD_LEN = (
    len(MAGIC) + LENGTHS.size + 2 * MAX_HEADER_LEN + SALT_AND_COMMITMENT_LEN + DIGEST_LEN
)


def is_interrupted(path: Path) -> bool:
    """Whether there is a record for the file."""
    try:
        status = temporary_name(followed(os.fspath(path)), SUFFIX).lstat()
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode)


@contextmanager
def locked(path: Path) -> Iterator["LockedFile"]:
    """Open a file to rewrap it, alone. An OSError names ``path`` as the caller gave it.

    What cannot be rewrapped is refused at once.
    """
    name = os.fspath(path)
    with naming(name):
        final = followed(name)
        fd = _opened(final)
    file = LockedFile(name, final, fd)
    try:
        yield file
    finally:
        file.close()


def _opened(final: FilePath) -> int:
    flags = os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
    flags |= getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    for _ in range(TRIES):
        if replaceable(final) is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        if not os.access(final.parent, os.W_OK | os.X_OK):
            reason = f"{os.strerror(errno.EACCES)}: no new file can be made in its folder"
            raise PermissionError(errno.EACCES, reason)
        fd = os.open(final, flags)
        try:
            if _is_locked_at(fd, final):
                return fd
        except BaseException:
            unlock(fd)
            os.close(fd)
            raise
        unlock(fd)
        os.close(fd)
    raise busy()


def _is_locked_at(fd: int, final: FilePath) -> bool:
    """Lock the file; False if it was replaced before."""
    if not lock(fd, required=True):
        raise busy("rewrapping")
    return is_at(fd, final)


class LockedFile:
    """A message that no one else rewraps at the same time."""

    def __init__(self, name: str, final: FilePath, fd: int) -> None:
        self.fd = fd
        self._name = name
        self._final = final
        self._record = temporary_name(final, SUFFIX)
        self._status = os.fstat(fd)
        self._process = os.getpid()

    @property
    def length(self) -> int:
        """Length of the file in bytes."""
        return self._status.st_size

    def beginning(self, length: int) -> bytes:
        """The first ``length`` bytes of the file, or fewer if there are no more."""
        with naming(self._name):
            return _read(self.fd, length)

    def finish_interrupted(self) -> None:
        """If a rewrap was interrupted, finish it."""
        with naming(self._name):
            fd = self._opened_record()
            if fd is None:
                return
            with _closing(fd) as file:
                record = self._read_record(fd)
                if record is not None:
                    self._apply(record)
                if sys.platform == "win32":
                    # There, what is open cannot be removed.
                    file.close()
                self._record.unlink()
            if record is None:
                return
            self._status = os.fstat(self.fd)
        import logging  # noqa: PLC0415 (importing it takes 5 ms)

        logging.getLogger("libseal").info("finished an interrupted rewrap of %r", self._name)

    def overwrite(self, old: bytes, new: bytes) -> None:
        """Replace the header in its place by one of the same length."""
        with naming(self._name):
            payload = _read(self.fd, len(old) + SALT_AND_COMMITMENT_LEN)[len(old) :]
            with self._stored(Record(self.length, old, new, payload)):
                is_begun = False
                try:
                    self._check_unchanged(old)
                    is_begun = True
                    self._write(new)
                except BaseException:
                    # As long as the old header is there, nothing has happened.
                    with suppress(OSError):
                        if not is_begun or _read(self.fd, len(old)) == old:
                            self._record.unlink()
                    raise
                # Someone may have removed it by hand.
                self._record.unlink(missing_ok=True)

    def check_unchanged(self, old: bytes) -> None:
        """Refuse to go on if the file is another than it was when it was opened."""
        with naming(self._name):
            self._check_unchanged(old)

    def _check_unchanged(self, old: bytes) -> None:
        now, before = os.fstat(self.fd), self._status
        is_same = (now.st_size, now.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
        if not (is_same and is_at(self.fd, self._final) and _read(self.fd, len(old)) == old):
            message = "the file was changed while it was being rewrapped, so it was left as it is"
            raise OSError(errno.EBUSY, message)

    def _write(self, header: bytes) -> None:
        os.lseek(self.fd, 0, os.SEEK_SET)
        _write(self.fd, header)
        os.fsync(self.fd)

    def close(self) -> None:
        """Close and unlock. A second time, do nothing."""
        if self.fd >= 0:
            # In a child that was forked meanwhile, the lock is still the parent's.
            if self._process == os.getpid():
                unlock(self.fd)
            os.close(self.fd)
            self.fd = -1

    # ---- The record

    @contextmanager
    def _stored(self, record: "Record") -> Iterator[None]:
        """Store a record. It is locked until the block ends: whoever finds it leaves it alone."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
        try:
            fd = os.open(self._record, flags, 0o600)
        except FileExistsError:
            raise busy("rewrapping") from None
        with _closing(fd):
            self._lock_record(fd)
            try:
                # Whatever the umask is.
                set_mode(fd, 0o600)
                _write(fd, record.encode())
                os.fsync(fd)
                _sync_folder(self._record.parent)
            except BaseException:
                self._record.unlink(missing_ok=True)
                raise
            yield

    def _lock_record(self, fd: int) -> None:
        """Whoever holds the lock of what is at the name may write, apply and remove it.

        The lock of the message is not enough: it may have been renamed, and another be here now.
        """
        if not (lock(fd, required=True) and is_at(fd, self._record)):
            raise busy("rewrapping")

    def _opened_record(self) -> int | None:
        """Open and lock the record that a killed process left, if there is one."""
        try:
            if not stat.S_ISREG(self._record.lstat().st_mode):
                raise self._in_the_way("it is no file")
            flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
            fd = os.open(self._record, flags | getattr(os, "O_CLOEXEC", 0))
        except FileNotFoundError:
            return None
        except PermissionError:
            raise self._in_the_way("it belongs to another user") from None
        try:
            self._lock_record(fd)
        except BaseException:
            os.close(fd)
            raise
        return fd

    def _read_record(self, fd: int) -> "Record | None":
        """The record, or None if it is incomplete."""
        self._check_owner(os.fstat(fd))
        stored = _read(fd, MAX_RECORD_LEN + 1)
        record = Record.decode(stored)
        # It is not complete before it is stored, and the header not touched before that.
        if record is None and stored[: len(MAGIC)] != MAGIC[: len(stored)]:
            raise self._in_the_way("it is no record of an interrupted rewrap")
        return record

    def _check_owner(self, record: os.stat_result) -> None:
        """Strangers must not say what the header is to be."""
        if sys.platform == "win32":
            return
        message, user = self._status, os.geteuid()
        if record.st_uid != user and not (user == 0 and record.st_uid == message.st_uid):
            raise self._in_the_way("it belongs to another user")
        if record.st_nlink > 1:
            # Where a file of ours cannot be replaced, another name can be given to it.
            raise self._in_the_way("it has another name too, a hard link")
        # Some file systems have the same owner and mode for all files.
        ours, its = ((of.st_mode, of.st_uid, of.st_gid) for of in (message, record))
        if record.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and ours != its:
            raise self._in_the_way("others may write to it")

    def _in_the_way(self, why: str) -> OSError:
        message = (
            f"{self._record} is in the way: {why}, so it is not trusted to say what the file is to "
            "be. If you know it as the record of an interrupted rewrap, make it a file of your own "
            "with one name and mode 600; else remove it"
        )
        return OSError(errno.EEXIST, message)

    def _apply(self, record: "Record") -> None:
        if not self._fits(record):
            raise OSError(
                errno.EEXIST,
                f"{self._record} is of an interrupted rewrap, but of another message than the "
                "one that is here now. If that message is elsewhere, bring it back and rewrap "
                "it; else remove this record",
            )
        self._write(record.new)

    def _fits(self, record: "Record") -> bool:
        count = len(record.old)
        beginning = _read(self.fd, count + SALT_AND_COMMITMENT_LEN)
        if (self.length, beginning[count:]) != (record.length, record.payload):
            return False
        # In a record that fits so far, all three are equally long.
        headers = zip(beginning, record.old, record.new, strict=False)
        return all(byte in of_headers for byte, *of_headers in headers)


class Record(NamedTuple):
    """What takes a message from one header to another."""

    length: int
    """Of the file."""
    old: bytes
    new: bytes
    payload: bytes
    """How it begins."""

    def encode(self) -> bytes:
        """The record as it is stored: with a checksum at its end."""
        lengths = LENGTHS.pack(self.length, len(self.old))
        stored = b"".join((MAGIC, lengths, self.old, self.new, self.payload))
        return stored + sha256(stored).digest()

    @classmethod
    def decode(cls, stored: bytes) -> "Record | None":
        """The record that was stored, or None if it is incomplete or no such thing."""
        content, digest = stored[:-DIGEST_LEN], stored[-DIGEST_LEN:]
        if not content.startswith(MAGIC) or sha256(content).digest() != digest:
            return None
        lengths = content[len(MAGIC) :][: LENGTHS.size]
        rest = content[len(MAGIC) + LENGTHS.size :]
        if len(lengths) != LENGTHS.size:
            return None
        length, count = LENGTHS.unpack(lengths)
        if count == 0 or len(rest) != 2 * count + SALT_AND_COMMITMENT_LEN:
            return None
        return cls(length, rest[:count], rest[count : 2 * count], rest[2 * count :])


@contextmanager
def _closing(fd: int) -> Iterator[io.FileIO]:
    """Unlock and close it in the end, unless it is closed before."""
    with io.FileIO(fd, "r+") as file:
        try:
            yield file
        finally:
            if not file.closed:
                unlock(fd)


def _read(fd: int, length: int) -> bytes:
    os.lseek(fd, 0, os.SEEK_SET)
    data = b""
    while piece := os.read(fd, length - len(data)):
        data += piece
    return data


def _write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def _sync_folder(folder: FilePath) -> None:
    """Make sure that a power failure takes away no name in the folder."""
    fd = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        os.fsync(fd)
    except OSError as error:
        # Some network file systems have no such thing.
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(fd)
