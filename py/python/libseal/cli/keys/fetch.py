"""``libseal keys fetch``."""

import click

from ...provision._export import pem_of
from ...provision._fetch import fetch_key
from .._options import force_option, output_option, quiet_option
from .._progress import Reporter
from ._shared import usage, write


@click.command()
@click.argument("url", metavar="URL")
@click.option(
    "--pin",
    metavar="HEX",
    required=True,
    help="The fingerprint that the key must have: SHA-256 of its DER, 64 hexadecimal digits.",
)
@click.option("--der", "is_der", is_flag=True, help="Write DER, not PEM.")
@output_option
@force_option
@quiet_option
def command(
    *, url: str, pin: str, is_der: bool, output: str | None, force: bool, quiet: bool
) -> None:
    """Fetch a public key over HTTPS, and refuse it unless it has the fingerprint of --pin.

    \b
      libseal keys fetch https://example.com/telemetry.json --pin 2c26b46b… -o public.pem

    The pin has to come another way than the key: `libseal keys export` prints it. What is fetched
    may be a public key in any form that libseal reads, a key bundle, or a certificate; the last two
    are refused when they have expired.
    """
    with usage():
        key = fetch_key(url, fingerprint=pin)
    write(key.der if is_der else pem_of(key).encode(), output, force=force)
    where = f" to {output}" if output and output != "-" else ""
    Reporter(quiet=quiet).succeeded(
        f"fetched the key{where}: RSA_{key.bits}, fingerprint {key.fingerprint.hex()}"
    )
