"""The module for Zephyr: `west` fetches it, and Kconfig chooses the library.

Where there is a Zephyr, the sample is built and emulated.
"""

import os
import re
from pathlib import Path

import pytest

from tests.ecosystems.package import STUBS, TOOLS, attempt, compile_here, run, unpack, unsealed


def test_west_fetches_it_as_the_readme_says(tmp_path: Path) -> None:
    package = unpack("zephyr", tmp_path)
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "tag.gpgSign=false")
    readme = (package / "README.md").read_text()
    manifest = re.search(r"```yaml\n(manifest:.*?)```", readme, re.DOTALL)
    assert manifest
    url = "https://git.example.com/libseal-zephyr"
    assert url in manifest[1]
    revision = re.search(r"revision: (\S+)", manifest[1])
    assert revision
    run(*git, "init", "-q", cwd=package)
    run(*git, "add", "-A", cwd=package)
    run(*git, "commit", "-q", "-m", "libseal", cwd=package)
    run(*git, "tag", revision[1], cwd=package)

    app = tmp_path / "workspace/app"
    app.mkdir(parents=True)
    (app / "west.yml").write_text(manifest[1].replace(url, package.as_uri()))
    run("west", "init", "-l", app, cwd=tmp_path)
    run("west", "update", cwd=app)
    assert "libseal" in run("west", "list", "-f", "{name} {path}", cwd=app)
    module = tmp_path / "workspace/modules/lib/libseal"
    for needed in ("module.yml", "Kconfig", "CMakeLists.txt"):
        assert (module / "zephyr" / needed).exists()


PROCESSORS = {
    "CPU_CORTEX_M0PLUS": "thumbv6m-none-eabi",
    "CPU_CORTEX_M3": "thumbv7m-none-eabi",
    "CPU_CORTEX_M4": "thumbv7em-none-eabi",
    "CPU_CORTEX_M4 FP_SOFTABI": "thumbv7em-none-eabi",
    "CPU_CORTEX_M4 FP_HARDABI": "thumbv7em-none-eabihf",
    "CPU_CORTEX_M7 FP_HARDABI": "thumbv7em-none-eabihf",
    "CPU_CORTEX_M23 ARMV8_M_BASELINE": "thumbv8m.base-none-eabi",
    "CPU_CORTEX_M33 ARMV8_M_MAINLINE": "thumbv8m.main-none-eabi",
    "CPU_CORTEX_M55 ARMV8_M_MAINLINE FP_HARDABI": "thumbv8m.main-none-eabihf",
    "RISCV RISCV_ISA_EXT_M RISCV_ISA_EXT_C": "riscv32imc-unknown-none-elf",
    "RISCV RISCV_ISA_EXT_M RISCV_ISA_EXT_A RISCV_ISA_EXT_C": "riscv32imac-unknown-none-elf",
    "RISCV RISCV_ISA_EXT_M RISCV_ISA_EXT_A RISCV_ISA_EXT_C FLOAT_HARD": (
        "riscv32imafc-unknown-none-elf"
    ),
    "RISCV 64BIT RISCV_ISA_EXT_M RISCV_ISA_EXT_A RISCV_ISA_EXT_C": "",
    "RISCV RISCV_ISA_EXT_M RISCV_ISA_EXT_A": "",
    "RISCV RISCV_ISA_EXT_M RISCV_ISA_EXT_A RISCV_ISA_EXT_C FLOAT_HARD RISCV_ISA_EXT_D": "",
    "RISCV RISCV_ISA_EXT_M RISCV_ISA_EXT_C FLOAT_HARD": "",
    "X86": "",
    "XTENSA": "",
}


@pytest.mark.parametrize("processor", PROCESSORS)
def test_processors_and_their_libraries(processor: str, tmp_path: Path) -> None:
    package = unpack("zephyr", tmp_path)
    script = Path(__file__).parent / "zephyr_target.py"
    # The environment of pytest is another than that of the tools.
    chosen = run(TOOLS / "python", script, package / "zephyr/Kconfig", *processor.split()).strip()
    assert chosen == PROCESSORS[processor]
    assert not chosen or (package / "lib" / chosen / "libseal.a").exists()


def configure(package: Path, target: str) -> tuple[int, str]:
    process = attempt(
        *("cmake", f"-DCONFIG_LIBSEAL_TARGET={target}", f"-Dmodule={package}"),
        *("-P", STUBS / "zephyr/module.cmake"),
    )
    return process.returncode, " ".join(process.stdout.split())


def test_the_chosen_library_is_linked(tmp_path: Path) -> None:
    package = unpack("zephyr", tmp_path)
    code, printed = configure(package, "thumbv7m-none-eabi")
    assert code == 0, printed
    assert "links thumbv7m-none-eabi/libseal.a" in printed
    assert "compiles aeabi.c random.c" in printed


def test_a_processor_without_a_library_is_refused(tmp_path: Path) -> None:
    code, printed = configure(unpack("zephyr", tmp_path), "")
    assert code != 0
    assert "This module has no libseal for the processor of some_board" in printed
    assert "Rust's compiler cannot compile for Xtensa" in printed


def test_the_source_of_random_bytes_gives_up_in_time(tmp_path: Path) -> None:
    package = unpack("zephyr", tmp_path)
    source = package / "zephyr/random.c"
    configured = tmp_path / "random.c"
    main = tmp_path / "main.c"
    test = Path(__file__).parent / "zephyr_random.c"
    for file, text in ((configured, f'#include "{source}"\n'), (main, f'#include "{test}"\n')):
        file.write_text(
            "#define CONFIG_CSPRNG_ENABLED 1\n#define CONFIG_LIBSEAL_RANDOM_TIMEOUT_MS 100\n" + text
        )
    program = compile_here(
        tmp_path / "program", [configured, main], [package / "include", STUBS / "zephyr"]
    )
    assert run(program) == "passed\n"


def test_a_board_without_a_driver_for_random_numbers_is_refused(tmp_path: Path) -> None:
    package = unpack("zephyr", tmp_path)
    with pytest.raises(AssertionError, match=r"sys_csrand_get\(\) is missing"):
        compile_here(
            tmp_path / "program",
            [package / "zephyr/random.c"],
            [package / "include", STUBS / "zephyr"],
        )


@pytest.mark.skipif(
    "ZEPHYR_BASE" not in os.environ,
    reason="there is no Zephyr here: set ZEPHYR_BASE, and the toolchain as for `west build`",
)
def test_the_sample_runs_in_an_emulator(tmp_path: Path) -> None:
    package = unpack("zephyr", tmp_path)
    # Zephyr before 3.7 lacks some of what the module takes; other modules can bring it.
    modules = ";".join([str(package), *os.environ.get("LIBSEAL_ZEPHYR_MODULES", "").split()])
    board = os.environ.get("LIBSEAL_ZEPHYR_BOARD", "mps2/an385")
    build = tmp_path / "build"
    run(
        *("cmake", "-GNinja", "-S", package / "samples/seal", "-B", build, f"-DBOARD={board}"),
        *(f"-DEXTRA_ZEPHYR_MODULES={modules}", "-DEXTRA_CONF_FILE=emulator.conf"),
    )
    run("ninja", "-C", build)
    # Zephyr does not end.
    emulator = attempt(
        *("timeout", "10", "qemu-system-arm", "-M", "mps2-an385", "-nographic"),
        *("-kernel", build / "zephyr/zephyr.elf"),
    )
    assert unsealed(emulator.stdout) == b"21.5 C"
