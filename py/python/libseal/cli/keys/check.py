"""``libseal keys check``."""

import json

import click

from ...provision._check import CheckStep, check_key
from .._failures import Failure, exit_code, sentence
from .._options import quiet_option
from ._shared import kms_for, region_option, say, usage

WIDTH = 12


@click.command()
@click.argument("key", metavar="KEY")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@region_option
@quiet_option
def command(key: str, as_json: bool, region: str | None, quiet: bool) -> None:
    """Seal a probe for a key in AWS KMS and unseal it, with your own credentials. KEY is an alias,
    an id or an ARN.

    \b
      libseal keys check alias/telemetry
      AWS_PROFILE=unsealer libseal keys check alias/telemetry

    Run it with the credentials of what is going to unseal. It says what is wrong with the key, and
    which permission is missing. It takes kms:GetPublicKey and kms:Decrypt; with kms:DescribeKey, it
    looks at the state of the key as well.
    """
    with usage():
        check = check_key(lambda: kms_for(key, region), key)
    if as_json:
        steps = [
            {"name": step.name, "ok": step.ok, "why": step.why, "permission": step.permission}
            for step in check.steps
        ]
        click.echo(json.dumps({"key": key, "arn": check.arn, "ok": check.ok, "steps": steps}))
    elif not quiet:
        for step in check.steps:
            say(_line(step))
        if check.ok:
            say(f"{key} can unseal")
    if check.error is not None:
        raise Failure(sentence(check.error), exit_code(check.error))


def _line(step: CheckStep) -> str:
    mark = {True: "ok", False: "FAILED", None: "skipped"}[step.ok]
    # What has failed follows on standard error.
    why = step.why if step.ok is not False else (step.permission or "")
    return f"{mark:8}{step.name:{WIDTH}} {why}".rstrip()
