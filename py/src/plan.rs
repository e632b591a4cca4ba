//! `Plan`, the table under `libseal.batch.Plan`.

use std::{
    num::NonZero,
    sync::{Arc, Mutex},
};

use pyo3::{
    exceptions::{PyIndexError, PyValueError},
    prelude::*,
    types::{PyBytes, PyType},
};

use crate::{
    buffer::Input,
    convert::{lock_briefly, object},
    errors,
    header::Header,
};

/// A table of messages for a job on many of them: how long each is, and which header it has.
/// Files are numbered from 0 in the order of adding.
///
/// Plan(bytes(plan)) is the same plan. Threads can share this object.
#[pyclass(frozen, module = "libseal._libseal")]
pub(crate) struct Plan {
    /// Locked for a moment only: longer work is done on what it holds now.
    plan: Mutex<Arc<libseal::Plan>>,
}

impl Plan {
    fn new(plan: libseal::Plan) -> Self {
        Self {
            plan: Mutex::new(Arc::new(plan)),
        }
    }

    /// What is here now.
    fn now(&self) -> Arc<libseal::Plan> {
        lock_briefly(&self.plan).clone()
    }

    fn change<T>(&self, change: impl FnOnce(&mut libseal::Plan) -> T) -> T {
        change(Arc::make_mut(&mut *lock_briefly(&self.plan)))
    }

    /// What `get` finds of a file.
    fn of_file<T>(
        &self,
        file: usize,
        get: impl FnOnce(&libseal::Plan, usize) -> Option<T>,
    ) -> PyResult<T> {
        let plan = lock_briefly(&self.plan);
        get(&plan, file).ok_or_else(|| no_such_file(plan.len()))
    }
}

#[pymethods]
impl Plan {
    #[new]
    #[pyo3(signature = (encoded = None, /))]
    fn py_new(encoded: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let Some(encoded) = encoded else {
            return Ok(Self::new(libseal::Plan::new()));
        };
        let py = encoded.py();
        let input = Input::from_py("encoded", encoded)?;
        let bytes = input.as_bytes();
        let plan = py.detach(|| libseal::Plan::from_bytes(bytes));
        Ok(Self::new(plan.map_err(|error| errors::to_py(py, error))?))
    }

    /// Adds the message that begins with beginning and is message_len bytes long, and returns
    /// its number.
    ///
    /// Raises FormatError; TruncatedError if the header goes on after beginning, or if no whole
    /// message is message_len bytes long.
    #[pyo3(signature = (beginning, message_len, /))]
    fn add(&self, beginning: &Bound<'_, PyAny>, message_len: u64) -> PyResult<usize> {
        let input = Input::from_py("beginning", beginning)?;
        let added = self.change(|plan| plan.add(input.as_bytes(), message_len));
        added.map_err(|error| errors::to_py(beginning.py(), error))
    }

    /// Adds the files of other after those of this plan, in their order; other stays as it
    /// is.
    #[pyo3(signature = (other, /))]
    fn extend(&self, other: &Bound<'_, PyAny>) -> PyResult<()> {
        let other = object::<Self>("other", other)?.get().now();
        self.change(|plan| plan.extend((*other).clone()));
        Ok(())
    }

    /// The headers of all files, each once, in the order in which they were first added; a new
    /// list each time.
    #[getter]
    fn headers(&self) -> Vec<Header> {
        self.now().headers().iter().map(Header::from_core).collect()
    }

    /// The header of a file.
    #[pyo3(signature = (file, /))]
    fn header_of(&self, file: usize) -> PyResult<Header> {
        self.of_file(file, |plan, file| {
            plan.header_of(file).map(Header::from_core)
        })
    }

    /// Which of headers a file has.
    #[pyo3(signature = (file, /))]
    fn header_number_of(&self, file: usize) -> PyResult<usize> {
        self.of_file(file, libseal::Plan::header_number_of)
    }

    /// Length of the message in bytes.
    #[pyo3(signature = (file, /))]
    fn message_len(&self, file: usize) -> PyResult<u64> {
        self.of_file(file, libseal::Plan::message_len)
    }

    /// Length of the plaintext in bytes, if the message is whole.
    #[pyo3(signature = (file, /))]
    fn plaintext_len(&self, file: usize) -> PyResult<u64> {
        self.of_file(file, libseal::Plan::plaintext_len)
    }

    /// Divides the files among count workers: at most as many lists, none of them empty, of the
    /// numbers of files in ascending order.
    ///
    /// The files of one header stay together. Only a header whose messages are longer than a fair
    /// share is divided, into as few pieces as possible. The longest part is at most two fair
    /// shares and one file long.
    #[pyo3(signature = (count, /))]
    fn partitions(&self, py: Python<'_>, count: i64) -> PyResult<Vec<Vec<usize>>> {
        let count = usize::try_from(count).ok().and_then(NonZero::new);
        let count = count.ok_or_else(|| PyValueError::new_err("count must be at least 1"))?;
        let plan = self.now();
        Ok(py.detach(|| plan.partitions(count)))
    }

    /// The plan for some of the files, which get new numbers in the order of files, and the
    /// headers that they need.
    #[pyo3(signature = (files, /))]
    fn part(&self, py: Python<'_>, files: Vec<usize>) -> PyResult<Self> {
        let plan = self.now();
        let part = py.detach(|| plan.part(&files));
        part.map(Self::new).ok_or_else(|| no_such_file(plan.len()))
    }

    fn __len__(&self) -> usize {
        lock_briefly(&self.plan).len()
    }

    fn __bytes__<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let plan = self.now();
        PyBytes::new(py, &py.detach(|| plan.to_bytes()))
    }

    fn __repr__(&self) -> String {
        let plan = self.now();
        let (files, headers) = (plan.len(), plan.headers().len());
        format!("<libseal._libseal.Plan of {files} files with {headers} headers>")
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> (Bound<'py, PyType>, (Bound<'py, PyBytes>,)) {
        (py.get_type::<Self>(), (self.__bytes__(py),))
    }
}

fn no_such_file(count: usize) -> PyErr {
    PyIndexError::new_err(format!("there is no such file: the plan has {count}"))
}
