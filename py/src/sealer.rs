//! `seal` and `Sealer`.

use std::sync::Mutex;

use libseal::Error;
use pyo3::{prelude::*, types::PyBytes};

use crate::{
    convert::{Context, bytes_like, lock, work_on},
    errors,
    keys::Recipients,
};

/// Seals data, anything bytes-like, and returns the message as bytes.
///
/// key is one PublicKey or Recipient, or several: each of them can unseal alone. key_id is a hint
/// for whoever unseals, such as the alias or ARN of the KMS key. context are pairs of str that
/// everybody can read and nobody can change, at most 8192 bytes. At most 16 recipients, and 2048
/// bytes in a key id.
///
/// Raises ContextError or LimitError.
#[pyfunction]
#[pyo3(signature = (key, data, key_id = "", context = None))]
pub(crate) fn seal<'py>(
    key: &Bound<'py, PyAny>,
    data: &Bound<'py, PyAny>,
    key_id: &str,
    context: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyBytes>> {
    let py = data.py();
    let recipients = Recipients::from_py(key, key_id)?;
    let context = Context::from_py(context)?;
    let data = bytes_like("data", data)?;
    let plaintext = data.as_bytes();
    let (recipients, context) = (recipients.as_core(), context.pairs());

    let len = libseal::sealed_len(&recipients, &context, plaintext.len() as u64);
    let len = len.map_err(|error| errors::to_py(py, error))?;
    PyBytes::new_with(py, usize::try_from(len)?, |message| {
        let seal = || libseal::seal_into(&recipients, &context, plaintext, message);
        let sealed = py.detach(seal);
        sealed.map(drop).map_err(|error| errors::to_py(py, error))
    })
}

/// Seals a message piece by piece, without I/O.
///
/// What update and finish return, one after the other, is the message. Every byte of plaintext goes
/// out at once; nothing is buffered. A message that is not finished is refused by every reader as
/// truncated: that is the way to abandon one.
///
/// For the arguments, and what it raises, see seal.
#[pyclass(frozen, module = "libseal")]
pub(crate) struct Sealer {
    /// `None` after the end.
    running: Mutex<Option<Running>>,
}

struct Running {
    sealer: libseal::Sealer,
    /// The beginning of the message, until it has gone out.
    start: Vec<u8>,
}

impl Sealer {
    /// A message of which `start` was written.
    pub(crate) fn started(sealer: libseal::Sealer, start: Vec<u8>) -> Self {
        Self {
            running: Mutex::new(Some(Running { sealer, start })),
        }
    }
}

#[pymethods]
impl Sealer {
    #[new]
    #[pyo3(signature = (key, key_id = "", context = None))]
    fn py_new(
        key: &Bound<'_, PyAny>,
        key_id: &str,
        context: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let py = key.py();
        let recipients = Recipients::from_py(key, key_id)?;
        let context = Context::from_py(context)?;
        let (recipients, context) = (recipients.as_core(), context.pairs());
        let started = py.detach(|| start(&recipients, &context));
        started.map_err(|error| errors::to_py(py, error))
    }

    /// Seals the next piece, anything bytes-like of any length, and returns the next bytes of
    /// the message: with the first piece, which may be empty, its header too.
    ///
    /// Raises StateError after finish, or if another thread is using this object.
    #[pyo3(signature = (data, /))]
    fn update<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let data = bytes_like("data", data)?;
        let mut running = lock(py, &self.running)?;
        let finished = || errors::wrong_state(py, "the message is finished already");
        let Running { sealer, start } = running.as_mut().ok_or_else(finished)?;

        let plaintext = data.as_bytes();
        let len = start.len() + sealer.update_len(plaintext.len());
        let sealed = PyBytes::new_with(py, len, |out| {
            let body = put(start, out);
            let sealed = work_on(py, plaintext.len(), || sealer.update(plaintext, body));
            sealed.map(drop).map_err(|error| errors::to_py(py, error))
        })?;
        *start = Vec::new();
        Ok(sealed)
    }

    /// Ends the message and returns its last bytes.
    ///
    /// Raises StateError as update does.
    fn finish<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let running = lock(py, &self.running)?.take();
        let finished = || errors::wrong_state(py, "the message is finished already");
        let Running { sealer, start } = running.ok_or_else(finished)?;
        let len = start.len() + libseal::Sealer::FINISH_LEN;
        PyBytes::new_with(py, len, |out| {
            put(&start, out).copy_from_slice(&sealer.finish());
            Ok(())
        })
    }
}

fn start(recipients: &[libseal::Recipient<'_>], context: &[(&str, &str)]) -> Result<Sealer, Error> {
    let mut start = vec![0; libseal::Sealer::start_len(recipients, context)?];
    let sealer = libseal::Sealer::start(recipients, context, &mut start)?;
    Ok(Sealer::started(sealer, start))
}

/// Copies `bytes` to the front of `out` and returns the rest of it.
fn put<'o>(bytes: &[u8], out: &'o mut [u8]) -> &'o mut [u8] {
    let (front, rest) = out.split_at_mut(bytes.len());
    front.copy_from_slice(bytes);
    rest
}
