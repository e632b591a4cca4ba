"""What a wheel says about itself is true: where it runs, what it is made of."""

import base64
import csv
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection

from tests.wheels.released import DIST, ROOT, SDIST, Wheel

MEGABYTE = 1_000_000
# All that a Python has loaded anyway.
GLIBC = {"libc.so.6", "libpthread.so.0", "libdl.so.2", "libm.so.6", "librt.so.1"}
LOADERS = {"ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}


def members(wheel: Wheel) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel.path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def extension(wheel: Wheel) -> bytes:
    (name,) = (name for name in members(wheel) if name.endswith(".so"))
    return members(wheel)[name]


def run(*command: object) -> str:
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_is_small(wheel: Wheel) -> None:
    assert wheel.path.stat().st_size < 5 * MEGABYTE


def test_auditwheel_finds_the_policy_in_its_name(wheel: Wheel) -> None:
    if wheel.policy.startswith("musl"):
        # zig calls musl libc.so, as musl does; auditwheel knows only the name that Alpine gives it.
        # The next test says what the policy does.
        return
    shown = run(sys.executable, "-m", "auditwheel", "show", wheel.path).replace("\n", " ")
    assert f'following platform tag: "{wheel.policy}"' in shown


def test_it_needs_no_newer_symbol_and_no_other_library(wheel: Wheel) -> None:
    file = ELFFile(io.BytesIO(extension(wheel)))
    dynamic = file.get_section_by_name(".dynamic")
    assert isinstance(dynamic, DynamicSection)
    libraries = {tag.needed for tag in dynamic.iter_tags("DT_NEEDED")}
    needs = file.get_section_by_name(".gnu.version_r")
    versions = set()
    if isinstance(needs, GNUVerNeedSection):
        versions = {one.name for _, ones in needs.iter_versions() for one in ones}
    if wheel.policy.startswith("musl"):
        assert libraries <= {"libc.so"}
        assert not versions
    else:
        assert libraries <= GLIBC | LOADERS
        assert versions
        numbers = {tuple(map(int, re.findall(r"\d+", version))) for version in versions}
        assert max(numbers) <= (2, 17)


def test_an_abi3_wheel_uses_only_the_stable_abi_of_3_11(wheel: Wheel) -> None:
    if wheel.is_stable:
        run(Path(sys.executable).with_name("abi3audit"), "--strict", wheel.path)
    else:
        assert b"PyInit__libseal" in extension(wheel)


def test_its_record_is_right(wheel: Wheel) -> None:
    found = members(wheel)
    (record,) = (name for name in found if name.endswith(".dist-info/RECORD"))
    listed = list(csv.reader(io.StringIO(found[record].decode())))
    assert {name for name, _, _ in listed} == set(found)
    for name, digest, length in listed:
        if name != record:
            sha256 = base64.urlsafe_b64encode(hashlib.sha256(found[name]).digest()).decode()
            assert (digest, length) == (f"sha256={sha256.rstrip('=')}", str(len(found[name]))), name


def test_its_sbom_names_what_is_inside(wheel: Wheel) -> None:
    (sbom,) = (data for name, data in members(wheel).items() if ".dist-info/sboms/" in name)
    document = json.loads(sbom)
    assert document["bomFormat"] == "CycloneDX"
    names = {component["name"] for component in document["components"]}
    assert {"libseal", "aws-lc-sys", "pyo3", "rayon"} <= names


def test_nothing_in_it_tells_where_it_was_built(wheel: Wheel) -> None:
    cargo = os.environ.get("CARGO_HOME", str(Path.home() / ".cargo"))
    for name, data in members(wheel).items():
        for folder in (str(ROOT), cargo):
            assert folder.encode() not in data, f"{folder} in {name}"


def test_an_index_would_take_it(wheel: Wheel) -> None:
    run(sys.executable, "-m", "twine", "check", "--strict", wheel.path)


def test_an_index_would_take_the_sdist() -> None:
    assert SDIST.exists(), f"{SDIST.name} is not in {DIST}: run `make sdist`"
    run(sys.executable, "-m", "twine", "check", "--strict", SDIST)


@pytest.mark.parametrize("platform", ["win_amd64", "macosx_11_0_arm64", "manylinux2010_x86_64"])
def test_on_another_platform_pip_says_that_there_is_none(platform: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--no-index", "--find-links", str(DIST)]
    command += ["--only-binary=:all:", "--platform", platform, "--target", str(tmp_path), "libseal"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "No matching distribution found for libseal" in done.stderr
    assert not list(tmp_path.iterdir())
