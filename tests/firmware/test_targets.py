"""The table of targets: what it says is documented, and what is not in it is derived or refused."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.firmware.machine import MACHINES
from tests.firmware.program import BOARDS, ROOT, TABLE


def build(tmp_path: Path, target: str, **environment: str) -> str:
    """What building says, which fails."""
    process = subprocess.run(
        ["ffi-c/build_for.sh", target, tmp_path / "cargo", tmp_path / "out", "--locked"],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode != 0
    assert list(tmp_path.iterdir()) == []
    return process.stderr


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("thumbv7em-none-eabhif", "thumbv7em-none-eabihf"),
        ("aarch64-linux-gnu", "aarch64-unknown-linux-gnu"),
        ("x86_64-linux-musl", "x86_64-unknown-linux-musl"),
    ],
)
def test_an_unknown_target_gets_near_ones(wrong: str, right: str, tmp_path: Path) -> None:
    said = build(tmp_path, wrong)
    assert said.startswith(f"Rust has no target {wrong}; near it are: {right}, ")


def test_an_untried_target_is_derived(tmp_path: Path) -> None:
    said = build(tmp_path, "armv7r-none-eabihf", BINUTILS="no-such-")
    assert "never tried on armv7r-none-eabihf: taking no-such- for its binutils" in said
    assert "no-such-ld.bfd is missing; install it: the binutils for armv7r-none-eabihf" in said


def test_xtensa_is_refused_with_the_reason(tmp_path: Path) -> None:
    said = build(tmp_path, "xtensa-esp32-none-elf")
    assert "knows xtensa-esp32-none-elf but cannot compile for it" in said


def test_a_missing_tool_is_named_with_its_packages(tmp_path: Path) -> None:
    said = build(tmp_path, "thumbv6m-none-eabi", BINUTILS="no-such-")
    assert "no-such-ld.bfd is missing; install it: sudo apt-get install -y gcc-arm-none" in said


@pytest.mark.parametrize("target", ["aarch64-apple-darwin", "riscv64gc-unknown-linux-gnu"])
def test_symbols_that_cannot_be_hidden_are_said(target: str, tmp_path: Path) -> None:
    assert "cargo build --release -p libseal-c" in build(tmp_path, target)


def test_another_provider_is_refused(tmp_path: Path) -> None:
    said = build(tmp_path, "x86_64-unknown-linux-gnu", PROVIDER="aws-lc-rs")
    assert "make lib PROVIDER=aws-lc-rs" in said


def test_every_target_is_documented_and_can_be_tried() -> None:
    assert {*BOARDS, *MACHINES} == set(TABLE)
    readme = (ROOT / "README.md").read_text()
    firmware = (ROOT / "examples/firmware/README.md").read_text()
    assert [target for target in TABLE if f"| `{target}` |" not in readme] == []
    assert [target for target in BOARDS if f"`{target}`" not in firmware] == []
