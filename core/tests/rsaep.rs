//! Our RSA against two others, and at its edges, with words of both lengths.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

#[path = "../src/crypto/shared/rsaep.rs"]
mod rsaep;

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use proptest::{
    prelude::Rng,
    test_runner::{RngAlgorithm, TestRng},
};
use rsa::{BoxedUint, PublicKey, hazmat::rsa_encrypt};
use sha2::{Digest, Sha256};

/// A size of key, and how often it is tried: the larger, the longer it takes.
struct Size {
    len: usize,
    random_cases: u64,
    aws_lc: KeySize,
    aws_lc_keys: usize,
}

const SIZES: [Size; 3] = [
    Size {
        len: 256,
        random_cases: 14_000,
        aws_lc: KeySize::Rsa2048,
        aws_lc_keys: 24,
    },
    Size {
        len: 384,
        random_cases: 5_000,
        aws_lc: KeySize::Rsa3072,
        aws_lc_keys: 8,
    },
    Size {
        len: 512,
        random_cases: 3_000,
        aws_lc: KeySize::Rsa4096,
        aws_lc_keys: 3,
    },
];

/// First those of real keys, a power of 2 plus 1; then others.
const EXPONENTS: [u32; 9] = [3, 17, 65537, 0x8000_0001, 1, 7, 37, 0xa5a5_a5a5, u32::MAX];

const SIGNATURES_PER_KEY: usize = 300;

/// RFC 8017 section 9.2, note 1.
const SHA256_DIGEST_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
    0x00, 0x04, 0x20,
];

fn power(modulus: &[u8], exponent: u32, base: &[u8]) -> Vec<u8> {
    let mut out = vec![0; base.len()];
    rsaep::rsaep::<u64>(modulus, exponent, &mut base.to_vec(), &mut out).unwrap();
    let mut narrow = vec![0; base.len()];
    rsaep::rsaep::<u32>(modulus, exponent, &mut base.to_vec(), &mut narrow).unwrap();
    assert_eq!(out, narrow);
    out
}

/// By the `rsa` crate.
fn expected_power(modulus: &[u8], exponent: u32, base: &[u8]) -> Vec<u8> {
    let [modulus, base] = [modulus, base].map(BoxedUint::from_be_slice_vartime);
    let key = PublicKey::new_unchecked(modulus, BoxedUint::from(exponent));
    rsa_encrypt(&key, &base).unwrap().to_be_bytes().into()
}

/// `name` tells what to look for again: the numbers themselves are long.
fn assert_power(modulus: &[u8], exponent: u32, base: &[u8], name: &str) {
    let bits = modulus.len() * 8;
    assert_eq!(
        power(modulus, exponent, base),
        expected_power(modulus, exponent, base),
        "RSA-{bits}, exponent {exponent}, {name}"
    );
}

fn minus(number: &[u8], subtrahend: u8) -> Vec<u8> {
    let mut difference = number.to_vec();
    let mut borrow = subtrahend;
    for byte in difference.iter_mut().rev() {
        let overflow;
        (*byte, overflow) = byte.overflowing_sub(borrow);
        borrow = u8::from(overflow);
    }
    difference
}

fn small_number(len: usize, number: u8) -> Vec<u8> {
    let mut bytes = vec![0; len];
    bytes[len - 1] = number;
    bytes
}

/// Random throughout, or with runs of words that are zero or all ones.
fn random_number(len: usize, random: &mut TestRng, with_runs: bool) -> Vec<u8> {
    let mut number = vec![0; len];
    random.fill_bytes(&mut number);
    if with_runs {
        for word in number.chunks_mut(4) {
            match random.next_u32() % 4 {
                0 | 1 => word.fill(0),
                2 => word.fill(0xff),
                _ => {}
            }
        }
    }
    number
}

fn random_modulus(len: usize, random: &mut TestRng, with_runs: bool) -> Vec<u8> {
    let mut modulus = random_number(len, random, with_runs);
    modulus[0] |= 0x80;
    modulus[len - 1] |= 1;
    modulus
}

fn random_base(modulus: &[u8], random: &mut TestRng, with_runs: bool) -> Vec<u8> {
    let mut base = random_number(modulus.len(), random, with_runs);
    if base.as_slice() >= modulus {
        base[0] &= 0x7f;
    }
    base
}

#[test]
fn random_powers_are_those_of_the_rsa_crate() {
    for Size {
        len, random_cases, ..
    } in SIZES
    {
        for case in 0..random_cases {
            let mut seed = [0; 32];
            seed[..8].copy_from_slice(&case.to_be_bytes());
            let mut random = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
            let with_runs = case % 2 == 1;
            let modulus = random_modulus(len, &mut random, with_runs);
            let base = random_base(&modulus, &mut random, with_runs);
            let exponent = match random.next_u32() % 16 {
                0 => random.next_u32() | 1,
                1 => 37,
                choice => EXPONENTS[choice as usize % 3],
            };
            assert_power(&modulus, exponent, &base, &format!("seed {case}"));
        }
    }
}

