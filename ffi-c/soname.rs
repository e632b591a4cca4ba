//! The SONAME of the shared library: the name that stands for its ABI.

/// While the major version is 0, each minor version may break the ABI.
pub(crate) fn soname(major: &str, minor: &str) -> String {
    match major {
        "0" => format!("libseal.so.0.{minor}"),
        major => format!("libseal.so.{major}"),
    }
}
