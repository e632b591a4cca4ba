"""The library for PlatformIO: packed with `pio`, and in projects built with `pio` and emulated.

PlatformIO would download its platforms and SCons. Here `pio_platform` stands for a platform, with
the compilers of this machine, and SCons is in the environment.
"""

import json
import shutil
import sys
import tarfile
from pathlib import Path

import pytest

import libseal
from tests.ecosystems.package import (
    KEYS,
    ROOT,
    STUBS,
    TOOLS,
    archive,
    attempt,
    compile_here,
    run,
    unpack,
)

FIRMWARE = ROOT / "examples/firmware"

# The list of licences is downloaded to check ours against.
PIO = """\
import sys
from platformio.__main__ import main
from platformio.dependencies import get_core_dependencies
from platformio.package.manifest.schema import ManifestSchema

known = {"licenses": [{"licenseId": "MIT"}, {"licenseId": "Apache-2.0"}]}
ManifestSchema.load_spdx_licenses = staticmethod(lambda: known)
if sys.argv[1:] == ["scons-version"]:
    print(get_core_dependencies()["tool-scons"].lstrip("~"))
    sys.exit()
sys.exit(main())
"""


def environment(core: Path) -> dict[str, str]:
    return {
        "PLATFORMIO_CORE_DIR": str(core),
        "PLATFORMIO_SETTING_ENABLE_TELEMETRY": "no",
        "PLATFORMIO_SETTING_CHECK_PLATFORMIO_INTERVAL": "10000",
        "PLATFORMIO_NO_ANSI": "yes",
    }


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """PlatformIO's own folder, in which SCons is installed."""
    core = tmp_path_factory.mktemp("platformio")
    scons = core / "packages/tool-scons"
    scons.mkdir(parents=True)
    (scons / "scons.py").write_text("from SCons.Script.Main import main\nmain()\n")
    version = run(
        TOOLS / "python", "-c", PIO, "scons-version", environment=environment(core)
    ).split()[-1]
    package = {"name": "tool-scons", "version": version}
    (scons / "package.json").write_text(json.dumps(package))
    spec = {"owner": "platformio", "id": 1, "name": "tool-scons", "requirements": None, "uri": None}
    (scons / ".piopm").write_text(json.dumps({"type": "tool", **package, "spec": spec}))
    return core


def test_pio_packs_it(core: Path, tmp_path: Path) -> None:
    package = unpack("platformio", tmp_path)
    run(
        *(TOOLS / "python", "-c", PIO, "pkg", "pack", package, "-o", tmp_path / "packed.tar.gz"),
        environment=environment(core),
    )
    with tarfile.open(tmp_path / "packed.tar.gz") as tar:
        packed = {member.name for member in tar if member.isfile()}
    with tarfile.open(archive("platformio")) as tar:
        assert packed == {member.name.removeprefix("libseal/") for member in tar if member.isfile()}
    manifest = json.loads((package / "library.json").read_text())
    for example in manifest["examples"]:
        for file in example["files"]:
            assert f"{example['base']}/{file}" in packed


BOARDS = {
    "thumbv7em-none-eabihf": (
        "-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16",
        "mps2-an386",
    ),
    "thumbv7em-none-eabi": ("-mcpu=cortex-m4 -mthumb", "mps2-an386"),
    "thumbv6m-none-eabi": ("-mcpu=cortex-m0 -mthumb", "microbit"),
    "riscv32imc-unknown-none-elf": ("-march=rv32imc -mabi=ilp32 -mcmodel=medany", "virt"),
}


def project(folder: Path, compiler: str | Path, flags: str, script: str, specs: str) -> Path:
    """The example for firmware, as a project for PlatformIO, with the library as its dependency."""
    folder.mkdir()
    shutil.copytree(FIRMWARE, folder / "src", ignore=shutil.ignore_patterns("Makefile", "*.md"))
    # The build folder is not where the linker looks for what a script includes.
    (folder / "platformio.ini").write_text(
        f"""\
[env:board]
platform = file://{Path(__file__).parent / "pio_platform"}
lib_deps = file://{archive("platformio")}
build_flags = -DKEY=\\"{KEYS / "rsa-2048.pub.der"}\\" -ffunction-sections
custom_compiler = {compiler}
custom_flags = {flags} {specs}
custom_link_flags = -nostartfiles -Wl,--gc-sections -L{FIRMWARE} -T{FIRMWARE / script}
"""
    )
    return folder


def pio_run(core: Path, folder: Path) -> tuple[int, str]:
    process = attempt(
        *(TOOLS / "python", "-c", PIO, "run", "-d", folder, "-v"), environment=environment(core)
    )
    return process.returncode, process.stdout


@pytest.mark.parametrize("target", BOARDS)
def test_a_project_is_built_with_the_library_that_fits(
    target: str, core: Path, tmp_path: Path
) -> None:
    flags, machine = BOARDS[target]
    arm = target.startswith("thumb")
    compiler = "arm-none-eabi-gcc" if arm else "riscv64-unknown-elf-gcc"
    if not shutil.which(compiler):
        pytest.skip(f"{compiler} is missing: `make firmware-tools` says what to install")
    specs = "--specs=nano.specs" if arm else "--specs=picolibc.specs"
    script = "cortex_m.ld" if arm else "riscv.ld"
    folder = project(tmp_path / "project", compiler, flags, script, specs)
    code, printed = pio_run(core, folder)
    assert code == 0, printed
    assert f"lib/{target}" in printed

    emulator = "qemu-system-arm" if arm else "qemu-system-riscv32 -bios none"
    if not shutil.which(emulator.split()[0]):
        pytest.skip(f"{emulator.split()[0]} is missing")
    sealed = run(
        *("timeout", "60", *emulator.split(), "-M", machine, "-display", "none"),
        *("-monitor", "none", "-serial", "none", "-chardev", "stdio,id=console"),
        *("-semihosting-config", "enable=on,target=native,chardev=console"),
        *("-icount", "shift=0", "-kernel", folder / ".pio/build/board/program.elf"),
    )
    readings = [line for line in sealed.splitlines() if line.startswith("reading: ")]
    unwrap = libseal.LocalUnwrapper((KEYS / "rsa-2048.key.pem").read_bytes())
    message = bytes.fromhex(readings[0].removeprefix("reading: "))
    assert libseal.unseal(message, unwrap, require={"device": "42"}) == b"21.5 C"


def test_xtensa_is_refused_with_the_reason(core: Path, tmp_path: Path) -> None:
    compiler = tmp_path / "xtensa-gcc"
    compiler.write_text(f"#!{sys.executable}\nprint('#define __XTENSA__ 1')\n")
    compiler.chmod(0o755)
    code, printed = pio_run(core, project(tmp_path / "project", compiler, "", "riscv.ld", ""))
    assert code != 0
    assert "libseal does not run on an Xtensa" in printed
    assert "Take a board with another processor" in printed


def test_other_processors_are_refused(core: Path, tmp_path: Path) -> None:
    code, printed = pio_run(core, project(tmp_path / "project", "cc", "", "riscv.ld", ""))
    assert code != 0
    assert "This package has no libseal for this processor" in printed


def test_the_generator_of_an_stm32_with_a_stub_of_it(tmp_path: Path) -> None:
    package = unpack("platformio", tmp_path)
    source = package / "examples/seal_stm32/src"
    main = Path(__file__).parent / "stm32_random.c"
    program = compile_here(
        tmp_path / "program", [source / "stm32_random.c", main], [source, STUBS / "stm32"]
    )
    assert run("timeout", "20", program) == "passed\n"
