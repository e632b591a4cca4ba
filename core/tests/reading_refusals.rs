//! What a reading says about messages, lengths and bytes that are wrong, and that nothing comes out
//! after that.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod common;

use std::fmt::Debug;

use common::{
    data_key_of,
    driver::{Stored, read, read_exactly, read_to_end},
    known_key, pattern, seal,
};
use libseal::{Error, ErrorKind, Header, Next, Reading, unseal, unwrap_fn};

const CHUNK: usize = 16384;
const SEALED_CHUNK: usize = CHUNK + 16;

/// Three full chunks, and a last one of 848 bytes.
const PLAINTEXT_LEN: usize = 50_000;

struct Sample {
    plaintext: Vec<u8>,
    message: Vec<u8>,
    header_len: usize,
    data_key: [u8; 32],
}

impl Sample {
    fn new() -> Self {
        let plaintext = pattern(PLAINTEXT_LEN);
        let message = seal(&[("device", "42")], &plaintext);
        Self {
            plaintext,
            header_len: Header::parse(&message).unwrap().len(),
            data_key: data_key_of(&message, "rsa-2048"),
            message,
        }
    }

    /// Where a chunk begins in the message.
    fn chunk(&self, number: usize) -> usize {
        self.header_len + 56 + number * SEALED_CHUNK
    }

    /// Around every boundary of the message.
    fn offsets(&self) -> Vec<usize> {
        let mut offsets = vec![0, 1, 6, 8, 100, self.header_len - 32, self.header_len];
        offsets.extend([self.header_len + 24, self.message.len()]);
        for number in 0..4 {
            offsets.extend([self.chunk(number), self.chunk(number) + 16]);
        }
        let around = |offset: usize| [offset.saturating_sub(1), offset, offset + 1];
        let mut around: Vec<_> = offsets.into_iter().flat_map(around).collect();
        around.sort_unstable();
        around.dedup();
        around
    }

    /// Reads `message` from front to back. What comes out before an error is the true plaintext.
    fn read_through(&self, message: &[u8], message_len: Option<u64>) -> Result<Vec<u8>, Error> {
        let stored = Stored::new(message.to_vec()).giving_at_most(20_000);
        let mut reading = Reading::new(&[]);
        if let Some(len) = message_len {
            reading.set_message_len(len);
        }
        let (unwrapper, mut out, mut found) = (known_key(self.data_key), [0; 7000], Vec::new());
        loop {
            match read(&mut reading, &stored, &unwrapper, &mut out) {
                Ok(0) => return Ok(found),
                Ok(len) => found.extend_from_slice(&out[..len]),
                Err(error) => {
                    assert!(self.plaintext.starts_with(&found));
                    assert_eq!(reading.plaintext_len(), None);
                    expect_nothing_more(&mut reading);
                    return Err(error);
                }
            }
        }
    }

    /// Reads what `message` holds from `position` on, knowing its length. Before an error nothing
    /// comes out.
    fn read_from(&self, message: &[u8], message_len: u64, position: u64) -> Result<Vec<u8>, Error> {
        let stored = Stored::new(message.to_vec()).giving_at_most(5000);
        let mut reading = Reading::new(&[]);
        reading.set_message_len(message_len);
        reading.seek(position);
        let unwrapper = known_key(self.data_key);
        let first = read(&mut reading, &stored, &unwrapper, &mut [0; 100]);
        if let Err(error) = first {
            assert_eq!(reading.plaintext_len(), None);
            expect_nothing_more(&mut reading);
            return Err(error);
        }
        reading.seek(position);
        read_to_end(&mut reading, &stored, &unwrapper, 7000)
    }
}

#[track_caller]
fn refused<T: Debug>(result: Result<T, Error>) -> ErrorKind {
    result.unwrap_err().kind()
}

