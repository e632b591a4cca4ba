//! Lengths and offsets: where the plaintext lies in a message.
//!
//! A payload is salt, commitment and chunks. Every chunk but the last holds 16 KiB of plaintext and a
//! tag; the last is shorter, so where each byte lies follows from its position alone.

use crate::error::ErrorKind;

use core::ops::Range;

/// Plaintext bytes in every chunk but the last, which is always shorter.
pub(crate) const CHUNK_LEN: usize = 16 * 1024;
pub(crate) const TAG_LEN: usize = 16;
pub(crate) const SEALED_CHUNK_LEN: usize = CHUNK_LEN + TAG_LEN;
pub(crate) const MAX_CHUNKS: u64 = 1 << 38;

/// More than pays on any number of threads: buffers have this length.
#[cfg(feature = "alloc")]
const MAX_PIECE_LEN: usize = 64 * 1024 * 1024;

pub(crate) const SALT_LEN: usize = 24;
pub(crate) const COMMITMENT_LEN: usize = 32;
/// Salt and commitment, which come before the chunks.
pub(crate) const START_LEN: usize = SALT_LEN + COMMITMENT_LEN;

/// Length of the payload, salt to last tag, of `plaintext_len` bytes.
pub(crate) const fn sealed_len(plaintext_len: u64) -> Result<u64, ErrorKind> {
    let full_chunks = plaintext_len / CHUNK_LEN as u64;
    if full_chunks >= MAX_CHUNKS {
        return Err(ErrorKind::MessageTooLong);
    }
    Ok(START_LEN as u64 + plaintext_len + (full_chunks + 1) * TAG_LEN as u64)
}

/// Length of the plaintext in a payload of `payload_len` bytes that is not truncated.
pub(crate) const fn plaintext_len(payload_len: u64) -> Option<u64> {
    match payload_len.checked_sub(START_LEN as u64) {
        Some(chunks_len) if chunks_len % SEALED_CHUNK_LEN as u64 >= TAG_LEN as u64 => {
            Some(opened_to_end_len(chunks_len))
        }
        _ => None,
    }
}

/// Room for the plaintext in a payload of `payload_len` bytes, truncated or not.
#[cfg(feature = "alloc")]
pub(crate) const fn payload_room(payload_len: u64) -> u64 {
    opened_to_end_len(payload_len.saturating_sub(START_LEN as u64))
}

/// The piece of `len` bytes or less that is made of whole chunks.
#[cfg(feature = "alloc")]
pub(crate) fn piece_len(len: usize) -> usize {
    let len = len.clamp(CHUNK_LEN, MAX_PIECE_LEN);
    len - len % CHUNK_LEN
}

/// Length of the plaintext in the full chunks of `chunks_len` bytes of chunks.
pub(crate) const fn opened_len(chunks_len: usize) -> usize {
    chunks_len / SEALED_CHUNK_LEN * CHUNK_LEN
}

/// Length of the plaintext in `chunks_len` bytes of chunks, the last one included.
pub(crate) const fn opened_to_end_len(chunks_len: u64) -> u64 {
    let full_chunks = chunks_len / SEALED_CHUNK_LEN as u64;
    let last = (chunks_len % SEALED_CHUNK_LEN as u64).saturating_sub(TAG_LEN as u64);
    full_chunks * CHUNK_LEN as u64 + last
}

/// The most that one update with `input_len` bytes lets out, whatever is pending.
pub(crate) const fn update_bound(input_len: usize) -> usize {
    opened_len(input_len.saturating_add(SEALED_CHUNK_LEN - 1))
}

/// The chunk that the byte of plaintext at `position` is in, and how many bytes stand before it there.
#[allow(clippy::cast_possible_truncation, reason = "less than a chunk")]
pub(crate) const fn chunk_at(position: u64) -> (u64, usize) {
    let (chunk, skip) = (position / CHUNK_LEN as u64, position % CHUNK_LEN as u64);
    (chunk, skip as usize)
}

