//! Known answers.

#[cfg(feature = "alloc")]
use crate::crypto::ChunkDecryptor;
#[cfg(feature = "aws-lc-rs")]
use crate::{crypto::random::SystemRandom, recipient::public_key::PublicKey};
use crate::{
    crypto::{
        self, ChunkEncryptor, OaepHash,
        random::{LastAnswer, Random, random_fn},
    },
    error::{Error, ErrorKind},
};

/// Runs known-answer tests of SHA-256, HMAC and HKDF with SHA-512, AES-256-GCM and RSAES-OAEP. A
/// device can call it at boot to check that its memory and its processor still work. Optional.
///
/// With `alloc` it also encrypts and decrypts whole chunks. AWS-LC draws the seed of RSAES-OAEP itself,
/// so its answer cannot be known: there, a private key decrypts it.
///
/// # Errors
/// [`SelfTestFailed`](ErrorKind::SelfTestFailed).
pub fn self_test() -> Result<(), Error> {
    if !(sha256() && hmac_sha512() && hkdf()? && aes_gcm() && rsaes_oaep()?) {
        return Err(ErrorKind::SelfTestFailed.into());
    }
    #[cfg(feature = "alloc")]
    if !whole_chunks()? {
        return Err(ErrorKind::SelfTestFailed.into());
    }
    #[cfg(feature = "aws-lc-rs")]
    if !rsaes_oaep_with_its_own_seed()? {
        return Err(ErrorKind::SelfTestFailed.into());
    }
    Ok(())
}

/// "abc", the first example that NIST gives for FIPS 180-4.
fn sha256() -> bool {
    crypto::sha256(&[b"abc"])
        == [
            0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae,
            0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61,
            0xf2, 0x00, 0x15, 0xad,
        ]
}

/// RFC 4231 section 4.3.
fn hmac_sha512() -> bool {
    let mut mac = [0; 64];
    crypto::hmac_sha512(b"Jefe", &[b"what do ya want for nothing?"], &mut mac);
    mac == [
        0x16, 0x4b, 0x7a, 0x7b, 0xfc, 0xf8, 0x19, 0xe2, 0xe3, 0x95, 0xfb, 0xe7, 0x3b, 0x56, 0xe0,
        0xa3, 0x87, 0xbd, 0x64, 0x22, 0x2e, 0x83, 0x1f, 0xd6, 0x10, 0x27, 0x0c, 0xd7, 0xea, 0x25,
        0x05, 0x54, 0x97, 0x58, 0xbf, 0x75, 0xc0, 0x5a, 0x99, 0x4a, 0x6d, 0x03, 0x4f, 0x65, 0xf8,
        0xf0, 0xe6, 0xfd, 0xca, 0xea, 0xb1, 0xa3, 0x4d, 0x4a, 0x6b, 0x4b, 0x63, 0x6e, 0x07, 0x0a,
        0x38, 0xbc, 0xe7, 0x37,
    ]
}

/// The first round of HKDF-Expand is HMAC of the info and a 1 (RFC 5869 section 2.3).
fn hkdf() -> Result<bool, Error> {
    let (mut round, mut mac) = ([0; 64], [0; 64]);
    crypto::hkdf_expand_sha512(&[7; 32], [b"in", b"", b"fo"], &mut round)?;
    crypto::hmac_sha512(&[7; 32], &[b"info\x01"], &mut mac);
    Ok(round == mac)
}

const ZEROS_ENCRYPTED: [u8; 16] = [
    0xce, 0xa7, 0x40, 0x3d, 0x4d, 0x60, 0x6b, 0x6e, 0x07, 0x4e, 0xc5, 0xd3, 0xba, 0xf3, 0x9d, 0x18,
];
const ZEROS_TAG: [u8; 16] = [
    0xd0, 0xd1, 0xc8, 0xa7, 0x99, 0x99, 0x6b, 0xf0, 0x26, 0x5b, 0x98, 0xb5, 0xd4, 0x8a, 0xb9, 0x19,
];

/// Test case 14 of McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B.
fn aes_gcm() -> bool {
    let mut encryptor = ChunkEncryptor::new(&[0; 32]);
    encryptor.start(&[0; 12]);
    let mut ciphertext = [0; 16];
    encryptor.update(&[0; 16], &mut ciphertext);
    ciphertext == ZEROS_ENCRYPTED && encryptor.finish() == ZEROS_TAG
}

