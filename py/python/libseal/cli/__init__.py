"""The command ``libseal``.

``main`` is the entry point. Each command is a module of this package with an attribute ``command``,
which is imported when it is needed: ``_main`` lists them. What they share:

- ``_options``: the options that several commands have.
- ``_recipients``: from -r and -R to the recipients to seal for.
- ``_unwrappers``: from -i and --kms to an unwrapper.
- ``_places``: files, folders, pipes and objects in S3; which output belongs to which input.
- ``_jobs``: the loop over many inputs, of which one that fails does not stop the others.
- ``_progress``: the bar, and every line that is printed on standard error.
- ``_failures``: from an exception to a sentence and an exit code.
"""

import os
import signal
import sys

__all__ = ["main"]


def main() -> int:
    """Run the command with the arguments of the process, and return its exit code."""
    # As long as modules are imported, nothing needs to be cleaned up.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    _fill_gaps()
    try:
        import click  # noqa: F401, PLC0415 (libseal itself does not need it)
    except ModuleNotFoundError:
        sys.stderr.write("libseal: the command needs click: pip install 'libseal[cli]'\n")
        return 2
    from ._main import run  # noqa: PLC0415

    return run(sys.argv[1:])


def _fill_gaps() -> None:
    """Put something in the place of standard streams that are closed, as under some daemons.

    The next file to be opened would take their numbers. Data is neither read from nor written to
    what is put there; only what is said about it goes nowhere.
    """
    for number, mode in enumerate((os.O_WRONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
