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
//! Link the shared library with `pkg-config --libs libseal`, and the static one with
//! `pkg-config --static --libs libseal`. For servers the library can be built on AWS-LC, which is
//! faster: `make lib PROVIDER=aws-lc-rs`.
//!
//! There are two libraries. The complete one has what libseal_seal.h and libseal_unseal.h declare. The
//! one for firmware has what this file declares: it needs no heap and no operating system, and the
//! caller gives it random bytes. It calls memcpy, memmove, memset and memcmp, as the compiler does
//! anyway. A program that includes only this file compiles and links with either.
//!
//! A message says nothing about who sealed it: the public key is public.
//!
//! The two headers follow the life of a message: status, public key, recipients, context and random
//! bytes, sealing in one call, piece by piece, and many messages under one data key; then what a header
//! says, unsealing in one call, piece by piece and in part.
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
//! secret: plaintext that was written is overwritten with zeros. Output parameters are never read.
//! `out` must point to at least `out_cap` writable bytes; it may be NULL only if `out_cap` is 0.
//!
//! Input. NULL with length 0 is an empty input; NULL with another length is
//! LIBSEAL_ERR_NULL_POINTER. Other pointers must not be NULL, unless the comment of the function
//! says so. Nothing is kept after the call, unless the comment says so. Pointers must be aligned
//! as their type is.
//!
//! Overlap. `in` and `out` must not overlap; if they do, the call fails with
//! LIBSEAL_ERR_INVALID_ARGUMENT. No other output may overlap any other argument.
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
//! libseal_sealer_set_threads(), libseal_unsealer_set_threads(). Threads start with the first piece that
//! is large enough and inherit the caller's signal mask. Ending the handle tells them to stop but does
//! not wait for them. They never call back into your code. After fork(), the handle starts new threads
//! in the child.
//!
//! Heap. The library for firmware uses none. The complete one uses some to read keys in PEM, for the RSA
//! arithmetic and for a libseal_sealer until its end. Unsealing uses less than 256 KiB plus the length of
//! the required context, however long the message is; each thread adds a few KiB and a stack. On AWS-LC,
//! each thread that has sealed keeps some until it ends. If there is no memory, the process ends.
//!
//! Compatibility. The meaning of a number never changes. While the major version is 0, a minor version
//! may break the ABI: see libseal_version_number().

#![allow(
    clippy::missing_safety_doc,
    reason = "the comments are those of the C header: each is the safety contract of its function"
)]
#![allow(non_camel_case_types, reason = "the names of the C types")]
#![cfg_attr(not(any(feature = "unseal", test)), no_std)]

mod guard;
#[cfg_attr(
    not(feature = "unseal"),
    allow(dead_code, reason = "sealing needs some of it")
)]
mod own_status;
#[cfg(not(any(feature = "unseal", test)))]
mod panic_handler;
#[cfg_attr(
    not(feature = "unseal"),
    allow(dead_code, reason = "sealing needs a part of it")
)]
mod pointer;
mod storage;
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
pub mod threads;
#[cfg(feature = "unseal")]
pub mod unseal;
#[cfg(feature = "unseal")]
pub mod unsealer;
#[cfg(feature = "unseal")]
pub mod unwrap;
#[cfg(feature = "unseal")]
pub mod wrapped_key;
