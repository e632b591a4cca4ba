"""What the commands for keys share."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from ..._errors import SealError
from ...aws._failures import failure
from ...aws._keys import region_of
from .. import _places
from .._aws import kms_client
from .._failures import printable

F = TypeVar("F", bound=Callable[..., Any])


def region_option(function: F) -> F:
    """--region, as ``region``."""
    return click.option(
        "--region", metavar="REGION", help="The AWS region, if not that of the environment."
    )(function)


def kms_for(key: str = "", region: str | None = None) -> Any:
    """Make a client of the KMS, for the region that the ARN of the key names, or else ``region``.

    Raises KmsRefusedError for settings of AWS that are wrong.
    """
    try:
        return kms_client(region_of(key) or region)
    except (SealError, click.ClickException):
        raise
    except Exception as error:
        raise failure(error, "there is no client for the KMS") from error


@contextmanager
def usage() -> Iterator[None]:
    """Raise click.UsageError for what the functions in the block do not take as an argument."""
    try:
        yield
    except SealError:
        raise
    except ValueError as error:
        raise click.UsageError(str(error), click.get_current_context()) from error


def write(data: bytes, output: str | None, *, force: bool) -> None:
    """Write a file, an object in S3, or to standard output. Raises Failure for what is there."""
    target = _places.target(output or _places.STANDARD)
    target.check(force=force)
    target.receive(io.BytesIO(data), lambda _: None)


def say(text: str) -> None:
    """Print what may hold names from elsewhere, line by line, on standard output."""
    for line in text.split("\n"):
        click.echo(printable(line))
