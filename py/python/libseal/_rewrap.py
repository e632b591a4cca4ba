"""Other recipients for a message in a file."""

import sys
from collections.abc import Callable, MutableMapping
from typing import TYPE_CHECKING

from ._arguments import check_path, check_progress
from ._files import noting
from ._libseal import MAX_HEADER_LEN, Header, WrappedKey, check_unwrap
from ._types import Path, Progress, Recipients, Unwrap

if TYPE_CHECKING:
    from ._redo import LockedFile

# What is copied at a time, so that progress is seen.
PIECE_LEN = 16 * 1024 * 1024


def rewrap_file(
    path: Path,
    unwrap: Unwrap,
    recipients: Recipients = (),
    *,
    keep: bool | Callable[[WrappedKey], object] = False,
    progress: Progress | None = None,
    headers: MutableMapping[Header, Header] | None = None,
) -> Header:
    """Give the message in the file ``path`` other recipients, and return its new header.

    It takes one call of ``unwrap``, for the data key, which is wrapped anew: messages that shared a
    wrapped key no longer do. The payload is not decrypted, and not verified either. For
    ``recipients`` and ``keep`` see ``Header.rewrap``: by default, the new recipients replace the
    old ones.

    If the new header is as long as the old one, as it is when a key replaces one of the same size
    and its key id one of the same length, only the header is overwritten, whatever the length of
    the message. Readers that have the file open go on undisturbed; one that reads the header in
    that very instant may see parts of both and raise FormatError or AuthenticationError: have it
    try again. All hard links to the file show the new header.

    If not, a new file takes the place of the old one, as in ``seal_file``, with the same rules for
    permissions, links and killed processes. The payload is copied by the file system itself where
    that can. A hard link to the old file keeps the old header.

    Until then, and after any failure before, the file is untouched. If the process is killed, or
    the power or the disk fails, while the header is being overwritten, a file ``.libseal-*.rewrap``
    stays beside the message, readable by its owner only. It holds both headers and no secret.
    ``unseal_file`` and ``inspect`` may fail then, with a note that says so. The next
    ``rewrap_file`` for the same path finishes what was interrupted, logs that, and goes on from
    there; it needs no key for that. If the file at the path is another message meanwhile, it raises
    FileExistsError instead.

    ``path`` must be a regular file that may be written, in a folder that may be written to.
    Symbolic links are followed. While the file is being rewrapped, other calls for it raise
    OSError. Its modification time changes, so that backups notice.

    Messages of one ``SealingKey`` have the same header, so whoever reads many of them asks the KMS
    once. For that to stay so, give all calls the same dict as ``headers``: the first call for a
    header puts the new header in, and the others take it from there and need no ``unwrap``.

    Whoever could open the old message still can, with a copy of the old header.

    ``progress`` is called with the number of bytes of the file processed since the last call. For
    ``unwrap`` and what is raised, besides OSError, see ``unseal``. LimitError if no recipient is
    left, or too many.
    """
    check_path("path", path)
    check_unwrap(unwrap)
    check_progress(progress)
    change = remembering(lambda old: old.rewrap(unwrap, recipients, keep=keep), headers)
    return replace_header(path, change, progress)


def remembering(
    change: Callable[[Header], Header], headers: MutableMapping[Header, Header] | None
) -> Callable[[Header], Header]:
    """``change``, which is called once for each header, and keeps the new ones in ``headers``."""

    def changed(old: Header) -> Header:
        if headers is None:
            return change(old)
        new = headers.get(old)
        if new is None:
            new = headers[old] = change(old)
        return new

    return changed


def replace_header(
    path: Path, change: Callable[[Header], Header], progress: Progress | None
) -> Header:
    """Put the header that ``change`` returns in the place of the old one, unless it is the same."""
    from ._redo import locked  # noqa: PLC0415 (importing it takes 4 ms)

    with locked(path) as file:
        file.finish_interrupted()
        with noting(path):
            old = Header(file.beginning(MAX_HEADER_LEN))
            new = change(old)
        # Windows has no locks that would keep others from doing the same.
        if new.length != old.length or (new != old and sys.platform == "win32"):
            _copy(path, file, old, new, progress)
            return new
        if progress is not None:
            progress(file.length)
        if new != old:
            file.overwrite(bytes(old), bytes(new))
        return new


def _copy(
    path: Path, file: "LockedFile", old: Header, new: Header, progress: Progress | None
) -> None:
    """Put a whole new file in the place of the old one."""
    from ._replace import replacing  # noqa: PLC0415 (importing it takes 3 ms)

    with replacing(path) as target:
        target.write(bytes(new))
        if progress is not None:
            progress(old.length)
        position = old.length
        while position < file.length:
            count = target.copy(file.fd, position, min(PIECE_LEN, file.length - position))
            if count == 0:
                break
            position += count
            if progress is not None:
                progress(count)
        file.check_unchanged(bytes(old))
        if sys.platform == "win32":
            # There, what is open cannot be replaced. Elsewhere, it stays locked until it is.
            file.close()
