//! AWS-LC through the crate `aws-lc-rs`.

use alloc::{boxed::Box, vec::Vec};
use core::cell::Cell;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    digest,
    error::Unspecified,
    hkdf, hmac, rand,
    rsa::{
        OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey,
        PublicKeyComponents,
    },
};
use zeroize::Zeroizing;

use super::{OaepHash, gcm, oaep};
use crate::{
    crypto::random::Random,
    error::{Error, ErrorKind},
};

const NONCE_LEN: usize = 12;
const TAG_LEN: usize = 16;

pub(crate) fn fill_random(out: &mut [u8]) -> Result<(), ErrorKind> {
    rand::fill(out).map_err(|_| ErrorKind::RandomFailed)
}

pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = digest::Context::new(&digest::SHA256);
    parts.iter().for_each(|part| hash.update(part));
    let mut out = [0; 32];
    out.copy_from_slice(hash.finish().as_ref());
    out
}

pub(crate) fn hmac_sha512(key: &[u8], parts: &[&[u8]], mac: &mut [u8; 64]) {
    let mut hmac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA512, key));
    parts.iter().for_each(|part| hmac.update(part));
    mac.copy_from_slice(hmac.sign().as_ref());
}

pub(crate) fn hkdf_expand_sha512(
    prk: &[u8; 32],
    info: [&[u8]; 3],
    out: &mut [u8],
) -> Result<(), ErrorKind> {
    let prk = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA512, prk);
    let okm = prk.expand(&info, OutputLen(out.len()));
    okm.and_then(|okm| okm.fill(out)).map_err(internal)
}

struct OutputLen(usize);

impl hkdf::KeyType for OutputLen {
    fn len(&self) -> usize {
        self.0
    }
}

/// AES-256-GCM (SP 800-38D) with AWS-LC for whole chunks. It has no interface for a chunk that comes in
/// pieces, so those are encrypted as the portable provider does.
pub(crate) struct ChunkEncryptor {
    aes_gcm: AesGcm,
    key: Zeroizing<[u8; 32]>,
    online: Option<Box<gcm::ChunkEncryptor>>,
}

impl ChunkEncryptor {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self {
            aes_gcm: AesGcm::new(key),
            key: Zeroizing::new(*key),
            online: None,
        }
    }

    pub(crate) fn seal(
        &self,
        nonce: &[u8; NONCE_LEN],
        plaintext: &[u8],
        out: &mut [u8],
    ) -> Result<(), ErrorKind> {
        let split = out.split_last_chunk_mut::<TAG_LEN>();
        let (ciphertext, tag) = split.ok_or(ErrorKind::BufferTooSmall)?;
        let (nonce, no_more) = (Nonce::assume_unique_for_key(*nonce), &[]);
        let key = self.aes_gcm.key()?;
        key.seal_out_of_place_scatter(nonce, Aad::empty(), plaintext, ciphertext, no_more, tag)
            .map_err(internal)
    }

    pub(crate) fn start(&mut self, nonce: &[u8; NONCE_LEN]) {
        self.online().start(nonce);
    }

    pub(crate) fn update(&mut self, input: &[u8], out: &mut [u8]) {
        self.online().update(input, out);
    }

    pub(crate) fn finish(&mut self) -> [u8; TAG_LEN] {
        self.online().finish()
    }

    fn online(&mut self) -> &mut gcm::ChunkEncryptor {
        let key = &self.key;
        self.online
            .get_or_insert_with(|| Box::new(gcm::ChunkEncryptor::new(key)))
    }
}

pub(crate) struct ChunkDecryptor(AesGcm);

impl ChunkDecryptor {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(AesGcm::new(key))
    }

    pub(crate) fn open(
        &self,
        nonce: &[u8; NONCE_LEN],
        sealed: &[u8],
        out: &mut [u8],
    ) -> Result<(), ErrorKind> {
        let split = sealed.split_last_chunk::<TAG_LEN>();
        let (ciphertext, tag) = split.ok_or(ErrorKind::Internal)?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let key = self.0.key()?;
        let opened = key.open_separate_gather(nonce, Aad::empty(), ciphertext, tag, out);
        opened.map_err(|Unspecified| ErrorKind::AuthenticationFailed)
    }
}

/// `None` if there was no memory for it.
struct AesGcm(Option<LessSafeKey>);

impl AesGcm {
    fn new(key: &[u8; 32]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, key);
        Self(key.ok().map(LessSafeKey::new))
    }

    fn key(&self) -> Result<&LessSafeKey, ErrorKind> {
        self.0.as_ref().ok_or(ErrorKind::Internal)
    }
}

/// AWS-LC draws the seed of the padding itself. For any other source of random bytes there is the
/// portable encryption.
pub(crate) fn oaep_encrypt(
    modulus: &[u8],
    exponent: u32,
    hash: OaepHash,
    message: &[u8],
    random: &mut Random<'_>,
    out: &mut [u8],
) -> Result<(), Error> {
    if !random.is_system() {
        return oaep::oaep_encrypt(modulus, exponent, hash, message, random, out);
    }
    let algorithm = match hash {
        OaepHash::Sha256 => &OAEP_SHA256_MGF1SHA256,
        OaepHash::Sha1 => &OAEP_SHA1_MGF1SHA1,
    };
    let out_len = out.len();
    let encrypt = |key: &OaepPublicEncryptingKey| {
        let encrypted = key.encrypt(algorithm, message, out, None)?;
        Ok(encrypted.len())
    };
    match with_public_key(modulus, exponent, encrypt) {
        Ok(len) if len == out_len => Ok(()),
        Ok(_) | Err(Unspecified) => Err(ErrorKind::Internal.into()),
    }
}

