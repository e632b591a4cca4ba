"""``libseal seal``."""

import io
from collections.abc import Sequence
from typing import Any

import click

from .. import _files
from .._errors import LimitError
from .._libseal import PublicKey, Recipient, Sealer, SealingKey, thread_count
from .._seal_reader import SealReader
from . import _jobs
from ._jobs import Job
from ._options import (
    FILE,
    context_option,
    force_option,
    output_option,
    quiet_option,
    recipient_options,
    recursive_option,
)
from ._places import File, Output, Pieces
from ._progress import Reporter, size
from ._recipients import RecipientOptions


@click.command()
@click.argument("files", metavar="[FILE]...", nargs=-1, type=FILE)
@recipient_options
@output_option
@context_option
@recursive_option
@force_option
@quiet_option
def command(
    *,
    files: tuple[str, ...],
    recipients: RecipientOptions,
    output: str | None,
    context: dict[str, str],
    recursive: bool,
    force: bool,
    quiet: bool,
) -> int:
    """Seal files for a public key. FILE becomes FILE.sealed.

    \b
      libseal seal -r public.pem report.pdf
      libseal seal -r public.pem --context device=42 -o out/ *.log
      libseal seal -R recipients.txt --recursive photos -o s3://bucket/photos
      pg_dump shop | libseal seal -r public.pem > shop.sealed

    It needs no secret and no network. In folders, files whose names end in .sealed are left out.

    All files of one call share a data key, so that one call of the KMS unseals them all. Who is
    given the data key of one can open the others: seal them in calls of their own if they are for
    different readers.
    """
    keys = recipients.read()
    found = _jobs.find(files, recursive=recursive, takes=lambda name: not _jobs.is_sealed(name))
    several = len(files) > 1 or recursive
    jobs = _jobs.with_targets(found, output, _jobs.sealed_name, is_folder=several)
    reporter = Reporter(quiet=quiet)
    sealing = _Sealing(keys, context, reporter, force=force, shares=len(jobs) > 1)
    count, length = _jobs.run(jobs, reporter, sealing.seal)
    return _jobs.done(reporter, "sealed", jobs, count, size(length))


class _Sealing:
    def __init__(
        self,
        recipients: Sequence[PublicKey | Recipient],
        context: dict[str, str],
        reporter: Reporter,
        *,
        force: bool,
        shares: bool,
    ) -> None:
        self._recipients = recipients
        self._context = context
        self._reporter = reporter
        self._force = force
        # Made even if there is one file only: it checks recipients and context.
        self._key = SealingKey(recipients, context=context)
        self._shares = shares

    def seal(self, job: Job) -> int:
        source, target = job.source, job.target
        assert target is not None  # noqa: S101
        target.check(force=self._force)
        if isinstance(target, Output):
            target.refuse_terminal()
        if isinstance(source, File) and isinstance(target, File):
            source.refuse_folder()
            with target.made_like(source.status()):
                return self._seal_file(source, target)
        size = source.size()
        if self._shares and size is not None:
            try:
                sealer = self._sealer(size)
                with source.opened() as file:
                    readable: Any = file  # It needs nothing but readinto().
                    piece_len = thread_count(None) * _files.PIECE_LEN
                    parts = _files.sealed_parts(readable, sealer, None, piece_len)
                    message = io.BufferedReader(Pieces(parts))
                    return target.receive(message, self._reporter.advance, source.status())
            except LimitError:
                pass  # As in _seal_file.
        with (
            source.opened() as file,
            SealReader(file, self._recipients, context=self._context, threads=None) as reader,
        ):
            return target.receive(reader, self._reporter.advance, source.status())

    def _seal_file(self, source: File, target: File) -> int:
        size = source.size()
        if self._shares and size is not None:
            try:
                return self._seal_with(self._sealer(size), source, target)
            except LimitError:
                pass  # The file has grown meanwhile, or is too large to share a key.
        own = Sealer(self._recipients, context=self._context, threads=None)
        return self._seal_with(own, source, target)

    def _sealer(self, size: int) -> Sealer:
        """A message of the key that the files share, or of the next one at the limits of that."""
        if self._key.remaining_bytes < size or not self._key.remaining_messages:
            self._key = SealingKey(self._recipients, context=self._context)
        return self._key.sealer(size, threads=None)

    def _seal_with(self, sealer: Sealer, source: File, target: File) -> int:
        return _files.seal_file_with(
            sealer,
            source.name,
            target.name,
            overwrite=self._force,
            progress=self._reporter.advance,
        )
