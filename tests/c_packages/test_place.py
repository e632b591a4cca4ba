"""What `make install` checks, what it replaces, and what is left when it cannot go on."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.c_packages.tree import ROOT, VERSION, Result, attempt, files, run

PACKAGE = ROOT / "ffi-c/package"
ABI = ".".join(VERSION.split(".")[:2])
DOC = "share/doc/libseal"
COMPLETE = f"""
const char libseal_version[] = "{VERSION}";
void libseal_unsealer_new(void) {{}}
"""
FIRMWARE = f'const char libseal_version[] = "{VERSION}";\n'
LIBRARY_FILES = ["libseal.a", "libseal.so", f"libseal.so.{ABI}", f"libseal.so.{VERSION}"]


def build(folder: Path, source: str, *, soname: str = f"libseal.so.{ABI}") -> Path:
    """A library that is installed like the real one, and made quickly."""
    folder.mkdir()
    (folder / "library.c").write_text(source)
    run("gcc", "-c", "-fPIC", "library.c", cwd=folder)
    run("ar", "rcs", "libseal.a", "library.o", cwd=folder)
    if soname:
        link = ["gcc", "-shared", f"-Wl,-soname,{soname}", "library.o", "-o", "libseal.so"]
        run(*link, cwd=folder)
    return folder


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return build(tmp_path / "complete", COMPLETE)


@pytest.fixture
def firmware(tmp_path: Path) -> Path:
    return build(tmp_path / "firmware", FIRMWARE, soname="")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


def install(
    library: Path,
    root: Path | str,
    *,
    prefix: str = "/opt",
    libdir: str = "",
    version: str = VERSION,
) -> Result:
    return attempt(PACKAGE / "install.sh", library, version, "", str(root), prefix, libdir)


def uninstall(root: Path | str, *, prefix: str = "/opt", libdir: str = "") -> Result:
    return attempt(PACKAGE / "uninstall.sh", "", str(root), prefix, libdir)


def content(folder: Path) -> dict[str, bytes | str]:
    """All that is in a folder, folders included."""
    found: dict[str, bytes | str] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = f"link to {path.readlink()}"
        else:
            found[name] = "folder" if path.is_dir() else path.read_bytes()
    return found


def damage(library: Path, how: str) -> None:
    archive = library / "libseal.a"
    match how:
        case "missing":
            archive.unlink()
        case "empty":
            archive.write_bytes(b"")
        case "cut":
            archive.write_bytes(archive.read_bytes()[:-400])
        case "no member":
            archive.write_bytes(b"!<arch>\n")
        case "shared library is cut":
            shared = library / "libseal.so"
            shared.write_bytes(shared.read_bytes()[:-100])


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("missing", "libseal.a is missing; build it: make lib"),
        ("empty", "libseal.a is damaged (nm finds no libseal_* in it)"),
        ("cut", "libseal.a is damaged (nm finds no libseal_* in it)"),
        ("no member", "libseal.a is damaged (nm finds no libseal_* in it)"),
        ("shared library is cut", "libseal.so is damaged; build it again: make lib"),
    ],
)
def test_a_damaged_library_is_not_installed(how: str, says: str, library: Path, root: Path) -> None:
    damage(library, how)
    result = install(library, root)
    assert result.status != 0
    assert says in result.output
    assert not root.exists()


@pytest.mark.parametrize(
    ("source", "soname", "says"),
    [
        (COMPLETE + "void rust_begin_unwind(void) {}", "", "libseal.a shows symbols of Rust"),
        (COMPLETE.replace(VERSION, "0.9.9"), "", f"libseal.a is not of version {VERSION}"),
        (COMPLETE, "libseal.so.9", f"the SONAME 'libseal.so.9' and not libseal.so.{ABI};"),
        ("void seal_nothing(void) {}", "", "libseal.a is damaged (nm finds"),
    ],
    ids=["shown", "version", "soname", "other"],
)
def test_a_library_that_is_not_ours_is_not_installed(
    source: str, soname: str, says: str, tmp_path: Path, root: Path
) -> None:
    result = install(build(tmp_path / "library", source, soname=soname), root)
    assert result.status != 0
    assert says in result.output
    assert result.output.endswith("build it again: make lib\n")
    assert not root.exists()


def test_what_cargo_builds_is_not_installed(tmp_path: Path, root: Path) -> None:
    """The symbols of Rust's own library are hidden after that."""
    (tmp_path / "a.rs").write_text('#[no_mangle] pub extern "C" fn libseal_version() {}\n')
    run("rustc", "--crate-type=staticlib", "a.rs", "-o", "libseal.a", cwd=tmp_path)
    assert "libseal.a shows symbols of Rust" in install(tmp_path, root).output


