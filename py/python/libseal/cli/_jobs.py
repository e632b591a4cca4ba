"""Which inputs there are, where the output of each belongs, and the loop over them."""

import os
import posixpath
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import click

from . import _places
from ._failures import ExitCode, Failure, is_closed_pipe, is_of_s3, printable
from ._places import STANDARD, File, Input, Output, Place
from ._progress import Reporter, plural

SUFFIX = ".sealed"
# What no file can be called.
NO_NAMES = ("", ".", "..")

Renamed: TypeAlias = Callable[[str], str | None]
"""From the name of an input to that of its output, or None if it does not follow."""


class Job(NamedTuple):
    """An input and its output."""

    source: Place
    relative: str
    """Its name below the folder that was given, or below its own."""
    failure: Exception | None = None
    """Why it cannot be worked on."""
    target: Place | None = None


def sealed_name(name: str) -> str:
    """The name of the message that a file becomes."""
    return name + SUFFIX


def unsealed_name(name: str) -> str | None:
    """The name of the file that a message becomes, or None if it has no other."""
    left = name.removesuffix(SUFFIX)
    return None if left == name or left.rpartition("/")[2] in NO_NAMES else left


def is_sealed(name: str) -> bool:
    """Whether it is the name of a message. Of one that is just .sealed, nothing would be left."""
    return name.endswith(SUFFIX) and name.rpartition("/")[2] != SUFFIX


class SealedNames:
    """Takes the names of messages, and counts the others, which must not be overlooked."""

    def __init__(self) -> None:
        self._left_out = 0

    def __call__(self, name: str) -> bool:
        is_taken = is_sealed(name)
        self._left_out += not is_taken
        return is_taken

    def left_out(self) -> str:
        """For the line of success."""
        return f"{self._left_out:,} not named *{SUFFIX} left out" if self._left_out else ""


def find(names: Sequence[str], *, recursive: bool, takes: Callable[[str], bool]) -> list[Job]:
    """Find the inputs: those that are named, and in folders those that are taken.

    Raises click.UsageError for standard input together with others, and Failure if there are none:
    a script may take "verified" for a reason to delete something.
    """
    if STANDARD in names and len(names) > 1:
        raise click.UsageError("- stands for standard input, which must be the only input")
    jobs = [job for name in names or [STANDARD] for job in _found(name, recursive, takes)]
    if not jobs:
        which = f"whose name ends in {SUFFIX}" if takes(f"a{SUFFIX}") else "to seal"
        text = f"nothing was done: in {', '.join(names)} is no file {which}"
        raise Failure(text, ExitCode.IO)
    return jobs


def _found(name: str, recursive: bool, takes: Callable[[str], bool]) -> Iterator[Job]:
    if recursive and name.startswith("s3://") and name.endswith("/"):
        from ._s3 import Object, explained  # noqa: PLC0415 (only S3 needs it)

        try:
            for found, relative in Object.below(name):
                if takes(relative):
                    yield Job(found, relative, _escape_of(relative))
        except Exception as error:
            if not is_of_s3(error):
                raise
            raise Failure(f"{name}: {explained(error)}", ExitCode.IO) from error
        return
    source = _places.source(name)
    if isinstance(source, Input):
        source.refuse_terminal()
    if recursive and isinstance(source, File) and Path(name).is_dir():
        yield from _found_in_folder(name, takes)
    else:
        # Not that of a Path, which would be normalised.
        yield Job(source, "" if isinstance(source, Input) else os.path.basename(name))  # noqa: PTH119


def _found_in_folder(folder: str, takes: Callable[[str], bool]) -> Iterator[Job]:
    failures: list[OSError] = []
    for parent, folders, files in os.walk(folder, onerror=failures.append):
        folders.sort()
        for file in sorted(files):
            if not takes(file):
                continue
            path = os.path.join(parent, file)  # noqa: PTH118 (much faster than a Path)
            yield Job(File(path), os.path.relpath(path, folder), _failure_of_kind(path))
    for failure in failures:
        yield Job(File(os.fsdecode(failure.filename)), "", failure)


def _failure_of_kind(path: str) -> Exception | None:
    """Why what lies in a folder is left out: reading a pipe, for example, might never end."""
    try:
        status = Path(path).stat()
    except OSError as error:
        return error
    if not stat.S_ISREG(status.st_mode):
        return Failure("is not a regular file: name it to have it read", ExitCode.IO)
    return None


def _escape_of(relative: str) -> Exception | None:
    """Why the name of an object in S3 cannot be that of a file in a folder."""
    if any(part in NO_NAMES for part in relative.split("/")):
        return Failure("has a name that leads out of the folder: name it with -o", ExitCode.IO)
    return None


