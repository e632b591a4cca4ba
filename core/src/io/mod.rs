//! `std::io` adapters.
//!
//! Errors of this library travel inside [`io::Error`](std::io::Error): `error.get_ref()` and
//! `error.downcast::<libseal::Error>()` find them.

pub(crate) mod seal_writer;
pub(crate) mod unseal_reader;
