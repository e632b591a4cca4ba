//! `unseal` and `Unsealer`.

use std::{cell::RefCell, sync::Mutex};

use libseal::{BoxError, DataKey, Error, ErrorKind, KeyUnwrap, Progress};
use pyo3::{
    buffer::PyBuffer,
    exceptions::{PyException, PyTypeError},
    prelude::*,
    types::PyBytes,
};
use zeroize::{Zeroize, Zeroizing};

use crate::{
    buffer::{Input, Output, new_bytes},
    convert::{Context, Threads, hex, lock, type_name, work_on},
    errors,
    header::{Header, WrappedKey},
};

/// Unseals a message, anything bytes-like, and returns the data as bytes.
///
/// unwrap is called with the WrappedKey of one recipient after the other, until it returns the
/// data key: 32 bytes, or None for a key that it does not hold. Give it a
/// libseal.aws.KmsUnwrapper, a LocalUnwrapper or a function of your own. Every pair of context
/// has to be in the message's.
///
/// threads are how many work on a message of 512 KiB or more; None for one on each core. blob is
/// read where it lies, without a copy: no other thread may change it in the meantime.
///
/// Raises FormatError if this is no message, TruncatedError or AuthenticationError if it is not
/// whole or altered, ContextMismatchError, NoMatchingRecipientError if unwrap returned None for
/// all recipients, or KeyUnwrapError, with the exception of unwrap as its cause.
#[pyfunction]
#[pyo3(
    signature = (blob, unwrap, context = None, *, threads = Threads::ONE),
    text_signature = "(blob, unwrap, context=None, *, threads=1)"
)]
pub(crate) fn unseal<'py>(
    blob: &Bound<'py, PyAny>,
    unwrap: &Bound<'py, PyAny>,
    context: Option<&Bound<'py, PyAny>>,
    threads: Threads,
) -> PyResult<Bound<'py, PyBytes>> {
    let py = blob.py();
    let unwrapper = Unwrapper::new(unwrap)?;
    let context = Context::from_py(context)?;
    let blob = Input::from_py("blob", blob)?;
    let mut message = WholeMessage::new(py, &blob, &context, threads)?;
    unwrapper.unwrap_for(&mut message.unsealer)?;
    new_bytes(py, message.plaintext_len, |out| message.unseal(py, out))
}

/// Unseals a message into out, a writable buffer, and returns how many bytes it wrote:
/// plaintext_len of them.
///
/// out may be longer, and must not overlap blob. On any error it holds no plaintext: what was
/// written is wiped. For the other arguments, and what it raises, see unseal; LimitError too if
/// out is too small, before unwrap is called.
#[pyfunction]
#[pyo3(
    signature = (blob, out, unwrap, context = None, *, threads = Threads::ONE),
    text_signature = "(blob, out, unwrap, context=None, *, threads=1)"
)]
pub(crate) fn unseal_into<'py>(
    blob: &Bound<'py, PyAny>,
    out: &Bound<'py, PyAny>,
    unwrap: &Bound<'py, PyAny>,
    context: Option<&Bound<'py, PyAny>>,
    threads: Threads,
) -> PyResult<usize> {
    let py = blob.py();
    let unwrapper = Unwrapper::new(unwrap)?;
    let context = Context::from_py(context)?;
    let blob = Input::from_py("blob", blob)?;
    let mut out = Output::from_py(out, &blob)?;
    let mut message = WholeMessage::new(py, &blob, &context, threads)?;
    out.first(message.plaintext_len)?;
    unwrapper.unwrap_for(&mut message.unsealer)?;
    message.unseal(py, out.first(message.plaintext_len)?)
}

/// Length in bytes of the plaintext of a message, which is all there; no key is needed, and
/// nothing is verified.
///
/// Where there is only the header, plaintext_range of that and the length of the message tell
/// too.
///
/// Raises FormatError or TruncatedError.
#[pyfunction]
#[pyo3(signature = (blob, /))]
pub(crate) fn plaintext_len(blob: &Bound<'_, PyAny>) -> PyResult<usize> {
    let message = Input::from_py("blob", blob)?;
    let len = libseal::plaintext_len(message.as_bytes());
    len.map_err(|error| errors::to_py(blob.py(), error))
}

