"""``libseal verify``."""

import click

from .._reader import UnsealReader
from . import _jobs
from ._jobs import Job
from ._messages import calls
from ._options import FILE, quiet_option, recursive_option, require_option, unwrap_options
from ._places import pieces
from ._progress import Reporter, size
from ._unwrappers import UnwrapOptions


@click.command()
@click.argument("files", metavar="[FILE]...", nargs=-1, type=FILE)
@unwrap_options
@require_option
@recursive_option
@quiet_option
def command(
    *,
    files: tuple[str, ...],
    unwrap: UnwrapOptions,
    require: dict[str, str | None],
    recursive: bool,
    quiet: bool,
) -> int:
    """Unseal files to nowhere, to see whether each message is whole and authentic.

    \b
      libseal verify -i private.pem report.pdf.sealed
      libseal verify --kms alias/photos --recursive backup/ && rm -r photos

    The exit code says it all: 0 only if every message has been verified to its end. A message says
    nothing about who sealed it: anyone can have the public key. In folders, only files whose names
    end in .sealed are verified. The last line says how many others were left out.
    """
    unwrapper = unwrap.unwrapper()
    takes = _jobs.SealedNames()
    jobs = _jobs.find(files, recursive=recursive, takes=takes)
    reporter = Reporter(quiet=quiet)

    def verify(job: Job) -> int:
        length = 0
        with (
            job.source.opened() as file,
            UnsealReader(file, unwrapper, require=require, threads=None) as reader,
        ):
            for piece in pieces(reader):
                length += len(piece)
                reporter.advance(len(piece))
        return length

    count, length = _jobs.run(jobs, reporter, verify)
    return _jobs.done(
        reporter, "verified", jobs, count, size(length), calls(unwrap), takes.left_out()
    )
