//! Public key.

use libseal::PublicKey;

use crate::{
    guard::{Failure, guard, guard_value},
    pointer::{array, output},
    status::libseal_status,
    storage::{Storage, Stored},
};

/// Bytes in a libseal_public_key.
pub const LIBSEAL_PUBLIC_KEY_SIZE: usize = 576;
/// Bytes in a fingerprint.
pub const LIBSEAL_FINGERPRINT_LEN: usize = 32;

/// An RSA public key of 2048, 3072 or 4096 bits, filled by libseal_public_key_init().
///
/// Holds no heap memory and no secret: it may be copied, and needs no end. Functions tell a key that
/// was not filled by its storage, provided that it is zero-initialised.
#[repr(C)]
pub struct libseal_public_key {
    #[doc(hidden)]
    pub opaque_: [u64; 72],
}

// SAFETY: a `PublicKey` is arrays and numbers.
unsafe impl Stored for PublicKey {
    const MARK: u64 = 0x9f1d_6c03_b5a8_47e1;
    const MAY_BE_COPIED: bool = true;
}

const _: () = {
    assert!(size_of::<libseal_public_key>() == LIBSEAL_PUBLIC_KEY_SIZE);
    assert!(PublicKey::NEED <= LIBSEAL_PUBLIC_KEY_SIZE);
    assert!(PublicKey::NEED + 64 > LIBSEAL_PUBLIC_KEY_SIZE);
    assert!(align_of::<PublicKey>() <= align_of::<u64>() && !core::mem::needs_drop::<PublicKey>());
};

/// Reads a public key: a SubjectPublicKeyInfo in DER, as KMS GetPublicKey returns it, or in PEM
/// ("-----BEGIN PUBLIC KEY-----"). The library for firmware reads DER only; for PEM it returns
/// LIBSEAL_ERR_NOT_A_PUBLIC_KEY.
///
/// @param key       Storage for the key; overwritten. After an error it holds none.
/// @param key_size  sizeof(libseal_public_key).
/// @return LIBSEAL_OK;
///         LIBSEAL_ERR_NULL_POINTER, LIBSEAL_ERR_STORAGE_TOO_SMALL, LIBSEAL_ERR_INVALID_ARGUMENT;
///         LIBSEAL_ERR_NOT_A_PUBLIC_KEY, or for what was given instead:
///         LIBSEAL_ERR_PRIVATE_KEY_GIVEN, LIBSEAL_ERR_CERTIFICATE_GIVEN,
///         LIBSEAL_ERR_PKCS1_PUBLIC_KEY_GIVEN, LIBSEAL_ERR_NOT_RSA;
///         LIBSEAL_ERR_KEY_TOO_SMALL, LIBSEAL_ERR_KEY_TOO_LARGE, LIBSEAL_ERR_UNSUPPORTED_KEY_SIZE,
///         LIBSEAL_ERR_INVALID_RSA_KEY.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_public_key_init(
    key: *mut libseal_public_key,
    key_size: usize,
    der_or_pem: *const u8,
    len: usize,
) -> libseal_status {
    guard(|| {
        // SAFETY: the caller's word.
        let storage = unsafe { Storage::emptied(key.cast(), key_size) }?;
        // SAFETY: the caller's word.
        let der_or_pem = unsafe { array(der_or_pem, len) }?;
        let key = PublicKey::new(der_or_pem)?;
        storage.make(|| key);
        Ok(())
    })
}

/// The size of the key's modulus: 2048, 3072 or 4096; 0 if `key` is NULL or was not filled.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_public_key_bits(key: *const libseal_public_key) -> usize {
    // SAFETY: the caller's word.
    guard_value(|| Ok(unsafe { public_key(key) }?.bits()))
}

/// The key's fingerprint, by which messages name their recipients: SHA-256 of its
/// SubjectPublicKeyInfo in DER, as from `openssl pkey -pubin -outform DER | sha256sum`.
///
/// @return LIBSEAL_OK, LIBSEAL_ERR_NULL_POINTER, LIBSEAL_ERR_INVALID_ARGUMENT,
///         LIBSEAL_ERR_INVALID_STATE if the key was not filled.
///
/// cbindgen:ptrs-as-arrays=[[fingerprint;32]]
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_public_key_fingerprint(
    key: *const libseal_public_key,
    fingerprint: *mut u8,
) -> libseal_status {
    guard(|| {
        // SAFETY: the caller's word.
        let fingerprint = unsafe { output(fingerprint.cast(), [0; LIBSEAL_FINGERPRINT_LEN]) }?;
        // SAFETY: the caller's word.
        *fingerprint = *unsafe { public_key(key) }?.fingerprint();
        Ok(())
    })
}

/// # Safety
/// `key` is NULL or of storage that nobody changes during `'a`.
pub(crate) unsafe fn public_key<'a>(
    key: *const libseal_public_key,
) -> Result<&'a PublicKey, Failure> {
    // SAFETY: the caller's word.
    unsafe { Storage::shared(key.cast()) }
}
