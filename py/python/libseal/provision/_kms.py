"""Calls of the KMS for provisioning, and the names that it takes."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from ..aws._clients import SYNC, KmsClient, is_function
from ..aws._failures import failure

# KMS takes no other characters, and keeps the names below alias/aws/ for itself.
_ALIAS: Final = re.compile(r"alias/[A-Za-z0-9/_-]{1,250}")
_RESERVED: Final = "alias/aws/"


def client_of(client: KmsClient | Callable[[], KmsClient]) -> Any:
    """The client, made by its function if it was given as one."""
    SYNC.check_source(client, "client")
    kms: Any = client
    if is_function(kms):
        kms = kms()
        SYNC.check(kms, "what the function given as client returns")
    return kms


def call(client: Any, operation: str, what: str, **arguments: Any) -> Any:
    """The answer of an operation. All that fails is a KeyUnwrapError that names the permission.

    ``what`` the operation is about is for the text of the error: a key, or an alias.
    """
    method = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", operation).lower()
    try:
        return getattr(client, method)(**arguments)
    except Exception as error:
        about = f"KMS {operation} of {what}"
        raise failure(error, about, f"kms:{operation}", what)  # noqa: B904 (it has its cause)


def check_name(name: object) -> str:
    """Refuse what cannot be the name of a key: its id, ARN, alias, or alias ARN."""
    if not isinstance(name, str):
        raise TypeError(f"key must be str, not {type(name).__name__}")
    if not name:
        raise ValueError("the name of the key is empty: give its alias, id or ARN")
    return name


def check_alias(alias: object) -> str:
    """Refuse what KMS would not take as the name of an alias."""
    if not isinstance(alias, str):
        raise TypeError(f"alias must be str, not {type(alias).__name__}")
    if not alias.startswith("alias/"):
        raise ValueError(f"{alias!r} is no alias, which begins with alias/: alias/telemetry")
    if alias.startswith(_RESERVED):
        raise ValueError(f"{alias} is reserved for AWS: choose a name outside {_RESERVED}")
    if not _ALIAS.fullmatch(alias):
        raise ValueError(
            f"{alias!r} is no alias: after alias/ come 1 to 250 letters, digits, slashes, hyphens "
            "and underscores"
        )
    return alias


def alias_in(name: str) -> str:
    """The alias in a name of a key, or "" for an id or the ARN of a key."""
    start = name.find("alias/")
    return name[start:] if start == 0 or (start > 0 and name[start - 1] == ":") else ""


def utc(moment: object) -> datetime | None:
    """A time in an answer of the KMS, in UTC."""
    return moment.astimezone(UTC) if isinstance(moment, datetime) else None
