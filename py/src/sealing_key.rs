//! `SealingKey`.

use std::sync::{Mutex, MutexGuard, PoisonError};

use libseal::{Error, SealingLimits};
use pyo3::{prelude::*, types::PyBytes};

use crate::{
    convert::{Context, bytes_like, work_on},
    errors,
    keys::Recipients,
    sealer::Sealer,
};

/// A data key that is wrapped once and seals many messages: for telemetry, where a device pays
/// for RSA once and not for every reading, and the backend for one KMS call.
///
/// The messages are like any others, and each opens alone. All have the same header, so everybody
/// sees that they come from one device, and all have the same encryption context. Threads can share
/// this object.
///
/// max_messages and max_bytes, of plaintext, bound what is lost with one data key: a million and
/// 64 GiB unless told otherwise. For the other arguments, and what it raises, see seal.
#[pyclass(frozen, module = "libseal")]
pub(crate) struct SealingKey {
    key: Mutex<libseal::SealingKey<'static>>,
}

impl SealingKey {
    /// Waits, unlike the other classes, because nobody has it for long: just to begin a message,
    /// and without running any Python.
    fn lock(&self) -> MutexGuard<'_, libseal::SealingKey<'static>> {
        self.key.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `message` is as long as the sealed message.
    fn seal_into(&self, plaintext: &[u8], message: &mut [u8]) -> Result<(), Error> {
        let mut key = self.lock();
        let (start, rest) = message.split_at_mut(key.start_len());
        let mut sealer = key.start(plaintext.len() as u64, start)?;
        drop(key);
        let (body, end) = rest.split_at_mut(sealer.update_len(plaintext.len()));
        sealer.update(plaintext, body)?;
        end.copy_from_slice(&sealer.finish());
        Ok(())
    }
}

#[pymethods]
impl SealingKey {
    #[new]
    #[pyo3(signature = (
        key, key_id = "", context = None, *, max_messages = 1_048_576, max_bytes = 68_719_476_736
    ))]
    fn py_new(
        key: &Bound<'_, PyAny>,
        key_id: &str,
        context: Option<&Bound<'_, PyAny>>,
        max_messages: u64,
        max_bytes: u64,
    ) -> PyResult<Self> {
        let py = key.py();
        let recipients = Recipients::from_py(key, key_id)?;
        let context = Context::from_py(context)?;
        let (recipients, context) = (recipients.as_core(), context.pairs());
        let limits = SealingLimits::default()
            .with_messages(max_messages)
            .with_bytes(max_bytes);
        let key = py.detach(|| libseal::SealingKey::new(&recipients, &context, limits));
        let key = key.map_err(|error| errors::to_py(py, error))?;
        Ok(Self {
            key: Mutex::new(key),
        })
    }

    /// Seals data, anything bytes-like, and returns the message as bytes.
    ///
    /// Raises LimitError if that is more than max_messages and max_bytes leave: time for another
    /// SealingKey.
    #[pyo3(signature = (data, /))]
    fn seal<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let data = bytes_like("data", data)?;
        let plaintext = data.as_bytes();
        let to_py = |error| errors::to_py(py, error);
        let len = self.lock().sealed_len(plaintext.len() as u64);
        let len = usize::try_from(len.map_err(to_py)?)?;
        PyBytes::new_with(py, len, |message| {
            let seal = || self.seal_into(plaintext, message);
            work_on(py, plaintext.len(), seal).map_err(to_py)
        })
    }

    /// Begins a message of at most max_len bytes of plaintext, to be sealed piece by piece.
    ///
    /// max_len counts at once, used up or not. A stream of unknown length is better off with a
    /// Sealer, which has a data key of its own.
    ///
    /// Raises LimitError as seal does. The Sealer's update raises it if the message gets longer;
    /// that piece is not sealed then.
    #[pyo3(signature = (max_len, /))]
    fn sealer(&self, py: Python<'_>, max_len: u64) -> PyResult<Sealer> {
        let mut key = self.lock();
        let mut start = vec![0; key.start_len()];
        let sealer = key.start(max_len, &mut start);
        let sealer = sealer.map_err(|error| errors::to_py(py, error))?;
        Ok(Sealer::started(sealer, start))
    }

    /// How many more messages it seals.
    #[getter]
    fn remaining_messages(&self) -> u64 {
        self.lock().left().messages()
    }

    /// How many more bytes of plaintext it seals.
    #[getter]
    fn remaining_bytes(&self) -> u64 {
        self.lock().left().bytes()
    }

    fn __repr__(&self) -> String {
        let left = self.lock().left();
        format!(
            "<libseal.SealingKey remaining_messages={} remaining_bytes={}>",
            left.messages(),
            left.bytes()
        )
    }
}