/// After an error of the message every call is refused, wherever one seeks.
#[track_caller]
fn expect_nothing_more(reading: &mut Reading) {
    let mut out = [0xaa; 40_000];
    for position in [reading.position(), 0, 16384, 49_999, 50_000, 1 << 52] {
        reading.seek(position);
        for wanted in [0, 1, out.len()] {
            assert_eq!(refused(reading.next(wanted)), ErrorKind::InvalidState);
        }
        for message in [&b""[..], b"x", &[0; SEALED_CHUNK]] {
            let fed = reading.feed(message, &mut out);
            assert_eq!(refused(fed), ErrorKind::InvalidState);
        }
        assert_eq!(refused(reading.read(&mut out)), ErrorKind::InvalidState);
    }
    assert_eq!(refused(reading.confirm_end()), ErrorKind::InvalidState);
    let provided = reading.provide_key([0; 32].into());
    assert_eq!(refused(provided), ErrorKind::InvalidState);
    let asked_for_nothing = unwrap_fn(|_| panic!("the KMS is asked after an error"));
    let unwrapped = reading.unwrap_with(asked_for_nothing);
    assert_eq!(refused(unwrapped), ErrorKind::InvalidState);
    assert!(out.iter().all(|byte| *byte == 0xaa));
}

#[test]
fn a_message_cut_anywhere_is_refused() {
    let sample = Sample::new();
    let offsets = sample.offsets().into_iter();
    for len in offsets.filter(|len| *len < sample.message.len()) {
        let cut = &sample.message[..len];
        let expected = refused(unseal(cut, known_key(sample.data_key), &[]));
        for message_len in [None, Some(len as u64)] {
            let kind = refused(sample.read_through(cut, message_len));
            assert_eq!(kind, expected, "cut at {len}, {message_len:?}");
        }
        for position in [0, 20_000, 49_999] {
            let kind = refused(sample.read_from(cut, len as u64, position));
            assert_eq!(kind, expected, "cut at {len}, from {position}");
        }
    }
}

#[test]
fn a_message_altered_anywhere_is_refused() {
    let sample = Sample::new();
    let offsets = sample.offsets().into_iter();
    for offset in offsets.filter(|offset| *offset < sample.message.len()) {
        let mut altered = sample.message.clone();
        altered[offset] ^= 0x80;
        let expected = refused(unseal(&altered, known_key(sample.data_key), &[]));
        let kind = refused(sample.read_through(&altered, None));
        assert_eq!(kind, expected, "altered at {offset}");
    }
}

#[test]
fn an_altered_chunk_is_found_only_by_reading_it() {
    let sample = Sample::new();
    let mut altered = sample.message.clone();
    altered[sample.chunk(1) + 5] ^= 1;
    let stored = Stored::new(altered);
    let unwrapper = known_key(sample.data_key);
    let mut reading = Reading::new(&[]).with_piece_len(CHUNK);
    reading.set_message_len(stored.len());
    reading.seek(2 * CHUNK as u64);
    let found = read_to_end(&mut reading, &stored, &unwrapper, 1000).unwrap();
    assert!(found == sample.plaintext[2 * CHUNK..]);
    reading.seek(0);
    let found = read_exactly(&mut reading, &stored, &unwrapper, CHUNK).unwrap();
    assert!(found == sample.plaintext[..CHUNK]);
    let error = read(&mut reading, &stored, &unwrapper, &mut [0; 100]);
    assert_eq!(refused(error), ErrorKind::AuthenticationFailed);
    expect_nothing_more(&mut reading);
}

/// What was unsealed before an error is still in memory, and does not come out.
#[test]
fn an_error_also_takes_what_was_there_already() {
    let sample = Sample::new();
    let mut altered = sample.message.clone();
    altered[sample.chunk(2) + 5] ^= 1;
    let stored = Stored::new(altered);
    let unwrapper = known_key(sample.data_key);
    for out_len in [100, CHUNK, 40_000] {
        let mut reading = Reading::new(&[]).with_piece_len(2 * CHUNK);
        read_exactly(&mut reading, &stored, &unwrapper, 2 * CHUNK).unwrap();
        let error = read(&mut reading, &stored, &unwrapper, &mut vec![0; out_len]);
        assert_eq!(refused(error), ErrorKind::AuthenticationFailed);
        for position in [0, 16384, 20_000, 32767, 32768] {
            reading.seek(position);
            assert_eq!(refused(reading.next(1)), ErrorKind::InvalidState);
            assert_eq!(refused(reading.read(&mut [0])), ErrorKind::InvalidState);
        }
    }
}

