//! The one seam between the message format and the cryptography.
//!
//! A provider gives these items:
//!
//! - `sha256(parts)`
//! - `hmac_sha512(key, parts, mac)`: RFC 2104.
//! - `hkdf_expand_sha512(prk, info, out)`: RFC 5869 section 2.3, at most 128 bytes out. The keys of
//!   this format are 32 bytes, shorter than the hash, which Cobblestone-256 prescribes.
//! - `ChunkEncryptor`: AES-256-GCM (SP 800-38D), online: each piece goes out at once. Where there is
//!   a heap, also for whole chunks, on several threads.
//! - `ChunkDecryptor`: AES-256-GCM on a whole chunk: the plaintext is of use only if the tag is right.
//! - `oaep_encrypt(modulus, exponent, hash, message, random, out)`: RSAES-OAEP encryption with an
//!   empty label, RFC 8017 section 7.1.1.
//!
//! There are three. AWS-LC stands on the portable one, and goes before it. The one for firmware is
//! smaller and needs no heap: it differs from the portable one in `KeyStream` and `Ghash`, the parts of
//! GCM, and in `rsaep`, the RSA public operation.

pub(crate) mod random;
pub(crate) mod secret;

#[cfg(any(test, not(feature = "rustcrypto")))]
mod aes_ctr;
#[cfg(any(test, not(feature = "rustcrypto")))]
mod aes_s_box;
#[cfg(feature = "aws-lc-rs")]
mod aws_lc;
#[cfg_attr(feature = "aws-lc-rs", allow(dead_code, reason = "AWS-LC does it"))]
mod gcm;
#[cfg(feature = "rustcrypto")]
mod gcm_crates;
#[cfg(any(test, not(feature = "rustcrypto")))]
mod ghash;
#[cfg_attr(feature = "aws-lc-rs", allow(dead_code, reason = "AWS-LC does it"))]
mod hash;
mod oaep;
#[cfg(feature = "rustcrypto")]
mod rsa_crate;
#[cfg(not(feature = "rustcrypto"))]
mod rsaep;

#[cfg(feature = "aws-lc-rs")]
pub(crate) use aws_lc::{
    ChunkDecryptor, ChunkEncryptor, fill_random, hkdf_expand_sha512, hmac_sha512, oaep_encrypt,
    sha256,
};
#[cfg(all(feature = "alloc", not(feature = "aws-lc-rs")))]
pub(crate) use gcm::ChunkDecryptor;
pub(crate) use oaep::OaepHash;
#[cfg(not(feature = "aws-lc-rs"))]
pub(crate) use {
    gcm::ChunkEncryptor,
    hash::{hkdf_expand_sha512, hmac_sha512, sha256},
    oaep::oaep_encrypt,
};

#[cfg(not(feature = "rustcrypto"))]
use {aes_ctr::KeyStream, ghash::Ghash, rsaep::rsaep};
#[cfg(feature = "rustcrypto")]
use {
    gcm_crates::{Ghash, KeyStream},
    rsa_crate::rsaep,
};

#[cfg(not(any(feature = "rustcrypto", feature = "compact")))]
compile_error!(
    "libseal needs a crypto provider: turn on the feature `rustcrypto`, or `compact` for firmware"
);

/// The name of the crypto provider that was chosen: `"aws-lc"`, `"portable"` or `"compact"`.
pub const PROVIDER: &str = if cfg!(feature = "aws-lc-rs") {
    "aws-lc"
} else if cfg!(feature = "rustcrypto") {
    "portable"
} else {
    "compact"
};

