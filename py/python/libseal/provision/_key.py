"""A key in the KMS, and whether it can unseal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from .._errors import KmsRefusedError, KmsUnavailableError, SealError, make_error
from ..aws._clients import KmsClient
from ._kms import alias_in, call, check_name, client_of, utc

__all__ = ["KmsKey", "Spec", "describe_key"]

# stubtest takes a Literal of several values for a Union.
Spec: TypeAlias = (
    Literal["RSA_2048"] | Literal["RSA_3072"] | Literal["RSA_4096"]  # noqa: PYI030
)
"""What AWS KMS calls the sizes of RSA keys."""

SPECS: Final = ("RSA_2048", "RSA_3072", "RSA_4096")
USAGE: Final = "ENCRYPT_DECRYPT"
ALGORITHM: Final = "RSAES_OAEP_SHA_256"
FORMER_ALIAS: Final = "libseal:former-alias"
"""The tag that says which alias a key had."""
_DELETED: Final = ("PendingDeletion", "PendingReplicaDeletion")


@dataclass(frozen=True, slots=True)
class KmsKey:
    """What AWS KMS says about a key."""

    arn: str
    spec: str
    """``"RSA_3072"``, for example; "" if the caller may not look at the key."""
    usage: str
    """``"ENCRYPT_DECRYPT"`` for a key that can unseal."""
    state: str
    """``"Enabled"`` for a key that can unseal now."""
    algorithms: tuple[str, ...] = ()
    """The EncryptionAlgorithms."""
    aliases: tuple[str, ...] = ()
    """All of them in a list; or else the one that the key was asked for by, if it was one."""
    description: str = ""
    created: datetime | None = None
    """When the key was made, in UTC."""
    why_not: str | None = None
    """Why the key cannot unseal, or None if it can."""
    is_new: bool = False
    """Whether this call made the key."""
    former_alias: str = ""
    """The alias that this key had until ``rotate_key`` moved it. Only ``list_keys`` finds it, for
    keys that have no alias now.
    """
    error: SealError | None = field(default=None, repr=False, compare=False)
    """What is raised where a key is needed that can unseal: an InvalidKeyError if it never can, a
    KmsRefusedError if it cannot in its state, and None if it can.
    """

    @property
    def key_id(self) -> str:
        """The id of the key, which is the end of its ARN."""
        return self.arn.rpartition("/")[2]

    @property
    def can_unseal(self) -> bool:
        """Whether what is sealed for this key can be unsealed."""
        return self.why_not is None


def describe_key(client: KmsClient | Callable[[], KmsClient], key: str) -> KmsKey:
    """Look at the key with this alias, id or ARN. Takes ``kms:DescribeKey``."""
    return described(client_of(client), check_name(key))


def described(client: Any, name: str, aliases: tuple[str, ...] | None = None) -> KmsKey:
    """The same for a client that was checked. Without ``aliases``, the name may be one."""
    answer = call(client, "DescribeKey", name, KeyId=name)
    metadata = answer.get("KeyMetadata") if isinstance(answer, Mapping) else None
    if not (
        isinstance(metadata, Mapping)
        and isinstance(metadata.get("Arn"), str)
        and isinstance(metadata.get("CreationDate"), datetime)
    ):
        raise KmsUnavailableError(
            f"KMS DescribeKey of {name}: this is no answer of the KMS; check the client's endpoint "
            "and the proxy"
        )
    if aliases is None:
        alias = alias_in(name)
        aliases = (alias,) if alias else ()
    spec, usage = str(metadata.get("KeySpec", "")), str(metadata.get("KeyUsage", ""))
    algorithms = tuple(metadata.get("EncryptionAlgorithms", ()))
    error = None
    for problem in (usage_problem(usage), spec_problem(spec), algorithm_problem(algorithms)):
        if problem is not None:
            code, code_name = (119, "WRONG_KEY_USAGE") if usage != USAGE else (114, "NOT_RSA")
            error = make_error(code, code_name, f"the KMS key {name} cannot unseal: {problem}")
            break
    else:
        problem = state_problem(metadata)
        if problem is not None:
            advice = state_advice(metadata)
            error = KmsRefusedError(f"the KMS key {name} cannot unseal: {problem}{advice}")
    return KmsKey(
        arn=metadata["Arn"],
        spec=spec,
        usage=usage,
        state=str(metadata.get("KeyState", "")),
        algorithms=algorithms,
        aliases=aliases,
        description=str(metadata.get("Description", "")),
        created=utc(metadata.get("CreationDate")),
        why_not=problem,
        error=error,
    )


def tags_of(client: Any, key: KmsKey) -> dict[str, str]:
    """The tags of a key: 50 at most, which is one page."""
    answer = call(client, "ListResourceTags", key.arn, KeyId=key.arn)
    return {tag["TagKey"]: tag["TagValue"] for tag in answer["Tags"]}


def usable(key: KmsKey) -> KmsKey:
    """The key. Raises its error if it cannot unseal."""
    if key.error is not None:
        raise key.error
    return key


def usage_problem(usage: str) -> str | None:
    """Why a key with this usage cannot unseal, or None."""
    if usage == USAGE:
        return None
    return f"its usage is {usage or 'unknown'}, not {USAGE}"


def spec_problem(spec: str) -> str | None:
    """Why a key of this spec cannot unseal, or None."""
    return None if spec in SPECS else f"its spec is {spec or 'unknown'}, and not RSA"


def algorithm_problem(algorithms: tuple[str, ...]) -> str | None:
    """Why a key with these encryption algorithms cannot unseal, or None."""
    if ALGORITHM in algorithms:
        return None
    return f"its algorithms are {', '.join(algorithms) or 'none'}, and not {ALGORITHM}"


def state_problem(metadata: Mapping[str, Any]) -> str | None:
    """Why a key in the state that DescribeKey gives cannot unseal, or None."""
    state = metadata.get("KeyState")
    if state == "Enabled":
        return None
    if state == "Disabled":
        return "it is disabled"
    if state in _DELETED:
        date = utc(metadata.get("DeletionDate"))
        return f"it is to be deleted on {date:%Y-%m-%d}" if date else "it is to be deleted"
    return f"its state is {state or 'unknown'}, not Enabled"


def state_advice(metadata: Mapping[str, Any]) -> str:
    """What to do about the state, if that is known."""
    state, key_id = metadata.get("KeyState"), metadata.get("KeyId")
    enable = f"aws kms enable-key --key-id {key_id}"
    if state == "Disabled":
        return f"; enable it with {enable}"
    if state in _DELETED:
        return f"; keep it with aws kms cancel-key-deletion --key-id {key_id}, then {enable}"
    return ""
