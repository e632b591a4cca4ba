//! The one seam between the message format and the cryptography.
//!
//! A provider is a module with these items:
//!
//! - `random(out)`: fills `out` from a cryptographic random source, or fails.
//! - `sha256(data)`
//! - `hmac_sha512(key, data)`: RFC 2104.
//! - `hkdf_expand_sha512(prk, info, out)`: RFC 5869 section 2.3, at most 128 bytes out. The keys of
//!   this format are 32 bytes, shorter than the hash, which Cobblestone-256 prescribes.
//! - `ChunkEncryptor`: AES-256-GCM (SP 800-38D), online: each piece goes out at once.
//! - `ChunkDecryptor`: AES-256-GCM on a whole chunk: writes nothing unless the tag is right.
//! - `oaep_wrap(key, algorithm, data_key, out)`: RSAES-OAEP encryption, RFC 8017 section 7.1.1.
//!
//! Several values that are hashed one after the other are passed as a slice of slices.

#[cfg(feature = "rustcrypto")]
mod rustcrypto;
#[cfg(feature = "local-unwrapper")]
pub(crate) use rustcrypto::oaep_unwrap;
#[cfg(feature = "rustcrypto")]
pub(crate) use rustcrypto::{
    ChunkDecryptor, ChunkEncryptor, hkdf_expand_sha512, hmac_sha512, oaep_wrap, random, sha256,
};

#[cfg(not(feature = "rustcrypto"))]
compile_error!("libseal needs a crypto provider: turn on the feature `rustcrypto`");
