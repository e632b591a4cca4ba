"""``libseal rewrap``."""

import io
from collections.abc import Sequence
from functools import lru_cache, partial
from itertools import chain
from pathlib import Path
from typing import IO

import click

from .._libseal import CachingUnwrapper, Header, PublicKey, Recipient
from .._rewrap import replace_header
from ..aws._s3 import replace_header as replace_header_of_object
from . import _jobs
from ._failures import ExitCode, Failure
from ._jobs import Job
from ._messages import beginning_of, calls
from ._options import FILE, quiet_option, recipient_options, recursive_option, unwrap_options
from ._places import PIECE_LEN, File, Input, Output, Pieces
from ._progress import Reporter
from ._recipients import RecipientOptions
from ._s3 import Object, s3_client
from ._unwrappers import UnwrapOptions

# Old headers whose new ones are remembered, 2 KiB or so for each.
MOST_HEADERS = 16_384


@click.command()
@click.argument("files", metavar="[FILE]...", nargs=-1, type=FILE)
@unwrap_options
@recipient_options
@click.option("--keep", is_flag=True, help="Keep the recipients that the message has.")
@recursive_option
@quiet_option
def command(
    *,
    files: tuple[str, ...],
    unwrap: UnwrapOptions,
    recipients: RecipientOptions,
    keep: bool,
    recursive: bool,
    quiet: bool,
) -> int:
    """Give messages other recipients, in place. The payload stays as it is, of any length.

    \b
      libseal rewrap --kms OLD_KEY_ARN -r new.pem report.pdf.sealed
      libseal rewrap --kms OLD_KEY_ARN -r new.pem --recursive s3://bucket/photos/
      libseal rewrap -i private.pem --keep -r colleague.pem *.sealed
      libseal rewrap -i private.pem -r new.pem < old.sealed > new.sealed

    The new recipients replace the old ones, unless --keep is given. The payload is not verified.
    Who could open an old copy still can, and other messages of the same data key too.

    A message that is for exactly the new recipients already is left as it is, without a call of the
    KMS: so what was interrupted can be started again. Files that share a data key, and so one call
    of the KMS, still do if they are rewrapped in one call of this command. In calls of their own,
    the data key is wrapped anew for each of them.

    In folders, only files whose names end in .sealed are rewrapped. The last line says how many
    others were left out: before you delete the old key, make sure that none is sealed for it.
    """
    keys = recipients.read()
    unwrapper = unwrap.unwrapper()
    takes = _jobs.SealedNames()
    jobs = _jobs.find(files, recursive=recursive, takes=takes)
    reporter = Reporter(quiet=quiet)
    rewrapping = _Rewrapping(unwrapper, keys, reporter, keep=keep, recursive=recursive)
    count, _ = _jobs.run(jobs, reporter, rewrapping.rewrap)
    return _jobs.done(
        reporter,
        "rewrapped",
        jobs,
        count,
        calls(unwrap),
        takes.left_out(),
        done_before=rewrapping.done_before,
    )


class _Rewrapping:
    def __init__(
        self,
        unwrapper: CachingUnwrapper,
        recipients: Sequence[PublicKey | Recipient],
        reporter: Reporter,
        *,
        keep: bool,
        recursive: bool,
    ) -> None:
        self._unwrapper = unwrapper
        self._recipients = [_named(recipient) for recipient in recipients]
        self._keep = keep
        self._recursive = recursive
        self._advance = reporter.advance
        # So files that share a wrapped key go on sharing one.
        self._new_header = lru_cache(MOST_HEADERS)(self._made_header)
        self.done_before = 0
        """How many messages were left as they are."""

    def rewrap(self, job: Job) -> int:
        """Return 0, as what was written is no part of the payload."""
        source = job.source
        if isinstance(source, Input):
            output = Output()
            output.refuse_terminal()
            with source.opened() as file:
                output.receive(self._rewrapped(file), self._advance)
                return 0
        if isinstance(source, File):
            source.refuse_folder()
            if self._recursive and Path(source.name).is_symlink():
                # Who can write to the folder could have any file rewrapped.
                text = "is a symbolic link: name the file to rewrap it"
                raise Failure(text, ExitCode.IO)
            replace_header(source.name, self._changed, self._advance)
        elif isinstance(source, Object):
            replace_header_of_object(
                s3_client(), source.bucket, source.key, self._changed, self._advance
            )
        return 0

    def _changed(self, old: Header) -> Header:
        """The header for the new recipients, which is the old one if it is for them already."""
        found, wanted = _kinds(old), {_kind(recipient) for recipient in self._recipients}
        if wanted <= found if self._keep else wanted == found:
            self.done_before += 1
            return old
        return self._new_header(old)

    def _made_header(self, old: Header) -> Header:
        added = self._recipients
        if self._keep:
            found = _kinds(old)
            added = [recipient for recipient in added if _kind(recipient) not in found]
        return old.rewrap(self._unwrapper, added, keep=self._keep)

    def _rewrapped(self, file: IO[bytes]) -> io.BufferedReader:
        """The message in a stream, with another header."""
        beginning = beginning_of(file)
        old = Header(beginning)
        beginning = bytes(self._changed(old)) + beginning[old.length :]
        return io.BufferedReader(
            Pieces(chain([beginning], iter(partial(file.read, PIECE_LEN), b"")))
        )


def _named(recipient: PublicKey | Recipient) -> Recipient:
    return recipient if isinstance(recipient, Recipient) else Recipient(recipient)


def _kind(recipient: Recipient) -> tuple[bytes, str]:
    # Not what the header calls the key, which is a hint and no reason to ask the KMS.
    return recipient.key.fingerprint, recipient.algorithm


def _kinds(header: Header) -> set[tuple[bytes, str]]:
    return {(key.fingerprint, key.algorithm) for key in header.wrapped_keys}
