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
use libseal::{Envelope, ErrorKind, Recipient, SealWriter, UnsealReader, Unsealer};
use rayon::{ThreadPool, ThreadPoolBuilder};

fn pool(threads: usize) -> ThreadPool {
    let builder = ThreadPoolBuilder::new().num_threads(threads);
    builder.build().unwrap()
}

/// Where the work is not shared yet, where it is, and where shares and chunks do not come out even.
const LENGTHS: [usize; 6] = [0, 100, 500_000, 1 << 19, (1 << 20) + 1, 3_456_789];

/// Seals on the threads that are lent.
fn seal(plaintext: &[u8], piece_len: usize) -> Vec<u8> {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let envelope = Envelope::new(&recipients).with_random(repeatable("threads"));
    let mut message = vec![0; envelope.start_len().unwrap()];
    let mut sealer = envelope.start(&mut message).unwrap();
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

fn unsealer(message: &[u8]) -> (Unsealer, &[u8]) {
    let mut unsealer = Unsealer::default();
    let consumed = unsealer.update(message, &mut []).unwrap().consumed;
    unsealer.unwrap_with(local_unwrapper("rsa-2048")).unwrap();
    (unsealer, &message[consumed..])
}

#[test]
fn every_number_of_threads_makes_the_same_message() {
    for len in LENGTHS {
        let plaintext = pattern(len);
        let one = seal(&plaintext, usize::MAX);
        assert_eq!(
            libseal::unseal(&one, local_unwrapper("rsa-2048"), &[]).unwrap(),
            plaintext
        );
        for threads in [1, 2, 3, 8] {
            let pool = pool(threads);
            for piece_len in [usize::MAX, 700_001, 10_000] {
                assert!(
                    pool.install(|| seal(&plaintext, piece_len)) == one,
                    "{len}, {threads}, {piece_len}"
                );
            }
            let (mut unsealer, payload) = unsealer(&one);
            let mut found = vec![0; unsealer.finish_with_len(payload.len())];
            pool.install(|| unsealer.finish_with(payload, &mut found))
                .unwrap();
            assert!(found == plaintext, "{len}, {threads}");
        }
    }
}

#[test]
fn an_altered_chunk_is_found_wherever_it_is_and_leaves_nothing() {
    let len = 2_000_000;
    let pool = pool(4);
    let message = seal(&pattern(len), usize::MAX);
    for altered in (message.len() - len..message.len()).step_by(333_333) {
        let mut message = message.clone();
        message[altered] ^= 1;
        let (mut unsealer, payload) = unsealer(&message);
        let mut out = vec![0; unsealer.finish_with_len(payload.len())];
        let error = pool.install(|| unsealer.finish_with(payload, &mut out));
        assert_eq!(error.unwrap_err().kind(), ErrorKind::AuthenticationFailed);
        assert!(out.iter().all(|byte| *byte == 0));
    }
}

#[test]
fn writers_and_readers_use_the_pool_that_they_run_in() {
    let plaintext = pattern(5_000_000);
    let key = public_key("rsa-2048");
    let (pool, two) = (pool(3), NonZero::new(2).unwrap());
    let recipients = [Recipient::new(&key)];
    let writer = SealWriter::new(Vec::new(), &Envelope::new(&recipients)).unwrap();
    let mut writer = writer.with_piece_len(1 << 20).with_max_threads(two);
    let message = pool.install(|| {
        for piece in plaintext.chunks(123_456) {
            writer.write_all(piece).unwrap();
        }
        Cursor::new(writer.finish().unwrap())
    });

    let reader = UnsealReader::new(message, local_unwrapper("rsa-2048"), &[]).unwrap();
    let mut reader = reader.with_piece_len(1 << 20).with_max_threads(two);
    pool.install(|| {
        let mut found = Vec::new();
        reader.read_to_end(&mut found).unwrap();
        assert!(found == plaintext);
        reader.seek(SeekFrom::Start(1_000_000)).unwrap();
        found.clear();
        reader.read_to_end(&mut found).unwrap();
        assert!(found == plaintext[1_000_000..]);
    });
}
