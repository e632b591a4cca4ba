//! Threads are lent by the caller: outside of a pool there is only the calling one, and a pool serves
//! any number of handles. Alone in its process, because it counts that process's threads.
#![cfg(target_os = "linux")]
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

mod common;

use std::{
    fs,
    io::{Cursor, Read, Write},
    num::NonZero,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use common::{data_key_of, known_key, pattern, public_key, seal};
use libseal::{Envelope, Recipient, SealWriter, UnsealReader, unseal};
use rayon::{ThreadPool, ThreadPoolBuilder, prelude::*};

const MIB: usize = 1 << 20;

fn threads_now() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}

/// Threads that have ended may be there a little longer.
fn wait_for_threads(expected: usize) {
    for _ in 0..1000 {
        if threads_now() == expected {
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("{} threads, not {expected}", threads_now());
}

/// The most threads there are while something is done.
fn most_threads<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let (most, is_done) = (AtomicUsize::new(0), AtomicBool::new(false));
    let note = || most.fetch_max(threads_now(), Ordering::SeqCst);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(Ordering::SeqCst) {
                note();
                thread::sleep(Duration::from_micros(200));
            }
        });
        let result = work();
        note();
        is_done.store(true, Ordering::SeqCst);
        // Without the one that counts.
        (most.load(Ordering::SeqCst) - 1, result)
    })
}

/// Seals and unseals long pieces in every way.
fn work_in_every_way(plaintext: &[u8]) {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let envelope = Envelope::new(&recipients);
    let message = envelope.seal(plaintext).unwrap();
    let data_key = data_key_of(&message, "rsa-2048");
    assert!(unseal(&message, known_key(data_key), &[]).unwrap() == plaintext);

    let writer = SealWriter::new(Vec::new(), &envelope).unwrap();
    let mut writer = writer.with_piece_len(2 * MIB);
    writer.write_all(plaintext).unwrap();
    let message = writer.finish().unwrap();
    let data_key = data_key_of(&message, "rsa-2048");
    let reader = UnsealReader::new(Cursor::new(message), known_key(data_key), &[]).unwrap();
    let mut found = Vec::new();
    let mut reader = reader.with_piece_len(2 * MIB);
    reader.read_to_end(&mut found).unwrap();
    assert!(found == plaintext);
}

/// Nanoseconds that each of the pool's threads has worked.
fn busy(pool_name: &str) -> Vec<u64> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let times = tasks.filter_map(|task| {
        let path = task.unwrap().path();
        let name = fs::read_to_string(path.join("comm")).unwrap();
        let schedstat = fs::read_to_string(path.join("schedstat")).unwrap();
        let time = schedstat.split(' ').next().unwrap().parse().unwrap();
        name.starts_with(pool_name).then_some(time)
    });
    times.collect()
}

fn pool(name: &'static str, threads: usize) -> ThreadPool {
    let builder = ThreadPoolBuilder::new().num_threads(threads);
    let builder = builder.thread_name(move |number| format!("{name}-{number}"));
    builder.build().unwrap()
}

/// The part of the pool's work that the busiest thread of the pool does.
fn part_of_the_busiest(name: &str, work: impl FnOnce()) -> f64 {
    let before = busy(name);
    work();
    let after = busy(name);
    let worked = after
        .iter()
        .zip(&before)
        .map(|(after, before)| after - before);
    let worked: Vec<_> = worked.collect();
    let all: u64 = worked.iter().sum();
    *worked.iter().max().unwrap() as f64 / all as f64
}

#[test]
fn only_the_threads_that_are_lent_work() {
    let before = threads_now();
    let plaintext = pattern(4 * MIB);

    // Outside of a pool.
    let (most, ()) = most_threads(|| work_in_every_way(&plaintext));
    assert_eq!(most, before, "outside of a pool");
    wait_for_threads(before);

    // On plain threads of the caller's.
    let (most, ()) = most_threads(|| {
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| work_in_every_way(&plaintext));
            }
        });
    });
    assert!(most <= before + 3, "{most}");
    wait_for_threads(before);

    // In a pool: that one, however many handles there are at a time.
    let lent = pool("lent", 3);
    wait_for_threads(before + 3);
    let message = seal(&[], &plaintext);
    let data_key = data_key_of(&message, "rsa-2048");
    let (most, ()) = most_threads(|| {
        lent.install(|| work_in_every_way(&plaintext));
        let readers: Vec<_> = (0..20)
            .map(|_| {
                let source = Cursor::new(message.clone());
                let reader = UnsealReader::new(source, known_key(data_key), &[]).unwrap();
                Mutex::new(reader.with_piece_len(MIB))
            })
            .collect();
        // Workers of the caller's own pool do not wait for one another.
        lent.install(|| {
            readers.par_iter().for_each(|reader| {
                let mut found = Vec::new();
                reader.lock().unwrap().read_to_end(&mut found).unwrap();
                assert!(found == plaintext);
            });
        });
    });
    assert_eq!(most, before + 3, "in a pool");
    drop(lent);

    // All threads of a pool take part, unless that is limited.
    let two = pool("two", 2);
    let plaintext = pattern(16 * MIB);
    let message = seal(&[], &plaintext);
    let seals =
        |most| part_of_the_busiest("two", || two.install(|| seal_in_pool(&plaintext, most)));
    let reads = |most| part_of_the_busiest("two", || two.install(|| read_in_pool(&message, most)));
    let ways: [(&str, &dyn Fn(usize) -> f64); 2] = [("sealing", &seals), ("reading", &reads)];
    for (way, part) in ways {
        // Another process may keep one of the cores to itself for a while.
        let both_work = |most| (0..20).any(|_| part(most) < 0.8);
        assert!(both_work(usize::MAX), "{way}: one thread does all the work");
        assert!(both_work(2), "{way}: one thread does all the work of two");
        let alone = (0..9).filter(|_| part(1) > 0.9).count();
        assert!(alone > 4, "{way}: two threads work where one may");
    }
}

fn seal_in_pool(plaintext: &[u8], max_threads: usize) {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let envelope = Envelope::new(&recipients);
    let mut start = vec![0; envelope.start_len().unwrap()];
    let sealer = envelope.start(&mut start).unwrap();
    let mut sealer = sealer.with_max_threads(NonZero::new(max_threads).unwrap());
    let mut out = vec![0; sealer.update_len(plaintext.len())];
    sealer.update(plaintext, &mut out).unwrap();
}

/// The limit comes when the message has begun.
fn read_in_pool(message: &[u8], max_threads: usize) {
    let data_key = data_key_of(message, "rsa-2048");
    let reader = UnsealReader::new(message, known_key(data_key), &[]).unwrap();
    let reader = reader.with_piece_len(8 * MIB);
    let mut reader = reader.with_max_threads(NonZero::new(max_threads).unwrap());
    let mut out = vec![0; 8 * MIB];
    while reader.read(&mut out).unwrap() > 0 {}
}
