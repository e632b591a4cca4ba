"""Machines with an operating system: how programs for them are built, and run on this one."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.firmware.program import BUILD, HERE, ROOT, binutils, library, run
from tests.link import static_link_libs

FLAGS = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Iinclude"]
ZIG: list[str | Path] = [BUILD / "packages/bin/python", "-m", "ziglang", "cc"]


@dataclass(frozen=True)
class Machine:
    compiler: Sequence[str | Path]
    emulator: Sequence[str] = ()
    forms: Sequence[str] = ("static", "shared")
    unwinder: Sequence[str] = ()
    """If another Rust library brings none."""

    def link(self, target: str, form: str, executable: Path, *sources: Path) -> None:
        """Builds a program with the library."""
        name = {"static": "libseal.a", "shared": "libseal.so"}[form]
        if self.emulator == ["wine"] and form == "shared":
            name = "libseal.dll.a"
        self.link_with(target, executable, *sources, library(target).with_name(name))

    def link_with(self, target: str, executable: Path, *inputs: Path) -> None:
        libs = [*static_link_libs(target), *self.unwinder]
        run(*self.compiler, *FLAGS, *inputs, *libs, "-o", executable)

    def start(self, target: str, form: str, folder: Path) -> list[str]:
        """What comes before the name of a program, to run it with the library in `folder`."""
        if self.emulator == ["wine"]:
            # Debian's Wine lacks a DLL that Windows has.
            source, name = HERE / "bcryptprimitives.c", "bcryptprimitives.dll"
            run(*self.compiler, "-shared", source, "-ladvapi32", "-o", folder / name)
        if form == "static":
            return list(self.emulator)
        if self.emulator == ["wine"]:
            (folder / "seal.dll").symlink_to(library(target).with_name("seal.dll"))
            return list(self.emulator)
        file = library(target).with_suffix(".so")
        dynamic = run(f"{binutils(target)}readelf", "--dynamic", file)
        (folder / re.findall(r"soname: \[(.*)\]", dynamic)[0]).symlink_to(file)
        if self.emulator:
            return [*self.emulator, "-E", f"LD_LIBRARY_PATH={folder}"]
        return ["env", f"LD_LIBRARY_PATH={folder}"]


def debian(tools: str, qemu: str) -> Machine:
    """Debian's cross compiler, with the C library that it comes with."""
    return Machine([f"{tools}-gcc"], [qemu, "-L", f"/usr/{tools}"])


def musl(zig_target: str, *emulator: str) -> Machine:
    """Static only: there is no musl for other processors on this machine."""
    compiler: list[str | Path] = [*ZIG, "-target", zig_target, "-static"]
    return Machine(compiler, emulator, ["static"])


MACHINES = {
    "x86_64-unknown-linux-gnu": Machine(["gcc"]),
    "aarch64-unknown-linux-gnu": debian("aarch64-linux-gnu", "qemu-aarch64"),
    "armv7-unknown-linux-gnueabihf": debian("arm-linux-gnueabihf", "qemu-arm"),
    "x86_64-unknown-linux-musl": Machine(["musl-gcc"]),
    "aarch64-unknown-linux-musl": musl("aarch64-linux-musl", "qemu-aarch64"),
    "armv7-unknown-linux-musleabihf": musl("arm-linux-musleabihf", "qemu-arm"),
    "x86_64-pc-windows-gnu": Machine(["x86_64-w64-mingw32-gcc"], ["wine"]),
}


def beside_another(target: str) -> Machine:
    """For a program with another Rust library, which brings nothing to unwind with."""
    machine = MACHINES[target]
    if "musl" not in target:
        return machine
    if target.startswith("x86_64"):
        machine = musl("x86_64-linux-musl")
    return replace(machine, unwinder=["-lunwind"])


def emulate(*command: str | Path, cwd: Path = ROOT) -> str:
    """What a program prints that may run in an emulator; it must succeed."""
    # QEMU itself fails when a forked child of a process with threads starts more of them. Wine says
    # much, and keeps what it thinks of as its disk in the home folder.
    environment = {
        "LIBSEAL_TEST_NO_FORK": "1",
        "WINEDEBUG": "-all",
        "WINEPREFIX": os.environ.get("WINEPREFIX", str(BUILD / "wine")),
    }
    return run(*command, cwd=cwd, **environment)
