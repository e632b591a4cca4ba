"""Programs for microcontrollers: built as in `examples/firmware`, and run in an emulator."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
KEYS = ROOT / "tests/vectors/keys"
BUILD = ROOT / "build"
CARGO_TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))

BOARDS = {
    "thumbv7em-none-eabihf": "Cortex-M4F",
    "thumbv7em-none-eabi": "Cortex-M4",
    "thumbv7m-none-eabi": "Cortex-M3",
    "thumbv6m-none-eabi": "Cortex-M0",
    "thumbv8m.main-none-eabihf": "Cortex-M33F",
    "thumbv8m.main-none-eabi": "Cortex-M33",
    "thumbv8m.base-none-eabi": "Cortex-M23",
    "riscv32imac-unknown-none-elf": "RV32IMAC",
    "riscv32imc-unknown-none-elf": "RV32IMC",
    "riscv32i-unknown-none-elf": "RV32I",
}


@dataclass(frozen=True)
class Row:
    """Of the table in ffi-c/targets."""

    target: str
    library: str
    binutils: str
    linker: str
    checked: str
    packages: str


TABLE = {
    row.target: row
    for row in (
        Row(*line.split())
        for line in (ROOT / "ffi-c/targets").read_text().splitlines()
        if line and not line.startswith("#")
    )
}


def chosen(library: str) -> list[str]:
    """The targets that are tested: some of them, or with DEVICES=all every one."""
    every = os.environ.get("DEVICES") == "all"
    return [
        row.target
        for row in TABLE.values()
        if row.library == library and (every or row.checked == "always")
    ]


TARGETS = {target: BOARDS[target] for target in chosen("seal-only")}
TIME_LIMIT = 300
"""Seconds for a program in the emulator."""


def run(*command: str | Path, cwd: Path = ROOT, **environment: str) -> str:
    """What a command prints; it must succeed."""
    process = subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert process.returncode == 0, f"{' '.join(map(str, command))}\n{process.stdout}"
    return process.stdout


def library(target: str) -> Path:
    """libseal.a, as `make lib-<target>` left it."""
    return BUILD / target / "libseal.a"


def other_library(target: str) -> Path:
    """Another static library made with Rust."""
    cargo = run("ffi-c/cargo_for.sh", target).split()
    manifest = HERE / "other_library/Cargo.toml"
    run(
        *(*cargo, "build", "--quiet", "--locked", "--release", "--target", target),
        *("--manifest-path", manifest, "--target-dir", CARGO_TARGET),
    )
    return CARGO_TARGET / target / "release/libother.a"


def binutils(target: str) -> str:
    """What the names of the binutils begin with."""
    return TABLE[target].binutils.partition(",")[0]


def symbols(prefix: str, file: Path, *which: str) -> list[str]:
    return run(f"{prefix}nm", "--format=just-symbols", *which, file).split()


@dataclass(frozen=True)
class Program:
    target: str
    directory: Path
    """For what is built."""
    main: Path = Path("main.c")
    """That of the example, or another."""
    key: Path = KEYS / "rsa-2048.pub.der"
    libraries: Sequence[Path] = ()
    """Beside libseal.a."""
    link_flags: Sequence[str] = ()

    @property
    def image(self) -> Path:
        return self.directory / self.main.with_suffix(".elf").name

    def build(self) -> Path:
        self._make("all")
        return self.image

    def run(self) -> str:
        """What the program prints; it must succeed in time."""
        # `timeout` ends the emulator as well as make.
        return self._make("run", "timeout", "-k", "5", str(TIME_LIMIT))

    def symbols(self) -> list[str]:
        return symbols(binutils(self.target), self.image)

    def _make(self, goal: str, *launcher: str) -> str:
        return run(
            *launcher,
            *("make", "-s", "-C", "examples/firmware", goal),
            f"TARGET={self.target}",
            f"BUILD_DIR={self.directory}",
            f"LIBSEAL_DIR={library(self.target).parent}",
            f"MAIN={self.main}",
            f"KEY={self.key}",
            LDFLAGS=" ".join(self.link_flags),
            LDLIBS=" ".join(map(str, self.libraries)),
        )
