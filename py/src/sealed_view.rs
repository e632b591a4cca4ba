//! What a Writing has sealed, as a buffer.

#![allow(unsafe_code)]

use std::ffi::c_int;

use pyo3::{ffi, prelude::*};

use crate::writing::Writing;

/// What a Writing has sealed, as a buffer: to hand it on without a copy.
///
/// While there is a memoryview of it, the Writing seals nothing more: it raises StateError.
#[pyfunction]
#[pyo3(signature = (writing, /))]
pub(crate) fn sealed_view(writing: Py<Writing>) -> SealedView {
    SealedView { writing }
}

#[pyclass(frozen)]
pub(crate) struct SealedView {
    writing: Py<Writing>,
}

#[pymethods]
impl SealedView {
    unsafe fn __getbuffer__(
        slf: Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        let (py, writing) = (slf.py(), slf.get().writing.get());
        let (address, len) = writing.lend(py)?;
        // As long as a `Vec` can be.
        let (len, read_only) = (len.cast_signed(), 1);
        // SAFETY: Python gives us a `view` to fill. The bytes stay where they are, unchanged, until
        // the loan ends; the view keeps `slf` alive, and that the Writing.
        let filled = unsafe {
            let (object, address) = (slf.as_ptr(), address.cast_mut().cast());
            ffi::PyBuffer_FillInfo(view, object, address, len, read_only, flags)
        };
        if filled != 0 {
            writing.end_loan();
            return Err(PyErr::fetch(py));
        }
        Ok(())
    }

    unsafe fn __releasebuffer__(&self, _view: *mut ffi::Py_buffer) {
        self.writing.get().end_loan();
    }
}
