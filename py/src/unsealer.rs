//! `unseal` and `Unsealer`.

use std::{cell::RefCell, sync::Mutex};

use libseal::{BoxError, DataKey, Error, ErrorKind, KeyUnwrap};
use pyo3::{
    buffer::PyBuffer,
    exceptions::{PyException, PyTypeError},
    prelude::*,
    types::PyBytes,
};
use zeroize::{Zeroize, Zeroizing};

use crate::{
    convert::{Context, bytes_like, hex, lock, type_name, work_on},
    errors,
    header::{Header, WrappedKey},
};

/// Unseals a message, anything bytes-like, and returns the data as bytes.
///
/// unwrap is called with the WrappedKey of one recipient after the other, until it returns the data
/// key: 32 bytes, or None for a key that it does not hold. Give it a libseal.aws.KmsUnwrapper, a
/// LocalUnwrapper or a function of your own. Every pair of context has to be in the message's.
///
/// Raises FormatError if this is no message, TruncatedError or AuthenticationError if it is not
/// whole or altered, ContextMismatchError, NoMatchingRecipientError if unwrap returned None for
/// all recipients, or KeyUnwrapError, with the exception of unwrap as its cause.
#[pyfunction]
#[pyo3(signature = (blob, unwrap, context = None))]
pub(crate) fn unseal<'py>(
    blob: &Bound<'py, PyAny>,
    unwrap: &Bound<'py, PyAny>,
    context: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyBytes>> {
    let py = blob.py();
    let unwrapper = Unwrapper::new(unwrap)?;
    let context = Context::from_py(context)?;
    let blob = bytes_like("blob", blob)?;
    let message = blob.as_bytes();
    let to_py = |error| errors::to_py(py, error);

    let mut unsealer = libseal::Unsealer::new(&context.pairs());
    let progress = unsealer.update(message, &mut []).map_err(to_py)?;
    if !unsealer.needs_key() {
        // Says why there is no whole header.
        unsealer.finish(&mut []).map_err(to_py)?;
    }
    unwrapper.unwrap_for(&mut unsealer)?;

    let payload = message.get(progress.consumed..).unwrap_or_default();
    PyBytes::new_with(py, unsealer.finish_with_len(payload.len()), |plaintext| {
        let work = || unsealer.finish_with(payload, plaintext);
        work_on(py, payload.len(), work).map(drop).map_err(to_py)
    })
}

/// Unseals a message piece by piece, without I/O: for asyncio, queues, and keys that are
/// unwrapped elsewhere.
///
/// Call update with pieces of the message until needs_key is true. Have one of header.wrapped_keys
/// unwrapped in whatever way and call provide_key; or let unwrap_with do both. Go on with update,
/// and call finish at the end of the message:
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
/// context are pairs that have to be in the message's.
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
    #[pyo3(signature = (context = None))]
    fn py_new(context: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let context = Context::from_py(context)?;
        Ok(Self {
            state: Mutex::new(State {
                unsealer: libseal::Unsealer::new(&context.pairs()),
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
    /// Raises FormatError, ContextMismatchError or AuthenticationError; then this object is of no
    /// more use. Raises StateError while the data key is wanted, after finish, after an error, or
    /// if another thread is using this object.
    #[pyo3(signature = (data, /))]
    fn update<'py>(
        &self,
        py: Python<'py>,
        data: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let data = bytes_like("data", data)?;
        lock(py, &self.state)?.update(&data)
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
    /// Raises NoMatchingRecipientError, KeyUnwrapError, AuthenticationError, or StateError unless
    /// needs_key.
    #[pyo3(signature = (unwrap, /))]
    fn unwrap_with(&self, unwrap: &Bound<'_, PyAny>) -> PyResult<()> {
        let unwrapper = Unwrapper::new(unwrap)?;
        unwrapper.unwrap_for(&mut lock(unwrap.py(), &self.state)?.unsealer)
    }

    /// Ends the message: confirms that it is complete and returns the last plaintext.
    ///
    /// Raises TruncatedError or AuthenticationError, or StateError as update does.
    fn finish<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let mut state = lock(py, &self.state)?;
        if state.unsealer.needs_key() {
            return Err(key_wanted(py));
        }
        let pending = state.pending.take();
        let rest = rest_of(py, pending.as_ref());
        let unsealer = &mut state.unsealer;
        PyBytes::new_with(py, unsealer.finish_with_len(rest.len()), |out| {
            let finished = work_on(py, rest.len() + out.len(), || {
                unsealer.finish_with(rest, out)
            });
            finished.map(drop).map_err(|error| errors::to_py(py, error))
        })
    }
}

impl State {
    fn update<'py>(&mut self, data: &Bound<'py, PyBytes>) -> PyResult<Bound<'py, PyBytes>> {
        let py = data.py();
        let unsealer = &mut self.unsealer;
        let input = data.as_bytes();
        if unsealer.needs_key() && !input.is_empty() {
            return Err(key_wanted(py));
        }
        let pending = rest_of(py, self.pending.as_ref());

        let mut consumed = 0;
        let len = pending.len() + input.len();
        let plaintext = PyBytes::new_with(py, unsealer.update_len(len), |out| {
            let work = || -> Result<usize, Error> {
                let (front, rest) = out.split_at_mut(unsealer.update_len(pending.len()));
                let _ = unsealer.update(pending, front)?;
                let updated = unsealer.update(input, rest);
                if updated.is_err() {
                    front.zeroize();
                }
                Ok(updated?.consumed)
            };
            consumed = work_on(py, len, work).map_err(|error| errors::to_py(py, error))?;
            Ok(())
        })?;
        if !unsealer.needs_key() {
            self.pending = None;
        } else if self.pending.is_none() {
            self.pending = Some((data.clone().unbind(), consumed));
        }
        Ok(plaintext)
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
