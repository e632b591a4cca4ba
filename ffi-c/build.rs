//! Gives the shared library its SONAME.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let variable = |name: &str| env::var(name).unwrap_or_default();
    if variable("CARGO_CFG_TARGET_OS") == "linux" {
        // While the major version is 0, each minor version may break the ABI.
        let abi = match variable("CARGO_PKG_VERSION_MAJOR").as_str() {
            "0" => format!("0.{}", variable("CARGO_PKG_VERSION_MINOR")),
            major => major.to_owned(),
        };
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libseal.so.{abi}");
    }
}
