//! Several threads make the same message, and find the same faults.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod common;

use std::{
    io::{Cursor, Read, Seek, SeekFrom, Write},
    num::NonZero,
};

use common::{local_unwrapper, pattern, public_key, repeatable};
use libseal::{ErrorKind, Recipient, SealWriter, Sealer, UnsealReader, Unsealer};

/// Where the work is not shared yet, where it is, and where shares and chunks do not come out even.
const LENGTHS: [usize; 6] = [0, 100, 500_000, 1 << 19, (1 << 20) + 1, 3_456_789];

fn seal(plaintext: &[u8], threads: usize, piece_len: usize) -> Vec<u8> {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let mut message = vec![0; Sealer::start_len(&recipients, &[]).unwrap()];
    let random = &mut repeatable("threads");
    let sealer = Sealer::start_with_random(&recipients, &[], random, &mut message).unwrap();
    let mut sealer = sealer.with_threads(NonZero::new(threads).unwrap());
    let mut pieces = plaintext.chunks(piece_len).peekable();
    while let Some(piece) = pieces.next_if(|piece| piece.len() == piece_len) {
        let mut sealed = vec![0; sealer.update_len(piece.len())];
        sealer.update(piece, &mut sealed).unwrap();
        message.extend(sealed);
    }
    let last = pieces.next().unwrap_or_default();
    let mut sealed = vec![0; sealer.finish_with_len(last.len())];
    sealer.finish_with(last, &mut sealed).unwrap();
    message.extend(sealed);
    message
}

fn unsealer(message: &[u8], threads: usize) -> (Unsealer, &[u8]) {
    let mut unsealer = Unsealer::default().with_threads(NonZero::new(threads).unwrap());
    let consumed = unsealer.update(message, &mut []).unwrap().consumed;
    unsealer.unwrap_with(&local_unwrapper("rsa-2048")).unwrap();
    (unsealer, &message[consumed..])
}

#[test]
fn every_number_of_threads_makes_the_same_message() {
    for len in LENGTHS {
        let plaintext = pattern(len);
        let one = seal(&plaintext, 1, usize::MAX);
        assert_eq!(
            libseal::unseal(&one, &local_unwrapper("rsa-2048"), &[]).unwrap(),
            plaintext
        );
        for threads in [2, 3, 8] {
            for piece_len in [usize::MAX, 700_001, 10_000] {
                assert!(
                    seal(&plaintext, threads, piece_len) == one,
                    "{len}, {threads}, {piece_len}"
                );
            }
            let (mut unsealer, payload) = unsealer(&one, threads);
            let mut found = vec![0; unsealer.finish_with_len(payload.len())];
            unsealer.finish_with(payload, &mut found).unwrap();
            assert!(found == plaintext, "{len}, {threads}");
        }
    }
}

#[test]
fn an_altered_chunk_is_found_wherever_it_is_and_leaves_nothing() {
    let len = 2_000_000;
    let message = seal(&pattern(len), 1, usize::MAX);
    for altered in (message.len() - len..message.len()).step_by(333_333) {
        let mut message = message.clone();
        message[altered] ^= 1;
        let (mut unsealer, payload) = unsealer(&message, 4);
        let mut out = vec![0; unsealer.finish_with_len(payload.len())];
        let error = unsealer.finish_with(payload, &mut out).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AuthenticationFailed);
        assert!(out.iter().all(|byte| *byte == 0));
    }
}

#[test]
fn writers_and_readers_take_threads() {
    let plaintext = pattern(5_000_000);
    let (key, two) = (public_key("rsa-2048"), NonZero::new(2).unwrap());
    let writer = SealWriter::new(Vec::new(), &[Recipient::new(&key)], &[]).unwrap();
    let mut writer = writer.with_threads(two);
    for piece in plaintext.chunks(123_456) {
        writer.write_all(piece).unwrap();
    }
    let message = Cursor::new(writer.finish().unwrap());

    let reader = UnsealReader::new(message, &local_unwrapper("rsa-2048"), &[]).unwrap();
    let mut reader = reader.with_threads(two);
    let mut found = Vec::new();
    reader.read_to_end(&mut found).unwrap();
    assert!(found == plaintext);
    reader.seek(SeekFrom::Start(1_000_000)).unwrap();
    found.clear();
    reader.read_to_end(&mut found).unwrap();
    assert!(found == plaintext[1_000_000..]);
}
