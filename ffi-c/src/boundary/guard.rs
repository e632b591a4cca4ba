//! How Rust's results and panics become statuses.

#[cfg(feature = "unseal")]
use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
};

use libseal::ErrorKind;

#[cfg(feature = "unseal")]
use crate::last_error;
use crate::{
    boundary::{failure::Failure, own_status::LIBSEAL_OK},
    status::libseal_status,
};

/// What a function returns if nothing failed: most have nothing to say.
pub(crate) trait Answer {
    fn status(self) -> libseal_status;
}

impl Answer for () {
    fn status(self) -> libseal_status {
        LIBSEAL_OK
    }
}

impl Answer for libseal_status {
    fn status(self) -> libseal_status {
        self
    }
}

/// Runs the body of a function that returns a status, and keeps the text of its error. No panic leaves it.
pub(crate) fn guard<A: Answer>(body: impl FnOnce() -> Result<A, Failure>) -> libseal_status {
    match catch(body) {
        Some(Ok(answer)) => answer.status(),
        Some(Err(failure)) => keep(failure),
        None => keep(ErrorKind::Internal.into()),
    }
}

#[cfg(feature = "unseal")]
fn keep(failure: Failure) -> libseal_status {
    last_error::keep(failure)
}

/// A device has only the status.
#[cfg(not(feature = "unseal"))]
fn keep(failure: Failure) -> libseal_status {
    failure.status()
}

/// Runs the body of a function that returns a value: the default one if the handle is of no use.
pub(crate) fn guard_value<T: Default>(body: impl FnOnce() -> Result<T, Failure>) -> T {
    catch(body).and_then(Result::ok).unwrap_or_default()
}

/// A device has nothing to unwind with: see the panic handler.
#[cfg(not(feature = "unseal"))]
fn catch<R>(body: impl FnOnce() -> R) -> Option<R> {
    Some(body())
}

#[cfg(feature = "unseal")]
fn catch<R>(body: impl FnOnce() -> R) -> Option<R> {
    // Whatever the body changes is given up after a panic: handles are poisoned, outputs wiped.
    catch_unwind(AssertUnwindSafe(body))
        // A payload may panic when it is dropped.
        .map_err(mem::forget)
        .ok()
}

#[cfg(test)]
mod tests {
    use libseal::Error;

    use super::*;

    #[test]
    fn panics_become_a_status() {
        assert_eq!(guard(|| -> Result<(), _> { panic!("on purpose") }), 900);
        assert_eq!(guard_value(|| -> Result<usize, _> { panic!() }), 0);
    }

    #[test]
    fn results_become_statuses() {
        assert_eq!(guard(|| Ok(())), LIBSEAL_OK);
        assert_eq!(guard(|| Ok(1)), 1);
        assert_eq!(
            guard(|| -> Result<(), _> { Err(Error::from(ErrorKind::Truncated).into()) }),
            211
        );
    }
}
