//! The boundary between C and Rust: what every function of the C library goes through.
//!
//! A function reads all its arguments into checked values first, in one `unsafe` block, and goes on in
//! safe code. `pointer`, `buffer`, `sized` and `storage` read arguments, `failure` says what is wrong with
//! them, and `guard` makes a status of the outcome.

#[cfg(feature = "unseal")]
pub(crate) mod boxed;
pub(crate) mod buffer;
pub(crate) mod castable;
pub(crate) mod failure;
pub(crate) mod guard;
#[cfg_attr(
    not(feature = "unseal"),
    allow(dead_code, reason = "sealing needs some of it")
)]
pub(crate) mod own_status;
#[cfg(not(any(feature = "unseal", test)))]
mod panic_handler;
pub(crate) mod pointer;
pub(crate) mod sized;
pub(crate) mod storage;
mod utf8;
