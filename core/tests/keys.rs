//! Keys: which are accepted, and what is said about everything else.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod common;

use common::{key_file, local_unwrapper, public_key};
use getrandom::SysRng;
use libseal::{
    Envelope, ErrorKind, LocalUnwrapper, PublicKey, WrapAlgorithm, generate_private_key,
};
use proptest::prelude::*;
use rsa::{
    BoxedUint, Oaep,
    pkcs8::{DecodePublicKey, EncodePublicKey},
    traits::{PaddingScheme, PublicKeyParts},
};
use sha1::Sha1;
use sha2::{Digest, Sha256};

const KEYS: [&str; 5] = [
    "rsa-2048",
    "rsa-2048-b",
    "rsa-2048-e3",
    "rsa-3072",
    "rsa-4096",
];

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
fn a_pinned_key_is_the_expected_one_or_none() {
    let (der, key) = (key_file("rsa-2048.pub.der"), public_key("rsa-2048"));
    let expected: [u8; 32] = Sha256::digest(&der).into();
    for file in ["rsa-2048.pub.der", "rsa-2048.pub.pem"] {
        assert_eq!(PublicKey::pinned(&key_file(file), &expected).unwrap(), key);
    }
    for at in 0..32 {
        let mut other = expected;
        other[at] ^= 1;
        let error = PublicKey::pinned(&der, &other).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FingerprintMismatch);
        let said = error.to_string();
        let (found, wanted) = (hex::encode(expected), hex::encode(other));
        assert!(
            said.contains(&format!("{found}, not the expected {wanted}")),
            "{said}"
        );
    }
    // What is wrong with the key itself comes first.
    let error = PublicKey::pinned(&key_file("certificate.der"), &expected).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CertificateGiven);
}

#[test]
fn a_key_is_written_as_it_was_read() {
    for name in KEYS {
        let der = key_file(&format!("{name}.pub.der"));
        assert_eq!(public_key(name).to_der(), der, "{name}");
        let pem = PublicKey::new(&key_file(&format!("{name}.pub.pem"))).unwrap();
        assert_eq!(pem.to_der(), der, "{name}");
    }
}

/// A key has one fingerprint: `der` is refused or it is the key's one encoding, but for the parameters,
/// which may be missing, and blanks behind it. Another implementation reads that as the same key.
#[track_caller]
fn canonical(der: &[u8]) -> Option<PublicKey> {
    let key = PublicKey::new(der).ok()?;
    let encoding = key.to_der();
    let rest = der
        .strip_prefix(&encoding[..])
        .or_else(|| der.strip_prefix(&without_parameters(&encoding)[..]));
    let is_blank = |byte: &u8| *byte == 0 || byte.is_ascii_whitespace();
    assert!(rest.unwrap().iter().all(is_blank));
    assert_eq!(key.fingerprint()[..], Sha256::digest(&encoding)[..]);
    let other = rsa::PublicKey::from_public_key_der(&encoding).unwrap();
    assert_eq!(other.size() * 8, key.bits());
    assert_eq!(other.to_public_key_der().unwrap().as_bytes(), encoding);
    Some(key)
}

fn without_parameters(der: &[u8]) -> Vec<u8> {
    let (oid, key) = (&der[6..17], &der[19..]);
    well(0x30, &[&well(0x30, oid)[..], key].concat())
}

#[test]
fn no_damage_to_a_key_goes_unnoticed_or_panics() {
    for name in KEYS {
        let der = key_file(&format!("{name}.pub.der"));
        for len in 0..der.len() {
            assert!(PublicKey::new(&der[..len]).is_err(), "{name}, cut at {len}");
        }
        let original = canonical(&der).unwrap();
        for bit in 0..der.len() * 8 {
            let mut der = der.clone();
            der[bit / 8] ^= 1 << (bit % 8);
            // In the modulus a bit makes another key, which must not pass for the original.
            if let Some(key) = canonical(&der) {
                assert_ne!(key, original, "{name}, bit {bit}");
                assert_ne!(key.fingerprint(), original.fingerprint());
            }
        }
    }
}

/// Writes an element of DER.
type Write<'a> = &'a dyn Fn(u8, &[u8]) -> Vec<u8>;

const ELEMENTS: [&str; 8] = [
    "modulus",
    "publicExponent",
    "RSAPublicKey",
    "algorithm",
    "parameters",
    "AlgorithmIdentifier",
    "subjectPublicKey",
    "SubjectPublicKeyInfo",
];

/// The key rsa-2048, with `write` for the element of that name.
fn key_with(name: &str, write: Write<'_>) -> Vec<u8> {
    let der = key_file("rsa-2048.pub.der");
    let element = |element, tag, contents: &[u8]| {
        assert!(ELEMENTS.contains(&element));
        let write = if element == name { write } else { &well };
        write(tag, contents)
    };
    let modulus = element("modulus", 0x02, &der[32..][..257]);
    let exponent = element("publicExponent", 0x02, &[1, 0, 1]);
    let key = element("RSAPublicKey", 0x30, &[modulus, exponent].concat());
    let rsa_encryption = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
    let oid = element("algorithm", 0x06, rsa_encryption);
    let null = element("parameters", 0x05, b"");
    let algorithm = element("AlgorithmIdentifier", 0x30, &[oid, null].concat());
    let bits = element("subjectPublicKey", 0x03, &[&[0][..], &key].concat());
    element("SubjectPublicKeyInfo", 0x30, &[algorithm, bits].concat())
}

