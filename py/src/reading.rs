//! `Reading`.

use std::sync::{Mutex, MutexGuard};

use libseal::Next;
use pyo3::{
    prelude::*,
    sync::PyOnceLock,
    types::{PyBytes, PyType},
};
use zeroize::Zeroizing;

use crate::{
    buffer::{Input, Output, new_bytes},
    context::Require,
    convert::{lock, object},
    errors,
    header::{Header, range},
    pool::Threads,
    unwrap::{Unwrappers, data_key_from},
};

/// Reads a message from the start, from any place, to its end, without I/O: says which bytes of
/// the message to give it next, takes them, and has plaintext.
///
/// It is what UnsealReader and libseal.aio are made of. A driver for another source, such as HTTP
/// range requests, is a loop. This one reads length bytes from position on:
///
///     reading = libseal.Reading()
///     reading.seek(position)
///     data = b""
///     while len(data) < length:
///         match reading.next(length - len(data)):
///             case range() as r:
///                 reading.feed(await get(r.start, r.stop))
///             case libseal.Next.KEY:
///                 reading.unwrap_with(unwrap)
///             case libseal.Next.PLAINTEXT:
///                 data += reading.read(length - len(data))
///             case libseal.Next.END:
///                 break
///
/// Every byte of plaintext is authentic and in its place. Where the plaintext ends is verified
/// before Next.END. If the length of the message is known, set message_len: then the end is
/// verified before anything is read out of the middle.
///
/// Where a message is cut short or altered, every chunk before that comes out before the error is
/// raised, so position is the end of what verified.
///
/// While reading goes on, the message is asked for in pieces of piece_len bytes of plaintext,
/// rounded down to chunks of 16 KiB: 256 KiB by default, and 1 MiB for each thread if there are
/// several. For require see unseal; for threads see the module.
///
/// After an error of the message, every further call raises StateError. An error of the source
/// changes nothing: ask again.
#[pyclass(frozen, module = "libseal")]
pub(crate) struct Reading {
    threads: Threads,
    reading: Mutex<libseal::Reading>,
}

impl Reading {
    fn new(reading: libseal::Reading, threads: Threads, piece_len: Option<usize>) -> Self {
        let piece_len = piece_len.unwrap_or_else(|| threads.piece_len());
        let reading = reading
            .with_piece_len(piece_len)
            .with_max_threads(threads.most());
        Self {
            threads,
            reading: Mutex::new(reading),
        }
    }

