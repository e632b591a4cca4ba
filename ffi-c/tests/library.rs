//! What is built: the header compiles everywhere, and the libraries are what it says.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "this is a test, helpers included"
)]

mod toolchain;

use std::{collections::BTreeSet, fs, process::Command};

use toolchain::{
    LIBRARY, LINK_LIBS, c_compiler, cpp_compiler, native_static_libs, root, scratch, succeed,
};

fn header() -> String {
    fs::read_to_string(root().join("include/libseal.h")).unwrap()
}

#[test]
fn header_compiles_as_c_and_cpp() {
    let folder = scratch("header");
    let source = folder.join("header.c");
    fs::write(
        &source,
        "#include <libseal.h>\n#include <libseal.h>\nint used;\n",
    )
    .unwrap();
    for standard in ["c99", "c11", "c17"] {
        for defines in [&[][..], &["-DLIBSEAL_SEAL_ONLY"]] {
            succeed(
                c_compiler()
                    .arg(format!("-std={standard}"))
                    .args(defines)
                    .args(["-Wconversion", "-Wstrict-prototypes", "-fsyntax-only"])
                    .arg(&source),
            );
        }
    }
    for standard in ["c++11", "c++17", "c++20"] {
        succeed(
            cpp_compiler()
                .arg(format!("-std={standard}"))
                .args(["-fsyntax-only", "-x", "c++"])
                .arg(&source),
        );
    }
}

#[test]
fn example_of_the_header_compiles() {
    let header = header();
    let lines = header
        .lines()
        .skip_while(|line| !line.starts_with(" *     "));
    let lines = lines.take_while(|line| *line == " *" || line.starts_with(" *     "));
    let example: Vec<&str> = lines.map(|line| &line[2..]).collect();
    assert!((10..=16).contains(&example.len()));
    let source = scratch("example").join("example.c");
    let code = format!(
        "#include <libseal.h>\n#include <stdio.h>\n\
         void example(const uint8_t *der, size_t der_len, const uint8_t *reading, \
         size_t reading_len);\n\
         void example(const uint8_t *der, size_t der_len, const uint8_t *reading, \
         size_t reading_len)\n{{\n{}\n}}\n",
        example.join("\n")
    );
    fs::write(&source, code).unwrap();
    succeed(
        c_compiler()
            .args(["-std=c99", "-fsyntax-only"])
            .arg(&source),
    );
}

#[test]
fn exported_symbols_are_those_of_the_header() {
    let nm = succeed(
        Command::new("nm")
            .args(["-D", "--defined-only", "--format=just-symbols"])
            .arg(LIBRARY.join("libseal.so")),
    );
    let nm = String::from_utf8(nm.stdout).unwrap();
    let exported: BTreeSet<&str> = nm.lines().collect();

    let header = header();
    let declared: BTreeSet<&str> = header
        .split("\nLIBSEAL_API")
        .skip(1)
        .filter_map(|declaration| {
            let before = declaration.split('(').next()?;
            before.rsplit([' ', '*', '\n']).next()
        })
        .collect();
    assert!(declared.len() > 25);
    assert_eq!(exported, declared);
}

/// Every library that rustc wants is among those that the documentation names, or comes with the C
/// compiler anyway.
#[test]
fn link_libraries_are_as_documented() {
    const WITH_THE_COMPILER: &[&str] = &["-lc", "-lgcc_s", "-lutil", "-lrt"];
    assert!(header().contains(&LINK_LIBS.join(" ")));
    for lib in native_static_libs() {
        let lib = lib.as_str();
        assert!(
            LINK_LIBS.contains(&lib) || WITH_THE_COMPILER.contains(&lib),
            "{lib}"
        );
    }
}
