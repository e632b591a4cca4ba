"""A public key with what is known about it: what a build or a device can verify."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .._errors import make_error
from .._libseal import PublicKey
from ..aws._calls import read_public_key
from ..aws._clients import KmsClient
from ._key import USAGE, described, usable
from ._kms import alias_in, call, check_name, client_of

__all__ = ["KeyBundle"]

_ALGORITHMS = ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256")


@dataclass(frozen=True, slots=True)
class KeyBundle:
    """A public key, which KMS key it belongs to, and until when to seal for it.

    Times have a time zone, and are whole seconds. ``not_after`` is the last moment at which the key
    is to be used for sealing; what was sealed before opens ever after.
    """

    arn: str
    """The ARN of the KMS key."""
    alias: str
    """The alias that it was exported by, or ""."""
    public_key: PublicKey
    created: datetime
    """When the KMS key was made."""
    not_after: datetime | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "created", _whole_seconds("created", self.created))
        if self.not_after is not None:
            not_after = _whole_seconds("not_after", self.not_after)
            object.__setattr__(self, "not_after", not_after)

    @classmethod
    def from_kms(
        cls,
        client: KmsClient | Callable[[], KmsClient],
        key: str,
        *,
        not_after: datetime | None = None,
    ) -> "KeyBundle":
        """Fetch the public key with this alias, id or ARN.

        Raises InvalidKeyError for a key that can never unseal, and KmsRefusedError for one that
        cannot in its state, such as one that is to be deleted. Takes ``kms:DescribeKey`` and
        ``kms:GetPublicKey``.
        """
        kms = client_of(client)
        found = usable(described(kms, check_name(key)))
        # By its ARN, so that an alias that moves meanwhile mixes nothing up.
        answer = call(kms, "GetPublicKey", found.arn, KeyId=found.arn)
        public_key, arn = read_public_key(answer, found.arn)
        assert found.created is not None  # noqa: S101 (DescribeKey has it)
        return cls(arn, alias_in(key), public_key, found.created, not_after)

    @property
    def fingerprint(self) -> bytes:
        """The SHA-256 of the key's DER, 32 bytes: what to pin."""
        return self.public_key.fingerprint

    @property
    def spec(self) -> str:
        """``"RSA_3072"``, for example."""
        return f"RSA_{self.public_key.bits}"

    @property
    def algorithms(self) -> tuple[str, ...]:
        """The EncryptionAlgorithms that KMS has for the key."""
        return _ALGORITHMS

    def to_json(self) -> str:
        """Return the bundle as JSON: what ``aws kms get-public-key`` prints, and a bit more.

        Anything that reads a public key reads it, but one with ``not_after`` has to be read as a
        bundle, which looks at the clock: ``PublicKey.from_bundle`` or ``from_json``.
        """
        from base64 import b64encode  # noqa: PLC0415 (only an export needs it)

        fields: dict[str, Any] = {
            "KeyId": self.arn,
            "Alias": self.alias,
            "KeySpec": self.spec,
            "KeyUsage": USAGE,
            "EncryptionAlgorithms": list(self.algorithms),
            "PublicKey": b64encode(self.public_key.der).decode(),
            "Fingerprint": self.fingerprint.hex(),
            "Created": rfc3339(self.created),
        }
        if self.not_after is not None:
            fields["NotAfter"] = rfc3339(self.not_after)
        return json.dumps(fields, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, *, at: datetime | None = None) -> "KeyBundle":
        """Read a bundle that ``to_json`` made.

        Raises InvalidKeyError unless the fingerprint and the spec are those of the key, and ``at``,
        or else now, is not after ``not_after``. Nothing in a bundle says who made it: compare the
        fingerprint with one that came another way.
        """
        public_key = PublicKey.from_bundle(text, at=at)
        fields = json.loads(text)  # It is an object: the key was in it.
        not_after = fields.get("NotAfter")
        return cls(
            _text(fields, "KeyId"),
            _text(fields, "Alias") if "Alias" in fields else "",
            public_key,
            _moment(fields, "Created"),
            None if not_after is None else _moment(fields, "NotAfter"),
        )


def rfc3339(moment: datetime) -> str:
    """A time in UTC: ``2027-11-27T00:00:00Z``."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _whole_seconds(name: str, moment: object) -> datetime:
    if not isinstance(moment, datetime):
        raise TypeError(f"{name} must be a datetime, not {type(moment).__name__}")
    if moment.tzinfo is None:
        raise ValueError(f"{name} must have a time zone: datetime.UTC, for example")
    return moment.astimezone(UTC).replace(microsecond=0)


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        message = f"this is no key bundle: {name} is missing; libseal keys export makes one"
        raise make_error(110, "NOT_A_PUBLIC_KEY", message)
    return value


def _moment(fields: dict[str, Any], name: str) -> datetime:
    text = _text(fields, name)
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment
    except ValueError:
        pass
    message = f"this is no key bundle: {name} must be a time such as 2027-11-27T00:00:00Z"
    raise make_error(110, "NOT_A_PUBLIC_KEY", message)
