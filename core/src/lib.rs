//! Seal data offline with a public RSA key; unseal it with the private key that stays in a KMS.
//!
//! A random AES-256 data key encrypts the payload, RSA-OAEP wraps the data key, and the KMS unwraps
//! that one key. The format is in `FORMAT.md` beside this crate; C and Python read and write the
//! same messages.
//!
//! ```
//! # let der = include_bytes!("../../tests/vectors/keys/rsa-2048.pub.der");
//! # let private_pem = include_bytes!("../../tests/vectors/keys/rsa-2048.key.pem");
//! use libseal::{LocalUnwrapper, PublicKey, Recipient};
//!
//! // On the device: a public key is all there is.
//! let key = PublicKey::new(der)?;
//! let message = libseal::seal(&[Recipient::new(&key)], &[("device", "42")], b"21.5 C")?;
//!
//! // On the server: `unwrapper` is anything that implements `KeyUnwrap`, a closure over a KMS
//! // client for example.
//! let unwrapper = LocalUnwrapper::new(private_pem, None)?;
//! assert_eq!(libseal::unseal(&message, &unwrapper, &[])?, b"21.5 C");
//! # Ok::<(), libseal::Error>(())
//! ```
//!
//! From simple to flexible:
//!
//! - [`seal`] and [`unseal`]: bytes in, bytes out.
//! - [`SealWriter`] and [`UnsealReader`]: streams of any size in constant memory.
//! - [`Sealer`] and [`Unsealer`]: state machines that never perform I/O. The unsealer stops where it
//!   needs the data key, so the unwrapping can be a call, an `await`, a queue or an air gap.
//! - [`Header`]: what a message says about itself without any key.
//!
//! Sealing says nothing about *who* sealed: anybody has the public key.
//!
//! # Features
//!
//! | feature | gives | default |
//! |---|---|---|
//! | `std` | [`SealWriter`], [`UnsealReader`] | yes |
//! | `alloc` | unsealing, [`seal`], keys in PEM | with `std` |
//! | `rustcrypto` | the portable crypto provider; one provider is needed | yes |
//! | `local-unwrapper` | [`LocalUnwrapper`] | no |

#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "alloc")]
extern crate alloc;

mod context;
mod crypto;
mod error;
mod header;
#[cfg(feature = "std")]
mod io;
mod key;
#[cfg(feature = "local-unwrapper")]
mod local_unwrapper;
mod payload;
mod sealer;
mod secret;
#[cfg(feature = "alloc")]
mod unsealer;
#[cfg(feature = "alloc")]
mod unwrap;

pub use context::MAX_CONTEXT_LEN;
pub use error::{Error, ErrorKind};
pub use header::{MAX_HEADER_LEN, MAX_KEY_ID_LEN, MAX_RECIPIENTS, Recipient};
pub use key::{PublicKey, WrapAlgorithm};
pub use sealer::{Sealer, seal_into, sealed_len};
pub use secret::DataKey;

#[cfg(feature = "alloc")]
pub use {
    error::BoxError,
    header::Header,
    sealer::seal,
    unsealer::{Progress, Unsealer, plaintext_len, unseal, unseal_into},
    unwrap::{KeyUnwrap, WrappedKey},
};

#[cfg(feature = "std")]
pub use io::{SealWriter, UnsealReader};

#[cfg(feature = "local-unwrapper")]
pub use local_unwrapper::LocalUnwrapper;
