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
//! - [`SealWriter`] and [`UnsealReader`]: streams of any size in constant memory. The reader seeks.
//! - [`Sealer`] and [`Unsealer`]: state machines that never perform I/O. The unsealer stops where it
//!   needs the data key, so the unwrapping can be a call, an `await`, a queue or an air gap.
//! - [`SealingKey`]: many messages under one data key, for telemetry.
//! - [`Header`]: what a message says about itself without any key.
//!
//! Sealing says nothing about *who* sealed: anybody has the public key.
//!
//! # A part of a message
//!
//! Every chunk of 16 KiB opens alone. With the beginning of a message at hand, any part of it can be
//! fetched and unsealed:
//!
//! ```
//! # let pem = include_bytes!("../../tests/vectors/keys/rsa-2048.pub.pem");
//! # let key = libseal::PublicKey::new(pem)?;
//! # let plaintext: Vec<u8> = (0..100_000).map(|i| i as u8).collect();
//! # let stored = libseal::seal(&[libseal::Recipient::new(&key)], &[], &plaintext)?;
//! # let private_pem = include_bytes!("../../tests/vectors/keys/rsa-2048.key.pem");
//! # let unwrapper = libseal::LocalUnwrapper::new(private_pem, None)?;
//! # let get = |start: u64, end: u64| &stored[start as usize..stored.len().min(end as usize)];
//! use libseal::Unsealer;
//!
//! // `get(start, end)` fetches bytes of the message, for example from object storage.
//! let mut unsealer = Unsealer::default();
//! let beginning = get(0, 4096);
//! let header_len = unsealer.update(beginning, &mut [])?.consumed;
//! unsealer.unwrap_with(&unwrapper)?;
//! let _ = unsealer.update(&beginning[header_len..], &mut [])?;
//!
//! let range = unsealer.header().unwrap().ciphertext_range(50_000, 1000);
//! unsealer.seek(50_000)?;
//! let piece = get(range.start, range.end);
//! let mut part = vec![0; unsealer.update_len(piece.len())];
//! let _ = unsealer.update(piece, &mut part)?;
//! assert_eq!(part[..1000], plaintext[50_000..51_000]);
//! # Ok::<(), libseal::Error>(())
//! ```
//!
//! # Features
//!
//! | feature | gives | default |
//! |---|---|---|
//! | `std` | [`SealWriter`], [`UnsealReader`] | yes |
//! | `alloc` | unsealing, [`seal`], keys in PEM | with `std` |
//! | `getrandom` | [`SystemRandom`], and every call that draws from it | with `std` |
//! | `rustcrypto` | the portable crypto provider; one provider is needed | yes |
//! | `heap-free` | the provider for firmware: smaller, and without a heap | no |
//! | `oaep-sha1` | [`WrapAlgorithm::RsaesOaepSha1`] | with `rustcrypto` |
//! | `aws-lc-rs` | the provider for servers: AWS-LC goes before `rustcrypto`, with the same results | no |
//! | `fips` | `aws-lc-rs` on the FIPS module of AWS-LC; needs CMake and Go to build | no |
//! | `threads` | `with_threads` of sealers, unsealers, writers and readers | no |
//! | `local-unwrapper` | [`LocalUnwrapper`] | no |
//!
//! Firmware depends on it with `default-features = false, features = ["heap-free"]`: sealing then
//! needs neither a heap nor an operating system, and takes random bytes from a [`RandomSource`]
//! ([`Sealer::start_with_random`], [`seal_into_with_random`], [`SealingKey::new_with_random`]). Building
//! with `--cfg sha2_backend_soft="compact"` makes it smaller.

#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "alloc")]
extern crate alloc;

mod context;
mod crypto;
mod der;
mod error;
mod header;
#[cfg(feature = "std")]
mod io;
mod key;
mod layout;
#[cfg(feature = "local-unwrapper")]
mod local_unwrapper;
mod payload;
mod random;
mod sealer;
mod sealing_key;
mod secret;
mod self_test;
mod threads;
#[cfg(feature = "alloc")]
mod unsealer;
#[cfg(feature = "alloc")]
mod unwrap;

pub use context::MAX_CONTEXT_LEN;
pub use error::{Error, ErrorKind};
pub use header::{MAX_HEADER_LEN, MAX_KEY_ID_LEN, MAX_RECIPIENTS, Recipient};
pub use key::{PublicKey, WrapAlgorithm};
pub use random::RandomSource;
#[doc(hidden)]
pub use sealer::StartedMessage;
pub use sealer::{Sealer, seal_into_with_random, sealed_len};
pub use sealing_key::{SealingKey, SealingLimits};
pub use secret::DataKey;
pub use self_test::self_test;

#[cfg(feature = "getrandom")]
pub use {random::SystemRandom, sealer::seal_into};

#[cfg(feature = "alloc")]
pub use {
    error::BoxError,
    header::Header,
    unsealer::{Progress, Unsealer, plaintext_len, unseal, unseal_into},
    unwrap::{KeyUnwrap, WrappedKey},
};

#[cfg(all(feature = "alloc", feature = "getrandom"))]
pub use sealer::seal;

#[cfg(feature = "std")]
pub use io::{SealWriter, UnsealReader};

#[cfg(feature = "local-unwrapper")]
pub use local_unwrapper::LocalUnwrapper;
