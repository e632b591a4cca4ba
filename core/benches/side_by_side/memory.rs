//! Messages in memory.

use std::num::NonZero;

use libseal::{Sealer, SealingKey, SealingLimits, Unsealer};

use crate::{
    harness::Case,
    workload::{Workload, all_threads},
};

fn seal_with_threads(
    work: &Workload,
    plaintext: &[u8],
    threads: NonZero<usize>,
    out: &mut [u8],
) -> usize {
    let recipients = [work.recipient()];
    let start_len = Sealer::start_len(&recipients, &[]).unwrap();
    let (start, rest) = out.split_at_mut(start_len);
    let sealer = Sealer::start(&recipients, &[], start).unwrap();
    let written = sealer.with_threads(threads).finish_with(plaintext, rest);
    start_len + written.unwrap()
}

fn unseal_with_threads(
    work: &Workload,
    message: &[u8],
    threads: NonZero<usize>,
    out: &mut [u8],
) -> usize {
    let mut unsealer = Unsealer::new(&[]).with_threads(threads);
    let header_len = unsealer.update(message, &mut []).unwrap().consumed;
    unsealer.unwrap_with(&work.unwrapper()).unwrap();
    unsealer.finish_with(&message[header_len..], out).unwrap()
}

fn unlimited_key(work: &Workload) -> SealingKey<'static> {
    let limits = SealingLimits::default()
        .with_messages(u64::MAX)
        .with_bytes(u64::MAX);
    SealingKey::new(&[work.recipient()], &[], limits).unwrap()
}

/// One thread, one call, a buffer that is used again.
pub(crate) fn into_buffer(work: &Workload, size: usize) -> [Case<'_>; 2] {
    let plaintext = work.plaintext(size);
    let message = work.message(size);
    [
        Case::new("libseal", "seal_into", size, move |out| {
            libseal::seal_into(&[work.recipient()], &[], plaintext, out).unwrap() as u64
        }),
        Case::new("libseal", "unseal_into", size, move |out| {
            libseal::unseal_into(&message, &work.unwrapper(), &[], out).unwrap() as u64
        }),
    ]
}

pub(crate) fn with_all_threads(work: &Workload, size: usize) -> [Case<'_>; 2] {
    let threads = all_threads();
    let plaintext = work.plaintext(size);
    let message = work.message(size);
    let seal = Case::new("libseal", "seal_into", size, move |out| {
        seal_with_threads(work, plaintext, threads, out) as u64
    });
    let unseal = Case::new("libseal", "unseal_into", size, move |out| {
        unseal_with_threads(work, &message, threads, out) as u64
    });
    [seal, unseal].map(|case| case.with_threads(threads.get()))
}

/// The result in memory of its own.
pub(crate) fn returning(work: &Workload, size: usize) -> [Case<'_>; 2] {
    let plaintext = work.plaintext(size);
    let message = work.message(size);
    [
        Case::new("libseal", "seal", size, move |_| {
            let sealed = libseal::seal(&[work.recipient()], &[], plaintext);
            sealed.unwrap().len() as u64
        }),
        Case::new("libseal", "unseal", size, move |_| {
            let unsealed = libseal::unseal(&message, &work.unwrapper(), &[]);
            unsealed.unwrap().len() as u64
        }),
    ]
}

pub(crate) fn under_a_key_in_use(work: &Workload, size: usize) -> [Case<'_>; 2] {
    let plaintext = work.plaintext(size);
    let mut into_buffer = unlimited_key(work);
    let mut returning = unlimited_key(work);
    [
        Case::new("libseal", "SealingKey.seal_into", size, move |out| {
            into_buffer.seal_into(plaintext, out).unwrap() as u64
        }),
        Case::new("libseal", "SealingKey.seal", size, move |_| {
            returning.seal(plaintext).unwrap().len() as u64
        }),
    ]
}

/// Whatever is measured later has to come out right first.
pub(crate) fn verify(work: &Workload, sizes: &[usize]) {
    let private_key = work.private_key();
    for &size in sizes {
        let plaintext = work.plaintext(size);
        let opens = |sealed: &[u8]| {
            let unsealed = libseal::unseal(sealed, &private_key, &[]).unwrap();
            assert!(unsealed == plaintext, "{size} bytes round trip");
        };
        opens(&libseal::seal(&[work.recipient()], &[], plaintext).unwrap());
        opens(&unlimited_key(work).seal(plaintext).unwrap());
        let mut out = vec![0; size + size / 1024 + 1024];
        let len = seal_with_threads(work, plaintext, all_threads(), &mut out);
        opens(&out[..len]);
        let len = unseal_with_threads(work, &work.message(size), all_threads(), &mut out);
        assert!(out[..len] == *plaintext, "{size} bytes unseal");
    }
}