def test_soname_is_of_the_major_version(tmp_path: Path, root: Path) -> None:
    source = COMPLETE.replace(VERSION, "12.3.4")
    library = build(tmp_path / "library", source, soname="libseal.so.12")
    assert install(library, root, version="12.3.4") == Result(0, "")
    assert (root / "opt/lib/libseal.so.12").readlink() == Path("libseal.so.12.3.4")


@pytest.mark.parametrize("bits", [32, 64])
def test_cmake_knows_the_bits_of_any_machine(bits: int, tmp_path: Path, root: Path) -> None:
    (tmp_path / "a.s").write_text(f'.global libseal_a\nlibseal_a: .asciz "{VERSION}"\n')
    run("as", f"--{bits}", "a.s", "-o", "a.o", cwd=tmp_path)
    run("ar", "rcs", "libseal.a", "a.o", cwd=tmp_path)
    command = (PACKAGE / "install.sh", tmp_path, VERSION)
    run(*command, "s390x-unknown-linux-gnu", root, "/opt")
    cmake = root / "opt/lib/cmake/libseal/libsealConfigVersion.cmake"
    assert f"_libseal_bits EQUAL {bits})" in cmake.read_text()


def test_firmware_replaces_a_complete_library(
    library: Path, firmware: Path, tmp_path: Path, root: Path
) -> None:
    assert install(library, root) == Result(0, "")
    assert set(LIBRARY_FILES) < set(files(root / "opt/lib"))
    assert install(firmware, root) == Result(0, "")
    assert install(firmware, tmp_path / "fresh") == Result(0, "")
    assert content(root) == content(tmp_path / "fresh")


def test_a_later_version_replaces_all_of_an_earlier_one(
    library: Path, tmp_path: Path, root: Path
) -> None:
    assert install(library, root) == Result(0, "")
    later = build(tmp_path / "later", COMPLETE.replace(VERSION, "7.0.1"), soname="libseal.so.7")
    assert install(later, root, version="7.0.1") == Result(0, "")
    shared = [name for name in files(root / "opt/lib") if "libseal.so" in name]
    assert shared == ["libseal.so", "libseal.so.7", "libseal.so.7.0.1"]
    assert uninstall(root) == Result(0, "")
    assert files(root) == []


OTHERS = ["lib/libseal.so", "lib/libseal.a", "include/libseal.h", "lib/pkgconfig/libseal.pc"]


@pytest.mark.parametrize("name", OTHERS)
def test_files_of_others_are_not_replaced(name: str, library: Path, root: Path) -> None:
    path = root / "opt" / name
    path.parent.mkdir(parents=True)
    path.symlink_to("libseal.so.4.1")
    before = content(root)
    result = install(library, root)
    assert result.status != 0
    assert f"{path} is not of this libseal, but perhaps of Microsoft SEAL: " in result.output
    assert "or name another PREFIX or LIBDIR; nothing was installed" in result.output
    assert content(root) == before
    assert uninstall(root).status != 0
    assert content(root) == before


def test_two_machines_in_one_root(library: Path, firmware: Path, root: Path) -> None:
    arm = "lib/arm-linux-gnueabihf"
    assert install(library, root, libdir=arm) == Result(0, "")
    only_arm = content(root)
    assert install(library, root) == Result(0, "")
    assert uninstall(root) == Result(0, "")
    assert files(root) == [name for name, is_in in only_arm.items() if is_in != "folder"]
    assert install(firmware, root) == Result(0, "")
    assert "opt/include/libseal.h" in files(root)
    assert uninstall(root, libdir=arm) == Result(0, "")
    assert files(root / "opt/include") == ["libseal_seal.h"]
    assert uninstall(root) == Result(0, "")
    assert files(root) == []


def test_uninstalling_needs_the_list_only(library: Path, root: Path) -> None:
    assert install(library, root) == Result(0, "")
    (root / "opt/lib/pkgconfig/libseal.pc").unlink()
    assert uninstall(root) == Result(0, "")
    assert sorted(content(root)) == ["opt", "opt/include", "opt/lib", "opt/share"]


def test_folders_of_the_system_stay(library: Path, root: Path) -> None:
    local = {"prefix": "/usr/local"}
    assert install(library, root, **local) == Result(0, "")
    assert uninstall(root, **local) == Result(0, "")
    below = root / "usr/local"
    assert {"lib/cmake", "lib/pkgconfig", "share/doc"} < content(below).keys()
    assert not {"lib/cmake/libseal", DOC} & content(below).keys()


