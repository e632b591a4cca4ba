"""The complete library and another one made with Rust, in the same program."""

from hashlib import sha256
from pathlib import Path

import pytest

from tests.firmware.machine import beside_another, emulate
from tests.firmware.program import (
    binutils,
    chosen,
    library,
    other_library,
    run,
    symbols,
)

TARGETS = chosen("complete")


@pytest.mark.parametrize("target", TARGETS)
def test_shows_only_libseal(target: str) -> None:
    shown = symbols(binutils(target), library(target), "--extern-only", "--defined-only")
    assert "libseal_unseal" in shown
    if "windows" in target:
        # Entries for DLLs, as any import library has them.
        imported = {name.removeprefix("__imp_") for name in shown if name.startswith("__imp_")}
        assert imported <= {
            "ProcessPrng",
            "WaitOnAddress",
            "WakeByAddressAll",
            "WakeByAddressSingle",
        }
        ours = ("_head_libseal_", "__libseal_", "__imp_", ".refptr.libseal_")
        shown = [name for name in shown if not name.startswith(ours) and name not in imported]
    assert [name for name in shown if not name.startswith("libseal_")] == []


@pytest.mark.parametrize("target", TARGETS)
def test_another_rust_library(target: str, tmp_path: Path) -> None:
    main = tmp_path / "main.c"
    main.write_text(
        "#include <libseal.h>\n"
        "#include <stdio.h>\n"
        "void other_sha256(const uint8_t *in, size_t in_len, uint8_t out[32]);\n"
        "int main(void)\n"
        "{\n"
        "    uint8_t hash[32];\n"
        '    other_sha256((const uint8_t *)"abc", 3, hash);\n'
        "    for (int i = 0; i < 32; i++)\n"
        '        printf("%02x", hash[i]);\n'
        "    return libseal_self_test();\n"
        "}\n"
    )
    machine = beside_another(target)
    machine.link_with(target, tmp_path / "main.exe", main, library(target), other_library(target))
    start = machine.start(target, "static", tmp_path)
    printed = emulate(*start, tmp_path / "main.exe")
    assert printed.strip() == sha256(b"abc").hexdigest()


@pytest.mark.parametrize("target", TARGETS)
def test_panics_are_caught(target: str, tmp_path: Path) -> None:
    """libseal has no function that panics, so it is the other library whose symbols are hidden."""
    hidden = tmp_path / "hidden.a"
    run("ffi-c/hide_symbols.sh", other_library(target), hidden, binutils(target))
    main = tmp_path / "main.c"
    main.write_text(
        "int libseal_catches_panics(void);\n"
        "int main(void) { return libseal_catches_panics() ? 0 : 1; }\n"
    )
    machine = beside_another(target)
    machine.link_with(target, tmp_path / "main.exe", main, hidden)
    emulate(*machine.start(target, "static", tmp_path), tmp_path / "main.exe")
