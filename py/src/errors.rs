//! From the core's errors to the exceptions of `libseal._errors`.

use std::error::Error as _;

use libseal::{BoxError, Error, ErrorKind};
use pyo3::{exceptions::PyException, intern, prelude::*, sync::PyOnceLock, types::PyType};

/// The exception for an error of the core.
///
/// An exception that an unwrapper raised becomes its cause, or is passed on as it is: if it is one of
/// libseal's own, which has already found the right words, or not an `Exception` at all, such as
/// `KeyboardInterrupt`.
pub(crate) fn to_py(py: Python<'_>, error: Error) -> PyErr {
    match raised_in(&error).map(|raised| raised.clone_ref(py)) {
        Some(raised) if is_own(py, &raised) || !raised.is_instance_of::<PyException>(py) => raised,
        raised => {
            let exception = with_message(py, error.kind(), &text_of(&error));
            exception.set_cause(py, raised);
            exception
        }
    }
}

/// What an unwrapper raised that is no failure of unwrapping, such as `KeyboardInterrupt`.
pub(crate) fn interruption(py: Python<'_>, error: &Error) -> Option<PyErr> {
    let raised = error.source()?.downcast_ref::<PyErr>()?;
    (!raised.is_instance_of::<PyException>(py)).then(|| raised.clone_ref(py))
}

/// What an unwrapper raised, if the error comes from that.
pub(crate) fn raised_in(error: &Error) -> Option<&PyErr> {
    let source = error.source();
    source.and_then(|source| source.downcast_ref::<PyErr>())
}

/// An error of the core for one of several callers who share it: each gets an exception of its own, if
/// it is one of libseal's, which are passed on as they are. What is noted on one is not on the others.
pub(crate) fn own_copy(py: Python<'_>, error: &Error) -> Error {
    static COPY_ERROR: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let Some(raised) = raised_in(error).filter(|raised| is_own(py, raised)) else {
        return error.clone();
    };
    let copy_error = COPY_ERROR.import(py, "libseal._errors", "copy_error");
    let copied = copy_error.and_then(|copy| copy.call1((raised.value(py),)));
    Error::with_source(
        error.kind(),
        copied.map_or_else(|error| error, PyErr::from_value),
    )
}

/// The same error in words, for messages that come later: an exception holds the frames that it went
/// through, with all that is in them.
pub(crate) fn retold(py: Python<'_>, error: &Error) -> Error {
    static RETOLD: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    if raised_in(error).is_none() {
        return error.clone();
    }
    let retold = RETOLD.import(py, "libseal._errors", "retold");
    let exception = to_py(py, error.clone());
    let exception = retold.and_then(|retold| retold.call1((exception.value(py),)));
    let exception = exception.map_or_else(|error| error, PyErr::from_value);
    Error::with_source(error.kind(), exception)
}

/// Whether an error comes from an exception such as `KeyboardInterrupt`, which concerns the thread that
/// raised it and no other.
pub(crate) fn is_interrupt(py: Python<'_>, error: &BoxError) -> bool {
    let raised = match error.downcast_ref::<Error>() {
        Some(error) => raised_in(error),
        None => error.downcast_ref::<PyErr>(),
    };
    raised.is_some_and(|raised| !raised.is_instance_of::<PyException>(py))
}

/// What an unwrapper raised, as its failure. Of several failures, one that is retryable counts.
pub(crate) fn failure(py: Python<'_>, raised: PyErr) -> Error {
    let retryable = raised.value(py).getattr(intern!(py, "retryable"));
    let retryable = retryable.and_then(|retryable| retryable.is_truthy());
    let kind = match is_own(py, &raised) && retryable.unwrap_or(false) {
        true => ErrorKind::KmsUnavailable,
        false => ErrorKind::UnwrapFailed,
    };
    Error::with_source(kind, raised)
}

/// What the error says and, after it, what its causes say: logs show the text alone, and a pickled
/// exception has lost its cause.
fn text_of(error: &Error) -> String {
    let text = format!("{error:#}");
    // An exception without a message is its class and a colon.
    text.trim_end_matches(": ").to_owned()
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

/// The exception for a fault of this library.
pub(crate) fn internal(py: Python<'_>) -> PyErr {
    to_py(py, ErrorKind::Internal.into())
}

/// Whether an unwrapper raised this to say that nothing else is to be tried.
pub(crate) fn is_stop(py: Python<'_>, error: &PyErr) -> bool {
    static STOP_UNWRAP: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let stop_unwrap = STOP_UNWRAP.import(py, "libseal._errors", "StopUnwrap");
    !error.is_instance_of::<PyException>(py)
        || stop_unwrap.is_ok_and(|class| error.is_instance(py, class))
}

fn is_own(py: Python<'_>, error: &PyErr) -> bool {
    static SEAL_ERROR: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let seal_error = SEAL_ERROR.import(py, "libseal._errors", "SealError");
    seal_error.is_ok_and(|class| error.is_instance(py, class))
}
