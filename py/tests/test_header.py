"""Header: what it says, and storing it."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING

import pytest

import libseal
from support import LENGTHS, public_key, unwrapper

if TYPE_CHECKING:
    from collections.abc import Callable

RECIPIENTS: libseal.Recipients = [
    libseal.Recipient(public_key(), "alias/ü"),
    public_key("rsa-3072"),
]
BLOB = libseal.seal(RECIPIENTS, b"data", context={"b": "2", "a": "1"})


def test_what_it_says() -> None:
    header = libseal.Header(BLOB)
    assert list(header.context.items()) == [("a", "1"), ("b", "2")]
    assert [key.key_id for key in header.wrapped_keys] == ["alias/ü", ""]
    assert header.length == len(BLOB) - 56 - 4 - 16
    assert bytes(header) == BLOB[: header.length]
    assert "alias/" in repr(header)


def test_it_can_be_stored() -> None:
    header = libseal.inspect(BLOB)
    stored = bytes(header)
    for again in (
        libseal.Header(stored),
        libseal.Header(bytearray(stored)),
        libseal.Header(memoryview(BLOB)),
        pickle.loads(pickle.dumps(header)),
        pickle.loads(pickle.dumps(header, 0)),
        copy.copy(header),
        copy.deepcopy(header),
    ):
        assert again == header
        assert hash(again) == hash(header)
        assert bytes(again) == stored
        assert again.wrapped_keys == header.wrapped_keys


def test_headers_are_compared_by_what_they_say() -> None:
    header, other = libseal.Header(BLOB), libseal.Header(libseal.seal(public_key(), b"data"))
    assert header != other
    assert header != bytes(header)
    assert len({header, other, libseal.Header(BLOB)}) == 2
    sealing_key = libseal.SealingKey(public_key())
    assert libseal.Header(sealing_key.seal(b"one")) == libseal.Header(sealing_key.seal(b"two"))


def test_headers_do_not_change() -> None:
    header = libseal.Header(BLOB)
    header.context["a"] = "other"
    assert header.context["a"] == "1"
    for name in ("context", "wrapped_keys", "length"):
        with pytest.raises(AttributeError):
            setattr(header, name, None)


def test_what_is_no_header() -> None:
    header = libseal.Header(BLOB)
    for length in range(header.length):
        with pytest.raises(libseal.TruncatedError):
            libseal.Header(BLOB[:length])
    calls: list[tuple[type[Exception], Callable[[], object]]] = [
        (libseal.FormatError, lambda: libseal.Header(b"junk")),
        (TypeError, lambda: libseal.Header("SEAL")),  # type: ignore[arg-type]
        (TypeError, lambda: libseal.Header(message=BLOB)),  # type: ignore[call-arg]
    ]
    for error, call in calls:
        with pytest.raises(error):
            call()


def test_a_stored_header_opens_the_message_that_it_belongs_to() -> None:
    header = pickle.loads(pickle.dumps(libseal.Header(BLOB)))
    data_key = unwrapper()(header.wrapped_keys[0])
    assert data_key is not None
    payload = BLOB[header.length :]
    assert libseal.Unsealer.with_key(header, data_key).finish_with(payload) == b"data"
    other = libseal.Header(libseal.seal(RECIPIENTS, b"data"))
    with pytest.raises(libseal.AuthenticationError):
        libseal.Unsealer.with_key(other, data_key)


@pytest.mark.parametrize("length", LENGTHS)
def test_the_length_of_the_plaintext_needs_no_key(length: int) -> None:
    message = libseal.seal(RECIPIENTS, bytes(length))
    header = libseal.Header(message[:2000])
    assert header.plaintext_len(len(message)) == length
    for impossible in (0, header.length, header.length + 56 + 15):
        with pytest.raises(libseal.TruncatedError):
            header.plaintext_len(impossible)


def test_ranges_are_merged_where_they_are_near() -> None:
    header = libseal.Header(BLOB)
    chunks = [header.ciphertext_range(16384 * n, 1) for n in range(10)]
    ranges = [(150_000, 150_001), (0, 1), (5, 16_385), (7, 7), (9, 3)]
    apart = [range(chunks[0].start, chunks[1].stop), chunks[9]]
    assert header.ciphertext_ranges(ranges) == apart
    assert header.ciphertext_ranges(ranges, max_gap=7 * 16_400 - 1) == apart
    whole = [range(chunks[0].start, chunks[9].stop)]
    assert header.ciphertext_ranges(ranges, max_gap=7 * 16_400) == whole
    assert header.ciphertext_ranges([]) == []
    with pytest.raises(OverflowError):
        header.ciphertext_ranges([(-1, 5)])
