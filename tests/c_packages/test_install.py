"""`make install` and `make uninstall`: where things go, and what is left after bad input."""

import shutil
import stat
from pathlib import Path

import pytest

from tests.c_packages.tree import HOST, ROOT, VERSION, Result, attempt, files, installed, run

PACKAGE = ROOT / "ffi-c/package"
DOC = "share/doc/libseal"
DEBIAN = Path("/etc/debian_version").exists()


def libdir(prefix: str, asked: str = "", target: str = "") -> Result:
    return attempt(PACKAGE / "libdir.sh", prefix, asked, target)


def test_installs_and_uninstalls(tmp_path: Path) -> None:
    tree = installed(tmp_path)
    lib = ["libseal.a", "libseal.so", "libseal.so.0.1", f"libseal.so.{VERSION}"]
    cmake = ["libsealConfig.cmake", "libsealConfigVersion.cmake"]
    assert files(tree.folder) == sorted(
        [
            *(f"include/{header.name}" for header in (ROOT / "include").iterdir()),
            *(f"lib/{name}" for name in lib),
            *(f"lib/cmake/libseal/{name}" for name in cmake),
            "lib/pkgconfig/libseal.pc",
            *(f"{DOC}/{name}" for name in ["LICENSE-APACHE", "LICENSE-MIT", "installed.lib"]),
        ]
    )
    others = [
        *("include/libseal_other.h", "lib/cmake/libseal/other.cmake", "lib/libseal.so.4.1"),
        *("lib/libsealing.a", f"{DOC}/NOTES"),
    ]
    for other in others:
        (tree.folder / other).touch()
    run("make", "uninstall", f"DESTDIR={tmp_path}", "PREFIX=/opt/seal")
    assert files(tree.folder) == others
    again = attempt("make", "uninstall", f"DESTDIR={tmp_path}", "PREFIX=/opt/seal")
    assert again.status != 0
    assert f"libseal is not installed in {tree.lib} (" in again.output
    assert "name its place with PREFIX=" in again.output


def test_anyone_may_read_it(tmp_path: Path) -> None:
    run("sh", "-c", f"umask 077; make install DESTDIR={tmp_path}/new PREFIX=/opt/seal")
    for path in (tmp_path / "new").rglob("*"):
        assert path.stat().st_mode & stat.S_IROTH, path


def test_prefix_may_have_blanks(tmp_path: Path) -> None:
    run("make", "install", f"PREFIX={tmp_path}/with a blank", "LIBDIR=lib64/seal")
    lib = tmp_path / "with a blank/lib64/seal"
    found = {"PKG_CONFIG_PATH": lib / "pkgconfig"}
    include = run("pkg-config", "--variable=includedir", "libseal", **found).strip()
    assert Path(include.replace("\\ ", " ")).resolve() == tmp_path / "with a blank/include"
    run("make", "uninstall", f"PREFIX={tmp_path}/with a blank", "LIBDIR=lib64/seal")
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    ("prefix", "asked", "expected"),
    [
        ("/usr/local", "", "lib"),
        ("/usr/local/", "/usr/local/lib64", "lib64"),
        ("/usr", "/usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"),
        ("/usr", "lib64/", "lib64"),
        ("/", "", "lib"),
        ("/", "/lib64", "lib64"),
    ],
)
def test_libdir(prefix: str, asked: str, expected: str) -> None:
    assert libdir(prefix, asked) == Result(0, f"{expected}\n")


@pytest.mark.skipif(not DEBIAN, reason="not Debian")
@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("", ""),
        ("aarch64-unknown-linux-gnu", "aarch64-linux-gnu"),
        ("armv7-unknown-linux-gnueabihf", "arm-linux-gnueabihf"),
        ("thumbv7neon-unknown-linux-gnueabihf", "arm-linux-gnueabihf"),
        ("riscv64gc-unknown-linux-gnu", "riscv64-linux-gnu"),
        ("i686-unknown-linux-gnu", "i386-linux-gnu"),
        ("x86_64-unknown-linux-musl", "x86_64-linux-musl"),
    ],
)
def test_libdir_of_debian(target: str, expected: str) -> None:
    multiarch = expected or run("cc", "-print-multiarch").strip()
    assert libdir("/usr", "", target) == Result(0, f"lib/{multiarch}\n")


