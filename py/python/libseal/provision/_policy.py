"""IAM policies and key policies that allow what a role has to do, and nothing else."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from ._key import ALGORITHM, SPECS, USAGE
from ._kms import check_alias

__all__ = ["Role", "key_policy", "policy"]

Role: TypeAlias = Literal["seal", "unseal", "rewrap", "provision"]
"""What a policy is for."""

ROLES: Final = ("seal", "unseal", "rewrap", "provision")

_VERSION: Final = "2012-10-17"
_KEY_ARN: Final = re.compile(r"arn:(aws[a-z-]*):kms:([a-z0-9-]+):(\d{12}):key/[A-Za-z0-9-]+")
_PRINCIPAL: Final = re.compile(r"arn:aws[a-z-]*:(?:iam|sts)::\d{12}:\S+")
_ACCOUNT: Final = re.compile(r"\d{12}")
_LOCATION: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/[^*?]*)?")

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
    role: Role,
    keys: Iterable[str],
    *,
    new_keys: Iterable[str] = (),
    s3: Iterable[str] = (),
    alias: str | None = None,
) -> dict[str, Any]:
    """The IAM policy for what seals, unseals, rewraps or provisions; ``json.dumps`` it.

    ``keys`` are ARNs of keys: an alias does not work in a policy. While a rotation is under way,
    give both keys.

    - ``"seal"``: to fetch the public key. What has the key in its build needs no permission at all.
    - ``"unseal"``: to unwrap data keys, with RSAES_OAEP_SHA_256 only.
    - ``"rewrap"``: to unwrap with ``keys``, and fetch the public keys of ``new_keys``. With ``s3``,
      buckets or ``bucket/prefix``, also to rewrite the objects in there.
    - ``"provision"``: to make, check, export, list and rotate keys, in the account and region of
      ``keys``. With an ``alias``, only that alias and the one of the next key. It cannot unseal.
    """
    _check_role(role)
    arns = _key_arns(keys, "keys")
    new_arns = _key_arns(new_keys, "new_keys") if new_keys else []
    locations = list(s3)
    if not arns:
        raise ValueError("keys is empty: give the ARN of a key")
    if (new_arns or locations) and role != "rewrap":
        raise ValueError(f"new_keys and s3 are for the role rewrap, not {role}")
    if alias is not None and role != "provision":
        raise ValueError(f"alias is for the role provision, not {role}")
    if role == "provision":
        return _document(_provision(arns, alias))
    if role == "seal":
        return _document([_allow("Seal", "kms:GetPublicKey", arns)])
    title = "Unseal" if role == "unseal" else "Rewrap"
    statements = [
        _allow(title, "kms:Decrypt", arns, _WITH_SHA_256),
        _allow("FindKeys", "kms:GetPublicKey", list(dict.fromkeys([*arns, *new_arns]))),
    ]
    if locations:
        partition = _place(arns[0]).partition
        objects = [f"arn:{partition}:s3:::{_objects(location)}" for location in locations]
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
        named = {"AWS": _one_or_all(_principals(arns, role))}
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


class _Place(NamedTuple):
    partition: str
    region: str
    account: str


def _provision(arns: list[str], alias: str | None) -> list[dict[str, Any]]:
    places = list(dict.fromkeys(_place(arn) for arn in arns))
    roots = [f"arn:{place.partition}:kms:{place.region}:{place.account}" for place in places]
    names = ["alias/*"]
    if alias is not None:
        names = [check_alias(alias), f"{alias}-next"]
    only = {"StringEquals": {"kms:KeySpec": list(SPECS), "kms:KeyUsage": USAGE}}
    return [
        _allow("MakeKeys", "kms:CreateKey", "*", only),
        _allow("ListKeys", ["kms:ListAliases", "kms:ListKeys"], "*"),
        _allow("ManageKeys", list(_PROVISIONING), [f"{root}:key/*" for root in roots]),
        # KMS asks for both the key and the alias.
        _allow("NameKeys", list(_ALIASING), [f"{root}:{name}" for root in roots for name in names]),
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


def _key_arns(keys: Iterable[str], name: str) -> list[str]:
    if isinstance(keys, str) or not isinstance(keys, Iterable):
        raise TypeError(f"{name} must be an iterable of ARNs, not {type(keys).__name__}")
    arns = list(dict.fromkeys(keys))
    for arn in arns:
        if not _KEY_ARN.fullmatch(arn):
            raise ValueError(
                f"each of {name} must be the ARN of a key, not {arn!r}: a policy takes no alias, "
                "and describe_key finds the ARN"
            )
    return arns


def _place(arn: str) -> _Place:
    match = _KEY_ARN.fullmatch(arn)
    assert match is not None  # noqa: S101 (checked above)
    return _Place(match[1], match[2], match[3])


def _principals(arns: Iterable[str], role: str) -> list[str]:
    if isinstance(arns, str) or not isinstance(arns, Iterable):
        raise TypeError(f"the principals of {role} must be an iterable of ARNs")
    named = list(dict.fromkeys(arns))
    if not named:
        raise ValueError(f"there are no principals for {role}: give the ARN of a role or a user")
    for arn in named:
        if not _PRINCIPAL.fullmatch(arn):
            raise ValueError(
                f"the principals of {role} must be ARNs of roles or users, such as "
                f"arn:aws:iam::111122223333:role/unsealer, not {arn!r}"
            )
    return named


def _objects(location: str) -> str:
    """The objects of a bucket, or those that begin with a prefix."""
    text = location.removeprefix("s3://").rstrip("/")
    if not _LOCATION.fullmatch(text):
        raise ValueError(f"s3 must have buckets or bucket/prefix, not {location!r}")
    return f"{text}/*"