def in_the_way(path: Path, what: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    match what:
        case "file":
            path.touch()
        case "folder":
            path.mkdir()
        case "link to a folder":
            (path.parent / "elsewhere").mkdir()
            path.symlink_to("elsewhere")
        case "link to nothing":
            path.symlink_to("nothing")
        case "another file system":
            path.symlink_to("/proc/self")


IN_THE_WAY = [
    ("include", "file"),
    ("lib", "link to nothing"),
    ("lib/cmake", "another file system"),
    ("share/doc", "another file system"),
    ("include/libseal_unseal.h", "folder"),
    (f"lib/libseal.so.{ABI}", "link to a folder"),
    ("lib/libseal.a", "link to a folder"),
    (f"{DOC}/installed.lib", "folder"),
]


@pytest.mark.parametrize(("name", "what"), IN_THE_WAY)
def test_all_or_nothing(name: str, what: str, library: Path, root: Path) -> None:
    in_the_way(root / "opt" / name, what)
    before = content(root)
    result = install(library, root)
    assert result.status != 0
    assert result.output.endswith("; nothing was installed\n")
    assert content(root) == before


@pytest.mark.parametrize("user", [0, 1000])
def test_a_place_that_cannot_be_written_to(user: int, library: Path, tmp_path: Path) -> None:
    (tmp_path / "id").write_text(f"#!/bin/sh\necho {user}\n")
    (tmp_path / "id").chmod(0o755)
    result = attempt(
        *(PACKAGE / "install.sh", library, VERSION, "", "", "/proc/libseal"),
        PATH=f"{tmp_path}:{os.environ['PATH']}",
    )
    hint = ": sudo make install, or make install PREFIX=$HOME/.local" if user else ""
    assert result.status != 0
    assert result.output.startswith("/proc/libseal cannot be written to (mkdir: ")
    assert result.output.endswith(f"){hint}; nothing was installed\n")


def test_an_upgrade_that_fails_leaves_what_was_there(
    library: Path, tmp_path: Path, root: Path
) -> None:
    assert install(library, root) == Result(0, "")
    (root / "opt/lib/libseal.so.7").mkdir()
    before = content(root)
    later = build(tmp_path / "later", COMPLETE.replace(VERSION, "7.0.1"), soname="libseal.so.7")
    assert install(later, root, version="7.0.1").status != 0
    assert content(root) == before


def interrupted(library: Path, root: Path, tmp_path: Path, tool: str, number: int) -> None:
    """Installs, and gets a signal when it calls a tool."""
    tools = tmp_path / "tools"
    tools.mkdir()
    real = run("sh", "-c", f"command -v {tool}").strip()
    (tools / tool).write_text(f'#!/bin/sh\nkill -{number} $PPID\nexec {real} "$@"\n')
    (tools / tool).chmod(0o755)
    process = subprocess.run(
        [PACKAGE / "install.sh", library, VERSION, "", root, "/opt"],
        env=os.environ | {"PATH": f"{tools}:{os.environ['PATH']}", "TMPDIR": str(tmp_path)},
        check=False,
    )
    finished = tool == "mv" and number != signal.SIGKILL
    assert (process.returncode == 0) == finished


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_comes_before_or_after(
    number: int, library: Path, tmp_path: Path, root: Path
) -> None:
    interrupted(library, root, tmp_path, "cp", number)
    assert not root.exists()


def test_no_signal_stops_the_renaming(library: Path, tmp_path: Path, root: Path) -> None:
    assert install(library, tmp_path / "whole") == Result(0, "")
    interrupted(library, root, tmp_path, "mv", signal.SIGTERM)
    assert files(root) == files(tmp_path / "whole")


@pytest.mark.parametrize("tool", ["cp", "mv"])
@pytest.mark.parametrize("then", ["install", "uninstall"])
def test_what_one_that_was_killed_left_is_swept(
    tool: str, then: str, library: Path, tmp_path: Path, root: Path
) -> None:
    interrupted(library, root, tmp_path, tool, signal.SIGKILL)
    assert ".libseal.new" in {path.name for path in root.rglob("*")}
    if then == "install":
        assert install(library, root) == Result(0, "")
        assert install(library, tmp_path / "fresh") == Result(0, "")
        assert files(root) == files(tmp_path / "fresh")
    else:
        uninstall(root)
        assert files(root) == []
    assert ".libseal.new" not in {path.name for path in root.rglob("*")}


def test_the_root_of_the_file_system() -> None:
    result = uninstall("", prefix="/", libdir="lib/of-no-one")
    where = f"/lib/of-no-one (/{DOC}/installed.lib,of-no-one is missing)"
    assert f"libseal is not installed in {where}" in result.output


def test_destination_may_begin_with_a_dash(library: Path, tmp_path: Path) -> None:
    command = (library, VERSION, "", "-root", "/")
    run(PACKAGE / "install.sh", *command, cwd=tmp_path)
    assert (tmp_path / "-root/lib/libseal.a").exists()
    run(PACKAGE / "uninstall.sh", "", "-root", "/", cwd=tmp_path)
    assert files(tmp_path / "-root") == []