    fn lock(&self, py: Python<'_>) -> PyResult<MutexGuard<'_, libseal::Reading>> {
        lock(py, &self.reading)
    }

    fn feed_to(&self, py: Python<'_>, data: &[u8], out: &mut [u8]) -> PyResult<usize> {
        let reading = &mut *self.lock(py)?;
        let feed = || reading.feed(data, out);
        let written = self.threads.work_on(py, data.len(), feed);
        written.map_err(|error| errors::to_py(py, error))
    }
}

#[pymethods]
impl Reading {
    #[new]
    #[pyo3(
        signature = (*, require = None, threads = Threads::ONE, piece_len = None),
        text_signature = "(*, require=None, threads=1, piece_len=None)"
    )]
    fn py_new(
        require: Option<&Bound<'_, PyAny>>,
        threads: Threads,
        piece_len: Option<usize>,
    ) -> PyResult<Self> {
        let require = Require::from_py(require)?;
        let reading = libseal::Reading::new(&require.pairs()?);
        Ok(Self::new(reading, threads, piece_len))
    }

    /// Begins a message whose header and data key are known: the header is not read again.
    ///
    /// Raises AuthenticationError if the header was not made with this data key, and
    /// KeyUnwrapError if the data key is not 32 bytes long.
    #[classmethod]
    #[pyo3(
        signature = (header, data_key, *, threads = Threads::ONE, piece_len = None),
        text_signature = "($cls, header, data_key, *, threads=1, piece_len=None)"
    )]
    fn with_key(
        cls: &Bound<'_, PyType>,
        header: &Bound<'_, PyAny>,
        data_key: &Bound<'_, PyAny>,
        threads: Threads,
        piece_len: Option<usize>,
    ) -> PyResult<Self> {
        let header = object::<Header>("header", header)?;
        let data_key = data_key_from(data_key)?;
        let reading = libseal::Reading::with_key(header.get().as_core().clone(), data_key);
        let reading = reading.map_err(|error| errors::to_py(cls.py(), error))?;
        Ok(Self::new(reading, threads, piece_len))
    }

    /// The header, or None before it is complete; trusted once a data key has been accepted.
    #[getter]
    fn header(&self, py: Python<'_>) -> PyResult<Option<Header>> {
        Ok(self.lock(py)?.header().map(Header::from_core))
    }

    /// Whether the header is complete and the data key is needed now.
    #[getter]
    fn needs_key(&self, py: Python<'_>) -> PyResult<bool> {
        Ok(self.lock(py)?.needs_key())
    }

    /// The byte of plaintext that is read next.
    #[getter]
    fn position(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.lock(py)?.position())
    }

    /// Length of the plaintext, or None until the end of the message has been verified.
    #[getter]
    fn plaintext_len(&self, py: Python<'_>) -> PyResult<Option<u64>> {
        Ok(self.lock(py)?.plaintext_len())
    }

    /// Length of the message, or None while it is not known.
    ///
    /// Set it if the source knows it before it is read to its end. From then on, the last chunk is
    /// read and verified before the first byte that comes after a seek, so that nothing depends on
    /// an end that is not the true one.
    #[getter]
    fn message_len(&self, py: Python<'_>) -> PyResult<Option<u64>> {
        Ok(self.lock(py)?.message_len())
    }

    #[setter]
    fn set_message_len(&self, py: Python<'_>, len: u64) -> PyResult<()> {
        self.lock(py)?.set_message_len(len);
        Ok(())
    }

    /// Says what to do next to read wanted bytes of plaintext, or as many as there are.
    ///
    /// A range means bytes of the message: get them from the source, by their offsets, and give
    /// them to feed. Fewer will do. If there are none, the message ends there: feed b"". For the
    /// rest see Next.
    ///
    /// Raises TruncatedError or AuthenticationError where the message ends, LimitError for a
    /// position from 4 PiB on, and StateError after an error.
    #[pyo3(signature = (wanted, /))]
    fn next<'py>(&self, py: Python<'py>, wanted: usize) -> PyResult<Bound<'py, PyAny>> {
        let next = self.lock(py)?.next(wanted);
        match next.map_err(|error| errors::to_py(py, error))? {
            Next::Message(offsets) => range(py, offsets),
            Next::Key => member(py, "KEY"),
            Next::Plaintext => member(py, "PLAINTEXT"),
            Next::End => member(py, "END"),
        }
    }

    /// Takes bytes of the message, a bytes-like object, as many as next asked for or fewer; none
    /// at its end. The plaintext is for read.
    ///
    /// Raises FormatError, TruncatedError, ContextMismatchError or AuthenticationError. If chunks
    /// before an altered one have verified, next raises it after them. Raises StateError for bytes
    /// that were not asked for, which are not taken.
    #[pyo3(signature = (data, /))]
    fn feed(&self, data: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = data.py();
        let data = Input::from_py("data", data)?;
        self.feed_to(py, data.as_bytes(), &mut [])?;
        Ok(())
    }

    /// Like feed, but writes plaintext to out, a writable buffer, in whole chunks that fit, and
    /// keeps only the rest for read. Returns how many bytes it wrote.
    ///
    /// out must not overlap data. After an error it holds no plaintext.
    #[pyo3(signature = (data, out, /))]
    fn feed_into(&self, data: &Bound<'_, PyAny>, out: &Bound<'_, PyAny>) -> PyResult<usize> {
        let py = data.py();
        let data = Input::from_py("data", data)?;
        let mut out = Output::from_py(out, Some(&data))?;
        self.feed_to(py, data.as_bytes(), out.all())
    }

    /// Returns up to size bytes of plaintext that is unsealed already, all of it if size is
    /// negative. b"" if there is none.
    #[pyo3(signature = (size = -1, /), text_signature = "($self, size=-1, /)")]
    fn read<'py>(&self, py: Python<'py>, size: isize) -> PyResult<Bound<'py, PyBytes>> {
        let mut reading = self.lock(py)?;
        let mut left = usize::try_from(size).unwrap_or(usize::MAX);
        // How much there is shows only when there is no more.
        let mut blocks = Vec::new();
        while left > 0 {
            let mut block = Zeroizing::new(vec![0; left.min(BLOCK_LEN)]);
            let len = reading.read(&mut block);
            let len = len.map_err(|error| errors::to_py(py, error))?;
            if len == 0 {
                break;
            }
            left -= len;
            block.truncate(len);
            blocks.push(block);
        }
        let len = blocks.iter().map(|block| block.len()).sum();
        new_bytes(py, len, |mut out| {
            for block in &blocks {
                let front = out.split_off_mut(..block.len());
                let front = front.ok_or_else(|| errors::internal(py))?;
                front.copy_from_slice(block);
            }
            Ok(len)
        })
    }

    /// Like read, but writes to out, a writable buffer, and returns how many bytes it wrote.
    #[pyo3(signature = (out, /))]
    fn read_into(&self, out: &Bound<'_, PyAny>) -> PyResult<usize> {
        let py = out.py();
        let mut out = Output::from_py(out, None)?;
        let read = self.lock(py)?.read(out.all());
        read.map_err(|error| errors::to_py(py, error))
    }

    /// Moves to position in the plaintext, forwards or backwards; also beyond its end, where
    /// there is nothing to read.
    #[pyo3(signature = (position, /))]
    fn seek(&self, py: Python<'_>, position: u64) -> PyResult<()> {
        self.lock(py)?.seek(position);
        Ok(())
    }

    /// Verifies the end of the message next: go on with next until plaintext_len is known.
    ///
    /// Raises StateError before message_len is set.
    fn confirm_end(&self, py: Python<'_>) -> PyResult<()> {
        let confirmed = self.lock(py)?.confirm_end();
        confirmed.map_err(|error| errors::to_py(py, error))
    }

    /// As Unsealer.provide_key.
    #[pyo3(signature = (data_key, /))]
    fn provide_key(&self, data_key: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = data_key.py();
        let data_key = data_key_from(data_key)?;
        let provided = self.lock(py)?.provide_key(data_key);
        provided.map_err(|error| errors::to_py(py, error))
    }

    /// As Unsealer.unwrap_with.
    #[pyo3(signature = (unwrap, /))]
    fn unwrap_with(&self, unwrap: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = unwrap.py();
        let unwrappers = Unwrappers::from_py(unwrap)?;
        let mut reading = self.lock(py)?;
        let unwrapped = reading.unwrap_with(unwrappers.as_core());
        unwrapped.map_err(|error| errors::to_py(py, error))
    }
}

/// What `read` copies at a time.
const BLOCK_LEN: usize = 64 * 1024;

/// A member of the enum `Next`.
fn member<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    static NEXT: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    NEXT.import(py, "libseal._next", "Next")?.getattr(name)
}
