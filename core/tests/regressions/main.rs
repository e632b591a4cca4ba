//! Faults that were mended once, a file for each.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

#[path = "../common/mod.rs"]
mod common;

#[cfg(unix)]
mod sealing_in_a_forked_child;
mod two_sealers_of_one_message;
