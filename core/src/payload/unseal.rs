//! Unsealing a payload.

use alloc::{boxed::Box, vec::Vec};

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{
    crypto::{self, secret::DataKey, stack::with_wiped_stack},
    error::ErrorKind,
    payload::{
        keys::{MessageKeys, Nonces},
        layout::{self, CHUNK_LEN, MAX_CHUNKS, SALT_LEN, SEALED_CHUNK_LEN, START_LEN, TAG_LEN},
        threads::Threads,
    },
};

/// Decrypts a payload, releasing a chunk only when its tag has been verified.
pub(crate) struct PayloadUnsealer {
    decryptor: crypto::ChunkDecryptor,
    nonces: Nonces,
    /// The chunk that is not complete yet: always shorter than [`SEALED_CHUNK_LEN`].
    pending: Vec<u8>,
    /// Plaintext at the beginning of the next chunk to leave out, after a [seek](Self::seek).
    skip: usize,
    pub(crate) threads: Threads,
}

impl PayloadUnsealer {
    /// On the heap, where it stays: moving it would leave its key behind.
    pub(crate) fn start(
        data_key: &DataKey,
        context: &[u8],
        start: &[u8; START_LEN],
    ) -> Result<Box<Self>, ErrorKind> {
        Self::start_with(start, |keys, salt| {
            keys.derive(data_key.as_bytes(), salt, context)
        })
    }

