"""What is in the packed crate, and that it is the same wherever it was packed."""

import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.crates.packed import ROOT, Packed, cargo
from tests.packages.quick import not_quick

URL = re.compile(r"https?://")


def test_it_has_what_its_users_read(crate: Packed) -> None:
    names = {path.name for path in crate.folder.iterdir()}
    assert names >= {"README.md", "FORMAT.md", "LICENSE-APACHE", "LICENSE-MIT", "src"}


def test_of_the_vectors_it_has_the_keys_alone(crate: Packed) -> None:
    files = [path for path in (crate.folder / "tests").rglob("*") if path.is_file()]
    assert {path.parent.name for path in files} == {"keys"}


def test_licences_and_keys_are_files_and_not_links(crate: Packed) -> None:
    with tarfile.open(crate.archive) as tar:
        assert all(member.isfile() for member in tar)


def test_it_is_smaller_than_a_tenth_of_what_a_registry_takes(crate: Packed) -> None:
    assert crate.archive.stat().st_size < 1_000_000


def test_no_manifest_names_a_place_that_is_not_there() -> None:
    manifests = [ROOT / "Cargo.toml", *ROOT.glob("*/Cargo.toml"), *ROOT.glob("*/*/Cargo.toml")]
    manifests.append(ROOT / "py/pyproject.toml")
    named = [path for path in manifests if URL.search(path.read_text())]
    assert named == []


def test_the_readme_links_to_nothing_outside_the_crate(crate: Packed) -> None:
    text = (crate.folder / "README.md").read_text()
    assert re.findall(r"\]\((?!#)[^)]*\)|https?://\S+", text) == []


def test_the_readme_names_the_oldest_rust_and_this_version(crate: Packed) -> None:
    text = (crate.folder / "README.md").read_text()
    assert f"Rust {crate.minimum} or later" in text
    assert set(re.findall(r"libseal-\d[\d.]*\d", text)) == {crate.folder.name}


def test_every_feature_is_in_the_table_of_the_documentation(crate: Packed) -> None:
    documentation = (crate.folder / "src/lib.rs").read_text()
    table = set(re.findall(r"^//! \| `([a-z0-9-]+)` \|", documentation, re.M))
    assert table == set(crate.manifest["features"]) - {"default"}


@pytest.mark.tries("the same bytes from two folders")
def test_it_is_the_same_bytes_from_another_folder_and_home(
    tmp_path: Path, crate: Packed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pack(name: str, **environment: str) -> bytes:
        folder = tmp_path / name
        subprocess.run(["git", "clone", "--quiet", "--shared", ROOT, folder], check=True)
        package = ["package", "--quiet", "--locked", "-p", "libseal", "--no-verify"]
        cargo(*package, folder=folder, target=folder / "target", **environment)
        return (folder / "target/package" / crate.archive.name).read_bytes()

    home = tmp_path / "home"
    home.mkdir()
    usual = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    (home / "registry").symlink_to(usual / "registry")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    first = pack("first")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "2")
    assert pack("a second one", CARGO_HOME=str(home)) == first


@not_quick
@pytest.mark.tries("cargo package --workspace")
def test_the_whole_workspace_can_be_packed(tmp_path: Path, crate: Packed) -> None:
    workspace = tmp_path / "workspace"
    subprocess.run(["git", "clone", "--quiet", "--shared", ROOT, workspace], check=True)
    cargo("package", "--workspace", "--locked", folder=workspace, target=crate.target / "workspace")
    shutil.rmtree(crate.target / "workspace/package")
