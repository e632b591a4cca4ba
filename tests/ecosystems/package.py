"""The packages as their users get them, in dist/; and the tools of their ecosystems."""

import os
import re
import subprocess
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import libseal
from tests.link import static_link_libs

ROOT = Path(__file__).parents[2]
STUBS = Path(__file__).parent / "stubs"
KEYS = ROOT / "tests/vectors/keys"
VERSION = libseal.__version__
TOOLS = ROOT / "build/packages/bin"
RELEASE = Path(os.environ.get("LIBSEAL_RELEASE", ROOT / "target/release"))

HEX = re.compile(r"sealed: ([0-9a-f]+)")


def archive(ecosystem: str) -> Path:
    return ROOT / f"dist/libseal-{ecosystem}-{VERSION}.tar.gz"


def unpack(ecosystem: str, folder: Path) -> Path:
    """The package, in a folder that can be written to."""
    with tarfile.open(archive(ecosystem)) as tar:
        tar.extractall(folder, filter="data")
    return folder / "libseal"


def attempt(
    *command: str | Path, cwd: Path = ROOT, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """What a command prints, with the tools of the ecosystems; it may fail."""
    return subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | {"PATH": f"{TOOLS}:{os.environ['PATH']}"} | dict(environment or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def run(
    *command: str | Path, cwd: Path = ROOT, environment: Mapping[str, str] | None = None
) -> str:
    """What a command prints; it must succeed."""
    process = attempt(*command, cwd=cwd, environment=environment)
    assert process.returncode == 0, f"{' '.join(map(str, command))}\n{process.stdout}"
    return process.stdout


def compile_here(program: Path, sources: Sequence[Path], includes: Iterable[Path]) -> Path:
    """A program for this machine, with the library of this machine."""
    flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", *(f"-I{include}" for include in includes)]
    library: list[str | Path] = [RELEASE / "libseal.a", *static_link_libs()]
    run("cc", *flags, "-o", program, *sources, *library)
    return program


def unsealed(printed: str) -> bytes:
    """What was sealed in the message that an example printed."""
    found = HEX.search(printed)
    assert found, printed
    unwrap = libseal.LocalUnwrapper((KEYS / "rsa-2048.key.pem").read_bytes())
    return libseal.unseal(bytes.fromhex(found[1]), unwrap, require={"device": "42"})
