"""The packed crate, and the cargo that builds it."""

import os
import re
import subprocess
import tarfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CARGO = os.environ.get("CARGO", "cargo")

#: All but `fips`, which takes CMake and Go to build.
EVERY_FEATURE = "aws-lc-rs,local-unwrapper,rayon,tokio,x509"


class CargoFailed(Exception):
    """Cargo failed, and said this."""


def cargo(*arguments: str | Path, folder: Path, target: Path, **environment: str) -> str:
    """Runs cargo in a folder, without flags of the caller. Returns what it says."""
    inherited = {name: value for name, value in os.environ.items() if not name.endswith("FLAGS")}
    result = subprocess.run(
        [*CARGO.split(), *arguments],
        cwd=folder,
        env={**inherited, "CARGO_TARGET_DIR": str(target), "CARGO_INCREMENTAL": "0", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if result.returncode:
        raise CargoFailed(result.stdout)
    return result.stdout


@dataclass(frozen=True)
class Packed:
    """The crate, unpacked."""

    archive: Path
    folder: Path
    target: Path

    def cargo(self, *arguments: str | Path, **environment: str) -> str:
        return cargo(*arguments, folder=self.folder, target=self.target, **environment)

    @property
    def manifest(self) -> dict[str, Any]:
        return tomllib.loads((self.folder / "Cargo.toml").read_text())

    @property
    def minimum(self) -> str:
        """The oldest Rust, as `1.89`."""
        version: str = self.manifest["package"]["rust-version"]
        return version


def unpack(archive: Path, into: Path, target: Path) -> Packed:
    into.mkdir(exist_ok=True)
    with tarfile.open(archive) as tar:
        tar.extractall(into, filter="data")
    (folder,) = into.iterdir()
    return Packed(archive, folder, target)


@dataclass(frozen=True)
class Program:
    """A program that depends on the packed crate, as its README says."""

    folder: Path
    target: Path

    def cargo(self, *arguments: str, **environment: str) -> str:
        return cargo(*arguments, folder=self.folder, target=self.target, **environment)


def program(crate: Packed, folder: Path, manifest: str, source: str, config: str = "") -> Program:
    """Makes one, with the crate unpacked beside it."""
    (folder / "src").mkdir(parents=True)
    (folder / crate.folder.name).symlink_to(crate.folder)
    package = '[package]\nname = "program"\nedition = "2024"\n\n[workspace]\n\n'
    (folder / "Cargo.toml").write_text(package + manifest)
    (folder / "src/main.rs").write_text(source)
    (folder / ".cargo").mkdir()
    (folder / ".cargo/config.toml").write_text(config)
    # The versions that were tested, and not the newest of today.
    (folder / "Cargo.lock").write_text((crate.folder / "Cargo.lock").read_text())
    return Program(folder, crate.target)


def readme_block(crate: Packed, title: str) -> str:
    """A block of code in the README of the crate, by the comment that it begins with."""
    text = (crate.folder / "README.md").read_text()
    block = re.search(rf"^```\w+\n(?:#|//) {re.escape(title)}\n(.*?)^```$", text, re.M | re.S)
    assert block is not None, f"no {title} in README.md"
    return block[1]


def program_source(name: str) -> str:
    return (Path(__file__).parent / "programs" / name).read_text()


def need_target(target: str) -> None:
    """Skips what this Rust cannot build for."""
    rustc = ["rustc", "--print", "target-libdir", "--target", target]
    folder = subprocess.run(rustc, capture_output=True, text=True)
    if folder.returncode or not list(Path(folder.stdout.strip()).glob("libcore-*.rlib")):
        pytest.skip(f"Rust cannot build for {target}; install it: rustup target add {target}")
