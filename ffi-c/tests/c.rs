//! The tests in C (`tests/c`): plain, with sanitizers, under valgrind.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "this is a test, helpers included"
)]

mod toolchain;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use toolchain::{
    LIBRARY, LINK_LIBS, c_compiler, cpp_compiler, is_installed, root, scratch, succeed,
};

const PROGRAMS: &[&str] = &[
    "test_keys",
    "test_sealing",
    "test_unsealing",
    "test_vectors",
];

fn compile(name: &str, folder: &Path, flags: &[&str]) -> PathBuf {
    let tests = root().join("tests/c");
    let program = folder.join(name);
    succeed(
        c_compiler()
            .args(["-std=c99", "-g"])
            .args(flags)
            .arg("-o")
            .arg(&program)
            .arg(tests.join(name).with_extension("c"))
            .arg(tests.join("support.c"))
            .arg(LIBRARY.join("libseal.a"))
            .args(LINK_LIBS),
    );
    program
}

/// The last line of a test program counts.
#[track_caller]
fn run(command: &mut Command, folder: &Path) {
    let output = succeed(
        command
            .arg(root().join("tests/vectors"))
            .current_dir(folder),
    );
    let stdout = String::from_utf8(output.stdout).unwrap();
    let last = stdout.lines().last().unwrap_or_default();
    println!("{}: {last}", command.get_program().display());
    let passed = last.strip_suffix(" passed, 0 failed").expect(last);
    assert!(passed.parse::<u32>().unwrap() > 0);
}

#[test]
fn plain() {
    let folder = scratch("plain");
    for name in PROGRAMS {
        run(&mut Command::new(compile(name, &folder, &[])), &folder);
    }
}

#[test]
fn with_sanitizers() {
    let folder = scratch("sanitized");
    let flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    for name in PROGRAMS {
        let program = compile(name, &folder, &flags);
        let symbols = succeed(Command::new("nm").arg(&program));
        let symbols = String::from_utf8(symbols.stdout).unwrap();
        assert!(
            symbols.contains("__asan_init"),
            "the sanitizer is not in {name}"
        );
        run(&mut Command::new(program), &folder);
    }
}

#[test]
fn under_valgrind() {
    if !is_installed("valgrind") {
        println!("skipped: valgrind is not installed");
        return;
    }
    let folder = scratch("valgrind");
    for name in PROGRAMS {
        let program = compile(name, &folder, &[]);
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--quiet", "--error-exitcode=9", "--leak-check=full"]);
        run(valgrind.arg(program), &folder);
    }
}

#[test]
fn from_cpp() {
    let folder = scratch("cpp");
    let program = folder.join("smoke");
    succeed(
        cpp_compiler()
            .arg("-std=c++17")
            .arg("-o")
            .arg(&program)
            .arg(root().join("tests/c/smoke.cpp"))
            .arg(LIBRARY.join("libseal.a"))
            .args(LINK_LIBS),
    );
    run(&mut Command::new(program), &folder);
}

/// As a C99 program that links the shared library.
#[test]
fn with_the_shared_library() {
    let folder = scratch("shared");
    let program = folder.join("test_keys");
    succeed(
        c_compiler()
            .arg("-std=c99")
            .arg("-o")
            .arg(&program)
            .arg(root().join("tests/c/test_keys.c"))
            .arg(root().join("tests/c/support.c"))
            .arg("-L")
            .arg(&*LIBRARY)
            .arg("-Wl,-Bdynamic")
            .arg(LIBRARY.join("libseal.so")),
    );
    // The program asks for the name that stands for the ABI, not for the file it was linked with.
    let soname = concat!("libseal.so.0.", env!("CARGO_PKG_VERSION_MINOR"));
    std::os::unix::fs::symlink(LIBRARY.join("libseal.so"), folder.join(soname)).unwrap();
    run(
        Command::new(program).env("LD_LIBRARY_PATH", &folder),
        &folder,
    );
}
