//! Many messages: `take_window`, `seal_window` and `ManyUnsealer`, the parts of `seal_many` and
//! `unseal_many` that are not Python.
//!
//! A window is the messages that are worked on together. A result is `bytes` or an exception.

use std::{
    mem,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use libseal::{Error, ErrorKind, Header, UnsealingKey, Unwrap, Unwrapped};
use pyo3::{
    exceptions::{PyBaseException, PyException},
    prelude::*,
    types::{PyBytes, PyIterator, PyList},
};

use crate::{
    buffer::{Input, NewBytes},
    context::Require,
    convert::{lock, lock_briefly},
    errors,
    known_keys::{Failures, Index, Known},
    pool::Threads,
    sealing_key::SealingKey,
    unwrap::Unwrappers,
};

/// How long keys are kept if another cache decides on their age.
const KEEP_FOR: Duration = Duration::from_secs(1);
/// How long a window waits for more messages when it has one.
const PATIENCE: Duration = Duration::from_millis(10);

/// Takes the next messages from an iterator: up to most, until they have most_bytes, and only as
/// long as they come fast. What is not bytes is given to load with its number.
///
/// Returns the messages, their length in all, whether the iterator has ended, and the exception
/// that it ended with.
#[pyfunction]
#[pyo3(signature = (iterator, load, most, most_bytes, /))]
pub(crate) fn take_window<'py>(
    iterator: &Bound<'py, PyAny>,
    load: &Bound<'py, PyAny>,
    most: usize,
    most_bytes: usize,
) -> PyResult<Window<'py>> {
    let py = iterator.py();
    let mut iterator = iterator.cast::<PyIterator>()?.clone();
    let taken = PyList::empty(py);
    let mut bytes = 0;
    let mut since = None;
    for number in 0..most {
        let item = match iterator.next() {
            None => return Ok((taken, bytes, true, None)),
            Some(Ok(item)) => item,
            Some(Err(error)) if error.is_instance_of::<PyException>(py) => {
                return Ok((
                    taken,
                    bytes,
                    true,
                    Some(error.into_value(py).into_bound(py)),
                ));
            }
            Some(Err(error)) => return Err(error),
        };
        if let Ok(message) = item.cast_exact::<PyBytes>() {
            bytes += message.as_bytes().len();
            taken.append(message)?;
        } else {
            let (loaded, len) = load
                .call1((number, item))?
                .extract::<(Bound<'_, PyAny>, usize)>()?;
            bytes += len;
            taken.append(loaded)?;
        }
        let since = since.get_or_insert_with(Instant::now);
        if bytes >= most_bytes || since.elapsed() > PATIENCE {
            break;
        }
    }
    Ok((taken, bytes, false, None))
}

type Window<'py> = (
    Bound<'py, PyList>,
    usize,
    bool,
    Option<Bound<'py, PyBaseException>>,
);

/// Seals each of items under key, and returns the messages.
#[pyfunction]
#[pyo3(signature = (key, items, threads, /))]
pub(crate) fn seal_window<'py>(
    key: &Bound<'py, SealingKey>,
    items: &Bound<'py, PyList>,
    threads: Threads,
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let (py, key) = (key.py(), key.get());
    let inputs = inputs(items, "data")?;
    let good: Vec<&[u8]> = inputs.iter().flatten().map(Input::as_bytes).collect();
    let lens = good.iter().map(|data| data.len() as u64);
    let mut sealed = match key.start_many(py, lens.collect()) {
        Ok(sealer) => seal(py, key, sealer, &good, threads)?
            .into_iter()
            .map(Ok)
            .collect(),
        Err(error) if good.len() > 1 && is_of_one(&error) => {
            // As many as the limits allow.
            let one = |data: &&[u8]| match key.start_many(py, vec![data.len() as u64]) {
                Ok(sealer) => Ok(seal(py, key, sealer, &[data], Threads::ONE)?.pop().map(Ok)),
                Err(error) => Ok(Some(Err(error))),
            };
            let each = good.iter().map(one).collect::<PyResult<Vec<_>>>()?;
            each.into_iter().flatten().collect::<Vec<_>>()
        }
        Err(error) if is_of_one(&error) => vec![Err(error)],
        Err(error) => return Err(errors::to_py(py, error)),
    }
    .into_iter();
    let result = |input: Result<Input<'py>, Bound<'py, PyAny>>| match input {
        Ok(_) => match sealed.next() {
            Some(Ok(message)) => Ok(message.into_any()),
            Some(Err(error)) => Ok(exception(py, errors::to_py(py, error))),
            None => Err(errors::internal(py)),
        },
        Err(error) => Ok(error),
    };
    inputs.into_iter().map(result).collect()
}

