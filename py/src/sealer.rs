//! `seal` and `Sealer`.

use std::sync::{Mutex, MutexGuard};

use libseal::Error;
use pyo3::{prelude::*, types::PyBytes};

use crate::{
    buffer::{Input, Output, new_bytes},
    convert::{Context, Threads, lock, work_on},
    errors,
    keys::Recipients,
};

/// Seals data, anything bytes-like, and returns the message as bytes.
///
/// key is one PublicKey or Recipient, or several: each of them can unseal alone. key_id is a
/// hint for whoever unseals, such as the alias or ARN of the KMS key. context are pairs of str
/// that everybody can read and nobody can change, at most 8192 bytes. At most 16 recipients, and
/// 2048 bytes in a key id.
///
/// threads are how many work on a message of 512 KiB or more; None for one on each core.
///
/// data is read where it lies, without a copy: no other thread may change it in the meantime.
///
/// Raises ContextError or LimitError.
#[pyfunction]
#[pyo3(
    signature = (key, data, key_id = "", context = None, *, threads = Threads::ONE),
    text_signature = "(key, data, key_id='', context=None, *, threads=1)"
)]
pub(crate) fn seal<'py>(
    key: &Bound<'py, PyAny>,
    data: &Bound<'py, PyAny>,
    key_id: &str,
    context: Option<&Bound<'py, PyAny>>,
    threads: Threads,
) -> PyResult<Bound<'py, PyBytes>> {
    let py = data.py();
    let recipients = Recipients::from_py(key, key_id)?;
    let context = Context::from_py(context)?;
    let data = Input::from_py("data", data)?;
    let message = NewMessage {
        recipients: &recipients.as_core(),
        context: &context.pairs()?,
        threads,
    };
    let len = message.len(py, data.as_bytes().len() as u64)?;
    new_bytes(py, usize::try_from(len)?, |out| {
        message.seal(py, data.as_bytes(), out)
    })
}

/// Seals data into out, a writable buffer, and returns how many bytes it wrote: sealed_len of
/// them.
///
/// out may be longer, and must not overlap data. For the other arguments, and what it raises,
/// see seal; LimitError too if out is too small.
#[pyfunction]
#[pyo3(
    signature = (key, data, out, key_id = "", context = None, *, threads = Threads::ONE),
    text_signature = "(key, data, out, key_id='', context=None, *, threads=1)"
)]
pub(crate) fn seal_into<'py>(
    key: &Bound<'py, PyAny>,
    data: &Bound<'py, PyAny>,
    out: &Bound<'py, PyAny>,
    key_id: &str,
    context: Option<&Bound<'py, PyAny>>,
    threads: Threads,
) -> PyResult<usize> {
    let py = data.py();
    let recipients = Recipients::from_py(key, key_id)?;
    let context = Context::from_py(context)?;
    let data = Input::from_py("data", data)?;
    let mut out = Output::from_py(out, &data)?;
    let message = NewMessage {
        recipients: &recipients.as_core(),
        context: &context.pairs()?,
        threads,
    };
    let len = message.len(py, data.as_bytes().len() as u64)?;
    message.seal(py, data.as_bytes(), out.first(usize::try_from(len)?)?)
}

/// Length in bytes of the message that seal makes of plaintext_len bytes.
///
/// Raises ContextError or LimitError, as seal does.
#[pyfunction]
#[pyo3(signature = (key, plaintext_len, key_id = "", context = None))]
pub(crate) fn sealed_len(
    key: &Bound<'_, PyAny>,
    plaintext_len: u64,
    key_id: &str,
    context: Option<&Bound<'_, PyAny>>,
) -> PyResult<u64> {
    let recipients = Recipients::from_py(key, key_id)?;
    let context = Context::from_py(context)?;
    let message = NewMessage {
        recipients: &recipients.as_core(),
        context: &context.pairs()?,
        threads: Threads::ONE,
    };
    message.len(key.py(), plaintext_len)
}

/// A message that is sealed in one call.
struct NewMessage<'a> {
    recipients: &'a [libseal::Recipient<'a>],
    context: &'a [(&'a str, &'a str)],
    threads: Threads,
}

impl NewMessage<'_> {
    fn len(&self, py: Python<'_>, plaintext_len: u64) -> PyResult<u64> {
        let len = libseal::sealed_len(self.recipients, self.context, plaintext_len);
        len.map_err(|error| errors::to_py(py, error))
    }

    /// `out` is as long as the message.
    fn seal(&self, py: Python<'_>, plaintext: &[u8], out: &mut [u8]) -> PyResult<usize> {
        let seal = || -> Result<usize, Error> {
            let start_len = libseal::Sealer::start_len(self.recipients, self.context)?;
            let sealer = libseal::Sealer::start(self.recipients, self.context, out)?;
            let rest = out.get_mut(start_len..).unwrap_or_default();
            let written = sealer
                .with_threads(self.threads.0)
                .finish_with(plaintext, rest)?;
            Ok(start_len + written)
        };
        py.detach(seal).map_err(|error| errors::to_py(py, error))
    }
}

/// Seals a message piece by piece, without I/O.
///
/// What update and finish return, one after the other, is the message. Every byte of plaintext
/// goes out at once; nothing is buffered. A message that is not finished is refused by every
/// reader as truncated: that is the way to abandon one.
///
/// Pieces of whole 16 KiB are the fastest, and of a few MiB with several threads. For the
/// arguments, and what it raises, see seal.
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

impl Running {
    fn update_len(&self, input_len: usize) -> usize {
        self.start
            .len()
            .saturating_add(self.sealer.update_len(input_len))
    }

