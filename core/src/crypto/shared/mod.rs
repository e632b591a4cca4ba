//! What several providers have in common.

#[cfg(feature = "alloc")]
pub(super) mod decryptor;
pub(super) mod gcm;
pub(super) mod hash;
pub(super) mod oaep;
pub(super) mod rsaep;
pub(super) mod xor;