/// A public key as AWS-LC has prepared it, which takes a sixth of the time that encryption does.
struct PreparedKey {
    modulus: Vec<u8>,
    exponent: u32,
    key: OaepPublicEncryptingKey,
}

std::thread_local! {
    /// The one that this thread used last: most processes seal for one.
    static LAST_KEY: Cell<Option<PreparedKey>> = const { Cell::new(None) };
}

fn with_public_key<T>(
    modulus: &[u8],
    exponent: u32,
    work: impl FnOnce(&OaepPublicEncryptingKey) -> Result<T, Unspecified>,
) -> Result<T, Unspecified> {
    // While a thread ends there is none.
    let last = LAST_KEY.try_with(Cell::take).unwrap_or_default();
    let is_it = |last: &PreparedKey| last.modulus == modulus && last.exponent == exponent;
    let prepared = match last.filter(is_it) {
        Some(last) => last,
        None => PreparedKey {
            modulus: modulus.to_vec(),
            exponent,
            key: OaepPublicEncryptingKey::new(public_key(modulus, exponent)?)?,
        },
    };
    let result = work(&prepared.key);
    let _ = LAST_KEY.try_with(|last| last.set(Some(prepared)));
    result
}

fn public_key(modulus: &[u8], exponent: u32) -> Result<PublicEncryptingKey, Unspecified> {
    let leading_zeros = exponent.leading_zeros() as usize / 8;
    let exponent = exponent.to_be_bytes();
    let e = exponent.get(leading_zeros..).unwrap_or_default();
    PublicKeyComponents { n: modulus, e }.try_into()
}

fn internal(_: Unspecified) -> ErrorKind {
    ErrorKind::Internal
}

/// AWS-LC against the portable provider.
#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::crypto::hash;

    fn seal(encryptor: &impl Fn(&[u8], &mut [u8]), plaintext: &[u8]) -> Vec<u8> {
        let mut sealed = vec![0; plaintext.len() + TAG_LEN];
        encryptor(plaintext, &mut sealed);
        sealed
    }

    type Open<'a> = dyn Fn(&[u8], &mut [u8]) -> Result<(), ErrorKind> + 'a;

    proptest! {
        #[test]
        fn the_same_chunks(
            key: [u8; 32],
            nonce: [u8; NONCE_LEN],
            plaintext in vec(any::<u8>(), 0..=16384),
            piece_len in 1_usize..20_000,
            altered: prop::sample::Index,
        ) {
            let (aws_lc, portable) = (ChunkEncryptor::new(&key), gcm::ChunkEncryptor::new(&key));
            let sealed = seal(&|input, out| aws_lc.seal(&nonce, input, out).unwrap(), &plaintext);
            let again = seal(&|input, out| portable.seal(&nonce, input, out).unwrap(), &plaintext);
            prop_assert_eq!(&sealed, &again);

            let (mut online, mut pieces) = (aws_lc, vec![0; plaintext.len()]);
            online.start(&nonce);
            for (input, out) in plaintext.chunks(piece_len).zip(pieces.chunks_mut(piece_len)) {
                online.update(input, out);
            }
            pieces.extend(online.finish());
            prop_assert_eq!(&sealed, &pieces);

            let (aws_lc, portable) = (ChunkDecryptor::new(&key), gcm::ChunkDecryptor::new(&key));
            let mut forged = sealed.clone();
            forged[altered.index(sealed.len())] ^= 0x10;
            let opens: [&Open<'_>; 2] = [
                &|sealed, out| aws_lc.open(&nonce, sealed, out),
                &|sealed, out| portable.open(&nonce, sealed, out),
            ];
            for open in opens {
                let mut out = vec![0; plaintext.len()];
                open(&sealed, &mut out).unwrap();
                prop_assert_eq!(&out, &plaintext);
                prop_assert_eq!(open(&forged, &mut out), Err(ErrorKind::AuthenticationFailed));
            }
        }

        #[test]
        fn the_same_hashes(
            key: [u8; 32],
            long_key in vec(any::<u8>(), 0..=128),
            parts in vec(vec(any::<u8>(), 0..300), 3),
            len in 1_usize..=128,
        ) {
            let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(sha256(&parts), hash::sha256(&parts));

            let (mut mac, mut again) = ([0; 64], [0; 64]);
            hmac_sha512(&long_key, &parts, &mut mac);
            hash::hmac_sha512(&long_key, &parts, &mut again);
            prop_assert_eq!(mac, again);

            let info = [parts[0], parts[1], parts[2]];
            let (mut okm, mut again) = (vec![0; len], vec![0; len]);
            hkdf_expand_sha512(&key, info, &mut okm).unwrap();
            hash::hkdf_expand_sha512(&key, info, &mut again).unwrap();
            prop_assert_eq!(okm, again);
        }
    }
}
