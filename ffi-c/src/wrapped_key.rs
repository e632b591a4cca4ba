//! Wrapped keys.

use core::{ffi::c_char, ptr};

use libseal::{ErrorKind, WrapAlgorithm, WrappedKey};

use crate::{
    boundary::{
        failure::{Failure, Named},
        guard::guard,
        own_status::LIBSEAL_ERR_INVALID_UTF8,
        pointer::{array, bytes, output},
        sized::{SizedStruct, read_sized},
    },
    status::libseal_status,
};

/// Bytes in a data key.
pub const LIBSEAL_DATA_KEY_LEN: usize = 32;

/// A data key as one recipient can unwrap it.
///
/// Untrusted until the data key has verified the header. Choose among the keys that you allow, by
/// fingerprint, and take the key id as a hint only. The pointers stay valid as long as the function that
/// gives the struct says.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct libseal_wrapped_key {
    /// Bytes of this struct that are filled.
    pub size: usize,
    /// The recipient's kind in the header: LIBSEAL_RSAES_OAEP_SHA_256, LIBSEAL_RSAES_OAEP_SHA_1,
    /// or a number that this version does not know.
    pub kind: u32,
    /// What KMS calls the kind, ending with a NUL: "RSAES_OAEP_SHA_256" or "RSAES_OAEP_SHA_1";
    /// NULL for a kind that this version does not know.
    pub algorithm: *const c_char,
    /// Which key unwraps it: LIBSEAL_FINGERPRINT_LEN bytes, see libseal_public_key_fingerprint().
    pub fingerprint: *const u8,
    /// What the sealer calls the key: UTF-8 without a NUL at its end, which may be empty and may
    /// contain NULs.
    pub key_id: *const c_char,
    /// Bytes in the key id.
    pub key_id_len: usize,
    /// The wrapped data key, for KMS Decrypt as CiphertextBlob.
    pub ciphertext: *const u8,
    /// Bytes in the wrapped data key.
    pub ciphertext_len: usize,
}

// SAFETY: numbers and pointers, and the first one is the size.
unsafe impl SizedStruct for libseal_wrapped_key {
    const FIRST_SIZE: usize = size_of::<Self>();
}

impl libseal_wrapped_key {
    pub(crate) const EMPTY: Self = Self {
        size: 0,
        kind: 0,
        algorithm: ptr::null(),
        fingerprint: ptr::null(),
        key_id: ptr::null(),
        key_id_len: 0,
        ciphertext: ptr::null(),
        ciphertext_len: 0,
    };

    /// Borrows from what `key` borrows from.
    pub(crate) fn new(key: &WrappedKey<'_>) -> Self {
        let algorithm = match key.algorithm() {
            Some(WrapAlgorithm::RsaesOaepSha256) => c"RSAES_OAEP_SHA_256".as_ptr(),
            Some(WrapAlgorithm::RsaesOaepSha1) => c"RSAES_OAEP_SHA_1".as_ptr(),
            _ => ptr::null(),
        };
        Self {
            size: size_of::<Self>(),
            kind: key.kind().into(),
            algorithm,
            fingerprint: key.fingerprint().as_ptr(),
            key_id: key.key_id().as_ptr().cast(),
            key_id_len: key.key_id().len(),
            ciphertext: key.ciphertext().as_ptr(),
            ciphertext_len: key.ciphertext().len(),
        }
    }

    /// # Safety
    /// Nothing changes what the struct points to during `'a`.
    unsafe fn read<'a>(&self) -> Result<WrappedKey<'a>, Failure> {
        // SAFETY: the lengths are those of what the pointers are of.
        let (fingerprint, key_id, ciphertext) = unsafe {
            (
                bytes(self.fingerprint).of("the fingerprint of the wrapped key")?,
                array(self.key_id.cast::<u8>(), self.key_id_len)
                    .of("the key_id of the wrapped key")?,
                array(self.ciphertext, self.ciphertext_len)
                    .of("the ciphertext of the wrapped key")?,
            )
        };
        let key_id = str::from_utf8(key_id)
            .map_err(|_| Failure::argument(LIBSEAL_ERR_INVALID_UTF8, "is not UTF-8"))
            .of("the key_id of the wrapped key")?;
        // No header has a larger number.
        let kind = u8::try_from(self.kind).map_err(|_| ErrorKind::UnsupportedAlgorithm)?;
        Ok(WrappedKey::new(kind, fingerprint, key_id, ciphertext))
    }
}

/// The second step of unwrapping: makes the data key of what the KMS or HSM returned. For RSA that is the
/// data key itself. Later kinds will have more to do here, so a program that unwraps on its own and goes
/// through this function need not change for them.
///
/// @param wrapped_key  From a header, or from its parts: kind, fingerprint, key id and ciphertext.
/// @param unwrapped    What the KMS returned for the ciphertext.
/// @param data_key     For libseal_unsealer_provide_key(). Wipe it after that.
/// @return LIBSEAL_OK, LIBSEAL_ERR_DATA_KEY_LENGTH, LIBSEAL_ERR_INVALID_UTF8,
///         LIBSEAL_ERR_UNSUPPORTED_ALGORITHM for a kind that this version does not know.
///
/// cbindgen:ptrs-as-arrays=[[data_key;32]]
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_wrapped_key_data_key(
    wrapped_key: *const libseal_wrapped_key,
    unwrapped: *const u8,
    unwrapped_len: usize,
    data_key: *mut u8,
) -> libseal_status {
    guard(|| {
        // SAFETY: `data_key` has room for 32 bytes; `unwrapped` is `unwrapped_len` bytes; the wrapped key
        // and what it points to do not change during the call.
        let (data_key, unwrapped, wrapped_key) = unsafe {
            (
                output(data_key.cast(), [0; LIBSEAL_DATA_KEY_LEN]).of("data_key")?,
                array(unwrapped, unwrapped_len).of("unwrapped")?,
                read_sized(wrapped_key).of("wrapped_key")?.read()?,
            )
        };
        *data_key = *wrapped_key.data_key(unwrapped)?.as_bytes();
        Ok(())
    })
}
