"""seal and unseal: what goes in comes out, and nothing else does."""

import array
import mmap
import tempfile
from collections.abc import Callable

import numpy as np
import pytest
from cryptography.cobblestone import Cobblestone256Decryptor
from hypothesis import given, settings
from hypothesis import strategies as st

import libseal
from support import (
    CHUNK,
    LENGTHS,
    data_key_of,
    holds_nothing,
    public_key,
    unseal_in_pieces,
    unwrapper,
)


@pytest.mark.parametrize("length", LENGTHS)
def test_round_trip(length: int) -> None:
    data = bytes(range(256)) * (length // 256 + 1)
    data = data[:length]
    blob = libseal.seal(public_key(), data, context={"device": "42"})
    assert libseal.unseal(blob, unwrapper(), require={"device": "42"}) == data
    header = libseal.inspect(blob)
    assert header.context == {"device": "42"}
    assert len(blob) == header.length + 56 + length + 16 * (length // CHUNK + 1)


@pytest.mark.parametrize("name", ["rsa-2048", "rsa-2048-e3", "rsa-3072", "rsa-4096"])
@pytest.mark.parametrize("algorithm", ["RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1"])
def test_every_key_and_algorithm(name: str, algorithm: str) -> None:
    recipient = libseal.Recipient(public_key(name), algorithm=algorithm)
    blob = libseal.seal(recipient, b"data")
    (wrapped_key,) = libseal.inspect(blob).wrapped_keys
    assert wrapped_key.algorithm == algorithm
    assert wrapped_key.fingerprint == public_key(name).fingerprint
    assert libseal.unseal(blob, unwrapper(name)) == b"data"


def test_several_recipients_each_open_alone() -> None:
    names = ["rsa-2048", "rsa-2048-b", "rsa-3072"]
    keys: list[libseal.PublicKey | libseal.Recipient] = [*map(public_key, names[1:])]
    keys.insert(0, libseal.Recipient(public_key(names[0]), "first"))
    blob = libseal.seal(iter(keys), b"data")
    assert [key.key_id for key in libseal.inspect(blob).wrapped_keys] == ["first", "", ""]
    for name in names:
        assert libseal.unseal(blob, unwrapper(name)) == b"data"
    blob = libseal.seal({libseal.Recipient(public_key(), "the id")}, b"data")
    assert [key.key_id for key in libseal.inspect(blob).wrapped_keys] == ["the id"]


def test_no_two_messages_are_alike() -> None:
    assert libseal.seal(public_key(), b"data") != libseal.seal(public_key(), b"data")


BYTES_LIKE: dict[str, Callable[[bytes], object]] = {
    "bytes": lambda data: data,
    "subclass": type("Sub", (bytes,), {}),
    "bytearray": bytearray,
    "memoryview": memoryview,
    "reversed": lambda data: memoryview(data[::-1])[::-1],
    "array": lambda data: array.array("B", data),
    "array of int": lambda data: array.array("i", data),
    "numpy": lambda data: np.frombuffer(data, np.uint8),
    "numpy, other type": lambda data: np.frombuffer(data, ">f4"),
    "numpy, two dimensions": lambda data: np.frombuffer(data, np.uint8).reshape(16, -1),
    "numpy, transposed": lambda data: np.frombuffer(data, np.uint8).reshape(-1, 16).T.copy("F"),
}


@pytest.mark.parametrize("length", [256, 3 * CHUNK])
@pytest.mark.parametrize("kind", BYTES_LIKE)
def test_bytes_like(kind: str, length: int) -> None:
    data = bytes(range(256)) * (length // 256)
    value = BYTES_LIKE[kind](data)
    expected = memoryview(value).tobytes()  # type: ignore[arg-type]
    blob = libseal.seal(public_key(), value)  # type: ignore[arg-type]
    assert libseal.unseal(blob, unwrapper()) == expected
    sealed = BYTES_LIKE[kind](blob) if kind in {"bytearray", "memoryview", "reversed"} else blob
    assert libseal.unseal(sealed, unwrapper()) == expected  # type: ignore[arg-type]


def test_mmap() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"x" * 100_000)
        file.flush()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            assert libseal.unseal(libseal.seal(public_key(), mapped), unwrapper()) == mapped[:]


@pytest.mark.parametrize("value", ["text", 7, None, [1, 2], (1, 2)])
def test_not_bytes_like(value: object) -> None:
    calls: list[Callable[[], object]] = [
        lambda: libseal.seal(public_key(), value),  # type: ignore[arg-type]
        lambda: libseal.unseal(value, unwrapper()),  # type: ignore[arg-type]
        lambda: libseal.Sealer(public_key()).update(value),  # type: ignore[arg-type]
        lambda: libseal.SealingKey(public_key()).seal(value),  # type: ignore[arg-type]
        lambda: libseal.Unsealer().update(value),  # type: ignore[arg-type]
    ]
    for call in calls:
        with pytest.raises(TypeError, match="must be bytes-like, not"):
            call()


def test_str_is_told_to_encode() -> None:
    with pytest.raises(TypeError, match="data must be bytes-like, not str: encode it first"):
        libseal.seal(public_key(), "text")  # type: ignore[arg-type]


@settings(deadline=None, max_examples=60)
@given(
    data=st.binary(max_size=3 * CHUNK) | st.integers(0, 4 * CHUNK).map(bytes),
    sizes=st.lists(st.integers(0, 2 * CHUNK), max_size=10),
    context=st.dictionaries(
        st.text(min_size=1, max_size=20).filter(lambda key: not key.startswith("libseal:")),
        st.text(max_size=20),
        max_size=5,
    ),
)
def test_any_data_in_any_pieces(data: bytes, sizes: list[int], context: dict[str, str]) -> None:
    def cut(whole: bytes) -> list[bytes]:
        parts = []
        for size in sizes:
            parts.append(whole[:size])
            whole = whole[size:]
        return [*parts, whole]

    sealer = libseal.Sealer(public_key(), context=context)
    blob = b"".join([*map(sealer.update, cut(data)), sealer.finish()])
    assert libseal.unseal(blob, unwrapper(), require=context) == data
    data_key = data_key_of(blob)
    assert unseal_in_pieces(cut(blob), lambda _: data_key, context) == data
    assert libseal.inspect(blob).context == dict(
        sorted(context.items(), key=lambda i: i[0].encode())
    )


@pytest.mark.parametrize("length", LENGTHS)
def test_cryptography_reads_the_payload(length: int) -> None:
    data = bytes(length)
    blob = libseal.seal(public_key(), data, context={"device": "42"})
    bound = blob[: 8 + int.from_bytes(blob[6:8])]
    decryptor = Cobblestone256Decryptor(data_key_of(blob), bound)
    payload = blob[libseal.inspect(blob).length :]
    assert decryptor.update(payload) + decryptor.finalize() == data


class TestDamage:
    blob = libseal.seal(libseal.Recipient(public_key(), "id"), b"secret", context={"a": "b"})
    data_key = data_key_of(blob)

    def unseal(self, message: bytes) -> bytes:
        return libseal.unseal(message, lambda _: self.data_key)

    def test_cut_anywhere(self) -> None:
        header_length = libseal.inspect(self.blob).length
        with pytest.raises(libseal.TruncatedError, match="empty") as empty:
            self.unseal(b"")
        assert empty.value.name == "EMPTY_MESSAGE"
        for length in range(1, len(self.blob)):
            with pytest.raises(libseal.AuthenticationError) as refused:
                self.unseal(self.blob[:length])
            if length < header_length + 56 + 16:
                assert isinstance(refused.value, libseal.TruncatedError)

    def test_extended(self) -> None:
        for more in (b"\0", bytes(16), bytes(CHUNK), bytes(CHUNK + 16), self.blob):
            with pytest.raises(libseal.AuthenticationError):
                self.unseal(self.blob + more)

    def test_every_bit(self) -> None:
        for position in range(len(self.blob)):
            bits = range(8) if position < 80 or position % 16 == 0 else [position % 8]
            for bit in bits:
                altered = bytearray(self.blob)
                altered[position] ^= 1 << bit
                with pytest.raises(libseal.SealError) as refused:
                    self.unseal(bytes(altered))
                assert isinstance(
                    refused.value,
                    libseal.FormatError | libseal.AuthenticationError | libseal.KeyUnwrapError,
                )

    def test_every_chunk_of_a_large_message(self) -> None:
        blob = libseal.seal(public_key(), bytes(3 * CHUNK))
        data_key = data_key_of(blob)
        for position in range(libseal.inspect(blob).length, len(blob), 1009):
            altered = bytearray(blob)
            altered[position] ^= 1
            with pytest.raises(libseal.AuthenticationError):
                libseal.unseal(altered, lambda _: data_key)


def test_required_context() -> None:
    blob = libseal.seal(public_key(), b"data", context={"a": "1", "b": "2"})
    allowed: list[libseal.Require | None] = [
        None,
        {},
        {"a": "1"},
        {"b": "2", "a": "1"},
        {"a": None},
        {"a": None, "b": "2"},
    ]
    for require in allowed:
        assert libseal.unseal(blob, unwrapper(), require=require) == b"data"
    refused: list[libseal.Require] = [
        {"a": "2"},
        {"c": "1"},
        {"c": None},
        {"a": None, "c": None},
        {"a": "1", "c": ""},
        {"A": "1"},
        {"": ""},
        {"": None},
    ]
    for require in refused:
        with pytest.raises(libseal.ContextMismatchError):
            libseal.unseal(blob, holds_nothing, require=require)
