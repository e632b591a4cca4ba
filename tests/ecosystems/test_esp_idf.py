"""The component for ESP-IDF: packed by its component manager, and built with stubs of ESP-IDF."""

import tarfile
from pathlib import Path

import pytest

from tests.ecosystems.package import STUBS, VERSION, attempt, compile_here, run, unpack, unsealed


def test_the_component_manager_packs_it(tmp_path: Path) -> None:
    package = unpack("esp-idf", tmp_path)
    run(
        *("compote", "component", "pack", "--name", "libseal"),
        *("--project-dir", package, "--dest-dir", tmp_path),
        environment={"IDF_COMPONENT_CACHE_PATH": str(tmp_path / "cache")},
    )
    names = set()
    for packed in (f"libseal_{VERSION}.tgz", f"libseal_{VERSION}_examples.tgz"):
        with tarfile.open(tmp_path / packed) as tar:
            names |= {name.removeprefix("./") for name in tar.getnames()}
    assert "lib/riscv32imc-unknown-none-elf/libseal.a" in names
    assert {"CMakeLists.txt", "include/libseal_seal.h"} <= names
    assert "seal/main/main.c" in names or "examples/seal/main/main.c" in names


CHIPS = {
    "esp32c2": "riscv32imc",
    "esp32c3": "riscv32imc",
    "esp32c5": "riscv32imac",
    "esp32c6": "riscv32imac",
    "esp32c61": "riscv32imac",
    "esp32h2": "riscv32imac",
    "esp32p4": "riscv32imafc",
}


def configure(package: Path, chip: str) -> tuple[int, str]:
    """What the CMakeLists.txt of the component says for a chip."""
    process = attempt(
        *("cmake", f"-Dchip={chip}", f"-Dcomponent={package}"),
        *("-P", STUBS / "esp_idf/component.cmake"),
    )
    return process.returncode, " ".join(process.stdout.split())


@pytest.mark.parametrize("chip", CHIPS)
def test_chips_and_their_libraries(chip: str, tmp_path: Path) -> None:
    package = unpack("esp-idf", tmp_path)
    code, printed = configure(package, chip)
    library = f"lib/{CHIPS[chip]}-unknown-none-elf/libseal.a"
    assert code == 0, printed
    assert f"links {library}" in printed
    assert (package / library).exists()


@pytest.mark.parametrize("chip", ["esp32", "esp32s2", "esp32s3"])
def test_xtensa_is_refused_with_the_reason(chip: str, tmp_path: Path) -> None:
    code, printed = configure(unpack("esp-idf", tmp_path), chip)
    assert code != 0
    assert f"libseal does not run on {chip}, which is an Xtensa" in printed
    assert "Take a RISC-V chip" in printed


def test_other_chips_are_refused(tmp_path: Path) -> None:
    code, printed = configure(unpack("esp-idf", tmp_path), "esp32x9")
    assert code != 0
    assert "This package has no libseal for esp32x9" in printed


def program(package: Path, main: Path) -> Path:
    """The component and a program, with stubs of ESP-IDF, for this machine."""
    example = package / "examples/seal/main"
    sources = [example / "seal_reading.c", package / "libseal_esp_random.c"]
    sources += [STUBS / "esp_idf/esp_idf.c", main]
    return compile_here(
        package / "program", sources, [example, package / "include", STUBS / "esp_idf"]
    )


def test_example(tmp_path: Path) -> None:
    package = unpack("esp-idf", tmp_path)
    assert unsealed(run(program(package, package / "examples/seal/main/main.c"))) == b"21.5 C"


def test_the_noise_is_on_while_bytes_are_read(tmp_path: Path) -> None:
    main = Path(__file__).parent / "esp_idf_random.c"
    assert run(program(unpack("esp-idf", tmp_path), main)) == "passed\n"
