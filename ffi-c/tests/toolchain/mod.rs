//! The library as cargo builds it, and the C compiler.

#![allow(dead_code, reason = "each test file uses some of it")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::LazyLock,
};

/// Root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .into()
}

/// An empty folder for what a test makes.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The crypto provider that the tests were built for: the library is as well.
const PROVIDER: &str = if cfg!(feature = "fips") {
    "--features=fips"
} else if cfg!(feature = "aws-lc-rs") {
    "--features=aws-lc-rs"
} else {
    "--features=default"
};

/// What cargo builds: `libseal.a` as it comes, with `libseal.so` beside it.
pub(crate) static ARCHIVE: LazyLock<PathBuf> = LazyLock::new(|| archive(&["build", PROVIDER]));

/// The folder with `libseal.a` and `libseal.so`. Integration tests do not make cargo build those.
pub(crate) static LIBRARY: LazyLock<PathBuf> = LazyLock::new(|| finished("library", &ARCHIVE));

/// The folder with the `libseal.a` for firmware, compiled for this machine.
pub(crate) static FIRMWARE_LIBRARY: LazyLock<PathBuf> = LazyLock::new(|| {
    let firmware = [
        "rustc",
        "--profile=firmware",
        "--no-default-features",
        "--crate-type=staticlib",
    ];
    finished("firmware-library", &archive(&firmware))
});

/// The `libseal.a` that cargo builds.
fn archive(arguments: &[&str]) -> PathBuf {
    let output = succeed(
        Command::new(env!("CARGO"))
            .args(arguments)
            .args(["--quiet", "--message-format=json", "--package=libseal-c"])
            .current_dir(root()),
    );
    let messages = String::from_utf8(output.stdout).unwrap();
    let archive = messages
        .split('"')
        .find(|text| text.ends_with("/libseal.a"));
    archive.expect("cargo names libseal.a").into()
}

/// A folder with a library as `make` leaves it.
fn finished(name: &str, archive: &Path) -> PathBuf {
    let folder = scratch(name);
    hide_symbols(archive, &folder.join("libseal.a"));
    let shared = archive.with_extension("so");
    if shared.exists() {
        fs::copy(shared, folder.join("libseal.so")).unwrap();
    }
    folder
}

/// Leaves nothing of Rust to be seen in a static library.
pub(crate) fn hide_symbols(archive: &Path, hidden: &Path) {
    let script = root().join("ffi-c/hide_symbols.sh");
    succeed(Command::new(script).arg(archive).arg(hidden));
}

/// What the linker needs beside `libseal.a`, as rustc says.
pub(crate) fn native_static_libs() -> Vec<String> {
    let output = succeed(
        Command::new(env!("CARGO"))
            .args(["rustc", PROVIDER, "--package=libseal-c"])
            .args(["--crate-type=staticlib", "--"])
            .arg("--print=native-static-libs")
            .env("CARGO_TERM_COLOR", "never")
            .current_dir(root()),
    );
    let notes = String::from_utf8(output.stderr).unwrap();
    let libs = notes.split("native-static-libs: ").nth(1).expect(&notes);
    let libs = libs.lines().next().unwrap_or_default();
    libs.split_whitespace().map(str::to_owned).collect()
}

/// What the linker needs beside `libseal.a`, as the pkg-config file has it.
pub(crate) fn static_link_libs() -> Vec<String> {
    let output = succeed(&mut Command::new(root().join("ffi-c/package/link_libs.sh")));
    let libs = String::from_utf8(output.stdout).unwrap();
    libs.split_whitespace().map(str::to_owned).collect()
}

pub(crate) const STRICT: &[&str] = &["-Wall", "-Wextra", "-Wpedantic", "-Werror"];

pub(crate) fn c_compiler() -> Command {
    compiler(false)
}

pub(crate) fn cpp_compiler() -> Command {
    compiler(true)
}

/// Where the compilers for C and for C++ are. Looking for one starts several programs.
static COMPILERS: LazyLock<[PathBuf; 2]> = LazyLock::new(|| {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = succeed(Command::new(rustc).arg("-vV"));
    let version = String::from_utf8(version.stdout).unwrap();
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap();
    [false, true].map(|cpp| {
        let tool = cc::Build::new()
            .cpp(cpp)
            .host(host)
            .target(host)
            .opt_level(1)
            .cargo_metadata(false)
            .get_compiler();
        tool.path().to_owned()
    })
});

fn compiler(cpp: bool) -> Command {
    let mut command = Command::new(&COMPILERS[usize::from(cpp)]);
    command.args(STRICT).arg("-I").arg(root().join("include"));
    command
}

/// Runs a command that has to succeed.
#[track_caller]
pub(crate) fn succeed(command: &mut Command) -> Output {
    let output = command.output().expect("the command is installed");
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

pub(crate) fn is_installed(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}
