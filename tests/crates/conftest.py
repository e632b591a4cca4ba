"""The crate under test, and the note for `make release` of what was tried on it.

A test that is marked with `tries("the docs")` has its words in that note, among what was tried if
it passed, and among what was not if it was skipped.
"""

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.crates.packed import Packed, unpack

TRIED = pytest.StashKey[dict[str, str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--crate", type=Path, required=True, help="what `cargo package` made")
    parser.addoption("--target", type=Path, required=True, help="where cargo builds")
    parser.addoption("--deny", type=Path, required=True, help="the program cargo-deny")
    parser.addoption("--release", type=Path, required=True, help="the note for `make release`")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "tries(words): what a test tries, for `make release`")
    config.stash[TRIED] = {}


@pytest.fixture(scope="session")
def crate(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Packed:
    archive = Path(pytestconfig.getoption("--crate")).resolve()
    target = Path(pytestconfig.getoption("--target")).resolve()
    return unpack(archive, tmp_path_factory.mktemp("crate"), target)


@pytest.fixture(scope="session")
def cargo_deny(pytestconfig: pytest.Config) -> Path:
    return Path(pytestconfig.getoption("--deny")).resolve()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    tried = item.config.stash[TRIED]
    for mark in item.iter_markers("tries"):
        # One that was skipped or failed decides for all with the same words.
        if tried.get(mark.args[0], "passed") == "passed":
            tried[mark.args[0]] = report.outcome
    return report


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    note: Path = session.config.getoption("--release")
    note.unlink(missing_ok=True)
    if exitstatus != pytest.ExitCode.OK or session.config.option.collectonly:
        return
    tried = session.config.stash[TRIED]
    passed = [words for words, outcome in tried.items() if outcome == "passed"]
    skipped = [words for words, outcome in tried.items() if outcome == "skipped"]
    how = "unpacked: " + ", ".join(passed)
    if skipped:
        how += "; not tried: " + ", ".join(skipped)
    archive: Path = session.config.getoption("--crate")
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(f"{archive.name}\tRust\t{how}\n")