#[test]
fn nothing_can_be_added() {
    let sample = Sample::new();
    for more in [
        1,
        15,
        16,
        17,
        SEALED_CHUNK - 1,
        SEALED_CHUNK,
        SEALED_CHUNK + 1,
    ] {
        let mut longer = sample.message.clone();
        longer.resize(longer.len() + more, 0);
        let len = longer.len() as u64;
        for message_len in [None, Some(len)] {
            let kind = refused(sample.read_through(&longer, message_len));
            let expected = unseal(&longer, known_key(sample.data_key), &[]);
            assert_eq!(kind, refused(expected), "{more}");
        }
        let impossible = (longer.len() - sample.chunk(0)) % SEALED_CHUNK < 16;
        let expected = match impossible {
            true => ErrorKind::Truncated,
            false => ErrorKind::EndNotAuthentic,
        };
        assert_eq!(refused(sample.read_from(&longer, len, 20_000)), expected);

        // But a message may stand in something longer, for one who knows where it ends.
        let len = sample.message.len() as u64;
        let found = sample.read_through(&longer, Some(len)).unwrap();
        assert!(found == sample.plaintext);
        let found = sample.read_from(&longer, len, 20_000).unwrap();
        assert!(found == sample.plaintext[20_000..]);
    }
}

#[test]
fn a_length_that_is_too_short_is_refused() {
    let sample = Sample::new();
    let offsets = sample.offsets().into_iter();
    for len in offsets.filter(|len| *len < sample.message.len()) {
        let expected = refused(unseal(
            &sample.message[..len],
            known_key(sample.data_key),
            &[],
        ));
        let kind = refused(sample.read_through(&sample.message, Some(len as u64)));
        assert_eq!(kind, expected, "{len}");
        let kind = refused(sample.read_from(&sample.message, len as u64, 20_000));
        assert_eq!(kind, expected, "{len}");
    }
}

#[test]
fn a_length_that_is_too_long_is_never_believed() {
    let sample = Sample::new();
    let len = sample.message.len() as u64;
    let same_chunk = [1, 100, (SEALED_CHUNK - 848 - 17) as u64].map(|more| len + more);
    for message_len in same_chunk {
        let found = sample
            .read_from(&sample.message, message_len, 20_000)
            .unwrap();
        assert!(found == sample.plaintext[20_000..], "{message_len}");
    }
    let chunk_missing = [SEALED_CHUNK as u64, 1 << 40, (1 << 52) - 1];
    for more in chunk_missing {
        let kind = refused(sample.read_from(&sample.message, len + more, 20_000));
        assert_eq!(kind, ErrorKind::Truncated, "{more}");
    }
    for impossible in [1 << 53, u64::MAX] {
        let kind = refused(sample.read_from(&sample.message, impossible, 20_000));
        assert!(
            matches!(kind, ErrorKind::MessageTooLong | ErrorKind::Truncated),
            "{impossible}: {kind:?}"
        );
    }
    // From front to back, the true end is still found.
    for more in [1, SEALED_CHUNK as u64, 1 << 60] {
        let found = sample.read_through(&sample.message, Some(len + more));
        assert!(found.unwrap() == sample.plaintext);
    }
}

#[test]
fn bytes_that_were_not_asked_for_are_refused_and_nothing_is_lost() {
    let sample = Sample::new();
    let stored = Stored::new(sample.message.clone());
    let unwrapper = known_key(sample.data_key);
    let mut reading = Reading::new(&[]).with_piece_len(CHUNK);
    let mut out = [0xaa; 2 * CHUNK];
    let mut found = Vec::new();
    let mut is_len_known = false;
    loop {
        assert_eq!(
            refused(reading.feed(b"unasked", &mut out)),
            ErrorKind::InvalidState
        );
        match reading.next(1).unwrap() {
            Next::Message(range) => {
                // One byte too many.
                let message = vec![0; usize::try_from(range.end - range.start).unwrap() + 1];
                let fed = reading.feed(&message, &mut out);
                assert_eq!(refused(fed), ErrorKind::InvalidState);
                assert!(out.iter().all(|byte| *byte == 0xaa));
                // Asked for once more, and before a seek.
                assert_eq!(reading.next(1).unwrap(), Next::Message(range.clone()));
                reading.seek(reading.position());
                let fed = reading.feed(stored.get(range), &mut out);
                assert_eq!(refused(fed), ErrorKind::InvalidState);
                let Next::Message(range) = reading.next(1).unwrap() else {
                    panic!("it is still missing");
                };
                assert_eq!(reading.feed(stored.get(range), &mut []).unwrap(), 0);
            }
            Next::Key => reading.unwrap_with(&unwrapper).unwrap(),
            Next::Plaintext => {
                let mut piece = [0; 5000];
                let len = reading.read(&mut piece).unwrap();
                found.extend_from_slice(&piece[..len]);
            }
            Next::End => break,
        }
        if !is_len_known && found.len() > 20_000 {
            // Before the last chunk is confirmed, nothing else is taken.
            is_len_known = true;
            while let Next::Plaintext = reading.next(1).unwrap() {
                let mut piece = [0; 5000];
                let len = reading.read(&mut piece).unwrap();
                found.extend_from_slice(&piece[..len]);
            }
            let Next::Message(range) = reading.next(1).unwrap() else {
                panic!("there is more");
            };
            reading.set_message_len(stored.len());
            reading.confirm_end().unwrap();
            let fed = reading.feed(stored.get(range), &mut out);
            assert_eq!(refused(fed), ErrorKind::InvalidState);
        }
    }
    assert!(found == sample.plaintext);
}

