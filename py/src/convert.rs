//! Arguments: buffers, contexts; and the two rules of the house, locking and detaching.

use std::sync::{Mutex, MutexGuard};

use pyo3::{
    exceptions::PyTypeError,
    prelude::*,
    types::{PyBytes, PyMapping, PyMemoryView, PyString},
};

use crate::errors;

/// Detaching and attaching again is not worth it for less.
const DETACH_FROM: usize = 4096;

/// Does `work` on `len` bytes, detached from the interpreter if that is worth it.
pub(crate) fn work_on<T: Send>(py: Python<'_>, len: usize, work: impl FnOnce() -> T + Send) -> T {
    if len < DETACH_FROM {
        work()
    } else {
        py.detach(work)
    }
}

/// Takes the lock, or fails at once if another call on the same object has it.
pub(crate) fn lock<'a, T>(py: Python<'_>, mutex: &'a Mutex<T>) -> PyResult<MutexGuard<'a, T>> {
    let in_use = |_| errors::wrong_state(py, "in use by another call, in this or another thread");
    mutex.try_lock().map_err(in_use)
}

/// `value` if it is `bytes`, or else a copy of what the buffer `value` holds.
pub(crate) fn bytes_like<'py>(
    name: &str,
    value: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyBytes>> {
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(bytes.clone());
    }
    if value.is_instance_of::<PyString>() {
        let message = format!("{name} must be bytes-like, not str: encode it first");
        return Err(PyTypeError::new_err(message));
    }
    let Ok(view) = PyMemoryView::from(value) else {
        let message = format!("{name} must be bytes-like, not {}", type_name(value));
        return Err(PyTypeError::new_err(message));
    };
    Ok(view.call_method0("tobytes")?.cast_into::<PyBytes>()?)
}

/// As [`bytes_like`], and `str` is taken as UTF-8: for PEM and passwords.
pub(crate) fn text_or_bytes_like<'py>(
    name: &str,
    value: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyBytes>> {
    match value.cast::<PyString>() {
        Ok(text) => text.encode_utf8(),
        Err(_) => bytes_like(name, value),
    }
}

/// An encryption context.
pub(crate) struct Context(Vec<(String, String)>);

impl Context {
    pub(crate) fn from_py(context: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let Some(context) = context else {
            return Ok(Self(Vec::new()));
        };
        let Ok(context) = context.cast::<PyMapping>() else {
            let message = format!("context must be a mapping, not {}", type_name(context));
            return Err(PyTypeError::new_err(message));
        };
        let items = context.items()?;
        let pairs = items.iter().map(|item| {
            let (key, value) = item.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
            Ok((text("key", &key)?, text("value", &value)?))
        });
        pairs.collect::<PyResult<_>>().map(Self)
    }

    pub(crate) fn pairs(&self) -> Vec<(&str, &str)> {
        let pairs = self.0.iter();
        pairs.map(|(k, v)| (k.as_str(), v.as_str())).collect()
    }
}

fn text(what: &str, value: &Bound<'_, PyAny>) -> PyResult<String> {
    let Ok(text) = value.cast::<PyString>() else {
        let name = type_name(value);
        let message = format!("each {what} of the context must be str, not {name}: {value:?}");
        return Err(PyTypeError::new_err(message));
    };
    Ok(text.to_str()?.to_owned())
}

/// For messages.
pub(crate) fn type_name(value: &Bound<'_, PyAny>) -> String {
    let name = value.get_type().name();
    name.map_or_else(|_| "this".to_owned(), |name| name.to_string())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
