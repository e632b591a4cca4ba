"""The recipe for Conan: builds the library and a program, and runs that."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.ecosystems.package import TOOLS, VERSION, attempt, run, unpack, unsealed
from tests.packages.quick import not_quick

# Quick to compile, rather than quick.
COMPILED_FAST = {
    "CARGO_PROFILE_RELEASE_LTO": "off",
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
    "CARGO_PROFILE_RELEASE_OPT_LEVEL": "1",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Conan's own folder, with a profile for this machine."""
    home = tmp_path_factory.mktemp("conan")
    run("conan", "profile", "detect", environment={"CONAN_HOME": str(home)})
    return home


@pytest.fixture(scope="module")
def cargo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What cargo builds for one package and can take for the next."""
    return tmp_path_factory.mktemp("cargo")


@not_quick
@pytest.mark.parametrize("shared", [False, True])
def test_the_package_is_created_and_tested(
    shared: bool, home: Path, cargo: Path, tmp_path: Path
) -> None:
    recipe = unpack("conan", tmp_path)
    printed = run(
        *("conan", "create", recipe, "-o", f"libseal/*:shared={shared}"),
        environment={**COMPILED_FAST, "CARGO_TARGET_DIR": str(cargo), "CONAN_HOME": str(home)},
    )
    assert f"libseal {VERSION} sealed: " in printed
    assert unsealed(printed) == b"21.5 C"

    package = next(
        folder
        for folder in home.glob("p/b/libse*/p")
        if (folder / "lib/libseal.so").exists() == shared
    )
    assert (package / "include/libseal.h").exists()
    assert (package / "licenses/LICENSE-MIT").exists()
    program = next(tmp_path.glob("libseal/test_package/build/*/test_package"))
    needed = subprocess.check_output(["readelf", "--dynamic", program], text=True)
    assert ("libseal.so" in needed) == shared

    if not shared:
        assert unsealed(run(project_of_the_readme(recipe, home))) == b"21.5 C"


def project_of_the_readme(recipe: Path, home: Path) -> Path:
    """A program that takes the package, built as the README says."""
    readme = (recipe / "README.md").read_text()
    requires = re.search(r"```ini\n(.*?)```", readme, re.DOTALL)
    *_, build = re.findall(r"```sh\n(.*?)```", readme, re.DOTALL)
    assert requires
    project = recipe.parent / "project"
    shutil.copytree(recipe / "test_package", project, ignore=lambda *_: ["build", "conanfile.py"])
    (project / "conanfile.txt").write_text(requires[1])
    run("sh", "-euc", build, cwd=project, environment={"CONAN_HOME": str(home)})
    return project / "build/test_package"


def test_another_machine_is_refused(home: Path, tmp_path: Path) -> None:
    process = attempt(
        *("conan", "create", unpack("conan", tmp_path), "-s:h", "arch=armv7"),
        environment={"CONAN_HOME": str(home)},
    )
    assert process.returncode != 0
    assert "make dist-c TARGET=" in process.stdout


def test_missing_rust_is_named(home: Path, tmp_path: Path) -> None:
    # Conan itself needs no other program for this.
    process = subprocess.run(
        [TOOLS / "conan", "create", unpack("conan", tmp_path), "-o", "libseal/*:shared=True"],
        env={"CONAN_HOME": str(home), "HOME": str(tmp_path), "PATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert process.returncode != 0
    assert "Rust is missing: install cargo" in process.stdout
