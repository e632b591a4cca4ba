//! The static library after ffi-c/hide_symbols.sh: it shows nothing of Rust, and gets on with others.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "this is a test, helpers included"
)]
#![cfg(target_os = "linux")]

mod toolchain;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

#[cfg(feature = "aws-lc-rs")]
use toolchain::ARCHIVE;
use toolchain::{LIBRARY, c_compiler, hide_symbols, root, scratch, static_link_libs, succeed};

fn visible_symbols(archive: &Path) -> Vec<String> {
    let nm = succeed(
        Command::new("nm")
            .args(["--extern-only", "--defined-only", "--format=just-symbols"])
            .arg(archive),
    );
    let symbols = String::from_utf8(nm.stdout).unwrap();
    symbols.split_whitespace().map(str::to_owned).collect()
}

/// Another static library made with Rust, which shares crates with libseal.
fn other_library() -> PathBuf {
    let crate_ = root().join("tests/firmware/other_library");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("other_library");
    succeed(
        Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--locked", "--release"])
            .arg("--manifest-path")
            .arg(crate_.join("Cargo.toml"))
            .arg("--target-dir")
            .arg(&target),
    );
    target.join("release/libother.a")
}

fn compile_and_run(code: &str, libraries: &[&Path], folder: &Path) {
    let (source, program) = (folder.join("main.c"), folder.join("main"));
    fs::write(&source, code).unwrap();
    succeed(
        c_compiler()
            .args(["-std=c99", "-Wl,--gc-sections", "-o"])
            .arg(&program)
            .arg(&source)
            .args(libraries)
            .args(static_link_libs()),
    );
    succeed(&mut Command::new(program));
}

#[test]
fn shows_only_libseal() {
    let symbols = visible_symbols(&LIBRARY.join("libseal.a"));
    assert!(symbols.len() > 25);
    for symbol in symbols {
        assert!(symbol.starts_with("libseal_"), "{symbol}");
    }
}

#[test]
fn what_is_not_called_is_not_linked() {
    let folder = scratch("not-called");
    let code = "#include <libseal.h>\nint main(void) { return libseal_version_number() == 0; }\n";
    compile_and_run(code, &[&LIBRARY.join("libseal.a")], &folder);
    let nm = succeed(Command::new("nm").arg(folder.join("main")));
    let symbols = String::from_utf8(nm.stdout).unwrap();
    assert_eq!(symbols.matches(" T libseal_").count(), 1, "{symbols}");
    // All that std does before `main`.
    let mut of_rust = symbols.lines().filter(|line| line.contains(" t _R"));
    assert!(of_rust.all(|line| line.contains("ARGV_INIT_ARRAY")));
}

#[test]
fn another_rust_library_in_the_same_program() {
    let folder = scratch("other");
    let code = fingerprint_as_of(
        "void other_sha256(const uint8_t *in, size_t in_len, uint8_t out[32]);\n\
         int libseal_catches_panics(void);",
        "libseal_catches_panics()",
    );
    let (libseal, other) = (LIBRARY.join("libseal.a"), other_library());
    compile_and_run(&code, &[&libseal, &other], &folder);
    compile_and_run(&code, &[&other, &libseal], &folder);
}

/// Another AWS-LC, whose symbols everybody sees: the one in the library as cargo builds it.
#[cfg(feature = "aws-lc-rs")]
#[test]
fn another_aws_lc_in_the_same_program() {
    let symbols = visible_symbols(&ARCHIVE);
    let mut of_aws_lc = symbols
        .iter()
        .filter(|symbol| symbol.starts_with("aws_lc_"));
    let sha256 = of_aws_lc.find(|symbol| symbol.ends_with("_SHA256"));
    let code = fingerprint_as_of(
        &format!(
            "uint8_t *{sha256}(const uint8_t *in, size_t in_len, uint8_t *out);\n\
             #define other_sha256 {sha256}",
            sha256 = sha256.unwrap()
        ),
        "1",
    );
    let libraries = [&*LIBRARY.join("libseal.a"), &*ARCHIVE];
    compile_and_run(&code, &libraries, &scratch("aws-lc"));
}

/// A program that compares a fingerprint with what `other_sha256` says, of the `declarations`.
fn fingerprint_as_of(declarations: &str, condition: &str) -> String {
    let key = root().join("tests/vectors/keys/rsa-2048.pub.der");
    let bytes: Vec<String> = fs::read(key).unwrap().iter().map(u8::to_string).collect();
    let der = bytes.join(",");
    format!(
        r"#include <libseal.h>
#include <string.h>

{declarations}

static const uint8_t der[] = {{{der}}};

int main(void)
{{
    static libseal_rsa_public_key key;
    uint8_t fingerprint[LIBSEAL_FINGERPRINT_LEN], expected[32];
    if (libseal_rsa_public_key_init(&key, sizeof key, der, sizeof der) != LIBSEAL_OK ||
        libseal_public_key_fingerprint(&key, fingerprint) != LIBSEAL_OK)
        return 1;
    other_sha256(der, sizeof der, expected);
    if (!({condition}))
        return 2;
    return memcmp(fingerprint, expected, sizeof expected) == 0 ? 0 : 3;
}}
"
    )
}

/// libseal has no function that panics, so it is the other library whose symbols are hidden.
#[test]
fn panics_are_caught() {
    let folder = scratch("panics");
    let hidden = folder.join("hidden.a");
    hide_symbols(&other_library(), &hidden);
    assert_eq!(visible_symbols(&hidden), ["libseal_catches_panics"]);
    let code = "int libseal_catches_panics(void);\n\
                int main(void) { return libseal_catches_panics() ? 0 : 1; }\n";
    compile_and_run(code, &[&hidden], &folder);
}
