from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packages.quick import QUICK
from tests.wheels.released import DIST, ROOT, SDIST, WHEELS, Wheel

REPORT = ROOT / "build/release/wheels.tsv"


class Report:
    """How each artefact was tried, for the table of the release."""

    def __init__(self) -> None:
        self.tried: dict[Path, list[str]] = {}

    def add(self, artefact: Path, how: str) -> None:
        self.tried.setdefault(artefact, []).append(how)

    def lines(self) -> Iterator[str]:
        targets = {wheel.path: str(wheel) for wheel in WHEELS} | {SDIST: "sources"}
        for path, target in targets.items():
            if path.exists():
                how = "; ".join(self.tried.get(path, ["built, not run: no Python for it here"]))
                yield f"{path.name}\t{target}\t{how}\n"


@pytest.fixture(scope="session")
def report() -> Iterator[Report]:
    report = Report()
    yield report
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text("".join(report.lines()))


@pytest.fixture(params=WHEELS, ids=str)
def wheel(request: pytest.FixtureRequest) -> Wheel:
    wheel = request.param
    assert isinstance(wheel, Wheel)
    if QUICK and not wheel.path.exists():
        pytest.skip(f"{wheel} was not built: PACKAGES=quick")
    assert wheel.path.exists(), f"{wheel.path.name} is not in {DIST}: run `make wheels`"
    return wheel
