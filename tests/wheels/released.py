"""The wheels that `make wheels` leaves in dist/, and the Pythons in which they are tried."""

import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DIST = ROOT / "dist"
# What tests/wheels/*.sh make.
PYTHONS = ROOT / "build/pythons"
VERSION: str = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
SDIST = DIST / f"libseal-{VERSION}.tar.gz"


@dataclass(frozen=True)
class Wheel:
    python: str
    policy: str

    @property
    def path(self) -> Path:
        # The older name of manylinux_2_17 comes first.
        old = self.policy.replace("manylinux_2_17", "manylinux2014")
        platform = self.policy if old == self.policy else f"{old}.{self.policy}"
        return DIST / f"libseal-{VERSION}-{self.python}-{platform}.whl"

    @property
    def is_stable(self) -> bool:
        return "abi3" in self.python

    def __str__(self) -> str:
        return f"{self.python}-{self.policy}"


X86_64 = Wheel("cp311-abi3", "manylinux_2_17_x86_64")
AARCH64 = Wheel("cp311-abi3", "manylinux_2_17_aarch64")
MUSL = Wheel("cp311-abi3", "musllinux_1_2_x86_64")
MUSL_AARCH64 = Wheel("cp311-abi3", "musllinux_1_2_aarch64")
FREE_THREADED = Wheel("cp314-cp314t", "manylinux_2_17_x86_64")
FREE_THREADED_AARCH64 = Wheel("cp314-cp314t", "manylinux_2_17_aarch64")
WHEELS = [X86_64, AARCH64, MUSL, MUSL_AARCH64, FREE_THREADED, FREE_THREADED_AARCH64]


@dataclass(frozen=True)
class Elsewhere:
    """A system that is not this one, and how to start its Python here."""

    name: str
    wheel: Wheel
    # Below PYTHONS; all but the last are programs that start what follows, and their options.
    command: tuple[str, ...]
    # How to make it.
    made_by: str

    def argv(self) -> list[str]:
        return [word.format(pythons=PYTHONS) for word in self.command]

    def is_there(self) -> bool:
        first, *rest = self.argv()
        folder = str(PYTHONS)
        return bool(shutil.which(first)) and all(
            Path(word).exists() for word in rest if word.startswith(folder)
        )


FROM_SOURCE = "make wheel-pythons CPYTHON_3_11=… CPYTHON_3_14=…"
ELSEWHERE = [
    Elsewhere(
        "CPython 3.11 of Debian 12 on ARM, emulated",
        AARCH64,
        ("qemu-aarch64", "-L", "{pythons}/aarch64", "{pythons}/aarch64/usr/bin/python3.11"),
        "make wheel-pythons",
    ),
    Elsewhere(
        "CPython 3.11 on the glibc 2.31 of Debian 11",
        X86_64,
        (
            "{pythons}/glibc-2.31/lib/x86_64-linux-gnu/ld-2.31.so",
            "--library-path",
            "{pythons}/glibc-2.31/lib/x86_64-linux-gnu",
            "{pythons}/glibc/bin/python3.11",
        ),
        FROM_SOURCE,
    ),
    Elsewhere(
        "CPython 3.11 on musl",
        MUSL,
        ("{pythons}/musl-libc/usr/lib/ld-musl-x86_64.so.1", "{pythons}/musl/bin/python3.11"),
        FROM_SOURCE,
    ),
    Elsewhere(
        "CPython 3.11 on musl on ARM, emulated",
        MUSL_AARCH64,
        (
            "qemu-aarch64",
            "{pythons}/musl-libc-aarch64/usr/lib/ld-musl-aarch64.so.1",
            "{pythons}/aarch64-musl/bin/python3.11",
        ),
        FROM_SOURCE,
    ),
    Elsewhere(
        "free-threaded CPython 3.14",
        FREE_THREADED,
        ("{pythons}/free-threaded/bin/python3.14t",),
        FROM_SOURCE,
    ),
]
