//! `JobKey`.

use std::sync::{Arc, Mutex};

use libseal::ErrorKind;
use pyo3::{exceptions::PyTypeError, intern, prelude::*, types::PyString};

use crate::{
    convert::{lock_briefly, object, text},
    errors, fork,
};

/// Where a process has its job key, unless one was installed. Engines hide variables with SECRET in
/// their names from logs and pages.
const VARIABLE: &str = "LIBSEAL_JOB_SECRET";

/// A forked child has it too.
static INSTALLED: Mutex<Option<Arc<libseal::JobKey>>> = Mutex::new(None);

/// The key of one job: DataKeys are encrypted under it on their way to the workers.
///
/// JobKey.generate() makes one. Give its text to the workers through what the engine has for
/// secrets, as the variable LIBSEAL_JOB_SECRET of their environment. Whoever has it and the pickled
/// DataKeys can read all messages of the job, so make one for each job.
///
/// It is 32 bytes in memory of Rust, wiped when the last object that has it is gone. Its repr does
/// not show them, and it does not pickle.
#[pyclass(frozen, module = "libseal.batch")]
pub(crate) struct JobKey {
    pub(crate) key: Arc<libseal::JobKey>,
}

#[pymethods]
impl JobKey {
    /// Makes a new one, of random bytes of the operating system.
    #[staticmethod]
    fn generate(py: Python<'_>) -> PyResult<Self> {
        let key = py.detach(|| fork::draw(libseal::JobKey::generate));
        let key = key.map_err(|error| errors::to_py(py, error))?;
        Ok(Self { key: Arc::new(key) })
    }

    /// Reads what to_text returned; white space around it does not matter.
    ///
    /// Raises InvalidKeyError, which does not show the text.
    #[staticmethod]
    #[pyo3(name = "from_text", signature = (text, /))]
    fn py_from_text(text: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = text.py();
        let key = libseal::JobKey::from_text(&self::text("text", text)?);
        let key = key.map_err(|error| errors::to_py(py, error))?;
        Ok(Self { key: Arc::new(key) })
    }

    /// Reads the variable LIBSEAL_JOB_SECRET.
    ///
    /// Raises InvalidKeyError if it does not hold the text of a job key, and StateError if there is
    /// no such variable.
    #[staticmethod]
    fn from_env(py: Python<'_>) -> PyResult<Self> {
        let key = from_env(py)?.ok_or_else(|| {
            let message = format!("there is no job key: set {VARIABLE} to the text of one");
            errors::wrong_state(py, &message)
        })?;
        Ok(Self { key })
    }

    /// The secret as text: 43 letters, digits, - and _, for the environment of a worker.
    fn to_text<'py>(&self, py: Python<'py>) -> Bound<'py, PyString> {
        PyString::new(py, &self.key.to_text())
    }

    /// Makes this the job key of the process, in the place of LIBSEAL_JOB_SECRET: pickled
    /// DataKeys are decrypted with it. For workers that get it in another way than in their
    /// environment.
    fn install(&self) {
        let before = lock_briefly(&INSTALLED).replace(self.key.clone());
        drop(before);
    }

    fn __copy__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    #[pyo3(signature = (_memo, /))]
    fn __deepcopy__<'py>(this: Bound<'py, Self>, _memo: &Bound<'_, PyAny>) -> Bound<'py, Self> {
        this
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(PyTypeError::new_err(format!(
            "a JobKey does not pickle, because it must not travel with what it encrypts: give its text to \
             the workers as {VARIABLE} in their environment"
        )))
    }

    fn __repr__(&self) -> &'static str {
        "<libseal.batch.JobKey>"
    }
}

/// The argument `job_key`.
pub(crate) fn from_py(value: &Bound<'_, PyAny>) -> PyResult<Arc<libseal::JobKey>> {
    Ok(object::<JobKey>("job_key", value)?.get().key.clone())
}

/// Decrypts what was pickled, with the job key of this process.
pub(crate) fn unpickle(
    py: Python<'_>,
    encrypted: &[u8],
) -> PyResult<(libseal::DataKeys, Arc<libseal::JobKey>)> {
    let installed = lock_briefly(&INSTALLED).clone();
    let (job_key, origin) = match installed {
        Some(job_key) => (
            job_key,
            format!("the one that was installed in place of {VARIABLE}"),
        ),
        None => {
            let job_key = from_env(py)?.ok_or_else(|| {
                let message = format!(
                    "the data keys are encrypted under a job key, and this process has none: set \
                     {VARIABLE} to its text in the environment of the workers, or call JobKey.install"
                );
                errors::wrong_state(py, &message)
            })?;
            (job_key, format!("the one in {VARIABLE}"))
        }
    };
    let keys = py.detach(|| libseal::DataKeys::decrypt(&job_key, encrypted));
    let keys = keys.map_err(|error| match error.kind() {
        ErrorKind::AuthenticationFailed => {
            let message = format!(
                "the data keys do not decrypt: they were encrypted under another job key than {origin}, \
                 or altered"
            );
            errors::with_message(py, error.kind(), &message)
        }
        _ => errors::to_py(py, error),
    });
    Ok((keys?, job_key))
}

fn from_env(py: Python<'_>) -> PyResult<Option<Arc<libseal::JobKey>>> {
    let environ = py
        .import(intern!(py, "os"))?
        .getattr(intern!(py, "environ"))?;
    let found = environ.call_method1(intern!(py, "get"), (VARIABLE,))?;
    if found.is_none() {
        return Ok(None);
    }
    let key = libseal::JobKey::from_text(&text(VARIABLE, &found)?);
    let key = key.map_err(|error| {
        let message =
            format!("{VARIABLE} does not hold a job key: it takes the text of one, 43 characters");
        errors::with_message(py, error.kind(), &message)
    })?;
    Ok(Some(Arc::new(key)))
}
