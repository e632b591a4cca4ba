//! Sealing in one call: `seal`, `seal_into` and `sealed_len`.

use libseal::{Envelope, Error, ErrorKind};
use pyo3::{prelude::*, types::PyBytes};

use crate::{
    buffer::{Input, Output, new_bytes},
    context::Context,
    errors, fork,
    pool::Threads,
    recipient::Recipients,
};

/// See libseal.seal.
#[pyfunction]
#[pyo3(signature = (recipients, data, context, threads, /))]
pub(crate) fn seal<'py>(
    recipients: &Bound<'py, PyAny>,
    data: &Bound<'py, PyAny>,
    context: Option<&Bound<'py, PyAny>>,
    threads: Threads,
) -> PyResult<Bound<'py, PyBytes>> {
    let py = data.py();
    let recipients = Recipients::from_py(recipients)?;
    let context = Context::from_py(context)?;
    let data = Input::from_py("data", data)?;
    let (recipients, context) = (recipients.as_core(), context.pairs()?);
    let envelope = Envelope::new(&recipients).with_context(&context);
    let len = message_len(py, &envelope, data.as_bytes().len() as u64)?;
    new_bytes(py, usize::try_from(len)?, |out| {
        seal_message(py, &envelope, data.as_bytes(), out, threads)
    })
}

/// See libseal.seal_into.
#[pyfunction]
#[pyo3(signature = (recipients, data, out, context, threads, /))]
pub(crate) fn seal_into<'py>(
    recipients: &Bound<'py, PyAny>,
    data: &Bound<'py, PyAny>,
    out: &Bound<'py, PyAny>,
    context: Option<&Bound<'py, PyAny>>,
    threads: Threads,
) -> PyResult<usize> {
    let py = data.py();
    let recipients = Recipients::from_py(recipients)?;
    let context = Context::from_py(context)?;
    let data = Input::from_py("data", data)?;
    let mut out = Output::from_py(out, Some(&data))?;
    let (recipients, context) = (recipients.as_core(), context.pairs()?);
    let envelope = Envelope::new(&recipients).with_context(&context);
    let len = message_len(py, &envelope, data.as_bytes().len() as u64)?;
    let out = out.first(usize::try_from(len)?)?;
    seal_message(py, &envelope, data.as_bytes(), out, threads)
}

/// See libseal.sealed_len.
#[pyfunction]
#[pyo3(signature = (recipients, plaintext_len, context, /))]
pub(crate) fn sealed_len(
    recipients: &Bound<'_, PyAny>,
    plaintext_len: u64,
    context: Option<&Bound<'_, PyAny>>,
) -> PyResult<u64> {
    let py = recipients.py();
    let recipients = Recipients::from_py(recipients)?;
    let context = Context::from_py(context)?;
    let (recipients, context) = (recipients.as_core(), context.pairs()?);
    let envelope = Envelope::new(&recipients).with_context(&context);
    message_len(py, &envelope, plaintext_len)
}

fn message_len(py: Python<'_>, envelope: &Envelope<'_>, plaintext_len: u64) -> PyResult<u64> {
    let len = envelope.sealed_len(plaintext_len);
    len.map_err(|error| errors::to_py(py, error))
}

/// `out` is as long as the message.
fn seal_message(
    py: Python<'_>,
    envelope: &Envelope<'_>,
    plaintext: &[u8],
    out: &mut [u8],
    threads: Threads,
) -> PyResult<usize> {
    let seal = || -> Result<usize, Error> {
        let start_len = envelope.start_len()?;
        let sealer = fork::draw(|| envelope.start(out))?;
        let rest = out.get_mut(start_len..).ok_or(ErrorKind::Internal)?;
        let mut sealer = sealer.with_max_threads(threads.most());
        Ok(start_len + sealer.finish_with(plaintext, rest)?)
    };
    let sealed = threads.work_detached(py, plaintext.len(), seal);
    sealed.map_err(|error| errors::to_py(py, error))
}
