//! Version.

use core::ffi::c_char;

use libseal::PROVIDER;

const VERSION_NUMBER: u32 = {
    let parts = [
        number(env!("CARGO_PKG_VERSION_MAJOR")),
        number(env!("CARGO_PKG_VERSION_MINOR")),
        number(env!("CARGO_PKG_VERSION_PATCH")),
    ];
    assert!(parts[1] < 256 && parts[2] < 256);
    parts[0] << 16 | parts[1] << 8 | parts[2]
};

#[allow(clippy::expect_used, clippy::panic, reason = "runs at compile time")]
const fn number(decimal: &str) -> u32 {
    match u32::from_str_radix(decimal, 10) {
        Ok(number) => number,
        Err(_) => panic!("not a number"),
    }
}

/// The version of the library that is linked, such as "1.2.3"; LIBSEAL_VERSION is that of this
/// header. Never NULL. Valid for as long as the library is loaded.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn libseal_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// The version of the library that is linked, as a number to compare with LIBSEAL_VERSION_NUMBER, which
/// is that of this header: `major << 16 | minor << 8 | patch`.
///
/// A library with the same major version and a number that is not lower has everything that this header
/// declares. While the major version is 0, the minor version must be the same too.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn libseal_version_number() -> u32 {
    VERSION_NUMBER
}

/// What does the cryptography: "aws-lc", "portable" (RustCrypto) or "compact" (for firmware). Never NULL.
/// Valid for as long as the library is loaded.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn libseal_provider() -> *const c_char {
    PROVIDER_TEXT.as_ptr().cast()
}

/// With the NUL that ends a string in C.
static PROVIDER_TEXT: [u8; PROVIDER.len() + 1] = {
    let mut text = [0; PROVIDER.len() + 1];
    text.split_at_mut(PROVIDER.len())
        .0
        .copy_from_slice(PROVIDER.as_bytes());
    text
};
