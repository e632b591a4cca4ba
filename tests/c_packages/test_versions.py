"""A header and a library of different versions."""

from pathlib import Path

import pytest

from tests.c_packages.tree import KEY, PROGRAM, PROJECT, Tree, attempt, run


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize(
    ("asked", "fits"),
    [
        ("", True),
        ("0", True),
        ("0.1", True),
        ("0.1.0", True),
        ("0.1.1", False),
        ("0.2", False),
        ("0.0.9", False),
        ("1", False),
        ("0.1...<0.3", True),
        ("0.2...<0.3", False),
    ],
)
def test_cmake_finds_what_fits(
    asked: str, fits: bool, bits: int, trees: dict[str, Tree], tmp_path: Path
) -> None:
    major, minor, _ = (asked.split("...")[0] + "..").split(".", 2)
    low, _, high = asked.partition("...<")
    script = tmp_path / "script.cmake"
    script.write_text(
        f'set(PACKAGE_FIND_VERSION "{low}")\n'
        f'set(PACKAGE_FIND_VERSION_RANGE "{asked if high else ""}")\n'
        f'set(PACKAGE_FIND_VERSION_RANGE_MAX "EXCLUDE")\n'
        f'set(PACKAGE_FIND_VERSION_MIN "{low}")\n'
        f'set(PACKAGE_FIND_VERSION_MAX "{high}")\n'
        f'set(PACKAGE_FIND_VERSION_MAJOR "{major or 0}")\n'
        f'set(PACKAGE_FIND_VERSION_MINOR "{minor or 0}")\n'
        f"set(PACKAGE_FIND_VERSION_COUNT {len(low.split('.')) if low else 0})\n"
        f"set(CMAKE_SIZEOF_VOID_P {bits // 8})\n"
        f'include("{trees["archive"].lib}/cmake/libseal/libsealConfigVersion.cmake")\n'
        'message("${PACKAGE_VERSION_COMPATIBLE} ${PACKAGE_VERSION_UNSUITABLE}")\n'
    )
    compatible, unsuitable = run("cmake", "-P", script).removesuffix("\n").split(" ")
    assert (compatible == "TRUE") == fits
    assert (unsuitable == "TRUE") == (bits == 32)


def test_cmake_refuses_another_version(trees: dict[str, Tree], tmp_path: Path) -> None:
    prefix = f"-DCMAKE_PREFIX_PATH={trees['archive'].folder}"
    result = attempt("cmake", "-G", "Ninja", "-S", PROJECT, "-B", tmp_path, prefix, "-DASK_FOR=0.2")
    assert result.status != 0
    said = " ".join(result.output.split())
    assert 'compatible with requested version "0.2"' in said
    assert "libsealConfig.cmake, version: 0.1.0" in said


def test_pkg_config_refuses_a_later_version(trees: dict[str, Tree]) -> None:
    found = {"PKG_CONFIG_PATH": trees["archive"].lib / "pkgconfig"}
    run("pkg-config", "--exists", "libseal >= 0.1", "libseal < 0.2", **found)
    result = attempt("pkg-config", "--print-errors", "--exists", "libseal >= 0.2", **found)
    assert result.status != 0
    assert "'0.1.0'" in result.output


def test_a_program_can_tell(trees: dict[str, Tree], tmp_path: Path) -> None:
    tree = trees["archive"]
    for header in (tree.folder / "include").iterdir():
        text = header.read_text()
        text = text.replace("LIBSEAL_VERSION_MINOR 1", "LIBSEAL_VERSION_MINOR 2")
        (tmp_path / header.name).write_text(text.replace('"0.1.0"', '"0.2.0"'))
    flags = [f"-I{tmp_path}", *tree.pkg_config("--libs")]
    run("gcc", PROGRAM, *flags, "-o", tmp_path / "program")
    result = attempt(tmp_path / "program", KEY, LD_LIBRARY_PATH=tree.lib)
    assert result.status == 2
    assert result.output == "the header is 0.2.0, the library 0.1.0\n"


def test_the_loader_takes_no_other_abi(trees: dict[str, Tree], tmp_path: Path) -> None:
    tree = trees["archive"]
    program = tmp_path / "program"
    run("gcc", PROGRAM, *tree.pkg_config("--cflags", "--libs"), "-o", program)
    (tmp_path / "libseal.so.0.2").symlink_to(tree.lib / "libseal.so")
    result = attempt(program, KEY, LD_LIBRARY_PATH=tmp_path)
    assert result.status != 0
    assert "libseal.so.0.1: cannot open shared object file" in result.output
