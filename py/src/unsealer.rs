//! `Unsealer`.

use std::sync::Mutex;

use libseal::{Error, Progress};
use pyo3::{
    prelude::*,
    types::{PyBytes, PyType},
};
use zeroize::Zeroize;

use crate::{
    buffer::{Input, Output, new_bytes},
    context::Require,
    convert::{lock, object},
    errors,
    header::Header,
    pool::Threads,
    unwrap::{Unwrappers, data_key_from},
};

/// Unseals a message piece by piece, without I/O.
///
/// Call update with pieces of the message until needs_key is true. Unwrap one of
/// header.wrapped_keys in any way you like and call provide_key, or let unwrap_with do both. Go
/// on with update, and call finish at the end of the message:
///
///     unsealer = libseal.Unsealer()
///     async for piece in pieces:
///         data += unsealer.update(piece)
///         if unsealer.needs_key:
///             wrapped_key = unsealer.header.wrapped_keys[0]
///             unsealer.provide_key(wrapped_key.data_key(await decrypt(wrapped_key)))
///     data += unsealer.finish()
///
/// Every byte that comes out is authentic. But until finish has returned, the message may still
/// turn out to be truncated. Each chunk can be decrypted on its own, so an unsealer can start
/// anywhere: see seek.
///
/// For require see unseal; for threads see the module.
#[pyclass(frozen, module = "libseal")]
pub(crate) struct Unsealer {
    threads: Threads,
    state: Mutex<State>,
}

struct State {
    unsealer: libseal::Unsealer,
    /// What followed the header in the piece that completed it, until the key is there.
    held: Option<Held>,
}

/// A piece of the message, and where in it the part begins that is held.
struct Held {
    piece: Py<PyBytes>,
    from: usize,
}

impl Unsealer {
    fn new(unsealer: libseal::Unsealer, threads: Threads) -> Self {
        let unsealer = unsealer.with_max_threads(threads.most());
        let held = None;
        Self {
            threads,
            state: Mutex::new(State { unsealer, held }),
        }
    }
}

