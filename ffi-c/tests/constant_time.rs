//! Sealing takes the same branches and touches the same addresses whatever the secrets are: checked
//! under valgrind's memcheck, on the compiled library for firmware, built for this machine from the
//! sources that firmware is built from.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "this is a test, helpers included"
)]

mod toolchain;

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use toolchain::{c_compiler, is_installed, root, scratch, succeed};

const RSA: &str = "core/src/crypto/shared/rsaep.rs";
/// The last step of a Montgomery multiplication, without a branch on the message.
const CONSTANT_TIME: &str = "let is_due = carry.lowest_bit();";
/// The same with one.
const LEAKY: &str = "let is_due = Choice::from(1); if carry == W::ZERO { return columns.iter_mut().for_each(|column| column.value = column.sum); }";

/// A source that repeats itself is found by comparing its answers, and that is no secret.
const SUPPRESSIONS: &str = "\
{
   Whether random bytes repeat
   Memcheck:Cond
   fun:*libseal6crypto6random*fill*
}
";

/// What `.cargo/config.toml` sets for firmware, and no instructions of this machine for SHA-2.
const FLAGS: &str = "--cfg sha2_backend_soft=\"compact\" --cfg sha2_backend=\"soft\"";

fn seal_with_undefined_secrets(sources: &Path, folder: &Path) -> Output {
    let target = folder.join("target");
    succeed(
        Command::new(env!("CARGO"))
            .args([
                "rustc",
                "--quiet",
                "--package=libseal-c",
                "--profile=firmware",
            ])
            .args(["--no-default-features", "--crate-type=staticlib"])
            .arg("--target-dir")
            .arg(&target)
            .env("RUSTFLAGS", FLAGS)
            .current_dir(sources),
    );
    let tests = root().join("tests/c");
    let program = folder.join("constant_time");
    succeed(
        c_compiler()
            .args(["-std=c99", "-g", "-o"])
            .arg(&program)
            .args(["constant_time.c", "support.c"].map(|source| tests.join(source)))
            .arg(target.join("firmware/libseal.a")),
    );
    let suppressions = folder.join("random.supp");
    fs::write(&suppressions, SUPPRESSIONS).unwrap();
    Command::new("valgrind")
        .args(["--quiet", "--error-exitcode=9"])
        .arg(format!("--suppressions={}", suppressions.display()))
        .arg(program)
        .arg(root().join("tests/vectors"))
        .output()
        .unwrap()
}

#[test]
fn sealing_is_constant_time() {
    if !is_installed("valgrind") {
        println!("skipped: valgrind is not installed");
        return;
    }
    let output = seal_with_undefined_secrets(&root(), &scratch("constant-time"));
    let found = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{found}");
}

/// The check finds a leak: one that was put into a copy of the sources.
#[test]
fn a_leak_is_found() {
    if !is_installed("valgrind") {
        println!("skipped: valgrind is not installed");
        return;
    }
    let folder = scratch("leaky");
    let sources = folder.join("sources");
    fs::create_dir(&sources).unwrap();
    let workspace = [
        "Cargo.toml",
        "Cargo.lock",
        "core",
        "ffi-c",
        "py",
        "examples",
    ];
    let workspace = workspace.map(|name| root().join(name));
    succeed(Command::new("cp").arg("-r").args(workspace).arg(&sources));

    let path = sources.join(RSA);
    let source = fs::read_to_string(&path).unwrap();
    assert_eq!(source.matches(CONSTANT_TIME).count(), 1);
    fs::write(&path, source.replace(CONSTANT_TIME, LEAKY)).unwrap();

    let output = seal_with_undefined_secrets(&sources, &folder);
    let found = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(9), "{found}");
    assert!(found.contains("depends on uninitialised value"), "{found}");
}