/// Whether other data could be sealed with the same key.
fn is_of_one(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::SealingKeyExhausted | ErrorKind::MessageTooLong
    )
}

fn seal<'py>(
    py: Python<'py>,
    key: &SealingKey,
    sealer: libseal::ManySealer,
    data: &[&[u8]],
    threads: Threads,
) -> PyResult<Vec<Bound<'py, PyBytes>>> {
    let room = |data: &&[u8]| {
        let len = key.message_len(py, data.len() as u64)?;
        NewBytes::new(py, usize::try_from(len)?)
    };
    let mut messages = data.iter().map(room).collect::<PyResult<Vec<_>>>()?;
    let outs = messages.iter_mut().map(NewBytes::as_mut_bytes);
    let mut items: Vec<_> = data.iter().copied().zip(outs).collect();
    let len = data.iter().map(|data| data.len()).sum();
    let sealed = threads.work_on_many(py, (data.len(), len), || {
        sealer.seal(&mut items, Some(threads.most()))
    });
    sealed.map_err(|error| errors::to_py(py, error))?;
    Ok(messages.into_iter().map(NewBytes::finish).collect())
}

/// Bytes, or the exception that is the result.
fn inputs<'py>(
    items: &Bound<'py, PyList>,
    name: &str,
) -> PyResult<Vec<Result<Input<'py>, Bound<'py, PyAny>>>> {
    let input = |item: Bound<'py, PyAny>| {
        if item.is_instance_of::<PyBaseException>() {
            return Ok(Err(item));
        }
        match Input::from_py(name, &item) {
            Ok(input) => Ok(Ok(input)),
            Err(error) if error.is_instance_of::<PyException>(item.py()) => {
                Ok(Err(exception(item.py(), error)))
            }
            Err(error) => Err(error),
        }
    };
    items.iter().map(input).collect()
}

fn exception(py: Python<'_>, error: PyErr) -> Bound<'_, PyAny> {
    error.into_value(py).into_bound(py).into_any()
}

/// Unseals window after window, and keeps the data keys in between.
#[pyclass(frozen, module = "libseal")]
pub(crate) struct ManyUnsealer {
    unwrap: Py<PyAny>,
    require: Vec<(String, Option<String>)>,
    threads: Threads,
    /// Whether keys are kept as long as this, and not only for a moment.
    keeps: bool,
    known: Mutex<Known>,
    failures: Arc<Mutex<Failures>>,
}

#[pymethods]
impl ManyUnsealer {
    #[new]
    #[pyo3(signature = (unwrap, require, threads, *, keeps))]
    fn py_new(
        unwrap: &Bound<'_, PyAny>,
        require: Option<&Bound<'_, PyAny>>,
        threads: Threads,
        keeps: bool,
    ) -> PyResult<Self> {
        Unwrappers::from_py(unwrap)?;
        Ok(Self {
            unwrap: unwrap.clone().unbind(),
            require: Require::from_py(require)?.to_owned()?,
            threads,
            keeps,
            known: Mutex::default(),
            failures: Arc::default(),
        })
    }

    /// Unseals each of messages. ask is given the UnknownKeys that they need, in the order of
    /// the messages, and a list with the number of the first message that has failed, if any has;
    /// it unwraps them.
    #[pyo3(signature = (messages, ask, /))]
    fn unseal_window<'py>(
        &self,
        messages: &Bound<'py, PyList>,
        ask: &Bound<'py, PyAny>,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let py = messages.py();
        // Outside of the lock: exceptions may run code when they are freed.
        let failures = mem::take(&mut *lock_briefly(&self.failures)).that_count();
        *lock_briefly(&self.failures) = failures;
        let results = self.work_on(messages, ask);
        let failures = mem::take(&mut *lock_briefly(&self.failures));
        *lock_briefly(&self.failures) = failures.retold(|error| errors::retold(py, error));
        results
    }
}

impl ManyUnsealer {
    fn work_on<'py>(
        &self,
        messages: &Bound<'py, PyList>,
        ask: &Bound<'py, PyAny>,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let py = messages.py();
        let mut known = lock(py, &self.known)?;
        if !self.keeps && known.since.is_some_and(|since| since.elapsed() > KEEP_FOR) {
            *known = Known::default();
        }
        let inputs = inputs(messages, "message")?;
        let good: Vec<&[u8]> = inputs.iter().flatten().map(Input::as_bytes).collect();
        let len = good.iter().map(|message| message.len()).sum();
        let numbered = inputs.iter().enumerate();
        let numbers: Vec<usize> = numbered
            .filter_map(|(n, input)| input.is_ok().then_some(n))
            .collect();