#[test]
fn an_error_of_the_source_changes_nothing() {
    let sample = Sample::new();
    let stored = Stored::new(sample.message.clone());
    let unwrapper = known_key(sample.data_key);
    let mut reading = Reading::new(&[]);
    let mut found = Vec::new();
    loop {
        let mut out = [0; 7000];
        // The source fails each time before it answers.
        let asked = reading.next(out.len()).unwrap();
        assert_eq!(reading.next(out.len()).unwrap(), asked);
        let len = read(&mut reading, &stored, &unwrapper, &mut out).unwrap();
        if len == 0 {
            break;
        }
        found.extend_from_slice(&out[..len]);
    }
    assert!(found == sample.plaintext);
}

#[test]
fn a_position_that_no_message_has_is_mended_by_another() {
    let sample = Sample::new();
    let stored = Stored::new(sample.message.clone());
    let unwrapper = known_key(sample.data_key);
    let mut reading = Reading::new(&[]);
    for position in [1 << 52, u64::MAX] {
        reading.seek(position);
        let error = read(&mut reading, &stored, &unwrapper, &mut [0]);
        assert_eq!(refused(error), ErrorKind::MessageTooLong);
    }
    reading.seek(30_000);
    let found = read_to_end(&mut reading, &stored, &unwrapper, 1000).unwrap();
    assert!(found == sample.plaintext[30_000..]);
}

#[test]
fn another_unwrapper_can_be_tried() {
    let sample = Sample::new();
    let stored = Stored::new(sample.message.clone());
    let mut reading = Reading::new(&[]);
    let stranger = unwrap_fn(|_| Ok(None));
    let broken = unwrap_fn(|_| Err("unplugged".into()));
    let error = read(&mut reading, &stored, &stranger, &mut [0]);
    assert_eq!(refused(error), ErrorKind::NoMatchingRecipient);
    let error = read(&mut reading, &stored, &broken, &mut [0]);
    assert_eq!(refused(error), ErrorKind::UnwrapFailed);
    assert!(reading.needs_key());
    let found = read_to_end(&mut reading, &stored, &known_key(sample.data_key), 1000);
    assert!(found.unwrap() == sample.plaintext);
}

#[test]
fn a_wrong_data_key_is_the_end() {
    let sample = Sample::new();
    let stored = Stored::new(sample.message.clone());
    let mut reading = Reading::new(&[]);
    let error = read(&mut reading, &stored, &known_key([7; 32]), &mut [0]);
    assert_eq!(refused(error), ErrorKind::AuthenticationFailed);
    expect_nothing_more(&mut reading);
}

#[test]
fn required_context_is_checked_before_the_key_is_needed() {
    let sample = Sample::new();
    let stored = Stored::new(sample.message.clone());
    for required in [("device", Some("43")), ("site", None)] {
        let mut reading = Reading::new(&[required]);
        let unwrapper = unwrap_fn(|_| panic!("the KMS is asked for a message of another context"));
        let error = read(&mut reading, &stored, &unwrapper, &mut [0]);
        assert_eq!(refused(error), ErrorKind::ContextMismatch);
        expect_nothing_more(&mut reading);
    }
}
