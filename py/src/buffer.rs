//! Bytes where Python has them: read and written there, not copied. All unsafe code is in here.
//!
//! A buffer stays exported while it is used, so it cannot be freed or resized. But its owner can write
//! to it from another thread, which cannot be seen from here: the documentation forbids it, as that of
//! `hashlib` does. It would garble the bytes; lengths are read once.

#![allow(unsafe_code)]

use std::{ffi::c_int, ops::Range, ptr, slice};

use libseal::ErrorKind;
use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    ffi,
    prelude::*,
    types::{PyBytes, PyMemoryView, PyString},
};
use zeroize::Zeroize;

use crate::{convert::type_name, errors};

/// An argument that is read: any bytes-like object.
pub(crate) enum Input<'py> {
    Bytes(Bound<'py, PyBytes>),
    Exported(Exported<'py>),
}

impl<'py> Input<'py> {
    /// Only what is not contiguous is copied.
    pub(crate) fn from_py(name: &str, value: &Bound<'py, PyAny>) -> PyResult<Self> {
        if let Ok(bytes) = value.cast::<PyBytes>() {
            return Ok(Self::Bytes(bytes.clone()));
        }
        if let Ok(exported) = Exported::new(value, ffi::PyBUF_SIMPLE) {
            return Ok(Self::Exported(exported));
        }
        if value.is_instance_of::<PyString>() {
            let message = format!("{name} must be bytes-like, not str: encode it first");
            return Err(PyTypeError::new_err(message));
        }
        let Ok(view) = PyMemoryView::from(value) else {
            let message = format!("{name} must be bytes-like, not {}", type_name(value));
            return Err(PyTypeError::new_err(message));
        };
        let bytes = view.call_method0("tobytes")?.cast_into::<PyBytes>()?;
        Ok(Self::Bytes(bytes))
    }

    /// As [`from_py`](Self::from_py), and `str` is taken as UTF-8: for PEM and passwords.
    pub(crate) fn or_text(name: &str, value: &Bound<'py, PyAny>) -> PyResult<Self> {
        match value.cast::<PyString>() {
            Ok(text) => Ok(Self::Bytes(text.encode_utf8()?)),
            Err(_) => Self::from_py(name, value),
        }
    }

    /// Not to be kept while Python code runs.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes.as_bytes(),
            Self::Exported(exported) => exported.as_bytes(),
        }
    }
}

/// An argument that is written to: any writable, contiguous buffer.
pub(crate) struct Output<'py>(Exported<'py>);

impl<'py> Output<'py> {
    /// It must not overlap the `input` that what is written is made from.
    pub(crate) fn from_py(value: &Bound<'py, PyAny>, input: Option<&Input<'_>>) -> PyResult<Self> {
        let exported = Exported::new(value, ffi::PyBUF_WRITABLE).map_err(|cause| {
            let name = type_name(value);
            let message =
                format!("out must be writable and contiguous, as a bytearray, not {name}");
            let error = PyTypeError::new_err(message);
            error.set_cause(value.py(), Some(cause));
            error
        })?;
        let (read, written) = (input.map(Input::as_bytes), exported.addresses());
        let read = read.map(<[u8]>::as_ptr_range);
        if read.is_some_and(|read| read.start < written.end && written.start < read.end) {
            return Err(PyValueError::new_err(
                "out overlaps the input: give another buffer",
            ));
        }
        Ok(Self(exported))
    }

    /// All of it. Not to be kept while Python code runs.
    pub(crate) fn all(&mut self) -> &mut [u8] {
        self.0.as_mut_bytes()
    }

    /// The first `len` bytes. Not to be kept while Python code runs.
    pub(crate) fn first(&mut self, len: usize) -> PyResult<&mut [u8]> {
        let (room, py) = (self.0.len, self.0.py);
        self.0.as_mut_bytes().get_mut(..len).ok_or_else(|| {
            let message = format!("out is too small: it holds {room} bytes, and {len} are needed");
            errors::with_message(py, ErrorKind::BufferTooSmall, &message)
        })
    }
}

/// What an object exports through the buffer protocol: one block of bytes.
pub(crate) struct Exported<'py> {
    /// In a box, because some of its pointers may be to itself.
    view: Box<ffi::Py_buffer>,
    len: usize,
    py: Python<'py>,
}

