"""The short form of the tests of packages: PACKAGES=quick leaves out what takes minutes."""

import os

import pytest

QUICK = os.environ.get("PACKAGES") == "quick"

not_quick = pytest.mark.skipif(QUICK, reason="PACKAGES=quick")