/// A message that is unsealed in one call.
struct WholeMessage<'a, 'py> {
    blob: &'a Input<'py>,
    unsealer: libseal::Unsealer,
    header_len: usize,
    /// If the message is as long as it should be.
    plaintext_len: usize,
}

impl<'a, 'py> WholeMessage<'a, 'py> {
    /// Takes the header off.
    fn new(
        py: Python<'py>,
        blob: &'a Input<'py>,
        context: &Context<'_>,
        threads: Threads,
    ) -> PyResult<Self> {
        let message = blob.as_bytes();
        let mut unsealer = libseal::Unsealer::new(&context.pairs()?).with_threads(threads.0);
        let taken = unsealer.update(message, &mut []);
        // Without a whole header, finishing says why.
        let taken = taken.and_then(|progress| match unsealer.header() {
            Some(header) => {
                let plaintext = header.plaintext_range(0, message.len() as u64);
                Ok((progress.consumed, plaintext.end))
            }
            None => unsealer
                .finish(&mut [])
                .and(Err(ErrorKind::Internal.into())),
        });
        let (header_len, plaintext_len) = taken.map_err(|error| errors::to_py(py, error))?;
        Ok(Self {
            blob,
            unsealer,
            header_len,
            plaintext_len: usize::try_from(plaintext_len)?,
        })
    }

    /// After the data key was unwrapped; `out` is `plaintext_len` long.
    fn unseal(&mut self, py: Python<'_>, out: &mut [u8]) -> PyResult<usize> {
        let payload = self
            .blob
            .as_bytes()
            .get(self.header_len..)
            .unwrap_or_default();
        let unsealer = &mut self.unsealer;
        let unseal = || unsealer.finish_with(payload, out);
        work_on(py, payload.len(), unseal).map_err(|error| errors::to_py(py, error))
    }
}

/// Unseals a message piece by piece, without I/O: for asyncio, queues, and keys that are
/// unwrapped elsewhere.
///
/// Call update with pieces of the message until needs_key is true. Have one of
/// header.wrapped_keys unwrapped in whatever way and call provide_key; or let unwrap_with do
/// both. Go on with update, and call finish at the end of the message:
///
///     unsealer = libseal.Unsealer()
///     async for piece in pieces:
///         data += unsealer.update(piece)
///         if unsealer.needs_key:
///             unsealer.provide_key(await unwrap(unsealer.header.wrapped_keys[0]))
///     data += unsealer.finish()
///
/// Every byte that comes out is authentic. But until finish has returned, the message may still
/// turn out to be cut short.
///
/// Every chunk opens alone, so it can begin anywhere: see seek.
///
/// context are pairs that have to be in the message's. threads are how many work on pieces of
/// 512 KiB or more; None for one on each core.
#[pyclass(frozen, module = "libseal")]
pub(crate) struct Unsealer {
    state: Mutex<State>,
}

struct State {
    unsealer: libseal::Unsealer,
    /// What followed the header in the piece that completed it, and where it begins in that.
    pending: Option<Pending>,
}

type Pending = (Py<PyBytes>, usize);

fn rest_of<'a>(py: Python<'a>, pending: Option<&'a Pending>) -> &'a [u8] {
    let rest = pending.and_then(|(piece, from)| piece.as_bytes(py).get(*from..));
    rest.unwrap_or_default()
}