def test_libdir_of_firmware() -> None:
    assert libdir("/usr", "", "thumbv7em-none-eabi") == Result(0, "lib\n")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (["PREFIX=opt"], "PREFIX must be an absolute path, such as /usr/local, and is 'opt'"),
        (["PREFIX="], "PREFIX must be an absolute path"),
        (["PREFIX=/opt", "LIBDIR=/usr/lib"], "LIBDIR must be in PREFIX (/opt), and is '/usr/lib'"),
        (["PREFIX=/opt", "LIBDIR=../lib"], "LIBDIR must be a path such as lib64"),
        (["PREFIX=/opt", "LIBDIR=-lib"], "and no - at its start, and is '-lib'"),
        (["PREFIX=/opt", "LIBDIR=a&b|c"], "LIBDIR must be a path such as lib64"),
        (["PREFIX=/opt", "LIBDIR=a\\b"], "LIBDIR must be a path such as lib64"),
        (["TARGET=aarch64-unknown-linux-gun"], "near it are: aarch64-unknown-linux-gnu,"),
    ],
)
@pytest.mark.parametrize("goal", ["install", "uninstall"])
def test_bad_settings(goal: str, settings: list[str], says: str, tmp_path: Path) -> None:
    if goal == "uninstall" and "TARGET" in settings[0]:
        says = "libseal is not installed in"
    result = attempt("make", goal, f"DESTDIR={tmp_path}/new", *settings)
    assert result.status != 0
    assert says in result.output
    assert list(tmp_path.iterdir()) == []


def tools(folder: Path, *names: str) -> Path:
    """A folder that has some of the tools of this machine, and no others."""
    folder.mkdir()
    for name in names:
        path = shutil.which(name)
        assert path is not None
        (folder / name).symlink_to(path)
    return folder


# What every system has.
MINIMAL = (
    *("awk", "basename", "cat", "cp", "date", "dirname", "env", "find", "grep", "make", "mkdir"),
    *("mktemp", "mv", "printf", "rm", "sed", "sh", "touch", "tr", "uname", "xargs"),
)


def test_lib_needs_cargo_and_a_linker_only(tmp_path: Path) -> None:
    """No clippy, no rustfmt, no Python."""
    binutils = ["ld.bfd", "nm", "objcopy", "ar"]
    only = tools(tmp_path / "bin", *MINIMAL, *binutils, "cc", "rustc")
    built = ROOT / "build" / HOST
    cargo = only / "cargo"
    cargo.write_text(
        "#!/bin/sh\n[ $1 = build ] && mkdir -p $CARGO_TARGET_DIR/release && "
        f"cp {built}/libseal.a {built}/libseal.so $CARGO_TARGET_DIR/release\n"
    )
    cargo.chmod(0o755)
    run("make", "lib", PATH=only, CARGO_TARGET_DIR=tmp_path)
    assert sorted(path.name for path in (tmp_path / "release").iterdir()) == [
        *("libseal.a", "libseal.provider", "libseal.so"),
    ]


@pytest.mark.parametrize(
    ("missing", "says"), [("cargo", "Rust is missing; install it: "), ("cc", "install -y gcc")]
)
def test_lib_says_what_is_missing(missing: str, says: str, tmp_path: Path) -> None:
    only = tools(tmp_path / "bin", *MINIMAL, *({"cargo", "rustc", "cc"} - {missing}))
    result = attempt("make", "lib", PATH=only)
    assert result.status != 0
    assert says in result.output
