//! `Sealer`.

use std::{
    mem,
    sync::{Mutex, MutexGuard},
};

use libseal::{Envelope, Error};
use pyo3::{prelude::*, types::PyBytes};

use crate::{
    buffer::{Input, Output, new_bytes},
    context::Context,
    convert::lock,
    errors, fork,
    pool::Threads,
    recipient::Recipients,
};

/// Seals a message piece by piece, without I/O.
///
/// Concatenate what update and finish return: that is the message. Every byte of plaintext goes
/// out at once; nothing is buffered. A message that is not finished is refused by every reader as
/// truncated, so just drop the object to abandon one.
///
/// A message cannot go on in a forked child, which would encrypt with the same key stream as its
/// parent: there, calls raise StateError. The parent goes on.
///
/// Pieces that are multiples of 16 KiB are the fastest. For recipients and context see seal; for
/// threads see the module. Raises ContextError or LimitError.
#[pyclass(frozen, module = "libseal")]
pub(crate) struct Sealer {
    threads: Threads,
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
        let start_len = self.start.len();
        start_len.saturating_add(self.sealer.update_len(input_len))
    }

    fn update(&mut self, input: &[u8], out: &mut [u8]) -> Result<usize, Error> {
        let (start, body) = out.split_at_mut(self.start.len());
        let written = start.len() + self.sealer.update(input, body)?;
        start.copy_from_slice(&mem::take(&mut self.start));
        Ok(written)
    }

    fn finish_with_len(&self, input_len: usize) -> usize {
        let start_len = self.start.len();
        start_len.saturating_add(self.sealer.finish_with_len(input_len))
    }

    fn finish_with(mut self, input: &[u8], out: &mut [u8]) -> Result<usize, Error> {
        let (start, rest) = out.split_at_mut(self.start.len());
        let written = start.len() + self.sealer.finish_with(input, rest)?;
        start.copy_from_slice(&self.start);
        Ok(written)
    }
}

impl Sealer {
    /// A message whose first bytes are `start`.
    pub(crate) fn started(sealer: libseal::Sealer, start: Vec<u8>, threads: Threads) -> Self {
        let sealer = sealer.with_max_threads(threads.most());
        Self {
            threads,
            running: Mutex::new(Some(Running { sealer, start })),
        }
    }

    fn lock(&self, py: Python<'_>) -> PyResult<MutexGuard<'_, Option<Running>>> {
        lock(py, &self.running)
    }

    fn end<'py>(&self, py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let running = self.lock(py)?.take();
        let running = running.ok_or_else(|| finished(py))?;
        new_bytes(py, running.finish_with_len(data.len()), |out| {
            let finish = || running.finish_with(data, out);
            let written = self.threads.work_on(py, data.len(), finish);
            written.map_err(|error| errors::to_py(py, error))
        })
    }

    fn update_to(
        &self,
        py: Python<'_>,
        running: &mut Running,
        data: &[u8],
        out: &mut [u8],
    ) -> PyResult<usize> {
        let update = || running.update(data, out);
        let written = self.threads.work_on(py, data.len(), update);
        written.map_err(|error| errors::to_py(py, error))
    }
}

fn finished(py: Python<'_>) -> PyErr {
    errors::wrong_state(py, "the message is finished already")
}

#[pymethods]
impl Sealer {
    #[new]
    #[pyo3(
        signature = (recipients, *, context = None, threads = Threads::ONE),
        text_signature = "(recipients, *, context=None, threads=1)"
    )]
    fn py_new(
        recipients: &Bound<'_, PyAny>,
        context: Option<&Bound<'_, PyAny>>,
        threads: Threads,
    ) -> PyResult<Self> {
        let py = recipients.py();
        let recipients = Recipients::from_py(recipients)?;
        let context = Context::from_py(context)?;
        let (recipients, context) = (recipients.as_core(), context.pairs()?);
        let envelope = Envelope::new(&recipients).with_context(&context);
        let start = || -> Result<Self, Error> {
            let mut start = vec![0; envelope.start_len()?];
            let sealer = fork::draw(|| envelope.start(&mut start))?;
            Ok(Self::started(sealer, start, threads))
        };
        py.detach(start).map_err(|error| errors::to_py(py, error))
    }

    /// Seals the next piece, a bytes-like object of any length, and returns the next bytes of
    /// the message. The first piece, which may be empty, brings the header too.
    ///
    /// Raises StateError after the end, in a forked child, or while another thread uses it.
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
            self.update_to(py, running, data, out)
        })
    }

    /// Like update, but writes to out, a writable buffer, and returns how many bytes it wrote:
    /// update_len(len(data)).
    ///
    /// out may be longer, and must not overlap data. If it is too small, LimitError is raised and
    /// nothing was sealed.
    #[pyo3(signature = (data, out, /))]
    fn update_into(
        &self,
        py: Python<'_>,
        data: &Bound<'_, PyAny>,
        out: &Bound<'_, PyAny>,
    ) -> PyResult<usize> {
        let data = Input::from_py("data", data)?;
        let mut out = Output::from_py(out, Some(&data))?;
        let mut running = self.lock(py)?;
        let running = running.as_mut().ok_or_else(|| finished(py))?;
        let data = data.as_bytes();
        let out = out.first(running.update_len(data.len()))?;
        self.update_to(py, running, data, out)
    }

    /// The exact number of bytes that update will return for data_len bytes of plaintext:
    /// data_len, and 16 more for each 16 KiB chunk that it completes. The first time, the length
    /// of the header comes on top.
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
