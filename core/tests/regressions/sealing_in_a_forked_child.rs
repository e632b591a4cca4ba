//! A message went on in both processes after a fork, with the same key stream. Two texts that are
//! encrypted so reveal each other.

use std::{
    io::{self, Write},
    sync::atomic::{AtomicUsize, Ordering},
};

use crate::common::{data_key_of, forks::in_a_child, local_unwrapper, public_key, seal};
use libseal::{
    Envelope, Error, ErrorKind, Header, Recipient, SealWriter, SealingKey, SealingLimits, Unsealer,
    Writing, unseal,
};

const TEXT: &[u8] = b"0123456789abcdef0123456789abcdef";

#[track_caller]
fn is_refused<T: std::fmt::Debug>(result: Result<T, Error>) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidState);
    assert!(error.to_string().contains("before a fork()"), "{error}");
}

fn opens(message: &[u8], plaintext: &[u8]) {
    assert_eq!(
        unseal(message, local_unwrapper("rsa-2048"), &[]).unwrap(),
        plaintext
    );
}

/// How much a `Pipe` has taken, in this process.
static WRITTEN: AtomicUsize = AtomicUsize::new(0);

#[derive(Debug)]
struct Pipe(Vec<u8>);

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        WRITTEN.fetch_add(bytes.len(), Ordering::Relaxed);
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_sealer() {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let envelope = Envelope::new(&recipients);
    let mut message = vec![0; envelope.start_len().unwrap()];
    let mut sealer = envelope.start(&mut message).unwrap();
    let mut out = [0xaa; 100];
    let written = sealer.update(TEXT, &mut out).unwrap();
    message.extend_from_slice(&out[..written]);

    in_a_child(|| {
        let mut out = [0xaa; 100];
        // Once refused, it stays so.
        for _ in 0..2 {
            is_refused(sealer.update(TEXT, &mut out));
            is_refused(sealer.update(b"", &mut out));
            is_refused(sealer.finish_with(TEXT, &mut out));
            is_refused(sealer.finish(&mut out));
        }
        assert_eq!(out, [0xaa; 100]);
        in_a_child(|| is_refused(sealer.update(TEXT, &mut out)));
        // A message of its own is another matter, but not in its own child.
        let mut message = vec![0; envelope.start_len().unwrap()];
        let mut own = envelope.start(&mut message).unwrap();
        in_a_child(|| is_refused(own.update(TEXT, &mut out)));
        let written = own.finish_with(TEXT, &mut out).unwrap();
        message.extend_from_slice(&out[..written]);
        opens(&message, TEXT);
    });

    // The parent has noticed nothing.
    let written = sealer.finish_with(TEXT, &mut out).unwrap();
    message.extend_from_slice(&out[..written]);
    opens(&message, &[TEXT, TEXT].concat());
}

#[test]
fn a_writing() {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let mut writing = Writing::new(&Envelope::new(&recipients)).unwrap();
    let mut message = Vec::new();
    // While its first bytes wait, while plaintext waits, while the last bytes wait.
    for step in 0..3 {
        in_a_child(|| {
            is_refused(writing.sealed());
            is_refused(writing.write(TEXT));
            is_refused(writing.flush());
            is_refused(writing.finish());
        });
        message.extend_from_slice(writing.sealed().unwrap());
        writing.advance(usize::MAX);
        match step {
            0 => assert_eq!(writing.write(TEXT).unwrap(), TEXT.len()),
            1 => writing.finish().unwrap(),
            _ => opens(&message, TEXT),
        }
    }
}

