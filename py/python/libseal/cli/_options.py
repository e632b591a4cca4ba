"""The options that several commands have: decorators, to be put below ``@click.command``.

``recipient_options`` and ``unwrap_options`` give the function one argument each, ``recipients`` and
``unwrap``. Nothing is read before one of its methods is called::

    @click.command(short_help="…")
    @recipient_options
    @unwrap_options
    @output_option
    @force_option
    @quiet_option
    def command(recipients: RecipientOptions, unwrap: UnwrapOptions, output: str | None, …) -> None:
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click

from ._recipients import RecipientOptions
from ._unwrappers import UnwrapOptions

Function = Callable[..., Any]
F = TypeVar("F", bound=Function)

FILE = click.Path()
"""A path, or ``-``, or ``s3://bucket/key``. It is not opened, and a shell completes files."""


def recipient_options(function: Function) -> Function:
    """-r, -R, --pin and --roots, as ``recipients``."""

    @click.option(
        "-r",
        "--recipient",
        "key_files",
        metavar="KEY_FILE",
        type=FILE,
        multiple=True,
        help="Seal for this public key: DER, PEM, base64, what aws kms get-public-key prints, a "
        "key bundle or a certificate. Can be repeated; each key alone unseals.",
    )
    @click.option(
        "-R",
        "--recipients-file",
        "recipients_files",
        metavar="FILE",
        type=FILE,
        multiple=True,
        help="Seal for all keys in this recipients file: one a line, # for comments.",
    )
    @click.option(
        "--pin",
        "pins",
        metavar="HEX",
        multiple=True,
        help="The fingerprint that the key of -r must have: SHA-256 of its DER. One for each -r.",
    )
    @click.option(
        "--roots",
        metavar="FILE",
        type=FILE,
        help="The certificates, in PEM, that a certificate of -r must lead to.",
    )
    @wraps(function)
    def wrapped(
        *args: Any,
        key_files: tuple[str, ...],
        recipients_files: tuple[str, ...],
        pins: tuple[str, ...],
        roots: str | None,
        **others: Any,
    ) -> Any:
        recipients = RecipientOptions(key_files, recipients_files, pins, roots)
        return function(*args, recipients=recipients, **others)

    return wrapped


def unwrap_options(function: Function) -> Function:
    """-i and --kms, as ``unwrap``."""

    @click.option(
        "-i",
        "--identity",
        "identities",
        metavar="PRIVATE_KEY",
        type=FILE,
        multiple=True,
        help="Unseal with the private key in this file, PEM or DER. If it is encrypted, you are "
        "asked for the password, unless LIBSEAL_KEY_PASSWORD has it.",
    )
    @click.option(
        "--kms",
        "kms_keys",
        metavar="KEY",
        multiple=True,
        callback=_to_key_names,
        help="Unseal with this key in AWS KMS: an alias, id or ARN. Can be repeated. An alias "
        "stands for its newest key only: after a rotation, give the ARN of the old key as well "
        "(libseal keys list shows it).",
    )
    @wraps(function)
    def wrapped(
        *args: Any, identities: tuple[str, ...], kms_keys: tuple[str, ...], **others: Any
    ) -> Any:
        return function(*args, unwrap=UnwrapOptions(identities, kms_keys), **others)

    return wrapped


def context_option(function: F) -> F:
    """--context, as ``context``: a dict."""
    return click.option(
        "--context",
        metavar="KEY=VALUE",
        multiple=True,
        callback=_to_context,
        help="Bind this pair to the message. Anyone can read it, no one can change it unnoticed. "
        "Can be repeated.",
    )(function)


def require_option(function: F) -> F:
    """--require, as ``require``: a dict, in which None stands for any value."""
    return click.option(
        "--require",
        metavar="KEY[=VALUE]",
        multiple=True,
        callback=_to_require,
        help="Refuse a message without this pair, or, without a value, without this key. Can be "
        "repeated.",
    )(function)


def output_option(function: F) -> F:
    """-o, as ``output``."""
    return click.option(
        "-o",
        "--output",
        metavar="OUT",
        type=FILE,
        help="Where to write: a file, - for standard output, s3://bucket/key, or for several "
        "inputs a folder.",
    )(function)


def recursive_option(function: F) -> F:
    """--recursive, as ``recursive``."""
    return click.option(
        "--recursive",
        is_flag=True,
        help="Work on the files in folders, or under s3://bucket/prefix/.",
    )(function)


def force_option(function: F) -> F:
    """--force, as ``force``."""
    return click.option("-f", "--force", is_flag=True, help="Replace files that exist.")(function)


def quiet_option(function: F) -> F:
    """--quiet, as ``quiet``."""
    return click.option("-q", "--quiet", is_flag=True, help="Say nothing unless something fails.")(
        function
    )


def _to_key_names(
    _: click.Context, parameter: click.Parameter, given: tuple[str, ...]
) -> tuple[str, ...]:
    for name in given:
        if not name:
            raise click.BadParameter("is empty: give an alias, an id or an ARN", param=parameter)
        name.encode()  # Refuses what is not UTF-8 before anything else is looked at.
    return given


def _to_context(
    _: click.Context, parameter: click.Parameter, given: tuple[str, ...]
) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals:
            raise click.BadParameter(f"{text!r} has no value: give KEY=VALUE", param=parameter)
        if pairs.setdefault(key, value) != value:
            raise click.BadParameter(f"{key!r} is given twice", param=parameter)
    return pairs


def _to_require(
    _: click.Context, parameter: click.Parameter, given: tuple[str, ...]
) -> dict[str, str | None]:
    pairs: dict[str, str | None] = {}
    for text in given:
        key, equals, value = text.partition("=")
        known = pairs.get(key)
        if equals and known not in {None, value}:
            raise click.BadParameter(f"{key!r} is given twice", param=parameter)
        pairs[key] = value if equals else known
    return pairs
