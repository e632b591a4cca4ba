//! What is taken for a key, and what is said about everything else.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod common;

use common::{key_file, public_key};
use libseal::{ErrorKind, LocalUnwrapper, PublicKey};
use sha2::{Digest, Sha256};

fn refused(der_or_pem: &[u8]) -> ErrorKind {
    PublicKey::new(der_or_pem).unwrap_err().kind()
}

#[test]
fn der_and_pem_give_the_same_key() {
    for (name, bits) in [
        ("rsa-2048", 2048),
        ("rsa-2048-e3", 2048),
        ("rsa-3072", 3072),
        ("rsa-4096", 4096),
    ] {
        let der = key_file(&format!("{name}.pub.der"));
        let key = PublicKey::new(&der).unwrap();
        assert_eq!(key.bits(), bits);
        assert_eq!(key.fingerprint()[..], Sha256::digest(&der)[..]);
        let pem = String::from_utf8(key_file(&format!("{name}.pub.pem"))).unwrap();
        assert_eq!(PublicKey::new(pem.as_bytes()).unwrap(), key);
        assert_eq!(
            PublicKey::new(pem.replace('\n', "\r\n").as_bytes()).unwrap(),
            key
        );
        assert_eq!(
            PublicKey::new(format!("Key of the fleet\n{pem}\n").as_bytes()).unwrap(),
            key
        );
    }
}

#[test]
fn each_mistake_has_its_own_answer() {
    for (file, kind) in [
        ("rsa-1024.pub.der", ErrorKind::KeyTooSmall),
        ("rsa-8192.pub.der", ErrorKind::KeyTooLarge),
        ("rsa-2560.pub.der", ErrorKind::UnsupportedKeySize),
        ("rsa-2048-e1.pub.der", ErrorKind::InvalidRsaKey),
        ("rsa-2048-e4.pub.der", ErrorKind::InvalidRsaKey),
        ("rsa-2048-e33-bits.pub.der", ErrorKind::InvalidRsaKey),
        ("ec-p256.pub.der", ErrorKind::NotRsa),
        ("ed25519.pub.der", ErrorKind::NotRsa),
        ("certificate.der", ErrorKind::CertificateGiven),
        ("certificate.pem", ErrorKind::CertificateGiven),
        ("rsa-2048.key.der", ErrorKind::PrivateKeyGiven),
        ("rsa-2048.key.pem", ErrorKind::PrivateKeyGiven),
        ("rsa-2048.encrypted.pem", ErrorKind::PrivateKeyGiven),
        ("rsa-2048.pkcs1.key.pem", ErrorKind::PrivateKeyGiven),
        ("rsa-2048.pkcs1.pub.der", ErrorKind::Pkcs1PublicKeyGiven),
        ("rsa-2048.pkcs1.pub.pem", ErrorKind::Pkcs1PublicKeyGiven),
    ] {
        assert_eq!(refused(&key_file(file)), kind, "{file}");
    }
    for pem in ["rsa-2048.pkcs1.key.pem", "rsa-2048.encrypted.pem"] {
        let (_, der) = pem_rfc7468::decode_vec(&key_file(pem))
            .map(|(_, der)| ((), der))
            .unwrap();
        assert_eq!(refused(&der), ErrorKind::PrivateKeyGiven, "{pem} as DER");
    }
    for nonsense in [
        &b""[..],
        b"\x30",
        b"\x30\x82",
        b"not a key",
        b"-----BEGIN PUBLIC KEY-----",
    ] {
        assert_eq!(refused(nonsense), ErrorKind::NotAPublicKey);
    }
}

#[test]
fn no_damage_to_a_key_goes_unnoticed_or_panics() {
    let der = key_file("rsa-2048.pub.der");
    for len in 0..der.len() {
        assert!(PublicKey::new(&der[..len]).is_err());
    }
    let mut longer = der.clone();
    longer.push(0);
    assert!(PublicKey::new(&longer).is_err());
    let original = public_key("rsa-2048");
    for bit in 0..der.len() * 8 {
        let mut der = der.clone();
        der[bit / 8] ^= 1 << (bit % 8);
        // In the modulus a bit makes another key, which must not pass for the original.
        if let Ok(key) = PublicKey::new(&der) {
            assert_ne!(key.fingerprint(), original.fingerprint());
        }
    }
}

#[test]
fn private_keys_in_every_form() {
    let plain = LocalUnwrapper::new(&key_file("rsa-2048.key.pem"), None).unwrap();
    assert_eq!(*plain.public_key(), public_key("rsa-2048"));
    let pkcs1 = LocalUnwrapper::new(&key_file("rsa-2048.pkcs1.key.pem"), None).unwrap();
    assert_eq!(pkcs1.public_key(), plain.public_key());
    let encrypted = key_file("rsa-2048.encrypted.pem");
    let opened = LocalUnwrapper::new(&encrypted, Some(b"correct horse")).unwrap();
    assert_eq!(opened.public_key(), plain.public_key());

    let kind = |pem: &[u8], password| LocalUnwrapper::new(pem, password).unwrap_err().kind();
    assert_eq!(kind(&encrypted, None), ErrorKind::PrivateKeyPassword);
    assert_eq!(
        kind(&encrypted, Some(b"battery staple")),
        ErrorKind::PrivateKeyPassword
    );
    for other in ["rsa-2048.pub.pem", "rsa-2048.key.der", "certificate.pem"] {
        assert_eq!(
            kind(&key_file(other), None),
            ErrorKind::NotAPrivateKey,
            "{other}"
        );
    }
}

#[test]
fn error_codes_are_unique_and_ascending() {
    let codes: Vec<_> = ErrorKind::ALL.iter().map(|kind| kind.code()).collect();
    assert!(codes.is_sorted_by(|a, b| a < b));
    for kind in ErrorKind::ALL {
        assert!(!kind.message().is_empty());
        let shouted = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        assert!(kind.name().chars().all(shouted), "{}", kind.name());
    }
}
