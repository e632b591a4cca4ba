"""Header.rewrap: other recipients for a message, whose payload stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import libseal
from support import LENGTHS, data_key_of, public_key, unwrapper

if TYPE_CHECKING:
    from collections.abc import Callable

CONTEXT = {"device": "42"}


def sealed(plaintext: bytes = b"data") -> bytes:
    return libseal.seal(public_key(), plaintext, context=CONTEXT)


def with_header(header: libseal.Header, blob: bytes) -> bytes:
    return bytes(header) + blob[libseal.Header(blob).length :]


@pytest.mark.parametrize("length", LENGTHS)
def test_the_new_key_opens_the_message_and_the_old_one_does_not(length: int) -> None:
    plaintext = bytes(range(256)) * (length // 256) + bytes(length % 256)
    blob = sealed(plaintext)
    recipient = libseal.Recipient(public_key("rsa-3072"), "alias/new")
    new = with_header(libseal.Header(blob).rewrap(unwrapper(), recipient), blob)
    assert libseal.unseal(new, unwrapper("rsa-3072"), require=CONTEXT) == plaintext
    assert libseal.inspect(new).wrapped_keys[0].key_id == "alias/new"
    with pytest.raises(libseal.NoMatchingRecipientError):
        libseal.unseal(new, unwrapper())


def test_recipients_are_added_and_removed() -> None:
    blob = sealed()
    old = libseal.Header(blob)
    three = old.rewrap(
        unwrapper(), [public_key("rsa-3072"), libseal.Recipient(public_key("rsa-4096"))], keep=True
    )
    names = ["rsa-2048", "rsa-3072", "rsa-4096"]
    assert [key.fingerprint for key in three.wrapped_keys] == [
        public_key(name).fingerprint for name in names
    ]
    assert three.wrapped_keys[0] == old.wrapped_keys[0]
    for name in names:
        assert libseal.unseal(with_header(three, blob), unwrapper(name)) == b"data"

    removed = public_key("rsa-3072").fingerprint
    two = three.rewrap(unwrapper("rsa-4096"), keep=lambda key: key.fingerprint != removed)
    assert two.wrapped_keys == (three.wrapped_keys[0], three.wrapped_keys[2])
    assert two.rewrap(unwrapper(), keep=True) == two
    assert libseal.unseal(with_header(two, blob), unwrapper()) == b"data"


def test_the_unwrapper_is_asked_once() -> None:
    asked = []

    def unwrap(key: libseal.WrappedKey) -> bytes | None:
        asked.append(key)
        return unwrapper()(key)

    libseal.Header(sealed()).rewrap(unwrap, public_key("rsa-3072"), keep=True)
    assert len(asked) == 1


def test_a_header_that_is_not_authentic_is_refused() -> None:
    blob = bytearray(sealed())
    header = libseal.Header(blob)
    with pytest.raises(libseal.AuthenticationError):
        header.rewrap(lambda _: bytes(32), public_key("rsa-3072"))
    data_key = data_key_of(bytes(blob))
    blob[header.length - 1] ^= 1
    with pytest.raises(libseal.AuthenticationError):
        libseal.Header(blob).rewrap(lambda _: data_key, keep=True)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({}, libseal.LimitError, "no recipient"),
        ({"recipients": []}, libseal.LimitError, "no recipient"),
        ({"recipients": [public_key()] * 16, "keep": True}, libseal.LimitError, "at most 16"),
        ({"recipients": "key.pem"}, TypeError, "recipients must be"),
        ({"keep": "all"}, TypeError, "keep must be a bool or callable, not str"),
        ({"keep": [True]}, TypeError, "keep must be a bool or callable, not list"),
    ],
)
def test_what_no_message_can_have_is_refused(
    arguments: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        libseal.Header(sealed()).rewrap(unwrapper(), **arguments)


def test_what_keep_and_unwrap_raise_is_passed_on() -> None:
    def failing(_: libseal.WrappedKey) -> Any:
        raise ZeroDivisionError

    header = libseal.Header(sealed())
    with pytest.raises(ZeroDivisionError):
        header.rewrap(unwrapper(), public_key(), keep=failing)
    with pytest.raises(libseal.KeyUnwrapError) as failed:
        header.rewrap(failing, public_key())
    assert isinstance(failed.value.__cause__, ZeroDivisionError)
    nothing: Callable[[libseal.WrappedKey], bytes | None] = lambda _: None  # noqa: E731
    with pytest.raises(libseal.NoMatchingRecipientError):
        header.rewrap(nothing, public_key())
