"""What an unwrapper may return and raise."""

import asyncio
import traceback
from unittest.mock import Mock

import pytest

import libseal
from support import data_key_of, holds_nothing, public_key, unwrapper
from tests.independent.vector import VECTORS, parse

BLOB = libseal.seal([public_key(), public_key("rsa-2048-b")], b"data")
DATA_KEY = data_key_of(BLOB)
FIRST, SECOND = libseal.inspect(BLOB).wrapped_keys


class Answers:
    """Answers with one thing after the other, and notes what it was asked."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.asked: list[object] = []

    def __call__(self, key: object) -> bytes | None:
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
    with pytest.raises(
        TypeError, match="unwrap must be callable or have a method unwrap_keys, not"
    ):
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


# ---- Stopping


@pytest.mark.parametrize("first", [(), (None,), (ValueError("before"),)])
def test_stop_is_final(first: tuple[object, ...]) -> None:
    stop = libseal.StopUnwrap("the KMS is down")
    unwrap = Answers(*first, stop, DATA_KEY)
    with pytest.raises(libseal.StopUnwrap, match="the KMS is down") as stopped:
        libseal.unseal(BLOB, unwrap)
    assert stopped.value is stop
    assert len(unwrap.asked) == len(first) + 1
    assert isinstance(stop, libseal.KeyUnwrapError)
    assert (stop.code, stop.name) == (401, "UNWRAP_FAILED")


def test_stop_keeps_its_cause() -> None:
    def unwrap(_: libseal.WrappedKey) -> bytes:
        try:
            raise TimeoutError("no answer")
        except TimeoutError as error:
            raise libseal.StopUnwrap("the KMS is down") from error

    with pytest.raises(libseal.StopUnwrap) as stopped:
        libseal.unseal(BLOB, unwrap)
    assert isinstance(stopped.value.__cause__, TimeoutError)


@pytest.mark.parametrize("error", [libseal.StopUnwrap("stop"), KeyboardInterrupt()])
def test_after_a_stop_the_key_can_still_be_provided(error: BaseException) -> None:
    unsealer, reading = libseal.Unsealer(), libseal.Reading()
    unsealer.update(BLOB)
    offsets = reading.next(1)
    assert isinstance(offsets, range)
    reading.feed(BLOB[offsets.start : offsets.stop])
    for machine in (unsealer, reading):
        with pytest.raises(type(error)):
            machine.unwrap_with(Answers(error))
        assert machine.needs_key
        machine.unwrap_with(unwrapper())
    assert unsealer.finish() == b"data"


# ---- Several unwrappers


@pytest.mark.parametrize("kind", [list, tuple])
def test_several_are_asked_in_turn(kind: type[list[object]] | type[tuple[object, ...]]) -> None:
    first, second, third = Answers(None, None), Answers(None, DATA_KEY), Answers()
    unwrap = kind([first, second, third])
    assert libseal.unseal(BLOB, unwrap) == b"data"  # type: ignore[arg-type]
    assert first.asked == [FIRST, SECOND]
    assert second.asked == [FIRST, SECOND]
    assert not third.asked


def test_several_of_which_one_fails() -> None:
    error = ValueError("no")
    assert libseal.unseal(BLOB, [Answers(error, error), Answers(DATA_KEY)]) == b"data"
    with pytest.raises(libseal.KeyUnwrapError) as refused:
        libseal.unseal(BLOB, [holds_nothing, Answers(error, None), Answers(OSError(), None)])
    assert refused.value.__cause__ is error
    with pytest.raises(libseal.NoMatchingRecipientError):
        libseal.unseal(BLOB, [holds_nothing, unwrapper("rsa-3072")])


def test_stop_of_one_of_several() -> None:
    last = Answers()
    with pytest.raises(libseal.StopUnwrap):
        libseal.unseal(BLOB, [Answers(OSError(), libseal.StopUnwrap()), last])
    assert not last.asked


def test_none_of_none() -> None:
    nones: list[libseal.Unwrap] = [[], ()]
    for none in nones:
        with pytest.raises(libseal.NoMatchingRecipientError):
            libseal.unseal(BLOB, none)


@pytest.mark.parametrize("bad", [7, None, "unwrap", b"x" * 32, []])
def test_several_of_which_one_is_not_an_unwrapper(bad: object) -> None:
    asked = Answers()
    match = "each of unwrap must be callable or have a method unwrap_keys, not"
    with pytest.raises(TypeError, match=match):
        libseal.unseal(BLOB, [asked, bad])  # type: ignore[list-item]
    assert not asked.asked


def test_local_unwrappers_among_others() -> None:
    assert libseal.unseal(BLOB, [unwrapper("rsa-3072"), unwrapper("rsa-2048-b")]) == b"data"
    assert libseal.unseal(BLOB, [holds_nothing, unwrapper()]) == b"data"


# ---- All recipients at once


class AllKeys:
    """Notes what it was asked, and answers with one thing after the other."""

    def __init__(self, *answers: object) -> None:
        self.answer = Answers(*answers)

    def unwrap_keys(self, wrapped_keys: tuple[libseal.WrappedKey, ...]) -> bytes | None:
        return self.answer(wrapped_keys)

    def __call__(self, key: libseal.WrappedKey) -> bytes:
        raise AssertionError("unwrap_keys is there to be asked")


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_all_recipients_are_shown_at_once(kind: type) -> None:
    unwrap = AllKeys(kind(DATA_KEY))
    assert libseal.unseal(BLOB, unwrap) == b"data"
    assert unwrap.answer.asked == [(FIRST, SECOND)]


def test_all_recipients_of_known_kinds() -> None:
    vector = parse(VECTORS / "accepted" / "recipient_of_reserved_kind_3_skipped.vector")
    unwrap = AllKeys(vector.data_key)
    libseal.unseal(vector.message, unwrap)
    (asked,) = unwrap.answer.asked
    assert isinstance(asked, tuple)
    assert [key.algorithm for key in asked] == ["RSAES_OAEP_SHA_256"]


def test_answers_about_all_recipients() -> None:
    with pytest.raises(libseal.NoMatchingRecipientError):
        libseal.unseal(BLOB, AllKeys(None))
    error = ValueError("no")
    with pytest.raises(libseal.KeyUnwrapError) as refused:
        libseal.unseal(BLOB, AllKeys(error))
    assert refused.value.__cause__ is error
    with pytest.raises(libseal.KeyUnwrapError) as refused:
        libseal.unseal(BLOB, AllKeys(b"short"))
    assert refused.value.name == "DATA_KEY_LENGTH"
    with pytest.raises(libseal.KeyUnwrapError) as refused:
        libseal.unseal(BLOB, AllKeys("text"))
    assert isinstance(refused.value.__cause__, TypeError)
    with pytest.raises(libseal.AuthenticationError):
        libseal.unseal(BLOB, AllKeys(bytes(32)))
    for stop in (libseal.StopUnwrap("stop"), KeyboardInterrupt()):
        with pytest.raises(type(stop)) as stopped:
            libseal.unseal(BLOB, [AllKeys(stop), Answers()])
        assert stopped.value is stop
    assert libseal.unseal(BLOB, [AllKeys(None), AllKeys(error), AllKeys(DATA_KEY)]) == b"data"


def test_a_mock_is_called() -> None:
    unwrap = Mock(return_value=DATA_KEY)
    assert libseal.unseal(BLOB, unwrap) == b"data"
    unwrap.assert_called_once_with(FIRST)


# ---- The second step


def test_data_key_of_what_a_kms_returned() -> None:
    assert FIRST.data_key(DATA_KEY) == DATA_KEY
    assert FIRST.data_key(bytearray(DATA_KEY)) == DATA_KEY
    for length in (0, 31, 33):
        with pytest.raises(libseal.KeyUnwrapError) as refused:
            FIRST.data_key(bytes(length))
        assert refused.value.name == "DATA_KEY_LENGTH"
    with pytest.raises(TypeError, match="must be bytes-like, not str"):
        FIRST.data_key("x" * 32)  # type: ignore[arg-type]
    unknown = libseal.WrappedKey("UNKNOWN_3", bytes(32), "", b"x")
    with pytest.raises(libseal.InvalidKeyError) as unsupported:
        unknown.data_key(DATA_KEY)
    assert (unsupported.value.code, unsupported.value.name) == (152, "UNSUPPORTED_ALGORITHM")


def test_failures_that_may_go_away_count_more_than_lasting_ones() -> None:
    def failing(error: Exception) -> libseal.Unwrapper:
        def unwrap(_: libseal.WrappedKey) -> bytes:
            raise error

        return unwrap

    message = libseal.seal(public_key(), b"data")
    rejected = libseal.WrappedKeyRejectedError("forged")
    unavailable = libseal.KmsUnavailableError("throttled")
    unwrap = [failing(rejected), failing(OSError("lost")), failing(unavailable)]
    with pytest.raises(libseal.KmsUnavailableError, match="throttled") as raised:
        libseal.unseal(message, unwrap)
    assert raised.value is unavailable
    assert raised.value.retryable
    with pytest.raises(libseal.WrappedKeyRejectedError) as first:
        libseal.unseal(message, unwrap[:2])
    assert not first.value.retryable