/// Word by word `high`, `middle`..., `low`.
fn modulus_of_words(len: usize, high: u32, middle: u32, low: u32) -> Vec<u8> {
    let mut words = vec![middle; len / 4];
    words[0] = high;
    words[len / 4 - 1] = low;
    words.into_iter().flat_map(u32::to_be_bytes).collect()
}

#[test]
fn extreme_moduli_and_messages_are_right() {
    for Size { len, .. } in SIZES {
        for (high, middle, low) in [
            // 2^(k - 1) + 1 and 2^k - 1
            (0x8000_0000, 0, 1),
            (u32::MAX, u32::MAX, u32::MAX),
            (0x8000_0000, 0, u32::MAX),
            (0x8000_0000, u32::MAX, 1),
            (0x8000_0000, u32::MAX, u32::MAX),
            (0x8000_0001, 0x8000_0000, 0x8000_0001),
            (u32::MAX, 0, 1),
            (u32::MAX, 0, u32::MAX),
            (u32::MAX, u32::MAX, 1),
        ] {
            let modulus = modulus_of_words(len, high, middle, low);
            let name = format!("modulus {high:x} {middle:x}... {low:x}");
            let [zero, one, two] = [0, 1, 2].map(|number| small_number(len, number));
            let minus_one = minus(&modulus, 1);
            let minus_two = minus(&modulus, 2);
            let mut half = zero.clone();
            half[len / 2] = 1;
            for exponent in EXPONENTS {
                for unchanged in [&zero, &one, &minus_one] {
                    assert_eq!(
                        &power(&modulus, exponent, unchanged),
                        unchanged,
                        "RSA-{}, exponent {exponent}, {name}",
                        len * 8
                    );
                }
                for base in [&two, &minus_two, &half] {
                    assert_power(&modulus, exponent, base, &name);
                }
            }
        }
    }
}

/// EMSA-PKCS1-v1_5, RFC 8017 section 9.2.
fn encoded_for_signature(message: &[u8], len: usize) -> Vec<u8> {
    let suffix = [&[0], &SHA256_DIGEST_INFO[..], &Sha256::digest(message)].concat();
    let mut encoded = vec![0xff; len - suffix.len()];
    encoded[..2].copy_from_slice(&[0, 1]);
    encoded.extend(suffix);
    encoded
}

/// From an `RSAPublicKey` in DER, which ends with the modulus and the exponent 65537.
fn modulus_of(key: &KeyPair, len: usize) -> Vec<u8> {
    let der = key.public_key().as_ref();
    let der = der.strip_suffix(&[2, 3, 1, 0, 1]).unwrap();
    der[der.len() - len..].to_vec()
}

#[test]
fn signatures_of_aws_lc_are_opened() {
    for Size {
        len,
        aws_lc,
        aws_lc_keys,
        ..
    } in SIZES
    {
        for _ in 0..aws_lc_keys {
            let key = KeyPair::generate(aws_lc).unwrap();
            let modulus = modulus_of(&key, len);
            for number in 0..SIGNATURES_PER_KEY {
                let message = number.to_be_bytes();
                let mut signature = vec![0; len];
                key.sign(
                    &RSA_PKCS1_SHA256,
                    &SystemRandom::new(),
                    &message,
                    &mut signature,
                )
                .unwrap();
                assert_eq!(
                    power(&modulus, 65537, &signature),
                    encoded_for_signature(&message, len),
                    "message {number}, modulus {modulus:02x?}"
                );
            }
        }
    }
}

#[test]
fn what_is_no_rsa_operation_changes_nothing() {
    let modulus = vec![0xff; 256];
    let cut = |from: usize| modulus[from..].to_vec();
    let with = |index: usize, byte: u8| {
        let mut m = modulus.clone();
        m[index] = byte;
        m
    };
    for (name, modulus, exponent, len) in [
        ("even exponent", modulus.clone(), 65536, 256),
        ("exponent 0", modulus.clone(), 0, 256),
        ("even modulus", with(255, 0xfe), 3, 256),
        ("modulus of 2047 bits", with(0, 0x7f), 3, 256),
        ("modulus of 2040 bits", cut(1), 3, 255),
        ("modulus of 1024 bits", cut(128), 3, 128),
        ("no modulus", vec![], 3, 0),
        ("short block", modulus.clone(), 3, 255),
        ("long block", modulus.clone(), 3, 257),
        ("modulus of 8192 bits", vec![0xff; 1024], 3, 1024),
    ] {
        let (mut message, mut out) = (vec![0x55; len], vec![0xaa; len]);
        let found = rsaep::rsaep::<u32>(&modulus, exponent, &mut message, &mut out);
        assert_eq!(found, None, "{name}");
        let found = rsaep::rsaep::<u64>(&modulus, exponent, &mut message, &mut out);
        assert_eq!(found, None, "{name}");
        assert_eq!((message, out), (vec![0x55; len], vec![0xaa; len]), "{name}");
    }
}
