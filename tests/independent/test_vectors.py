"""The vectors against the independent reader, and the generator against the vectors."""

import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from . import reader
from .keys import private_key
from .vector import VECTORS, Vector, parse

ROOT = Path(__file__).parents[2]
FILES = sorted(VECTORS.glob("*/*.vector"))
STATUSES = {
    "OK",
    "EMPTY_MESSAGE",
    "NOT_SEALED",
    "UNSUPPORTED_VERSION",
    "UNSUPPORTED_SUITE",
    "HEADER_MALFORMED",
    "HEADER_TOO_LARGE",
    "TRUNCATED",
    "CONTEXT_MISMATCH",
    "NO_MATCHING_RECIPIENT",
    "UNWRAP_FAILED",
    "DATA_KEY_LENGTH",
    "AUTHENTICATION_FAILED",
    "END_NOT_AUTHENTIC",
}


def unwrapper(vector: Vector) -> reader.Unwrap:
    return reader.private_key_unwrap(*(private_key(name) for name in vector.keys))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_vector(path: Path) -> None:
    vector = parse(path)
    assert vector.path == path
    if vector.expect == "OK":
        opens(vector)
    else:
        with pytest.raises(reader.Rejected) as refused:
            reader.unseal(vector.message, unwrapper(vector), dict(vector.require))
        assert refused.value.status == vector.expect


def opens(vector: Vector) -> None:
    unsealed = reader.unseal(vector.message, unwrapper(vector), dict(vector.require))
    assert len(unsealed.plaintext) == vector.plaintext_length
    assert sha256(unsealed.plaintext).hexdigest() == vector.plaintext_sha256
    if vector.context:
        assert tuple(unsealed.context.items()) == vector.context
    header = reader.parse_header(vector.message)
    assert reader.unwrap_data_key(header, unwrapper(vector)) == vector.data_key


def test_every_status_has_a_vector() -> None:
    assert len(FILES) >= 150
    assert {parse(path).expect for path in FILES} == STATUSES


def test_data_key_is_what_unwrapping_gives() -> None:
    """Also for messages that are refused for another reason."""
    for vector in map(parse, FILES):
        try:
            header = reader.parse_header(vector.message)
            data_key = reader.unwrap_data_key(header, unwrapper(vector))
        except reader.Rejected:
            continue
        assert data_key == vector.data_key, vector.name


def test_parse_and_encode_agree() -> None:
    for path in FILES:
        assert parse(path).encode() == path.read_bytes(), path.stem


def test_generator_makes_the_committed_files() -> None:
    command = [sys.executable, "-m", "tests.independent.generate_vectors", "--check"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
