//! Messages in memory.

use libseal::{Envelope, SealingKey, SealingLimits};
use rayon::ThreadPool;

use crate::{harness::Case, workload::Workload};

fn seal(work: &Workload, plaintext: &[u8]) -> Vec<u8> {
    Envelope::new(&[work.recipient()]).seal(plaintext).unwrap()
}

fn seal_into(work: &Workload, plaintext: &[u8], out: &mut [u8]) -> usize {
    let recipients = [work.recipient()];
    Envelope::new(&recipients)
        .seal_into(plaintext, out)
        .unwrap()
}

fn unseal_into(work: &Workload, message: &[u8], out: &mut [u8]) -> usize {
    libseal::unseal_into(message, work.unwrapper(), &[], out).unwrap()
}

fn unlimited_key(work: &Workload) -> SealingKey<'static> {
    let limits = SealingLimits::default()
        .with_messages(u64::MAX)
        .with_bytes(u64::MAX);
    SealingKey::new(Envelope::new(&[work.recipient()]), limits).unwrap()
}

/// One call, and a buffer that is used again.
pub(crate) fn into_buffer<'a>(
    work: &'a Workload,
    pool: Option<&'a ThreadPool>,
    size: usize,
) -> [Case<'a>; 2] {
    let plaintext = work.plaintext(size);
    let message = work.message(size);
    [
        Case::in_pool(pool, "libseal", "seal_into", size, move |out| {
            seal_into(work, plaintext, out) as u64
        }),
        Case::in_pool(pool, "libseal", "unseal_into", size, move |out| {
            unseal_into(work, &message, out) as u64
        }),
    ]
}

/// The result in memory of its own.
pub(crate) fn returning(work: &Workload, size: usize) -> [Case<'_>; 2] {
    let plaintext = work.plaintext(size);
    let message = work.message(size);
    [
        Case::new("libseal", "seal", size, move |_| {
            seal(work, plaintext).len() as u64
        }),
        Case::new("libseal", "unseal", size, move |_| {
            let unsealed = libseal::unseal(&message, work.unwrapper(), &[]);
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

/// What is measured later has to come out right first.
pub(crate) fn verify(work: &Workload, sizes: &[usize]) {
    let private_key = work.private_key();
    for &size in sizes {
        let plaintext = work.plaintext(size);
        let opens = |sealed: &[u8]| {
            let unsealed = libseal::unseal(sealed, &private_key, &[]).unwrap();
            assert!(unsealed == plaintext, "{size} bytes round trip");
        };
        opens(&seal(work, plaintext));
        opens(&unlimited_key(work).seal(plaintext).unwrap());
        let mut out = vec![0; size + size / 1024 + 1024];
        let len = work.pool().install(|| seal_into(work, plaintext, &mut out));
        opens(&out[..len]);
        let message = work.message(size);
        let len = work
            .pool()
            .install(|| unseal_into(work, &message, &mut out));
        assert!(out[..len] == *plaintext, "{size} bytes unseal");
    }
}
