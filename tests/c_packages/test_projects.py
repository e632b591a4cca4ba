"""Projects with CMake and Meson, in C and C++, with the static and the shared library."""

import shutil
from pathlib import Path

import pytest

from tests.c_packages.tree import MUSL, PROJECT, Tree, attempt, dynamic, extract, run

PROGRAMS = ["static_c", "static_cpp", "shared_c", "shared_cpp"]


def configure(tree: Tree, build: Path, *options: str) -> tuple[str | Path, ...]:
    return (
        "cmake",
        "-G",
        "Ninja",
        "-S",
        PROJECT,
        "-B",
        build,
        f"-DCMAKE_PREFIX_PATH={tree.folder}",
        *options,
    )


def check(tree: Tree, build: Path, programs: list[str]) -> None:
    for program in programs:
        tree.check(build / program)
        assert ("libseal.so" in dynamic(build / program)) == ("static" not in program)


def test_cmake(tree: Tree, tmp_path: Path) -> None:
    run(*configure(tree, tmp_path))
    run("cmake", "--build", tmp_path)
    check(tree, tmp_path, [*PROGRAMS, "libseal_c", "libseal_cpp"])


def test_meson(tree: Tree, tmp_path: Path) -> None:
    found = {"PKG_CONFIG_PATH": tree.lib / "pkgconfig"}
    run("meson", "setup", tmp_path, PROJECT, **found)
    run("meson", "compile", "-C", tmp_path, **found)
    check(tree, tmp_path, PROGRAMS)


def test_cmake_with_musl(tmp_path: Path) -> None:
    tree = Tree(extract(MUSL, tmp_path))
    main = PROJECT / "CMakeLists.txt"
    project = tmp_path / "project"
    project.mkdir()
    shutil.copy(PROJECT / "program.c", project)
    text = main.read_text().replace(" CXX", "").replace("static shared libseal", "static")
    text = "\n".join(line for line in text.splitlines() if "cpp" not in line)
    (project / "CMakeLists.txt").write_text(text)
    options = ["-DCMAKE_C_COMPILER=musl-gcc", "-DCMAKE_EXE_LINKER_FLAGS=-static"]
    build = tmp_path / "build"
    run(
        "cmake",
        "-G",
        "Ninja",
        "-S",
        project,
        "-B",
        build,
        f"-DCMAKE_PREFIX_PATH={tree.folder}",
        *options,
    )
    run("cmake", "--build", build)
    tree.check(build / "static_c")
    assert "There is no dynamic section" in dynamic(build / "static_c")


@pytest.mark.parametrize("missing", ["lib/libseal.a", "include/libseal_seal.h"])
def test_cmake_says_what_is_missing(missing: str, trees: dict[str, Tree], tmp_path: Path) -> None:
    broken = Tree(tmp_path / "broken")
    shutil.copytree(trees["archive"].folder, broken.folder, symlinks=True)
    (broken.folder / missing).unlink()
    result = attempt(*configure(broken, tmp_path / "build"))
    assert result.status != 0
    said = " ".join(result.output.split())
    assert f"parts of libseal are missing in {broken.folder}" in said
