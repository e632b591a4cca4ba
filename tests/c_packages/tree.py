"""Folders with an installed library, and programs built with what is in them."""

import os
import shlex
import shutil
import subprocess
import tarfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = Path(__file__).parent / "project"
PROGRAM = PROJECT / "program.c"
KEY = ROOT / "tests/vectors/keys/rsa-2048.pub.der"
VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
HOST = os.environ.get("LIBSEAL_HOST", "x86_64-unknown-linux-gnu")
MUSL = HOST.replace("-gnu", "-musl")
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]


@dataclass(frozen=True)
class Result:
    status: int
    output: str


def attempt(*command: str | Path, cwd: Path = ROOT, **environment: str | Path) -> Result:
    # What make tells the make that it calls is not for those that tests call.
    inherited = {
        k: v for k, v in os.environ.items() if k not in {"MAKEFLAGS", "MFLAGS", "MAKELEVEL"}
    }
    process = subprocess.run(
        command,
        cwd=cwd,
        env=inherited | {"LC_ALL": "C"} | {key: str(value) for key, value in environment.items()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Result(process.returncode, process.stdout)


def run(*command: str | Path, cwd: Path = ROOT, **environment: str | Path) -> str:
    """What a command prints; it must succeed."""
    result = attempt(*command, cwd=cwd, **environment)
    assert result.status == 0, f"{' '.join(map(str, command))}\n{result.output}"
    return result.output


def files(folder: Path) -> list[str]:
    """All that is below a folder, but folders."""
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if not path.is_dir() or path.is_symlink()
    )


def archive(target: str) -> Path:
    return ROOT / f"dist/libseal-c-{VERSION}-{target}.tar.gz"


def extract(target: str, folder: Path) -> Path:
    """Extracts an archive; returns the folder that was in it."""
    with tarfile.open(archive(target)) as tar:
        tar.extractall(folder, filter="tar")
    return folder / f"libseal-c-{VERSION}-{target}"


@dataclass(frozen=True)
class Tree:
    """A folder with include, lib and share."""

    folder: Path

    @property
    def lib(self) -> Path:
        return self.folder / "lib"

    @property
    def archive_flags(self) -> list[str]:
        return [f"-I{self.folder}/include", f"{self.lib}/libseal.a"]

    def pkg_config(self, *options: str) -> list[str]:
        line = run("pkg-config", *options, "libseal", PKG_CONFIG_PATH=self.lib / "pkgconfig")
        return shlex.split(line)

    def check(self, program: Path, *, both_agree: bool = False) -> None:
        """Runs a program, with the shared library of this folder."""
        printed = run(program, KEY, LD_LIBRARY_PATH=self.lib)
        assert printed == "both agree; " * both_agree + "sealed 7 bytes\n"


def installed(folder: Path, *settings: str) -> Tree:
    """What `make install` installs on this machine."""
    run("make", "install", f"DESTDIR={folder}", "PREFIX=/opt/seal", *settings)
    return Tree(folder / "opt/seal")


def moved(folder: Path) -> Tree:
    """The archive for this machine, extracted and moved to where there is a blank in the path."""
    extracted = extract(HOST, folder)
    return Tree(Path(shutil.move(extracted, folder / "with a blank")))


def dynamic(program: Path) -> str:
    """What a program loads."""
    return run("readelf", "--dynamic", program)
