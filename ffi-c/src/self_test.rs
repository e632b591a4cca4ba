//! Self-test.

use crate::{boundary::guard::guard, status::libseal_status};

/// Runs known-answer tests of SHA-256, HMAC and HKDF with SHA-512, AES-256-GCM and RSAES-OAEP. A device
/// can call it at boot to check that its memory and processor still work. Optional.
///
/// @return LIBSEAL_OK, LIBSEAL_ERR_SELF_TEST_FAILED.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn libseal_self_test() -> libseal_status {
    guard(|| Ok(libseal::self_test()?))
}
