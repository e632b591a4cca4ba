"""The keys of an account."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from .._errors import KeyUnwrapError, KmsRefusedError
from ..aws._clients import KmsClient
from ..aws._failures import is_absent, is_denied
from ._key import FORMER_ALIAS, KmsKey, described, tags_of
from ._kms import call, client_of

__all__ = ["list_keys"]


def list_keys(client: KmsClient | Callable[[], KmsClient]) -> Iterator[KmsKey]:
    """Go through all keys of the account in the client's region, with their aliases.

    ``why_not`` of each says why it cannot unseal. Takes ``kms:ListKeys``, ``kms:ListAliases``, and
    a ``kms:DescribeKey`` for each key; a key that the caller may not look at says so. For keys
    without an alias, ``kms:ListResourceTags`` finds their ``former_alias``; without that
    permission, it stays empty.
    """
    return _keys(client_of(client))


def _keys(client: Any) -> Iterator[KmsKey]:
    aliases: dict[str, list[str]] = {}
    for alias in _pages(client, "ListAliases", "Aliases"):
        # Names that AWS reserves and has not used yet have no key.
        aliases.setdefault(alias.get("TargetKeyId", ""), []).append(alias["AliasName"])
    for entry in _pages(client, "ListKeys", "Keys"):
        names = tuple(sorted(aliases.get(entry["KeyId"], ())))
        try:
            key = described(client, entry["KeyArn"], names)
            yield key if names else replace(key, former_alias=_former_alias(client, key))
        except KeyUnwrapError as error:
            if is_denied(error):
                yield _unseen(entry["KeyArn"], names)
            elif not is_absent(error):  # deleted meanwhile
                raise


def _former_alias(client: Any, key: KmsKey) -> str:
    try:
        return tags_of(client, key).get(FORMER_ALIAS, "")
    except KeyUnwrapError as error:
        if is_denied(error):
            return ""
        raise


def _unseen(arn: str, aliases: tuple[str, ...]) -> KmsKey:
    why_not = "you may not look at it; allow kms:DescribeKey on this key"
    error = KmsRefusedError(f"the KMS key {arn} cannot be checked: {why_not}")
    return KmsKey(arn, "", "", "", aliases=aliases, why_not=why_not, error=error)


def _pages(client: Any, operation: str, field: str) -> Iterator[Any]:
    marker: dict[str, str] = {}
    while True:
        page = call(client, operation, "the account", **marker)
        yield from page[field]
        if not page.get("Truncated"):
            return
        marker = {"Marker": page["NextMarker"]}