#[pymethods]
impl Unsealer {
    #[new]
    #[pyo3(
        signature = (context = None, *, threads = Threads::ONE),
        text_signature = "(context=None, *, threads=1)"
    )]
    fn py_new(context: Option<&Bound<'_, PyAny>>, threads: Threads) -> PyResult<Self> {
        let context = Context::from_py(context)?;
        let unsealer = libseal::Unsealer::new(&context.pairs()?).with_threads(threads.0);
        Ok(Self {
            state: Mutex::new(State {
                unsealer,
                pending: None,
            }),
        })
    }

    /// Whether the header is complete and the data key is wanted now.
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

    /// Takes the next piece of the message, anything bytes-like of any length, and returns the
    /// plaintext of the 16 KiB chunks that are complete now.
    ///
    /// Raises FormatError, ContextMismatchError or AuthenticationError; then this object is of
    /// no more use. Raises StateError while the data key is wanted, after finish, after an
    /// error, or if another thread is using this object.
    #[pyo3(signature = (data, /))]
    fn update<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let data = Input::from_py("data", data)?;
        let mut state = lock(py, &self.state)?;
        new_bytes(py, state.update_len(py, data.as_bytes().len()), |out| {
            state.update(py, &data, out)
        })
    }

    /// As update, into out, a writable buffer; returns how many bytes it wrote:
    /// update_len(len(data)) of them.
    ///
    /// out may be longer, and must not overlap data. If it is too small, LimitError is raised,
    /// and nothing was taken. After any other error it holds no plaintext: what was written is
    /// wiped.
    #[pyo3(signature = (data, out, /))]
    fn update_into(
        &self,
        py: Python<'_>,
        data: &Bound<'_, PyAny>,
        out: &Bound<'_, PyAny>,
    ) -> PyResult<usize> {
        let data = Input::from_py("data", data)?;
        let mut out = Output::from_py(out, &data)?;
        let mut state = lock(py, &self.state)?;
        let len = state.update_len(py, data.as_bytes().len());
        state.update(py, &data, out.first(len)?)
    }

    /// Exactly how many bytes update returns for data_len bytes now: less than 16 KiB more. (The
    /// first time after the key was provided, what had to wait for that comes too.)
    #[pyo3(signature = (data_len, /))]
    fn update_len(&self, py: Python<'_>, data_len: usize) -> PyResult<usize> {
        Ok(lock(py, &self.state)?.update_len(py, data_len))
    }

    /// Goes to another place in the plaintext, before or behind: the next byte that comes out is
    /// the one at position. Returns the offset in the message of the byte that update wants
    /// next, the beginning of a chunk; header.ciphertext_range says how far to go from there.
    ///
    /// With a header that was fetched before, this gets a part of an object in S3:
    ///
    ///     beginning = get("bytes=0-4095")  # headers are shorter, unless there are many recipients
    ///     unsealer = libseal.Unsealer()
    ///     unsealer.update(beginning)
    ///     unsealer.unwrap_with(unwrap)
    ///
    ///     unsealer.seek(position)
    ///     r = unsealer.header.ciphertext_range(position, length)
    ///     data = unsealer.update(get(f"bytes={r.start}-{r.stop - 1}"))[:length]
    ///
    /// What comes out is authentic and in its place. Where the plaintext ends is known only
    /// after finish, as ever, and the last chunk is enough for that: the example leaves it
    /// pending if the part reaches to the end. After finish one can seek again.
    ///
    /// Raises StateError before ciphertext_range(0, 0).start bytes of the message are there and
    /// the key is provided, or after an error; LimitError for a position from 4 PiB on.
    #[pyo3(signature = (position, /))]
    fn seek(&self, py: Python<'_>, position: u64) -> PyResult<u64> {
        lock(py, &self.state)?.seek(py, position)
    }

    /// Goes on with the data key, 32 bytes, which one of header.wrapped_keys holds.
    ///
    /// Raises AuthenticationError if it is another key than this header was made with,
    /// KeyUnwrapError if it is not 32 bytes long, StateError unless needs_key.
    #[pyo3(signature = (data_key, /))]
    fn provide_key(&self, data_key: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = data_key.py();
        let data_key = data_key_from(data_key)?.map_err(|error| errors::to_py(py, error))?;
        let provided = lock(py, &self.state)?.unsealer.provide_key(data_key);
        provided.map_err(|error| errors::to_py(py, error))
    }

    /// Has unwrap unwrap the data key, and goes on with that; see unseal.
    ///
    /// Raises NoMatchingRecipientError, KeyUnwrapError, AuthenticationError, or StateError
    /// unless needs_key.
    #[pyo3(signature = (unwrap, /))]
    fn unwrap_with(&self, unwrap: &Bound<'_, PyAny>) -> PyResult<()> {
        let unwrapper = Unwrapper::new(unwrap)?;
        unwrapper.unwrap_for(&mut lock(unwrap.py(), &self.state)?.unsealer)
    }

    /// Ends the message: confirms that it is complete and returns the last plaintext.
    ///
    /// Raises TruncatedError or AuthenticationError, or StateError as update does.
    fn finish<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        lock(py, &self.state)?.finish(py, &[])
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
            return state.finish(py, data.as_bytes());
        }
        // The header may end in here: what follows it waits for the key.
        state.update(py, &data, &mut [])?;
        state.finish(py, &[])
    }
}

