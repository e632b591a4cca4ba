"""What `make dist-c` packs."""

import json
import os
import tarfile
from pathlib import Path

import pytest

from tests.c_packages.tree import (
    HOST,
    MUSL,
    ROOT,
    VERSION,
    archive,
    attempt,
    extract,
    files,
    run,
)

FIRMWARE = "thumbv7em-none-eabihf"
PACKAGING = ROOT / "build/packages/bin/python"
TOOLS = ROOT / ".venv/bin/python"
DOC = "share/doc/libseal"
VALIDATE = """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(sys.argv[1]).read())
sys.exit(repr(error) if error else 0)
"""
IN_DOC = [
    *("LICENSE-APACHE", "LICENSE-MIT", "LICENSES-dependencies.txt", "README.md", "SHA256SUMS"),
    *("installed.lib", "libseal.cdx.json"),
]


@pytest.fixture(params=[HOST, MUSL])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return extract(request.param, tmp_path)


def pack(target: str, stage: Path) -> Path:
    """What `make dist-c` does with a library that is built, somewhere else."""
    packed = stage.with_suffix(".tar.gz")
    library = ROOT / "build" / target
    run(
        *("sh", "ffi-c/package/dist.sh", library, VERSION, target, stage, packed),
        SOURCE_DATE_EPOCH="1700000000",
        PYTHON=TOOLS,
    )
    return packed


def test_has_all_that_a_device_team_needs(folder: Path) -> None:
    assert files(folder) == sorted(
        [
            *(f"include/{header.name}" for header in (ROOT / "include").iterdir()),
            *("lib/libseal.a", "lib/libseal.so", "lib/libseal.so.0.1", f"lib/libseal.so.{VERSION}"),
            "lib/cmake/libseal/libsealConfig.cmake",
            "lib/cmake/libseal/libsealConfigVersion.cmake",
            "lib/pkgconfig/libseal.pc",
            *(f"{DOC}/{name}" for name in IN_DOC),
        ]
    )


def test_firmware_has_what_it_can_use(tmp_path: Path) -> None:
    if not (ROOT / "build" / FIRMWARE / "libseal.a").exists():
        pytest.skip(f"make lib-{FIRMWARE} did not run")
    pack(FIRMWARE, tmp_path / "firmware")
    assert files(tmp_path / "firmware") == sorted(
        [
            *("include/libseal_seal.h", "lib/libseal.a", "lib/pkgconfig/libseal.pc"),
            "lib/cmake/libseal/libsealConfig.cmake",
            "lib/cmake/libseal/libsealConfigVersion.cmake",
            *(f"{DOC}/{name}" for name in IN_DOC),
        ]
    )
    sbom = json.loads((tmp_path / f"firmware/{DOC}/libseal.cdx.json").read_text())
    readme = (tmp_path / f"firmware/{DOC}/README.md").read_text()
    assert "arm-none-eabi-gcc -mthumb -mcpu=cortex-m4" in readme
    assert "apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi" in readme
    names = {component["name"] for component in sbom["components"]}
    assert {"core", "sha2"} <= names
    assert not {"std", "rayon", "aes-gcm"} & names


def test_checksums(folder: Path) -> None:
    printed = run("sha256sum", "-c", f"{DOC}/SHA256SUMS", cwd=folder)
    checked = [line.removesuffix(": OK") for line in printed.splitlines()]
    assert sorted([*checked, f"{DOC}/SHA256SUMS"]) == files(folder)
    with (folder / "lib/libseal.a").open("ab") as file:
        file.write(b"x")
    result = attempt("sha256sum", "-c", f"{DOC}/SHA256SUMS", cwd=folder)
    assert result.status != 0
    assert "lib/libseal.a: FAILED" in result.output


def test_checksums_notice_a_link_that_was_lost(folder: Path) -> None:
    (folder / "lib/libseal.so").unlink()
    result = attempt("sha256sum", "-c", f"{DOC}/SHA256SUMS", cwd=folder)
    assert result.status != 0
    assert "lib/libseal.so: FAILED" in result.output


