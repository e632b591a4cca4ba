//! What the types have in common: locking, names for messages.

use std::sync::{Mutex, MutexGuard};

use pyo3::{exceptions::PyTypeError, prelude::*, pyclass::PyClass, types::PyString};

use crate::errors;

/// Takes the lock, or fails at once if another call on the same object has it.
pub(crate) fn lock<'a, T>(py: Python<'_>, mutex: &'a Mutex<T>) -> PyResult<MutexGuard<'a, T>> {
    let in_use = |_| errors::wrong_state(py, "in use by another call, in this or another thread");
    mutex.try_lock().map_err(in_use)
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
        let (class, given) = (T::NAME, type_name(value));
        let message = format!("{name} must be a libseal.{class}, not {given}");
        PyTypeError::new_err(message)
    })
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
