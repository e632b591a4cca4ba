//! Drives a `Reading` over a message in memory.

use std::{cell::Cell, ops::Range};

use libseal::{Error, Next, Reading, Unwrap};

/// What plaintext in these tests never holds: an untouched byte of an output buffer.
pub(crate) const UNTOUCHED: u8 = 0xee;

/// A message in a store that is read by ranges.
pub(crate) struct Stored {
    pub(crate) message: Vec<u8>,
    /// Most bytes that it gives at a time.
    pub(crate) most: Cell<usize>,
    /// Bytes that it was asked for.
    pub(crate) asked: Cell<u64>,
}

impl Stored {
    pub(crate) fn new(message: Vec<u8>) -> Self {
        Self {
            message,
            most: Cell::new(usize::MAX),
            asked: Cell::new(0),
        }
    }

    pub(crate) fn giving_at_most(self, most: usize) -> Self {
        self.most.set(most);
        self
    }

    pub(crate) fn len(&self) -> u64 {
        self.message.len() as u64
    }

    /// None of it if the message ends before.
    pub(crate) fn get(&self, range: Range<u64>) -> &[u8] {
        assert!(range.start < range.end, "asked for {range:?}");
        self.asked.set(self.asked.get() + range.end - range.start);
        let clamp = |offset| usize::try_from(offset).map_or(self.message.len(), |o: usize| o);
        let end = clamp(range.end).min(self.message.len());
        let start = clamp(range.start).min(end);
        let most = end.min(start.saturating_add(self.most.get()));
        &self.message[start..most]
    }
}

/// Reads until there is plaintext in `out` or the end. Checks that nothing is left past it, and that
/// an error leaves no plaintext.
pub(crate) fn read(
    reading: &mut Reading,
    stored: &Stored,
    unwrapper: &impl Unwrap,
    out: &mut [u8],
) -> Result<usize, Error> {
    out.fill(UNTOUCHED);
    let position = reading.position();
    let result = step_until_plaintext(reading, stored, unwrapper, out);
    let written = *result.as_ref().unwrap_or(&0);
    assert_eq!(reading.position(), position + written as u64);
    // What did not verify is wiped.
    let is_clean = |byte: &u8| *byte == UNTOUCHED || *byte == 0;
    assert!(out[written..].iter().all(is_clean), "{result:?}");
    result
}

fn step_until_plaintext(
    reading: &mut Reading,
    stored: &Stored,
    unwrapper: &impl Unwrap,
    out: &mut [u8],
) -> Result<usize, Error> {
    loop {
        let written = match reading.next(out.len())? {
            Next::Message(range) => reading.feed(stored.get(range), out)?,
            Next::Plaintext => reading.read(out)?,
            Next::Key => {
                reading.unwrap_with(unwrapper)?;
                0
            }
            Next::End => return Ok(0),
        };
        if written > 0 || out.is_empty() {
            return Ok(written);
        }
    }
}

/// Reads `len` bytes, or as many as there are.
pub(crate) fn read_exactly(
    reading: &mut Reading,
    stored: &Stored,
    unwrapper: &impl Unwrap,
    len: usize,
) -> Result<Vec<u8>, Error> {
    let mut plaintext = Vec::new();
    while plaintext.len() < len {
        let mut out = vec![0; len - plaintext.len()];
        let written = read(reading, stored, unwrapper, &mut out)?;
        if written == 0 {
            break;
        }
        plaintext.extend_from_slice(&out[..written]);
    }
    Ok(plaintext)
}

/// Reads to the end, `piece_len` bytes at a time.
pub(crate) fn read_to_end(
    reading: &mut Reading,
    stored: &Stored,
    unwrapper: &impl Unwrap,
    piece_len: usize,
) -> Result<Vec<u8>, Error> {
    let mut plaintext = Vec::new();
    let mut out = vec![0; piece_len];
    loop {
        let written = read(reading, stored, unwrapper, &mut out)?;
        if written == 0 {
            return Ok(plaintext);
        }
        plaintext.extend_from_slice(&out[..written]);
    }
}
