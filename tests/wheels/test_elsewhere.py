"""The wheels on the systems that they are for: `make wheel-pythons` gets a Python of each.

What runs there is a part of the suite that needs nothing but pytest: all vectors, and the classes
that everything else is made of.
"""

import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.wheels.conftest import Report
from tests.wheels.released import ELSEWHERE, FREE_THREADED, ROOT, WHEELS, Elsewhere

# Of py/tests.
EVERYWHERE = ["test_vectors.py", "test_machines.py", "test_header.py"]
# These start Pythons, or have many threads at work.
WITHOUT_THE_GIL = [
    *EVERYWHERE,
    "test_caching_unwrapper.py",
    "test_data_keys.py",
    "test_many.py",
    "test_sealing_key.py",
    "test_threads.py",
    "regressions/test_drawing_in_a_forked_child.py",
    "regressions/test_sealing_in_a_forked_child.py",
]


@pytest.fixture(params=ELSEWHERE, ids=lambda elsewhere: elsewhere.name)
def elsewhere(request: pytest.FixtureRequest) -> Elsewhere:
    elsewhere = request.param
    assert isinstance(elsewhere, Elsewhere)
    if not elsewhere.is_there():
        pytest.skip(f"no {elsewhere.name} here; to have it: {elsewhere.made_by}")
    return elsewhere


def install(elsewhere: Elsewhere, folder: Path) -> tuple[list[str], Path]:
    """Unpacks the wheel, and returns how to start a Python and where the wheel is."""
    argv, installed = elsewhere.argv(), folder / "installed"
    if len(argv) == 1:
        # A Python that runs as it is has an environment, which the Pythons that it starts share.
        subprocess.run([*argv, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
        argv = [str(folder / "venv/bin/python")]
        (installed,) = (folder / "venv").glob("lib/python3*/site-packages")
    with zipfile.ZipFile(elsewhere.wheel.path) as archive:
        archive.extractall(installed)
    return argv, installed


def run(elsewhere: Elsewhere, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv, installed = install(elsewhere, folder)
    # pytest, which is Python only.
    (tools,) = (ROOT / ".venv").glob("lib/python3*/site-packages")
    (installed / "tools.pth").write_text(f"{tools}\n")
    paths = [installed, ROOT / "py/tests", ROOT, tools]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        # Plugins may be for this system only.
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    return subprocess.run(
        [*argv, *arguments],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_passes_the_suite_there(
    elsewhere: Elsewhere, tmp_path: Path, report: Report
) -> None:
    tests = WITHOUT_THE_GIL if elsewhere.wheel == FREE_THREADED else EVERYWHERE
    # The plugins of the suite are for what is not run here.
    options = [
        "--noconftest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        str(ROOT / "py/pyproject.toml"),
    ]
    options += ["--basetemp", str(tmp_path / "tests"), "-W", "ignore::DeprecationWarning"]
    files = [str(ROOT / "py/tests" / name) for name in tests]
    done = run(elsewhere, tmp_path, "-m", "pytest", *options, *files)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    summary = done.stdout.strip().splitlines()[-1]
    report.add(elsewhere.wheel.path, f"{elsewhere.name}: {summary}")


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as wheel:
        names = [name for name in wheel.namelist() if name.startswith("libseal/")]
        return {name: wheel.read(name) for name in names}


def test_the_wheel_that_the_suite_tests_is_the_one_that_is_released(report: Report) -> None:
    (tested,) = (ROOT / "build/wheels").glob("*.whl")
    (released,) = (wheel for wheel in WHEELS if wheel.path.name == tested.name)
    assert members(tested) == members(released.path), "run `make wheels` again"
    report.add(released.path, "the whole suite, on this machine")


FORKS = """
import faulthandler, os, sys, threading, warnings
faulthandler.dump_traceback_later(60, exit=True)
warnings.simplefilter("ignore")
import libseal
assert not sys._is_gil_enabled(), "importing libseal turned the GIL on"

def forks():
    for _ in range(20):
        if (child := os.fork()) == 0:
            os._exit(0)
        os.waitpid(child, 0)

threads = [threading.Thread(target=forks) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("all forked")
"""


def test_without_the_gil_several_threads_may_fork(tmp_path: Path) -> None:
    (free_threaded,) = (one for one in ELSEWHERE if one.wheel == FREE_THREADED)
    if not free_threaded.is_there():
        pytest.skip(f"no {free_threaded.name} here; to have it: {free_threaded.made_by}")
    done = run(free_threaded, tmp_path, "-c", FORKS)
    assert done.stdout == "all forked\n", done.stderr
