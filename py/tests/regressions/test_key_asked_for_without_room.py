"""unseal_into asked for the key of a cut message, though out was too small for the rest of it."""

import pytest

import libseal
from support import CHUNK, public_key

BLOB = libseal.seal(public_key(), bytes(CHUNK))


def never(_: libseal.WrappedKey) -> bytes:
    raise AssertionError("the unwrapper was asked")


@pytest.mark.parametrize("cut", [0, 1, 16, 17, 500])
def test_out_is_measured_first(cut: int) -> None:
    with pytest.raises(libseal.LimitError) as refused:
        libseal.unseal_into(BLOB[: len(BLOB) - cut], bytearray(100), never)
    assert refused.value.name == "BUFFER_TOO_SMALL"
