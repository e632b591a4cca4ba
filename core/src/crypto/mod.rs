//! The seam between the message format and the cryptography.
//!
//! A crypto provider is a folder. Its `mod.rs` gives these items, and the rest of the crate uses no
//! others:
//!
//! - `NAME`: what [`PROVIDER`] says.
//! - `sha256(parts)`: SHA-256 (FIPS 180-4) of the concatenated parts.
//! - `hmac_sha512(key, parts, mac)`: HMAC-SHA-512 (RFC 2104) of the concatenated parts. The key is at
//!   most 128 bytes long.
//! - `hkdf_expand_sha512(prk, info, out)`: HKDF-Expand (RFC 5869 section 2.3), for at most 128 bytes
//!   of output. The keys of the format are 32 bytes long, shorter than the hash, because
//!   Cobblestone-256 prescribes that.
//! - `ExpandKey`, with `alloc`: the same with a key that is used again and again. What HMAC makes of the
//!   key alone is computed once (`new`), and `expand` then takes two thirds of the time.
//! - `ChunkEncryptor`: AES-256-GCM (SP 800-38D) without additional data. It encrypts a chunk piece by
//!   piece (`start`, `update`, `finish`). With `alloc` it also encrypts whole chunks
//!   (`seal`), on several threads at a time.
//! - `ChunkDecryptor`, with `alloc`: decrypts whole chunks (`open`). If the tag is wrong, it returns
//!   `AuthenticationFailed`, and the output must not be used.
//! - `oaep_encrypt(modulus, exponent, hash, message, random, out)`: RSAES-OAEP (RFC 8017 section
//!   7.1.1) with an empty label.
//!
//! The providers are:
//!
//! - `portable`: RustCrypto, and our own RSA. It uses the processor's instructions for AES, GHASH and
//!   SHA-2.
//! - `aws_lc`: AWS-LC, for servers. It uses `portable` for what AWS-LC has no interface for.
//! - `compact`: for firmware. It is small and needs no heap to seal.
//!
//! To add one, add a folder, and name it in the choice below.
//!
//! `shared` holds what several providers have in common. `random`, `secret` and `stack` stand beneath
//! the providers and use nothing of them except AWS-LC's random generator.

pub(crate) mod random;
pub(crate) mod secret;
#[cfg_attr(
    feature = "aws-lc-rs",
    allow(dead_code, reason = "AWS-LC replaces most of it")
)]
mod shared;
pub(crate) mod stack;

// The choice of provider: the first of `aws-lc-rs`, `rustcrypto` and `compact` that is on. Tests
// always compile `compact` too, to compare it with the others.

#[cfg(feature = "aws-lc-rs")]
mod aws_lc;
#[cfg(any(test, not(feature = "rustcrypto")))]
mod compact;
#[cfg(feature = "rustcrypto")]
#[cfg_attr(
    feature = "aws-lc-rs",
    allow(dead_code, unused_imports, reason = "AWS-LC replaces most of it")
)]
mod portable;

#[cfg(feature = "aws-lc-rs")]
use aws_lc as provider;
#[cfg(not(feature = "rustcrypto"))]
use compact as provider;
#[cfg(all(feature = "rustcrypto", not(feature = "aws-lc-rs")))]
use portable as provider;

/// The name of the crypto provider that was chosen: `"aws-lc"`, `"portable"` or `"compact"`.
pub const PROVIDER: &str = provider::NAME;

#[cfg(not(any(feature = "rustcrypto", feature = "compact")))]
compile_error!(
    "libseal needs a crypto provider: turn on the feature `rustcrypto`, or `compact` for firmware"
);

#[cfg(all(feature = "aws-lc-rs", target_family = "wasm"))]
compile_error!(
    "AWS-LC does not run on WebAssembly: of libseal, turn off the features `aws-lc-rs`, `fips` and `x509`, \
     and take `rustcrypto`, the default"
);

// A hint, and not an error, for those who want it fast. Cargo shows the warnings of crates that are built from
// a folder; README.md has it for everyone.
#[cfg(all(
    target_os = "none",
    not(feature = "rustcrypto"),
    not(sha2_backend_soft = "compact")
))]
mod size {
    #[deprecated(
        note = "build firmware with `--cfg sha2_backend_soft=\"compact\"`, or it needs 30 KiB more flash: \
                README.md of libseal says where to put that"
    )]
    const UNROLLED_SHA2: () = ();
    const _: () = UNROLLED_SHA2;
}

#[cfg(feature = "aws-lc-rs")]
pub(crate) use aws_lc::self_test::{SELF_TEST_PUBLIC_KEY, self_test_decrypt};
#[cfg(feature = "alloc")]
pub(crate) use provider::{ChunkDecryptor, ExpandKey};
pub(crate) use provider::{ChunkEncryptor, hkdf_expand_sha512, hmac_sha512, oaep_encrypt, sha256};
pub(crate) use shared::oaep::OaepHash;

#[cfg(test)]
mod tests;
