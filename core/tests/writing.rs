//! A writing: pieces of any length become one message, handed on in parts of any length.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod common;

use common::{LENGTHS, data_key_of, known_key, local_unwrapper, pattern, public_key, repeatable};
use libseal::{
    Envelope, Error, ErrorKind, Header, RandomSource, Recipient, Writing, random_fn, unseal,
};
use proptest::prelude::*;

const CHUNK: usize = 16384;

fn begin() -> Writing {
    let key = public_key("rsa-2048");
    Writing::new(&Envelope::new(&[Recipient::new(&key)])).unwrap()
}

/// A message that is the same each time.
fn begin_repeatable() -> Writing {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    Writing::new(&Envelope::new(&recipients).with_random(repeatable("seed"))).unwrap()
}

/// Moves what is sealed to `message`, at most `most` bytes at a time.
fn hand_on(writing: &mut Writing, message: &mut Vec<u8>, most: usize) {
    while !writing.sealed().unwrap().is_empty() {
        let len = writing.sealed().unwrap().len().min(most);
        message.extend_from_slice(&writing.sealed().unwrap()[..len]);
        writing.advance(len);
    }
}

fn write_all(writing: &mut Writing, message: &mut Vec<u8>, mut plaintext: &[u8]) {
    while !plaintext.is_empty() {
        hand_on(writing, message, usize::MAX);
        let taken = writing.write(plaintext).unwrap();
        assert!(taken > 0);
        plaintext = &plaintext[taken..];
    }
}

fn finish(mut writing: Writing, mut message: Vec<u8>) -> Vec<u8> {
    hand_on(&mut writing, &mut message, usize::MAX);
    writing.finish().unwrap();
    hand_on(&mut writing, &mut message, usize::MAX);
    message
}

fn unseal_own(message: &[u8]) -> Vec<u8> {
    unseal(message, local_unwrapper("rsa-2048"), &[]).unwrap()
}

#[track_caller]
fn invalid(result: Result<usize, Error>) {
    assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidState);
}

#[test]
fn every_length_comes_back_whatever_the_pieces() {
    for len in LENGTHS
        .into_iter()
        .chain([262_143, 262_144, 262_145, 700_000])
    {
        let plaintext = pattern(len);
        let mut messages = Vec::new();
        for piece_len in [1000, CHUNK - 1, CHUNK, 262_144, usize::MAX] {
            let (mut writing, mut message) = (begin_repeatable(), Vec::new());
            for piece in plaintext.chunks(piece_len) {
                write_all(&mut writing, &mut message, piece);
            }
            messages.push(finish(writing, message));
        }
        assert!(unseal_own(&messages[0]) == plaintext, "{len}");
        let same = messages.iter().all(|message| *message == messages[0]);
        assert!(same, "{len}: the pieces show");
    }
}

#[test]
fn the_message_begins_at_once_and_ends_with_finish() {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let envelope = Envelope::new(&recipients);
    let mut writing = Writing::new(&envelope).unwrap();
    assert_eq!(
        writing.sealed().unwrap().len(),
        envelope.start_len().unwrap()
    );
    assert!(Header::parse(writing.sealed().unwrap()).is_ok());

    let mut message = Vec::new();
    write_all(&mut writing, &mut message, b"one line");
    assert!(writing.sealed().unwrap().is_empty(), "it waits for more");
    let mut cut = message.clone();
    writing.finish().unwrap();
    assert_eq!(writing.sealed().unwrap().len(), 8 + 16);
    hand_on(&mut writing, &mut message, usize::MAX);
    assert_eq!(unseal_own(&message), b"one line");
    cut.extend_from_slice(&message[cut.len()..][..8]);
    let error = unseal(&cut, local_unwrapper("rsa-2048"), &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Truncated);
}

#[test]
fn an_empty_message() {
    let message = finish(begin(), Vec::new());
    assert_eq!(unseal_own(&message), b"");
}

#[test]
fn pieces_go_out_when_they_are_full() {
    for (piece_len, expected) in [
        (None, 262_144),
        (Some(1), CHUNK),
        (Some(CHUNK - 1), CHUNK),
        (Some(100_000), 98_304),
        (Some(1 << 20), 1 << 20),
    ] {
        let mut writing = begin();
        if let Some(len) = piece_len {
            writing = writing.with_piece_len(len);
        }
        let mut message = Vec::new();
        hand_on(&mut writing, &mut message, usize::MAX);
        for _ in 0..3 {
            // Byte for byte up to a piece, and a piece at once.
            for start in [expected - 10, 0] {
                if start > 0 {
                    assert_eq!(writing.write(&pattern(start)).unwrap(), start);
                    assert!(writing.sealed().unwrap().is_empty());
                }
                let taken = writing.write(&pattern(expected + 100)).unwrap();
                assert_eq!(taken, expected - start, "{piece_len:?}");
                assert_eq!(
                    writing.sealed().unwrap().len(),
                    expected / CHUNK * (CHUNK + 16)
                );
                hand_on(&mut writing, &mut message, usize::MAX);
            }
        }
    }
}

