"""Making a key and its alias."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from .._errors import KeyUnwrapError
from ..aws._clients import KmsClient
from ..aws._failures import is_absent
from ._key import SPECS, USAGE, KmsKey, Spec, described, usable
from ._kms import call, check_alias, client_of, utc

__all__ = ["DEFAULT_SPEC", "create_key"]

DEFAULT_SPEC: Final[Spec] = "RSA_3072"


def create_key(
    client: KmsClient | Callable[[], KmsClient],
    alias: str,
    *,
    spec: Spec | None = None,
    description: str = "",
    tags: Mapping[str, str] | None = None,
) -> KmsKey:
    """Make an RSA key that unseals, and give it an alias; or take the key that has the alias.

    ``is_new`` of the key says which happened, so a second call is harmless. ``spec`` is RSA_3072
    for a new key. An existing key is left as it is: it keeps its description and its tags. It is
    refused if it cannot unseal, or if ``spec`` is given and it has another one.

    Takes ``kms:DescribeKey``, ``kms:CreateKey``, ``kms:CreateAlias``, and ``kms:TagResource`` with
    tags. If the key was made but not the alias, the error says which key it is, and how to finish
    or to delete it.
    """
    kms = client_of(client)
    check_alias(alias)
    check_spec(spec)
    given = check_tags(tags)
    existing = find(kms, alias)
    if existing is not None:
        usable(existing)
        if spec is not None and existing.spec != spec:
            raise ValueError(
                f"{alias} exists and stands for a key of the spec {existing.spec}, not {spec}: "
                "take that key, choose another alias, or rotate to a key of the other spec"
            )
        return existing
    key = make_key(kms, alias, spec=spec or DEFAULT_SPEC, description=description, tags=given)
    name_key(kms, "CreateAlias", alias, key)
    return replace(key, aliases=(alias,))


def find(client: Any, alias: str) -> KmsKey | None:
    """The key that has the alias, or None if there is no such alias."""
    try:
        return described(client, alias)
    except KeyUnwrapError as error:
        if is_absent(error):
            return None
        raise


def make_key(
    client: Any,
    alias: str,
    *,
    spec: Spec,
    description: str,
    tags: Mapping[str, str],
    policy: str | None = None,
) -> KmsKey:
    """A new key, without its alias."""
    arguments: dict[str, Any] = {"KeySpec": spec, "KeyUsage": USAGE, "Description": description}
    if tags:
        arguments["Tags"] = [{"TagKey": name, "TagValue": tags[name]} for name in tags]
    if policy is not None:
        arguments["Policy"] = policy
    metadata = call(client, "CreateKey", f"a key for {alias}", **arguments)["KeyMetadata"]
    return KmsKey(
        arn=metadata["Arn"],
        spec=metadata["KeySpec"],
        usage=metadata["KeyUsage"],
        state=metadata["KeyState"],
        algorithms=tuple(metadata["EncryptionAlgorithms"]),
        description=description,
        created=utc(metadata["CreationDate"]),
        is_new=True,
    )


def name_key(client: Any, operation: str, alias: str, key: KmsKey) -> None:
    """Give a key that was just made its alias. If that fails, the error says what is half done."""
    try:
        call(client, operation, alias, AliasName=alias, TargetKeyId=key.key_id)
    except KeyUnwrapError as error:
        command = "create-alias" if operation == "CreateAlias" else "update-alias"
        left = type(error)(
            f"the key {key.arn} was made, but it did not get the alias: {error}; finish with "
            f"aws kms {command} --alias-name {alias} --target-key-id {key.key_id}, or delete the "
            f"key with aws kms schedule-key-deletion --key-id {key.key_id}"
        )
        left.code, left.name = error.code, error.name
        raise left from error.__cause__


def check_spec(spec: object) -> None:
    """Refuse what is not the spec of a key that can unseal."""
    if spec is not None and spec not in SPECS:
        raise ValueError(f"spec must be one of {', '.join(SPECS)}, not {spec!r}")


def check_tags(tags: object) -> dict[str, str]:
    """The tags. Raises TypeError for what is no mapping of strings."""
    if tags is None:
        return {}
    if not isinstance(tags, Mapping):
        raise TypeError(f"tags must be a mapping of str to str, not {type(tags).__name__}")
    for text in (*tags, *tags.values()):
        if not isinstance(text, str):
            raise TypeError(f"tags must have str for names and values, not {type(text).__name__}")
    return dict(tags)
