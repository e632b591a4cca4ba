//! What `make install` installs.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "this is a test, helpers included"
)]
#![cfg(target_os = "linux")]

#[path = "../soname.rs"]
mod soname;
mod toolchain;

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use soname::soname;
use toolchain::{
    LIBRARY, c_compiler, native_static_libs, root, scratch, static_link_libs, succeed,
};

/// Installs the libraries of a folder; returns what stands for the root of the file system.
fn install(name: &str, libraries: &Path, version: &str) -> PathBuf {
    let destination = scratch(name);
    succeed(
        Command::new(root().join("ffi-c/package/install.sh"))
            .arg(libraries)
            .arg(version)
            .arg("")
            .arg(&destination)
            .arg("/opt/seal"),
    );
    destination.join("opt/seal")
}

fn link_target(path: &Path) -> String {
    fs::read_link(path)
        .unwrap()
        .into_os_string()
        .into_string()
        .unwrap()
}

#[test]
fn soname_stands_for_the_abi() {
    assert_eq!(soname("0", "1"), "libseal.so.0.1");
    assert_eq!(soname("0", "12"), "libseal.so.0.12");
    assert_eq!(soname("1", "0"), "libseal.so.1");
    assert_eq!(soname("12", "3"), "libseal.so.12");
}

#[test]
fn a_program_builds_and_runs_with_what_is_installed() {
    let installed = install("installed", &LIBRARY, env!("CARGO_PKG_VERSION"));
    for header in [
        "libseal.h",
        "libseal_seal.h",
        "libseal_unseal.h",
        "libseal_stream.h",
    ] {
        assert!(installed.join("include").join(header).is_file(), "{header}");
    }
    let lib = installed.join("lib");
    let soname = soname(
        env!("CARGO_PKG_VERSION_MAJOR"),
        env!("CARGO_PKG_VERSION_MINOR"),
    );
    let file = concat!("libseal.so.", env!("CARGO_PKG_VERSION"));
    assert!(lib.join(file).is_file());
    assert_eq!(link_target(&lib.join(&soname)), file);
    assert_eq!(link_target(&lib.join("libseal.so")), soname);

    let folder = scratch("installed-program");
    let source = folder.join("version.c");
    fs::write(
        &source,
        "#include <libseal.h>\n\
         int main(void) { return libseal_version_number() != LIBSEAL_VERSION_NUMBER; }\n",
    )
    .unwrap();
    let compile = |name: &str| {
        let mut compiler = c_compiler();
        compiler.args(["-std=c99", "-o"]).arg(folder.join(name));
        compiler
            .arg(&source)
            .arg("-I")
            .arg(installed.join("include"));
        compiler
    };
    succeed(compile("shared").arg("-L").arg(&lib).arg("-lseal"));
    succeed(Command::new(folder.join("shared")).env("LD_LIBRARY_PATH", &lib));
    succeed(
        compile("static")
            .arg(lib.join("libseal.a"))
            .args(static_link_libs()),
    );
    succeed(&mut Command::new(folder.join("static")));
}

/// At 1.0.0, a program asks for `libseal.so.1`.
#[test]
fn links_follow_the_library() {
    let libraries = scratch("version-1");
    let source = libraries.join("version.c");
    fs::write(&source, "const char libseal_version[] = \"1.0.0\";\n").unwrap();
    let object = libraries.join("version.o");
    succeed(
        c_compiler()
            .args(["-c", "-fPIC", "-o"])
            .arg(&object)
            .arg(&source),
    );
    succeed(
        Command::new("ar")
            .arg("rcs")
            .arg(libraries.join("libseal.a"))
            .arg(&object),
    );
    succeed(
        c_compiler()
            .args(["-shared", "-o"])
            .arg(libraries.join("libseal.so"))
            .arg(format!("-Wl,-soname,{}", soname("1", "0")))
            .arg(&object),
    );
    let lib = install("installed-1", &libraries, "1.0.0").join("lib");
    assert!(lib.join("libseal.so.1.0.0").is_file());
    assert_eq!(link_target(&lib.join("libseal.so.1")), "libseal.so.1.0.0");
    assert_eq!(link_target(&lib.join("libseal.so")), "libseal.so.1");
}

#[test]
fn pkg_config_file_is_complete() {
    let installed = install("pkg-config", &LIBRARY, env!("CARGO_PKG_VERSION"));
    let text = fs::read_to_string(installed.join("lib/pkgconfig/libseal.pc")).unwrap();
    assert!(!text.contains('@'), "{text}");
    assert!(text.starts_with("prefix=${pcfiledir}/../..\n"), "{text}");
    let version = concat!("\nVersion: ", env!("CARGO_PKG_VERSION"), "\n");
    assert!(text.contains(version), "{text}");
}

/// What rustc says that the static library needs.
#[test]
fn link_libraries_are_those_of_rustc() {
    let mut of_rustc: BTreeSet<String> = native_static_libs().into_iter().collect();
    // Exists only as a shared library. The C compiler adds it, or its static counterpart.
    of_rustc.remove("-lgcc_s");
    let of_package: BTreeSet<String> = static_link_libs().into_iter().collect();
    assert_eq!(of_package, of_rustc);
}
