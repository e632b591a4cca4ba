"""No call takes more stack than `LIBSEAL_STACK_SIZE` says."""

from pathlib import Path

import pytest

from tests.firmware.program import TARGETS
from tests.measure.firmware.report import KEY_SIZES, measure


@pytest.mark.parametrize("bits", KEY_SIZES)
@pytest.mark.parametrize("target", TARGETS)
def test_stack(target: str, bits: int, tmp_path: Path) -> None:
    measured = measure(target, bits, tmp_path)
    assert 1024 < measured.peak_stack <= measured.promised_stack
