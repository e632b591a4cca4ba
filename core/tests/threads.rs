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
    sync::mpsc,
    thread,
    time::Duration,
};

use common::{data_key_of, known_key, local_unwrapper, pattern, public_key, repeatable};
use libseal::{
    DataKey, Envelope, Error, ErrorKind, Header, LocalUnwrapper, PublicKey, Reading, Recipient,
    SealWriter, Sealer, SealingKey, UnsealReader, Unsealer, Writing,
};
use rayon::{ThreadPool, ThreadPoolBuilder, prelude::*};

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
    let last_chunk = message.len() - (len % 16384 + 16);
    for altered in (message.len() - len..message.len()).step_by(333_333) {
        let mut message = message.clone();
        message[altered] ^= 1;
        let (mut unsealer, payload) = unsealer(&message);
        let mut out = vec![0; unsealer.finish_with_len(payload.len())];
        let error = pool.install(|| unsealer.finish_with(payload, &mut out));
        let expected = match altered < last_chunk {
            true => ErrorKind::AuthenticationFailed,
            false => ErrorKind::EndNotAuthentic,
        };
        assert_eq!(error.unwrap_err().kind(), expected);
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

#[test]
fn any_limit_on_threads_makes_the_same_message() {
    let plaintext = pattern(1 << 21);
    let message = seal(&plaintext, usize::MAX);
    let data_key = data_key_of(&message, "rsa-2048");
    let pool = pool(4);
    for most in [1, 2, 3, 4, 5, usize::MAX].map(|most| NonZero::new(most).unwrap()) {
        let key = public_key("rsa-2048");
        let recipients = [Recipient::new(&key)];
        let envelope = Envelope::new(&recipients).with_random(repeatable("threads"));
        let mut start = vec![0; envelope.start_len().unwrap()];
        let mut sealer = envelope.start(&mut start).unwrap().with_max_threads(most);
        let mut rest = vec![0; sealer.finish_with_len(plaintext.len())];
        pool.install(|| sealer.finish_with(&plaintext, &mut rest))
            .unwrap();
        assert!([start, rest].concat() == message, "{most}");

        // It may be set before the message begins, or when it has.
        let header = Header::parse(&message).unwrap();
        let payload = &message[header.len()..];
        let unsealer = Unsealer::with_key(header, data_key.into()).unwrap();
        let mut unsealer = unsealer.with_max_threads(most);
        let (first, rest) = payload.split_at(30_000);
        let mut found = vec![0; plaintext.len()];
        let written = unsealer.update(first, &mut found).unwrap().written;
        let mut unsealer = unsealer.with_max_threads(most);
        let room = &mut found[written..];
        pool.install(|| unsealer.finish_with(rest, room)).unwrap();
        assert!(found == plaintext, "{most}");
    }
}

/// Fails after a minute, instead of never.
fn in_time(work: impl FnOnce() + Send + 'static) {
    let (done, is_done) = mpsc::channel();
    let worker = thread::spawn(move || {
        work();
        done.send(()).unwrap();
    });
    let result = is_done.recv_timeout(Duration::from_secs(60));
    assert!(result != Err(mpsc::RecvTimeoutError::Timeout), "deadlock");
    worker.join().unwrap();
}

#[test]
fn calls_from_the_workers_of_a_pool_do_not_block_it() {
    for threads in [1, 2, 4] {
        in_time(move || {
            let plaintext = pattern(1 << 20);
            let message = seal(&plaintext, usize::MAX);
            let data_key = data_key_of(&message, "rsa-2048");
            pool(threads).install(|| {
                (0..16).into_par_iter().for_each(|_| {
                    assert!(seal(&plaintext, usize::MAX) == message);
                    let found = libseal::unseal(&message, known_key(data_key), &[]);
                    assert!(found.unwrap() == plaintext);
                });
            });
        });
    }
}

/// With an unwrapper that hands its work to the same pool.
#[test]
fn an_unwrapper_may_use_the_pool() {
    in_time(|| {
        let plaintext = pattern(1 << 20);
        let message = seal(&plaintext, usize::MAX);
        let data_key = data_key_of(&message, "rsa-2048");
        pool(2).install(|| {
            let unwrapper = libseal::unwrap_fn(|_| {
                let (data_key, ()) = rayon::join(|| data_key, || ());
                Ok(Some(DataKey::from(data_key)))
            });
            assert!(libseal::unseal(&message, unwrapper, &[]).unwrap() == plaintext);
        });
    });
}

#[test]
fn everything_can_be_handed_to_another_thread() {
    const fn is_send<T: Send>() {}
    const fn is_shared<T: Send + Sync>() {}
    is_shared::<DataKey>();
    is_shared::<Envelope<'_>>();
    is_shared::<Error>();
    is_shared::<Header>();
    is_shared::<LocalUnwrapper>();
    is_shared::<PublicKey>();
    is_send::<Reading>();
    is_send::<SealWriter<Vec<u8>>>();
    is_send::<Sealer>();
    is_send::<SealingKey<'_>>();
    is_send::<UnsealReader<Cursor<Vec<u8>>>>();
    is_send::<Unsealer>();
    is_send::<Writing>();
}
