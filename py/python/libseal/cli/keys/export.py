"""``libseal keys export``."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import wraps
from typing import Any

import click

from ...provision._bundle import KeyBundle
from ...provision._export import Form, export_key
from .._options import force_option, output_option, quiet_option
from .._progress import Reporter
from ._shared import kms_for, region_option, usage, write


def _to_moment(_: click.Context, parameter: click.Parameter, text: str | None) -> datetime | None:
    if text is None:
        return None
    now = datetime.now(UTC)
    try:
        if re.fullmatch(r"[0-9]{1,5}", text):
            return now + timedelta(days=int(text))
        # The day itself still counts.
        moment = datetime.combine(date.fromisoformat(text), time(23, 59, 59), UTC)
    except (ValueError, OverflowError):
        message = f"{text!r} is neither a date, such as 2027-11-27, nor a number of days"
        raise click.BadParameter(message, param=parameter) from None
    if moment < now:
        raise click.BadParameter(f"{text} is over", param=parameter)
    return moment


_HELP: dict[Form, str] = {
    "pem": "PEM. This is the default.",
    "der": "DER.",
    "c-header": "A C header: the key and its fingerprint.",
    "rust": "Rust constants: the key and its fingerprint.",
    "json": "A key bundle: with ARN, fingerprint and times.",
    "recipients": "A line of a recipients file, for -R.",
}


def _form_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """An option for each form, as ``form``. Of two, click would take the last."""

    @wraps(function)
    def wrapped(*args: Any, **others: Any) -> Any:
        given = [form for form in _HELP if others.pop(_flag(form))]
        if len(given) > 1:
            names = " and ".join(f"--{form}" for form in given)
            raise click.UsageError(f"{names} are different forms: give one of them")
        return function(*args, form=given[0] if given else "pem", **others)

    for form in reversed(_HELP):
        option = click.option(f"--{form}", _flag(form), is_flag=True, help=_HELP[form])
        wrapped = option(wrapped)
    return wrapped


def _flag(form: Form) -> str:
    return f"is_{form.replace('-', '_')}"


@click.command()
@click.argument("key", metavar="KEY")
@_form_options
@click.option(
    "--name", metavar="NAME", help="What C and Rust call the key. [default: from the alias]"
)
@click.option(
    "--not-after",
    metavar="DATE|DAYS",
    callback=_to_moment,
    help="Until when to seal for the key, in UTC: the end of 2027-11-27, or 365 days from now. Of "
    "all forms, only a key bundle is refused afterwards.",
)
@output_option
@force_option
@region_option
@quiet_option
def command(
    *,
    key: str,
    form: Form,
    name: str | None,
    not_after: datetime | None,
    output: str | None,
    force: bool,
    region: str | None,
    quiet: bool,
) -> None:
    """Write the public key of a key in AWS KMS. KEY is an alias, an id or an ARN.

    \b
      libseal keys export alias/telemetry > public.pem
      libseal keys export alias/telemetry --c-header -o telemetry_key.h
      libseal keys export alias/telemetry --json --not-after 365 -o telemetry.json
      libseal keys export alias/telemetry --recipients >> recipients.txt

    A key that could seal but not unseal later is refused. What is printed besides is the
    fingerprint: pin it wherever the key comes from a place that others can write to. It takes
    kms:DescribeKey and kms:GetPublicKey.
    """
    with usage():
        bundle = KeyBundle.from_kms(lambda: kms_for(key, region), key, not_after=not_after)
        data = export_key(bundle, form, name=name)
    write(data, output, force=force)
    where = f" to {output}" if output and output != "-" else ""
    Reporter(quiet=quiet).succeeded(
        f"exported {key}{where}: {bundle.spec}, fingerprint {bundle.fingerprint.hex()}"
    )
