//! The parts of libseal, one by one: `cargo bench -p libseal`.
//!
//! For looking at a change while making it. What the README says is measured by `make bench`.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a program that measures may panic"
)]

use std::io::{Read, Write, sink};

use divan::{Bencher, black_box, counter::BytesCount};
use libseal::{
    BoxError, DataKey, Error, Header, KeyUnwrap, PublicKey, RandomSource, Recipient, SealWriter,
    SealingKey, SealingLimits, SystemRandom, UnsealReader, WrappedKey,
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

/// A message that somebody knows the data key of: the RSA of whoever unwraps is not measured.
fn sealed(size: usize) -> (Vec<u8>, impl KeyUnwrap) {
    let key = public_key();
    let recipients = [Recipient::new(&key)];
    let len = libseal::sealed_len(&recipients, &[], size as u64).unwrap();
    let mut message = vec![0; len.try_into().unwrap()];
    // The data key is what is drawn first.
    let mut data_key = None;
    let mut random = |out: &mut [u8]| -> Result<(), Error> {
        SystemRandom.fill(out)?;
        data_key.get_or_insert_with(|| out.to_vec());
        Ok(())
    };
    let plaintext = vec![1; size];
    libseal::seal_into_with_random(&recipients, &[], &plaintext, &mut random, &mut message)
        .unwrap();
    let data_key = data_key.unwrap();
    let unwrap = move |_: &WrappedKey<'_>| -> Result<Option<DataKey>, BoxError> {
        Ok(Some(data_key.as_slice().try_into()?))
    };
    (message, unwrap)
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
    let plaintext = vec![1; size];
    let (mut out, _) = sealed(size);
    bencher
        .counter(BytesCount::new(size))
        .bench_local(|| libseal::seal_into(&[Recipient::new(&key)], &[], &plaintext, &mut out));
}

#[divan::bench(args = SIZES)]
fn sealing_key_seal_into(bencher: Bencher<'_, '_>, size: usize) {
    let limits = SealingLimits::default()
        .with_messages(u64::MAX)
        .with_bytes(u64::MAX);
    let mut key = SealingKey::new(&[Recipient::new(&public_key())], &[], limits).unwrap();
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
    let mut writer = SealWriter::new(sink(), &[Recipient::new(&key)], &[]).unwrap();
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
