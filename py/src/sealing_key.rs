//! `SealingKey`.

use std::sync::{Mutex, MutexGuard};

use libseal::{Envelope, SealingLimits};
use pyo3::{prelude::*, types::PyBytes};

use crate::{
    buffer::{Input, Output, new_bytes},
    context::Context,
    convert::{Age, lock_briefly},
    errors, fork,
    pool::Threads,
    recipient::Recipients,
    sealer::Sealer,
};

/// A data key that is wrapped once and seals many messages. For telemetry: a device pays for RSA
/// once and not for every reading, and the backend for one KMS call.
///
/// Each message is complete in itself and opens alone. All have the same header, so anyone can
/// see that they come from one device, and all have the same encryption context. Threads can
/// share this object.
///
/// The limits bound what is lost with one data key. max_messages is a million (2**20) by default,
/// max_bytes, of plaintext, 64 GiB. max_age, in seconds or as a timedelta, counts from when this
/// object was made, on a clock that goes on while the machine sleeps; by default age does not
/// matter.
///
/// A forked child cannot seal with it: the limits would not hold if both processes could. There,
/// calls that seal raise StateError. Make one in each process, such as each worker of a pool.
///
/// For recipients and context see seal. Raises ContextError or LimitError.
#[pyclass(frozen, module = "libseal")]
pub(crate) struct SealingKey {
    key: Mutex<libseal::SealingKey<'static>>,
}

impl SealingKey {
    /// Waits, unlike the other classes, because no call has it for long: just to begin a message,
    /// while it is attached to the interpreter and without running Python code. So a fork never
    /// finds it locked.
    fn lock(&self, _attached: Python<'_>) -> MutexGuard<'_, libseal::SealingKey<'static>> {
        lock_briefly(&self.key)
    }

    pub(crate) fn message_len(&self, py: Python<'_>, plaintext_len: u64) -> PyResult<u64> {
        let len = self.lock(py).sealed_len(plaintext_len);
        len.map_err(|error| errors::to_py(py, error))
    }

    /// Begins many messages at once, to be sealed without this key.
    pub(crate) fn start_many(
        &self,
        py: Python<'_>,
        lens: Vec<u64>,
    ) -> Result<libseal::ManySealer, libseal::Error> {
        self.lock(py).start_many(lens)
    }

    /// `message` is as long as the sealed message.
    fn seal_to(&self, py: Python<'_>, plaintext: &[u8], message: &mut [u8]) -> PyResult<usize> {
        let (start_len, started) = {
            let mut key = self.lock(py);
            (key.start_len(), key.start(plaintext.len() as u64, message))
        };
        let mut sealer = started.map_err(|error| errors::to_py(py, error))?;
        let rest = message.get_mut(start_len..);
        let rest = rest.ok_or_else(|| errors::internal(py))?;
        let finish = || sealer.finish_with(plaintext, rest);
        let written = Threads::ONE.work_on(py, plaintext.len(), finish);
        Ok(start_len + written.map_err(|error| errors::to_py(py, error))?)
    }
}

#[pymethods]
impl SealingKey {
    #[new]
    #[pyo3(signature = (
        recipients,
        *,
        context = None,
        max_messages = 1_048_576,
        max_bytes = 68_719_476_736,
        max_age = None
    ))]
    fn py_new(
        recipients: &Bound<'_, PyAny>,
        context: Option<&Bound<'_, PyAny>>,
        max_messages: u64,
        max_bytes: u64,
        max_age: Option<Age>,
    ) -> PyResult<Self> {
        let py = recipients.py();
        let recipients = Recipients::from_py(recipients)?;
        let context = Context::from_py(context)?;
        let (recipients, context) = (recipients.as_core(), context.pairs()?);
        let envelope = Envelope::new(&recipients).with_context(&context);
        let limits = SealingLimits::default()
            .with_messages(max_messages)
            .with_bytes(max_bytes);
        let limits = match max_age {
            Some(age) => limits.with_age(age.0),
            None => limits,
        };
        let key = py.detach(|| fork::draw(|| libseal::SealingKey::new(envelope, limits)));
        let key = key.map_err(|error| errors::to_py(py, error))?;
        Ok(Self {
            key: Mutex::new(key),
        })
    }

    /// Seals data, a bytes-like object, and returns the message.
    ///
    /// Raises LimitError if the limits allow no more: it is time for another SealingKey. Raises
    /// StateError in a forked child.
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

    /// Like seal, but writes to out, a writable buffer, and returns how many bytes it wrote:
    /// sealed_len(len(data)).
    ///
    /// out may be longer, and must not overlap data. If it is too small, LimitError is raised and
    /// nothing is taken from the limits.
    #[pyo3(signature = (data, out, /))]
    fn seal_into(
        &self,
        py: Python<'_>,
        data: &Bound<'_, PyAny>,
        out: &Bound<'_, PyAny>,
    ) -> PyResult<usize> {
        let data = Input::from_py("data", data)?;
        let mut out = Output::from_py(out, Some(&data))?;
        let data = data.as_bytes();
        let len = self.message_len(py, data.len() as u64)?;
        self.seal_to(py, data, out.first(usize::try_from(len)?)?)
    }

    /// Length of a sealed message with plaintext_len bytes of plaintext.
    ///
    /// Raises LimitError from 4 PiB.
    #[pyo3(signature = (plaintext_len, /))]
    fn sealed_len(&self, py: Python<'_>, plaintext_len: u64) -> PyResult<u64> {
        self.message_len(py, plaintext_len)
    }

    /// Begins a message of at most max_len bytes of plaintext, to seal piece by piece.
    ///
    /// max_len is taken from the limits at once, used up or not. A stream of unknown length is
    /// better off with a data key of its own: Sealer(recipients).
    ///
    /// Raises LimitError as seal does. Sealer.update raises it for a piece that would make the
    /// message longer, and does not seal that piece.
    #[pyo3(
        signature = (max_len, /, *, threads = Threads::ONE),
        text_signature = "($self, max_len, /, *, threads=1)"
    )]
    fn sealer(&self, py: Python<'_>, max_len: u64, threads: Threads) -> PyResult<Sealer> {
        let mut start = vec![0; self.lock(py).start_len()];
        let sealer = self.lock(py).start(max_len, &mut start);
        let sealer = sealer.map_err(|error| errors::to_py(py, error))?;
        Ok(Sealer::started(sealer, start, threads))
    }

    /// How many more messages it seals.
    #[getter]
    fn remaining_messages(&self, py: Python<'_>) -> u64 {
        self.lock(py).left().messages()
    }

    /// How many more bytes of plaintext it seals.
    #[getter]
    fn remaining_bytes(&self, py: Python<'_>) -> u64 {
        self.lock(py).left().bytes()
    }

    /// For how many more seconds it seals; None without max_age.
    #[getter]
    fn remaining_age(&self, py: Python<'_>) -> Option<f64> {
        let age = self.lock(py).left().age();
        age.map(|age| age.as_secs_f64())
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let left = self.lock(py).left();
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
