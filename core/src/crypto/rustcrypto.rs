//! The portable provider: RustCrypto.

use aes::{Aes256Enc, cipher::BlockCipherEncrypt};
use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit, aead::inout::InOutBuf};
use ctr::{
    CtrCore,
    cipher::{InnerIvInit, StreamCipher, StreamCipherCoreWrapper, StreamCipherSeek},
    flavors,
};
use getrandom::SysRng;
use ghash::{GHash, universal_hash::UniversalHash};
use hmac::{Hmac, Mac};
use rsa::{BoxedUint, Oaep, RsaPublicKey, traits::PaddingScheme};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use zeroize::{Zeroize, Zeroizing};

use super::OaepHash;
use crate::{Error, ErrorKind};

const BLOCK_LEN: usize = 16;
const NONCE_LEN: usize = 12;
const TAG_LEN: usize = 16;

pub(crate) fn random(out: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(out).map_err(|_| ErrorKind::RandomFailed.into())
}

pub(crate) fn sha256(data: &[u8]) -> [u8; 32] {
    Sha256::digest(data).into()
}

pub(crate) fn hmac_sha512(key: &[u8; 64], data: &[u8]) -> [u8; 64] {
    keyed_hmac(key)
        .chain_update(data)
        .finalize()
        .into_bytes()
        .into()
}

pub(crate) fn hkdf_expand_sha512(prk: &[u8; 32], info: &[&[u8]], out: &mut [u8]) {
    let mut round = Zeroizing::new([0; 64]);
    for (number, block) in (1..).zip(out.chunks_mut(round.len())) {
        let mut mac = keyed_hmac(prk);
        if number > 1 {
            mac.update(&*round);
        }
        info.iter().for_each(|part| mac.update(part));
        *round = mac.chain_update([number]).finalize().into_bytes().into();
        block
            .iter_mut()
            .zip(round.iter())
            .for_each(|(out, byte)| *out = *byte);
    }
}

/// `key` is at most 128 bytes long, the block of SHA-512: HMAC pads it with zeros.
fn keyed_hmac(key: &[u8]) -> Hmac<Sha512> {
    let mut block = Zeroizing::new([0; 128]);
    block
        .iter_mut()
        .zip(key)
        .for_each(|(out, byte)| *out = *byte);
    <Hmac<Sha512> as KeyInit>::new((&*block).into())
}

/// GCM from its parts (SP 800-38D section 7.1), because sealing is online: the `aes-gcm` crate takes
/// a chunk at a time, which a device would have to buffer.
pub(crate) struct ChunkEncryptor {
    aes: Aes256Enc,
    ghash: GHash,
    /// J0: nonce and block counter 1.
    first_counter_block: [u8; BLOCK_LEN],
    /// Ciphertext that does not fill a block yet, for GHASH.
    partial: [u8; BLOCK_LEN],
    len: usize,
}

impl ChunkEncryptor {
    pub(crate) fn new(key: &[u8; 32], nonce: &[u8; NONCE_LEN]) -> Self {
        let aes = Aes256Enc::new(key.into());
        let mut encryptor = Self {
            ghash: ghash(&aes),
            aes,
            first_counter_block: [0; BLOCK_LEN],
            partial: [0; BLOCK_LEN],
            len: 0,
        };
        encryptor.start(nonce);
        encryptor
    }

    /// Begins the next chunk.
    pub(crate) fn start(&mut self, nonce: &[u8; NONCE_LEN]) {
        self.ghash = ghash(&self.aes);
        self.first_counter_block[..NONCE_LEN].copy_from_slice(nonce);
        self.first_counter_block[BLOCK_LEN - 1] = 1;
        self.len = 0;
    }

    /// Encrypts the next piece of the chunk; `out` is as long as `input`.
    pub(crate) fn update(&mut self, input: &[u8], out: &mut [u8]) {
        let counter = CtrCore::<_, flavors::Ctr32BE>::inner_iv_init(
            &self.aes,
            (&self.first_counter_block).into(),
        );
        let mut keystream = StreamCipherCoreWrapper::from_core(counter);
        keystream.seek(BLOCK_LEN + self.len);
        if let Ok(buffer) = InOutBuf::new(input, &mut *out) {
            keystream.apply_keystream_inout(buffer);
        }
        self.absorb(out);
    }

