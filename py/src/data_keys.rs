//! `DataKeys`.

use std::sync::{Arc, Mutex};

use libseal::{Unwrap, Unwrapped};
use pyo3::{
    exceptions::PyTypeError,
    prelude::*,
    types::{PyBytes, PyCFunction},
};

use crate::{
    buffer::Input,
    convert::{self, lock_briefly, object, type_name},
    errors, fork,
    header::Header,
    job_key::{self, JobKey},
    unwrap::{Unwrappers, data_key_from},
    wrapped_key::WrappedKey,
};

/// Data keys that were unwrapped already: an unwrapper that asks no one.
///
/// Plan.unwrap makes one. Give it as unwrap wherever messages are read: what it does not have is
/// not its own, so in front of a KMS it saves the calls.
///
/// It pickles if a job key is bound, with bound_to for example, and then to ciphertext. What
/// unpickles it takes the job key from its process: the one that was installed with JobKey.install,
/// or else LIBSEAL_JOB_SECRET. The encryption is that of a message's payload, Cobblestone-256
/// (c2sp.org/chunked-encryption), with a context of its own and a fresh salt. Without a bound job
/// key, pickling raises TypeError.
///
/// Data keys lie in memory of Rust, are wiped when the last object that has them is gone, and are
/// never shown: repr says how many they are. Threads can share this object, and a forked child can
/// go on with it.
#[pyclass(frozen, module = "libseal.batch")]
pub(crate) struct DataKeys {
    /// Locked for a moment only: longer work is done on what it holds now.
    keys: Mutex<Arc<libseal::DataKeys>>,
    job_key: Option<Arc<libseal::JobKey>>,
    /// What was pickled last, and of which keys. Engines pickle the same for each task, and some,
    /// such as Dask, take objects for different ones if their pickles differ.
    pickled: Mutex<Option<(Arc<libseal::DataKeys>, Py<PyBytes>)>>,
}

impl DataKeys {
    fn new(keys: impl Into<Arc<libseal::DataKeys>>, job_key: Option<Arc<libseal::JobKey>>) -> Self {
        Self {
            keys: Mutex::new(keys.into()),
            job_key,
            pickled: Mutex::new(None),
        }
    }

    /// What is here now.
    fn now(&self) -> Arc<libseal::DataKeys> {
        lock_briefly(&self.keys).clone()
    }

    fn change<T>(&self, change: impl FnOnce(&mut libseal::DataKeys) -> T) -> T {
        // It is out of date, and holds the old keys.
        lock_briefly(&self.pickled).take();
        change(Arc::make_mut(&mut *lock_briefly(&self.keys)))
    }

    pub(crate) fn unwrap_key(&self, key: &libseal::WrappedKey<'_>) -> Unwrapped {
        self.now().unwrap_key(key)
    }

    fn encrypted<'py>(
        py: Python<'py>,
        keys: &libseal::DataKeys,
        job_key: &libseal::JobKey,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let encrypted = py.detach(|| fork::draw(|| keys.encrypt(job_key)));
        let encrypted = encrypted.map_err(|error| errors::to_py(py, error))?;
        Ok(PyBytes::new(py, &encrypted))
    }
}

#[pymethods]
impl DataKeys {
    #[new]
    fn py_new() -> Self {
        Self::new(libseal::DataKeys::new(), None)
    }

    /// Unwraps the data key of a Header with unwrap, verifies the header with it, and keeps it.
    /// A key that is here already is not asked for again.
    ///
    /// unwrap is asked about one recipient at a time, so no message can put a wrong data key in the
    /// place of the right one. Threads may call this at the same time.
    ///
    /// For what unwrap is and what is raised see unseal. AuthenticationError if the header was
    /// altered or this is not its data key; nothing is kept then.
    #[pyo3(signature = (header, unwrap, /))]
    fn unwrap(&self, header: &Bound<'_, PyAny>, unwrap: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = header.py();
        let header = object::<Header>("header", header)?.get().as_core();
        let unwrappers = Unwrappers::from_py(unwrap)?;
        let mut keys = self.now().for_headers([header]);
        // Python code may run, so nothing is locked.
        let unwrapped = keys.unwrap(header, unwrappers.as_core());
        self.change(|all| all.extend(keys));
        unwrapped.map_err(|error| errors::to_py(py, error))
    }

    /// Keeps the data key, 32 bytes, of a WrappedKey: for one that was unwrapped in another
    /// way.
    #[pyo3(signature = (wrapped_key, data_key, /))]
    fn insert(&self, wrapped_key: &Bound<'_, PyAny>, data_key: &Bound<'_, PyAny>) -> PyResult<()> {
        let wrapped_key = object::<WrappedKey>("wrapped_key", wrapped_key)?.get();
        let data_key = data_key_from(data_key)?;
        self.change(|keys| keys.insert(&wrapped_key.as_core(), data_key));
        Ok(())
    }

    /// Takes over the data keys of other too, which stays as it is.
    #[pyo3(signature = (other, /))]
    fn extend(&self, other: &Bound<'_, PyAny>) -> PyResult<()> {
        let other = object::<Self>("other", other)?.get().now();
        let known = self.now();
        let mut all = (*known).clone();
        all.extend((*other).clone());
        // What is here already changes nothing, so the pickle stays the same.
        if all.len() > known.len() {
            self.change(|keys| keys.extend((*other).clone()));
        }
        Ok(())
    }

