//! What is built: the headers compile everywhere, and the libraries are what they say.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "this is a test, helpers included"
)]

mod toolchain;

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use toolchain::{FIRMWARE_LIBRARY, LIBRARY, c_compiler, cpp_compiler, root, scratch, succeed};

/// What every library has.
const SEAL: &str = "libseal_seal.h";
/// What only the complete library has.
const UNSEAL: &str = "libseal_unseal.h";
const STREAM: &str = "libseal_stream.h";
/// All.
const ALL: &str = "libseal.h";

fn seal_header() -> String {
    fs::read_to_string(root().join("include").join(SEAL)).unwrap()
}

/// Each alone, twice and after one another.
#[test]
fn headers_compile_as_c_and_cpp() {
    let folder = scratch("header");
    for headers in [
        &[SEAL, SEAL][..],
        &[UNSEAL, UNSEAL],
        &[STREAM, STREAM],
        &[ALL, ALL],
        &[STREAM, UNSEAL, ALL, SEAL],
    ] {
        let includes = headers
            .iter()
            .map(|header| format!("#include <{header}>\n"));
        let source = folder.join("header.c");
        fs::write(&source, includes.collect::<String>() + "int used;\n").unwrap();
        for standard in ["c99", "c11", "c17"] {
            succeed(
                c_compiler()
                    .arg(format!("-std={standard}"))
                    .args(["-Wconversion", "-Wstrict-prototypes", "-fsyntax-only"])
                    .arg(&source),
            );
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
}

#[test]
fn example_of_the_header_compiles() {
    let header = seal_header();
    let lines = header
        .lines()
        .skip_while(|line| !line.starts_with(" *     "));
    let lines = lines.take_while(|line| *line == " *" || line.starts_with(" *     "));
    let example: Vec<&str> = lines.map(|line| &line[2..]).collect();
    assert!((10..=16).contains(&example.len()));
    let source = scratch("example").join("example.c");
    let code = format!(
        "#include <libseal_seal.h>\n#include <stdio.h>\n\
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
fn symbols_are_those_of_the_headers() {
    let shared = symbols(&LIBRARY.join("libseal.so"), &["-D", "--defined-only"]);
    assert_eq!(shared, declared(ALL));

    // An archive has more, for itself and its like alone.
    let archive = FIRMWARE_LIBRARY.join("libseal.a");
    let mut firmware = symbols(&archive, &["--extern-only", "--defined-only"]);
    firmware.retain(|symbol| symbol.starts_with("libseal_"));
    assert_eq!(firmware, declared(SEAL));

    let unsealing: Vec<&String> = shared.difference(&firmware).collect();
    assert!(unsealing.len() > 15);
    for name in unsealing {
        let parts = [
            "unseal",
            "header",
            "last_error",
            "plaintext",
            "wrapped_key",
            "pool",
            "reader",
            "writer",
        ];
        assert!(parts.iter().any(|part| name.contains(part)), "{name}");
    }
}

/// No heap, no operating system, and nothing to unwind with.
#[test]
fn firmware_library_needs_nothing() {
    // As a firmware that calls every function.
    let all = scratch("firmware").join("all.o");
    let calls = declared(SEAL).into_iter().map(|name| format!("-u{name}"));
    succeed(
        Command::new("ld")
            .arg("-r")
            .args(calls)
            .arg(FIRMWARE_LIBRARY.join("libseal.a"))
            .arg("-o")
            .arg(&all),
    );
    // The last one is for x86-64 alone, where the compiler knows that Linux has it.
    let documented = ["memcpy", "memmove", "memset", "memcmp", "bcmp"];
    assert!(seal_header().contains("memcpy, memmove, memset and memcmp"));
    for symbol in symbols(&all, &["--undefined-only"]) {
        assert!(documented.contains(&symbol.as_str()), "{symbol}");
    }
}

fn symbols(file: &Path, which: &[&str]) -> BTreeSet<String> {
    let mut nm = Command::new("nm");
    let nm = succeed(nm.args(which).arg("--format=just-symbols").arg(file));
    let names = String::from_utf8(nm.stdout).unwrap();
    names.lines().map(str::to_owned).collect()
}

/// The functions that a header declares, those of the headers that it includes among them.
fn declared(header: &str) -> BTreeSet<String> {
    let include = root().join("include").join(header);
    let output = succeed(c_compiler().args(["-E", "-P"]).arg(include));
    let text = String::from_utf8(output.stdout).unwrap();
    let is_in_names = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut names: BTreeSet<String> = text
        .split('(')
        .filter_map(|before| before.rsplit(|c| !is_in_names(c)).next())
        .map(str::to_owned)
        .collect();
    names.retain(|name| name.starts_with("libseal_"));
    assert!(names.len() > 20);
    names
}

/// What a device has to have room for.
#[test]
fn readme_says_the_sizes() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let readme: Vec<&str> = readme.split_whitespace().collect();
    let readme = readme.join(" ");
    let header = seal_header();
    for (name, text) in [
        ("SEALER", "a `libseal_sealer` is {} bytes"),
        ("RSA_PUBLIC_KEY", "a `libseal_rsa_public_key` {}"),
        ("SEALING_KEY", "a `libseal_sealing_key` {}"),
    ] {
        let define = format!("#define LIBSEAL_{name}_SIZE ");
        let size = header.split(&define).nth(1).unwrap();
        let size = size.lines().next().unwrap();
        assert!(readme.contains(&text.replace("{}", size)), "{name}: {size}");
    }
}
