"""``libseal keys create``."""

from typing import cast

import click

from ...provision._create import DEFAULT_SPEC, create_key
from ...provision._key import SPECS, Spec
from .._options import quiet_option
from ._shared import kms_for, region_option, say, usage


def _to_tags(
    _: click.Context, parameter: click.Parameter, given: tuple[str, ...]
) -> dict[str, str]:
    tags: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{text!r} is no tag: give NAME=VALUE", param=parameter)
        tags[name] = value
    return tags


@click.command()
@click.argument("alias", metavar="ALIAS")
@click.option(
    "--spec",
    type=click.Choice(SPECS),
    help=f"The size of the key. [default: {DEFAULT_SPEC}, or that of the key that is there]",
)
@click.option("--description", metavar="TEXT", default="", help="What the key is for.")
@click.option(
    "--tag",
    "tags",
    metavar="NAME=VALUE",
    multiple=True,
    callback=_to_tags,
    help="A tag for the key. Can be repeated.",
)
@region_option
@quiet_option
def command(
    *,
    alias: str,
    spec: str | None,
    description: str,
    tags: dict[str, str],
    region: str | None,
    quiet: bool,
) -> None:
    """Make an RSA key for encryption in AWS KMS, and give it an alias.

    \b
      libseal keys create alias/telemetry
      libseal keys create alias/telemetry --spec RSA_2048 --tag team=field

    A second call is harmless: it takes the key that has the alias, if that one can unseal. A key in
    KMS costs about $1 a month, until you delete it.

    It takes kms:CreateKey, kms:CreateAlias, kms:DescribeKey, and kms:TagResource for tags:
    `libseal keys policy provision` prints a policy.
    """
    with usage():
        key = create_key(
            lambda: kms_for(region=region),
            alias,
            spec=cast("Spec | None", spec),
            description=description,
            tags=tags,
        )
    if quiet:
        return
    if key.is_new:
        say(f"made {alias}: {key.spec}, {key.arn}")
    else:
        say(f"{alias} exists and can unseal, nothing was changed: {key.spec}, {key.arn}")
