//! `SealWriter` and `UnsealReader` over memory and files, in small pieces and in large ones.

use std::{
    io::{self, Cursor, Read, Write},
    num::NonZero,
};

use libseal::{SealWriter, UnsealReader};

use crate::{
    bare,
    harness::{Call, Case},
    workload::{MIB, Workload, all_threads},
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
) -> u64 {
    let reader = UnsealReader::new(source, &work.unwrapper(), &[]).unwrap();
    copy(&mut reader.with_threads(threads), target, piece)
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

/// What is written was made just before, so it is the same piece of memory again and again.
fn write(work: &Workload, size: usize, target: impl Write, piece: &[u8], threads: NonZero<usize>) {
    let writer = SealWriter::new(target, &[work.recipient()], &[]).unwrap();
    let mut writer = writer.with_threads(threads);
    for _ in 0..size / piece.len() {
        writer.write_all(piece).unwrap();
    }
    writer.finish().unwrap();
}

pub(crate) fn cases<'a>(work: &'a Workload, size: usize) -> Vec<Case<'a>> {
    let mut cases = vec![bare::memcpy(work.plaintext(size))];
    for (name, piece_len) in PIECES {
        for threads in [NonZero::<usize>::MIN, all_threads()] {
            let message = work.message(size);
            let piece = work.plaintext(piece_len);
            let case = |operation: &str, call: Call<'a>| {
                Case::new("libseal", format!("{operation}, {name}"), size, call)
                    .with_threads(threads.get())
            };
            let to_memory = move |out: &mut [u8]| {
                let mut sink = Cursor::new(out);
                write(work, size, &mut sink, piece, threads);
                sink.position()
            };
            let from_memory = move |out: &mut [u8]| {
                let piece = &mut out[..piece_len];
                unseal(work, message.as_slice(), &mut io::sink(), piece, threads)
            };
            let to_file = move |_: &mut [u8]| {
                write(work, size, work.create_target(), piece, threads);
                work.target_len()
            };
            let from_file = move |out: &mut [u8]| {
                let source = work.open_file(&format!("{size}.sealed"));
                let piece = &mut out[..piece_len];
                unseal(work, source, &mut io::sink(), piece, threads)
            };
            cases.extend([
                case("SealWriter", Box::new(to_memory)),
                case("UnsealReader", Box::new(from_memory)),
                case("SealWriter to a file", Box::new(to_file)),
                case("UnsealReader of a file", Box::new(from_file)),
            ]);
        }
    }
    cases
}
