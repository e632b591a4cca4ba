//! `SealingKey`.

use std::sync::{Mutex, MutexGuard, PoisonError};

use libseal::{Error, SealingLimits, SystemRandom};
use pyo3::{prelude::*, types::PyBytes};

use crate::{
    buffer::{Input, Output, new_bytes},
    convert::{Age, Context, Threads, work_on},
    errors,
    keys::Recipients,
    sealer::Sealer,
};

/// A data key that is wrapped once and seals many messages: for telemetry, where a device pays
/// for RSA once and not for every reading, and the backend for one KMS call.
///
/// The messages are like any others, and each opens alone. All have the same header, so
/// everybody sees that they come from one device, and all have the same encryption context.
/// Threads can share this object.
///
/// max_messages and max_bytes, of plaintext, bound what is lost with one data key: a million and
/// 64 GiB unless told otherwise. max_age bounds it in time: seconds or a timedelta since this
/// object was made, on a clock that nobody sets. For the other arguments, and what it raises,
/// see seal.
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

    fn message_len(&self, py: Python<'_>, plaintext_len: u64) -> PyResult<u64> {
        let len = self.lock().sealed_len(plaintext_len);
        len.map_err(|error| errors::to_py(py, error))
    }

    /// `message` is as long as the sealed message. Other threads wait only until this one is
    /// begun.
    fn seal_to(&self, py: Python<'_>, plaintext: &[u8], message: &mut [u8]) -> PyResult<usize> {
        let seal = || -> Result<usize, Error> {
            let len = plaintext.len() as u64;
            let started = self.lock().start_message(len, &mut SystemRandom, message)?;
            started.seal_rest(plaintext, message)
        };
        work_on(py, plaintext.len(), seal).map_err(|error| errors::to_py(py, error))
    }
}

#[pymethods]
impl SealingKey {
    #[new]
    #[pyo3(signature = (
        key,
        key_id = "",
        context = None,
        *,
        max_messages = 1_048_576,
        max_bytes = 68_719_476_736,
        max_age = None
    ))]
    fn py_new(
        key: &Bound<'_, PyAny>,
        key_id: &str,
        context: Option<&Bound<'_, PyAny>>,
        max_messages: u64,
        max_bytes: u64,
        max_age: Option<Age>,
    ) -> PyResult<Self> {
        let py = key.py();
        let recipients = Recipients::from_py(key, key_id)?;
        let context = Context::from_py(context)?;
        let (recipients, context) = (recipients.as_core(), context.pairs()?);
        let limits = SealingLimits::default()
            .with_messages(max_messages)
            .with_bytes(max_bytes);
        let limits = match max_age {
            Some(age) => limits.with_age(age.0),
            None => limits,
        };
        let key = py.detach(|| libseal::SealingKey::new(&recipients, &context, limits));
        let key = key.map_err(|error| errors::to_py(py, error))?;
        Ok(Self {
            key: Mutex::new(key),
        })
    }

    /// Seals data, anything bytes-like, and returns the message as bytes.
    ///
    /// Raises LimitError if that is more than max_messages and max_bytes leave, or after
    /// max_age: time for another SealingKey.
    #[pyo3(signature = (data, /))]
    fn seal<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let data = Input::from_py("data", data)?;
        let data = data.as_bytes();
        let len = self.message_len(py, data.len() as u64)?;
        new_bytes(py, usize::try_from(len)?, |out| self.seal_to(py, data, out))
    }

    /// Seals data into out, a writable buffer, and returns how many bytes it wrote: sealed_len
    /// of them.
    ///
    /// out may be longer, and must not overlap data. Raises LimitError as seal does, and if out
    /// is too small; that takes nothing from the limits.
    #[pyo3(signature = (data, out, /))]
    fn seal_into(
        &self,
        py: Python<'_>,
        data: &Bound<'_, PyAny>,
        out: &Bound<'_, PyAny>,
    ) -> PyResult<usize> {
        let data = Input::from_py("data", data)?;
        let mut out = Output::from_py(out, &data)?;
        let data = data.as_bytes();
        let len = self.message_len(py, data.len() as u64)?;
        self.seal_to(py, data, out.first(usize::try_from(len)?)?)
    }

    /// Length in bytes of the message that seal makes of plaintext_len bytes.
    ///
    /// Raises LimitError from 4 PiB.
    #[pyo3(signature = (plaintext_len, /))]
    fn sealed_len(&self, py: Python<'_>, plaintext_len: u64) -> PyResult<u64> {
        self.message_len(py, plaintext_len)
    }

    /// Begins a message of at most max_len bytes of plaintext, to be sealed piece by piece.
    ///
    /// max_len counts at once, used up or not. A stream of unknown length is better off with a
    /// Sealer, which has a data key of its own.
    ///
    /// Raises LimitError as seal does. The Sealer's update raises it if the message gets longer;
    /// that piece is not sealed then.
    #[pyo3(
        signature = (max_len, /, *, threads = Threads::ONE),
        text_signature = "($self, max_len, /, *, threads=1)"
    )]
    fn sealer(&self, py: Python<'_>, max_len: u64, threads: Threads) -> PyResult<Sealer> {
        let mut key = self.lock();
        let mut start = vec![0; key.start_len()];
        let sealer = key.start(max_len, &mut start);
        let sealer = sealer.map_err(|error| errors::to_py(py, error))?;
        Ok(Sealer::started(sealer, start, threads))
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

    /// For how many more seconds it seals; None without max_age.
    #[getter]
    fn remaining_age(&self) -> Option<f64> {
        let age = self.lock().left().age();
        age.map(|age| age.as_secs_f64())
    }

    fn __repr__(&self) -> String {
        let left = self.lock().left();
        let (messages, bytes) = (left.messages(), left.bytes());
        let age = left
            .age()
            .map(|age| format!(" remaining_age={}", age.as_secs_f64()));
        format!(
            "<libseal.SealingKey remaining_messages={messages} remaining_bytes={bytes}{}>",
            age.unwrap_or_default()
        )
    }
}
