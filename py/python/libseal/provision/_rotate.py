"""The next key for an alias, and moving the alias to it."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple

from .._errors import InvalidKeyError, KeyUnwrapError, KmsRefusedError
from ..aws._clients import KmsClient
from ..aws._failures import is_absent
from ._create import check_spec, find, make_key, name_key
from ._key import FORMER_ALIAS, SPECS, KmsKey, Spec, described, tags_of, usable
from ._kms import call, check_alias, client_of

__all__ = ["Rotation", "next_alias", "rotate_key"]


class Rotation(NamedTuple):
    """The two keys of a rotation."""

    alias: str
    old: KmsKey
    """The key that the alias stood for before this call."""

    new: KmsKey
    """The next key. ``is_new`` says whether this call made it."""

    moved: bool
    """Whether this call moved the alias to the next key."""


def next_alias(alias: str) -> str:
    """The alias that the next key has until it takes over: ``alias/telemetry-next``."""
    return check_alias(f"{check_alias(alias)}-next")


def rotate_key(
    client: KmsClient | Callable[[], KmsClient],
    alias: str,
    *,
    spec: Spec | None = None,
    move_alias: bool = False,
) -> Rotation:
    """Make the next key for an alias; a second call, with ``move_alias``, moves the alias to it.

    The first call makes a key with the policy, tags and description of the old one, and the same
    spec unless ``spec`` is given. It is known as ``alias/…-next`` until the alias moves; the old
    key goes on as if nothing had happened. Another such call finds that key and makes no other.

    In between, whatever unseals has to list the old key by its ARN, and be allowed to use the new
    one. With ``move_alias``, no key is made, one that cannot unseal is refused, and
    ``alias/…-next`` is deleted afterwards. The old key gets a tag, ``libseal:former-alias``, by
    which ``list_keys`` knows it, and otherwise no call touches it: it has to stay enabled until
    everything that is sealed for it was unsealed or rewrapped.

    Takes ``kms:DescribeKey``; ``kms:GetKeyPolicy``, ``kms:ListResourceTags``, ``kms:CreateKey``,
    ``kms:TagResource`` if there are tags, and ``kms:CreateAlias`` to make the key;
    ``kms:UpdateAlias`` and ``kms:DeleteAlias`` to move the alias, and ``kms:TagResource`` for the
    tag, without which the old key has none.
    """
    kms = client_of(client)
    upcoming = next_alias(alias)
    check_spec(spec)
    if move_alias and spec is not None:
        raise ValueError("spec is for making the next key, and move_alias takes the one there is")
    old = described(kms, alias)
    if isinstance(old.error, InvalidKeyError):
        # An old key that is disabled can be rotated away from; one for signatures is a typo.
        raise old.error
    new = find(kms, upcoming)
    if new is not None and new.arn == old.arn:
        # The alias was moved, and this one could not be deleted.
        stale, new = True, None
    else:
        stale = False
    if move_alias:
        return _move(kms, alias, old, new)
    if new is None:
        new = _make(kms, alias, old, spec)
        name_key(kms, "UpdateAlias" if stale else "CreateAlias", upcoming, new)
        new = replace(new, aliases=(upcoming,))
    elif spec is not None and new.spec != spec:
        raise ValueError(
            f"{upcoming} stands for a key of the spec {new.spec} already, not {spec}: move the "
            f"alias to that one, or delete it: aws kms delete-alias --alias-name {upcoming}"
        )
    return Rotation(alias, old, usable(new), moved=False)


def _make(client: Any, alias: str, old: KmsKey, spec: Spec | None) -> KmsKey:
    same = next(known for known in SPECS if known == old.spec)
    answer = call(client, "GetKeyPolicy", old.arn, KeyId=old.arn, PolicyName="default")
    return make_key(
        client,
        alias,
        spec=spec or same,
        description=old.description,
        tags=_tags(client, old),
        policy=answer["Policy"],
    )


def _tags(client: Any, key: KmsKey) -> dict[str, str]:
    """The tags that the next key gets."""
    tags = tags_of(client, key)
    # Names that begin like this belong to AWS, and cannot be given.
    return {
        name: tags[name] for name in tags if not name.startswith("aws:") and name != FORMER_ALIAS
    }


def _move(client: Any, alias: str, old: KmsKey, new: KmsKey | None) -> Rotation:
    upcoming = next_alias(alias)
    if new is None:
        raise KmsRefusedError(
            f"there is no next key for {alias}, which stands for {old.arn}: make one first, by "
            "rotating without moving the alias"
        )
    usable(new)
    call(client, "UpdateAlias", alias, AliasName=alias, TargetKeyId=new.key_id)
    # It says no more than what the old key was, so the alias has moved with or without it.
    with suppress(KeyUnwrapError):
        tag = {"TagKey": FORMER_ALIAS, "TagValue": alias}
        call(client, "TagResource", old.arn, KeyId=old.arn, Tags=[tag])
    try:
        call(client, "DeleteAlias", upcoming, AliasName=upcoming)
    except KeyUnwrapError as error:
        if not is_absent(error):
            left = type(error)(
                f"{alias} was moved to {new.arn}, but {upcoming} is still there: {error}; delete "
                f"it: aws kms delete-alias --alias-name {upcoming}"
            )
            left.code, left.name = error.code, error.name
            raise left from error.__cause__
    return Rotation(alias, old, replace(new, aliases=(alias,)), moved=True)
