"""``libseal keys local``."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import click

from ..._libseal import LocalUnwrapper, generate_private_key
from ...provision._export import pem_of
from .._failures import ExitCode, Failure
from .._options import force_option, quiet_option
from .._places import target
from .._progress import Reporter

DEFAULT_BITS = "3072"


@click.command()
@click.option(
    "-o",
    "--output",
    "prefix",
    metavar="PREFIX",
    default="",
    type=click.Path(),
    help="What the names of the files begin with: with -o try-, try-private.pem and "
    "try-public.pem.",
)
@click.option(
    "--bits",
    type=click.Choice(["2048", "3072", "4096"]),
    default=DEFAULT_BITS,
    show_default=True,
    help="The size of the key.",
)
@force_option
@quiet_option
def command(prefix: str, bits: str, force: bool, quiet: bool) -> None:
    """Make a key pair in two files, for trying out: private.pem, which only you can read, and
    public.pem.

    \b
      libseal keys local
      libseal seal -r public.pem report.pdf
      libseal unseal -i private.pem report.pdf.sealed

    The private key is in a file without a password, so this is for trying out and for tests. For
    data that matters, make a key that no one can copy: libseal keys create.
    """
    private, public = f"{prefix}private.pem", f"{prefix}public.pem"
    if not force:
        for name in (private, public):
            if os.path.lexists(name):
                raise Failure(
                    f"{name} exists: give another name with -o, or add --force to replace it, and "
                    "lose what only that key opens",
                    ExitCode.IO,
                )
    # Before the old private key is gone.
    for name in (private, public):
        target(name).check(force=force)
    pem = generate_private_key(int(bits))
    public_pem = pem_of(LocalUnwrapper(pem).public_key).encode()
    # In this order: if the process is killed, there is no public key without its private one.
    _write_all([(private, pem, 0o600), (public, public_pem, 0o666)], force=force)
    Reporter(quiet=quiet).succeeded(
        f"made {private} and {public}, for trying out: the private key is in a file"
    )


def _write_all(files: Sequence[tuple[str, bytes, int]], *, force: bool) -> None:
    """Write files, given with their modes: all of them or none.

    No one else can read a private one at any moment.
    """
    from ..._replace import naming  # noqa: PLC0415 (importing it takes 3 ms)

    made: list[Path] = []
    try:
        for name, data, mode in files:
            path = Path(name)
            if force:
                path = path.with_name(f".{path.name}.{os.getpid()}.tmp")
            with naming(name):
                # With O_EXCL, it is no one else's file, nor a link to one.
                fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
                made.append(path)
                with os.fdopen(fd, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(fd)
        if force:
            # All have been stored, so little can go wrong.
            for path, (name, _, _) in zip(made, files, strict=True):
                path.replace(name)
    except BaseException:
        for path in made:
            with suppress(OSError):
                path.unlink()
        raise
