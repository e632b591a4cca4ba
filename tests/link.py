"""What a program that uses the library is compiled with."""

import subprocess
from pathlib import Path

LINK_LIBS = Path(__file__).parents[1] / "ffi-c/package/link_libs.sh"


def static_link_libs(*target: str) -> list[str]:
    """The flags of the linker for libseal.a, as the pkg-config file has them."""
    return subprocess.check_output([LINK_LIBS, *target], text=True).split()


def rust_flags(release: Path) -> list[str | Path]:
    """The flags of rustc for a program that uses the crate, built without features."""
    # The release build of the crate is for link-time optimisation by cargo alone.
    debug = release.with_name("debug")
    crate = f"--extern=libseal={debug / 'liblibseal.rlib'}"
    return ["--edition=2024", crate, f"-Ldependency={debug / 'deps'}"]
