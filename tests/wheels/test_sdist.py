"""What pip does with the sdist, in an environment that has nothing else."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packages.quick import not_quick
from tests.wheels.conftest import Report
from tests.wheels.released import DIST, ROOT, SDIST

TRY = """
import libseal
unwrap = libseal.LocalUnwrapper(libseal.generate_private_key())
message = libseal.seal(unwrap.public_key, b"data")
assert libseal.unseal(message, unwrap) == b"data"
"""


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    assert SDIST.exists(), f"{SDIST.name} is not in {DIST}: run `make sdist`"
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    return tmp_path / "venv"


def install(environment: Path, path: str, target: Path) -> subprocess.CompletedProcess[str]:
    variables = os.environ | {"PATH": path, "CARGO_TARGET_DIR": str(target)}
    command = [str(environment / "bin/python"), "-m", "pip", "install", "--quiet", str(SDIST)]
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)


@not_quick
def test_it_builds_with_nothing_but_rust_and_a_c_compiler(
    environment: Path, report: Report
) -> None:
    cargo = shutil.which("cargo")
    assert cargo
    path = os.pathsep.join([str(Path(cargo).parent), "/usr/bin", "/bin"])
    # What is built stays for the next time.
    done = install(environment, path, ROOT / "target/sdist")
    assert done.returncode == 0, done.stdout + done.stderr
    subprocess.run([str(environment / "bin/python"), "-I", "-c", TRY], check=True)
    report.add(SDIST, "installed by pip in an empty environment")


def test_without_rust_it_says_what_to_install(environment: Path, tmp_path: Path) -> None:
    done = install(environment, str(tmp_path), tmp_path / "target")
    assert done.returncode != 0
    assert "Rust" in done.stderr
    assert "rustup" in done.stderr
    found = list(environment.glob("lib/python3*/site-packages/libseal*"))
    assert not found
