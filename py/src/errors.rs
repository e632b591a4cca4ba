//! From the core's errors to the exceptions of `libseal._errors`.

use libseal::{BoxError, Error, ErrorKind};
use pyo3::{prelude::*, sync::PyOnceLock, types::PyType};

/// The exception for an error of the core.
///
/// An exception of the unwrapper becomes the cause. If it is one of libseal's own it is passed on
/// as it is: it has already found the right words.
pub(crate) fn to_py(py: Python<'_>, error: Error) -> PyErr {
    let kind = error.kind();
    let cause = error.into_source().and_then(|s| s.downcast::<PyErr>().ok());
    match cause {
        Some(cause) if is_own(py, &cause) => *cause,
        cause => {
            let exception = with_message(py, kind, kind.message());
            exception.set_cause(py, cause.map(|cause| *cause));
            exception
        }
    }
}

/// The exception for what an unwrapper of the core returned.
pub(crate) fn unwrapper_error(py: Python<'_>, error: BoxError) -> PyErr {
    match error.downcast::<Error>() {
        Ok(error) => to_py(py, *error),
        Err(_) => to_py(py, ErrorKind::UnwrapFailed.into()),
    }
}

/// The exception for `kind`, with words that say more than the core can know.
pub(crate) fn with_message(py: Python<'_>, kind: ErrorKind, message: &str) -> PyErr {
    static MAKE_ERROR: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let make_error = MAKE_ERROR.import(py, "libseal._errors", "make_error");
    let exception = make_error.and_then(|make| make.call1((kind.code(), kind.name(), message)));
    exception.map_or_else(|error| error, PyErr::from_value)
}

/// The exception for a call at the wrong time.
pub(crate) fn wrong_state(py: Python<'_>, message: &str) -> PyErr {
    with_message(py, ErrorKind::InvalidState, message)
}

fn is_own(py: Python<'_>, error: &PyErr) -> bool {
    static SEAL_ERROR: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let seal_error = SEAL_ERROR.import(py, "libseal._errors", "SealError");
    seal_error.is_ok_and(|class| error.is_instance(py, class))
}
