//! `SealWriter` and `UnsealReader` over memory and files, in small pieces and in large ones.

use std::io::{self, Cursor, Read, Write};

use libseal::{Envelope, SealWriter, UnsealReader};
use rayon::ThreadPool;

use crate::{
    bare,
    harness::Case,
    workload::{MIB, Workload},
};

const PIECES: [(&str, usize); 2] = [("4 KiB", 4096), ("1 MiB", MIB)];

/// Several threads need pieces that are worth sharing.
fn piece_len() -> usize {
    match rayon::current_thread_index() {
        Some(_) => rayon::current_num_threads() * MIB,
        None => MIB / 4,
    }
}

fn writer<W: Write>(work: &Workload, target: W) -> SealWriter<W> {
    let recipients = [work.recipient()];
    let writer = SealWriter::new(target, &Envelope::new(&recipients)).unwrap();
    writer.with_piece_len(piece_len())
}

pub(crate) fn seal(work: &Workload, source: &mut impl Read, target: impl Write, piece: &mut [u8]) {
    let mut writer = writer(work, target);
    copy(source, &mut writer, piece);
    writer.finish().unwrap();
}

pub(crate) fn unseal(
    work: &Workload,
    source: impl Read,
    target: &mut impl Write,
    piece: &mut [u8],
) -> u64 {
    let reader = UnsealReader::new(source, work.unwrapper(), &[]).unwrap();
    copy(&mut reader.with_piece_len(piece_len()), target, piece)
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
fn write(work: &Workload, size: usize, target: impl Write, piece: &[u8]) {
    let mut writer = writer(work, target);
    for _ in 0..size / piece.len() {
        writer.write_all(piece).unwrap();
    }
    writer.finish().unwrap();
}

pub(crate) fn cases(work: &Workload, size: usize) -> Vec<Case<'_>> {
    let mut cases = vec![bare::memcpy(work.plaintext(size))];
    for (name, piece_len) in PIECES {
        for pool in [None, Some(work.pool())] {
            cases.extend(in_pieces(work, pool, size, name, piece_len));
        }
    }
    cases
}

fn in_pieces<'a>(
    work: &'a Workload,
    pool: Option<&'a ThreadPool>,
    size: usize,
    name: &str,
    piece_len: usize,
) -> [Case<'a>; 4] {
    let message = work.message(size);
    let piece = work.plaintext(piece_len);
    let name = |operation: &str| format!("{operation}, {name}");
    [
        Case::in_pool(pool, "libseal", name("SealWriter"), size, move |out| {
            let mut sink = Cursor::new(out);
            write(work, size, &mut sink, piece);
            sink.position()
        }),
        Case::in_pool(pool, "libseal", name("UnsealReader"), size, move |out| {
            let piece = &mut out[..piece_len];
            unseal(work, message.as_slice(), &mut io::sink(), piece)
        }),
        Case::in_pool(
            pool,
            "libseal",
            name("SealWriter to a file"),
            size,
            move |_| {
                write(work, size, work.new_target(), piece);
                work.target_len()
            },
        ),
        Case::in_pool(
            pool,
            "libseal",
            name("UnsealReader of a file"),
            size,
            move |out| {
                let source = work.file(&format!("{size}.sealed"));
                unseal(work, source, &mut io::sink(), &mut out[..piece_len])
            },
        ),
    ]
}