#[test]
fn a_flush_seals_everything_and_the_message_goes_on() {
    for flushed in [1, 1000, CHUNK - 1, CHUNK, CHUNK + 1, 262_144] {
        let plaintext = pattern(600_000);
        let (mut writing, mut message) = (begin(), Vec::new());
        let start_len = writing.sealed().unwrap().len();
        write_all(&mut writing, &mut message, &plaintext[..flushed]);
        hand_on(&mut writing, &mut message, usize::MAX);
        writing.flush().unwrap();
        hand_on(&mut writing, &mut message, usize::MAX);
        let expected = start_len + flushed + flushed / CHUNK * 16;
        assert_eq!(message.len(), expected, "{flushed}");

        // A second one has nothing to do.
        writing.flush().unwrap();
        assert!(writing.sealed().unwrap().is_empty());

        // Pieces end with a chunk again, so that whole chunks are sealed at a time.
        write_all(&mut writing, &mut message, &plaintext[flushed..]);
        hand_on(&mut writing, &mut message, usize::MAX);
        assert_eq!((message.len() - start_len) % (CHUNK + 16), 0, "{flushed}");
        let message = finish(writing, message);
        assert!(unseal_own(&message) == plaintext, "{flushed}");
    }
}

#[test]
fn nothing_is_taken_before_everything_is_handed_on() {
    let (mut writing, mut message) = (begin(), Vec::new());
    for round in 0..3 {
        let unsent = writing.sealed().unwrap().to_vec();
        assert!(!unsent.is_empty());
        for left in [unsent.len(), unsent.len() / 2, 1] {
            writing.advance(writing.sealed().unwrap().len() - left);
            invalid(writing.write(b"more"));
            invalid(writing.flush().map(|()| 0));
            invalid(writing.finish().map(|()| 0));
            assert_eq!(writing.sealed().unwrap(), &unsent[unsent.len() - left..]);
        }
        writing.advance(1);
        message.extend(unsent);
        assert!(writing.sealed().unwrap().is_empty());
        match round {
            0 => assert_eq!(writing.write(&pattern(300_000)).unwrap(), 262_144),
            1 => writing.finish().unwrap(),
            _ => break,
        }
    }
    assert!(unseal_own(&message) == pattern(262_144));
}

#[test]
fn one_cannot_hand_on_more_than_there_is() {
    let mut writing = begin();
    writing.advance(usize::MAX);
    assert!(writing.sealed().unwrap().is_empty());
    writing.advance(1);
    assert_eq!(writing.write(b"x").unwrap(), 1);
    assert!(writing.sealed().unwrap().is_empty());
}

#[test]
fn after_the_end_nothing_is_taken() {
    for plaintext in [&b""[..], b"x", &pattern(CHUNK)] {
        let (mut writing, mut message) = (begin(), Vec::new());
        write_all(&mut writing, &mut message, plaintext);
        hand_on(&mut writing, &mut message, usize::MAX);
        writing.finish().unwrap();
        hand_on(&mut writing, &mut message, usize::MAX);
        for _ in 0..2 {
            invalid(writing.write(b""));
            invalid(writing.write(b"more"));
            invalid(writing.write(&pattern(300_000)));
            invalid(writing.flush().map(|()| 0));
            invalid(writing.finish().map(|()| 0));
            assert!(writing.sealed().unwrap().is_empty());
        }
        assert_eq!(unseal_own(&message), plaintext);
    }
}

#[test]
fn what_is_wrong_with_the_envelope_is_said_at_once() {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let refused = |envelope: &Envelope<'_>| Writing::new(envelope).unwrap_err().kind();
    assert_eq!(refused(&Envelope::new(&[])), ErrorKind::NoRecipients);
    let envelope = Envelope::new(&recipients).with_context(&[("", "")]);
    assert_eq!(refused(&envelope), ErrorKind::ContextKeyEmpty);
    let fails = random_fn(|_| Err(ErrorKind::RandomFailed.into()));
    let envelope = Envelope::new(&recipients).with_random(&fails as &dyn RandomSource);
    let error = Writing::new(&envelope).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RandomFailed);
}

#[test]
fn nothing_secret_is_printed() {
    let (mut writing, mut message) = (begin(), Vec::new());
    write_all(&mut writing, &mut message, b"secret");
    assert_eq!(format!("{writing:?}"), "Writing(..)");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_order_of_calls_gives_the_message(
        pieces in prop::collection::vec(
            (0..60_000_usize, any::<bool>(), prop_oneof![1..100_usize, Just(usize::MAX)]),
            0..20,
        ),
        piece_len in prop_oneof![Just(1_usize), Just(40_000), Just(262_144)],
    ) {
        let len = pieces.iter().map(|(len, ..)| len).sum();
        let plaintext = pattern(len);
        let mut writing = begin_repeatable().with_piece_len(piece_len);
        let (mut message, mut rest) = (Vec::new(), &plaintext[..]);
        for (len, flush, most) in &pieces {
            let mut piece = rest.split_off(..*len).unwrap();
            while !piece.is_empty() {
                hand_on(&mut writing, &mut message, (*most).max(len / 100));
                let taken = writing.write(piece).unwrap();
                piece = &piece[taken..];
            }
            if *flush {
                hand_on(&mut writing, &mut message, *most);
                writing.flush().unwrap();
            }
        }
        let message = finish(writing, message);
        // The data key is that of the seed, whatever the pieces.
        let data_key = data_key_of(&message, "rsa-2048");
        prop_assert!(unseal(&message, known_key(data_key), &[]).unwrap() == plaintext);

        let mut at_once = begin_repeatable();
        let mut expected = Vec::new();
        write_all(&mut at_once, &mut expected, &plaintext);
        prop_assert!(message == finish(at_once, expected));
    }
}
