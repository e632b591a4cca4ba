"""What an unwrapper may return and raise."""

import asyncio
import traceback

import pytest

import libseal
from support import data_key_of, holds_nothing, public_key, unwrapper

BLOB = libseal.seal([public_key(), public_key("rsa-2048-b")], b"data")
DATA_KEY = data_key_of(BLOB)
FIRST, SECOND = libseal.inspect(BLOB).wrapped_keys


class Answers:
    """Answers with one thing after the other, and notes what it was asked."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.asked: list[libseal.WrappedKey] = []

    def __call__(self, key: libseal.WrappedKey) -> bytes | None:
        self.asked.append(key)
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer  # type: ignore[return-value]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_like(kind: type) -> None:
    unwrap = Answers(kind(DATA_KEY))
    assert libseal.unseal(BLOB, unwrap) == b"data"
    assert unwrap.asked == [FIRST]


@pytest.mark.parametrize("first", [None, b"", b"x" * 31, b"x" * 33, "text", 7, ValueError("no")])
def test_next_recipient_is_tried(first: object) -> None:
    unwrap = Answers(first, DATA_KEY)
    assert libseal.unseal(BLOB, unwrap) == b"data"
    assert unwrap.asked == [FIRST, SECOND]


def test_first_exception_is_the_cause() -> None:
    first, second = ValueError("first"), ValueError("second")
    for answers in ((first, second), (first, None), (None, first), (first, b"short")):
        with pytest.raises(libseal.KeyUnwrapError) as refused:
            libseal.unseal(BLOB, Answers(*answers))
        assert refused.value.__cause__ is first
        assert refused.value.name == "UNWRAP_FAILED"
    shown = "".join(traceback.format_exception(refused.value))
    assert "ValueError: first" in shown


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_wrong_length(length: int) -> None:
    with pytest.raises(libseal.KeyUnwrapError) as refused:
        libseal.unseal(BLOB, Answers(bytes(length), None))
    assert refused.value.name == "DATA_KEY_LENGTH"


@pytest.mark.parametrize("answer", ["x" * 32, 7, [1] * 32, object()])
def test_no_bytes(answer: object) -> None:
    with pytest.raises(libseal.KeyUnwrapError) as refused:
        libseal.unseal(BLOB, Answers(answer, None))
    assert isinstance(refused.value.__cause__, TypeError)
    assert "32 bytes" in str(refused.value.__cause__)
    assert type(answer).__name__ in str(refused.value.__cause__)


def test_wrong_key_is_final() -> None:
    unwrap = Answers(bytes(32), DATA_KEY)
    with pytest.raises(libseal.AuthenticationError) as refused:
        libseal.unseal(BLOB, unwrap)
    assert refused.value.name == "AUTHENTICATION_FAILED"
    assert len(unwrap.asked) == 1


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), SystemExit(1), asyncio.CancelledError(), GeneratorExit()]
)
def test_what_is_no_exception_passes_at_once(error: BaseException) -> None:
    for before in ((), (ValueError("before"),)):
        unwrap = Answers(*before, error, DATA_KEY)
        with pytest.raises(type(error)) as passed:
            libseal.unseal(BLOB, unwrap)
        assert passed.value is error
        assert len(unwrap.asked) == len(before) + 1


def test_own_errors_keep_their_class() -> None:
    own = libseal.ContextMismatchError("not of this tenant")
    with pytest.raises(libseal.ContextMismatchError) as refused:
        libseal.unseal(BLOB, Answers(own, None))
    assert refused.value is own

    blob = libseal.seal(public_key(), b"data")
    broken = bytearray(blob)
    broken[-80 - 256] ^= 1
    with pytest.raises(libseal.KeyUnwrapError) as unwrap_failed:
        libseal.unseal(broken, unwrapper())
    assert unwrap_failed.value.name == "UNWRAP_FAILED"


def test_no_matching_recipient_names_them() -> None:
    key_id = "alias/\x1b[31m" + "x" * 3000
    blob = libseal.seal([libseal.Recipient(public_key(), key_id[:1000]), public_key()], b"")
    with pytest.raises(libseal.NoMatchingRecipientError) as refused:
        libseal.unseal(blob, holds_nothing)
    message = str(refused.value)
    assert "alias/" in message
    assert "\x1b" not in message
    assert len(message) < 600
    assert public_key().fingerprint.hex() in message
    assert isinstance(refused.value, libseal.KeyUnwrapError)
    assert refused.value.code == 400


@pytest.mark.parametrize("unwrap", [None, b"x" * 32, "unwrap", 7])
def test_not_callable(unwrap: object) -> None:
    with pytest.raises(TypeError, match="unwrap must be callable or have a method unwrap_keys, not"):
        libseal.unseal(BLOB, unwrap)  # type: ignore[arg-type]


def test_unwrapper_is_not_asked_for_what_is_no_message() -> None:
    unwrap = Answers()
    for message in (b"", b"SEAL", b"junk", BLOB[:300]):
        with pytest.raises(libseal.SealError):
            libseal.unseal(message, unwrap)
    with pytest.raises(libseal.ContextMismatchError):
        libseal.unseal(BLOB, unwrap, require={"a": "b"})
    assert not unwrap.asked


def test_an_unwrapper_may_unseal_something_else() -> None:
    inner = libseal.seal(public_key(), DATA_KEY)
    assert libseal.unseal(BLOB, lambda _: libseal.unseal(inner, unwrapper())) == b"data"
