//! `std::io` and `tokio::io` adapters.
//!
//! Errors of this library travel inside [`io::Error`]: [`Error`] says how to find them.

#[cfg(feature = "tokio")]
pub(crate) mod async_seal_writer;
#[cfg(feature = "tokio")]
mod async_seek;
#[cfg(feature = "tokio")]
pub(crate) mod async_unseal_reader;
pub(crate) mod salvage;
pub(crate) mod seal_writer;
pub(crate) mod unseal_reader;

use std::io::{self, SeekFrom};

use crate::{
    error::{Error, ErrorKind},
    writing::Writing,
};

/// Why a message whose last `write` failed does not end.
fn lacks_plaintext(writing: &Writing) -> io::Error {
    let reason = "a write failed and was not repeated, so the message would lack its plaintext";
    // In a forked child, the reason is another one.
    let forked = writing.sealed().err();
    let error = forked.unwrap_or_else(|| Error::with_reason(ErrorKind::InvalidState, reason));
    error.into()
}

/// The position that a seek goes to, in a plaintext of `len` bytes.
fn position_after(to: SeekFrom, position: u64, len: u64) -> io::Result<u64> {
    let position = match to {
        SeekFrom::Start(position) => Some(position),
        SeekFrom::Current(distance) => position.checked_add_signed(distance),
        SeekFrom::End(distance) => len.checked_add_signed(distance),
    };
    position.ok_or_else(|| {
        let message = "seek to a position before the beginning, or too large";
        io::Error::new(io::ErrorKind::InvalidInput, message)
    })
}

/// The error of a source that says it has read more than there was room for.
fn read_too_much() -> io::Error {
    io::Error::other("the inner reader read too much")
}

/// The error of a source that is before the place where the message began.
fn has_been_moved() -> io::Error {
    io::Error::other("the inner reader has been moved")
}
