//! RSA public key.

use libseal::PublicKey;

use crate::{
    boundary::{
        castable::Castable,
        failure::Named,
        guard::{guard, guard_value},
        pointer::{array, bytes},
        storage::{Stored, Vacant, stored},
    },
    status::libseal_status,
};

/// Bytes in a libseal_rsa_public_key.
pub const LIBSEAL_RSA_PUBLIC_KEY_SIZE: usize = 576;

/// An RSA public key of 2048, 3072 or 4096 bits, filled by libseal_rsa_public_key_init() or
/// libseal_rsa_public_key_init_pinned().
///
/// Contains no heap memory and no secret: copy it freely; it need not be released. If the storage was
/// zero-initialised, functions detect a key that was never filled.
#[repr(C)]
pub struct libseal_rsa_public_key {
    #[doc(hidden)]
    pub opaque_: [u64; 72],
}

impl Castable for libseal_rsa_public_key {
    const NAME: &'static str = "key";
    type Rust = PublicKey;
}

// SAFETY: the constants below are checked at compile time, and a `PublicKey` is arrays and numbers.
unsafe impl Stored for libseal_rsa_public_key {
    const MARK: u64 = 0x9f1d_6c03_b5a8_47e1;
    const MAY_BE_COPIED: bool = true;
}

const _: () = {
    let need = libseal_rsa_public_key::NEED;
    assert!(size_of::<libseal_rsa_public_key>() == LIBSEAL_RSA_PUBLIC_KEY_SIZE);
    assert!(need <= LIBSEAL_RSA_PUBLIC_KEY_SIZE && need + 64 > LIBSEAL_RSA_PUBLIC_KEY_SIZE);
    assert!(align_of::<PublicKey>() <= align_of::<u64>() && !core::mem::needs_drop::<PublicKey>());
};

/// Reads a public key: a SubjectPublicKeyInfo (RFC 5280) in DER, as KMS GetPublicKey returns it. The
/// library for firmware reads nothing else. The complete library also reads PEM ("-----BEGIN PUBLIC
/// KEY-----") and what `aws kms get-public-key` prints: JSON, or the DER in base64.
///
/// @param key       Overwritten. After an error it holds no key.
/// @param key_size  sizeof(libseal_rsa_public_key).
/// @return LIBSEAL_OK, LIBSEAL_ERR_STORAGE_TOO_SMALL;
///         LIBSEAL_ERR_NOT_A_PUBLIC_KEY, or for what was given instead:
///         LIBSEAL_ERR_PRIVATE_KEY_GIVEN, LIBSEAL_ERR_CERTIFICATE_GIVEN,
///         LIBSEAL_ERR_PKCS1_PUBLIC_KEY_GIVEN, LIBSEAL_ERR_NOT_RSA;
///         LIBSEAL_ERR_KEY_TOO_SMALL, LIBSEAL_ERR_KEY_TOO_LARGE, LIBSEAL_ERR_UNSUPPORTED_KEY_SIZE,
///         LIBSEAL_ERR_INVALID_RSA_KEY, LIBSEAL_ERR_WRONG_KEY_USAGE;
///         LIBSEAL_ERR_FINGERPRINT_MISMATCH if JSON says another fingerprint than that of its key.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_rsa_public_key_init(
    key: *mut libseal_rsa_public_key,
    key_size: usize,
    encoded: *const u8,
    len: usize,
) -> libseal_status {
    guard(|| {
        // SAFETY: `key` is `key_size` bytes that only this call uses, and `encoded` is `len` bytes.
        let (storage, encoded) = unsafe {
            let storage = Vacant::read(key, key_size)?;
            (storage, array(encoded, len).of("encoded")?)
        };
        fill(storage, PublicKey::new(encoded)?);
        Ok(())
    })
}

/// Reads a public key as libseal_rsa_public_key_init() does, and refuses it unless it has this
/// fingerprint: see libseal_public_key_fingerprint().
///
/// For a key from a place that others can write to, such as a file or a partition: whoever replaces the
/// key could read what is sealed for it. Get the fingerprint over another way, and keep it in the program.
///
/// @param key          Overwritten. After an error it holds no key.
/// @param key_size     sizeof(libseal_rsa_public_key).
/// @param fingerprint  The expected one, LIBSEAL_FINGERPRINT_LEN bytes.
/// @return as libseal_rsa_public_key_init(); LIBSEAL_ERR_FINGERPRINT_MISMATCH for another key.
///
/// cbindgen:ptrs-as-arrays=[[fingerprint;32]]
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_rsa_public_key_init_pinned(
    key: *mut libseal_rsa_public_key,
    key_size: usize,
    encoded: *const u8,
    len: usize,
    fingerprint: *const u8,
) -> libseal_status {
    guard(|| {
        // SAFETY: `key` is `key_size` bytes that only this call uses, `encoded` is `len` bytes, and
        // `fingerprint` is NULL or its bytes, which do not change.
        let (storage, encoded, fingerprint) = unsafe {
            let storage = Vacant::read(key, key_size)?;
            let encoded = array(encoded, len).of("encoded")?;
            (storage, encoded, bytes(fingerprint).of("fingerprint")?)
        };
        fill(storage, PublicKey::pinned(encoded, fingerprint)?);
        Ok(())
    })
}

/// Not inlined, so that what it takes of a small stack is not there while a key is read.
#[inline(never)]
fn fill(mut storage: Vacant<'_, libseal_rsa_public_key>, key: PublicKey) {
    storage.place().write(key);
    // SAFETY: the line before put the key in its place.
    unsafe { storage.occupy() };
}

/// The size of the key's modulus in bits: 2048, 3072 or 4096; 0 if `key` is NULL or was not filled.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_rsa_public_key_bits(key: *const libseal_rsa_public_key) -> usize {
    guard_value(|| {
        // SAFETY: `key` is NULL or a key that does not change during the call.
        Ok(unsafe { stored(key) }?.bits())
    })
}
