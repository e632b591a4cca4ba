"""What `make release` says about what it made."""

import subprocess
from pathlib import Path

import pytest

from tests.packages.release import write


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    dist, tests = tmp_path / "dist", tmp_path / "tests"
    dist.mkdir()
    tests.mkdir()
    (dist / "a.whl").write_bytes(bytes(2_500_000))
    (dist / "b.tar.gz").write_bytes(bytes(1_000))
    (tests / "elsewhere.tsv").write_text("a.whl\tmanylinux_2_17\tin an emulator\n")
    (tests / "wheels.tsv").write_text("a.whl\tmanylinux_2_17\tinstalled\n")
    return dist, tests


def test_table_says_what_was_not_tested(folders: tuple[Path, Path]) -> None:
    dist, tests = folders
    assert write(dist, tests, "1.2.3", "abc") == 1
    text = (dist / "README.md").read_text()
    assert "| a.whl | 2.5 MB | manylinux_2_17 | in an emulator; installed |" in text
    assert "| b.tar.gz | 1 kB |  | **not tested** |" in text
    assert "1.2.3" in text
    assert "abc" in text


def test_sums_are_checked_by_sha256sum(folders: tuple[Path, Path]) -> None:
    dist, tests = folders
    write(dist, tests, "1.2.3", "abc")
    check = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    subprocess.run(check, cwd=dist, check=True, capture_output=True)
    (dist / "b.tar.gz").write_bytes(b"another")
    assert subprocess.run(check, cwd=dist, capture_output=True).returncode != 0


def test_second_run_changes_nothing(folders: tuple[Path, Path]) -> None:
    dist, tests = folders
    write(dist, tests, "1.2.3", "abc")
    first = {path.name: path.read_bytes() for path in dist.iterdir()}
    write(dist, tests, "1.2.3", "abc")
    assert {path.name: path.read_bytes() for path in dist.iterdir()} == first


def test_what_was_tested_must_be_there(folders: tuple[Path, Path]) -> None:
    dist, tests = folders
    (dist / "a.whl").unlink()
    with pytest.raises(SystemExit, match=r"tested, but not in .*: a\.whl"):
        write(dist, tests, "1.2.3", "abc")


def test_nothing_to_release(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="is empty"):
        write(tmp_path, tmp_path, "1.2.3", "abc")
