"""``libseal unseal``."""

import click

from .. import _files
from .._reader import UnsealReader
from . import _jobs
from ._jobs import Job
from ._messages import calls
from ._options import (
    FILE,
    force_option,
    output_option,
    quiet_option,
    recursive_option,
    require_option,
    unwrap_options,
)
from ._places import File
from ._progress import Reporter, size
from ._unwrappers import UnwrapOptions


@click.command()
@click.argument("files", metavar="[FILE]...", nargs=-1, type=FILE)
@unwrap_options
@output_option
@require_option
@recursive_option
@force_option
@quiet_option
def command(
    *,
    files: tuple[str, ...],
    unwrap: UnwrapOptions,
    output: str | None,
    require: dict[str, str | None],
    recursive: bool,
    force: bool,
    quiet: bool,
) -> int:
    """Unseal files with a private key, or with AWS KMS. FILE.sealed becomes FILE.

    \b
      libseal unseal -i private.pem report.pdf.sealed
      libseal unseal --kms alias/reports --require device=42 -o out/ *.sealed
      libseal unseal --kms alias/photos --recursive s3://bucket/photos/ -o photos
      libseal unseal --kms alias/shop < shop.sealed | psql shop

    A file is written only when its whole message has been verified. What goes to a pipe is
    authentic, but may turn out to be incomplete: use it only if the exit code is 0.

    The KMS is asked once for each data key, however many files share it. In folders, only files
    whose names end in .sealed are read.
    """
    unwrapper = unwrap.unwrapper()
    found = _jobs.find(files, recursive=recursive, takes=_jobs.is_sealed)
    several = len(files) > 1 or recursive
    jobs = _jobs.with_targets(found, output, _jobs.unsealed_name, is_folder=several, joins=True)
    reporter = Reporter(quiet=quiet)

    def unseal(job: Job) -> int:
        source, target = job.source, job.target
        assert target is not None  # noqa: S101
        target.check(force=force)
        if isinstance(source, File) and isinstance(target, File):
            source.refuse_folder()
            with target.made_like(source.status()):
                return _files.unseal_file(
                    source.name,
                    target.name,
                    unwrapper,
                    require=require,
                    overwrite=force,
                    progress=reporter.advance,
                )
        with (
            source.opened() as file,
            UnsealReader(file, unwrapper, require=require, threads=None) as reader,
        ):
            return target.receive(reader, reporter.advance, source.status())

    count, length = _jobs.run(jobs, reporter, unseal)
    return _jobs.done(reporter, "unsealed", jobs, count, size(length), calls(unwrap))