    fn absorb(&mut self, ciphertext: &[u8]) {
        let filled = self.len % BLOCK_LEN;
        self.len += ciphertext.len();
        let mut rest = ciphertext;
        if filled > 0 {
            let head;
            (head, rest) = rest.split_at(rest.len().min(BLOCK_LEN - filled));
            let room = self.partial.iter_mut().skip(filled);
            room.zip(head).for_each(|(out, byte)| *out = *byte);
            if filled + head.len() < BLOCK_LEN {
                return;
            }
            self.ghash.update(&[self.partial.into()]);
        }
        let (blocks, tail) = rest.split_at(rest.len() - rest.len() % BLOCK_LEN);
        self.ghash.update_padded(blocks);
        self.partial
            .iter_mut()
            .zip(tail)
            .for_each(|(out, byte)| *out = *byte);
    }

    /// The tag of the chunk.
    pub(crate) fn finish(&mut self) -> [u8; TAG_LEN] {
        let filled = self.len % BLOCK_LEN;
        if filled > 0 {
            self.partial
                .iter_mut()
                .skip(filled)
                .for_each(|byte| *byte = 0);
            self.ghash.update(&[self.partial.into()]);
        }
        // No additional data: its length, the upper half, is zero.
        let bit_len = 8 * self.len as u128;
        self.ghash.update(&[bit_len.to_be_bytes().into()]);
        let mut tag = self.ghash.clone().finalize();
        let mut mask = self.first_counter_block.into();
        self.aes.encrypt_block(&mut mask);
        tag.iter_mut()
            .zip(mask)
            .for_each(|(tag, mask)| *tag ^= mask);
        tag.into()
    }
}

fn ghash(aes: &Aes256Enc) -> GHash {
    let mut hash_key = ghash::Key::default();
    aes.encrypt_block(&mut hash_key);
    let ghash = GHash::new(&hash_key);
    hash_key.zeroize();
    ghash
}

pub(crate) struct ChunkDecryptor(Aes256Gcm);

impl ChunkDecryptor {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(Aes256Gcm::new(key.into()))
    }

    /// `sealed` is ciphertext and tag; `out` is as long as the ciphertext.
    pub(crate) fn open(
        &self,
        nonce: &[u8; NONCE_LEN],
        sealed: &[u8],
        out: &mut [u8],
    ) -> Result<(), ErrorKind> {
        let (ciphertext, tag) = sealed
            .split_last_chunk::<TAG_LEN>()
            .ok_or(ErrorKind::Internal)?;
        let buffer = InOutBuf::new(ciphertext, out).map_err(|_| ErrorKind::Internal)?;
        self.0
            .decrypt_inout_detached(nonce.into(), &[], buffer, tag.into())
            .map_err(|_| ErrorKind::AuthenticationFailed)
    }
}

/// `modulus` is big-endian without leading zeros, and `out` as long.
pub(crate) fn oaep_encrypt(
    modulus: &[u8],
    exponent: u32,
    hash: OaepHash,
    message: &[u8],
    out: &mut [u8],
) -> Result<(), Error> {
    let precision = u32::try_from(modulus.len() * 8).map_err(|_| ErrorKind::Internal)?;
    let modulus = BoxedUint::from_be_slice(modulus, precision);
    let modulus = modulus.map_err(|_| ErrorKind::Internal)?;
    let key = RsaPublicKey::new(modulus, BoxedUint::from(exponent));
    let key = key.map_err(|_| ErrorKind::InvalidRsaKey)?;
    let encrypted = match hash {
        OaepHash::Sha256 => Oaep::<Sha256>::new().encrypt(&mut SysRng, &key, message),
        OaepHash::Sha1 => Oaep::<Sha1>::new().encrypt(&mut SysRng, &key, message),
    };
    let encrypted = encrypted.map_err(|error| match error {
        rsa::Error::Rng => ErrorKind::RandomFailed,
        _ => ErrorKind::Internal,
    })?;
    if encrypted.len() != out.len() {
        return Err(ErrorKind::Internal.into());
    }
    out.copy_from_slice(&encrypted);
    Ok(())
}

/// The message may have any length.
#[cfg(feature = "local-unwrapper")]
pub(crate) fn oaep_decrypt(
    key: &rsa::RsaPrivateKey,
    hash: OaepHash,
    encrypted: &[u8],
) -> Result<Zeroizing<alloc::vec::Vec<u8>>, rsa::Error> {
    let blinding = Some(&mut SysRng);
    let message = match hash {
        OaepHash::Sha256 => Oaep::<Sha256>::new().decrypt(blinding, key, encrypted),
        OaepHash::Sha1 => Oaep::<Sha1>::new().decrypt(blinding, key, encrypted),
    };
    message.map(Zeroizing::new)
}
