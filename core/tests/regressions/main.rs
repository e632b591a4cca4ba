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

#[cfg(all(feature = "std", feature = "local-unwrapper"))]
mod a_cut_reads_like_a_wrong_key;
#[cfg(all(feature = "std", feature = "local-unwrapper"))]
mod debug_of_secrets;
#[cfg(all(feature = "std", feature = "local-unwrapper"))]
mod errors_hidden_in_io_errors;
#[cfg(all(feature = "std", feature = "local-unwrapper"))]
mod hidden_errors;
#[cfg(feature = "local-unwrapper")]
mod key_asked_for_without_room;
mod key_forms;
mod malformed_recipient_passes;
mod private_key_forms;
#[cfg(all(feature = "std", feature = "local-unwrapper"))]
mod random_in_part;
#[cfg(all(feature = "std", feature = "local-unwrapper"))]
mod rsa_beside_others;
#[cfg(all(unix, feature = "std", feature = "local-unwrapper"))]
mod sealing_in_a_forked_child;
#[cfg(all(target_os = "linux", feature = "std", feature = "local-unwrapper"))]
mod secrets_in_memory;
#[cfg(feature = "local-unwrapper")]
mod two_sealers_of_one_message;
#[cfg(feature = "local-unwrapper")]
mod unspecific_errors;
