"""The group ``libseal``, and how it ends."""

import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from .._libseal import __version__
from ._failures import (
    EXIT_CODES,
    ExitCode,
    Terminated,
    exit_code,
    sentence,
)
from ._group import LazyGroup

COMMANDS = {
    "seal": "Seal files for a public key.",
    "unseal": "Unseal files with a private key, or with AWS KMS.",
    "inspect": "Show what a message says about itself, without a key.",
    "verify": "Unseal to nowhere: is the message whole and authentic?",
    "rewrap": "Give messages other recipients, and leave the payload as it is.",
    "salvage": "Unseal the verified beginning of a cut message.",
    "keys": "Make, check, export and rotate keys.",
    "import_openssl": "Read what was encrypted with openssl and an RSA key.",
    "completion": "Print the completion script for a shell.",
}

HELP = """Seal data with a public key, which needs no secret and no network. Unseal it with the
private key, which can stay in AWS KMS.

\b
  libseal keys local                               a key pair for trying out
  libseal seal -r public.pem report.pdf            writes report.pdf.sealed
  libseal inspect report.pdf.sealed
  libseal unseal -i private.pem report.pdf.sealed  writes report.pdf
  libseal unseal --kms alias/reports report.pdf.sealed

In pipes, - or no name at all stands for standard input. s3://bucket/key names an object in S3.
`libseal COMMAND --help` has more examples."""


def run(arguments: Sequence[str]) -> int:
    """Run the command and return the exit code. Prints failures; raises nothing."""
    numbers = [getattr(signal, name, None) for name in ("SIGTERM", "SIGHUP", "SIGINT")]
    # What is ignored, by nohup for example, stays ignored.
    handled = [n for n in numbers if n is not None and signal.getsignal(n) == signal.SIG_DFL]
    for number in handled:
        signal.signal(number, _terminate)
    try:
        return _run(arguments)
    finally:
        # All is cleaned up. An exception while the process ends would only be a traceback.
        for number in handled:
            signal.signal(number, signal.SIG_DFL)


def _run(arguments: Sequence[str]) -> int:
    try:
        code = group.main(args=[*arguments], prog_name="libseal", standalone_mode=False)
        sys.stdout.flush()
    except BaseException as error:
        return _failed(error)
    return code if isinstance(code, int) else ExitCode.OK


def _terminate(number: int, _: object) -> NoReturn:
    # From here on, nothing but a second Ctrl-C keeps it from cleaning up.
    is_ctrl_c = number == signal.SIGINT
    signal.signal(number, signal.default_int_handler if is_ctrl_c else signal.SIG_IGN)
    raise Terminated(number)


def _failed(error: BaseException) -> int:
    """Say what was wrong."""
    code = exit_code(error)
    if code == ExitCode.PIPE_CLOSED:
        # Python would complain once more when it flushes standard output at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    elif isinstance(error, click.exceptions.NoArgsIsHelpError):
        sys.stderr.write(f"{error.format_message()}\n")
    elif isinstance(error, click.UsageError) and error.ctx is not None:
        hint = f"try: {error.ctx.command_path} --help"
        sys.stderr.write(f"libseal: {sentence(error)}\n{hint}\n")
    elif isinstance(error, Terminated | KeyboardInterrupt | click.Abort):
        sys.stderr.write("libseal: interrupted\n")
    else:
        if code == ExitCode.UNEXPECTED and "LIBSEAL_TRACEBACK" in os.environ:
            import traceback  # noqa: PLC0415 (only this needs it)

            traceback.print_exception(error)
        sys.stderr.write(f"libseal: {sentence(error)}\n")
    return code


class _Group(LazyGroup):
    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(int(code)), text) for code, text in EXIT_CODES.items()])


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(__version__)
        context.exit()


group = _Group(
    name="libseal",
    help=HELP,
    commands_in=__package__,
    modules=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            help="Show the version.",
            callback=_show_version,
        )
    ],
)
