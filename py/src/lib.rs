//! `libseal._libseal`, the part of the Python package that is not Python: one class or function for
//! each of the core, with nothing between them but conversions.
//!
//! - Secrets and state live in Rust. Every class is frozen; what changes is behind a mutex that is
//!   only ever tried, so two threads in one object are an error and never a deadlock. (Threads can
//!   share a `SealingKey` and a `CachingUnwrapper`. They wait for each other, attached to the
//!   interpreter only where no one who has the lock can wait for it.)
//! - Buffers are read and written in place, exported as long as a call lasts. The unsafe code for
//!   that is in `buffer` and `sealed_view`; what else there is asks for the `interpreter`.
//! - Work on more than a few KiB is done detached, so that other Python threads run. Long work is
//!   spread over the threads of the `pool`.
//! - Files, `io` classes and KMS clients are in Python, on top of this.

#![deny(unsafe_code)]

mod buffer;
mod caching_unwrapper;
mod context;
mod convert;
mod data_keys;
mod errors;
mod fork;
mod header;
mod interpreter;
mod job_key;
mod known_keys;
mod local_unwrapper;
mod many;
mod plan;
mod pool;
mod public_key;
mod reading;
mod recipient;
mod seal;
mod sealed_view;
mod sealer;
mod sealing_key;
mod unseal;
mod unsealer;
mod unwrap;
mod wrapped_key;
mod writing;

/// The extension module.
#[pyo3::pymodule(gil_used = false)]
mod _libseal {
    use libseal::ErrorKind;
    use pyo3::prelude::*;

    use crate::interpreter;

    #[pymodule_export]
    use crate::{
        caching_unwrapper::CachingUnwrapper,
        data_keys::{DataKeys, unpickle_data_keys},
        header::Header,
        job_key::JobKey,
        local_unwrapper::{LocalUnwrapper, generate_private_key},
        many::{ManyUnsealer, UnknownKey, seal_window, take_window},
        plan::Plan,
        pool::thread_count,
        public_key::PublicKey,
        reading::Reading,
        recipient::Recipient,
        seal::{seal, seal_into, sealed_len},
        sealed_view::sealed_view,
        sealer::Sealer,
        sealing_key::SealingKey,
        unseal::{plaintext_len, unseal, unseal_into},
        unsealer::Unsealer,
        unwrap::{check_unwrap, each_unwrapper, unwrap_keys},
        wrapped_key::WrappedKey,
        writing::Writing,
    };

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        interpreter::check_is_main(module.py())?;
        let kinds = ErrorKind::ALL.iter();
        let kinds: Vec<_> = kinds
            .map(|k| {
                let (code, name, message) = (k.code(), k.name(), k.message());
                (code, name, message, k.is_retryable(), k.never_opens())
            })
            .collect();
        module.add("ERROR_KINDS", kinds)?;
        crate::fork::register(module)?;
        module.add("MAX_HEADER_LEN", libseal::MAX_HEADER_LEN)?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
