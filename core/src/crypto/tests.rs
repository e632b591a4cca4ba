//! Every enabled provider, against published vectors, against the crates and against the others.

use aes_gcm::{Aes256Gcm, KeyInit, aead::AeadInOut};
use hmac::{Hmac, Mac};
use proptest::{collection::vec, prelude::*};
use sha2::{Digest, Sha256, Sha512};

use super::*;
use crate::{
    crypto::random::{LastAnswer, Random, random_fn},
    error::{Error, ErrorKind},
};

type Key = [u8; 32];
type Nonce = [u8; 12];

/// What a provider gives, as functions.
#[allow(clippy::type_complexity, reason = "the signatures of the seam")]
struct Provider {
    name: &'static str,
    sha256: fn(&[&[u8]]) -> [u8; 32],
    hmac_sha512: fn(&[u8], &[&[u8]], &mut [u8; 64]),
    hkdf_expand_sha512: fn(&Key, [&[u8]; 3], &mut [u8]) -> Result<(), ErrorKind>,
    /// The same, the second time under a key that is kept.
    #[cfg(feature = "alloc")]
    expand_again: fn(&Key, [&[u8]; 3], &mut [u8]) -> Result<(), ErrorKind>,
    oaep_encrypt: fn(&[u8], u32, OaepHash, &[u8], &mut Random<'_>, &mut [u8]) -> Result<(), Error>,
    /// Encrypts a chunk piece by piece.
    encrypt: fn(&Key, &Nonce, &[&[u8]]) -> Vec<u8>,
    /// Encrypts a whole chunk into a buffer.
    #[cfg(feature = "alloc")]
    seal: fn(&Key, &Nonce, &[u8], &mut [u8]) -> Result<(), ErrorKind>,
    /// Decrypts a whole chunk into a buffer.
    #[cfg(feature = "alloc")]
    open: fn(&Key, &Nonce, &[u8], &mut [u8]) -> Result<(), ErrorKind>,
}

macro_rules! provider {
    ($provider:ident) => {
        Provider {
            name: $provider::NAME,
            sha256: $provider::sha256,
            hmac_sha512: $provider::hmac_sha512,
            hkdf_expand_sha512: $provider::hkdf_expand_sha512,
            #[cfg(feature = "alloc")]
            expand_again: |prk, info, out| {
                let key = $provider::ExpandKey::new(prk);
                key.expand([b"something", b"else", b""], &mut [0; 100])?;
                key.expand(info, out)
            },
            oaep_encrypt: $provider::oaep_encrypt,
            encrypt: |key, nonce, pieces| {
                let mut encryptor = $provider::ChunkEncryptor::new(key);
                // A chunk before, to show that nothing is left of it.
                encryptor.start(&nonce.map(|byte| !byte));
                encryptor.update(&[1; 37], &mut [0; 37]);
                encryptor.finish();

                encryptor.start(nonce);
                let mut out = Vec::new();
                for piece in pieces {
                    let start = out.len();
                    out.resize(start + piece.len(), 0);
                    encryptor.update(piece, &mut out[start..]);
                }
                out.extend(encryptor.finish());
                out
            },
            #[cfg(feature = "alloc")]
            seal: |key, nonce, plaintext, out| {
                $provider::ChunkEncryptor::new(key).seal(nonce, plaintext, out)
            },
            #[cfg(feature = "alloc")]
            open: |key, nonce, sealed, out| {
                $provider::ChunkDecryptor::new(key).open(nonce, sealed, out)
            },
        }
    };
}

const PROVIDERS: &[Provider] = &[
    provider!(compact),
    #[cfg(feature = "rustcrypto")]
    provider!(portable),
    #[cfg(feature = "aws-lc-rs")]
    provider!(aws_lc),
];

/// By the `aes-gcm` crate.
fn expected_gcm(key: &Key, nonce: &Nonce, plaintext: &[u8]) -> Vec<u8> {
    let mut sealed = plaintext.to_vec();
    let tag = Aes256Gcm::new(key.into())
        .encrypt_inout_detached(nonce.into(), b"", sealed.as_mut_slice().into())
        .unwrap();
    sealed.extend(tag);
    sealed
}

#[test]
fn chunks_in_pieces_are_gcm() {
    let (key, nonce) = ([3; 32], [5; 12]);
    for len in (0..70).chain([1000, 4095, 4096, 4097, 16383, 16384]) {
        let plaintext: Vec<u8> = (0..=255).cycle().take(len).collect();
        let expected = expected_gcm(&key, &nonce, &plaintext);
        for piece_len in [1, 2, 15, 16, 17, 33, 1024, 1025, usize::MAX] {
            let pieces: Vec<&[u8]> = plaintext.chunks(piece_len).collect();
            for Provider { name, encrypt, .. } in PROVIDERS {
                let found = encrypt(&key, &nonce, &pieces);
                assert_eq!(found, expected, "{name}: {len} in pieces of {piece_len}");
            }
        }
    }
}

/// Test cases 13 and 15 of McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B,
/// which NIST uses for SP 800-38D as well.
#[test]
fn gcm_of_its_authors() {
    for Provider { name, encrypt, .. } in PROVIDERS {
        let seal = |key: &str, nonce: &str, plaintext: &str| {
            let key = hex::decode(key).unwrap().try_into().unwrap();
            let nonce = hex::decode(nonce).unwrap().try_into().unwrap();
            hex::encode(encrypt(&key, &nonce, &[&hex::decode(plaintext).unwrap()]))
        };
        let tag = seal(&"00".repeat(32), &"00".repeat(12), "");
        assert_eq!(tag, "530f8afbc74536b9a963b4f1c4cb738b", "{name}");
        let sealed = seal(
            "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
            "cafebabefacedbaddecaf888",
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
             1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
        );
        assert_eq!(
            sealed,
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
             8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad\
             b094dac5d93471bdec1a502270e3cc6c",
            "{name}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn random_chunks_in_pieces_are_gcm(
        key: Key,
        nonce: Nonce,
        pieces in vec(vec(any::<u8>(), 0..200), 0..5),
    ) {
        let expected = expected_gcm(&key, &nonce, &pieces.concat());
        let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        for Provider { name, encrypt, .. } in PROVIDERS {
            prop_assert_eq!(&encrypt(&key, &nonce, &pieces), &expected, "{}", name);
        }
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn whole_chunks_are_gcm(
        key: Key,
        nonce: Nonce,
        plaintext in vec(any::<u8>(), 0..1000),
        altered: prop::sample::Index,
    ) {
        let expected = expected_gcm(&key, &nonce, &plaintext);
        for Provider { name, seal, open, .. } in PROVIDERS {
            let mut sealed = vec![0; expected.len()];
            seal(&key, &nonce, &plaintext, &mut sealed).unwrap();
            prop_assert_eq!(&sealed, &expected, "{}", name);

            let mut opened = vec![0; plaintext.len()];
            open(&key, &nonce, &sealed, &mut opened).unwrap();
            prop_assert_eq!(&opened, &plaintext, "{}", name);

            sealed[altered.index(expected.len())] ^= 0x10;
            let forged = open(&key, &nonce, &sealed, &mut opened);
            prop_assert_eq!(forged, Err(ErrorKind::AuthenticationFailed), "{}", name);
        }
    }

    #[test]
    fn hkdf_is_the_same_everywhere(
        prk: Key,
        info in prop::array::uniform3(vec(any::<u8>(), 0..300)),
        len in 1_usize..=128,
    ) {
        // RFC 5869 section 2.3, on the HMAC of a crate.
        let mut expected = Vec::new();
        for number in 1..=2 {
            let mut hmac = Hmac::<Sha512>::new_from_slice(&prk).unwrap();
            hmac.update(&[&expected[..], &info.concat(), &[number]].concat());
            expected.extend(hmac.finalize().into_bytes());
        }
        expected.truncate(len);
        for Provider { name, hkdf_expand_sha512, .. } in PROVIDERS {
            let mut found = vec![0; len];
            hkdf_expand_sha512(&prk, info.each_ref().map(Vec::as_slice), &mut found).unwrap();
            prop_assert_eq!(&found, &expected, "{}", name);
        }
        #[cfg(feature = "alloc")]
        for Provider { name, expand_again, .. } in PROVIDERS {
            let mut found = vec![0; len];
            expand_again(&prk, info.each_ref().map(Vec::as_slice), &mut found).unwrap();
            prop_assert_eq!(&found, &expected, "{}", name);
        }
        #[cfg(feature = "aws-lc-rs")]
        {
            let mut found = vec![0; len];
            let key = aws_lc::hash::ExpandKey::new(&prk);
            key.expand(info.each_ref().map(Vec::as_slice), &mut found).unwrap();
            prop_assert_eq!(&found, &expected, "AWS-LC for FIPS");
        }
    }
}

#[cfg(feature = "alloc")]
#[test]
fn buffers_of_another_length_are_refused() {
    let (key, nonce) = ([3; 32], [5; 12]);
    let sealed = expected_gcm(&key, &nonce, &[7; 40]);
    for Provider {
        name, seal, open, ..
    } in PROVIDERS
    {
        for len in [0, 15, 16, 55, 57, 72] {
            let found = seal(&key, &nonce, &[7; 40], &mut vec![0; len]);
            assert!(found.is_err(), "{name}: {len} bytes");
        }
        for len in [0, 39, 41, 56] {
            let found = open(&key, &nonce, &sealed, &mut vec![0; len]);
            assert_eq!(found, Err(ErrorKind::Internal), "{name}: {len} bytes");
        }
        let found = open(&key, &nonce, &sealed[..15], &mut []);
        assert_eq!(found, Err(ErrorKind::Internal), "{name}");
    }
}

/// RFC 4231 sections 4.3 and 4.2.
#[test]
fn hmac_of_rfc_4231() {
    for Provider {
        name, hmac_sha512, ..
    } in PROVIDERS
    {
        let mac = |key: &[u8], data| {
            let mut mac = [0; 64];
            hmac_sha512(key, &[data], &mut mac);
            hex::encode(mac)
        };
        let found = mac(b"Jefe", b"what do ya want for nothing?");
        assert!(
            found.starts_with("164b7a7bfcf819e2e395fbe73b56e0a3"),
            "{name}"
        );
        let found = mac(&[0x0b; 20], b"Hi There");
        assert!(found.starts_with("87aa7cdea5ef619d4ff0b424"), "{name}");
    }
}

/// Every length around the blocks, in one part and in several.
#[test]
fn hashes_are_those_of_the_crates() {
    let data: Vec<u8> = (0..=255).cycle().take(300).collect();
    for len in 0..data.len() {
        let (data, parts) = (&data[..len], data[..len].chunks(7).collect::<Vec<_>>());
        let expected_hash: [u8; 32] = Sha256::digest(data).into();
        let key = &data[..len.min(128)];
        let mut expected_mac = Hmac::<Sha512>::new_from_slice(key).unwrap();
        expected_mac.update(data);
        let expected_mac: [u8; 64] = expected_mac.finalize().into_bytes().into();
        for Provider {
            name,
            sha256,
            hmac_sha512,
            ..
        } in PROVIDERS
        {
            assert_eq!(sha256(&[data]), expected_hash, "{name}: {len}");
            assert_eq!(sha256(&parts), expected_hash, "{name}: {len}");
            let mut mac = [0; 64];
            hmac_sha512(key, &parts, &mut mac);
            assert_eq!(mac, expected_mac, "{name}: {len}");
        }
    }
}

const OAEP_HASHES: &[OaepHash] = &[
    OaepHash::Sha256,
    #[cfg(feature = "oaep-sha1")]
    OaepHash::Sha1,
];

#[test]
fn oaep_is_the_same_everywhere() {
    for &hash in OAEP_HASHES {
        for modulus_len in [256, 384, 512] {
            // For encryption, any odd number will do as the modulus.
            let mut modulus: Vec<u8> = (0..=255).cycle().take(modulus_len).collect();
            modulus[0] = 0xc5;
            let encrypt = |provider: &Provider, seed_byte: u8| {
                let seed = random_fn(|out| {
                    out.iter_mut()
                        .zip(seed_byte..)
                        .for_each(|(out, byte)| *out = byte);
                    Ok(())
                });
                let mut last = LastAnswer::default();
                let mut random = Random::new(&seed, &mut last);
                let mut out = vec![0; modulus_len];
                (provider.oaep_encrypt)(&modulus, 65537, hash, b"message", &mut random, &mut out)
                    .unwrap();
                out
            };
            let expected = encrypt(&PROVIDERS[0], 1);
            for provider in PROVIDERS {
                assert_eq!(encrypt(provider, 1), expected, "{}", provider.name);
                assert_ne!(encrypt(provider, 2), expected, "{}", provider.name);
            }
        }
    }
}

#[test]
fn oaep_that_fails_leaves_nothing() {
    for Provider {
        name, oaep_encrypt, ..
    } in PROVIDERS
    {
        let seed = random_fn(|out| {
            out.iter_mut().zip(1..).for_each(|(out, byte)| *out = byte);
            Ok(())
        });
        let mut last = LastAnswer::default();
        let mut random = Random::new(&seed, &mut last);
        let even = [0xfe; 256];
        let mut out = [0; 256];
        let found = oaep_encrypt(
            &even,
            65537,
            OaepHash::Sha256,
            b"message",
            &mut random,
            &mut out,
        );
        assert_eq!(found.unwrap_err().kind(), ErrorKind::Internal, "{name}");
        assert_eq!(out, [0; 256], "{name}");
    }
}
