//! Faults that were mended, one file for each.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test may panic"
)]

#[path = "../common/mod.rs"]
mod common;

mod debug_of_secrets;
mod random_in_part;
mod rsa_beside_others;
#[cfg(target_os = "linux")]
mod secrets_in_memory;
