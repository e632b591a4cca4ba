//! Faults that were mended once, a file for each.

#[path = "../common/mod.rs"]
mod common;

#[cfg(unix)]
mod sealing_in_a_forked_child;
mod two_sealers_of_one_message;
