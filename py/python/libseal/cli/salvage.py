"""``libseal salvage``."""

from pathlib import Path

import click

from .._replace import rename_to_free
from .._salvage import salvage_file
from . import _jobs
from ._failures import Failure, exit_code, sentence
from ._jobs import Job
from ._options import (
    FILE,
    force_option,
    output_option,
    quiet_option,
    require_option,
    unwrap_options,
)
from ._places import File
from ._progress import Reporter, size
from ._unwrappers import UnwrapOptions

SUFFIX = ".incomplete"


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, type=FILE, required=True)
@unwrap_options
@output_option
@require_option
@force_option
@quiet_option
def command(
    *,
    files: tuple[str, ...],
    unwrap: UnwrapOptions,
    output: str | None,
    require: dict[str, str | None],
    force: bool,
    quiet: bool,
) -> int:
    """Unseal the verified beginning of messages that were cut or damaged. FILE.sealed becomes
    FILE.incomplete.

    \b
      libseal salvage -i private.pem dump.sealed
      libseal salvage --kms alias/dumps -o rescued/ *.sealed

    Every byte of it is authentic. What comes after the first damage is lost, and the last bytes
    before it, too, up to 16 KiB: ask for the message again first. The exit code is 0 only if the
    message is whole after all.
    """
    unwrapper = unwrap.unwrapper()
    found = _jobs.find(files, recursive=False, takes=_jobs.is_sealed)
    jobs = _jobs.with_targets(found, output, _incomplete_name, is_folder=len(files) > 1)
    reporter = Reporter(quiet=quiet)

    def salvage(job: Job) -> int:
        source, target = job.source, job.target
        if not isinstance(source, File) or not isinstance(target, File):
            raise click.UsageError("salvage reads files and writes files, and nothing else")
        target.check(force=force)
        source.refuse_folder()
        with target.made_like(source.status()):
            found = salvage_file(
                source.name,
                target.name,
                unwrapper,
                require=require,
                overwrite=force,
                progress=reporter.advance,
            )
        if found.error is not None:
            raise Failure(
                f"INCOMPLETE: {target.name} has the first {size(found.plaintext_len)}, which is "
                f"authentic; {sentence(found.error)}",
                exit_code(found.error),
            )
        name = target.name
        if output is None:
            name = _with_final_name(name, source, force=force)
        reporter.succeeded(
            f"complete after all: unsealed {source.name} -> {name} ({size(found.plaintext_len)})"
        )
        return found.plaintext_len

    _jobs.run(jobs, reporter, salvage)
    return reporter.exit_code


def _incomplete_name(name: str) -> str:
    return (_jobs.unsealed_name(name) or name) + SUFFIX


def _with_final_name(name: str, source: File, *, force: bool) -> str:
    """Rename what is not incomplete, unless another file has that name, or the message itself."""
    final = name.removesuffix(SUFFIX)
    if File(final).identity == source.identity:
        return name
    if force:
        Path(name).replace(final)
        return final
    try:
        rename_to_free(Path(name), Path(final))
    except FileExistsError:
        return name
    return final
