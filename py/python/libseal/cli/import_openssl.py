"""``libseal import-openssl``."""

import warnings
from typing import Any

import click

from .. import openssl_enc
from .._seal_reader import SealReader
from ..openssl_enc._key import CIPHERS, DIGESTS
from . import _jobs, _places
from ._failures import ExitCode, Failure, printable
from ._jobs import Job
from ._options import (
    FILE,
    context_option,
    force_option,
    output_option,
    quiet_option,
    recipient_options,
    unwrap_options,
)
from ._places import STANDARD, File, Output
from ._progress import Reporter, size
from ._recipients import MAX_KEY_FILE_LEN, RecipientOptions, reading
from ._unwrappers import UnwrapOptions

SUFFIX = ".enc"


@click.command(short_help="Read what was encrypted with openssl and an RSA key.")
@click.argument("key_enc", metavar="KEY_ENC", type=FILE)
@click.argument("file_enc", metavar="FILE_ENC", type=FILE)
@unwrap_options
@click.option(
    "--cipher",
    type=click.Choice(CIPHERS, case_sensitive=False),
    default=CIPHERS[0],
    show_default=True,
    help="The cipher that openssl enc was given.",
)
@click.option(
    "--md",
    type=click.Choice(DIGESTS, case_sensitive=False),
    default=DIGESTS[0],
    show_default=True,
    help="The -md that openssl enc was given. Before OpenSSL 1.1.0, it used md5 without one.",
)
@click.option("--pbkdf2", is_flag=True, help="openssl enc was given -pbkdf2.")
@click.option(
    "--iter",
    "iterations",
    metavar="N",
    type=click.IntRange(1, 2**31 - 1),
    help="The -iter that openssl enc was given, which implies --pbkdf2.",
)
@click.option(
    "-a", "-A", "--base64", is_flag=True, help="FILE_ENC is base64: openssl enc was given -a or -A."
)
@click.option("--seal", is_flag=True, help="Write a sealed message instead of the plaintext.")
@recipient_options
@context_option
@output_option
@force_option
@quiet_option
def command(
    *,
    key_enc: str,
    file_enc: str,
    unwrap: UnwrapOptions,
    seal: bool,
    recipients: RecipientOptions,
    context: dict[str, str],
    output: str | None,
    force: bool,
    quiet: bool,
    **options: Any,
) -> int:
    """Read what the recipe before libseal wrote. FILE.enc becomes FILE, or FILE.sealed.

    KEY_ENC is the password of FILE_ENC, encrypted for an RSA key by openssl pkeyutl (OAEP with
    SHA-256 or SHA-1), as it stands or in base64. FILE_ENC is what openssl enc wrote with it.

    \b
      libseal import-openssl --kms alias/old key.b64.enc encrypt.me.enc
      libseal import-openssl -i private.pem --cipher aes-256-cbc -o out key.b64.enc in.enc
      libseal import-openssl --kms alias/old --seal -r new.pem key.b64.enc encrypt.me.enc

    What comes out is NOT authenticated: anyone who could write to FILE_ENC may have changed it, and
    no one can tell. With a wrong key or option, the ctr ciphers give garbage and no error, and the
    cbc ciphers do so once in 250 times. Look at what you get. This is said each time, --quiet or
    not.
    """
    if not seal and (recipients or context):
        raise click.UsageError("-r, -R and --context are for --seal: add it, or leave them out")
    if key_enc == file_enc == STANDARD:
        raise click.UsageError("- stands for standard input, which can be only one of the two")
    keys = recipients.read() if seal else []
    job = _job(key_enc, file_enc, output, seal=seal)
    source, target = job.source, job.target
    assert target is not None  # noqa: S101
    target.check(force=force)
    if seal and isinstance(target, Output):
        target.refuse_terminal()
    reporter = Reporter(quiet=quiet)
    password = _password(key_enc, unwrap, reporter)

    def work(_: Job) -> int:
        try:
            if isinstance(source, File) and isinstance(target, File):
                return from_file_to_file(source, target)
            with source.opened() as file:
                plaintext = openssl_enc.DecryptReader(file, password, **options)
                made = (
                    SealReader(plaintext, keys, context=context, threads=None)
                    if seal
                    else plaintext
                )
                return target.receive(made, reporter.advance, source.status())
        except ImportError as error:
            raise click.UsageError(str(error)) from None

    def from_file_to_file(source: File, target: File) -> int:
        source.refuse_folder()
        names = (source.name, target.name)
        rest = options | {"overwrite": force, "progress": reporter.advance}
        with target.made_like(source.status()):
            if seal:
                return openssl_enc.reseal_file(keys, *names, password, context=context, **rest)
            return openssl_enc.decrypt_file(*names, password, **rest)

    count, length = _jobs.run([job], reporter, work)
    if count:
        verb = "sealed" if seal else "decrypted"
        warning = _warning(options["cipher"])
        done = f"{verb} {printable(source.name)} -> {printable(target.name)} ({size(length)})"
        if quiet:
            reporter.warned(f"{printable(source.name)}: {warning}")
        else:
            reporter.succeeded(f"{done}: {warning}")
    return reporter.exit_code


def _warning(cipher: str) -> str:
    misses = "cannot tell a wrong key" if cipher.endswith("ctr") else "may miss a wrong key"
    return f"NOT authenticated, so anyone may have changed it, and {cipher} {misses}: look at it"


def _job(key_enc: str, file_enc: str, output: str | None, *, seal: bool) -> Job:
    """FILE_ENC, and where what comes out of it belongs."""

    def renamed(name: str) -> str:
        if not name.endswith(SUFFIX) or name.endswith(f"/{SUFFIX}"):
            raise click.UsageError(
                f"{name} has a name without {SUFFIX}: give -o for where to write"
            )
        name = name.removesuffix(SUFFIX)
        return _jobs.sealed_name(name) if seal else name

    found = _jobs.find([file_enc], recursive=False, takes=lambda _: True)
    (job,) = _jobs.with_targets(found, output, renamed, is_folder=False)
    key = _places.source(key_enc)
    if job.target is not None and job.target.identity == key.identity:
        raise click.UsageError(f"{key_enc} would be replaced, and is an input: give another -o")
    return job


def _password(key_enc: str, unwrap: UnwrapOptions, reporter: Reporter) -> bytes:
    """Unwrap the password of FILE_ENC, and print what is odd about it."""
    decrypters = unwrap.decrypters()
    with reading(key_enc):
        wrapped = b""
        with _places.source(key_enc).opened() as file:
            while len(wrapped) <= MAX_KEY_FILE_LEN and (piece := file.read(MAX_KEY_FILE_LEN)):
                wrapped += piece
        if len(wrapped) > MAX_KEY_FILE_LEN:
            raise Failure("too long for a wrapped key: this is another file", ExitCode.KEY_REFUSED)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            password = openssl_enc.unwrap_password(wrapped, decrypters)
    for warning in caught:
        reporter.warned(f"{printable(key_enc)}: {warning.message}")
    return password
