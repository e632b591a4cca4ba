//! Self-test.

use crate::{guard::guard, status::libseal_status};

/// Computes known answers of SHA-256, HMAC and HKDF with SHA-512, AES-256-GCM and RSAES-OAEP: for a
/// device that is to find out at boot whether its memory and its processor still do what they
/// should. Nobody has to call it.
///
/// @return LIBSEAL_OK, LIBSEAL_ERR_SELF_TEST_FAILED.
#[unsafe(no_mangle)]
#[must_use]
pub extern "C" fn libseal_self_test() -> libseal_status {
    guard(|| Ok(libseal::self_test()?))
}
