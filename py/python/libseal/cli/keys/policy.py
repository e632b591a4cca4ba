"""``libseal keys policy``."""

import json
import re
from collections.abc import Iterable
from typing import cast

import click

from ..._errors import InvalidKeyError
from ...aws._failures import again, failure
from ...provision._key import describe_key
from ...provision._policy import ROLES, Role, key_policy, policy
from .._aws import client
from ._shared import kms_for, region_option, usage

ARN = re.compile(r"arn:[^:]+:kms:[^:]+:[0-9]{12}:(?P<kind>key|alias)/.+")


def _to_principals(
    _: click.Context, parameter: click.Parameter, given: tuple[str, ...]
) -> dict[str, list[str]]:
    principals: dict[str, list[str]] = {}
    for text in given:
        role, equals, arn = text.partition("=")
        if not equals or role not in ROLES:
            message = f"{text!r} must be ROLE=ARN, and ROLE one of {', '.join(ROLES)}"
            raise click.BadParameter(message, param=parameter)
        principals.setdefault(role, []).append(arn)
    return principals


@click.command()
@click.argument("role", metavar="ROLE", type=click.Choice([*ROLES, "key"]))
@click.argument("keys", metavar="KEY...", nargs=-1, required=True)
@click.option(
    "--new-key",
    "new_keys",
    metavar="KEY",
    multiple=True,
    help="For rewrap: a key to rewrap for. Can be repeated.",
)
@click.option(
    "--s3",
    metavar="BUCKET[/PREFIX]",
    multiple=True,
    help="For rewrap: where the objects are. Can be repeated.",
)
@click.option(
    "--allow",
    "principals",
    metavar="ROLE=ARN",
    multiple=True,
    callback=_to_principals,
    help="For key: the IAM role or user that seals, unseals, rewraps or provisions. Can be "
    "repeated.",
)
@region_option
def command(
    *,
    role: str,
    keys: tuple[str, ...],
    new_keys: tuple[str, ...],
    s3: tuple[str, ...],
    principals: dict[str, list[str]],
    region: str | None,
) -> None:
    """Print a policy that allows what a role has to do, and nothing else.

    \b
      seal        to fetch the public key; with the key in its build, a device needs no permission
      unseal      to unwrap data keys
      rewrap      to unwrap, and fetch the new public key; with --s3, to rewrite objects
      provision   to make, list, export and rotate keys; KEY is the alias, which need not exist
      key         the policy of the key itself, for the roles of --allow

    \b
      libseal keys policy unseal alias/telemetry > unseal.json
      aws iam put-role-policy --role-name unsealer --policy-name unseal \\
          --policy-document file://unseal.json

    \b
      libseal keys policy key alias/telemetry \\
          --allow unseal=arn:aws:iam::111122223333:role/unsealer > key.json
      aws kms put-key-policy --key-id KEY_ID --policy-name default --policy file://key.json

    With ARNs of keys, it asks no one. Other names of keys take a kms:DescribeKey, as policies name
    keys: one that names an alias would allow nothing. A key that could not unseal is refused then.

    For provision, an alias takes the account that it is to be in, so AWS STS is asked for yours:
    that needs credentials and no permission. With the ARN of the alias, it asks no one:
    arn:aws:kms:REGION:ACCOUNT:alias/telemetry, or alias/* for all of them.
    """
    if principals and role != "key":
        raise click.UsageError("--allow is for the policy of a key: libseal keys policy key")
    with usage():
        if role == "key":
            made = _key_policy(keys, principals, region, others=bool(new_keys or s3))
        elif role == "provision":
            aliases = [_alias_arn(name, region) for name in keys]
            made = policy("provision", aliases, new_keys=new_keys, s3=s3)
        else:
            made = policy(
                cast("Role", role),
                _key_arns(keys, region),
                new_keys=_key_arns(new_keys, region),
                s3=s3,
            )
    click.echo(json.dumps(made, indent=2))


def _key_policy(
    keys: tuple[str, ...], principals: dict[str, list[str]], region: str | None, *, others: bool
) -> dict[str, object]:
    if others:
        raise click.UsageError("--new-key and --s3 are for rewrap")
    if not principals:
        raise click.UsageError("no one is allowed anything: give --allow ROLE=ARN")
    if len(keys) > 1:
        raise click.UsageError("each key has a policy of its own: give one KEY")
    [arn] = _key_arns(keys, region)
    _, partition, _, _, account, _ = arn.split(":")
    return key_policy(account, cast("dict[Role, Iterable[str]]", principals), partition=partition)


def _key_arns(names: Iterable[str], region: str | None) -> list[str]:
    arns = []
    for name in names:
        match = ARN.fullmatch(name)
        if match is None or match["kind"] == "alias":
            key = describe_key(kms_for(name, region), name)
            # One that is disabled can be enabled again.
            if isinstance(key.error, InvalidKeyError):
                raise key.error
            arns.append(key.arn)
        else:
            arns.append(name)
    return arns


def _alias_arn(name: str, region: str | None) -> str:
    """The ARN of an alias, which need not exist, in the account of the caller."""
    if not name.startswith("alias/"):
        return name
    try:
        region = kms_for(region=region).meta.region_name
        # No permission is needed for this.
        caller = client("sts", region).get_caller_identity()
    except click.ClickException:
        raise
    except Exception as error:
        found = failure(error, "AWS STS was asked for your account")
        arn = f"arn:aws:kms:{region or 'REGION'}:ACCOUNT:{name}"
        raise again(found, f"or give the ARN of the alias: {arn}") from error
    partition = caller["Arn"].split(":")[1]
    return f"arn:{partition}:kms:{region}:{caller['Account']}:{name}"
