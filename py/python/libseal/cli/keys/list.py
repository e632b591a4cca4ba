"""``libseal keys list``."""

import json

import click

from ...provision._bundle import rfc3339
from ...provision._key import KmsKey
from ...provision._listing import list_keys
from ._shared import kms_for, region_option, say

MOST_DESCRIPTION = 40
HEADINGS = ("ALIAS", "KEY", "SPEC", "USAGE", "STATE", "CAN UNSEAL")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each key, in a line.")
@region_option
def command(as_json: bool, region: str | None) -> None:
    """Show the keys of the account and region in AWS KMS: which of them can unseal, and why others
    cannot.

    \b
      libseal keys list
      libseal keys list --json | jq -r 'select(.can_unseal) | .arn'

    A key without an alias is shown with the one that `libseal keys rotate` took from it, or else
    with its description.

    It takes kms:ListKeys, kms:ListAliases and kms:DescribeKey, and kms:ListResourceTags to find the
    former alias.
    """
    keys = list_keys(lambda: kms_for(region=region))
    if as_json:
        for key in keys:
            click.echo(json.dumps(_as_dict(key)))
        return
    rows = [HEADINGS, *(_row(key) for key in keys)]
    if len(rows) == 1:
        say("there are no keys in this account and region: libseal keys create makes one")
        return
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    for row in rows:
        cells = (f"{cell:{width}}" for cell, width in zip(row, widths, strict=True))
        say("  ".join(cells).rstrip())


def _row(key: KmsKey) -> tuple[str, ...]:
    can = "yes" if key.why_not is None else f"no: {key.why_not}"
    names = ", ".join(key.aliases) or _without_alias(key)
    return (names, key.key_id, key.spec or "-", key.usage or "-", key.state or "-", can)


def _without_alias(key: KmsKey) -> str:
    if key.former_alias:
        return f"- (was {key.former_alias})"
    description = " ".join(key.description.split())
    if len(description) > MOST_DESCRIPTION:
        description = f"{description[: MOST_DESCRIPTION - 1]}…"
    return f"- ({description})" if description else "-"


def _as_dict(key: KmsKey) -> dict[str, object]:
    return {
        "arn": key.arn,
        "key_id": key.key_id,
        "aliases": list(key.aliases),
        "former_alias": key.former_alias or None,
        "spec": key.spec,
        "usage": key.usage,
        "state": key.state,
        "algorithms": list(key.algorithms),
        "description": key.description,
        "created": rfc3339(key.created) if key.created else None,
        "can_unseal": key.can_unseal,
        "why_not": key.why_not,
    }
