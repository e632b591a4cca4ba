"""What a failure means for who runs the command: one sentence, and an exit code.

A command raises ``Failure`` for what is its own finding, ``click.UsageError`` for a wrong command
line, and lets everything else pass: libseal's exceptions say already what to do.
"""

import errno
import os
from enum import IntEnum

import click

from .. import _errors as errors


class ExitCode(IntEnum):
    """How the command ends, by kind of failure. ``EXIT_CODES`` explains them."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    IO = 3
    NOT_AUTHENTIC = 4
    INCOMPLETE = 5
    KMS_REFUSED = 6
    KMS_UNAVAILABLE = 7
    OTHER_KEYS = 8
    KEY_REFUSED = 9
    INTERRUPTED = 130
    PIPE_CLOSED = 141
    TERMINATED = 143


EXIT_CODES = {
    ExitCode.OK: "done",
    ExitCode.UNEXPECTED: "something unexpected: please report it",
    ExitCode.USAGE: "the command line is wrong",
    ExitCode.IO: "a file, an object in S3 or the network failed, or a file is in the way",
    ExitCode.NOT_AUTHENTIC: "altered, not a sealed message, or without a required pair",
    ExitCode.INCOMPLETE: "the end of the message is missing or damaged",
    ExitCode.KMS_REFUSED: "the KMS refused: permissions, credentials, the name of the key",
    ExitCode.KMS_UNAVAILABLE: "the KMS could not be asked: try again later",
    ExitCode.OTHER_KEYS: "sealed for other keys",
    ExitCode.KEY_REFUSED: "a key was refused: its form, pin, validity or usage",
    ExitCode.INTERRUPTED: "interrupted (143: terminated; 141: the reader of the output is gone)",
}
"""For the help."""


class Failure(Exception):  # noqa: N818
    """What a command has found wrong: a sentence that says what to do, and the exit code."""

    def __init__(self, sentence: str, code: int) -> None:
        super().__init__(sentence)
        self.code = code


class Terminated(BaseException):
    """SIGINT, SIGTERM or SIGHUP, raised so that everything is cleaned up."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.code = 128 + number


# The first that fits: TruncatedError is an AuthenticationError.
_CODES: tuple[tuple[type[BaseException], ExitCode], ...] = (
    (click.ClickException, ExitCode.USAGE),
    (errors.InvalidKeyError, ExitCode.KEY_REFUSED),
    (errors.ContextError, ExitCode.USAGE),
    (errors.LimitError, ExitCode.USAGE),
    (errors.FormatError, ExitCode.NOT_AUTHENTIC),
    (errors.TruncatedError, ExitCode.INCOMPLETE),
    (errors.AuthenticationError, ExitCode.NOT_AUTHENTIC),
    (errors.ContextMismatchError, ExitCode.NOT_AUTHENTIC),
    (errors.WrappedKeyRejectedError, ExitCode.NOT_AUTHENTIC),
    (errors.NoMatchingRecipientError, ExitCode.OTHER_KEYS),
    (errors.KmsUnavailableError, ExitCode.KMS_UNAVAILABLE),
    (errors.StopUnwrap, ExitCode.KMS_UNAVAILABLE),
    (errors.KeyUnwrapError, ExitCode.KMS_REFUSED),
    (OSError, ExitCode.IO),
    (UnicodeEncodeError, ExitCode.USAGE),
    (KeyboardInterrupt, ExitCode.INTERRUPTED),
    (click.Abort, ExitCode.INTERRUPTED),
)


def exit_code(error: BaseException) -> int:
    """The exit code for an exception."""
    if isinstance(error, Failure | Terminated):
        return error.code
    if is_closed_pipe(error):
        return ExitCode.PIPE_CLOSED
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    return ExitCode.IO if is_of_s3(error) else ExitCode.UNEXPECTED


def is_closed_pipe(error: BaseException) -> bool:
    """Whether the reader of the output is gone: there is no one to tell, and nothing to go on."""
    # click exits for it, and for nothing else.
    return isinstance(error, SystemExit) or (
        isinstance(error, OSError) and error.errno == errno.EPIPE
    )


def sentence(error: BaseException, about: str | None = None) -> str:
    """One line that says what was wrong and what to do. Safe to print.

    If ``about`` is not the file that failed, that is named.
    """
    if isinstance(error, click.ClickException):
        text = error.format_message()
    elif isinstance(error, OSError):
        text = error.strerror or str(error)
        if error.filename not in {None, about} and isinstance(error.filename, str | bytes):
            text = f"{os.fsdecode(error.filename)}: {text}"
    elif isinstance(error, UnicodeEncodeError):
        # Python passes on the other bytes of an argument as text that cannot be encoded.
        text = f"'{error.object}' is not UTF-8: only names of files can have other bytes"
    elif is_of_s3(error):
        text = _of_s3(error)
    elif exit_code(error) == ExitCode.UNEXPECTED and not isinstance(error, Failure):
        text = f"unexpected {type(error).__name__}: {error}; please report this"
    else:
        text = str(error)
        if _is_of_interrupted_rewrap(error):
            text += "; a rewrap of this file was interrupted: libseal rewrap finishes it"
    return printable(text)


def _is_of_interrupted_rewrap(error: BaseException) -> bool:
    notes = getattr(error, "__notes__", ())
    if not notes:
        return False
    from .._redo import NOTE  # noqa: PLC0415 (importing it takes 4 ms)

    return NOTE in notes


def printable(text: str) -> str:
    """The text without what would steer a terminal, or cannot be printed: that is escaped.

    Names of files and what headers say may come from strangers.
    """
    return (
        "".join(
            char if char.isprintable() else _escaped(char) for char in text.replace("\\", "\\\\")
        )
        if not text.isprintable()
        else text
    )


def _escaped(char: str) -> str:
    if "\udc80" <= char <= "\udcff":  # A byte of a name that is not UTF-8.
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape").decode("ascii")


def is_of_s3(error: BaseException) -> bool:
    """Whether boto3 raised it. That may not be installed, so its modules are told by their names.

    Those of the KMS are libseal's exceptions by now.
    """
    modules = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    return bool(modules & {"boto3", "botocore", "s3transfer"})


def _of_s3(error: BaseException) -> str:
    from ._s3 import explained  # noqa: PLC0415 (only S3 needs it)

    return explained(error)