/// The same test case in one piece, and a chunk that is long enough for the code that processors have for
/// several blocks: in one piece it has to be the same as in two, which is other code with AWS-LC.
#[cfg(feature = "alloc")]
fn whole_chunks() -> Result<bool, Error> {
    let mut sealed = [0; 32];
    ChunkEncryptor::new(&[0; 32]).seal(&[0; 12], &[0; 16], &mut sealed)?;
    let (ciphertext, tag) = sealed.split_at(16);
    let is_right = *ciphertext == ZEROS_ENCRYPTED && *tag == ZEROS_TAG;

    let (key, nonce) = (counting(3, 5), counting(9, 7));
    let plaintext = counting::<1000>(1, 11);
    let mut encryptor = ChunkEncryptor::new(&key);
    let mut sealed = [0; 1016];
    encryptor.seal(&nonce, &plaintext, &mut sealed)?;
    let mut pieces = [0; 1000];
    encryptor.start(&nonce);
    for (input, out) in plaintext.chunks(777).zip(pieces.chunks_mut(777)) {
        encryptor.update(input, out);
    }
    let is_same = sealed.starts_with(&pieces) && sealed.ends_with(&encryptor.finish());

    let decryptor = ChunkDecryptor::new(&key);
    let mut opened = [0; 1000];
    let opens = decryptor.open(&nonce, &sealed, &mut opened).is_ok() && opened == plaintext;
    if let Some(last) = sealed.last_mut() {
        *last ^= 1;
    }
    let altered = decryptor.open(&nonce, &sealed, &mut opened);
    Ok(is_right && is_same && opens && altered == Err(ErrorKind::AuthenticationFailed))
}

/// For the arithmetic, any odd number is as good as a real modulus, and takes no space here. The answer is from Python's `pow` and `hashlib`.
fn rsaes_oaep() -> Result<bool, Error> {
    let modulus = counting::<256>(200, 167);
    let seed = random_fn(|out| {
        let counting = counting::<32>(0, 1);
        out.iter_mut()
            .zip(counting)
            .for_each(|(out, byte)| *out = byte);
        Ok(())
    });
    let mut last = LastAnswer::default();
    let mut random = Random::new(&seed, &mut last);
    let mut encrypted = [0; 256];
    crypto::oaep_encrypt(
        &modulus,
        65537,
        OaepHash::Sha256,
        &[0x5a; 32],
        &mut random,
        &mut encrypted,
    )?;
    Ok(crypto::sha256(&[&encrypted])
        == [
            0x66, 0xd9, 0x9a, 0x08, 0x7e, 0x52, 0xd1, 0xbe, 0x0f, 0x3b, 0xc4, 0xe6, 0xf3, 0xdb,
            0x6b, 0xff, 0xa2, 0x87, 0x48, 0xe5, 0x07, 0xb4, 0xfd, 0x3a, 0x63, 0xc0, 0x3b, 0x10,
            0x76, 0x85, 0x69, 0x32,
        ])
}

/// What AWS-LC encrypts with a seed of its own, it decrypts with the private key.
#[cfg(feature = "aws-lc-rs")]
fn rsaes_oaep_with_its_own_seed() -> Result<bool, Error> {
    let message = counting::<32>(5, 3);
    for hash in [OaepHash::Sha256, OaepHash::Sha1] {
        let mut encrypted = [0; 256];
        let key = PublicKey::new(crypto::SELF_TEST_PUBLIC_KEY)?;
        let mut last = LastAnswer::default();
        let mut random = Random::new(&SystemRandom, &mut last);
        crypto::oaep_encrypt(
            key.modulus(),
            key.exponent(),
            hash,
            &message,
            &mut random,
            &mut encrypted,
        )?;
        if crypto::self_test_decrypt(hash, &encrypted)? != message {
            return Ok(false);
        }
    }
    Ok(true)
}

fn counting<const LEN: usize>(mut next: u8, step: u8) -> [u8; LEN] {
    let mut bytes = [0; LEN];
    bytes.fill_with(|| {
        let byte = next;
        next = next.wrapping_add(step);
        byte
    });
    bytes
}
