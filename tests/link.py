"""What a program that links libseal.a needs besides."""

import re
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "ffi-c/package/libseal.pc.in"


def static_link_libs() -> list[str]:
    """The flags for the linker, as the pkg-config file says."""
    match = re.search(r"^Libs\.private: (.*)$", PACKAGE.read_text(), re.MULTILINE)
    assert match is not None
    return match[1].split()