#[test]
fn a_seal_writer() {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let envelope = Envelope::new(&recipients);
    let mut writer = SealWriter::new(Pipe(Vec::new()), &envelope).unwrap();
    writer.write_all(TEXT).unwrap();

    let refused = |result: io::Result<()>| {
        let error = result.unwrap_err();
        is_refused::<()>(Err(error.downcast::<Error>().unwrap()));
    };
    let before = WRITTEN.load(Ordering::Relaxed);
    let mut slot = Some(writer);
    in_a_child(|| {
        let mut writer = slot.take().unwrap();
        refused(writer.write_all(TEXT));
        refused(writer.flush());
        refused(writer.finish().map(drop));
        assert_eq!(WRITTEN.load(Ordering::Relaxed), before);
    });
    in_a_child(|| {
        drop(slot.take());
        assert_eq!(WRITTEN.load(Ordering::Relaxed), before);
    });
    let mut writer = slot.take().unwrap();
    writer.write_all(TEXT).unwrap();
    opens(&writer.finish().unwrap().0, &[TEXT, TEXT].concat());
}

/// It draws a salt for each message, but two processes would seal twice what its limits allow.
#[test]
fn a_sealing_key() {
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let limits = SealingLimits::default().with_messages(2);
    let mut sealing_key = SealingKey::new(Envelope::new(&recipients), limits).unwrap();
    opens(&sealing_key.seal(TEXT).unwrap(), TEXT);
    in_a_child(|| {
        let mut out = [0xaa; 999];
        is_refused(sealing_key.seal(TEXT));
        is_refused(sealing_key.seal_into(TEXT, &mut out));
        is_refused(sealing_key.start(1, &mut out));
        assert_eq!(out, [0xaa; 999]);
        let envelope = Envelope::new(&recipients);
        let own = SealingKey::new(envelope, limits).unwrap().seal(TEXT);
        opens(&own.unwrap(), TEXT);
    });
    let mut start = vec![0; sealing_key.start_len()];
    let mut sealer = sealing_key.start(1, &mut start).unwrap();
    in_a_child(|| is_refused(sealer.update(b"1", &mut [0; 16])));
    assert_eq!(sealer.update(b"1", &mut [0; 16]).unwrap(), 1);
}

/// Nothing is encrypted twice by it.
#[test]
fn unsealing_goes_on_in_a_child() {
    let message = seal(&[], TEXT);
    let header = Header::parse(&message).unwrap();
    let payload = &message[header.len()..];
    let data_key = data_key_of(&message, "rsa-2048").into();
    let mut unsealer = Unsealer::with_key(header, data_key).unwrap();
    in_a_child(|| {
        let mut out = vec![0; unsealer.finish_with_len(payload.len())];
        let len = unsealer.finish_with(payload, &mut out).unwrap();
        assert_eq!(&out[..len], TEXT);
    });
}

/// A child has none of the threads of its parent's pool, but may make its own.
#[cfg(feature = "rayon")]
#[test]
fn with_the_threads_of_a_pool() {
    let pool_of_two = || {
        rayon::ThreadPoolBuilder::new()
            .num_threads(2)
            .build()
            .unwrap()
    };
    let key = public_key("rsa-2048");
    let recipients = [Recipient::new(&key)];
    let envelope = Envelope::new(&recipients);
    let plaintext = vec![7; 4 << 20];
    let pool = pool_of_two();
    let mut message = vec![0; envelope.start_len().unwrap()];
    let mut sealer = envelope.start(&mut message).unwrap();
    let mut out = vec![0; 5 << 20];
    let written = pool
        .install(|| sealer.update(&plaintext, &mut out))
        .unwrap();
    message.extend_from_slice(&out[..written]);

    let mut slot = Some((pool, sealer));
    in_a_child(|| {
        let (pool, mut sealer) = slot.take().unwrap();
        let own = pool_of_two();
        is_refused(own.install(|| sealer.update(&plaintext, &mut out)));
        drop(sealer);
        drop(pool);
        let message = own.install(|| envelope.seal(&plaintext)).unwrap();
        own.install(|| opens(&message, &plaintext));
    });
    let (pool, mut sealer) = slot.take().unwrap();
    // The thread that forks may be one of the pool.
    pool.install(|| {
        in_a_child(|| {
            let message = envelope.seal(&plaintext).unwrap();
            opens(&message, &plaintext);
        });
    });
    let written = pool
        .install(|| sealer.finish_with(&plaintext, &mut out))
        .unwrap();
    message.extend_from_slice(&out[..written]);
    opens(&message, &[&*plaintext, &plaintext].concat());
}
