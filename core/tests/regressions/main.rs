//! Faults that were mended, one file for each.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

#[path = "../common/mod.rs"]
mod common;
mod key_forms;
mod private_key_forms;
#[cfg(all(unix, feature = "std", feature = "local-unwrapper"))]
mod sealing_in_a_forked_child;
#[cfg(feature = "local-unwrapper")]
mod two_sealers_of_one_message;
