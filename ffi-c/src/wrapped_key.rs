//! Wrapped keys.

use core::{ffi::c_char, ptr};

use libseal::{WrapAlgorithm, WrappedKey};

/// A data key as one recipient can unwrap it.
///
/// Untrusted until a data key was accepted: choose by the fingerprint among keys that you allow, and
/// take the key id as a hint only. What the struct points to is borrowed for as long as the struct
/// is, as the comment of the function says that shows it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct libseal_wrapped_key {
    /// Bytes of this struct that the library has filled. Later versions may add members at the end.
    pub struct_size: usize,
    /// The recipient's kind in the header: LIBSEAL_RSAES_OAEP_SHA_256, LIBSEAL_RSAES_OAEP_SHA_1,
    /// or a number that this version does not know.
    pub kind: u32,
    /// What KMS calls the kind, ending with a NUL: "RSAES_OAEP_SHA_256" or "RSAES_OAEP_SHA_1";
    /// NULL for a kind that this version does not know.
    pub algorithm: *const c_char,
    /// Which key unwraps it: LIBSEAL_FINGERPRINT_LEN bytes, see libseal_public_key_fingerprint().
    pub fingerprint: *const u8,
    /// What the sealer says that the key is called: UTF-8, not ended by a NUL, maybe empty, maybe
    /// with NULs in it.
    pub key_id: *const c_char,
    /// Bytes in the key id.
    pub key_id_len: usize,
    /// The wrapped data key, for KMS Decrypt as CiphertextBlob.
    pub ciphertext: *const u8,
    /// Bytes in the wrapped data key.
    pub ciphertext_len: usize,
}

impl libseal_wrapped_key {
    pub(crate) const EMPTY: Self = Self {
        struct_size: 0,
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
            struct_size: size_of::<Self>(),
            kind: key.kind().into(),
            algorithm,
            fingerprint: key.fingerprint().as_ptr(),
            key_id: key.key_id().as_ptr().cast(),
            key_id_len: key.key_id().len(),
            ciphertext: key.ciphertext().as_ptr(),
            ciphertext_len: key.ciphertext().len(),
        }
    }
}
