"""Sealing leaves no secret in the RAM of a microcontroller."""

from pathlib import Path

import pytest

from tests.firmware.program import HERE, TARGETS, Program


@pytest.mark.parametrize("target", TARGETS)
def test_ram(target: str, tmp_path: Path) -> None:
    # The last one is put there by the program itself.
    assert Program(target, tmp_path, HERE / "secrets.c").run() == "data key"