impl State {
    /// Whether the header and a data key are there, or it is too late for them.
    fn has_key(&self) -> bool {
        self.unsealer.header().is_some() && !self.unsealer.needs_key()
    }

    fn update_len(&self, py: Python<'_>, input_len: usize) -> usize {
        let pending_len = rest_of(py, self.pending.as_ref()).len();
        self.unsealer
            .update_len(pending_len.saturating_add(input_len))
    }

    /// `out` is `update_len` long.
    fn update(&mut self, py: Python<'_>, data: &Input<'_>, out: &mut [u8]) -> PyResult<usize> {
        let unsealer = &mut self.unsealer;
        let input = data.as_bytes();
        if unsealer.needs_key() && !input.is_empty() {
            return Err(key_wanted(py));
        }
        let pending = rest_of(py, self.pending.as_ref());
        let work = || -> Result<Progress, Error> {
            let (front, rest) = out.split_at_mut(unsealer.update_len(pending.len()));
            let first = unsealer.update(pending, front)?;
            let updated = unsealer.update(input, rest);
            if updated.is_err() {
                front.zeroize();
            }
            let Progress { consumed, written } = updated?;
            let written = first.written + written;
            Ok(Progress { consumed, written })
        };
        let progress = work_on(py, pending.len() + input.len(), work);
        let Progress { consumed, written } = progress.map_err(|error| errors::to_py(py, error))?;
        if !unsealer.needs_key() {
            self.pending = None;
        } else if self.pending.is_none() {
            self.pending = Some(match data {
                Input::Bytes(piece) => (piece.clone().unbind(), consumed),
                // The caller may use it again.
                Input::Exported(_) => {
                    let rest = input.get(consumed..).unwrap_or_default();
                    (PyBytes::new(py, rest).unbind(), 0)
                }
            });
        }
        Ok(written)
    }

    fn seek(&mut self, py: Python<'_>, position: u64) -> PyResult<u64> {
        let mut sought = self.unsealer.seek(position);
        if sought.is_err() && self.has_key() && self.pending.is_some() {
            self.begin_payload(py)?;
            sought = self.unsealer.seek(position);
        }
        let offset = sought.map_err(|error| match error.kind() {
            ErrorKind::InvalidState => errors::wrong_state(
                py,
                "to seek, it takes the data key and the first bytes, header.ciphertext_range(0, 0).start of them; and no error before",
            ),
            _ => errors::to_py(py, error),
        })?;
        self.pending = None;
        Ok(offset)
    }

    /// Takes no more of what has waited for the key than the unsealer needs to seek.
    fn begin_payload(&mut self, py: Python<'_>) -> PyResult<()> {
        let (Some(header), Some((piece, from))) = (self.unsealer.header(), &mut self.pending)
        else {
            return Ok(());
        };
        let first_chunk = usize::try_from(header.ciphertext_range(0, 0).start)?;
        let rest = piece.as_bytes(py).get(*from..).unwrap_or_default();
        let len = rest.len().min(first_chunk - header.len());
        let begun = self
            .unsealer
            .update(rest.get(..len).unwrap_or_default(), &mut []);
        let _ = begun.map_err(|error| errors::to_py(py, error))?;
        *from += len;
        Ok(())
    }

