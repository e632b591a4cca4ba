//! `SealWriter` and `UnsealReader` over memory, in small pieces and in large ones.

use std::{
    io::{Cursor, Read, Write},
    num::NonZero,
};

use libseal::{SealWriter, UnsealReader};

use crate::{
    MIB, bare,
    harness::Case,
    workload::{Workload, all_threads},
};

const PIECES: [(&str, usize); 2] = [("4 KiB", 4096), ("1 MiB", MIB)];

pub(crate) fn seal(
    work: &Workload,
    source: &mut impl Read,
    target: impl Write,
    piece: &mut [u8],
    threads: NonZero<usize>,
) {
    let writer = SealWriter::new(target, &[work.recipient()], &[]).unwrap();
    let mut writer = writer.with_threads(threads);
    copy(source, &mut writer, piece);
    writer.finish().unwrap();
}

pub(crate) fn unseal(
    work: &Workload,
    source: impl Read,
    target: &mut impl Write,
    piece: &mut [u8],
    threads: NonZero<usize>,
) {
    let reader = UnsealReader::new(source, &work.unwrapper(), &[]).unwrap();
    copy(&mut reader.with_threads(threads), target, piece);
}

fn copy(source: &mut impl Read, target: &mut impl Write, piece: &mut [u8]) -> u64 {
    let mut copied = 0;
    loop {
        let len = source.read(piece).unwrap();
        if len == 0 {
            return copied;
        }
        target.write_all(&piece[..len]).unwrap();
        copied += len as u64;
    }
}

fn writing<'a>(
    work: &'a Workload,
    size: usize,
    piece_len: usize,
    threads: NonZero<usize>,
) -> impl FnMut(&mut [u8]) -> u64 + 'a {
    let plaintext = work.plaintext(size);
    move |out| {
        let mut sink = Cursor::new(out);
        let writer = SealWriter::new(&mut sink, &[work.recipient()], &[]).unwrap();
        let mut writer = writer.with_threads(threads);
        for piece in plaintext.chunks(piece_len) {
            writer.write_all(piece).unwrap();
        }
        writer.finish().unwrap();
        sink.position()
    }
}

fn reading<'a>(
    work: &'a Workload,
    size: usize,
    piece_len: usize,
    threads: NonZero<usize>,
) -> impl FnMut(&mut [u8]) -> u64 + 'a {
    let message = work.message(size);
    move |out| {
        let source = Cursor::new(&*message);
        let reader = UnsealReader::new(source, &work.unwrapper(), &[]).unwrap();
        let mut reader = reader.with_threads(threads);
        let mut read = 0;
        for piece in out[..size].chunks_mut(piece_len) {
            reader.read_exact(piece).unwrap();
            read += piece.len();
        }
        // The end is not verified before it is asked for.
        assert_eq!(reader.read(&mut [0]).unwrap(), 0, "the end");
        read as u64
    }
}

pub(crate) fn cases(work: &Workload, size: usize) -> Vec<Case<'_>> {
    let one = NonZero::<usize>::MIN;
    let mut cases = vec![bare::memcpy(work.plaintext(size))];
    for (name, piece_len) in PIECES {
        for threads in [one, all_threads()] {
            let write = writing(work, size, piece_len, threads);
            let read = reading(work, size, piece_len, threads);
            let write = Case::new("libseal", format!("SealWriter, {name}"), size, write);
            let read = Case::new("libseal", format!("UnsealReader, {name}"), size, read);
            cases.extend([write, read].map(|case| case.with_threads(threads.get())));
        }
    }
    cases
}
