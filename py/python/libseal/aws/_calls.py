"""The calls of the KMS: what their answers must be, and what is reported about them."""

from collections.abc import Callable, Generator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from .._errors import KeyUnwrapError, KmsRefusedError, KmsUnavailableError, make_error
from .._libseal import PublicKey
from ._keys import is_alias

__all__ = ["Call", "KmsCall", "OnCall", "Shared", "Steps"]

_DATA_KEY_LENGTH: Final = 32

T = TypeVar("T")


class KmsCall(NamedTuple):
    """One call of the KMS, for metrics."""

    operation: str
    """``"GetPublicKey"`` or ``"Decrypt"``."""

    key_id: str
    """The ARN, id or alias that the KMS was asked for."""

    seconds: float
    """How long it took, with the client's own retries."""

    error: KeyUnwrapError | None
    """What came of it: None if it succeeded."""


OnCall: TypeAlias = Callable[[KmsCall], object]


class Call(NamedTuple):
    """A step: call this, and await what it returns if that is awaitable."""

    function: Callable[..., Any]
    arguments: dict[str, Any]


class Shared(NamedTuple):
    """A step: take these steps, once for all that need them at the same time."""

    key: object
    steps: Callable[[], "Steps[None]"]


Steps: TypeAlias = Generator[Call | Shared, Any, T]
"""What is to be done, one step after the other. Who takes them decides whether to await."""


def report(call: KmsCall, on_call: OnCall | None) -> None:
    """Tell the log and the hook about a call."""
    import logging  # noqa: PLC0415 (importing it takes 5 ms)

    logger = logging.getLogger("libseal")
    if logger.isEnabledFor(logging.DEBUG):
        outcome = "done" if call.error is None else f"{type(call.error).__name__}: {call.error}"
        milliseconds = call.seconds * 1000
        logger.debug("KMS %s of %s: %.1f ms, %s", *call[:2], milliseconds, outcome)
    if on_call is not None:
        try:
            on_call(call)
        except Exception:  # metrics are not worth a message
            logger.exception("on_call failed")


def read_public_key(response: object, key_id: str) -> tuple[PublicKey, str]:
    """The public key and the ARN in the answer of GetPublicKey.

    Raises InvalidKeyError for a key that could seal but never unseal.
    """
    usage = _field(response, "KeyUsage", str)
    if usage != "ENCRYPT_DECRYPT":
        message = f"the KMS key {key_id} cannot unseal: its usage is {usage}, not ENCRYPT_DECRYPT"
        raise make_error(119, "WRONG_KEY_USAGE", message)
    if "RSAES_OAEP_SHA_256" not in _field(response, "EncryptionAlgorithms", list):
        spec = response.get("KeySpec", "unknown") if isinstance(response, Mapping) else "unknown"
        message = (
            f"the KMS key {key_id} cannot unseal: its spec is {spec}, and no RSAES_OAEP_SHA_256"
        )
        raise make_error(114, "NOT_RSA", message)
    arn = _field(response, "KeyId", str)
    if ":key/" in key_id:
        _check_key_id(arn, key_id)
    return PublicKey(_field(response, "PublicKey", bytes)), arn


def read_plaintext(response: object, key_id: str) -> bytes:
    """What the answer of Decrypt holds, of any length."""
    arn = _field(response, "KeyId", str)
    if not is_alias(key_id):
        _check_key_id(arn, key_id)
    return _field(response, "Plaintext", bytes)


def read_data_key(response: object, key_id: str) -> bytes:
    """The data key in the answer of Decrypt."""
    data_key = read_plaintext(response, key_id)
    if len(data_key) != _DATA_KEY_LENGTH:
        message = (
            f"KMS Decrypt with {key_id} gave {len(data_key)} bytes, and a data key has "
            f"{_DATA_KEY_LENGTH}: this was not wrapped by libseal"
        )
        raise make_error(402, "DATA_KEY_LENGTH", message)
    return data_key


def _check_key_id(answered: str, asked: str) -> None:
    # A mapping may have a bare id, and the answer has always the ARN.
    if answered != asked and not answered.endswith(f"/{asked}"):
        raise KmsRefusedError(
            f"the KMS was asked about {asked} and answered about {answered}: check the client's "
            "endpoint"
        )


def _field(response: object, name: str, kind: type[T]) -> T:
    value = response.get(name) if isinstance(response, Mapping) else None
    if not isinstance(value, kind):
        # Not the value: it may be a secret.
        given = "nothing" if value is None else type(value).__name__
        raise KmsUnavailableError(
            f"the answer of the KMS is not as it should be: {name} must be {kind.__name__}, "
            f"not {given}; check the client's endpoint and the proxy, and try again later"
        )
    return value
