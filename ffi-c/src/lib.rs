//! libseal: seal data with an RSA public key. Only the private key, which stays in AWS KMS or another
//! KMS or HSM, unseals it.
//!
//!     libseal_rsa_public_key key;
//!     libseal_recipient backend = LIBSEAL_RECIPIENT_INIT(&key, "alias/device-data");
//!     libseal_envelope envelope = LIBSEAL_ENVELOPE_INIT(&backend, 1);
//!     uint8_t message[1000];
//!     size_t message_len;
//!
//!     libseal_status status = libseal_rsa_public_key_init(&key, sizeof key, der, der_len);
//!     if (status == LIBSEAL_OK)
//!         status = libseal_seal(&envelope, reading, reading_len,
//!                               message, sizeof message, &message_len);
//!     if (status != LIBSEAL_OK)
//!         fprintf(stderr, "%s\n", libseal_status_text(status));
//!
//! The library for firmware has the functions in this header. It needs no heap and no operating
//! system, only memcpy, memmove, memset and memcmp, and it takes random bytes from a callback: see
//! libseal_random. The complete library also has those in libseal_unseal.h and libseal_stream.h. What
//! this header declares works the same with both.
//!
//! A message does not say who sealed it: anyone can have the public key.
//!
//! These rules hold for every function:
//!
//! - Status. LIBSEAL_OK is 0. Any function that returns a libseal_status can return
//!   LIBSEAL_ERR_NULL_POINTER, LIBSEAL_ERR_INVALID_ARGUMENT, LIBSEAL_ERR_STRUCT_SIZE for a struct that
//!   was not initialised, and LIBSEAL_ERR_INTERNAL for a bug in this library. Comments list the others.
//!   libseal_status_text() has a sentence for each. In the complete library, libseal_last_error() says
//!   more about the call: which argument it was, for example.
//! - Output. `out` has room for `out_cap` bytes, and `*written` becomes the number of bytes in it. On
//!   LIBSEAL_ERR_BUFFER_TOO_SMALL `*written` is the room that it takes, and nothing else has happened.
//!   On any other error `*written` is 0 and `out` holds no plaintext and no secret. `out` may be NULL
//!   if `out_cap` is 0. Lengths become 0 and pointers NULL on errors.
//! - Input. Pointers must not be NULL unless the comment says so; an input of length 0 may be.
//!   Nothing is kept after the call unless the comment says so. No output may overlap an input or another
//!   output.
//! - Text is UTF-8 and ends with a NUL.
//! - Structs that you fill begin with their size. Initialise them with their LIBSEAL_..._INIT macro, or
//!   set `size` to the sizeof of the struct and all that you do not use to 0. That keeps your program
//!   working with later versions, which may add members.
//! - Storage that an `_init` or `_start` fills is yours: static, on the stack or anywhere else. What a
//!   `_new` or `_parse` returns is yours until its `_free`, which accepts NULL.
//! - Threads. A handle is for one thread at a time, except for functions that take it as const. It may
//!   move between threads. Callbacks run on the thread that made the call.
//! - Forks. A handle that seals does not survive fork(): in the child it returns
//!   LIBSEAL_ERR_INVALID_STATE and writes nothing. Begin another there. The parent goes on.
//!
//! The numbers of statuses never change. While the major version is 0, a minor version may break the
//! ABI.

#![allow(
    clippy::missing_safety_doc,
    reason = "the comments are those of the C headers: each is the safety contract of its function"
)]
#![allow(non_camel_case_types, reason = "the names of the C types")]
#![cfg_attr(not(any(feature = "unseal", test)), no_std)]

mod boundary;
mod lent;

pub mod context;
pub mod envelope;
pub mod public_key;
pub mod random;
pub mod recipient;
pub mod rsa_public_key;
pub mod seal;
pub mod sealer;
pub mod sealing_key;
pub mod self_test;
pub mod status;
pub mod version;

#[cfg(feature = "unseal")]
pub mod header;
#[cfg(feature = "unseal")]
pub mod last_error;
#[cfg(feature = "unseal")]
pub mod pool;
#[cfg(feature = "unseal")]
pub mod reader;
#[cfg(feature = "unseal")]
pub mod salvage;
#[cfg(feature = "unseal")]
pub mod sink;
#[cfg(feature = "unseal")]
pub mod source;
#[cfg(feature = "unseal")]
pub mod unseal;
#[cfg(feature = "unseal")]
pub mod unsealer;
#[cfg(feature = "unseal")]
pub mod unwrap;
#[cfg(feature = "unseal")]
pub mod wrapped_key;
#[cfg(feature = "unseal")]
pub mod writer;