def with_targets(
    jobs: Sequence[Job],
    output: str | None,
    renamed: Renamed,
    *,
    is_folder: bool,
    joins: bool = False,
) -> list[Job]:
    """Add the targets.

    Without ``output``, each lies beside its source. ``is_folder`` says that there may be several,
    so ``output`` is a folder. ``joins`` says that standard output may take them one after the
    other.

    Raises click.UsageError if two would become one, or one would replace an input.
    """
    if output == STANDARD and len(jobs) > 1 and not joins:
        raise click.UsageError("standard output takes one message only: give a folder as -o")
    is_folder = output not in {None, STANDARD} and (is_folder or output.endswith("/"))
    made = [_with_target(job, output, renamed, is_folder) for job in jobs]
    _check_distinct(made)
    return made


def _with_target(job: Job, output: str | None, renamed: Renamed, is_folder: bool) -> Job:
    if job.failure is not None:
        return job
    if output is None and isinstance(job.source, Input):
        return job._replace(target=Output())
    if is_folder and isinstance(job.source, Input):
        raise click.UsageError("standard input has no name: give -o the name of a file")
    if output is not None and not is_folder:
        return job._replace(target=_places.target(output))
    if output is None and not isinstance(job.source, File):
        raise click.UsageError(f"{job.source.name}: give -o for where to write")
    name = renamed(job.source.name if output is None else job.relative)
    if name is None and (output is None or job.relative.endswith(SUFFIX)):
        return job._replace(failure=_nameless(job.source.name))
    if output is None:
        assert name is not None  # noqa: S101
        return job._replace(target=File(name))
    path = posixpath.join(output, name or job.relative)
    return job._replace(target=_places.target(path, makes_folders=True))


def _nameless(name: str) -> Failure:
    """Why the name of a message gives none to the file that it becomes."""
    text = f"has a name without {SUFFIX}"
    if name.endswith(SUFFIX):
        left = name.removesuffix(SUFFIX).rpartition("/")[2]
        text = f"would be called {left}" if left else "would have no name"
        text += f" without {SUFFIX}"
    return Failure(f"{text}: give -o for where to write", ExitCode.USAGE)


def _check_distinct(jobs: Iterable[Job]) -> None:
    inputs = {job.source.identity: job.source.name for job in jobs}
    made: dict[object, str] = {}
    for job in jobs:
        if job.target is None or isinstance(job.target, Output):
            continue
        identity, name = job.target.identity, job.source.name
        if identity in made:
            raise click.UsageError(
                f"{made[identity]} and {name} would both become {job.target.name}: nothing was "
                "done; work on them one by one, with -o"
            )
        if identity in inputs:
            which = "itself" if inputs[identity] == name else inputs[identity]
            raise click.UsageError(
                f"{name} would replace {which}, which is an input: give another -o"
            )
        made[identity] = name


def run(jobs: Sequence[Job], reporter: Reporter, work: Callable[[Job], int]) -> tuple[int, int]:
    """Do the work for each job. One that fails is reported, and does not stop the others.

    Returns how many went well, and the sum of what ``work`` returned: lengths in bytes.
    """
    count, length = 0, 0
    with reporter.bar(lambda: _total(jobs)):
        for job in jobs:
            if job.failure is not None:
                reporter.failed(job.source.name, job.failure)
                continue
            try:
                length += work(job)
                count += 1
            except click.UsageError:
                raise
            except Exception as error:
                if is_closed_pipe(error):
                    raise
                name = job.source.name
                if is_of_s3(error) and job.target is not None:
                    # It may be the bucket to write to that is missing.
                    name += f" -> {job.target.name}"
                reporter.failed(name, error)
    return count, length


def _total(jobs: Sequence[Job]) -> int | None:
    sizes = [job.source.size() for job in jobs]
    return sum(size for size in sizes if size is not None) or None


def done(
    reporter: Reporter,
    verb: str,
    jobs: Sequence[Job],
    count: int,
    *details: str,
    done_before: int = 0,
) -> int:
    """Print the line of success, for ``count`` of the jobs, and return the exit code.

    For ``done_before`` of these, there was nothing to do.
    """
    detail = ", ".join(filter(None, details))
    more = f" ({detail})" if detail else ""
    if len(jobs) == 1 and count:
        job = jobs[0]
        name = printable(job.source.name)
        target = f" -> {printable(job.target.name)}" if job.target else ""
        if done_before:
            reporter.succeeded(f"{name} was done already: nothing was changed")
        else:
            reporter.succeeded(f"{verb} {name}{target}{more}")
    elif len(jobs) != 1:
        before = f", {done_before:,} {'was' if done_before == 1 else 'were'} done already"
        failed = f"; {len(jobs) - count} failed" if count < len(jobs) else ""
        made = plural(count - done_before, "file")
        reporter.succeeded(f"{verb} {made}{before if done_before else ''}{more}{failed}")
    return reporter.exit_code
