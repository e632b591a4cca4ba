"""What is printed on standard error: the bar, the line of success, the failures."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ._failures import ExitCode, exit_code, printable, sentence

if TYPE_CHECKING:
    from tqdm import tqdm

# Seconds that a run takes before there is a bar.
DELAY = 0.5
UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


class Reporter:
    """Prints what happens, and keeps the exit code: that of the first failure."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._bar: tqdm[Any] | None = None
        self.exit_code: int = ExitCode.OK

    @contextmanager
    def bar(self, total: Callable[[], int | None]) -> Iterator[None]:
        """Show a bar within the block if standard error is a terminal.

        Only then ``total`` is called, which returns a number of bytes, or None if it is unknown:
        for objects in S3, it takes requests.
        """
        if self._quiet or not sys.stderr.isatty():
            yield
            return
        try:
            from tqdm import tqdm  # noqa: PLC0415 (importing it takes 60 ms)
        except ModuleNotFoundError:  # No bar is no reason to fail.
            yield
            return
        # No thread only to refresh it.
        tqdm.monitor_interval = 0
        bar: tqdm[Any] = tqdm(
            total=total(), unit="B", unit_scale=True, unit_divisor=1024, leave=False, delay=DELAY
        )
        self._bar = bar
        with bar:
            try:
                yield
            finally:
                self._bar = None

    def advance(self, count: int) -> None:
        """Move the bar by so many bytes: a ``progress`` as libseal's functions call it."""
        if self._bar is not None:
            self._bar.update(count)

    def succeeded(self, text: str) -> None:
        """Print the one line that says what was done, unless it is to be quiet."""
        if not self._quiet:
            self._print(text)

    def warned(self, text: str) -> None:
        """Print what has to be known whether it is quiet or not, and is no failure."""
        self._print(f"libseal: {text}")

    def failed(self, name: str | None, error: BaseException) -> None:
        """Print what was wrong, with the name of the input, and keep the exit code."""
        where = f"{printable(name)}: " if name else ""
        self._print(f"libseal: {where}{sentence(error, name)}")
        if self.exit_code == ExitCode.OK:
            self.exit_code = exit_code(error)

    def _print(self, text: str) -> None:
        if self._bar is not None:
            self._bar.clear()
        sys.stderr.write(f"{printable(text)}\n")
        sys.stderr.flush()


def size(count: int) -> str:
    """A number of bytes for people: ``1.5 MiB``."""
    amount = float(count)
    for unit in UNITS:
        if amount < 1024 or unit == UNITS[-1]:  # noqa: PLR2004
            return f"{count} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    raise AssertionError


def plural(count: int, noun: str) -> str:
    """A number with its noun: ``1 file``, ``2 files``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