impl<'py> Exported<'py> {
    fn new(value: &Bound<'py, PyAny>, flags: c_int) -> PyResult<Self> {
        let py = value.py();
        let mut view = Box::new(ffi::Py_buffer::new());
        // SAFETY: we are attached to the interpreter, `value` is alive, and `view` is ours to fill.
        if unsafe { ffi::PyObject_GetBuffer(value.as_ptr(), &raw mut *view, flags) } != 0 {
            // `view` holds nothing then, so there is nothing to release.
            return Err(PyErr::fetch(py));
        }
        let mut exported = Self { view, len: 0, py };
        exported.len = usize::try_from(exported.view.len)?;
        Ok(exported)
    }

    fn addresses(&self) -> Range<*const u8> {
        let start = self.view.buf.cast_const().cast::<u8>();
        start..start.wrapping_add(self.len)
    }

    fn as_bytes(&self) -> &[u8] {
        if self.len == 0 {
            return &[];
        }
        // SAFETY: without PyBUF_ND and more among the flags, a buffer is `len` bytes in one block.
        // It is neither freed nor moved before `drop`. No one writes to it meanwhile, as the
        // documentation demands.
        unsafe { slice::from_raw_parts(self.view.buf.cast_const().cast(), self.len) }
    }

    /// Only after `PyBUF_WRITABLE`.
    fn as_mut_bytes(&mut self) -> &mut [u8] {
        if self.len == 0 {
            return &mut [];
        }
        // SAFETY: as in `as_bytes`, and the exporter has agreed that we write to it. `Output` has
        // checked that we do not read from it.
        unsafe { slice::from_raw_parts_mut(self.view.buf.cast(), self.len) }
    }
}

impl Drop for Exported<'_> {
    fn drop(&mut self) {
        // SAFETY: `self.py` shows that we are attached, and `view` was filled by
        // `PyObject_GetBuffer` and is released once.
        unsafe { ffi::PyBuffer_Release(&raw mut *self.view) }
    }
}

/// New `bytes` of `len` bytes. `fill` fills them and returns how many it wrote; if those are not all,
/// or on an error, the bytes are wiped and freed before Python has seen them.
pub(crate) fn new_bytes<'py>(
    py: Python<'py>,
    len: usize,
    fill: impl FnOnce(&mut [u8]) -> PyResult<usize>,
) -> PyResult<Bound<'py, PyBytes>> {
    let mut bytes = NewBytes::new(py, len)?;
    match fill(bytes.as_mut_bytes()) {
        Ok(written) if written == len => Ok(bytes.finish()),
        result => Err(result.err().unwrap_or_else(|| errors::internal(py))),
    }
}

/// New `bytes` that Python has not seen yet. Unless they are [finished](Self::finish), they are wiped and
/// freed.
pub(crate) struct NewBytes<'py> {
    bytes: Bound<'py, PyBytes>,
    len: usize,
    is_finished: bool,
}

impl<'py> NewBytes<'py> {
    pub(crate) fn new(py: Python<'py>, len: usize) -> PyResult<Self> {
        let size = ffi::Py_ssize_t::try_from(len)?;
        // SAFETY: we are attached. The call returns a new reference to `bytes`, or null with an
        // exception.
        let bytes = unsafe {
            let bytes = ffi::PyBytes_FromStringAndSize(ptr::null(), size);
            Bound::from_owned_ptr_or_err(py, bytes)?.cast_into_unchecked::<PyBytes>()
        };
        Ok(Self {
            bytes,
            len,
            is_finished: false,
        })
    }

    /// To be written only, and also while detached: no one else knows of them.
    pub(crate) fn as_mut_bytes(&mut self) -> &mut [u8] {
        // SAFETY: the object has `len` bytes, which CPython allows to be written as long as there is
        // no other reference to it, and there is none before `finish`, which takes `self`. (The empty
        // `bytes` is shared, but has none to write.) CPython has not filled them. It is foreign code
        // that allocated them, so for the compiler they have whatever value they have; they are only
        // written here, and only shown when they have all been written.
        unsafe {
            let start = ffi::PyBytes_AsString(self.bytes.as_ptr()).cast::<u8>();
            slice::from_raw_parts_mut(start, self.len)
        }
    }

    /// After all of them have been written.
    pub(crate) fn finish(mut self) -> Bound<'py, PyBytes> {
        self.is_finished = true;
        self.bytes.clone()
    }
}

impl Drop for NewBytes<'_> {
    fn drop(&mut self) {
        if !self.is_finished {
            self.as_mut_bytes().zeroize();
        }
    }
}
