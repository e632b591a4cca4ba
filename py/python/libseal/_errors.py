"""The exceptions, and which one stands for each of the core's error codes."""

from typing import Final


class SealError(Exception):
    """The root of all exceptions of this library.

    Other errors stay what they are: ``TypeError``, ``OSError`` and so on.
    """

    code: int = 900
    """The stable number of the error, the same as the status of the C library."""

    name: str = "INTERNAL"
    """The stable name of the error, such as ``"TRUNCATED"``: the C status without its prefix."""

    retryable: bool = False
    """Whether the same call can succeed a little later: the KMS could not be asked now."""

    never_opens: bool = False
    """Whether the message is at fault, and will never open: a queue puts such a message aside."""


class InvalidKeyError(SealError, ValueError):
    """This is not a key that libseal can use; the message says what it is instead."""

    code = 110
    name = "NOT_A_PUBLIC_KEY"


class ContextError(SealError, ValueError):
    """A key of the encryption context is empty or reserved."""

    code = 131
    name = "CONTEXT_KEY_EMPTY"


class LimitError(SealError, ValueError):
    """Something is too long, or there is too much or too little of it."""

    code = 160
    name = "MESSAGE_TOO_LONG"


class FormatError(SealError, ValueError):
    """This is not a sealed message, or not one that this version can read."""

    code = 203
    name = "HEADER_MALFORMED"
    never_opens = True


class AuthenticationError(SealError):
    """The message is not authentic: altered, or unwrapped with the wrong data key."""

    code = 300
    name = "AUTHENTICATION_FAILED"
    never_opens = True


class TruncatedError(AuthenticationError):
    """The end of the message is missing, or does not verify.

    It was cut short, extended or damaged there. The data key is the right one, so getting the
    message again may help.
    """

    code = 211
    name = "TRUNCATED"


class ContextMismatchError(SealError):
    """A required pair is missing from the encryption context, or has another value."""

    code = 301
    name = "CONTEXT_MISMATCH"
    never_opens = True


class KeyUnwrapError(SealError):
    """The data key could not be unwrapped.

    ``__cause__`` is the unwrapper's exception, and the text ends with what it says.
    """

    code = 401
    name = "UNWRAP_FAILED"

    def __str__(self) -> str:
        """The text, or that of the cause: ``raise StopUnwrap from error`` has none."""
        text = super().__str__()
        if text or self.__cause__ is None:
            return text
        cause = self.__cause__
        return f"the data key could not be unwrapped: {type(cause).__name__}: {cause}"


class StopUnwrap(KeyUnwrapError):  # noqa: N818
    """An unwrapper raises this when nothing else is to be tried: the KMS is down, for example.

    After any other ``Exception`` the next recipient, or the next unwrapper, is tried.
    """

    retryable = True


class NoMatchingRecipientError(KeyUnwrapError):
    """The message is sealed for other keys than those that the unwrapper holds.

    The text has the recipients' fingerprints and, if the unwrapper knows them, its own.
    """

    code = 400
    name = "NO_MATCHING_RECIPIENT"
    never_opens = True


class KmsUnavailableError(KeyUnwrapError):
    """The KMS could not be asked, or could not answer now: keep the message, and try again later.

    It is out of reach, too slow, or has had too many requests.
    """

    code = 403
    name = "KMS_UNAVAILABLE"
    retryable = True


class KmsRefusedError(KeyUnwrapError):
    """The KMS refused to unwrap the data key, or what else it was asked for.

    The caller may not do that, or the key is disabled, unknown or about to be deleted. Nothing is
    wrong with the message: keep it until someone has mended that.
    """

    code = 404
    name = "KMS_REFUSED"


class WrappedKeyRejectedError(KeyUnwrapError):
    """The KMS cannot decrypt this wrapped key, or what it decrypts to is no data key.

    It was altered or forged, or wrapped for another key or with another hash. Trying again will not
    help.
    """

    code = 405
    name = "WRAPPED_KEY_REJECTED"
    never_opens = True


class StateError(SealError):
    """Called out of order, after the end, after an error, in a forked child, or by two threads."""

    code = 101
    name = "INVALID_STATE"


class InternalError(SealError):
    """There are no random bytes, or libseal has a bug: please report the latter."""


CLASSES: Final[dict[int, type[SealError]]] = {
    101: StateError,
    102: LimitError,
    110: InvalidKeyError,
    111: InvalidKeyError,
    112: InvalidKeyError,
    113: InvalidKeyError,
    114: InvalidKeyError,
    115: InvalidKeyError,
    116: InvalidKeyError,
    117: InvalidKeyError,
    118: InvalidKeyError,
    119: InvalidKeyError,
    120: InvalidKeyError,
    121: InvalidKeyError,
    122: InvalidKeyError,
    123: InvalidKeyError,
    124: InvalidKeyError,
    125: InvalidKeyError,
    130: LimitError,
    131: ContextError,
    132: ContextError,
    133: ContextError,
    140: LimitError,
    150: LimitError,
    151: LimitError,
    152: InvalidKeyError,
    160: LimitError,
    170: LimitError,
    200: FormatError,
    201: FormatError,
    202: FormatError,
    203: FormatError,
    204: FormatError,
    210: TruncatedError,
    211: TruncatedError,
    300: AuthenticationError,
    301: ContextMismatchError,
    302: TruncatedError,
    400: NoMatchingRecipientError,
    401: KeyUnwrapError,
    402: WrappedKeyRejectedError,
    403: KmsUnavailableError,
    404: KmsRefusedError,
    405: WrappedKeyRejectedError,
    900: InternalError,
    901: InternalError,
    902: InternalError,
}


def copy_error(error: SealError) -> SealError:
    """An error for one of several callers who share it, so that each can be noted on by itself."""
    copy = type(error).__new__(type(error), *error.args)
    copy.__dict__.update(error.__dict__)
    if hasattr(error, "__notes__"):
        copy.__notes__ = [*error.__notes__]
    copy.__cause__ = error.__cause__
    return copy.with_traceback(error.__traceback__)


def retold(error: SealError) -> SealError:
    """The same error in words, without the exceptions and frames behind it."""
    # str(): the text may be that of the cause.
    copy = type(error).__new__(type(error), str(error))
    copy.code, copy.name = error.code, error.name
    return copy


def make_error(code: int, name: str, message: str) -> SealError:
    """The exception for an error of the core; the extension module raises it."""
    error = CLASSES.get(code, InternalError)(message)
    error.code, error.name = code, name
    return error
