"""``libseal keys rotate``."""

from typing import cast

import click

from ...provision._key import SPECS, Spec
from ...provision._rotate import Rotation, next_alias, rotate_key
from .._options import quiet_option
from ._shared import kms_for, region_option, say, usage


@click.command()
@click.argument("alias", metavar="ALIAS")
@click.option("--spec", type=click.Choice(SPECS), help="The size of the next key. [default: same]")
@click.option("--move-alias", is_flag=True, help="Move the alias to the next key, made before.")
@region_option
@quiet_option
def command(
    alias: str, spec: str | None, move_alias: bool, region: str | None, quiet: bool
) -> None:
    """Make the next key for an alias. When everything that unseals is ready for it, move the alias.

    \b
      libseal keys rotate alias/telemetry                 makes the key, and says what to do next
      libseal keys rotate alias/telemetry --move-alias    some time later

    The next key has the policy, tags and description of the old one; grants are not copied. It is
    called alias/telemetry-next until the alias moves, and a second call makes no other. The old key
    gets a tag that says which alias it had, and is not touched otherwise: it has to stay enabled
    until everything that is sealed for it was unsealed or rewrapped.
    """
    with usage():
        rotation = rotate_key(
            lambda: kms_for(region=region),
            alias,
            spec=cast("Spec | None", spec),
            move_alias=move_alias,
        )
    if quiet:
        return
    say(_moved(rotation) if rotation.moved else _prepared(rotation))


def _prepared(rotation: Rotation) -> str:
    alias, old, new = rotation.alias, rotation.old, rotation.new
    upcoming = next_alias(alias)
    done = f"made {upcoming}" if new.is_new else f"{upcoming} exists, no other key was made"
    return f"""\
{done}: {new.spec}, {new.arn}
Next:
1. Wherever you unseal, list the old key by its ARN beside the alias:
   {old.arn}
2. Allow the new key in the IAM policies that name the old one:
   libseal keys policy unseal {old.arn} {new.arn}
3. Try the new key out with the credentials of what unseals:
   libseal keys check {upcoming}
4. Move the alias:
   libseal keys rotate {alias} --move-alias"""


def _moved(rotation: Rotation) -> str:
    alias, old, new = rotation.alias, rotation.old, rotation.new
    in_trail = f"AttributeKey=ResourceName,AttributeValue={old.arn}"
    return f"""\
moved {alias} to {new.arn}
The old key, {old.arn}, has to stay enabled for now.
Next:
1. Give devices the new public key:
   libseal keys export {alias} --force -o public.pem
2. Rewrap what is stored and is to outlive the old key:
   libseal rewrap --kms {old.arn} -r public.pem FILE...
   (or --recursive, and a folder or s3://bucket/prefix/)
3. See who still uses the old key:
   aws cloudtrail lookup-events --lookup-attributes {in_trail}
4. When no one does, disable it; that can be undone:
   aws kms disable-key --key-id {old.key_id}
5. Some months later, delete it; what is still sealed for it is lost then:
   aws kms schedule-key-deletion --key-id {old.key_id} --pending-window-in-days 30"""
