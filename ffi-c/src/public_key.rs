//! Public keys of any kind.

use core::ffi::c_void;

use libseal::{PublicKey, Recipient};

use crate::{
    boundary::{
        failure::{Failure, Named},
        guard::guard,
        pointer::output,
        storage::stored,
    },
    rsa_public_key::libseal_rsa_public_key,
    status::libseal_status,
};

/// Bytes in a fingerprint.
pub const LIBSEAL_FINGERPRINT_LEN: usize = 32;

/// A public key of some kind.
#[derive(Clone, Copy)]
pub(crate) enum Key<'a> {
    Rsa(&'a PublicKey),
}

impl<'a> Key<'a> {
    /// The kind is told by the mark in the storage.
    ///
    /// # Safety
    /// `key` is NULL, or of storage for a key of some kind that nothing changes during `'a`.
    pub(crate) unsafe fn read(key: *const c_void) -> Result<Self, Failure> {
        // SAFETY: storage of any kind begins with its mark, and the key is as large as its mark says.
        let rsa = unsafe { stored(key.cast::<libseal_rsa_public_key>()) };
        Ok(Self::Rsa(rsa.of("key")?))
    }

    pub(crate) fn recipient(self) -> Recipient<'a> {
        match self {
            Self::Rsa(key) => Recipient::new(key),
        }
    }

    fn fingerprint(self) -> &'a [u8; LIBSEAL_FINGERPRINT_LEN] {
        match self {
            Self::Rsa(key) => key.fingerprint(),
        }
    }
}

/// The fingerprint of a public key, by which messages name their recipients: SHA-256 of its
/// SubjectPublicKeyInfo in DER, as from `openssl pkey -pubin -outform DER | sha256sum`.
///
/// @param key  A key of any kind: a libseal_rsa_public_key.
/// @return LIBSEAL_OK, LIBSEAL_ERR_NOT_FILLED.
///
/// cbindgen:ptrs-as-arrays=[[fingerprint;32]]
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_public_key_fingerprint(
    key: *const c_void,
    fingerprint: *mut u8,
) -> libseal_status {
    guard(|| {
        // SAFETY: `fingerprint` has room for its bytes, and `key` is a key that does not change.
        let (fingerprint, key) = unsafe {
            let fingerprint =
                output(fingerprint.cast(), [0; LIBSEAL_FINGERPRINT_LEN]).of("fingerprint")?;
            (fingerprint, Key::read(key)?)
        };
        *fingerprint = *key.fingerprint();
        Ok(())
    })
}
