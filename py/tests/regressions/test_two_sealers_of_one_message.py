"""Two sealers of one message use one key stream twice."""

from __future__ import annotations

import copy
import io
import pickle
from typing import TYPE_CHECKING

import pytest

import libseal
from support import public_key

if TYPE_CHECKING:
    from collections.abc import Callable

COPIES = [copy.copy, copy.deepcopy, pickle.dumps]


@pytest.mark.parametrize("make_copy", COPIES)
def test_nothing_that_seals_can_be_copied(make_copy: Callable[[object], object]) -> None:
    with libseal.SealWriter(io.BytesIO(), public_key()) as writer:
        key = libseal.SealingKey(public_key())
        for original in (
            libseal.Sealer(public_key()),
            libseal.Writing(public_key()),
            key,
            key.sealer(1),
            writer,
        ):
            with pytest.raises(TypeError, match=r"cannot pickle|can't pickle|not supported"):
                make_copy(original)


def test_nothing_follows_the_end() -> None:
    sealer = libseal.Sealer(public_key())
    sealer.finish_with(b"last")
    calls: list[Callable[[], object]] = [
        lambda: sealer.update(b"more"),
        lambda: sealer.update_into(b"more", bytearray(1000)),
        lambda: sealer.finish_with(b"more"),
        sealer.finish,
    ]
    for call in calls:
        with pytest.raises(libseal.StateError, match="finished already"):
            call()