#[pymethods]
impl Unsealer {
    #[new]
    #[pyo3(
        signature = (*, require = None, threads = Threads::ONE),
        text_signature = "(*, require=None, threads=1)"
    )]
    fn py_new(require: Option<&Bound<'_, PyAny>>, threads: Threads) -> PyResult<Self> {
        let require = Require::from_py(require)?;
        Ok(Self::new(
            libseal::Unsealer::new(&require.pairs()?),
            threads,
        ))
    }

    /// Begins a message whose header and data key are known. update goes on right after the
    /// header.
    ///
    /// Raises AuthenticationError if the header was not made with this data key, and
    /// KeyUnwrapError if the data key is not 32 bytes long.
    #[classmethod]
    #[pyo3(
        signature = (header, data_key, *, threads = Threads::ONE),
        text_signature = "($cls, header, data_key, *, threads=1)"
    )]
    fn with_key(
        cls: &Bound<'_, PyType>,
        header: &Bound<'_, PyAny>,
        data_key: &Bound<'_, PyAny>,
        threads: Threads,
    ) -> PyResult<Self> {
        let header = object::<Header>("header", header)?;
        let data_key = data_key_from(data_key)?;
        let unsealer = libseal::Unsealer::with_key(header.get().as_core().clone(), data_key);
        let unsealer = unsealer.map_err(|error| errors::to_py(cls.py(), error))?;
        Ok(Self::new(unsealer, threads))
    }

    /// Whether the header is complete and the data key is needed now.
    #[getter]
    fn needs_key(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(lock(py, &self.state)?.unsealer.needs_key())
    }

    /// The header, or None before it is complete; trusted once a data key has been accepted.
    #[getter]
    fn header(&self, py: Python<'_>) -> PyResult<Option<Header>> {
        let state = lock(py, &self.state)?;
        Ok(state.unsealer.header().map(Header::from_core))
    }

    /// Takes the next piece of the message, a bytes-like object of any length, and returns the
    /// plaintext of the 16 KiB chunks that are complete now.
    ///
    /// Raises FormatError, ContextMismatchError or AuthenticationError; the object cannot be used
    /// after that. Raises StateError while the data key is needed, after finish, after an error,
    /// or if another thread is using this object.
    #[pyo3(signature = (data, /))]
    fn update<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let data = Input::from_py("data", data)?;
        let mut state = lock(py, &self.state)?;
        let len = state.update_len(py, data.as_bytes().len())?;
        new_bytes(py, len, |out| state.update(py, &data, out, self.threads))
    }

    /// Like update, but writes to out, a writable buffer, and returns how many bytes it wrote:
    /// update_len(len(data)).
    ///
    /// out may be longer, and must not overlap data. If it is too small, LimitError is raised and
    /// nothing was taken. After any other error it holds no plaintext.
    #[pyo3(signature = (data, out, /))]
    fn update_into(
        &self,
        py: Python<'_>,
        data: &Bound<'_, PyAny>,
        out: &Bound<'_, PyAny>,
    ) -> PyResult<usize> {
        let data = Input::from_py("data", data)?;
        let mut out = Output::from_py(out, Some(&data))?;
        let mut state = lock(py, &self.state)?;
        let len = state.update_len(py, data.as_bytes().len())?;
        state.update(py, &data, out.first(len)?, self.threads)
    }

    /// The exact number of bytes that update will return for data_len bytes of the message: less
    /// than 16 KiB more. The first time after the key was provided, the plaintext of what came
    /// before it is included.
    #[pyo3(signature = (data_len, /))]
    fn update_len(&self, py: Python<'_>, data_len: usize) -> PyResult<usize> {
        lock(py, &self.state)?.update_len(py, data_len)
    }

    /// Moves to position in the plaintext, forwards or backwards. The next byte released is the
    /// one at position. Returns the offset in the message of the next byte to give to update,
    /// where a chunk begins; header.ciphertext_range says how far to go from there.
    ///
    ///     unsealer = libseal.Unsealer()
    ///     unsealer.update(get("bytes=0-4095"))  # most headers are shorter
    ///     unsealer.unwrap_with(unwrap)
    ///
    ///     unsealer.seek(position)
    ///     r = unsealer.header.ciphertext_range(position, length)
    ///     data = unsealer.update(get(f"bytes={r.start}-{r.stop - 1}"))[:length]
    ///
    /// What comes out is authentic and in its place. Where the plaintext ends is known only after
    /// finish; the last chunk is enough for that. After finish one can seek again. A Reading does
    /// all this.
    ///
    /// Raises StateError before the first ciphertext_range(0, 0).start bytes of the message and
    /// the key are there, or after an error; LimitError for a position from 4 PiB on.
    #[pyo3(signature = (position, /))]
    fn seek(&self, py: Python<'_>, position: u64) -> PyResult<u64> {
        lock(py, &self.state)?.seek(py, position)
    }

    /// Goes on with the data key, 32 bytes, which one of header.wrapped_keys holds.
    ///
    /// Raises AuthenticationError if the header was not made with this data key, KeyUnwrapError
    /// if the key is not 32 bytes long, StateError unless needs_key.
    #[pyo3(signature = (data_key, /))]
    fn provide_key(&self, data_key: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = data_key.py();
        let data_key = data_key_from(data_key)?;
        let provided = lock(py, &self.state)?.unsealer.provide_key(data_key);
        provided.map_err(|error| errors::to_py(py, error))
    }

    /// Unwraps the data key and goes on with it; for unwrap see unseal.
    ///
    /// Raises NoMatchingRecipientError or KeyUnwrapError, after which another unwrapper can be
    /// tried; AuthenticationError; StateError unless needs_key.
    #[pyo3(signature = (unwrap, /))]
    fn unwrap_with(&self, unwrap: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = unwrap.py();
        let unwrappers = Unwrappers::from_py(unwrap)?;
        let unsealer = &mut lock(py, &self.state)?.unsealer;
        let unwrapped = unsealer.unwrap_with(unwrappers.as_core());
        unwrapped.map_err(|error| errors::to_py(py, error))
    }

    /// Ends the message: confirms that it is complete and returns the last plaintext.
    ///
    /// Raises TruncatedError or AuthenticationError, or StateError as update does.
    fn finish<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        lock(py, &self.state)?.finish(py, &[], self.threads)
    }

    /// Takes the rest of the message and ends it: update and finish in one, which returns all of
    /// the plaintext that is left, or none of it.
    ///
    /// Raises what they do.
    #[pyo3(signature = (data, /))]
    fn finish_with<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let data = Input::from_py("data", data)?;
        let mut state = lock(py, &self.state)?;
        if state.has_key() {
            return state.finish(py, data.as_bytes(), self.threads);
        }
        // The header may end in here: what follows it waits for the key.
        state.update(py, &data, &mut [], self.threads)?;
        state.finish(py, &[], self.threads)
    }
}

impl State {
    /// Whether the header and a data key are there, or it is too late for them.
    fn has_key(&self) -> bool {
        self.unsealer.header().is_some() && !self.unsealer.needs_key()
    }

    fn update_len(&self, py: Python<'_>, input_len: usize) -> PyResult<usize> {
        let held_len = bytes_of(py, self.held.as_ref())?.len();
        Ok(self.unsealer.update_len(held_len.saturating_add(input_len)))
    }

