//! `Writing`.

use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicUsize, Ordering},
};

use libseal::{Envelope, Error};
use pyo3::{prelude::*, types::PyBytes};

use crate::{
    buffer::Input, context::Context, convert::lock, errors, fork, pool::Threads,
    recipient::Recipients,
};

/// Writes a message without I/O: takes plaintext in pieces of any length, and has bytes of the
/// message to hand on.
///
/// It is what SealWriter is made of. A Sealer turns every piece into ciphertext at once; this
/// gathers small pieces into large ones first, which is faster. A driver for another target:
///
///     async def hand_on():
///         await send(writing.sealed())
///         writing.advance(len(writing.sealed()))
///
///     writing = libseal.Writing(key)
///     async for piece in pieces:
///         while piece:
///             await hand_on()
///             piece = piece[writing.write(piece):]
///     await hand_on()
///     writing.finish()
///     await hand_on()
///
/// A message is complete only after finish, and when all of sealed() has been handed on. It cannot
/// go on in a forked child, where calls raise StateError; the parent goes on.
///
/// Pieces are piece_len bytes long, rounded down to chunks of 16 KiB: 256 KiB by default, and
/// 1 MiB for each thread if there are several. For recipients and context see seal; for threads
/// see the module. Raises ContextError or LimitError.
#[pyclass(frozen, module = "libseal")]
pub(crate) struct Writing {
    threads: Threads,
    state: Mutex<State>,
    /// How many buffers are on what is sealed, which must not change while there are any.
    loans: AtomicUsize,
}

struct State {
    writing: libseal::Writing,
    /// Plaintext that was taken and is not sealed yet.
    gathered: usize,
}

impl Writing {
    fn lock(&self, py: Python<'_>) -> PyResult<MutexGuard<'_, State>> {
        lock(py, &self.state)
    }

    /// The state, to change what is sealed.
    fn lock_to_seal(&self, py: Python<'_>) -> PyResult<MutexGuard<'_, State>> {
        let state = self.lock(py)?;
        match self.loans.load(Ordering::Acquire) {
            0 => Ok(state),
            _ => Err(errors::wrong_state(
                py,
                "what is sealed is still being handed on",
            )),
        }
    }

    /// Where what is sealed lies, and its length. It stays there until `end_loan`.
    pub(crate) fn lend(&self, py: Python<'_>) -> PyResult<(*const u8, usize)> {
        let state = self.lock(py)?;
        let sealed = state.writing.sealed();
        let sealed = sealed.map_err(|error| errors::to_py(py, error))?;
        self.loans.fetch_add(1, Ordering::AcqRel);
        Ok((sealed.as_ptr(), sealed.len()))
    }

    pub(crate) fn end_loan(&self) {
        self.loans.fetch_sub(1, Ordering::AcqRel);
    }
}

#[pymethods]
impl Writing {
    #[new]
    #[pyo3(
        signature = (recipients, *, context = None, threads = Threads::ONE, piece_len = None),
        text_signature = "(recipients, *, context=None, threads=1, piece_len=None)"
    )]
    fn py_new(
        recipients: &Bound<'_, PyAny>,
        context: Option<&Bound<'_, PyAny>>,
        threads: Threads,
        piece_len: Option<usize>,
    ) -> PyResult<Self> {
        let py = recipients.py();
        let recipients = Recipients::from_py(recipients)?;
        let context = Context::from_py(context)?;
        let (recipients, context) = (recipients.as_core(), context.pairs()?);
        let envelope = Envelope::new(&recipients).with_context(&context);
        let writing = py.detach(|| fork::draw(|| libseal::Writing::new(&envelope)));
        let writing = writing.map_err(|error| errors::to_py(py, error))?;
        let piece_len = piece_len.unwrap_or_else(|| threads.piece_len());
        let writing = writing
            .with_piece_len(piece_len)
            .with_max_threads(threads.most());
        let gathered = 0;
        Ok(Self {
            threads,
            state: Mutex::new(State { writing, gathered }),
            loans: AtomicUsize::new(0),
        })
    }

    /// The bytes of the message to hand on next. After some of them are, call advance.
    ///
    /// Raises StateError in a forked child.
    fn sealed<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let state = self.lock(py)?;
        let sealed = state.writing.sealed();
        let sealed = sealed.map_err(|error| errors::to_py(py, error))?;
        Ok(PyBytes::new(py, sealed))
    }

    /// The first count bytes of sealed() have been handed on.
    #[pyo3(signature = (count, /))]
    fn advance(&self, py: Python<'_>, count: usize) -> PyResult<()> {
        self.lock(py)?.writing.advance(count);
        Ok(())
    }

    /// Takes plaintext, a bytes-like object: all of it, or as much as completes a piece. Returns
    /// how many bytes it took.
    ///
    /// Raises StateError while there are bytes to hand on, after the end, and in a forked child;
    /// LimitError at 4 PiB.
    #[pyo3(signature = (data, /))]
    fn write(&self, data: &Bound<'_, PyAny>) -> PyResult<usize> {
        let py = data.py();
        let data = Input::from_py("data", data)?;
        let data = data.as_bytes();
        let State { writing, gathered } = &mut *self.lock_to_seal(py)?;
        let len = gathered.saturating_add(data.len());
        let write = || {
            let taken = writing.write(data)?;
            Ok((taken, !writing.sealed()?.is_empty()))
        };
        let written = self.threads.work_on(py, len, write);
        let (taken, is_sealed) = written.map_err(|error| errors::to_py(py, error))?;
        *gathered = if is_sealed { 0 } else { *gathered + taken };
        Ok(taken)
    }

    /// Seals everything that was taken, even if it does not fill a chunk.
    ///
    /// Raises StateError and LimitError as write does.
    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        self.seal_gathered(py, libseal::Writing::flush)
    }

    /// Ends the message: its last bytes are the last that are sealed().
    ///
    /// Raises StateError and LimitError as write does.
    fn finish(&self, py: Python<'_>) -> PyResult<()> {
        self.seal_gathered(py, libseal::Writing::finish)
    }
}

impl Writing {
    fn seal_gathered(
        &self,
        py: Python<'_>,
        seal: fn(&mut libseal::Writing) -> Result<(), Error>,
    ) -> PyResult<()> {
        let State { writing, gathered } = &mut *self.lock_to_seal(py)?;
        let sealed = self.threads.work_on(py, *gathered, || seal(writing));
        sealed.map_err(|error| errors::to_py(py, error))?;
        *gathered = 0;
        Ok(())
    }
}
