"""``libseal inspect``."""

import json

import click

from .. import _files
from ._options import FILE


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, type=FILE)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(files: tuple[str, ...], as_json: bool) -> None:
    """Show what a message says about itself, without a key."""
    for name in files:
        header = _files.inspect(name)
        click.echo(json.dumps({"file": name, "context": header.context}))