/// Where a chunk begins in a message whose header has `header_len` bytes.
pub(crate) const fn chunk_offset(header_len: usize, chunk: u64) -> u64 {
    let first = (header_len + START_LEN) as u64;
    first.saturating_add(chunk.saturating_mul(SEALED_CHUNK_LEN as u64))
}

/// The bytes of the message with the chunks that hold `len` bytes of plaintext from `start` on.
pub(crate) const fn ciphertext_range(header_len: usize, start: u64, len: u64) -> Range<u64> {
    let end = start.saturating_add(len).div_ceil(CHUNK_LEN as u64);
    let (first, _) = chunk_at(start);
    let end = if len == 0 { first } else { end };
    chunk_offset(header_len, first)..chunk_offset(header_len, end)
}

/// The plaintext that the chunks in `len` bytes of the message from `start` on hold.
pub(crate) const fn plaintext_range(header_len: usize, start: u64, len: u64) -> Range<u64> {
    let first = chunk_offset(header_len, 0);
    let end = start.saturating_add(len).saturating_sub(first);
    let chunk = start
        .saturating_sub(first)
        .div_ceil(SEALED_CHUNK_LEN as u64);
    let start = chunk * CHUNK_LEN as u64;
    let end = opened_to_end_len(end);
    start..if end < start { start } else { end }
}

#[cfg(all(test, feature = "alloc"))]
mod tests {
    use super::*;

    const LENGTHS: [u64; 9] = [0, 1, 16383, 16384, 16385, 32767, 32768, 100_000, 1 << 40];

    #[test]
    fn plaintext_len_inverts_sealed_len() {
        for len in LENGTHS {
            assert_eq!(plaintext_len(sealed_len(len).unwrap()), Some(len));
        }
        for impossible in [0, 55, 56, 71, 56 + 16400, 56 + 16400 + 15] {
            assert_eq!(plaintext_len(impossible), None);
        }
    }

    #[test]
    fn a_range_covers_its_plaintext_and_no_chunk_more() {
        let chunks = |range: Range<u64>| {
            let number = |offset| (offset - 1056) / 16400;
            assert_eq!((range.start - 1056) % 16400 + (range.end - 1056) % 16400, 0);
            number(range.start)..number(range.end)
        };
        assert_eq!(chunks(ciphertext_range(1000, 0, 0)), 0..0);
        assert_eq!(chunks(ciphertext_range(1000, 0, 1)), 0..1);
        assert_eq!(chunks(ciphertext_range(1000, 16383, 1)), 0..1);
        assert_eq!(chunks(ciphertext_range(1000, 16383, 2)), 0..2);
        assert_eq!(chunks(ciphertext_range(1000, 16384, 16384)), 1..2);
        assert_eq!(chunks(ciphertext_range(1000, 20000, 0)), 1..1);
        assert_eq!(ciphertext_range(1000, u64::MAX, u64::MAX).end, u64::MAX);
    }

    #[test]
    fn plaintext_range_inverts_ciphertext_range() {
        for start in LENGTHS {
            for len in LENGTHS {
                let sealed = ciphertext_range(777, start, len);
                let opened = plaintext_range(777, sealed.start, sealed.end - sealed.start);
                assert!(opened.start <= start && opened.end >= start + len || len == 0);
                assert!(
                    start - opened.start < 16384 && opened.end.saturating_sub(start + len) < 16384
                );
            }
            let message = 777 + sealed_len(start).unwrap();
            assert_eq!(plaintext_range(777, 0, message), 0..start);
        }
        // A chunk without its beginning, or without its end, holds nothing that can be opened.
        assert_eq!(plaintext_range(777, 777 + 57, 16400), 16384..16384);
        assert_eq!(plaintext_range(777, 777 + 57, 16399 + 16400), 16384..32768);
    }
}