fn well(tag: u8, contents: &[u8]) -> Vec<u8> {
    claiming(contents.len(), tag, contents)
}

/// With any length that fits 16 bits, in the shortest form.
fn claiming(len: usize, tag: u8, contents: &[u8]) -> Vec<u8> {
    let [.., high, low] = len.to_be_bytes();
    match len {
        ..0x80 => [&[tag, low], contents].concat(),
        0x80..0x100 => [&[tag, 0x81, low], contents].concat(),
        _ => [&[tag, 0x82, high, low], contents].concat(),
    }
}

/// The length in the long form, in `len_len` bytes.
fn with_long_length(len_len: u8, tag: u8, contents: &[u8]) -> Vec<u8> {
    let len = contents.len().to_be_bytes();
    let len = &len[len.len() - usize::from(len_len)..];
    [&[tag, 0x80 | len_len], len, contents].concat()
}

#[test]
fn no_element_can_be_written_in_another_way() {
    let key = key_file("rsa-2048.pub.der");
    for name in ELEMENTS {
        let ways: [(&str, Write<'_>); 25] = [
            ("left out", &|_, _| vec![]),
            ("twice", &|tag, x| [well(tag, x), well(tag, x)].concat()),
            ("before a NULL", &|tag, x| {
                [&well(tag, x)[..], &[5, 0]].concat()
            }),
            ("before a byte", &|tag, x| {
                [&well(tag, x)[..], &[0]].concat()
            }),
            ("after a NULL", &|tag, x| {
                [&[5, 0][..], &well(tag, x)].concat()
            }),
            ("after a byte", &|tag, x| [&[0][..], &well(tag, x)].concat()),
            ("empty", &|tag, _| vec![tag, 0]),
            ("a NULL at its end", &|tag, x| {
                well(tag, &[x, &[5, 0]].concat())
            }),
            ("a byte at its end", &|tag, x| {
                well(tag, &[x, &[0]].concat())
            }),
            ("a zero in front", &|tag, x| well(tag, &[&[0], x].concat())),
            ("without its first byte", &|tag, x| {
                well(tag, x.get(1..).unwrap_or_default())
            }),
            ("its tag alone", &|tag, _| vec![tag]),
            ("another type", &|tag, x| well(tag ^ 0x01, x)),
            ("primitive or constructed", &|tag, x| well(tag ^ 0x20, x)),
            ("another class", &|tag, x| well(tag ^ 0x80, x)),
            ("a tag of two bytes", &|tag, x| {
                [&[tag | 0x1f], &well(tag, x)[..]].concat()
            }),
            ("one byte too long", &|tag, x| claiming(x.len() + 1, tag, x)),
            ("one byte too short", &|tag, x| {
                claiming(x.len().saturating_sub(1), tag, x)
            }),
            ("a length of 1 byte", &|tag, x| with_long_length(1, tag, x)),
            ("a length of 2 bytes", &|tag, x| with_long_length(2, tag, x)),
            ("a length of 3 bytes", &|tag, x| with_long_length(3, tag, x)),
            ("a length of 8 bytes", &|tag, x| with_long_length(8, tag, x)),
            ("an indefinite length", &|tag, x| {
                [&[tag, 0x80], x, &[0, 0]].concat()
            }),
            ("the longest length", &|tag, x| {
                [&[tag, 0x88], &[0xff; 8][..], x].concat()
            }),
            ("a reserved length", &|tag, x| [&[tag, 0xff], x].concat()),
        ];
        assert_eq!(key_with(name, &well), key);
        for (way, write) in ways {
            let der = key_with(name, write);
            let is_the_key = der == key
                || (name, way) == ("parameters", "left out")
                || (name, way) == ("SubjectPublicKeyInfo", "before a byte");
            assert_eq!(canonical(&der).is_some(), is_the_key, "{name}: {way}");
        }
    }
    for unused_bits in 1..=255 {
        let write: Write<'_> = &|tag, x| well(tag, &[&[unused_bits], &x[1..]].concat());
        assert_eq!(
            refused(&key_with("subjectPublicKey", write)),
            ErrorKind::NotAPublicKey
        );
    }
}

#[test]
fn what_is_wrong_inside_a_key_is_said() {
    let of_rsassa_pss: Write<'_> = &|tag, x| well(tag, &[&x[..8], &[10]].concat());
    let negative: Write<'_> = &|tag, x| well(tag, &x[1..]);
    let zero: Write<'_> = &|tag, _| well(tag, &[0]);
    let short: Write<'_> = &|tag, x| well(tag, &[&x[..129]].concat());
    for (name, write, kind) in [
        ("parameters", zero, ErrorKind::InvalidRsaKey),
        ("algorithm", of_rsassa_pss, ErrorKind::WrongKeyUsage),
        ("modulus", negative, ErrorKind::InvalidRsaKey),
        ("modulus", zero, ErrorKind::InvalidRsaKey),
        ("modulus", short, ErrorKind::KeyTooSmall),
        ("publicExponent", zero, ErrorKind::InvalidRsaKey),
        ("RSAPublicKey", zero, ErrorKind::InvalidRsaKey),
        ("subjectPublicKey", zero, ErrorKind::InvalidRsaKey),
        ("SubjectPublicKeyInfo", zero, ErrorKind::NotAPublicKey),
    ] {
        assert_eq!(refused(&key_with(name, write)), kind, "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_key_of_a_size_that_kms_knows_is_taken(
        modulus in prop::collection::vec(any::<u8>(), 512),
        len in prop::sample::select(vec![256_usize, 384, 512]),
        exponent in 3_u32..,
    ) {
        let mut modulus = modulus[..len].to_vec();
        modulus[0] |= 0x80;
        modulus[len - 1] |= 1;
        let modulus = BoxedUint::from_be_slice_vartime(&modulus);
        let key = rsa::PublicKey::new(modulus, BoxedUint::from(exponent | 1)).unwrap();
        let der = key.to_public_key_der().unwrap();
        prop_assert_eq!(canonical(der.as_bytes()).unwrap().bits(), len * 8);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5000))]

    #[test]
    fn what_is_taken_for_a_key_is_one(
        name in prop::sample::select(KEYS.to_vec()),
        changes in prop::collection::vec((0_usize..40, any::<u8>()), 0..4),
        inserted in prop::collection::vec((0_usize..40, any::<u8>()), 0..3),
        cut in 0_usize..3,
    ) {
        let mut der = key_file(&format!("{name}.pub.der"));
        for (at, byte) in changes {
            der[at] = byte;
        }
        for (at, byte) in inserted {
            der.insert(at, byte);
        }
        der.truncate(der.len() - cut);
        canonical(&der);
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
    for other in ["rsa-2048.pub.pem", "certificate.pem"] {
        assert_eq!(
            kind(&key_file(other), None),
            ErrorKind::NotAPrivateKey,
            "{other}"
        );
    }
}

#[test]
fn a_private_key_can_be_made_for_trying_out() {
    let pem = generate_private_key(2048).unwrap();
    assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n"));
    let made = LocalUnwrapper::new(pem.as_bytes(), None).unwrap();
    assert_eq!(made.public_key().bits(), 2048);
    let recipients = [made.public_key().into()];
    let message = Envelope::new(&recipients).seal(b"21.5 C").unwrap();
    assert_eq!(libseal::unseal(&message, &made, &[]).unwrap(), b"21.5 C");

    for (bits, kind) in [
        (0, ErrorKind::KeyTooSmall),
        (1024, ErrorKind::KeyTooSmall),
        (3000, ErrorKind::UnsupportedKeySize),
        (8192, ErrorKind::KeyTooLarge),
        (usize::MAX, ErrorKind::KeyTooLarge),
    ] {
        assert_eq!(generate_private_key(bits).unwrap_err().kind(), kind);
    }
}

/// For what others wrapped: whatever OAEP has room for.
#[test]
fn a_private_key_decrypts_what_libseal_has_not_wrapped() {
    let key = rsa::PublicKey::from_public_key_der(&key_file("rsa-2048.pub.der")).unwrap();
    let local = local_unwrapper("rsa-2048");
    let sha256 = |text: &[u8]| {
        Oaep::<Sha256>::new()
            .encrypt(&mut SysRng, &key, text)
            .unwrap()
    };
    let sha1 = |text: &[u8]| {
        Oaep::<Sha1>::new()
            .encrypt(&mut SysRng, &key, text)
            .unwrap()
    };
    for text in [&b""[..], b"c2VjcmV0\n", &[7; 190]] {
        let found = local.decrypt(WrapAlgorithm::RsaesOaepSha256, &sha256(text));
        assert_eq!(found.unwrap()[..], *text);
        let found = local.decrypt(WrapAlgorithm::RsaesOaepSha1, &sha1(text));
        assert_eq!(found.unwrap()[..], *text);
    }

    let mut altered = sha256(b"secret");
    altered[100] ^= 1;
    let other = local_unwrapper("rsa-2048-b");
    for (local, ciphertext) in [
        (&local, altered),
        (&local, sha1(b"secret")),
        (&local, sha256(b"secret")[..255].to_vec()),
        (&local, vec![]),
        (&local, vec![0xff; 256]),
        (&other, sha256(b"secret")),
    ] {
        let error = local.decrypt(WrapAlgorithm::RsaesOaepSha256, &ciphertext);
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WrappedKeyRejected);
        assert!(error.to_string().contains("private key cannot decrypt"));
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
