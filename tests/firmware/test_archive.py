"""libseal.a as an archive: what it shows, what it needs, and how it gets on with others."""

from hashlib import sha256
from pathlib import Path

import pytest

from tests.firmware.program import (
    HERE,
    KEYS,
    TARGETS,
    Program,
    binutils,
    library,
    other_library,
    symbols,
)


@pytest.mark.parametrize("target", TARGETS)
def test_shows_only_libseal(target: str) -> None:
    shown = symbols(binutils(target), library(target), "--extern-only", "--defined-only")
    assert "libseal_seal" in shown
    assert [name for name in shown if not name.startswith("libseal_")] == []


@pytest.mark.parametrize("target", TARGETS)
def test_needs_only_what_every_compiler_has(target: str) -> None:
    needed = set(symbols(binutils(target), library(target), "--undefined-only"))
    needed -= {"memcpy", "memmove", "memset", "memcmp"}
    assert [name for name in needed if not name.startswith("__")] == []


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_not_called_is_not_linked(target: str, tmp_path: Path) -> None:
    main = tmp_path / "version.c"
    main.write_text("#include <libseal_seal.h>\nint main(void) { return !libseal_version(); }\n")
    program = Program(target, tmp_path, main)
    program.run()
    linked = program.symbols()
    assert [name for name in linked if name.startswith(("libseal_", "_R"))] == ["libseal_version"]


def test_another_rust_library_in_the_same_program(tmp_path: Path) -> None:
    target = "thumbv7em-none-eabihf"
    libraries = [other_library(target)]
    program = Program(target, tmp_path, HERE / "two_libraries.c", libraries=libraries)
    fingerprint = sha256((KEYS / "rsa-2048.pub.der").read_bytes()).hexdigest()
    assert program.run() == f"libseal: {fingerprint}\nother: {fingerprint}\n"
