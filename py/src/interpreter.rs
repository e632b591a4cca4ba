//! The interpreter that runs us: the main one, or none.

#![allow(unsafe_code)]

use pyo3::{exceptions::PyImportError, ffi, prelude::*};

/// Refuses sub-interpreters. Those with the GIL of the main one would share our classes and errors with
/// it, as there is one set for the process, so their `except` would miss errors.
pub(crate) fn check_is_main(_attached: Python<'_>) -> PyResult<()> {
    // SAFETY: we are attached, so there is an interpreter.
    let id = unsafe { ffi::PyInterpreterState_GetID(ffi::PyInterpreterState_Get()) };
    // Python documents no number, but that of the main interpreter has always been 0.
    if id != 0 {
        return Err(PyImportError::new_err(
            "libseal works in the main interpreter only, and this is a sub-interpreter \
             (for mod_wsgi, set WSGIApplicationGroup %{GLOBAL})",
        ));
    }
    Ok(())
}
