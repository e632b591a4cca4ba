"""The folders that programs find the library in."""

from pathlib import Path

import pytest

from tests.c_packages.tree import HOST, Tree, extract, installed, moved


@pytest.fixture(scope="session")
def trees(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tree]:
    def folder(name: str) -> Path:
        return tmp_path_factory.mktemp(name)

    return {
        "installed": installed(folder("installed")),
        "archive": Tree(extract(HOST, folder("archive"))),
        "moved": moved(folder("moved")),
    }


@pytest.fixture(params=["installed", "archive", "moved"])
def tree(request: pytest.FixtureRequest, trees: dict[str, Tree]) -> Tree:
    return trees[request.param]
