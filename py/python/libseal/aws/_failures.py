"""What an exception of the client means for a message: our classes, and what to check.

The client's exceptions are recognised by the code of the KMS and by the names of their classes, so
that botocore need not be imported. Only what the KMS says about the wrapped key itself may reject
it: all else says nothing about the message, which must be kept.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from .._errors import (
    InvalidKeyError,
    KeyUnwrapError,
    KmsRefusedError,
    KmsUnavailableError,
    WrappedKeyRejectedError,
)

__all__ = ["again", "failure", "is_absent", "is_denied", "is_dry_run"]

_TOO_MANY = (
    "there are more requests than the quota of the account and region allows: try again later, and "
    "ask less often"
)
_TRY_AGAIN = "the KMS cannot answer now: try again later"
_NETWORK = "check the network, the proxy, and the endpoint of the region"
_MACHINE = (
    "check the network, and what this machine is short of, such as memory, threads or open files: "
    "try again later"
)
_GARBAGE = (
    "this is no answer of the KMS: check the client's endpoint and the proxy, and try again later"
)
_SETTINGS = "check how the client is configured"
_FOREIGN = "check the client, which failed in a way that is not known here"
_CREDENTIALS = (
    "check the credentials that the client uses, whether they have expired, and the clock"
)
_STATE = "check the state of the key: it must be enabled, and not pending deletion"
_USAGE = "check that it is an RSA key with the usage ENCRYPT_DECRYPT"
_WRONG_KEY_HASH_OR_DATA = (
    "the wrapped key was altered or forged, or wrapped for another key, or with another hash than "
    "the message says"
)

_ABSENT: Final = "NotFoundException"

_Verdict = tuple[type[KeyUnwrapError], str]


def _all(codes: Iterable[str], verdict: _Verdict) -> dict[str, _Verdict]:
    return dict.fromkeys(codes, verdict)


_CODES: Final[dict[str, _Verdict]] = {
    **_all(
        (
            "ThrottlingException",
            "Throttling",
            "TooManyRequestsException",
            "RequestLimitExceeded",
        ),
        (KmsUnavailableError, _TOO_MANY),
    ),
    **_all(
        (
            "KeyUnavailableException",
            "DependencyTimeoutException",
            "KMSInternalException",
            "InternalFailure",
            "ServiceUnavailable",
        ),
        (KmsUnavailableError, _TRY_AGAIN),
    ),
    **_all(("DisabledException", "KMSInvalidStateException"), (KmsRefusedError, _STATE)),
    **_all(
        ("InvalidKeyUsageException", "UnsupportedOperationException"), (KmsRefusedError, _USAGE)
    ),
    **_all(
        (
            "UnrecognizedClientException",
            "ExpiredTokenException",
            "InvalidSignatureException",
            "MissingAuthenticationTokenException",
            "IncompleteSignatureException",
        ),
        (KmsRefusedError, _CREDENTIALS),
    ),
    _ABSENT: (
        KmsRefusedError,
        "check the name of the key, and that the client is for its region and account",
    ),
    "InvalidArnException": (
        KmsRefusedError,
        "check the ARN, and that the client is for its region and partition",
    ),
    "InvalidGrantTokenException": (KmsRefusedError, "check grant_tokens"),
    "AlreadyExistsException": (
        KmsRefusedError,
        "another key got that name meanwhile: check which one it is",
    ),
    "LimitExceededException": (
        KmsRefusedError,
        "ask AWS for a higher quota, or delete what is no longer needed",
    ),
    "MalformedPolicyDocumentException": (
        KmsRefusedError,
        "check the key policy: its roles must exist, and the caller must stay allowed to change it",
    ),
    "TagException": (KmsRefusedError, "check the names and values of the tags"),
    **_all(
        ("InvalidCiphertextException", "IncorrectKeyException"),
        (WrappedKeyRejectedError, _WRONG_KEY_HASH_OR_DATA),
    ),
}

# Exceptions without an answer of the KMS, by class or base class.
_CLASSES: Final[dict[str, _Verdict]] = {
    **_all(
        (
            "ConnectionError",
            "TimeoutError",
            "EndpointConnectionError",
            "ConnectTimeoutError",
            "ReadTimeoutError",
            "ConnectionClosedError",
            "ProxyConnectionError",
            "HTTPClientError",
        ),
        (KmsUnavailableError, _NETWORK),
    ),
    **_all(("gaierror", "herror"), (KmsUnavailableError, _NETWORK)),
    **_all(("OSError", "MemoryError"), (KmsUnavailableError, _MACHINE)),
    **_all(
        (
            "ResponseParserError",
            "IncompleteReadError",
            "JSONDecodeError",
            "UnicodeDecodeError",
        ),
        (KmsUnavailableError, _GARBAGE),
    ),
    **_all(
        (
            "NoCredentialsError",
            "PartialCredentialsError",
            "CredentialRetrievalError",
            "TokenRetrievalError",
            "SSOError",  # UnauthorizedSSOTokenError among others
            "LoginError",
        ),
        (KmsRefusedError, _CREDENTIALS),
    ),
    # All others of botocore: NoRegionError, ProfileNotFound and many more.
    "BotoCoreError": (KmsRefusedError, _SETTINGS),
}

# It may be anything, so someone has to look, and the message is kept until then.
_UNKNOWN: Final[_Verdict] = (KmsRefusedError, _FOREIGN)

# What is no ARN, no alias, and no id: those are UUIDs, or begin with mrk-.
_BARE_ALIAS: Final = re.compile(
    r"(?!alias/|mrk-[0-9a-f]{32}$|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$)[A-Za-z0-9/_-]{1,250}"
)

_DENIED: Final = ("AccessDeniedException", "AccessDenied")

_REQUEST_TIMEOUT: Final = 408
_TOO_MANY_REQUESTS: Final = 429
_CLIENT_ERRORS: Final = range(400, 500)


def failure(error: Exception, what: str, permission: str = "", key_id: str = "") -> KeyUnwrapError:
    """The exception that says what ``error`` means, with ``error`` as its cause.

    ``what`` was done when it was raised, and ``permission`` is what that takes. ``key_id`` is what
    the KMS was asked about. What is ours already stays what it is. What is not known becomes
    KmsRefusedError.
    """
    if isinstance(error, KeyUnwrapError):
        return error
    if isinstance(error, InvalidKeyError):
        made: KeyUnwrapError = KmsRefusedError(f"{what}: {error}")
    else:
        kind, advice = _verdict(error, permission)
        if _code_of(error) == _ABSENT and _BARE_ALIAS.fullmatch(key_id):
            advice = f"if it is an alias, give it as alias/{key_id}; else {advice}"
        text = f"{what}: {_text_of(error)}"
        made = kind(f"{text}; {advice}" if advice else text)
    made.__cause__ = error
    return made


def again(error: KeyUnwrapError, addition: str) -> KeyUnwrapError:
    """The same failure for another message, so that each has a traceback of its own."""
    copy = type(error)(f"{error} ({addition})")
    copy.code, copy.name = error.code, error.name
    copy.__cause__ = error.__cause__
    return copy


def is_absent(error: KeyUnwrapError) -> bool:
    """Whether the KMS of this region and account says that it has no such key."""
    return _code_of(error.__cause__) == _ABSENT


def is_denied(error: KeyUnwrapError) -> bool:
    """Whether the KMS says that the caller may not do that."""
    return _code_of(error.__cause__) in _DENIED


def is_dry_run(error: KeyUnwrapError) -> bool:
    """Whether the KMS says that it would have decrypted, had that not been a dry run."""
    return _code_of(error.__cause__) == "DryRunOperationException"


def _code_of(error: BaseException | None) -> str:
    """The KMS's code for its error, or "" for an exception that is no answer of the KMS."""
    return str(_detail(error).get("Code", ""))


