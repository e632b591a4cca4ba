//! What is left of a message that was cut short or altered: all that verifies, and the reason.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod common;

use std::{
    collections::HashMap,
    error::Error as _,
    io::{self, Read, Write},
};

use common::{
    Damaged, Sample, data_key_of,
    driver::{Stored, read_exactly, read_to_end},
    known_key, local_unwrapper, pattern, seal,
};
use libseal::{Error, ErrorKind, Header, Next, Reading, salvage, unwrap_fn};

const CHUNK: usize = 16384;
const SEALED_CHUNK: usize = CHUNK + 16;

/// The error of this library in an `io::Error`.
fn kind_of(error: &io::Error) -> ErrorKind {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Error>());
    inner.unwrap_or_else(|| panic!("{error:?}")).kind()
}

fn name_of(error: Option<&io::Error>) -> &'static str {
    error.map_or("OK", |error| kind_of(error).name())
}

/// If nothing verified, there is no result but the error.
fn salvaged(message: impl Read, data_key: [u8; 32]) -> (Vec<u8>, Option<io::Error>) {
    let mut found = Vec::new();
    match salvage(message, &mut found, known_key(data_key), &[]) {
        Ok(salvaged) => {
            assert_eq!(salvaged.plaintext_len, found.len() as u64);
            assert!(!found.is_empty() || salvaged.error.is_none());
            (found, salvaged.error)
        }
        Err(error) => {
            assert!(found.is_empty());
            (found, Some(error))
        }
    }
}

/// Gives few bytes at a time.
struct Slow<'a> {
    message: &'a [u8],
    most: usize,
    /// After the message, instead of its end.
    failure: Option<io::ErrorKind>,
}

impl<'a> Slow<'a> {
    const fn new(message: &'a [u8], most: usize) -> Self {
        Self {
            message,
            most,
            failure: None,
        }
    }
}

impl Read for Slow<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let most = out.len().min(self.most);
        match self.failure {
            Some(failure) if self.message.is_empty() => Err(failure.into()),
            _ => self.message.read(&mut out[..most]),
        }
    }
}

#[test]
fn every_chunk_before_the_damage_is_kept() {
    let mut samples = HashMap::new();
    for case in Damaged::all() {
        let sample = samples
            .entry(case.plaintext_len)
            .or_insert_with_key(|len| Sample::new(*len));
        let header_len = Header::parse(&sample.message).unwrap().len();
        let damaged = case.damage(&sample.message, header_len);
        for most in [usize::MAX, 50_000] {
            let (found, error) = salvaged(Slow::new(&damaged, most), sample.data_key);
            assert_eq!(found.len(), case.salvaged_len, "{}", case.line);
            assert!(found == sample.plaintext[..found.len()], "{}", case.line);
            assert_eq!(name_of(error.as_ref()), case.expect, "{}", case.line);
        }
    }
}

#[test]
fn a_cut_at_any_byte_keeps_the_whole_chunks() {
    let sample = Sample::new(2 * CHUNK + 100);
    let header_len = Header::parse(&sample.message).unwrap().len();
    let start = header_len + 56;
    let around = |place: usize| place - 20..place + 20;
    let places = [start, start + SEALED_CHUNK, start + 2 * SEALED_CHUNK];
    let ends = places.into_iter().flat_map(around);
    for len in ends
        .chain(header_len..start)
        .chain(start + 2 * SEALED_CHUNK..sample.message.len())
    {
        let cut = &sample.message[..len];
        for most in [usize::MAX, 1013] {
            let (found, error) = salvaged(Slow::new(cut, most), sample.data_key);
            let expected = len.saturating_sub(start) / SEALED_CHUNK * CHUNK;
            assert!(found == sample.plaintext[..expected], "cut at {len}");
            let rest = len.saturating_sub(start) % SEALED_CHUNK;
            let reason = match rest < 16 {
                true => ErrorKind::Truncated,
                false => ErrorKind::EndNotAuthentic,
            };
            assert_eq!(name_of(error.as_ref()), reason.name(), "cut at {len}");
        }
    }
}

/// On any number of threads, each of which works on many chunks at a time.
#[cfg(feature = "rayon")]
#[test]
fn an_altered_chunk_takes_none_before_it_along() {
    let sample = Sample::new(200 * CHUNK + 7);
    let start = Header::parse(&sample.message).unwrap().len() + 56;
    let pools = [1, 2, 3, 8].map(|threads| {
        let builder = rayon::ThreadPoolBuilder::new().num_threads(threads);
        builder.build().unwrap()
    });
    for chunk in [0, 1, 15, 16, 31, 32, 63, 100, 198, 199] {
        let mut altered = sample.message.clone();
        altered[start + chunk * SEALED_CHUNK + 77] ^= 1;
        // And another, which a thread may find first.
        altered[start + 199 * SEALED_CHUNK + 78] ^= 1;
        for pool in &pools {
            let (found, error) = pool.install(|| salvaged(&*altered, sample.data_key));
            assert!(found == sample.plaintext[..chunk * CHUNK], "{chunk}");
            assert_eq!(kind_of(&error.unwrap()), ErrorKind::AuthenticationFailed);
        }
    }
}

