"""The text of errors, which is all that logs show, did not say why."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING

import pytest

import libseal
from libseal import _libseal
from libseal._errors import CLASSES, make_error
from support import holds_nothing, public_key, unwrapper

if TYPE_CHECKING:
    from pathlib import Path

BLOB = libseal.seal(libseal.Recipient(public_key(), "alias/device"), b"data")


class AccessDeniedException(Exception):  # noqa: N818
    """As a client of a KMS raises it."""


def denied(_: libseal.WrappedKey) -> bytes:
    raise AccessDeniedException("not allowed to Decrypt")


def refusal(unwrap: libseal.Unwrap, blob: bytes = BLOB) -> libseal.SealError:
    with pytest.raises(libseal.SealError) as refused:
        libseal.unseal(blob, unwrap)
    return refused.value


def survives(error: libseal.SealError) -> None:
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(again) is type(error)
        assert (again.code, again.name) == (error.code, error.name)
        assert str(again) == str(error)


def test_why_unwrapping_failed() -> None:
    error = refusal(denied)
    assert error.name == "UNWRAP_FAILED"
    assert str(error) == (
        "the data key could not be unwrapped: AccessDeniedException: not allowed to Decrypt"
    )
    assert isinstance(error.__cause__, AccessDeniedException)
    survives(error)


def test_an_exception_without_a_message() -> None:
    def fails(_: libseal.WrappedKey) -> bytes:
        raise TimeoutError

    assert str(refusal(fails)).endswith("could not be unwrapped: TimeoutError")


def test_why_a_local_unwrapper_failed() -> None:
    broken = bytearray(BLOB)
    broken[-100 - 256] ^= 1
    error = refusal(unwrapper(), bytes(broken))
    assert error.name == "UNWRAP_FAILED"
    assert str(error).startswith("the data key could not be unwrapped: ")
    survives(error)


@pytest.mark.parametrize("code", CLASSES)
def test_every_exception_survives(code: int) -> None:
    name = next(name for known, name, *_ in _libseal.ERROR_KINDS if known == code)
    survives(make_error(code, name, "words"))


def test_no_matching_recipient_names_both_sides() -> None:
    error = refusal([unwrapper("rsa-2048-b"), unwrapper("rsa-3072")])
    message, held = str(error).split("; the unwrapper holds ")
    assert f'"alias/device" ({public_key().fingerprint.hex()})' in message
    for name in ("rsa-2048-b", "rsa-3072"):
        assert public_key(name).fingerprint.hex() in held
    survives(error)


def test_a_kms_unwrapper_names_its_keys() -> None:
    class Kms:
        def get_public_key(self, KeyId: str) -> dict[str, object]:  # noqa: N803
            return {
                "KeyId": "arn",
                "PublicKey": public_key(KeyId).der,
                "KeyUsage": "ENCRYPT_DECRYPT",
                "EncryptionAlgorithms": ["RSAES_OAEP_SHA_256"],
            }

        def decrypt(self, **_: object) -> dict[str, object]:
            raise AssertionError("not for these keys")

    unwrap = libseal.aws.KmsUnwrapper(Kms(), ["rsa-2048-b", "rsa-4096"])
    assert unwrap.fingerprints() == []
    error = str(refusal(unwrap))
    assert public_key("rsa-2048-b").fingerprint.hex() in error
    assert public_key("rsa-4096").fingerprint.hex() in error
    assert len(unwrap.fingerprints()) == 2


class Odd:
    """Knows its fingerprints as little as a function does."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def unwrap_keys(self, _: tuple[libseal.WrappedKey, ...]) -> None:
        return None

    def fingerprints(self) -> object:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize("answer", [None, [], [b"short"], "x", 7, ValueError("no")])
def test_odd_fingerprints_are_no_second_error(answer: object) -> None:
    for unwrap in (holds_nothing, Odd(answer)):
        error = refusal(unwrap)
        assert error.name == "NO_MATCHING_RECIPIENT"
        assert public_key().fingerprint.hex() in str(error)


def test_what_an_unsealer_is_past() -> None:
    unsealer = libseal.Unsealer()
    with pytest.raises(libseal.StateError, match="the header is not complete"):
        unsealer.provide_key(bytes(32))
    with pytest.raises(libseal.StateError, match="seeking needs the data key"):
        unsealer.seek(0)
    unsealer.update(BLOB)
    with pytest.raises(libseal.StateError, match="the data key is needed"):
        unsealer.update(b"more")
    unsealer.unwrap_with(unwrapper())
    with pytest.raises(libseal.StateError, match="the data key is there already"):
        unsealer.unwrap_with(unwrapper())
    unsealer.finish()
    with pytest.raises(libseal.StateError, match="the message has ended"):
        unsealer.update(b"more")

    unsealer = libseal.Unsealer()
    with pytest.raises(libseal.FormatError):
        unsealer.update(b"junk")
    with pytest.raises(libseal.StateError, match="an error has ended the message"):
        unsealer.update(b"more")


def test_what_a_reading_is_past() -> None:
    reading = libseal.Reading()
    with pytest.raises(libseal.StateError, match="length of the message is not known"):
        reading.confirm_end()
    with pytest.raises(libseal.StateError, match="not asked for"):
        reading.feed(BLOB)
    reading.next(1)
    with pytest.raises(libseal.FormatError):
        reading.feed(b"junk")
    with pytest.raises(libseal.StateError, match="an error has ended the message"):
        reading.next(1)


def test_the_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "junk"
    path.write_bytes(b"not a message")
    for call in (
        lambda: libseal.inspect(path),
        lambda: libseal.unseal_file(path, tmp_path / "out", unwrapper()),
    ):
        with pytest.raises(libseal.FormatError) as raised:
            call()
        assert raised.value.__notes__ == [f"in the file {str(path)!r}"]


def test_stop_unwrap_has_the_text_of_its_cause() -> None:
    def unwrap(_: libseal.WrappedKey) -> bytes:
        raise libseal.StopUnwrap from TimeoutError("no answer")

    with pytest.raises(libseal.StopUnwrap, match="TimeoutError: no answer"):
        libseal.unseal(libseal.seal(public_key(), b""), unwrap)