    /// As [`start`](Self::start); `derive` derives the keys from the salt.
    pub(crate) fn start_with(
        start: &[u8; START_LEN],
        derive: impl FnOnce(&mut MessageKeys, &[u8; SALT_LEN]) -> Result<(), ErrorKind>,
    ) -> Result<Box<Self>, ErrorKind> {
        let (salt, commitment) = start
            .split_first_chunk::<SALT_LEN>()
            .ok_or(ErrorKind::Internal)?;
        let mut keys = MessageKeys::default();
        derive(&mut keys, salt)?;
        if !bool::from(keys.commitment.ct_eq(commitment)) {
            return Err(ErrorKind::AuthenticationFailed);
        }
        Ok(Box::new(Self {
            decryptor: crypto::ChunkDecryptor::new(&keys.key),
            nonces: Nonces::new(&keys),
            pending: Vec::new(),
            skip: 0,
            threads: Threads::ALL,
        }))
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
    pub(crate) fn update(&mut self, mut input: &[u8], mut out: &mut [u8]) -> Result<(), ErrorKind> {
        let count = (self.pending.len() + input.len()) / SEALED_CHUNK_LEN;
        if count as u64 > self.nonces.left() {
            return Err(ErrorKind::MessageTooLong);
        }
        if count > 0 && (self.skip > 0 || !self.pending.is_empty()) {
            let missing = input.split_off(..SEALED_CHUNK_LEN - self.pending.len());
            self.pending
                .extend_from_slice(missing.ok_or(ErrorKind::Internal)?);
            let opened = out.split_off_mut(..CHUNK_LEN - self.skip);
            let opened = opened.ok_or(ErrorKind::BufferTooSmall)?;
            with_wiped_stack(|| self.open_pending(opened))?;
        }
        if count > 0 {
            with_wiped_stack(|| self.open_full_chunks(&mut input, out))?;
        }
        if self.pending.capacity() == 0 && !input.is_empty() {
            self.pending.reserve_exact(SEALED_CHUNK_LEN);
        }
        self.pending.extend_from_slice(input);
        Ok(())
    }

    /// As [`update`](Self::update), but keeps the chunks before one that does not verify: returns how
    /// much plaintext is in `out`, and the error. Nothing can follow an error but a
    /// [seek](Self::seek).
    pub(crate) fn update_verified(
        &mut self,
        mut input: &[u8],
        out: &mut [u8],
    ) -> (usize, Result<(), ErrorKind>) {
        let mut verified = 0;
        let missing = SEALED_CHUNK_LEN - self.pending.len();
        if !self.is_at_chunk()
            && let Some(end) = input.split_off(..missing)
        {
            let len = self.update_len(end.len());
            let room = out.get_mut(..len).ok_or(ErrorKind::BufferTooSmall);
            if let Err(kind) = room.and_then(|room| self.update(end, room)) {
                return (0, Err(kind));
            }
            verified = len;
        }
        let (_, out) = out.split_at_mut(verified);
        let (first, len) = (self.nonces.next_chunk, out.len());
        let Err(kind) = self.update(input, out) else {
            return (verified + len, Ok(()));
        };
        // Threads work on many at once, so which was the first to fail is not known.
        self.nonces.next_chunk = first;
        let chunks = input.chunks_exact(SEALED_CHUNK_LEN);
        let chunks = chunks.zip(out.chunks_exact_mut(CHUNK_LEN));
        let open = |(sealed, opened): (&[u8], &mut [u8])| {
            let nonce = self.nonces.next();
            self.decryptor.open(&nonce, sealed, opened).ok()
        };
        let count = with_wiped_stack(|| chunks.map_while(open).count());
        (verified + count * CHUNK_LEN, Err(kind))
    }

    /// Whether the next byte begins a chunk that is wanted from its beginning.
    pub(crate) fn is_at_chunk(&self) -> bool {
        self.pending.is_empty() && self.skip == 0
    }

    /// [`update`](Self::update) and [`finish`](Self::finish) in one, [at a chunk](Self::is_at_chunk).
    /// `out` is [`finish_with_len`](Self::finish_with_len) long. Leaves the stack to be wiped.
    pub(crate) fn open_to_end(
        &mut self,
        mut input: &[u8],
        out: &mut [u8],
    ) -> Result<(), ErrorKind> {
        if (input.len() / SEALED_CHUNK_LEN) as u64 >= self.nonces.left() {
            return Err(ErrorKind::MessageTooLong);
        }
        let split = out.split_at_mut_checked(layout::opened_len(input.len()));
        let (opened, last) = split.ok_or(ErrorKind::BufferTooSmall)?;
        if !opened.is_empty() {
            self.open_full_chunks(&mut input, opened)?;
        }
        if input.len() < TAG_LEN {
            return Err(ErrorKind::Truncated);
        }
        let nonce = self.nonces.next();
        let ended = self.decryptor.open(&nonce, input, last);
        ended.map_err(at_the_end)
    }

    /// Takes as many chunks off the front of `input` as there are.
    fn open_full_chunks(&mut self, input: &mut &[u8], out: &mut [u8]) -> Result<(), ErrorKind> {
        let count = input.len() / SEALED_CHUNK_LEN;
        let (sealed, opened) = (
            input.split_off(..count * SEALED_CHUNK_LEN),
            out.get_mut(..count * CHUNK_LEN),
        );
        let sealed = (sealed.ok_or(ErrorKind::Internal)?, SEALED_CHUNK_LEN);
        let opened = (opened.ok_or(ErrorKind::BufferTooSmall)?, CHUNK_LEN);
        let Self {
            decryptor,
            nonces,
            threads,
            ..
        } = self;
        let first = nonces.next_chunk;
        nonces.next_chunk += count as u64;
        threads.for_each_chunk(sealed, opened, |number, sealed, opened| {
            decryptor.open(&nonces.of(first + number as u64), sealed, opened)
        })
    }

    /// Opens the pending bytes as the next chunk; `out` is as long as what it releases.
    fn open_pending(&mut self, out: &mut [u8]) -> Result<(), ErrorKind> {
        let nonce = self.nonces.next();
        if self.skip == 0 {
            self.decryptor.open(&nonce, &self.pending, out)?;
        } else {
            let opened_len = self.pending.len().saturating_sub(TAG_LEN);
            let mut opened = Zeroizing::new(alloc::vec![0; opened_len]);
            self.decryptor.open(&nonce, &self.pending, &mut opened)?;
            let wanted = opened.get(self.skip..);
            // A last chunk that is shorter has none of it.
            match wanted {
                Some(wanted) if wanted.len() == out.len() => out.copy_from_slice(wanted),
                None if out.is_empty() => {}
                _ => return Err(ErrorKind::Internal),
            }
            self.skip = 0;
        }
        self.pending.clear();
        Ok(())
    }

    /// Opens the last chunk; `out` is [`finish_with_len`](Self::finish_with_len) of nothing long. The
    /// chunks before it have verified, so if it does not, the fault is at the end.
    pub(crate) fn finish(&mut self, out: &mut [u8]) -> Result<(), ErrorKind> {
        if self.pending.len() < TAG_LEN {
            return Err(ErrorKind::Truncated);
        }
        if self.nonces.left() == 0 {
            return Err(ErrorKind::MessageTooLong);
        }
        with_wiped_stack(|| self.open_pending(out)).map_err(at_the_end)
    }
}

/// The chunks before the last one have verified.
const fn at_the_end(kind: ErrorKind) -> ErrorKind {
    match kind {
        ErrorKind::AuthenticationFailed => ErrorKind::EndNotAuthentic,
        kind => kind,
    }
}
