//! Seal data offline with a public RSA key; unseal it with the private key that stays in a KMS.
//!
//! A random AES-256 data key encrypts the payload, RSA-OAEP wraps the data key, and the KMS unwraps
//! that one key. `FORMAT.md` beside this crate defines the format; the C and Python libraries read
//! and write the same messages.
//!
//! ```
//! # let der = include_bytes!("../tests/vectors/keys/rsa-2048.pub.der");
//! # let private_pem = include_bytes!("../tests/vectors/keys/rsa-2048.key.pem");
//! use libseal::{Envelope, LocalUnwrapper, PublicKey, Recipient};
//!
//! // On the device, which has nothing but a public key:
//! let key = PublicKey::new(der)?;
//! let recipients = [Recipient::new(&key)];
//! let envelope = Envelope::new(&recipients).with_context(&[("device", "42")]);
//! let message = envelope.seal(b"21.5 C")?;
//!
//! // On the server: `unwrapper` is anything that implements `Unwrap`, such as `unwrap_fn` with a
//! // closure over a KMS client.
//! let unwrapper = LocalUnwrapper::new(private_pem, None)?;
//! let plaintext = libseal::unseal(&message, &unwrapper, &[("device", Some("42"))])?;
//! assert_eq!(plaintext, b"21.5 C");
//! # Ok::<(), libseal::Error>(())
//! ```
//!
//! From simple to flexible:
//!
//! - [`Envelope::seal`] and [`unseal()`]: bytes in, bytes out.
//! - [`SealWriter`] and [`UnsealReader`]: streams of any size in constant memory. The reader seeks.
//! - [`salvage()`]: the verified beginning of a message that was cut short or altered.
//! - [`Writing`] and [`Reading`]: what those two are made of, for other sources and targets. They
//!   perform no I/O. A reading says which bytes of a message it needs next, from any place in it.
//! - [`Sealer`] and [`Unsealer`]: the state machines below. The unsealer stops where it needs the data
//!   key, so the unwrapping can be a call, an `await`, a queue or an air gap.
//! - [`SealingKey`] and [`UnsealingKey`]: many messages under one data key, for telemetry.
//!   [`SealingKey::seal_many`] and [`unseal_many`] work on many in one call.
//! - [`Plan`], [`DataKeys`] and [`JobKey`]: jobs on many messages, on one machine or on a cluster. What is
//!   to be read, from the beginnings of the messages alone; their data keys, each unwrapped once; and the
//!   key under which those travel to workers.
//! - [`CachingUnwrapper`]: one call of the KMS for each data key, and not for each message.
//! - [`PublicKey::pinned`], `PublicKey::from_bundle`, `PublicKey::from_certificate`: public keys that can be
//!   verified.
//! - [`Header`]: what a message says about itself without any key. `Header::rewrap` gives a message other
//!   recipients, after a key rotation for example.
//!
//! A message says nothing about *who* sealed it: anyone can have the public key.
//!
//! What seals does not survive `fork()`: in the child, a message or a [`SealingKey`] of the parent fails
//! with [`ErrorKind::InvalidState`]. Begin another there. The parent goes on, and unsealing goes on in
//! both. A child has none of the threads of a rayon pool, so it must not run anything in one that its
//! parent made.
//!
//! # Async
//!
//! An unwrapper that is awaited implements [`AsyncUnwrap`]; the calls that take one have `async` in their
//! names, as [`unseal_async`] does, and run on any executor. A [`CachingUnwrapper`] around it makes one call
//! for each data key, however many tasks want it. With the feature `tokio`, `AsyncSealWriter` and
//! `AsyncUnsealReader` implement the traits of `tokio::io`. The program in `examples/rust-aws` uses all of
//! them with the AWS SDK.
//!
//! ```
//! # let der = include_bytes!("../tests/vectors/keys/rsa-2048.pub.der");
//! # let private_pem = include_bytes!("../tests/vectors/keys/rsa-2048.key.pem");
//! # let key = libseal::PublicKey::new(der)?;
//! # let kms = libseal::LocalUnwrapper::new(private_pem, None)?;
//! use libseal::{AsyncSealWriter, AsyncUnsealReader, CachingUnwrapper, Envelope, Recipient};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let mut writer = AsyncSealWriter::new(Vec::new(), &Envelope::new(&[Recipient::new(&key)]))?;
//! writer.write_all(b"a line of a log\n").await?;
//! let message = writer.finish().await?;
//!
//! let unwrapper = CachingUnwrapper::new(kms, Default::default());
//! let mut reader = AsyncUnsealReader::new(message.as_slice(), &unwrapper, &[]).await?;
//! let mut plaintext = Vec::new();
//! reader.read_to_end(&mut plaintext).await?;
//! assert_eq!(plaintext, b"a line of a log\n");
//! # Ok::<(), std::io::Error>(())
//! # })?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Features
//!
//! | feature | gives | default |
//! |---|---|---|
//! | `std` | [`SealWriter`], [`UnsealReader`], [`salvage()`], [`CachingUnwrapper`] | yes |
//! | `alloc` | unsealing, [`Envelope::seal`], keys in PEM, base64 and JSON, key bundles | with `std` |
//! | `getrandom` | random bytes of the operating system; with `alloc`, `Header::rewrap` | with `std` |
//! | `rustcrypto` | the portable crypto provider; one provider is needed | yes |
//! | `compact` | the provider for firmware: smaller, and without a heap | no |
//! | `oaep-sha1` | wrapping with [`WrapAlgorithm::RsaesOaepSha1`] | with `rustcrypto` |
//! | `aws-lc-rs` | the provider for servers: AWS-LC, faster than `rustcrypto` and preferred to it | no |
//! | `fips` | `aws-lc-rs` on the FIPS module of AWS-LC; needs CMake and Go to build | no |
//! | `rayon` | long calls use the threads of the rayon pool in which they run | no |
//! | `tokio` | `AsyncSealWriter`, `AsyncUnsealReader` | no |
//! | `x509` | `PublicKey::from_certificate`; takes `aws-lc-rs` | no |
//! | `local-unwrapper` | `LocalUnwrapper`, as in the example above; `generate_private_key` | no |
//!
//! # Firmware
//!
//! Firmware depends on it with `default-features = false, features = ["compact"]`. Sealing then needs
//! neither a heap nor an operating system, and takes random bytes from a [`RandomSource`]:
//! [`Envelope::with_random`].
//!
//! **Tell the crate `sha2` to be small**, which this crate cannot do for you. Without this, the flash for
//! sealing grows from 14 KiB to 45 KiB on Cortex-M4. In `.cargo/config.toml` of the firmware:
//!
//! ```toml
//! [target.'cfg(target_os = "none")']
//! rustflags = ["--cfg", 'sha2_backend_soft="compact"']
//! ```
//!
//! `RUSTFLAGS` in the environment replaces that, so it needs the flag as well.
//!
//! # WebAssembly
//!
//! All features but `aws-lc-rs`, `fips` and `x509` work on `wasm32-wasip1`. So they do on
//! `wasm32-unknown-unknown`, where those with `getrandom` (`std` and `local-unwrapper` are two of them) need
//! to know where random bytes come from: in browsers and Node.js, add
//! `getrandom = { version = "0.4", features = ["wasm_js"] }` to the dependencies of your program. Without
//! `getrandom`, give each envelope a [`RandomSource`].

