"""``libseal inspect``."""

import json
from typing import Any

import click

from .._libseal import Header
from . import _jobs
from ._failures import printable
from ._jobs import Job
from ._messages import beginning_of
from ._options import FILE, recursive_option
from ._progress import Reporter, size

WIDTH = 12


@click.command()
@click.argument("files", metavar="[FILE]...", nargs=-1, type=FILE)
@click.option(
    "--json", "as_json", is_flag=True, help="One JSON object for each message, in a line."
)
@recursive_option
def command(*, files: tuple[str, ...], as_json: bool, recursive: bool) -> int:
    """Show what messages say about themselves. It takes no key.

    \b
      libseal inspect report.pdf.sealed
      libseal inspect --json *.sealed | jq -r '.recipients[].fingerprint'

    Nothing of it is verified: anyone can have written it. After unsealing, or libseal verify, it is
    true.
    """
    reporter = Reporter(quiet=True)

    def show(job: Job) -> int:
        with job.source.opened() as file:
            header = Header(beginning_of(file))
        length = job.source.size()
        if as_json:
            click.echo(json.dumps(_as_dict(job.source.name, header, length)))
        else:
            click.echo(_as_text(job.source.name, header, length))
        return 0

    _jobs.run(_jobs.find(files, recursive=recursive, takes=_jobs.is_sealed), reporter, show)
    return reporter.exit_code


def _plaintext_len(header: Header, length: int | None) -> int | None:
    return None if length is None else header.plaintext_range(0, length).stop


def _as_dict(name: str, header: Header, length: int | None) -> dict[str, Any]:
    return {
        "file": name,
        "verified": False,
        "length": length,
        "plaintext_length": _plaintext_len(header, length),
        "header_length": header.length,
        "context": header.context,
        "recipients": [
            {
                "fingerprint": key.fingerprint.hex(),
                "key_id": key.key_id,
                "algorithm": key.algorithm,
            }
            for key in header.wrapped_keys
        ],
    }


def _as_text(name: str, header: Header, length: int | None) -> str:
    count = _plaintext_len(header, length)
    lines = [f"{printable(name)}: a sealed message, not verified"]
    if length is not None and count is not None:
        lines.append(_line("plaintext", f"{size(count)}, sealed in {size(length)}"))
    title = "context"
    for key, value in header.context.items():
        lines.append(_line(title, f"{printable(key)} = {printable(value)}"))
        title = ""
    title = "sealed for"
    for wrapped in header.wrapped_keys:
        key_id = f" {printable(wrapped.key_id)}" if wrapped.key_id else ""
        lines.append(_line(title, f"{wrapped.fingerprint.hex()}{key_id} ({wrapped.algorithm})"))
        title = ""
    return "\n".join(lines)


def _line(title: str, text: str) -> str:
    return f"  {title:{WIDTH}}{text}"
