"""IAM policies and key policies that allow what a role has to do, and nothing else."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, TypeAlias

from ._key import ALGORITHM, SPECS, USAGE

__all__ = ["Role", "key_policy", "policy"]

# stubtest takes a Literal of several values for a Union.
Role: TypeAlias = (
    Literal["seal"] | Literal["unseal"] | Literal["rewrap"] | Literal["provision"]  # noqa: PYI030
)
"""What a policy is for."""

ROLES: Final = ("seal", "unseal", "rewrap", "provision")

_VERSION: Final = "2012-10-17"
_KEY_ARN: Final = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+")
_ALIAS_ARN: Final = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:alias/[A-Za-z0-9/_-]*\*?")
_PRINCIPAL: Final = re.compile(r"arn:aws[a-z-]*:(?:iam|sts)::\d{12}:\S+")
_ACCOUNT: Final = re.compile(r"\d{12}")
_LOCATION: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/[^*?]*)?")

_NO_KEY: Final = "give the ARN of a key, not an alias; describe_key finds it"
_NO_ALIAS: Final = "give the ARN of an alias: arn:aws:kms:REGION:ACCOUNT:alias/NAME, or :alias/*"
_NO_PRINCIPAL: Final = "give the ARN of a role or user: arn:aws:iam::111122223333:role/unsealer"

# Everything that create_key, rotate_key, check_key and KeyBundle.from_kms ask about a key.
_PROVISIONING: Final = (
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:GetKeyPolicy",
    "kms:GetPublicKey",
    "kms:ListResourceTags",
    "kms:TagResource",
    "kms:UpdateAlias",
)
_ALIASING: Final = ("kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias")
_REWRITING: Final = (
    "s3:AbortMultipartUpload",
    "s3:GetObject",
    "s3:GetObjectTagging",
    "s3:PutObject",
    "s3:PutObjectTagging",
)


def policy(
    role: Role, keys: Iterable[str], *, new_keys: Iterable[str] = (), s3: Iterable[str] = ()
) -> dict[str, Any]:
    """The IAM policy for what seals, unseals, rewraps or provisions; ``json.dumps`` it.

    ``keys`` are ARNs of keys: that of an alias does not work in a policy. While a rotation is under
    way, give both keys.

    - ``"seal"``: to fetch the public key. What has the key in its build needs no permission at all.
    - ``"unseal"``: to unwrap data keys, with RSAES_OAEP_SHA_256 only.
    - ``"rewrap"``: to unwrap with ``keys``, and fetch the public keys of ``new_keys``. With ``s3``,
      buckets or ``bucket/prefix``, also to rewrite the objects in there.
    - ``"provision"``: to make, list, export and rotate keys. ``keys`` are ARNs of aliases, which
      need not exist yet: ``arn:aws:kms:REGION:ACCOUNT:alias/telemetry``, or ``…:alias/*``. It
      cannot unseal, so it cannot unseal the probe of a check.
    """
    _check_role(role)
    if (new_keys or s3) and role != "rewrap":
        raise ValueError(f"new_keys and s3 are for the role rewrap, not {role}")
    if role == "provision":
        return _document(_provision(_arns(keys, "keys", _ALIAS_ARN, _NO_ALIAS)))
    arns = _arns(keys, "keys", _KEY_ARN, _NO_KEY)
    if role == "seal":
        return _document([_allow("Seal", "kms:GetPublicKey", arns)])
    title = "Unseal" if role == "unseal" else "Rewrap"
    found = [*arns, *_arns(new_keys, "new_keys", _KEY_ARN, _NO_KEY)] if new_keys else arns
    statements = [
        _allow(title, "kms:Decrypt", arns, _WITH_SHA_256),
        _allow("FindKeys", "kms:GetPublicKey", list(dict.fromkeys(found))),
    ]
    objects = [f"arn:{arns[0].split(':')[1]}:s3:::{_objects(location)}" for location in s3]
    if objects:
        statements.append(_allow("RewriteObjects", list(_REWRITING), objects))
    return _document(statements)


def key_policy(
    account: str, principals: Mapping[Role, Iterable[str]], *, partition: str = "aws"
) -> dict[str, Any]:
    """The policy of a key, which allows roles of IAM what ``policy`` allows them.

    ``principals`` has the ARNs of roles or users for each role. ``account`` is the one that owns
    the key: its IAM policies can allow more, so that administrators cannot lock themselves out. A
    role of another account needs both policies.
    """
    if not _ACCOUNT.fullmatch(account):
        raise ValueError(f"account must be the 12 digits of an AWS account, not {account!r}")
    root = {"AWS": f"arn:{partition}:iam::{account}:root"}
    statements = [_allow("Account", "kms:*", "*", principal=root)]
    for role, arns in principals.items():
        _check_role(role)
        named = {
            "AWS": _one_or_all(_arns(arns, f"principals[{role!r}]", _PRINCIPAL, _NO_PRINCIPAL))
        }
        if role == "provision":
            actions = list(_PROVISIONING)
            statements.append(_allow("Provision", actions, "*", principal=named))
        elif role == "seal":
            statements.append(_allow("Seal", "kms:GetPublicKey", "*", principal=named))
        else:
            title = "Unseal" if role == "unseal" else "Rewrap"
            statements += [
                _allow(title, "kms:Decrypt", "*", _WITH_SHA_256, named),
                _allow(f"{title}FindKeys", "kms:GetPublicKey", "*", principal=named),
            ]
    return _document(statements)


_WITH_SHA_256: Final = {"StringEquals": {"kms:EncryptionAlgorithm": ALGORITHM}}


def _provision(aliases: list[str]) -> list[dict[str, Any]]:
    roots = list(dict.fromkeys(arn.rpartition(":")[0] for arn in aliases))
    # The next key has an alias of its own until it takes over.
    names = [
        name for arn in aliases for name in ([arn] if arn[-1] == "*" else [arn, f"{arn}-next"])
    ]
    only = {"StringEquals": {"kms:KeySpec": list(SPECS), "kms:KeyUsage": USAGE}}
    return [
        _allow("MakeKeys", "kms:CreateKey", "*", only),
        _allow("ListKeys", ["kms:ListAliases", "kms:ListKeys"], "*"),
        _allow("ManageKeys", list(_PROVISIONING), [f"{root}:key/*" for root in roots]),
        # For an alias, KMS asks for permission on both the alias and the key.
        _allow("NameKeys", list(_ALIASING), names),
    ]


def _document(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": _VERSION, "Statement": statements}


def _allow(
    sid: str,
    action: str | list[str],
    resource: str | list[str],
    condition: Mapping[str, Any] | None = None,
    principal: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    statement: dict[str, Any] = {"Sid": sid, "Effect": "Allow"}
    if principal is not None:
        statement["Principal"] = dict(principal)
    statement["Action"] = action
    statement["Resource"] = resource if isinstance(resource, str) else _one_or_all(resource)
    if condition is not None:
        # A copy, so that changing one policy does not change the next.
        statement["Condition"] = {name: dict(condition[name]) for name in condition}
    return statement


def _one_or_all(texts: list[str]) -> str | list[str]:
    return texts[0] if len(texts) == 1 else texts


def _check_role(role: object) -> None:
    if role not in ROLES:
        raise ValueError(f"role must be one of {', '.join(ROLES)}, not {role!r}")


def _arns(given: Iterable[str], name: str, pattern: re.Pattern[str], advice: str) -> list[str]:
    """The ARNs, each once."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise TypeError(f"{name} must be an iterable of ARNs, not {type(given).__name__}")
    arns = list(dict.fromkeys(given))
    if not arns:
        raise ValueError(f"{name} is empty: {advice}")
    for arn in arns:
        if not pattern.fullmatch(arn):
            raise ValueError(f"{arn!r} does not fit into this policy: {advice}")
    return arns


def _objects(location: str) -> str:
    """The objects of a bucket, or those that begin with a prefix."""
    text = location.removeprefix("s3://").rstrip("/")
    if not _LOCATION.fullmatch(text):
        raise ValueError(f"s3 must have buckets or bucket/prefix, not {location!r}")
    return f"{text}/*"