        let find = || self.find(&known, &good);
        let (found, unknown) = Threads::ONE.work_on_many(py, (good.len(), len), find);
        let unwrapped = self.unwrap(py, &inputs, &numbers, &found, unknown, ask)?;
        let keys = found.into_iter().map(|found| match found {
            Found::Known(key) => Ok(key),
            Found::Unknown(number) => match unwrapped.get(number) {
                Some(key) => key.clone(),
                None => Err(ErrorKind::Internal.into()),
            },
            Found::Failed(error) => Err(error),
        });
        let keys: Vec<Result<Arc<UnsealingKey>, Error>> = keys.collect();
        let mut opened = self.open(py, &good, &keys, len)?.into_iter();
        unwrapped
            .into_iter()
            .flatten()
            .for_each(|key| known.insert(key));
        let result = |input: Result<Input<'py>, Bound<'py, PyAny>>| match input {
            Ok(_) => match opened.next() {
                Some(Ok(plaintext)) => Ok(plaintext.into_any()),
                Some(Err(error)) => Ok(exception(py, errors::to_py(py, error))),
                None => Err(errors::internal(py)),
            },
            Err(error) => Ok(error),
        };
        inputs.into_iter().map(result).collect()
    }
}

/// Where the key of a message is.
enum Found {
    Known(Arc<UnsealingKey>),
    /// The number of the header among those that are unknown.
    Unknown(usize),
    Failed(Error),
}

impl ManyUnsealer {
    /// Finds the key of each message. Returns also the unknown headers, each with the number of the first
    /// message that has it.
    fn find(&self, known: &Known, messages: &[&[u8]]) -> (Vec<Found>, Vec<(usize, Header)>) {
        let mut unknown: Vec<(usize, Header)> = Vec::new();
        let mut index = Index::default();
        let require = self.require.iter();
        let require = require.map(|(key, value)| (key.as_str(), value.as_deref()));
        let require: Vec<_> = require.collect();
        let mut find = |(number, message): (usize, &&[u8])| {
            for len in &known.lens {
                if let Some(key) = known.get(message, *len) {
                    return Found::Known(key.clone());
                }
            }
            let checked = Header::parse(message).and_then(|header| {
                header.require(&require)?;
                Ok(header)
            });
            let header = match checked {
                Ok(header) => header,
                Err(error) => return Found::Failed(error),
            };
            if let Some(key) = known.get(message, header.len()) {
                return Found::Known(key.clone());
            }
            let same = index.find(message, header.len(), |number| {
                Some(&unknown.get(number)?.1)
            });
            Found::Unknown(same.unwrap_or_else(|| {
                index.insert(&header, unknown.len());
                unknown.push((number, header));
                unknown.len() - 1
            }))
        };
        let found = messages.iter().enumerate().map(&mut find).collect();
        (found, unknown)
    }

    /// Lets `ask` unwrap the unknown keys.
    fn unwrap(
        &self,
        py: Python<'_>,
        inputs: &[Result<Input<'_>, Bound<'_, PyAny>>],
        numbers: &[usize],
        found: &[Found],
        unknown: Vec<(usize, Header)>,
        ask: &Bound<'_, PyAny>,
    ) -> PyResult<Vec<Result<Arc<UnsealingKey>, Error>>> {
        if unknown.is_empty() {
            return Ok(Vec::new());
        }
        let failed = inputs.iter().position(Result::is_err);
        let refused = found
            .iter()
            .position(|found| matches!(found, Found::Failed(_)));
        let refused = refused.and_then(|number| numbers.get(number).copied());
        let failures: Vec<_> = failed.into_iter().chain(refused).collect();
        let keys = unknown.into_iter().map(|(number, header)| {
            let key = UnknownKey {
                number: numbers.get(number).copied().unwrap_or(usize::MAX),
                header,
                unwrap: self.unwrap.clone_ref(py),
                failures: self.failures.clone(),
                unwrapped: Mutex::default(),
            };
            Bound::new(py, key)
        });
        let keys = keys.collect::<PyResult<Vec<_>>>()?;
        let asked = PyList::new(py, &keys).and_then(|keys| ask.call1((keys, failures)));
        // Exceptions lead back to the keys, so they must not stay there.
        let unwrapped = keys.iter().map(|key| key.get().take());
        let unwrapped = unwrapped.map(|key| key.unwrap_or(Err(ErrorKind::UnwrapFailed.into())));
        let unwrapped = unwrapped.collect();
        asked?;
        Ok(unwrapped)
    }

