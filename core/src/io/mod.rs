//! `std::io` adapters over the state machines.
//!
//! Errors of this library travel inside [`io::Error`]: `error.get_ref()` and
//! `error.downcast::<libseal::Error>()` find them.
//!
//! Both work on pieces of some chunks, however little or much is written or read at a time.

use std::io;

use crate::{Error, ErrorKind, threads::Threads};

mod seal_writer;
mod unseal_reader;

pub use seal_writer::SealWriter;
pub use unseal_reader::UnsealReader;

/// Chunks in a piece: 256 KiB, which stays in the cache of a processor.
const PIECE_CHUNKS: usize = 16;
/// For each of several threads: 1 MiB, enough for it to be worth waking.
const THREAD_PIECE_CHUNKS: usize = 64;

fn piece_chunks(threads: &Threads) -> usize {
    match threads.count() {
        1 => PIECE_CHUNKS,
        count => count.saturating_mul(THREAD_PIECE_CHUNKS),
    }
}

fn own_error(kind: ErrorKind) -> io::Error {
    Error::from(kind).into()
}