    fn finish<'py>(&mut self, py: Python<'py>, input: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        if self.unsealer.needs_key() {
            return Err(key_wanted(py));
        }
        let pending = self.pending.take();
        let pending = rest_of(py, pending.as_ref());
        let unsealer = &mut self.unsealer;
        let len = pending.len() + input.len();
        new_bytes(py, unsealer.finish_with_len(len), |out| {
            let finish = || -> Result<usize, Error> {
                let (front, rest) = out.split_at_mut(unsealer.update_len(pending.len()));
                let first = unsealer.update(pending, front)?;
                let finished = unsealer.finish_with(input, rest);
                Ok(first.written + finished?)
            };
            work_on(py, len, finish).map_err(|error| errors::to_py(py, error))
        })
    }
}

fn key_wanted(py: Python<'_>) -> PyErr {
    errors::wrong_state(py, "the data key is wanted first: see Unsealer.provide_key")
}

/// A Python callable as an unwrapper of the core.
struct Unwrapper<'a, 'py> {
    unwrap: &'a Bound<'py, PyAny>,
    /// An exception that is none of ours to handle, such as `KeyboardInterrupt`.
    passing: RefCell<Option<PyErr>>,
}

impl<'a, 'py> Unwrapper<'a, 'py> {
    fn new(unwrap: &'a Bound<'py, PyAny>) -> PyResult<Self> {
        if !unwrap.is_callable() {
            let message = format!("unwrap must be callable, not {}", type_name(unwrap));
            return Err(PyTypeError::new_err(message));
        }
        Ok(Self {
            unwrap,
            passing: RefCell::new(None),
        })
    }

    fn unwrap_for(&self, unsealer: &mut libseal::Unsealer) -> PyResult<()> {
        let py = self.unwrap.py();
        let result = unsealer.unwrap_with(self);
        if let Some(passing) = self.passing.take() {
            return Err(passing);
        }
        result.map_err(|error| match (error.kind(), unsealer.header()) {
            (kind @ ErrorKind::NoMatchingRecipient, Some(header)) => {
                errors::with_message(py, kind, &format!("{kind} ({})", recipients_of(header)))
            }
            _ => errors::to_py(py, error),
        })
    }

    fn call(&self, key: &libseal::WrappedKey<'_>) -> PyResult<Option<Result<DataKey, Error>>> {
        let unwrapped = self.unwrap.call1((WrappedKey::from_core(key),))?;
        if unwrapped.is_none() {
            return Ok(None);
        }
        data_key_from(&unwrapped).map(Some)
    }
}

impl KeyUnwrap for Unwrapper<'_, '_> {
    fn unwrap_key(&self, key: &libseal::WrappedKey<'_>) -> Result<Option<DataKey>, BoxError> {
        if self.passing.borrow().is_some() {
            return Ok(None);
        }
        match self.call(key) {
            Ok(data_key) => Ok(data_key.transpose()?),
            Err(error) if error.is_instance_of::<PyException>(self.unwrap.py()) => {
                Err(error.into())
            }
            Err(error) => {
                self.passing.replace(Some(error));
                Ok(None)
            }
        }
    }
}

/// The data key in what an unwrapper returned; no copy of it stays behind in our memory.
fn data_key_from(value: &Bound<'_, PyAny>) -> PyResult<Result<DataKey, Error>> {
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(DataKey::try_from(bytes.as_bytes()));
    }
    let Ok(buffer) = PyBuffer::<u8>::get(value) else {
        return Err(PyTypeError::new_err(format!(
            "a data key is 32 bytes, and an unwrapper returns that or None, not {}",
            type_name(value)
        )));
    };
    let mut bytes = Zeroizing::new(vec![0; buffer.item_count()]);
    buffer.copy_to_slice(value.py(), &mut bytes)?;
    Ok(DataKey::try_from(bytes.as_slice()))
}

/// For a message; what strangers wrote is escaped and cut.
fn recipients_of(header: &libseal::Header) -> String {
    let names = header.wrapped_keys().map(|key| match key.key_id() {
        "" => hex(key.fingerprint()),
        key_id => format!("{:?}", key_id.chars().take(200).collect::<String>()),
    });
    names.collect::<Vec<_>>().join(", ")
}
