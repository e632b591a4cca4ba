"""The complete library for other Linux machines, in an emulator: the tests in C (tests/c)."""

import re
from pathlib import Path

import pytest

from tests.firmware.machine import MACHINES, emulate
from tests.firmware.program import ROOT, binutils, chosen, library, run

TARGETS = [target for target in chosen("complete") if "linux" in target]
C = ROOT / "tests/c"
PROGRAMS = sorted(path.stem for path in C.glob("test_*.c"))


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize(
    ("target", "form"), [(target, form) for target in TARGETS for form in MACHINES[target].forms]
)
def test_c(target: str, form: str, program: str, tmp_path: Path) -> None:
    machine = MACHINES[target]
    sources = [C / name for name in (f"{program}.c", "support.c", "unseal.c", "complete.c")]
    executable = tmp_path / program
    machine.link(target, form, executable, *sources)
    start = machine.start(target, form, tmp_path)
    printed = emulate(*start, executable, ROOT / "tests/vectors", cwd=tmp_path)
    assert re.search(r"^[1-9][0-9]* passed, 0 failed$", printed, re.MULTILINE), printed


@pytest.mark.parametrize("target", [target for target in TARGETS if "gnu" in target])
def test_runs_on_an_old_glibc(target: str) -> None:
    # glibc for RISC-V began with 2.27.
    floor = (2, 31) if target.startswith("riscv") else (2, 17)
    shared = library(target).with_suffix(".so")
    dynamic = run(f"{binutils(target)}readelf", "--dyn-syms", "--dynamic", "--wide", shared)
    versions = {
        (int(major), int(minor)) for major, minor in re.findall(r"@GLIBC_(\d+)\.(\d+)", dynamic)
    }
    assert versions
    assert max(versions) <= floor
    # Nor does it need a libgcc_s that fits.
    assert "libgcc_s" not in dynamic
