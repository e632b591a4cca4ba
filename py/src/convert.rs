//! What the types have in common: locking, names for messages.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use libseal::{Error, Unwrapped};
use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    pyclass::PyClass,
    types::{PyBytes, PyString},
};

use crate::errors;

/// Takes the lock, or fails at once if another call on the same object has it.
pub(crate) fn lock<'a, T>(py: Python<'_>, mutex: &'a Mutex<T>) -> PyResult<MutexGuard<'a, T>> {
    let in_use = |_| errors::wrong_state(py, "in use by another call, in this or another thread");
    mutex.try_lock().map_err(in_use)
}

/// Takes a lock that is only ever held for a moment and never while Python code runs, so a fork does not
/// find it locked.
pub(crate) fn lock_briefly<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The name of the type of `value`, for messages.
pub(crate) fn type_name(value: &Bound<'_, PyAny>) -> String {
    let name = value.get_type().name();
    name.map_or_else(|_| "this".to_owned(), |name| name.to_string())
}

/// An argument that must be `str`.
pub(crate) fn text(name: &str, value: &Bound<'_, PyAny>) -> PyResult<String> {
    match value.cast::<PyString>() {
        Ok(text) => Ok(text.to_str()?.to_owned()),
        Err(_) => {
            let message = format!("{name} must be str, not {}", type_name(value));
            Err(PyTypeError::new_err(message))
        }
    }
}

/// An argument that must be an object of one of our classes.
pub(crate) fn object<'a, 'py, T: PyClass>(
    name: &str,
    value: &'a Bound<'py, PyAny>,
) -> PyResult<&'a Bound<'py, T>> {
    value.cast().map_err(|_| {
        let (module, class) = (T::MODULE.unwrap_or("libseal"), T::NAME);
        let given = type_name(value);
        let message = format!("{name} must be a {module}.{class}, not {given}");
        PyTypeError::new_err(message)
    })
}

/// The argument `max_age`: seconds or a `timedelta`.
#[derive(Clone, Copy)]
pub(crate) struct Age(pub(crate) Duration);

impl FromPyObject<'_, '_> for Age {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        let seconds = match value.extract::<f64>() {
            Ok(seconds) => seconds,
            Err(_) => {
                let seconds = value.call_method0("total_seconds");
                let seconds = seconds.and_then(|seconds| seconds.extract());
                seconds.map_err(|_| {
                    let name = type_name(&value);
                    let message = format!("max_age must be seconds or a timedelta, not {name}");
                    PyTypeError::new_err(message)
                })?
            }
        };
        let age = Duration::try_from_secs_f64(seconds);
        let message = "max_age must be 0 or more, and finite; None is no limit";
        age.map(Self).map_err(|_| PyValueError::new_err(message))
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What an unwrapper of the core answered, as an unwrapper of Python does.
pub(crate) fn answer_to_py(
    py: Python<'_>,
    answer: Unwrapped,
) -> PyResult<Option<Bound<'_, PyBytes>>> {
    match answer {
        Unwrapped::DataKey(data_key) => Ok(Some(PyBytes::new(py, data_key.as_bytes()))),
        Unwrapped::NotMine => Ok(None),
        Unwrapped::Failed(error) | Unwrapped::Stop(error) => {
            Err(errors::to_py(py, Error::unwrap_failed(error)))
        }
    }
}

/// The fingerprints that an unwrapper of the core knows, as bytes.
pub(crate) fn fingerprints_to_py(
    py: Python<'_>,
    fingerprints: Vec<[u8; 32]>,
) -> Vec<Bound<'_, PyBytes>> {
    let bytes = fingerprints.iter().map(|found| PyBytes::new(py, found));
    bytes.collect()
}
