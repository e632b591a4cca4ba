"""Link lines, as pkg-config and the README say them, and other libraries in the same program."""

import re
from pathlib import Path

import pytest

from tests.c_packages.tree import HOST, MUSL, PROGRAM, STRICT, Tree, attempt, dynamic, extract, run
from tests.firmware.program import other_library
from tests.link import static_link_libs

COMPILERS = ["gcc", "clang"]


@pytest.mark.parametrize("compiler", COMPILERS)
def test_shared(compiler: str, tree: Tree, tmp_path: Path) -> None:
    flags = tree.pkg_config("--cflags", "--libs")
    run(compiler, *STRICT, "-std=c99", PROGRAM, *flags, "-o", tmp_path / "program")
    tree.check(tmp_path / "program")
    assert "Shared library: [libseal.so.0.1]" in dynamic(tmp_path / "program")


@pytest.mark.parametrize("compiler", COMPILERS)
def test_static(compiler: str, tree: Tree, tmp_path: Path) -> None:
    flags = tree.pkg_config("--cflags", "--static", "--libs")
    run(compiler, "-static", *STRICT, PROGRAM, *flags, "-o", tmp_path / "program")
    tree.check(tmp_path / "program")
    assert "There is no dynamic section" in dynamic(tmp_path / "program")


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_static_library_in_cpp(compiler: str, trees: dict[str, Tree], tmp_path: Path) -> None:
    tree = trees["archive"]
    source = tmp_path / "program.cpp"
    source.write_text(PROGRAM.read_text())
    flags = [*tree.archive_flags, *static_link_libs(HOST)]
    run(compiler, *STRICT, source, *flags, "-o", tmp_path / "program")
    tree.check(tmp_path / "program")


def test_musl(tmp_path: Path) -> None:
    tree = Tree(extract(MUSL, tmp_path))
    for form in ["-static", "-dynamic"]:
        program = tmp_path / f"program{form}"
        archive = [*tree.archive_flags, *static_link_libs(MUSL)]
        flags = tree.pkg_config("--cflags", "--static", "--libs") if form == "-static" else archive
        run(
            "musl-gcc",
            *([form] if form == "-static" else []),
            *STRICT,
            PROGRAM,
            *flags,
            "-o",
            program,
        )
        tree.check(program)
        assert ("ld-musl" in run("readelf", "--program-headers", program)) == (form == "-dynamic")


def test_panics_are_caught_with_musl(tmp_path: Path) -> None:
    """libseal has no function that panics, so it is the other library whose symbols are hidden."""
    hidden = tmp_path / "hidden.a"
    libraries = run("rustc", "--print", "target-libdir", "--target", MUSL).strip()
    unwinder = Path(libraries) / "self-contained/libunwind.a"
    if not unwinder.exists():
        pytest.skip(f"this Rust has no unwinder for {MUSL}: rustup target add {MUSL}")
    run("ffi-c/hide_symbols.sh", other_library(MUSL), hidden, "", unwinder)
    main = tmp_path / "main.c"
    main.write_text(
        "int libseal_catches_panics(void);\n"
        "int main(void) { return libseal_catches_panics() ? 0 : 1; }\n"
    )
    program = tmp_path / "main"
    run("musl-gcc", "-static", main, hidden, *static_link_libs(MUSL), "-o", program)
    assert "catches_panics" in run(program, RUST_BACKTRACE="1").partition("stack backtrace:")[2]


def flags(tree: Tree, form: str) -> list[str]:
    """What pkg-config says for a program with this form of the library."""
    if form == "shared":
        return tree.pkg_config("--cflags", "--libs")
    return ["-static", *tree.pkg_config("--cflags", "--static", "--libs")]


@pytest.mark.parametrize("form", ["shared", "static"])
def test_beside_openssl(form: str, trees: dict[str, Tree], tmp_path: Path) -> None:
    tree = trees["archive"]
    program = tmp_path / "program"
    run("gcc", *STRICT, "-DOTHER_OPENSSL", PROGRAM, *flags(tree, form), "-lcrypto", "-o", program)
    tree.check(program, both_agree=True)


@pytest.mark.parametrize("form", ["shared", "static"])
def test_beside_another_rust_library(form: str, trees: dict[str, Tree], tmp_path: Path) -> None:
    tree = trees["archive"]
    program = tmp_path / "program"
    other = other_library(HOST)
    libraries: list[str | Path] = [other, *flags(tree, form), other]
    run("gcc", *STRICT, "-DOTHER_RUST", PROGRAM, *libraries, "-o", program)
    tree.check(program, both_agree=True)


@pytest.mark.parametrize("target", [HOST, MUSL])
def test_link_libs_are_those_of_rustc(target: str, tmp_path: Path) -> None:
    """What a static library needs is decided by Rust's own library: libseal adds nothing."""
    (tmp_path / "nothing.rs").touch()
    command = ["rustc", "--target", target, "--crate-type=staticlib", "--print=native-static-libs"]
    result = attempt(*command, "--out-dir", tmp_path, tmp_path / "nothing.rs")
    if result.status:
        pytest.skip(f"rustc cannot compile for {target}: rustup target add {target}")
    match = re.search("native-static-libs: (.*)", result.output)
    assert match is not None
    of_rustc = set(match[1].split()) - {"-lgcc_s", "-lunwind"}
    assert of_rustc <= set(static_link_libs(target))


def test_readme_of_the_archive(trees: dict[str, Tree], tmp_path: Path) -> None:
    tree = trees["archive"]
    readme = (tree.folder / "share/doc/libseal/README.md").read_text()
    lines = [line for line in readme.splitlines() if line.startswith("cc ")]
    assert len(lines) == 3
    (tmp_path / "program.c").write_text(PROGRAM.read_text())
    for line in lines:
        command = line.replace("FOLDER", str(tree.folder))
        run("sh", "-c", command, cwd=tmp_path, PKG_CONFIG_PATH=tree.lib / "pkgconfig")
        tree.check(tmp_path / "program")
        (tmp_path / "program").unlink()
