//! Version.

use core::ffi::c_char;

/// The ABI that this header describes.
pub const LIBSEAL_ABI_VERSION: u32 = 1;

/// The version of the library that is linked, such as "1.2.3"; LIBSEAL_VERSION is that of this
/// header. Never NULL. Borrowed for as long as the library is loaded.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn libseal_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// The ABI of the library that is linked. A program that loads the library at run time compares it
/// with LIBSEAL_ABI_VERSION and does not go on if they differ.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn libseal_abi_version() -> u32 {
    LIBSEAL_ABI_VERSION
}
