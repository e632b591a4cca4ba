"""All vectors, through every way to unseal."""

import io
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

import libseal
from support import pieces, unseal_in_pieces, unwrapper
from tests.independent.vector import VECTORS, Vector, parse

FILES = sorted(VECTORS.glob("*/*.vector"))


def unwrap_of(vector: Vector) -> libseal.Unwrap:
    unwrappers = [unwrapper(name) for name in vector.keys]

    def unwrap(key: libseal.WrappedKey) -> bytes | None:
        held = [local for local in unwrappers if local.public_key.fingerprint == key.fingerprint]
        return held[0](key) if held else None

    return unwrap


def in_pieces_of(size: int) -> Callable[[Vector], bytes]:
    return lambda vector: unseal_in_pieces(
        pieces(vector.message, size), unwrap_of(vector), dict(vector.require)
    )


def with_reader(vector: Vector) -> bytes:
    fileobj = io.BytesIO(vector.message)
    with libseal.UnsealReader(fileobj, unwrap_of(vector), require=dict(vector.require)) as reader:
        return reader.read()


def at_once(vector: Vector) -> bytes:
    return libseal.unseal(vector.message, unwrap_of(vector), require=dict(vector.require))


def into_a_buffer(vector: Vector) -> bytes:
    out = bytearray(len(vector.message) + 1)
    length = libseal.unseal_into(
        vector.message, out, unwrap_of(vector), require=dict(vector.require), threads=2
    )
    return bytes(out[:length])


def with_reading(vector: Vector) -> bytes:
    reading, plaintext = libseal.Reading(require=dict(vector.require)), b""
    while True:
        match reading.next(1):
            case range() as offsets:
                reading.feed(vector.message[offsets.start : offsets.stop])
            case libseal.Next.KEY:
                reading.unwrap_with(unwrap_of(vector))
            case libseal.Next.PLAINTEXT:
                plaintext += reading.read()
            case libseal.Next.END:
                return plaintext


def from_the_end(vector: Vector) -> bytes:
    """Seeks to the last byte first."""
    fileobj = io.BytesIO(vector.message)
    with libseal.UnsealReader(fileobj, unwrap_of(vector), require=dict(vector.require)) as reader:
        reader.seek(max(reader.seek(0, io.SEEK_END) - 1, 0))
        last = reader.read()
        reader.seek(0)
        plaintext = reader.read()
        assert plaintext[-1:] == last
        return plaintext


def two_steps(vector: Vector) -> bytes:
    """With the data key that the file tells."""
    return libseal.unseal(vector.message, lambda _: vector.data_key, require=dict(vector.require))


WAYS = {
    "at once": at_once,
    "into a buffer": into_a_buffer,
    "reader": with_reader,
    "reading": with_reading,
    "pieces of 1": in_pieces_of(1),
    "pieces of 997": in_pieces_of(997),
    "pieces of 70000": in_pieces_of(70000),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_vector(path: Path, way: Callable[[Vector], bytes]) -> None:
    vector = parse(path)
    if vector.expect == "OK":
        plaintext = way(vector)
        assert len(plaintext) == vector.plaintext_length
        assert sha256(plaintext).hexdigest() == vector.plaintext_sha256
    else:
        with pytest.raises(libseal.SealError) as refused:
            way(vector)
        assert refused.value.name == vector.expect


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_vector_from_the_end(path: Path) -> None:
    """What is wrong with the end can show before anything else."""
    vector = parse(path)
    if vector.expect == "OK":
        assert sha256(from_the_end(vector)).hexdigest() == vector.plaintext_sha256
    else:
        with pytest.raises(libseal.SealError) as refused:
            from_the_end(vector)
        assert refused.value.name in {vector.expect, "TRUNCATED", "END_NOT_AUTHENTIC"}


def test_there_are_vectors() -> None:
    assert len(FILES) >= 150


def test_inspect_shows_the_context_and_the_recipients(tmp_path: Path) -> None:
    for path in (VECTORS / "accepted").glob("*.vector"):
        vector = parse(path)
        message = tmp_path / "message"
        message.write_bytes(vector.message)
        for header in (libseal.inspect(message), libseal.inspect(vector.message)):
            if vector.context:
                assert tuple(header.context.items()) == vector.context
            assert 1 <= len(header.wrapped_keys) <= 16
            assert 0 < header.length < len(vector.message)


def test_the_data_key_of_the_file_opens_the_message() -> None:
    for path in (VECTORS / "accepted").glob("length_*.vector"):
        vector = parse(path)
        assert vector.data_key is not None
        assert len(two_steps(vector)) == vector.plaintext_length


def test_reserved_kinds_are_shown_and_skipped() -> None:
    vector = parse(VECTORS / "accepted" / "recipient_of_reserved_kind_3_skipped.vector")
    asked: list[str] = []

    def unwrap(key: libseal.WrappedKey) -> bytes | None:
        asked.append(key.algorithm)
        return unwrapper()(key)

    libseal.unseal(vector.message, unwrap)
    assert asked == ["RSAES_OAEP_SHA_256"]
    shown = [key.algorithm for key in libseal.inspect(vector.message).wrapped_keys]
    assert "UNKNOWN_3" in shown
