//! One module for each fault that was found and mended, named after it.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

#[path = "../common/mod.rs"]
mod common;

#[cfg(feature = "local-unwrapper")]
mod a_cut_reads_like_a_wrong_key;
#[cfg(feature = "local-unwrapper")]
mod errors_hidden_in_io_errors;
#[cfg(feature = "local-unwrapper")]
mod key_asked_for_without_room;
mod malformed_recipient_passes;
#[cfg(feature = "local-unwrapper")]
mod unspecific_errors;
