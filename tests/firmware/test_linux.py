"""The library for other Linux machines, in an emulator: the tests in C (tests/c), and panics."""

import re
from pathlib import Path

import pytest

from tests.firmware.program import ROOT, library, other_library, run, symbols
from tests.link import static_link_libs

MACHINES = {
    "armv7-unknown-linux-gnueabihf": ("arm-linux-gnueabihf", "qemu-arm"),
    "aarch64-unknown-linux-gnu": ("aarch64-linux-gnu", "qemu-aarch64"),
}
C = ROOT / "tests/c"
PROGRAMS = sorted(path.stem for path in C.glob("test_*.c"))
FLAGS = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Iinclude"]


@pytest.mark.parametrize("target", MACHINES)
def test_shows_only_libseal(target: str) -> None:
    tools, _ = MACHINES[target]
    shown = symbols(f"{tools}-", library(target), "--extern-only", "--defined-only")
    assert "libseal_unseal" in shown
    assert [name for name in shown if not name.startswith("libseal_")] == []


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("form", ["static", "shared"])
@pytest.mark.parametrize("target", MACHINES)
def test_c(target: str, form: str, program: str, tmp_path: Path) -> None:
    tools, qemu = MACHINES[target]
    emulator = [qemu, "-L", f"/usr/{tools}"]
    file = library(target)
    if form == "shared":
        file = file.with_suffix(".so")
        dynamic = run(f"{tools}-readelf", "--dynamic", file)
        soname = re.findall(r"soname: \[(.*)\]", dynamic)[0]
        (tmp_path / soname).symlink_to(file)
        emulator += ["-E", f"LD_LIBRARY_PATH={tmp_path}"]
    sources = [C / name for name in (f"{program}.c", "support.c", "unseal.c", "complete.c")]
    executable = tmp_path / program
    run(f"{tools}-gcc", *FLAGS, *sources, file, *static_link_libs(), "-o", executable)
    # QEMU itself fails when a forked child of a process with threads starts more of them.
    arguments = (executable, ROOT / "tests/vectors")
    printed = run(*emulator, *arguments, cwd=tmp_path, LIBSEAL_TEST_NO_FORK="1")
    assert re.search(r"^[1-9][0-9]* passed, 0 failed$", printed, re.MULTILINE), printed


@pytest.mark.parametrize("target", MACHINES)
def test_panics_are_caught(target: str, tmp_path: Path) -> None:
    """libseal has no function that panics, so it is the other library whose symbols are hidden."""
    tools, qemu = MACHINES[target]
    hidden = tmp_path / "hidden.a"
    run("ffi-c/hide_symbols.sh", other_library(target), hidden, f"{tools}-")
    main = tmp_path / "main.c"
    main.write_text(
        "int libseal_catches_panics(void);\n"
        "int main(void) { return libseal_catches_panics() ? 0 : 1; }\n"
    )
    executable = tmp_path / "main"
    run(f"{tools}-gcc", *FLAGS, main, hidden, *static_link_libs(), "-o", executable)
    printed = run(qemu, "-L", f"/usr/{tools}", executable, RUST_BACKTRACE="1")
    assert "catches_panics" in printed.partition("stack backtrace:")[2]
