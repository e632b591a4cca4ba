//! Arguments: contexts, threads and the like; and the two rules of the house, locking and detaching.

use std::{
    num::NonZero,
    sync::{Mutex, MutexGuard},
    thread,
    time::Duration,
};

use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::{PyInt, PyMapping, PyString},
};

use crate::{buffer::Input, errors};

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

/// As [`Input`], and `str` is taken as UTF-8: for PEM and passwords.
pub(crate) fn text_or_bytes_like<'py>(
    name: &str,
    value: &Bound<'py, PyAny>,
) -> PyResult<Input<'py>> {
    match value.cast::<PyString>() {
        Ok(text) => Ok(Input::Bytes(text.encode_utf8()?)),
        Err(_) => Input::from_py(name, value),
    }
}

/// An encryption context.
pub(crate) struct Context<'py>(Vec<(Bound<'py, PyString>, Bound<'py, PyString>)>);

impl<'py> Context<'py> {
    pub(crate) fn from_py(context: Option<&Bound<'py, PyAny>>) -> PyResult<Self> {
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
            Ok((text("key", key)?, text("value", value)?))
        });
        pairs.collect::<PyResult<_>>().map(Self)
    }

    pub(crate) fn pairs(&self) -> PyResult<Vec<(&str, &str)>> {
        let pairs = self.0.iter();
        pairs.map(|(k, v)| Ok((k.to_str()?, v.to_str()?))).collect()
    }
}

fn text<'py>(what: &str, value: Bound<'py, PyAny>) -> PyResult<Bound<'py, PyString>> {
    value.cast_into::<PyString>().map_err(|error| {
        let value = error.into_inner();
        let name = type_name(&value);
        let message = format!("each {what} of the context must be str, not {name}: {value:?}");
        PyTypeError::new_err(message)
    })
}

/// The argument `threads`: `None` stands for one on each core.
#[derive(Clone, Copy)]
pub(crate) struct Threads(pub(crate) NonZero<usize>);

impl Threads {
    pub(crate) const ONE: Self = Self(NonZero::<usize>::MIN);
}

impl FromPyObject<'_, '_> for Threads {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        if value.is_none() {
            return Ok(Self(
                thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN),
            ));
        }
        let Ok(count) = value.cast::<PyInt>() else {
            let message = format!("threads must be an int or None, not {}", type_name(&value));
            return Err(PyTypeError::new_err(message));
        };
        let count = count.extract().ok().and_then(NonZero::new);
        let message = "threads must be at least 1, or None for one on each core";
        count
            .map(Self)
            .ok_or_else(|| PyValueError::new_err(message))
    }
}

/// The argument `max_age`: seconds or a `timedelta`.
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
        let message = "max_age must be 0 or more, and finite; leave it out for no limit";
        age.map(Self).map_err(|_| PyValueError::new_err(message))
    }
}

/// For messages.
pub(crate) fn type_name(value: &Bound<'_, PyAny>) -> String {
    let name = value.get_type().name();
    name.map_or_else(|_| "this".to_owned(), |name| name.to_string())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