def _verdict(error: Exception, permission: str) -> _Verdict:
    code = _code_of(error)
    if code in _CODES:
        return _CODES[code]
    if code in _DENIED:
        return KmsRefusedError, _how_to_allow(str(_detail(error).get("Message", "")), permission)
    status = _field(getattr(error, "response", None), "ResponseMetadata").get("HTTPStatusCode")
    if isinstance(status, int):
        return _verdict_on_status(status)
    if isinstance(error, RuntimeError) and "new thread" in str(error):
        return KmsUnavailableError, _MACHINE
    known = (_CLASSES[base.__name__] for base in type(error).__mro__ if base.__name__ in _CLASSES)
    return next(known, _UNKNOWN)


def _verdict_on_status(status: int) -> _Verdict:
    if status == _TOO_MANY_REQUESTS:
        return KmsUnavailableError, _TOO_MANY
    if status in _CLIENT_ERRORS and status != _REQUEST_TIMEOUT:
        return KmsRefusedError, "check the client's endpoint and credentials, and the key"
    if status < _CLIENT_ERRORS.start:  # a redirection, for example, which the KMS never answers
        return KmsUnavailableError, _GARBAGE
    return KmsUnavailableError, _TRY_AGAIN


def _how_to_allow(message: str, permission: str) -> str:
    allow = f"allow {permission or 'it'}"
    if "explicit deny" in message:
        return (
            f"a policy denies {permission or 'it'} to the caller: find the statement and narrow it"
        )
    if "does not exist" in message:
        return f"check the key's region and account, or {allow} for the caller in the key policy"
    if "resource-based policy" in message:
        return f"{allow} for the caller in the key policy"
    if "identity-based policy" in message:
        return f"{allow} on this key in the caller's IAM policy"
    return (
        f"{allow} on this key in the caller's IAM policy, where the key policy leaves that to IAM, "
        "or in the key policy"
    )


def _text_of(error: Exception) -> str:
    code = _code_of(error)
    if not code:
        return f"{type(error).__name__}: {error}".removesuffix(": ")
    return f"{code}: {_detail(error).get('Message', '')}".removesuffix(": ")


def _detail(error: BaseException | None) -> Mapping[str, Any]:
    """What a ClientError has of the answer's body."""
    return _field(getattr(error, "response", None), "Error")


def _field(response: object, name: str) -> Mapping[str, Any]:
    field = response.get(name) if isinstance(response, Mapping) else None
    return field if isinstance(field, Mapping) else {}
