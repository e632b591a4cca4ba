//! The parts of libseal, one by one: `cargo bench -p libseal`.
//!
//! To look at a change while making it. The figures of the README are those of `make bench`.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a program that measures may panic"
)]

use std::{
    cell::RefCell,
    io::{Read, Write, sink},
};

use divan::{Bencher, black_box, counter::BytesCount};
use libseal::{
    DataKey, Envelope, Header, PublicKey, RandomSource, Recipient, SealWriter, SealingKey,
    SealingLimits, SystemRandom, UnsealReader, Unwrap, random_fn, unwrap_fn,
};

const PUBLIC_KEY: &[u8] = include_bytes!("../../tests/vectors/keys/rsa-2048.pub.der");

const MIB: usize = 1024 * 1024;
const SIZES: [usize; 4] = [64, 1024, 64 * 1024, MIB];
const PIECES: [usize; 3] = [4096, 64 * 1024, MIB];

fn main() {
    divan::main();
}

fn public_key() -> PublicKey {
    PublicKey::new(PUBLIC_KEY).unwrap()
}

/// A message and its data key: unwrapping is the work of a KMS, and not measured.
fn sealed(size: usize) -> (Vec<u8>, impl Unwrap) {
    let drawn = RefCell::new(Vec::new());
    let random = random_fn(|out| {
        SystemRandom.fill(out)?;
        drawn.borrow_mut().push(out.to_vec());
        Ok(())
    });
    let key = public_key();
    let recipients = [Recipient::new(&key)];
    let envelope = Envelope::new(&recipients).with_random(random);
    let message = envelope.seal(&vec![1; size]).unwrap();
    // The data key is drawn first.
    let data_key = drawn.take().swap_remove(0);
    let unwrapper = unwrap_fn(move |_| Ok(Some(DataKey::try_from(data_key.as_slice())?)));
    (message, unwrapper)
}

#[divan::bench]
fn self_test() {
    libseal::self_test().unwrap();
}

#[divan::bench]
fn public_key_new() -> PublicKey {
    PublicKey::new(black_box(PUBLIC_KEY)).unwrap()
}

#[divan::bench]
fn header_parse(bencher: Bencher<'_, '_>) {
    let (message, _) = sealed(0);
    bencher.bench_local(|| Header::parse(black_box(&message)).unwrap());
}

#[divan::bench(args = SIZES)]
fn seal_into(bencher: Bencher<'_, '_>, size: usize) {
    let key = public_key();
    let recipients = [Recipient::new(&key)];
    let envelope = Envelope::new(&recipients);
    let plaintext = vec![1; size];
    let (mut out, _) = sealed(size);
    bencher
        .counter(BytesCount::new(size))
        .bench_local(|| envelope.seal_into(&plaintext, &mut out).unwrap());
}

#[divan::bench(args = SIZES)]
fn sealing_key_seal_into(bencher: Bencher<'_, '_>, size: usize) {
    let limits = SealingLimits::default()
        .with_messages(u64::MAX)
        .with_bytes(u64::MAX);
    let key = public_key();
    let recipients = [Recipient::new(&key)];
    let mut key = SealingKey::new(Envelope::new(&recipients), limits).unwrap();
    let plaintext = vec![1; size];
    let (mut out, _) = sealed(size);
    bencher
        .counter(BytesCount::new(size))
        .bench_local(|| key.seal_into(&plaintext, &mut out).unwrap());
}

#[divan::bench(args = SIZES)]
fn unseal_into(bencher: Bencher<'_, '_>, size: usize) {
    let (message, unwrapper) = sealed(size);
    let mut out = vec![0; size];
    bencher
        .counter(BytesCount::new(size))
        .bench_local(|| libseal::unseal_into(&message, &unwrapper, &[], &mut out).unwrap());
}

#[divan::bench(args = PIECES)]
fn seal_writer(bencher: Bencher<'_, '_>, piece_len: usize) {
    let key = public_key();
    let recipients = [Recipient::new(&key)];
    let mut writer = SealWriter::new(sink(), &Envelope::new(&recipients)).unwrap();
    let piece = vec![1; piece_len];
    bencher
        .counter(BytesCount::new(piece_len))
        .bench_local(|| writer.write_all(&piece).unwrap());
}

#[divan::bench(args = PIECES)]
fn unseal_reader(bencher: Bencher<'_, '_>, piece_len: usize) {
    let (message, unwrapper) = sealed(MIB);
    let mut piece = vec![0; piece_len];
    bencher.counter(BytesCount::new(MIB)).bench_local(|| {
        let mut reader = UnsealReader::new(&*message, &unwrapper, &[]).unwrap();
        while reader.read(&mut piece).unwrap() > 0 {}
    });
}
