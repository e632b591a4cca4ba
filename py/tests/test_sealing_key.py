"""SealingKey: one data key for many messages."""

import copy
import pickle
import threading
import time
from datetime import timedelta

import pytest

import libseal
from support import CHUNK, LENGTHS, data_key_of, pieces, public_key, unwrapper


def refused_as_exhausted(error: pytest.ExceptionInfo[libseal.LimitError]) -> bool:
    return (error.value.code, error.value.name) == (170, "SEALING_KEY_EXHAUSTED")


def test_every_message_opens_and_one_unwrapping_serves_them_all() -> None:
    sealing_key = libseal.SealingKey(
        libseal.Recipient(public_key(), "alias/a"), context={"device": "42"}
    )
    readings = [f"reading {number}".encode() for number in range(100)]
    blobs = [sealing_key.seal(reading) for reading in readings]
    asked: dict[libseal.WrappedKey, bytes | None] = {}

    def unwrap(key: libseal.WrappedKey) -> bytes | None:
        if key not in asked:
            asked[key] = unwrapper()(key)
        return asked[key]

    assert [libseal.unseal(blob, unwrap, require={"device": "42"}) for blob in blobs] == readings
    assert len(asked) == 1
    (wrapped_key,) = asked
    assert wrapped_key.key_id == "alias/a"
    assert wrapped_key.fingerprint == public_key().fingerprint


def test_messages_share_the_header_and_nothing_else() -> None:
    sealing_key = libseal.SealingKey(public_key())
    blobs = [sealing_key.seal(b"the same text") for _ in range(50)]
    length = libseal.inspect(blobs[0]).length
    assert len({blob[:length] for blob in blobs}) == 1
    for part in (slice(0, 24), slice(24, 56), slice(56, -16), slice(-16, None)):
        assert len({blob[length:][part] for blob in blobs}) == 50
    assert data_key_of(libseal.SealingKey(public_key()).seal(b"")) != data_key_of(blobs[0])