    /// The part that messages with these headers need, with the same job key: what a worker is
    /// sent. headers is an iterable of Header.
    #[pyo3(signature = (headers, /))]
    fn for_headers(&self, headers: &Bound<'_, PyAny>) -> PyResult<Self> {
        let several = headers.try_iter().map_err(|_| {
            let given = type_name(headers);
            let message = format!("headers must be an iterable of libseal.Header, not {given}");
            PyTypeError::new_err(message)
        })?;
        let mut headers = Vec::new();
        for header in several {
            headers.push(object::<Header>("each of headers", &header?)?.clone());
        }
        let headers = headers.iter().map(|header| header.get().as_core());
        let keys = self.now().for_headers(headers);
        Ok(Self::new(keys, self.job_key.clone()))
    }

    /// The job key that it pickles under; None if it does not pickle.
    #[getter]
    fn job_key(&self) -> Option<JobKey> {
        let key = self.job_key.clone()?;
        Some(JobKey { key })
    }

    /// The same data keys, as they are now, that pickle under job_key.
    #[pyo3(signature = (job_key, /))]
    fn bound_to(&self, job_key: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self::new(self.now(), Some(job_key::from_py(job_key)?)))
    }

    /// Encrypts them under a JobKey, for a way to the workers that is not pickle. Each takes 64
    /// bytes.
    #[pyo3(signature = (job_key, /))]
    fn encrypt<'py>(&self, job_key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        Self::encrypted(job_key.py(), &self.now(), &*job_key::from_py(job_key)?)
    }

    /// Decrypts what encrypt returned; the job key is bound.
    ///
    /// Raises AuthenticationError if it was encrypted under another job key, or altered.
    #[staticmethod]
    #[pyo3(signature = (job_key, encrypted, /))]
    fn decrypt(job_key: &Bound<'_, PyAny>, encrypted: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = job_key.py();
        let job_key = job_key::from_py(job_key)?;
        let input = Input::from_py("encrypted", encrypted)?;
        let encrypted = input.as_bytes();
        let keys = py.detach(|| libseal::DataKeys::decrypt(&job_key, encrypted));
        let keys = keys.map_err(|error| errors::to_py(py, error))?;
        Ok(Self::new(keys, Some(job_key)))
    }

    /// Returns the data key, 32 bytes, or None if it is not here.
    #[pyo3(signature = (wrapped_key, /))]
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        wrapped_key: &Bound<'_, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let wrapped_key = object::<WrappedKey>("wrapped_key", wrapped_key)?.get();
        convert::answer_to_py(py, self.unwrap_key(&wrapped_key.as_core()))
    }

    fn __len__(&self) -> usize {
        lock_briefly(&self.keys).len()
    }

    /// Whether the data key of a Header is here.
    fn __contains__(&self, header: &Bound<'_, PyAny>) -> bool {
        let header = header.cast::<Header>();
        header.is_ok_and(|header| self.now().contains(header.get().as_core()))
    }

    fn __copy__(&self) -> Self {
        Self::new(self.now(), self.job_key.clone())
    }

    #[pyo3(signature = (_memo, /))]
    fn __deepcopy__(&self, _memo: &Bound<'_, PyAny>) -> Self {
        self.__copy__()
    }

    fn __reduce__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyCFunction>, (Bound<'py, PyBytes>,))> {
        let job_key = self.job_key.as_ref().ok_or_else(|| {
            PyTypeError::new_err(
                "data keys pickle only under a job key: make one with JobKey.generate(), and give it to \
                 Plan.unwrap as job_key or to DataKeys.bound_to",
            )
        })?;
        let module = py.import("libseal._libseal")?;
        let unpickle = module.getattr("unpickle_data_keys")?.cast_into()?;
        let keys = self.now();
        if let Some((of, pickled)) = &*lock_briefly(&self.pickled)
            && Arc::ptr_eq(of, &keys)
        {
            return Ok((unpickle, (pickled.bind(py).clone(),)));
        }
        let encrypted = Self::encrypted(py, &keys, job_key)?;
        *lock_briefly(&self.pickled) = Some((keys, encrypted.clone().unbind()));
        Ok((unpickle, (encrypted,)))
    }

    fn __repr__(&self) -> String {
        match self.__len__() {
            1 => "<libseal.batch.DataKeys of 1 key>".to_owned(),
            len => format!("<libseal.batch.DataKeys of {len} keys>"),
        }
    }
}

/// Decrypts pickled DataKeys with the job key of this process.
#[pyfunction]
#[pyo3(signature = (encrypted, /))]
pub(crate) fn unpickle_data_keys(encrypted: &Bound<'_, PyAny>) -> PyResult<DataKeys> {
    let input = Input::from_py("encrypted", encrypted)?;
    let (keys, job_key) = job_key::unpickle(encrypted.py(), input.as_bytes())?;
    Ok(DataKeys::new(keys, Some(job_key)))
}
