//! Unsealing in one call: `unseal`, `unseal_into` and `plaintext_len`.

use libseal::Error;
use pyo3::{prelude::*, types::PyBytes};

use crate::{
    buffer::{Input, Output, new_bytes},
    context::Require,
    errors,
    pool::Threads,
    unwrap::Unwrappers,
};

/// See libseal.unseal.
#[pyfunction]
#[pyo3(signature = (message, unwrap, require, threads, /))]
pub(crate) fn unseal<'py>(
    message: &Bound<'py, PyAny>,
    unwrap: &Bound<'py, PyAny>,
    require: Option<&Bound<'py, PyAny>>,
    threads: Threads,
) -> PyResult<Bound<'py, PyBytes>> {
    let py = message.py();
    let unwrappers = Unwrappers::from_py(unwrap)?;
    let require = Require::from_py(require)?;
    let message = Input::from_py("message", message)?;
    let mut message = WholeMessage::new(py, message.as_bytes(), &require, threads)?;
    message.unwrap(&unwrappers)?;
    new_bytes(py, message.plaintext_len, |out| message.unseal(out))
}

/// See libseal.unseal_into.
#[pyfunction]
#[pyo3(signature = (message, out, unwrap, require, threads, /))]
pub(crate) fn unseal_into<'py>(
    message: &Bound<'py, PyAny>,
    out: &Bound<'py, PyAny>,
    unwrap: &Bound<'py, PyAny>,
    require: Option<&Bound<'py, PyAny>>,
    threads: Threads,
) -> PyResult<usize> {
    let py = message.py();
    let unwrappers = Unwrappers::from_py(unwrap)?;
    let require = Require::from_py(require)?;
    let message = Input::from_py("message", message)?;
    let mut out = Output::from_py(out, Some(&message))?;
    let mut message = WholeMessage::new(py, message.as_bytes(), &require, threads)?;
    // Before the unwrapper is asked.
    out.first(message.plaintext_len)?;
    message.unwrap(&unwrappers)?;
    message.unseal(out.first(message.plaintext_len)?)
}

/// See libseal.plaintext_len.
#[pyfunction]
#[pyo3(signature = (message, /))]
pub(crate) fn plaintext_len(message: &Bound<'_, PyAny>) -> PyResult<usize> {
    let bytes = Input::from_py("message", message)?;
    let len = libseal::plaintext_len(bytes.as_bytes());
    len.map_err(|error| errors::to_py(message.py(), error))
}

/// A message that is unsealed in one call.
struct WholeMessage<'m, 'py> {
    py: Python<'py>,
    unsealer: libseal::Unsealer,
    payload: &'m [u8],
    /// If the message is not truncated.
    plaintext_len: usize,
    threads: Threads,
}

impl<'m, 'py> WholeMessage<'m, 'py> {
    /// Takes the header off.
    fn new(
        py: Python<'py>,
        message: &'m [u8],
        require: &Require<'_>,
        threads: Threads,
    ) -> PyResult<Self> {
        let unsealer = libseal::Unsealer::new(&require.pairs()?);
        let mut unsealer = unsealer.with_max_threads(threads.most());
        let header_len = take_header(&mut unsealer, message);
        let header_len = header_len.map_err(|error| errors::to_py(py, error))?;
        let payload = message.get(header_len..);
        let header = unsealer.header().zip(payload);
        let (header, payload) = header.ok_or_else(|| errors::internal(py))?;
        let plaintext = header.plaintext_range(0, message.len() as u64);
        Ok(Self {
            py,
            payload,
            plaintext_len: usize::try_from(plaintext.end)?,
            unsealer,
            threads,
        })
    }

    fn unwrap(&mut self, unwrappers: &Unwrappers<'_>) -> PyResult<()> {
        let unwrapped = self.unsealer.unwrap_with(unwrappers.as_core());
        unwrapped.map_err(|error| errors::to_py(self.py, error))
    }

    /// After the data key was unwrapped; `out` is `plaintext_len` bytes long.
    fn unseal(&mut self, out: &mut [u8]) -> PyResult<usize> {
        let (unsealer, payload) = (&mut self.unsealer, self.payload);
        let unseal = || unsealer.finish_with(payload, out);
        let unsealed = self.threads.work_on(self.py, self.plaintext_len, unseal);
        unsealed.map_err(|error| errors::to_py(self.py, error))
    }
}

/// Returns the length of the header, or says why there is none.
fn take_header(unsealer: &mut libseal::Unsealer, message: &[u8]) -> Result<usize, Error> {
    let progress = unsealer.update(message, &mut [])?;
    if unsealer.header().is_none() {
        unsealer.finish(&mut [])?;
    }
    Ok(progress.consumed)
}
