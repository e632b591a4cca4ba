//! libseal: seal data offline with a public RSA key; only the private key, which stays in AWS KMS
//! or another KMS or HSM, unseals it.
//!
//!     libseal_public_key key;
//!     uint8_t message[512];
//!     size_t message_len;
//!
//!     libseal_status status = libseal_public_key_init(&key, sizeof key, der, der_len);
//!     if (status == LIBSEAL_OK) {
//!         libseal_recipient recipient = {.key = &key};
//!         libseal_context_pair context = {.key = "device", .value = "42"};
//!         libseal_seal_params params = {&recipient, 1, &context, 1, NULL};
//!         status = libseal_seal(&params, reading, reading_len,
//!                               message, sizeof message, &message_len);
//!     }
//!     if (status != LIBSEAL_OK)
//!         fprintf(stderr, "%s\n", libseal_status_text(status));
//!
//! Link with -lseal; or with libseal.a, and then with -lpthread -ldl -lm too. For servers the library
//! can be built on AWS-LC, `make lib PROVIDER=aws-lc-rs`: it is faster, and the rest is the same.
//!
//! Define LIBSEAL_SEAL_ONLY with a library for firmware, and with no other: it only seals, needs no
//! heap and no operating system, and is given random bytes by the caller. It wants
//! memcpy, memmove, memset and memcmp, as the compiler does anyway.
//!
//! A message says nothing about who sealed it: anybody has the public key.
//!
//! This file follows the life of a message: status, public key, recipients, context and random bytes,
//! sealing in one call, piece by piece, and many messages under one data key; what a header says,
//! unsealing in one call, piece by piece and in part.
//!
//! Conventions, for every function:
//!
//! Status. LIBSEAL_OK is 0. A function that returns libseal_status lists each status that it can
//! return, but for LIBSEAL_ERR_INTERNAL, which any of them returns if it runs into a bug of this
//! library. There are no partial successes, no last-error variables and no other global state.
//!
//! State after an error. LIBSEAL_ERR_BUFFER_TOO_SMALL and LIBSEAL_ERR_INVALID_STATE change nothing:
//! the first can be retried with more room. Any other error, a wrong argument included, ends the
//! libseal_sealer or libseal_unsealer it was returned for; from then on it answers
//! LIBSEAL_ERR_INVALID_STATE.
//!
//! Output. A buffer is `out` with room for `out_cap` bytes; `*written` is set to the number of
//! bytes in it, to the number needed on LIBSEAL_ERR_BUFFER_TOO_SMALL, and to 0 on any other error.
//! Lengths become 0 and pointers NULL on errors. After an error `out` holds nothing of use and no
//! secret: plaintext that was written is overwritten with zeros. Output parameters are never read. Room for the whole of
//! `out_cap` is expected, so NULL is fine only with `out_cap` 0.
//!
//! Input. NULL with length 0 is an empty input; NULL with another length is
//! LIBSEAL_ERR_NULL_POINTER. Other pointers must not be NULL, unless the comment of the function
//! says so. Nothing is kept after the call, unless the comment says so. Pointers must be aligned
//! as their type is.
//!
//! Overlap. `in` and `out` must not overlap; if they do, the call fails with
//! LIBSEAL_ERR_INVALID_ARGUMENT. Nothing else that a call writes to may overlap anything at all.
//!
//! Text. Text given to the library is UTF-8 and ends with a NUL. Text that the library takes from a
//! message comes with a length and does not.
//!
//! Ownership. What `_init` and `_start` fill belongs to the caller, memory included. What `_new` and
//! `_parse` return belongs to the caller until the `_free` of the same name; `_free` of NULL does
//! nothing. "Borrowed until" says how long any other pointer is valid.
//!
//! Threads. Functions on a const handle may run at the same time; any other function needs its
//! handle for itself. Handles may move from thread to thread.
//!
//! The library starts threads of its own only for a handle that was given several:
//! libseal_sealer_set_threads(), libseal_unsealer_set_threads(). They start with the first piece that
//! is long enough, with the signal mask of the caller, and are told to end with the handle, which does
//! not wait for it. They call nothing of the caller's. After fork(), the handle starts others in the
//! child.
//!
//! Heap. A library that only seals uses none. Otherwise sealing uses some for reading keys in PEM, for
//! the RSA arithmetic and for a libseal_sealer until its end, and unsealing less than 256 KiB, and the
//! length of the required context, however long the message; each thread takes a few KiB, and a stack.
//! On AWS-LC, some is kept for each thread that has sealed, until it ends. If there is no memory, the
//! process is ended.
//!
//! Compatibility. A number that has had a meaning never gets another one. While the major version is
//! 0, a minor version may break the ABI: see libseal_abi_version().

#![allow(
    clippy::missing_safety_doc,
    reason = "the comments are those of the C header: each is the safety contract of its function"
)]
#![allow(non_camel_case_types, reason = "the names of the C types")]
#![cfg_attr(not(any(feature = "unseal", test)), no_std)]

mod guard;
#[cfg(not(any(feature = "unseal", test)))]
mod panic_handler;
#[cfg_attr(
    not(feature = "unseal"),
    allow(dead_code, reason = "sealing needs a part of it")
)]
mod pointer;
mod storage;
#[cfg(feature = "unseal")]
mod threads;
mod utf8;

pub mod context;
pub mod public_key;
pub mod random;
pub mod recipient;
pub mod seal;
pub mod seal_params;
pub mod sealer;
pub mod sealing_key;
pub mod self_test;
pub mod status;
pub mod version;

#[cfg(feature = "unseal")]
pub mod header;
#[cfg(feature = "unseal")]
pub mod unseal;
#[cfg(feature = "unseal")]
pub mod unsealer;
#[cfg(feature = "unseal")]
pub mod unwrap;
#[cfg(feature = "unseal")]
pub mod wrapped_key;