/// Adds `mask` to `out`, as far as both go.
#[inline(never)]
fn xor(out: &mut [u8], mask: &[u8]) {
    let len = out.len().min(mask.len());
    let (out_words, out) = out.split_at_mut(len).0.as_chunks_mut();
    let (mask_words, mask) = mask.split_at(len).0.as_chunks();
    for (out, mask) in out_words.iter_mut().zip(mask_words) {
        *out = (u32::from_ne_bytes(*out) ^ u32::from_ne_bytes(*mask)).to_ne_bytes();
    }
    for (out, mask) in out.iter_mut().zip(mask) {
        *out ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use aes_gcm::{Aes256Gcm, KeyInit, aead::AeadInOut};
    use hmac::{Hmac, Mac};
    use proptest::{
        prelude::Rng,
        test_runner::{RngAlgorithm, TestRng},
    };
    use sha2::{Digest, Sha256, Sha512};

    use super::*;

    /// The online encryptor against the one-shot one of the `aes-gcm` crate.
    #[test]
    fn online_gcm_is_gcm() {
        let key = [3; 32];
        let nonce = [5; 12];
        let mut encryptor = ChunkEncryptor::new(&key);
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

    /// Test cases 13 and 15 of McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B,
    /// which NIST has for SP 800-38D too.
    #[test]
    fn gcm_of_its_authors() {
        let seal = |key: &str, nonce: &str, plaintext: &str| {
            let mut encryptor = ChunkEncryptor::new(&hex::decode(key).unwrap().try_into().unwrap());
            encryptor.start(&hex::decode(nonce).unwrap().try_into().unwrap());
            let plaintext = hex::decode(plaintext).unwrap();
            let mut ciphertext = vec![0; plaintext.len()];
            encryptor.update(&plaintext, &mut ciphertext);
            (hex::encode(ciphertext), hex::encode(encryptor.finish()))
        };
        let (_, tag) = seal(&"00".repeat(32), &"00".repeat(12), "");
        assert_eq!(tag, "530f8afbc74536b9a963b4f1c4cb738b");
        let (ciphertext, tag) = seal(
            "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
            "cafebabefacedbaddecaf888",
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
             1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
        );
        assert_eq!(
            ciphertext,
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
             8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
        );
        assert_eq!(tag, "b094dac5d93471bdec1a502270e3cc6c");
    }

    /// Random keys, nonces, lengths and pieces.
    #[test]
    fn random_gcm_is_that_of_the_crate() {
        let mut random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        for _ in 0..2000 {
            let (mut key, mut nonce) = ([0; 32], [0; 12]);
            random.fill_bytes(&mut key);
            random.fill_bytes(&mut nonce);
            let mut encryptor = ChunkEncryptor::new(&key);
            for _ in 0..2 {
                nonce[0] ^= 1;
                let mut plaintext = vec![0; random.next_u32() as usize % 600];
                random.fill_bytes(&mut plaintext);
                let mut expected = plaintext.clone();
                let tag = Aes256Gcm::new(&key.into())
                    .encrypt_inout_detached(&nonce.into(), b"", expected.as_mut_slice().into())
                    .unwrap();
                encryptor.start(&nonce);
                let mut found = vec![0; plaintext.len()];
                let (mut input, mut out) = (&plaintext[..], &mut found[..]);
                while !input.is_empty() {
                    let len = input.len().min(random.next_u32() as usize % 200);
                    encryptor.update(
                        input.split_off(..len).unwrap(),
                        out.split_off_mut(..len).unwrap(),
                    );
                }
                assert_eq!(found, expected, "{key:x?} {nonce:x?}");
                assert_eq!(encryptor.finish()[..], tag[..], "{key:x?} {nonce:x?}");
            }
        }
    }

    /// RFC 4231 sections 4.3 and 4.2.
    #[test]
    fn hmac_of_rfc_4231() {
        let mac = |key: &[u8], data| {
            let mut mac = [0; 64];
            hmac_sha512(key, &[data], &mut mac);
            hex::encode(mac)
        };
        let found = mac(b"Jefe", b"what do ya want for nothing?");
        assert!(found.starts_with("164b7a7bfcf819e2e395fbe73b56e0a3"));
        let found = mac(&[0x0b; 20], b"Hi There");
        assert!(found.starts_with("87aa7cdea5ef619d4ff0b424"));
    }

    /// Every length around the blocks, in one part and in several, against the crates.
    #[test]
    fn hashes_are_those_of_the_crates() {
        let data: Vec<u8> = (0..=255).cycle().take(300).collect();
        for len in 0..data.len() {
            let (data, parts) = (&data[..len], data[..len].chunks(7).collect::<Vec<_>>());
            let expected: [u8; 32] = Sha256::digest(data).into();
            assert_eq!(sha256(&[data]), expected);
            assert_eq!(sha256(&parts), expected);

            let mut expected = Hmac::<Sha512>::new_from_slice(&data[..len.min(128)]).unwrap();
            expected.update(data);
            let expected: [u8; 64] = expected.finalize().into_bytes().into();
            let mut mac = [0; 64];
            hmac_sha512(&data[..len.min(128)], &parts, &mut mac);
            assert_eq!(mac, expected);
        }
    }
}