#[test]
fn a_source_that_fails_loses_nothing_that_came_before() {
    let sample = Sample::new(3 * CHUNK + 100);
    let start = Header::parse(&sample.message).unwrap().len() + 56;
    for (len, expected) in [
        (start, 0),
        (start + SEALED_CHUNK - 1, 0),
        (start + SEALED_CHUNK, CHUNK),
        (start + 3 * SEALED_CHUNK + 99, 3 * CHUNK),
    ] {
        for most in [usize::MAX, 1000] {
            let mut source = Slow::new(&sample.message[..len], most);
            source.failure = Some(io::ErrorKind::TimedOut);
            let (found, error) = salvaged(source, sample.data_key);
            assert!(found == sample.plaintext[..expected], "{len}");
            let error = error.unwrap();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut, "as the source says");
            assert!(error.get_ref().is_none());
        }
    }
    // After the last byte it no longer matters: the end of the message has verified.
    let mut source = Slow::new(&sample.message, 5000);
    source.failure = Some(io::ErrorKind::ConnectionReset);
    let (found, error) = salvaged(source, sample.data_key);
    assert!(found == sample.plaintext && error.is_none());
}

#[test]
fn without_header_and_key_nothing_is_written() {
    let message = seal(&[("device", "42")], &pattern(50_000));
    let header_len = Header::parse(&message).unwrap().len();
    let key = || local_unwrapper("rsa-2048");
    let mut altered = message.clone();
    altered[header_len - 1] ^= 1;
    let mut found = Vec::new();
    for (source, expected) in [
        (&b""[..], ErrorKind::EmptyMessage),
        (b"SEA", ErrorKind::Truncated),
        (b"something else", ErrorKind::NotSealed),
        (&message[..header_len - 1], ErrorKind::Truncated),
        (&altered, ErrorKind::AuthenticationFailed),
    ] {
        let error = salvage(source, &mut found, key(), &[]).unwrap_err();
        assert_eq!(kind_of(&error), expected);
    }
    let stranger = local_unwrapper("rsa-2048-b");
    let error = salvage(&*message, &mut found, stranger, &[]).unwrap_err();
    assert_eq!(kind_of(&error), ErrorKind::NoMatchingRecipient);
    let wrong = salvage(&*message, &mut found, known_key([7; 32]), &[]);
    assert_eq!(
        kind_of(&wrong.unwrap_err()),
        ErrorKind::AuthenticationFailed
    );
    let unasked = unwrap_fn(|_| panic!("the KMS is asked for a message of another context"));
    let error = salvage(&*message, &mut found, unasked, &[("device", Some("43"))]).unwrap_err();
    assert_eq!(kind_of(&error), ErrorKind::ContextMismatch);

    let mut source = Slow::new(&message[..header_len - 1], 100);
    source.failure = Some(io::ErrorKind::TimedOut);
    let error = salvage(source, &mut found, key(), &[]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert!(found.is_empty());

    let whole = salvage(&*message, &mut found, key(), &[("device", Some("42"))]).unwrap();
    assert!(whole.error.is_none() && found == pattern(50_000));
}

#[test]
fn a_target_that_fails_is_an_error() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let sample = Sample::new(50_000);
    for message in [&sample.message[..], &sample.message[..40_000]] {
        let error = salvage(message, Full, known_key(sample.data_key), &[]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(error.source().is_none());
    }
}

/// A driver of its own needs nothing more: what verified comes out first, and then the error.
#[test]
fn a_reading_gives_what_verified_and_then_the_error() {
    let sample = Sample::new(10 * CHUNK);
    let header = Header::parse(&sample.message).unwrap();
    let mut altered = sample.message.clone();
    altered[header.len() + 56 + 7 * SEALED_CHUNK] ^= 1;
    for out_len in [0, 3 * CHUNK, 7 * CHUNK, 9 * CHUNK] {
        let data_key = data_key_of(&sample.message, "rsa-2048").into();
        let mut reading = Reading::with_key(header.clone(), data_key).unwrap();
        let Next::Message(range) = reading.next(1).unwrap() else {
            panic!("there is something to read");
        };
        let [start, end] = [range.start, range.end].map(|at| usize::try_from(at).unwrap());
        let piece = &altered[start..end.min(altered.len())];
        let mut out = vec![0xee; out_len];
        let written = reading.feed(piece, &mut out).unwrap();
        let (found, rest) = out.split_at(written);
        assert!(found == &sample.plaintext[..written]);
        assert!(rest.iter().all(|byte| [0xee, 0].contains(byte)), "wiped");
        let mut found = found.to_vec();
        if out_len > 0 {
            let error = loop {
                match reading.next(1) {
                    Ok(next) => assert_eq!(next, Next::Plaintext),
                    Err(error) => break error,
                }
                let len = reading.read(&mut out[..1000]).unwrap();
                found.extend_from_slice(&out[..len]);
            };
            assert_eq!(error.kind(), ErrorKind::AuthenticationFailed);
            assert!(found == sample.plaintext[..7 * CHUNK], "{out_len}");
            assert_eq!(reading.position(), 7 * CHUNK as u64);
            let over = reading.next(1).unwrap_err();
            assert_eq!(over.kind(), ErrorKind::InvalidState);
        } else {
            // The chunks after it open alone.
            let stored = Stored::new(altered.clone());
            reading.seek(8 * CHUNK as u64);
            let unwrapper = known_key(sample.data_key);
            let found = read_to_end(&mut reading, &stored, &unwrapper, 5000).unwrap();
            assert!(found == sample.plaintext[8 * CHUNK..]);
            reading.seek(0);
            let error = read_exactly(&mut reading, &stored, &unwrapper, 10 * CHUNK);
            assert_eq!(error.unwrap_err().kind(), ErrorKind::AuthenticationFailed);
        }
    }
}