    /// `out` is `update_len` bytes long.
    fn update(
        &mut self,
        py: Python<'_>,
        data: &Input<'_>,
        out: &mut [u8],
        threads: Threads,
    ) -> PyResult<usize> {
        let input = data.as_bytes();
        if self.unsealer.needs_key() {
            return match input.is_empty() {
                true => Ok(0),
                false => Err(key_needed(py)),
            };
        }
        let held = bytes_of(py, self.held.as_ref())?;
        let unsealer = &mut self.unsealer;
        let work = || update_both(unsealer, held, input, out);
        let progress = threads.work_on(py, held.len() + input.len(), work);
        let Progress { consumed, written } = progress.map_err(|error| errors::to_py(py, error))?;
        self.held = match self.unsealer.needs_key() {
            true => Some(Held::rest_of(py, data, consumed)?),
            false => None,
        };
        Ok(written)
    }

    fn seek(&mut self, py: Python<'_>, position: u64) -> PyResult<u64> {
        let mut sought = self.unsealer.seek(position);
        if sought.is_err() && self.has_key() && self.held.is_some() {
            self.begin_payload(py)?;
            sought = self.unsealer.seek(position);
        }
        let offset = sought.map_err(|error| errors::to_py(py, error))?;
        self.held = None;
        Ok(offset)
    }

    /// Takes no more of what is held than the unsealer needs to seek.
    fn begin_payload(&mut self, py: Python<'_>) -> PyResult<()> {
        let (Some(header), Some(held)) = (self.unsealer.header(), &mut self.held) else {
            return Ok(());
        };
        let first_chunk = usize::try_from(header.ciphertext_range(0, 0).start)?;
        let bytes = bytes_of(py, Some(held))?;
        let (begin, _) = bytes.split_at(bytes.len().min(first_chunk - header.len()));
        let begun = self.unsealer.update(begin, &mut []);
        let _ = begun.map_err(|error| errors::to_py(py, error))?;
        held.from += begin.len();
        Ok(())
    }

    fn finish<'py>(
        &mut self,
        py: Python<'py>,
        input: &[u8],
        threads: Threads,
    ) -> PyResult<Bound<'py, PyBytes>> {
        if self.unsealer.needs_key() {
            return Err(key_needed(py));
        }
        let held = self.held.take();
        let held = bytes_of(py, held.as_ref())?;
        let unsealer = &mut self.unsealer;
        let len = held.len().saturating_add(input.len());
        new_bytes(py, unsealer.finish_with_len(len), |out| {
            let finish = || -> Result<usize, Error> {
                let (front, rest) = out.split_at_mut(unsealer.update_len(held.len()));
                let first = unsealer.update(held, front)?;
                Ok(first.written + unsealer.finish_with(input, rest)?)
            };
            let written = threads.work_on(py, len, finish);
            written.map_err(|error| errors::to_py(py, error))
        })
    }
}

impl Held {
    /// What stands in `data` from `from` on.
    fn rest_of(py: Python<'_>, data: &Input<'_>, from: usize) -> PyResult<Self> {
        let piece = match data {
            Input::Bytes(piece) => {
                let piece = piece.clone().unbind();
                return Ok(Self { piece, from });
            }
            // The caller may use the buffer for something else.
            Input::Exported(_) => {
                let rest = data.as_bytes().get(from..);
                PyBytes::new(py, rest.ok_or_else(|| errors::internal(py))?)
            }
        };
        let piece = piece.unbind();
        Ok(Self { piece, from: 0 })
    }
}

fn bytes_of<'a>(py: Python<'a>, held: Option<&'a Held>) -> PyResult<&'a [u8]> {
    let Some(Held { piece, from }) = held else {
        return Ok(&[]);
    };
    let bytes = piece.as_bytes(py).get(*from..);
    bytes.ok_or_else(|| errors::internal(py))
}

/// Takes what is held and then the input; `out` is `update_len` of both long.
fn update_both(
    unsealer: &mut libseal::Unsealer,
    held: &[u8],
    input: &[u8],
    out: &mut [u8],
) -> Result<Progress, Error> {
    let (front, rest) = out.split_at_mut(unsealer.update_len(held.len()));
    let first = unsealer.update(held, front)?;
    let updated = unsealer.update(input, rest);
    if updated.is_err() {
        front.zeroize();
    }
    let Progress { consumed, written } = updated?;
    let written = first.written + written;
    Ok(Progress { consumed, written })
}

fn key_needed(py: Python<'_>) -> PyErr {
    errors::wrong_state(py, "the data key is needed first: see Unsealer.provide_key")
}