    fn update(&mut self, py: Python<'_>, input: &[u8], out: &mut [u8]) -> PyResult<usize> {
        let body = put(&self.start, out);
        let update = || self.sealer.update(input, body);
        let sealed = work_on(py, input.len(), update).map_err(|error| errors::to_py(py, error))?;
        let written = self.start.len() + sealed;
        self.start = Vec::new();
        Ok(written)
    }

    fn finish_with_len(&self, input_len: usize) -> usize {
        self.update_len(input_len)
            .saturating_add(libseal::Sealer::FINISH_LEN)
    }

    fn finish_with(self, py: Python<'_>, input: &[u8], out: &mut [u8]) -> PyResult<usize> {
        let Self { sealer, start } = self;
        let rest = put(&start, out);
        let finish = || sealer.finish_with(input, rest);
        let sealed = work_on(py, input.len(), finish).map_err(|error| errors::to_py(py, error))?;
        Ok(start.len() + sealed)
    }
}

impl Sealer {
    /// A message of which `start` was written.
    pub(crate) fn started(sealer: libseal::Sealer, start: Vec<u8>, threads: Threads) -> Self {
        let sealer = sealer.with_threads(threads.0);
        Self {
            running: Mutex::new(Some(Running { sealer, start })),
        }
    }

    fn lock(&self, py: Python<'_>) -> PyResult<MutexGuard<'_, Option<Running>>> {
        lock(py, &self.running)
    }
}

fn finished(py: Python<'_>) -> PyErr {
    errors::wrong_state(py, "the message is finished already")
}

#[pymethods]
impl Sealer {
    #[new]
    #[pyo3(
        signature = (key, key_id = "", context = None, *, threads = Threads::ONE),
        text_signature = "(key, key_id='', context=None, *, threads=1)"
    )]
    fn py_new(
        key: &Bound<'_, PyAny>,
        key_id: &str,
        context: Option<&Bound<'_, PyAny>>,
        threads: Threads,
    ) -> PyResult<Self> {
        let py = key.py();
        let recipients = Recipients::from_py(key, key_id)?;
        let context = Context::from_py(context)?;
        let (recipients, context) = (recipients.as_core(), context.pairs()?);
        let started = py.detach(|| start(&recipients, &context, threads));
        started.map_err(|error| errors::to_py(py, error))
    }

    /// Seals the next piece, anything bytes-like of any length, and returns the next bytes of
    /// the message: with the first piece, which may be empty, its header too.
    ///
    /// Raises StateError after the end, or if another thread is using this object.
    #[pyo3(signature = (data, /))]
    fn update<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let data = Input::from_py("data", data)?;
        let mut running = self.lock(py)?;
        let running = running.as_mut().ok_or_else(|| finished(py))?;
        let data = data.as_bytes();
        new_bytes(py, running.update_len(data.len()), |out| {
            running.update(py, data, out)
        })
    }

    /// As update, into out, a writable buffer; returns how many bytes it wrote:
    /// update_len(len(data)) of them.
    ///
    /// out may be longer, and must not overlap data. If it is too small, LimitError is raised,
    /// and nothing was sealed.
    #[pyo3(signature = (data, out, /))]
    fn update_into(
        &self,
        py: Python<'_>,
        data: &Bound<'_, PyAny>,
        out: &Bound<'_, PyAny>,
    ) -> PyResult<usize> {
        let data = Input::from_py("data", data)?;
        let mut out = Output::from_py(out, &data)?;
        let mut running = self.lock(py)?;
        let running = running.as_mut().ok_or_else(|| finished(py))?;
        let data = data.as_bytes();
        running.update(py, data, out.first(running.update_len(data.len()))?)
    }

    /// Exactly how many bytes update returns for data_len bytes now: as many, and 16 more for
    /// each 16 KiB of plaintext that they complete; with the first piece, the header too.
    ///
    /// Raises StateError as update does.
    #[pyo3(signature = (data_len, /))]
    fn update_len(&self, py: Python<'_>, data_len: usize) -> PyResult<usize> {
        let running = self.lock(py)?;
        let running = running.as_ref().ok_or_else(|| finished(py))?;
        Ok(running.update_len(data_len))
    }

    /// Ends the message and returns its last bytes.
    ///
    /// Raises StateError as update does.
    fn finish<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.end(py, &[])
    }

    /// Takes the rest of the plaintext and ends the message: update and finish in one.
    ///
    /// Raises StateError as update does.
    #[pyo3(signature = (data, /))]
    fn finish_with<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        self.end(py, Input::from_py("data", data)?.as_bytes())
    }
}

impl Sealer {
    fn end<'py>(&self, py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let running = self.lock(py)?.take();
        let running = running.ok_or_else(|| finished(py))?;
        new_bytes(py, running.finish_with_len(data.len()), |out| {
            running.finish_with(py, data, out)
        })
    }
}

fn start(
    recipients: &[libseal::Recipient<'_>],
    context: &[(&str, &str)],
    threads: Threads,
) -> Result<Sealer, Error> {
    let mut start = vec![0; libseal::Sealer::start_len(recipients, context)?];
    let sealer = libseal::Sealer::start(recipients, context, &mut start)?;
    Ok(Sealer::started(sealer, start, threads))
}

/// Copies `bytes` to the front of `out` and returns the rest of it.
fn put<'o>(bytes: &[u8], out: &'o mut [u8]) -> &'o mut [u8] {
    let (front, rest) = out.split_at_mut(bytes.len());
    front.copy_from_slice(bytes);
    rest
}
