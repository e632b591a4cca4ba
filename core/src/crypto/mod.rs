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
//! - `oaep_encrypt(modulus, exponent, hash, message, out)`: RSAES-OAEP encryption with an empty label,
//!   RFC 8017 section 7.1.1.
//!
//! Several values that are hashed one after the other are passed as a slice of slices.

#[cfg(feature = "rustcrypto")]
mod rustcrypto;
#[cfg(feature = "local-unwrapper")]
pub(crate) use rustcrypto::oaep_decrypt;
#[cfg(feature = "rustcrypto")]
pub(crate) use rustcrypto::{
    ChunkDecryptor, ChunkEncryptor, hkdf_expand_sha512, hmac_sha512, oaep_encrypt, random, sha256,
};

/// The hash of RSAES-OAEP, for the label and for MGF1 alike.
#[derive(Clone, Copy)]
pub(crate) enum OaepHash {
    Sha256,
    Sha1,
}

#[cfg(not(feature = "rustcrypto"))]
compile_error!("libseal needs a crypto provider: turn on the feature `rustcrypto`");

#[cfg(test)]
mod tests {
    use aes_gcm::{Aes256Gcm, KeyInit, aead::AeadInOut};

    use super::*;

    /// The online encryptor against the one-shot one of the `aes-gcm` crate.
    #[test]
    fn online_gcm_is_gcm() {
        let key = [3; 32];
        let nonce = [5; 12];
        let mut encryptor = ChunkEncryptor::new(&key, &nonce);
        for len in (0..70).chain([1000, 4095, 4096, 4097, 16383, 16384]) {
            let plaintext: Vec<u8> = (0..len).map(|i: usize| i.to_le_bytes()[0]).collect();
            let mut expected = plaintext.clone();
            let tag = Aes256Gcm::new(&key.into())
                .encrypt_inout_detached(&nonce.into(), b"", expected.as_mut_slice().into())
                .unwrap();
            for piece_len in [1, 2, 15, 16, 17, 33, 1024, 1025, usize::MAX] {
                encryptor.start(&nonce);
                let mut found = vec![0; len];
                for (piece, out) in plaintext.chunks(piece_len).zip(found.chunks_mut(piece_len)) {
                    encryptor.update(piece, out);
                }
                assert_eq!(found, expected, "{len} in pieces of {piece_len}");
                assert_eq!(
                    encryptor.finish()[..],
                    tag[..],
                    "{len} in pieces of {piece_len}"
                );
            }
        }
    }

    /// RFC 4231 section 4.3 and 4.2 (a key of 20 bytes, padded).
    #[test]
    fn hmac_of_rfc_4231() {
        let mut key = [0; 64];
        key[..4].copy_from_slice(b"Jefe");
        let mac = hmac_sha512(&key, b"what do ya want for nothing?");
        assert!(hex::encode(mac).starts_with("164b7a7bfcf819e2e395fbe73b56e0a3"));
        key[..20].copy_from_slice(&[0x0b; 20]);
        assert!(
            hex::encode(hmac_sha512(&key, b"Hi There")).starts_with("87aa7cdea5ef619d4ff0b424")
        );
    }
}
