"""Links the library that fits the processor. PlatformIO runs this for each program that uses libseal."""

import subprocess
import sys
from pathlib import Path

# SCons brings it.
Import("env")  # type: ignore[name-defined]  # noqa: F821

ARM = {
    "__ARM_ARCH_6M__": "thumbv6m-none-eabi",
    "__ARM_ARCH_7M__": "thumbv7m-none-eabi",
    "__ARM_ARCH_7EM__": "thumbv7em-none-eabi",
    "__ARM_ARCH_8M_BASE__": "thumbv8m.base-none-eabi",
    "__ARM_ARCH_8M_MAIN__": "thumbv8m.main-none-eabi",
    "__ARM_ARCH_8_1M_MAIN__": "thumbv8m.main-none-eabi",
}


def target_of(macros):
    """The library for what the compiler says that it compiles for; None if there is none."""
    for macro, target in ARM.items():
        if macro in macros:
            return target + ("hf" if "__ARM_PCS_VFP" in macros else "")
    if macros.get("__riscv_xlen") == "32" and {"__riscv_mul", "__riscv_compressed"} <= macros.keys():
        atomic = "__riscv_atomic" in macros
        if "__riscv_float_abi_soft" in macros:
            return f"riscv32im{'a' if atomic else ''}c-unknown-none-elf"
        if "__riscv_float_abi_single" in macros and atomic:
            return "riscv32imafc-unknown-none-elf"
    return None


def macros_of(env):
    """What the compiler of the program defines, with the flags of the program."""
    command = env.subst("$CC $CFLAGS $CCFLAGS -dM -E -x c -")
    process = subprocess.run(
        command, shell=True, env=env["ENV"], input="", capture_output=True, text=True
    )
    if process.returncode != 0:
        stop(f"libseal could not ask the compiler what it compiles for:\n{process.stderr}")
    lines = (line.split(maxsplit=2) for line in process.stdout.splitlines())
    return {words[1]: words[2] if len(words) > 2 else "" for words in lines}


def stop(message):
    sys.stderr.write(message + "\n")
    env.Exit(1)  # noqa: F821


macros = macros_of(env)  # noqa: F821
if "__XTENSA__" in macros:
    stop(
        "libseal does not run on an Xtensa: it is written in Rust, whose compiler cannot compile for"
        " Xtensa (a fork of it can). Take a board with another processor, such as an ESP32-C3."
    )
target = target_of(macros)
if target is None:
    stop(
        "This package has no libseal for this processor: it has those for Cortex-M and for 32-bit RISC-V"
        " with M and C. For another, build one: `make lib-TARGET` in libseal's sources."
    )
env.Append(LIBPATH=[str(Path.cwd() / "lib" / target)], LIBS=["seal"])  # noqa: F821
