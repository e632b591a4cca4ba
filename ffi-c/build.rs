//! Gives the shared library its SONAME.

use std::env;

mod soname;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=soname.rs");
    let variable = |name: &str| env::var(name).unwrap_or_default();
    if variable("CARGO_CFG_TARGET_OS") == "linux" {
        let soname = soname::soname(
            &variable("CARGO_PKG_VERSION_MAJOR"),
            &variable("CARGO_PKG_VERSION_MINOR"),
        );
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,{soname}");
    }
}
