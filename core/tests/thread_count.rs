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
    io::{self, Cursor, Read, Write},
    num::NonZero,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use common::{data_key_of, known_key, pattern, public_key, seal};
use libseal::{Envelope, Header, Recipient, SealWriter, Sealer, UnsealReader, Unsealer, unseal};
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

/// How long each of the pool's threads has worked.
fn busy(pool_name: &str) -> Vec<Duration> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let times = tasks.filter_map(|task| {
        let path = task.unwrap().path();
        let name = fs::read_to_string(path.join("comm")).unwrap();
        let schedstat = fs::read_to_string(path.join("schedstat")).unwrap();
        let nanos = schedstat.split(' ').next().unwrap().parse().unwrap();
        name.starts_with(pool_name)
            .then_some(Duration::from_nanos(nanos))
    });
    times.collect()
}

fn pool(name: &'static str, threads: usize) -> ThreadPool {
    let builder = ThreadPoolBuilder::new().num_threads(threads);
    let builder = builder.thread_name(move |number| format!("{name}-{number}"));
    let pool = builder.build().unwrap();
    // A thread takes its name when it starts.
    pool.broadcast(|_| ());
    pool
}

/// How long each thread of the pool has worked since `before`, the idlest first.
fn worked_since(before: &[Duration], pool_name: &str) -> Vec<Duration> {
    let now = busy(pool_name).into_iter();
    let mut worked: Vec<_> = now.zip(before).map(|(now, before)| now - *before).collect();
    worked.sort_unstable();
    worked
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
    let message = seal(&[], &plaintext);
    let data_key = data_key_of(&message, "rsa-2048");
    let mut out = vec![1; message.len()];
    for most in [usize::MAX, 2, 1].map(|most| NonZero::new(most).unwrap()) {
        let mut sealer = begun_sealer(most);
        let what = format!("sealing on {most} threads");
        work_in(&two, "two", most, &what, || {
            sealer.update(&plaintext, &mut out).unwrap();
        });
        let (mut unsealer, chunks) = begun_unsealer(&message, data_key, most);
        let what = format!("unsealing on {most} threads");
        work_in(&two, "two", most, &what, || {
            unsealer.seek(0).unwrap();
            let _ = unsealer.update(chunks, &mut out).unwrap();
        });
    }

    // Streams do without being told: their pieces are longer in a pool.
    let all = NonZero::<usize>::MAX;
    work_in(&two, "two", all, "a writer", || {
        let key = public_key("rsa-2048");
        let recipients = [Recipient::new(&key)];
        let mut writer = SealWriter::new(io::sink(), &Envelope::new(&recipients)).unwrap();
        writer.write_all(&plaintext).unwrap();
    });
    work_in(&two, "two", all, "a reader", || {
        let source = Cursor::new(&message);
        let mut reader = UnsealReader::new(source, known_key(data_key), &[]).unwrap();
        assert_eq!(
            reader.read_to_end(&mut Vec::new()).unwrap(),
            plaintext.len()
        );
    });
}

/// Works until both threads of the pool have worked, or where one may, until it has worked long.
///
/// On a busy machine a thread may wait for its turn, but one that is not to work never gets any.
fn work_in(
    pool: &ThreadPool,
    pool_name: &str,
    max_threads: NonZero<usize>,
    what: &str,
    mut work: impl FnMut() + Send,
) {
    const LONG: Duration = Duration::from_millis(200);
    const A_LITTLE: Duration = Duration::from_millis(20);

    // A thread that has just ended its work looks for more for a while.
    thread::sleep(Duration::from_millis(50));
    let before = busy(pool_name);
    let deadline = Instant::now() + Duration::from_secs(60);
    // In one visit to the pool, or the next one may be on its other thread.
    pool.install(|| {
        loop {
            work();
            let worked = worked_since(&before, pool_name);
            let [idlest, busiest] = worked[..] else {
                panic!("{worked:?}");
            };
            let is_alone = max_threads == NonZero::<usize>::MIN;
            if is_alone && busiest >= LONG {
                assert!(idlest < A_LITTLE, "{what}: {worked:?}");
                return;
            }
            if !is_alone && idlest >= A_LITTLE {
                return;
            }
            assert!(Instant::now() < deadline, "{what}: {worked:?}");
        }
    });
}

fn begun_sealer(max_threads: NonZero<usize>) -> Sealer {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let envelope = Envelope::new(&recipients);
    let mut start = vec![0; envelope.start_len().unwrap()];
    let sealer = envelope.start(&mut start).unwrap();
    sealer.with_max_threads(max_threads)
}

/// The limit comes when the payload has begun. Also returns the chunks.
fn begun_unsealer(
    message: &[u8],
    data_key: [u8; 32],
    max_threads: NonZero<usize>,
) -> (Unsealer, &[u8]) {
    let header = Header::parse(message).unwrap();
    let (start, chunks) = message[header.len()..].split_at(56);
    let mut unsealer = Unsealer::with_key(header, data_key.into()).unwrap();
    let _ = unsealer.update(start, &mut []).unwrap();
    (unsealer.with_max_threads(max_threads), chunks)
}