@pytest.mark.parametrize("length", LENGTHS)
def test_every_length(length: int) -> None:
    data = (bytes(range(256)) * (length // 256 + 1))[:length]
    sealing_key = libseal.SealingKey(public_key())
    blob = sealing_key.seal(bytearray(data))
    assert libseal.unseal(blob, unwrapper()) == data
    assert len(blob) == len(libseal.seal(public_key(), data))
    for size in (1000, CHUNK, 1 << 20):
        sealer = sealing_key.sealer(length)
        blob = b"".join([*map(sealer.update, pieces(data, size)), sealer.finish()])
        assert libseal.unseal(blob, unwrapper()) == data


def test_several_recipients_each_open_alone() -> None:
    names = ["rsa-2048", "rsa-2048-b", "rsa-4096"]
    keys = [libseal.Recipient(public_key(name), name) for name in names]
    sealing_key = libseal.SealingKey(keys, context={"site": "x"})
    for data in (b"first", b"second"):
        blob = sealing_key.seal(data)
        assert [key.key_id for key in libseal.inspect(blob).wrapped_keys] == names
        for name in names:
            assert libseal.unseal(blob, unwrapper(name), require={"site": "x"}) == data
        with pytest.raises(libseal.NoMatchingRecipientError):
            libseal.unseal(blob, unwrapper("rsa-3072"))


def test_limits_unless_set() -> None:
    sealing_key = libseal.SealingKey(public_key())
    assert sealing_key.remaining_messages == 1 << 20
    assert sealing_key.remaining_bytes == 64 << 30


def test_so_many_messages_and_no_more() -> None:
    sealing_key = libseal.SealingKey(public_key(), max_messages=3, max_bytes=100)
    sealing_key.seal(b"one")
    sealing_key.sealer(10)  # never finished, and counts like any other
    sealing_key.seal(b"")
    for _ in range(2):
        with pytest.raises(libseal.LimitError) as refused:
            sealing_key.seal(b"")
        assert refused_as_exhausted(refused)
        with pytest.raises(libseal.LimitError) as refused:
            sealing_key.sealer(0)
        assert refused_as_exhausted(refused)
        assert (sealing_key.remaining_messages, sealing_key.remaining_bytes) == (0, 87)


def test_so_many_bytes_and_no_more() -> None:
    sealing_key = libseal.SealingKey(public_key(), max_bytes=40_000)
    sealing_key.seal(bytes(30_000))
    with pytest.raises(libseal.LimitError) as refused:
        sealing_key.seal(bytes(10_001))
    assert refused_as_exhausted(refused)
    for too_much in (10_001, (1 << 52) - 1):
        with pytest.raises(libseal.LimitError) as refused:
            sealing_key.sealer(too_much)
        assert refused_as_exhausted(refused)
    assert sealing_key.remaining_bytes == 10_000
    assert libseal.unseal(sealing_key.seal(bytes(10_000)), unwrapper()) == bytes(10_000)
    assert sealing_key.remaining_bytes == 0
    assert libseal.unseal(sealing_key.seal(b""), unwrapper()) == b""


@pytest.mark.parametrize("max_age", [0.05, timedelta(milliseconds=50)])
def test_so_long_and_no_longer(max_age: float | timedelta) -> None:
    sealing_key = libseal.SealingKey(public_key(), max_age=max_age)
    age = sealing_key.remaining_age
    assert age is not None
    assert 0 < age <= 0.05
    assert "remaining_age=0.0" in repr(sealing_key)
    time.sleep(0.06)
    assert sealing_key.remaining_age == 0
    out = bytearray(1000)
    for call in (
        lambda: sealing_key.seal(b""),
        lambda: sealing_key.seal_into(b"", out),
        lambda: sealing_key.sealer(0),
    ):
        with pytest.raises(libseal.LimitError) as refused:
            call()
        assert refused_as_exhausted(refused)
    assert sealing_key.remaining_messages == 1 << 20


def test_age_that_is_none() -> None:
    assert libseal.SealingKey(public_key()).remaining_age is None
    assert libseal.SealingKey(public_key(), max_age=None).remaining_age is None
    with pytest.raises(libseal.LimitError):
        libseal.SealingKey(public_key(), max_age=0).seal(b"")
    for age in (-1, float("nan"), float("inf"), timedelta(seconds=-1), 1e300):
        with pytest.raises(ValueError, match="max_age must be 0 or more, and finite"):
            libseal.SealingKey(public_key(), max_age=age)
    with pytest.raises(TypeError, match="max_age must be seconds or a timedelta, not str"):
        libseal.SealingKey(public_key(), max_age="1")  # type: ignore[arg-type]


def test_into_a_buffer() -> None:
    sealing_key = libseal.SealingKey(public_key(), max_messages=2)
    length = sealing_key.sealed_len(4)
    out = bytearray(length + 3)
    with pytest.raises(libseal.LimitError, match=f"{length - 1} bytes, and {length} are needed"):
        sealing_key.seal_into(b"data", bytearray(length - 1))
    assert sealing_key.remaining_messages == 2
    assert sealing_key.seal_into(b"data", out) == length
    assert libseal.unseal(out[:length], unwrapper()) == b"data"
    assert out[length:] == bytes(3)
    with pytest.raises(libseal.LimitError):
        sealing_key.sealed_len(1 << 60)


def test_what_was_announced_and_no_byte_more() -> None:
    sealing_key = libseal.SealingKey(public_key())
    sealer = sealing_key.sealer(40_000)
    with pytest.raises(libseal.LimitError) as refused:
        sealer.update(bytes(40_001))
    assert refused.value.name == "MESSAGE_TOO_LONG"
    blob = sealer.update(b"a" * 30_000)
    with pytest.raises(libseal.LimitError):
        sealer.update(b"b" * 10_001)
    blob += sealer.update(b"c" * 10_000)
    with pytest.raises(libseal.LimitError):
        sealer.update(b"d")
    blob += sealer.finish()
    assert libseal.unseal(blob, unwrapper()) == b"a" * 30_000 + b"c" * 10_000


def test_sealers_go_on_without_the_key_and_beside_each_other() -> None:
    sealing_key = libseal.SealingKey(public_key())
    first, second = sealing_key.sealer(5), sealing_key.sealer(6)
    del sealing_key
    sealed = [first.update(b"fir"), second.update(b"sec"), first.update(b"st")]
    sealed += [second.update(b"ond"), first.finish(), second.finish()]
    assert libseal.unseal(b"".join(sealed[i] for i in (0, 2, 4)), unwrapper()) == b"first"
    assert libseal.unseal(b"".join(sealed[i] for i in (1, 3, 5)), unwrapper()) == b"second"


def test_bad_arguments_are_refused_and_cost_nothing() -> None:
    with pytest.raises(TypeError, match=r"must be a libseal\.PublicKey"):
        libseal.SealingKey(b"pem")  # type: ignore[arg-type]
    with pytest.raises(libseal.LimitError):
        libseal.SealingKey([])
    with pytest.raises(libseal.ContextError):
        libseal.SealingKey(public_key(), context={"": "x"})
    with pytest.raises(TypeError):
        libseal.SealingKey(public_key(), {}, 7)  # type: ignore[call-arg]
    for number in (-1, 1 << 64):
        with pytest.raises(OverflowError):
            libseal.SealingKey(public_key(), max_messages=number)
        with pytest.raises(OverflowError):
            libseal.SealingKey(public_key(), max_bytes=number)
    sealing_key = libseal.SealingKey(public_key(), max_messages=1)
    with pytest.raises(OverflowError):
        sealing_key.sealer(-1)
    with pytest.raises(TypeError, match="data must be bytes-like, not str: encode it first"):
        sealing_key.seal("text")  # type: ignore[arg-type]
    assert libseal.unseal(sealing_key.seal(b"data"), unwrapper()) == b"data"


def test_it_keeps_its_secret() -> None:
    sealing_key = libseal.SealingKey(public_key(), max_messages=7, max_bytes=9)
    assert repr(sealing_key) == "<libseal.SealingKey remaining_messages=7 remaining_bytes=9>"
    for way in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="pickle"):
            way(sealing_key)
    with pytest.raises(AttributeError):
        sealing_key.remaining_messages = 8  # type: ignore[misc]


@pytest.mark.parametrize("length", [10, 1 << 20])
def test_threads_share_it(length: int) -> None:
    """No message is lost, none is like another, and there are exactly as many as allowed."""
    sealing_key = libseal.SealingKey(public_key(), max_messages=40)
    blobs: list[bytes] = []
    exhausted: list[libseal.LimitError] = []

    def seal(number: int) -> None:
        try:
            while True:
                blobs.append(sealing_key.seal(bytes([number]) * length))
        except libseal.LimitError as error:
            exhausted.append(error)

    threads = [threading.Thread(target=seal, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(exhausted) == 4
    assert len(blobs) == 40
    header = libseal.inspect(blobs[0]).length
    assert len({blob[header : header + 24] for blob in blobs}) == 40
    data_key = data_key_of(blobs[0])
    for blob in blobs:
        data = libseal.unseal(blob, lambda _: data_key)
        assert data == data[:1] * length
