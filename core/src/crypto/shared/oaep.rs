//! RSAES-OAEP encryption (RFC 8017 section 7.1.1). It needs no heap. The message is encoded in private
//! memory: anyone can decode it, and the buffer for the ciphertext may be memory that others see.

#[cfg(feature = "oaep-sha1")]
use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

use super::{
    hash::sha256,
    rsaep::{self, Word, rsaep},
    xor::xor,
};
use crate::{
    crypto::random::Random,
    error::{Error, ErrorKind},
};

/// The hash of RSAES-OAEP, for both the label and MGF1.
#[derive(Clone, Copy)]
pub(crate) enum OaepHash {
    Sha256,
    #[cfg(feature = "oaep-sha1")]
    Sha1,
}

impl OaepHash {
    const fn len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            #[cfg(feature = "oaep-sha1")]
            Self::Sha1 => 20,
        }
    }

    /// The hash of the concatenated parts, in the first [`len`](Self::len) bytes.
    fn digest(self, parts: &[&[u8]]) -> [u8; 32] {
        match self {
            Self::Sha256 => sha256(parts),
            #[cfg(feature = "oaep-sha1")]
            Self::Sha1 => {
                let mut sha1 = Sha1::new();
                parts.iter().for_each(|part| sha1.update(part));
                let mut digest = [0; 32];
                xor(&mut digest, &sha1.finalize());
                digest
            }
        }
    }
}

/// Encrypts `message` with an empty label into `out`, which is as long as the modulus. The arithmetic
/// is on words of type `W`.
pub(crate) fn encrypt<W: Word>(
    modulus: &[u8],
    exponent: u32,
    hash: OaepHash,
    message: &[u8],
    random: &mut Random<'_>,
    out: &mut [u8],
) -> Result<(), Error> {
    let mut block = Zeroizing::new([0; rsaep::MAX_LEN]);
    let encoded = block.get_mut(..modulus.len()).ok_or(ErrorKind::Internal)?;
    encode(hash, message, random, encoded)?;
    rsaep::<W>(modulus, exponent, encoded, out).ok_or(ErrorKind::Internal)?;
    Ok(())
}

/// EME-OAEP encoding: `0x00 | masked seed | masked data block`.
fn encode(
    hash: OaepHash,
    message: &[u8],
    random: &mut Random<'_>,
    out: &mut [u8],
) -> Result<(), Error> {
    let split = out.split_first_mut();
    let (first, rest) = split.ok_or(ErrorKind::Internal)?;
    let split = rest.split_at_mut_checked(hash.len());
    let (seed, data_block) = split.ok_or(ErrorKind::Internal)?;
    *first = 0;
    random.fill(seed)?;
    fill_data_block(hash, message, data_block)?;
    mask(hash, seed, data_block);
    mask(hash, data_block, seed);
    Ok(())
}

/// `hash of the empty label | zeros | 0x01 | message`.
fn fill_data_block(hash: OaepHash, message: &[u8], out: &mut [u8]) -> Result<(), ErrorKind> {
    let end_len = 1 + message.len();
    let split = out.len().checked_sub(end_len);
    let split = split.and_then(|len| out.split_at_mut_checked(len));
    let (beginning, end) = split.ok_or(ErrorKind::Internal)?;
    if beginning.len() < hash.len() {
        return Err(ErrorKind::Internal);
    }
    beginning.fill(0);
    let label = hash.digest(&[]);
    beginning
        .iter_mut()
        .zip(label.iter().take(hash.len()))
        .for_each(|(out, byte)| *out = *byte);
    let (separator, place) = end.split_first_mut().ok_or(ErrorKind::Internal)?;
    *separator = 1;
    place.copy_from_slice(message);
    Ok(())
}

/// Adds `MGF1(seed)` (RFC 8017 appendix B.2.1) to `out`.
fn mask(hash: OaepHash, seed: &[u8], out: &mut [u8]) {
    for (counter, block) in (0_u32..).zip(out.chunks_mut(hash.len())) {
        xor(block, &hash.digest(&[seed, &counter.to_be_bytes()]));
    }
}
