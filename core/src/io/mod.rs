//! `std::io` adapters.
//!
//! Errors of this library travel inside [`io::Error`](std::io::Error): [`Error`](crate::Error) says how to
//! find them.

pub(crate) mod seal_writer;
pub(crate) mod unseal_reader;
