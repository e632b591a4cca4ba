"""What a program that uses the library is compiled with."""

import re
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "ffi-c/package/libseal.pc.in"


def static_link_libs() -> list[str]:
    """The flags of the linker for libseal.a, as the pkg-config file says."""
    match = re.search(r"^Libs\.private: (.*)$", PACKAGE.read_text(), re.MULTILINE)
    assert match is not None
    return match[1].split()


def rust_flags(release: Path) -> list[str | Path]:
    """The flags of rustc for a program that uses the crate, built without features."""
    # The release build of the crate is for link-time optimisation by cargo alone.
    debug = release.with_name("debug")
    crate = f"--extern=libseal={debug / 'liblibseal.rlib'}"
    return ["--edition=2024", crate, f"-Ldependency={debug / 'deps'}"]
