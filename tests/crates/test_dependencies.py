"""cargo-deny accepts the dependencies, by deny.toml."""

import subprocess
from pathlib import Path

import pytest

from tests.crates.packed import ROOT


def deny(program: Path, *arguments: str, config: Path = ROOT / "deny.toml") -> str:
    """Returns what it objects to."""
    checked = subprocess.run(
        [
            program,
            "--locked",
            "--manifest-path",
            ROOT / "Cargo.toml",
            "--config",
            config,
            "check",
            *arguments,
        ],
        capture_output=True,
        text=True,
    )
    return checked.stderr if checked.returncode else ""


@pytest.mark.tries("licences and sources of dependencies")
def test_licences_versions_and_sources_are_as_we_allow(cargo_deny: Path) -> None:
    assert deny(cargo_deny, "licenses", "bans", "sources") == ""


def test_a_licence_that_is_not_allowed_is_found(cargo_deny: Path, tmp_path: Path) -> None:
    config = tmp_path / "deny.toml"
    config.write_text((ROOT / "deny.toml").read_text().replace('"ISC", ', ""))
    assert "license is not explicitly allowed" in deny(cargo_deny, "licenses", config=config)


@pytest.mark.tries("advisories on dependencies")
def test_there_is_no_advisory_that_we_do_not_know(cargo_deny: Path) -> None:
    objections = deny(cargo_deny, "advisories")
    if "failed to fetch advisory database" in objections:
        pytest.skip("the database of advisories is out of reach; try again with a network")
    assert objections == ""