#![cfg_attr(not(any(feature = "std", test)), no_std)]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

// The code in the README is tested as what is shown here.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(feature = "alloc")]
extern crate alloc;

#[cfg(feature = "alloc")]
mod buffer;
#[cfg(feature = "std")]
mod clock;
mod context;
mod crypto;
#[cfg(feature = "alloc")]
mod data_keys;
mod envelope;
mod error;
mod header;
#[cfg(feature = "std")]
mod io;
#[cfg(feature = "alloc")]
mod job_key;
#[cfg(feature = "alloc")]
mod many;
mod payload;
#[cfg(feature = "alloc")]
mod plan;
mod process;
#[cfg(feature = "alloc")]
mod reading;
mod recipient;
#[cfg(all(feature = "alloc", feature = "getrandom"))]
mod rewrap;
mod sealer;
mod sealing_key;
mod self_test;
#[cfg(feature = "alloc")]
mod unseal;
#[cfg(feature = "alloc")]
mod unsealer;
#[cfg(feature = "alloc")]
mod unsealing_key;
#[cfg(feature = "alloc")]
mod unwrap;
#[cfg(feature = "alloc")]
mod writing;

pub use context::MAX_CONTEXT_LEN;
pub use crypto::{
    PROVIDER,
    random::{RandomFn, RandomSource, SystemRandom, random_fn},
    secret::DataKey,
};
pub use envelope::Envelope;
pub use error::{Error, ErrorKind};
pub use header::MAX_HEADER_LEN;
pub use recipient::{
    MAX_KEY_ID_LEN, MAX_RECIPIENTS, Recipient, public_key::PublicKey, rsa_oaep::WrapAlgorithm,
};
pub use sealer::Sealer;
pub use sealing_key::{SealingKey, SealingLimits};
pub use self_test::self_test;

#[cfg(feature = "alloc")]
pub use {
    data_keys::DataKeys,
    error::BoxError,
    header::read::Header,
    job_key::JobKey,
    many::{ManySealer, unseal_many},
    plan::Plan,
    reading::{Next, Reading},
    recipient::wrapped_key::WrappedKey,
    unseal::{plaintext_len, unseal, unseal_async, unseal_into},
    unsealer::{Progress, Unsealer},
    unsealing_key::UnsealingKey,
    unwrap::{Stop, Unwrap, UnwrapFn, Unwrapped, asynchronous::AsyncUnwrap, unwrap_fn},
    writing::Writing,
};

#[cfg(feature = "std")]
pub use {
    io::{
        salvage::{Salvaged, salvage},
        seal_writer::SealWriter,
        unseal_reader::UnsealReader,
    },
    unwrap::{
        cache_limits::{CacheLimits, CacheStatistics},
        caching::CachingUnwrapper,
    },
};

#[cfg(feature = "tokio")]
pub use io::{async_seal_writer::AsyncSealWriter, async_unseal_reader::AsyncUnsealReader};

#[cfg(feature = "local-unwrapper")]
pub use unwrap::{local::LocalUnwrapper, private_key::generate_private_key};