def test_readme_names_the_compiler_that_fits(tmp_path: Path) -> None:
    for target, compiler in {HOST: "\ncc program.c", MUSL: "\nmusl-gcc program.c"}.items():
        assert compiler in (extract(target, tmp_path) / DOC / "README.md").read_text()


def test_sbom(folder: Path) -> None:
    path = folder / DOC / "libseal.cdx.json"
    run(PACKAGING, "-W", "error", "-c", VALIDATE, path)
    sbom = json.loads(path.read_text())
    assert sbom["metadata"]["component"]["name"] == "libseal-c"
    components = {component["name"]: component for component in sbom["components"]}
    assert {"libseal", "std", "libunwind", "aes-gcm", "rayon"} <= components.keys()
    # What only tests, builds or other faces need is not in it.
    assert not {"cc", "pyo3", "aws-lc-rs", "tokio"} & components.keys()
    for component in components.values():
        assert component["licenses"], component
        assert ("hashes" in component) == (component["name"] not in {"libseal", "std", "libunwind"})


def test_licences_of_all_that_is_in_it(folder: Path) -> None:
    sbom = json.loads((folder / DOC / "libseal.cdx.json").read_text())
    text = (folder / DOC / "LICENSES-dependencies.txt").read_text()
    listed, *texts = text.split("-" * 80)
    owners = {owner for line in texts[::2] for owner in line.strip().split(", ")}
    for component in sbom["components"]:
        name = f"{component['name']}@{component['version']}"
        if component["name"] != "libseal":
            assert f"    {name}: " in listed
        if "purl" in component:
            assert name in owners


@pytest.mark.parametrize("target", [HOST, MUSL])
def test_names_no_folder_of_this_machine(target: str, tmp_path: Path) -> None:
    folder = extract(target, tmp_path)
    homes = {ROOT, Path.home(), Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))}
    for name in files(folder):
        content = (folder / name).read_bytes()
        for home in homes:
            assert f"{home}/".encode() not in content, name


def test_needs_an_old_glibc_only(tmp_path: Path) -> None:
    library = extract(HOST, tmp_path) / "lib/libseal.so"
    needed = run("readelf", "--version-info", library)
    versions = {
        tuple(map(int, word.removeprefix("GLIBC_").split(".")))
        for word in needed.split()
        if word.startswith("GLIBC_2")
    }
    assert versions
    assert max(versions) <= (2, 17)


def test_is_the_same_bytes_when_packed_again(tmp_path: Path) -> None:
    name = f"libseal-c-{VERSION}-{HOST}"
    first = pack(HOST, tmp_path / "a" / name)
    with tarfile.open(first) as tar:
        members = tar.getmembers()
    assert {(member.uid, member.gid, member.mtime) for member in members} == {(0, 0, 1700000000)}
    os.utime(ROOT / "build" / HOST / "libseal.a")
    other_folder = tmp_path / "another folder" / name
    assert pack(HOST, other_folder).read_bytes() == first.read_bytes()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ([], "name the machine: make dist-c TARGET="),
        (["TARGET=x86_64-unknown-linux-mussel"], "near it are: x86_64-unknown-linux-musl,"),
    ],
)
def test_bad_targets(settings: list[str], says: str) -> None:
    before = files(ROOT / "dist")
    result = attempt("make", "dist-c", *settings)
    assert result.status != 0
    assert says in result.output
    assert files(ROOT / "dist") == before


def test_nothing_is_packed_if_something_fails(tmp_path: Path) -> None:
    stage = tmp_path / "stage"
    library = ROOT / "build" / HOST
    packed = tmp_path / "packed.tar.gz"
    command = ("sh", "ffi-c/package/dist.sh", library, VERSION, HOST, stage, packed)
    result = attempt(*command, SOURCE_DATE_EPOCH="1", PYTHON="false")
    assert result.status != 0
    assert not packed.exists()
    assert archive(HOST).exists()