    /// Opens the messages that have a key.
    fn open<'py>(
        &self,
        py: Python<'py>,
        messages: &[&[u8]],
        keys: &[Result<Arc<UnsealingKey>, Error>],
        len: usize,
    ) -> PyResult<Vec<Result<Bound<'py, PyBytes>, Error>>> {
        let room = |(message, key): (&&[u8], &Result<Arc<UnsealingKey>, Error>)| match key {
            Ok(key) => {
                let range = key.header().plaintext_range(0, message.len() as u64);
                NewBytes::new(py, usize::try_from(range.end)?).map(Some)
            }
            Err(_) => Ok(None),
        };
        let rooms = messages.iter().zip(keys).map(room);
        let mut rooms = rooms.collect::<PyResult<Vec<Option<NewBytes<'py>>>>>()?;
        let mut items = Vec::with_capacity(messages.len());
        for ((message, key), room) in messages.iter().zip(keys).zip(&mut rooms) {
            if let (Ok(key), Some(room)) = (key, room) {
                items.push((&**key, *message, room.as_mut_bytes()));
            }
        }
        let threads = self.threads;
        let open = || libseal::unseal_many(&mut items, Some(threads.most()));
        let opened = threads.work_on_many(py, (messages.len(), len), open);
        let mut opened = opened.into_iter();
        let result =
            |(key, room): (&Result<Arc<UnsealingKey>, Error>, Option<NewBytes<'py>>)| match (
                key, room,
            ) {
                (Ok(_), Some(mut room)) => match opened.next() {
                    Some(Ok(written)) if written == room.as_mut_bytes().len() => Ok(room.finish()),
                    Some(Err(error)) => Err(error),
                    _ => Err(ErrorKind::Internal.into()),
                },
                (Err(error), _) => Err(error.clone()),
                (Ok(_), None) => Err(ErrorKind::Internal.into()),
            };
        Ok(keys.iter().zip(rooms).map(result).collect())
    }
}

/// A header that messages of a window have, and whose data key is not known yet.
#[pyclass(frozen, module = "libseal")]
pub(crate) struct UnknownKey {
    /// The number of the first message that has it.
    #[pyo3(get)]
    number: usize,
    header: Header,
    unwrap: Py<PyAny>,
    failures: Arc<Mutex<Failures>>,
    unwrapped: Mutex<Option<Result<Arc<UnsealingKey>, Error>>>,
}

#[pymethods]
impl UnknownKey {
    /// Unwraps the data key, and returns whether that went well. Raises only what is no
    /// Exception, such as KeyboardInterrupt.
    fn unwrap(&self, py: Python<'_>) -> PyResult<bool> {
        let stopped = lock_briefly(&self.failures).stopped();
        let unwrapped = match stopped {
            Some(error) => Err(error),
            None => self.ask(py)?,
        };
        let is_ok = unwrapped.is_ok();
        let before = lock_briefly(&self.unwrapped).replace(unwrapped);
        drop(before);
        Ok(is_ok)
    }
}

impl UnknownKey {
    fn take(&self) -> Option<Result<Arc<UnsealingKey>, Error>> {
        lock_briefly(&self.unwrapped).take()
    }

    fn ask(&self, py: Python<'_>) -> PyResult<Result<Arc<UnsealingKey>, Error>> {
        let unwrappers = Unwrappers::from_py(self.unwrap.bind(py))?;
        let asking = Asking {
            inner: unwrappers.as_core(),
            unknown: self,
        };
        let data_key = match self.header.unwrap_with(asking) {
            Ok(data_key) => data_key,
            Err(error) => {
                return match errors::interruption(py, &error) {
                    Some(raised) => Err(raised),
                    None => Ok(Err(error)),
                };
            }
        };
        let key = UnsealingKey::new(self.header.clone(), &data_key);
        Ok(key.map(Arc::new))
    }
}

/// An unwrapper that is not asked again about what it has failed for.
struct Asking<'a, U: ?Sized> {
    inner: &'a U,
    unknown: &'a UnknownKey,
}

impl<U: Unwrap + ?Sized> Unwrap for Asking<'_, U> {
    fn unwrap_key(&self, key: &libseal::WrappedKey<'_>) -> Unwrapped {
        let failures = &self.unknown.failures;
        if let Some(error) = lock_briefly(failures).get(key) {
            return Unwrapped::Failed(error.into());
        }
        match self.inner.unwrap_key(key) {
            Unwrapped::Failed(error) => {
                let error = Error::unwrap_failed(error);
                let before = lock_briefly(failures).insert(key, error.clone());
                drop(before);
                Unwrapped::Failed(error.into())
            }
            Unwrapped::Stop(error) => {
                let error = Error::unwrap_failed(error);
                let before = lock_briefly(failures).stop(error.clone());
                drop(before);
                Unwrapped::Stop(error.into())
            }
            answer => answer,
        }
    }

    fn fingerprints(&self) -> Vec<[u8; 32]> {
        self.inner.fingerprints()
    }
}
