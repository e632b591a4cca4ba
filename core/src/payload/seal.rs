//! Sealing a payload.

#[cfg(feature = "alloc")]
use crate::payload::layout::SEALED_CHUNK_LEN;
use crate::{
    crypto,
    error::{Error, ErrorKind},
    payload::{
        keys::{MessageKeys, Nonces},
        layout::{CHUNK_LEN, TAG_LEN},
        threads::Threads,
    },
};

/// Encrypts a payload as it comes: nothing is buffered, every byte goes out at once.
pub(crate) struct PayloadSealer {
    encryptor: crypto::ChunkEncryptor,
    pub(crate) nonces: Nonces,
    /// Bytes of the current chunk that are sealed already.
    filled: u16,
    is_finished: bool,
    #[cfg_attr(not(feature = "alloc"), allow(dead_code, reason = "for whole chunks"))]
    pub(crate) threads: Threads,
}

const _: () = assert!(CHUNK_LEN <= u16::MAX as usize);

impl PayloadSealer {
    /// Inline, so that it is made where it stays: it is too large to move about on a small stack.
    #[inline(always)]
    pub(crate) fn new(keys: &MessageKeys) -> Self {
        Self {
            encryptor: crypto::ChunkEncryptor::new(&keys.key),
            nonces: Nonces::new(keys),
            filled: 0,
            is_finished: false,
            threads: Threads::ALL,
        }
    }

    fn filled(&self) -> usize {
        self.filled.into()
    }

    /// Exactly what [`update`](Self::update) writes: the input and a tag for each chunk it fills.
    pub(crate) fn update_len(&self, input_len: usize) -> usize {
        let filled_chunks = self.filled().saturating_add(input_len) / CHUNK_LEN;
        input_len.saturating_add(filled_chunks * TAG_LEN)
    }

    /// `out` is [`update_len`](Self::update_len) bytes long.
    pub(crate) fn update(&mut self, mut input: &[u8], mut out: &mut [u8]) -> Result<(), Error> {
        self.check_open()?;
        // The current chunk has its nonce already; the last one, which is never full, needs one too.
        let new_chunks = (self.filled() + input.len()) / CHUNK_LEN + usize::from(self.filled == 0);
        if new_chunks as u64 > self.nonces.left() {
            return Err(ErrorKind::MessageTooLong.into());
        }
        while !input.is_empty() {
            if self.filled == 0 {
                #[cfg(feature = "alloc")]
                if input.len() >= CHUNK_LEN {
                    self.seal_full_chunks(&mut input, &mut out)?;
                    continue;
                }
                self.encryptor.start(&self.nonces.next());
            }
            let piece;
            (piece, input) = input.split_at(input.len().min(CHUNK_LEN - self.filled()));
            let sealed = out.split_off_mut(..piece.len());
            let sealed = sealed.ok_or(ErrorKind::BufferTooSmall)?;
            self.encryptor.update(piece, sealed);
            // At most `CHUNK_LEN`.
            #[allow(clippy::cast_possible_truncation, reason = "a piece of a chunk")]
            let len = piece.len() as u16;
            self.filled += len;

            if self.filled() == CHUNK_LEN {
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
    ) -> Result<(), ErrorKind> {
        let count = input.len() / CHUNK_LEN;
        let (plaintext, sealed) = (
            input.split_off(..count * CHUNK_LEN),
            out.split_off_mut(..count * SEALED_CHUNK_LEN),
        );
        let plaintext = (plaintext.ok_or(ErrorKind::Internal)?, CHUNK_LEN);
        let sealed = (sealed.ok_or(ErrorKind::BufferTooSmall)?, SEALED_CHUNK_LEN);
        let Self {
            encryptor,
            nonces,
            threads,
            ..
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
    pub(crate) fn finish_with(&mut self, input: &[u8], out: &mut [u8]) -> Result<(), Error> {
        self.check_open()?;
        #[cfg(feature = "alloc")]
        if self.filled == 0 {
            let (body, last) = input.split_at(input.len() - input.len() % CHUNK_LEN);
            let split = out.split_at_mut_checked(self.update_len(body.len()));
            let (sealed, end) = split.ok_or(ErrorKind::BufferTooSmall)?;
            self.update(body, sealed)?;
            return Ok(self.seal_last_chunk(last, end)?);
        }
        let split = out.split_last_chunk_mut::<TAG_LEN>();
        let (sealed, tag) = split.ok_or(ErrorKind::BufferTooSmall)?;
        self.update(input, sealed)?;
        if self.filled == 0 {
            self.encryptor.start(&self.nonces.next());
        }
        *tag = self.encryptor.finish();
        self.is_finished = true;
        Ok(())
    }

    /// The last chunk in one piece.
    #[cfg(feature = "alloc")]
    fn seal_last_chunk(&mut self, input: &[u8], out: &mut [u8]) -> Result<(), ErrorKind> {
        if self.nonces.left() == 0 {
            return Err(ErrorKind::MessageTooLong);
        }
        self.is_finished = true;
        self.encryptor.seal(&self.nonces.next(), input, out)
    }

    /// After the end, nothing more is sealed: it would use a nonce a second time.
    pub(crate) fn check_open(&self) -> Result<(), Error> {
        if self.is_finished {
            let reason = "the message has ended";
            return Err(Error::with_reason(ErrorKind::InvalidState, reason));
        }
        Ok(())
    }
}
