//! The argument `unwrap`: what unwraps data keys in Python, as an unwrapper of the core.

use libseal::{DataKey, Error, Unwrap, Unwrapped};
use pyo3::{
    exceptions::PyTypeError,
    intern,
    prelude::*,
    sync::PyOnceLock,
    types::{PyBytes, PySequence, PyString, PyTuple, PyType},
};

use crate::{
    buffer::Input,
    caching_unwrapper::CachingUnwrapper,
    convert::{self, type_name},
    data_keys::DataKeys,
    errors,
    local_unwrapper::LocalUnwrapper,
    wrapped_key::WrappedKey,
};

/// One unwrapper, or several that are asked one after the other.
pub(crate) struct Unwrappers<'py>(Vec<Box<dyn Unwrap + 'py>>);

impl<'py> Unwrappers<'py> {
    pub(crate) fn from_py(unwrap: &Bound<'py, PyAny>) -> PyResult<Self> {
        each(unwrap, unwrapper).map(Self)
    }

    /// For `unwrap_with` of the core.
    pub(crate) fn as_core(&self) -> &[Box<dyn Unwrap + 'py>] {
        &self.0
    }
}

/// A list of one, or of several; `make` makes one of what an unwrapper is, and nothing of what is none.
fn each<'py, T>(
    unwrap: &Bound<'py, PyAny>,
    make: impl Fn(&Bound<'py, PyAny>) -> PyResult<Option<T>>,
) -> PyResult<Vec<T>> {
    if let Some(only) = make(unwrap)? {
        return Ok(vec![only]);
    }
    // Text and bytes are sequences too, but not of unwrappers.
    let is_text = unwrap.is_instance_of::<PyString>() || unwrap.is_instance_of::<PyBytes>();
    let several = unwrap.cast::<PySequence>().ok().filter(|_| !is_text);
    let several = several.ok_or_else(|| not_an_unwrapper("unwrap", unwrap))?;
    let several = several.try_iter()?.map(|value| {
        let value = value?;
        make(&value)?.ok_or_else(|| not_an_unwrapper("each of unwrap", &value))
    });
    several.collect()
}

fn unwrapper<'py>(value: &Bound<'py, PyAny>) -> PyResult<Option<Box<dyn Unwrap + 'py>>> {
    if let Ok(local) = value.cast::<LocalUnwrapper>() {
        return Ok(Some(Box::new(Local(local.clone()))));
    }
    if let Ok(keys) = value.cast::<DataKeys>() {
        return Ok(Some(Box::new(Held(keys.clone()))));
    }
    if let Ok(caching) = value.cast::<CachingUnwrapper>() {
        check_sync(caching.get().is_async())?;
        return Ok(Some(Box::new(Caching(caching.clone()))));
    }
    let Some(asked) = asked(value)? else {
        return Ok(None);
    };
    check_sync(asked.is_async)?;
    let unwrap = value.clone();
    Ok(Some(match asked.about_all_keys {
        true => Box::new(AllKeys { unwrap }),
        false => Box::new(EachKey { unwrap }),
    }))
}

/// How an unwrapper is asked.
struct Asked {
    about_all_keys: bool,
    is_async: bool,
}

/// `None` for what is no unwrapper.
fn asked(value: &Bound<'_, PyAny>) -> PyResult<Option<Asked>> {
    if let Ok(caching) = value.cast::<CachingUnwrapper>() {
        return Ok(Some(Asked {
            about_all_keys: false,
            is_async: caching.get().is_async(),
        }));
    }
    // A method of the class: a mock has every attribute that it is asked for.
    let name = intern!(value.py(), "unwrap_keys");
    let about_all_keys = value.get_type().hasattr(name)?;
    let is_async = match about_all_keys {
        true => is_async(&value.getattr(name)?)?,
        false if value.is_instance_of::<PyType>() || !value.is_callable() => return Ok(None),
        false => is_async(value)?,
    };
    Ok(Some(Asked {
        about_all_keys,
        is_async,
    }))
}

/// Refuses what has to be awaited.
pub(crate) fn check_sync(is_async: bool) -> PyResult<()> {
    match is_async {
        true => Err(PyTypeError::new_err(ASYNCHRONOUS)),
        false => Ok(()),
    }
}

/// Whether any of the unwrappers has to be awaited. Refuses what is no unwrapper.
pub(crate) fn is_any_async(unwrap: &Bound<'_, PyAny>) -> PyResult<bool> {
    let each = each(
        unwrap,
        |value| Ok(asked(value)?.map(|asked| asked.is_async)),
    )?;
    Ok(each.contains(&true))
}

const ASYNCHRONOUS: &str =
    "unwrap must not be asynchronous here: the functions of libseal.aio await it";

/// Whether this is an async function, a method that is one, an object with such a `__call__`, or one of these
/// with some of its arguments.
fn is_async(callable: &Bound<'_, PyAny>) -> PyResult<bool> {
    const CO_COROUTINE: u32 = 0x80;
    static PARTIAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let py = callable.py();
    let partial = PARTIAL.import(py, "functools", "partial")?;
    let mut callable = callable.clone();
    while callable.is_instance(partial)? {
        callable = callable.getattr(intern!(py, "func"))?;
    }
    let mut code = callable.getattr_opt(intern!(py, "__code__"))?;
    if code.is_none() {
        let call = callable.get_type().getattr_opt(intern!(py, "__call__"))?;
        code = match call {
            Some(call) => call.getattr_opt(intern!(py, "__code__"))?,
            None => None,
        };
    }
    let Some(code) = code else {
        return Ok(false);
    };
    // Mocks have a __code__ of their own kind.
    let flags = code.getattr(intern!(py, "co_flags"));
    let flags = flags.and_then(|flags| flags.extract::<u32>());
    Ok(flags.is_ok_and(|flags| flags & CO_COROUTINE != 0))
}

fn not_an_unwrapper(name: &str, value: &Bound<'_, PyAny>) -> PyErr {
    let given = match value.cast::<PyType>() {
        Ok(class) => {
            let class = class
                .name()
                .map(|name| name.to_string())
                .unwrap_or_default();
            format!("the class {class}: make an object of it")
        }
        Err(_) if value.hasattr("decrypt").unwrap_or(false) => {
            let given = type_name(value);
            format!("{given}: libseal.aws.KmsUnwrapper makes one of a KMS client")
        }
        Err(_) => type_name(value),
    };
    let message = format!("{name} must be callable or have a method unwrap_keys, not {given}");
    PyTypeError::new_err(message)
}

/// Refuses what is no unwrapper, before there is anything to unwrap.
#[pyfunction]
#[pyo3(signature = (unwrap, /))]
pub(crate) fn check_unwrap(unwrap: &Bound<'_, PyAny>) -> PyResult<()> {
    Unwrappers::from_py(unwrap).map(drop)
}

/// The unwrappers in the argument unwrap of libseal.aio, and for each whether it is async.
#[pyfunction]
#[pyo3(signature = (unwrap, /))]
pub(crate) fn each_unwrapper<'py>(
    unwrap: &Bound<'py, PyAny>,
) -> PyResult<Vec<(Bound<'py, PyAny>, bool)>> {
    each(unwrap, |value| {
        let asked = asked(value)?;
        Ok(asked.map(|asked| (value.clone(), asked.is_async)))
    })
}

/// The data key of one of wrapped_keys, for what libseal.aio caches.
#[pyfunction]
#[pyo3(signature = (wrapped_keys, unwrap, /))]
pub(crate) fn unwrap_keys<'py>(
    wrapped_keys: Vec<PyRef<'py, WrappedKey>>,
    unwrap: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let py = unwrap.py();
    let unwrappers = Unwrappers::from_py(unwrap)?;
    let keys: Vec<_> = wrapped_keys.iter().map(|key| key.as_core()).collect();
    convert::answer_to_py(py, unwrappers.as_core().unwrap_keys(&keys))
}

/// The core's own, without a way through Python.
struct Local<'py>(Bound<'py, LocalUnwrapper>);

impl Unwrap for Local<'_> {
    fn unwrap_key(&self, key: &libseal::WrappedKey<'_>) -> Unwrapped {
        self.0.get().unwrap_key(self.0.py(), key)
    }

    fn fingerprints(&self) -> Vec<[u8; 32]> {
        self.0.get().fingerprints()
    }
}

/// Data keys in memory of the core.
struct Held<'py>(Bound<'py, DataKeys>);

impl Unwrap for Held<'_> {
    fn unwrap_key(&self, key: &libseal::WrappedKey<'_>) -> Unwrapped {
        self.0.get().unwrap_key(key)
    }
}

/// The core's cache. What is in it costs no way through Python either.
struct Caching<'py>(Bound<'py, CachingUnwrapper>);

impl Unwrap for Caching<'_> {
    fn unwrap_key(&self, key: &libseal::WrappedKey<'_>) -> Unwrapped {
        self.unwrap_keys(&[*key])
    }

    fn unwrap_keys(&self, keys: &[libseal::WrappedKey<'_>]) -> Unwrapped {
        self.0.get().unwrap_keys(self.0.py(), keys)
    }

    fn fingerprints(&self) -> Vec<[u8; 32]> {
        self.0.get().fingerprints()
    }
}

/// A callable, which is asked about one recipient at a time.
struct EachKey<'py> {
    unwrap: Bound<'py, PyAny>,
}

impl Unwrap for EachKey<'_> {
    fn unwrap_key(&self, key: &libseal::WrappedKey<'_>) -> Unwrapped {
        let unwrapped = self.unwrap.call1((WrappedKey::from_core(key),));
        answer(self.unwrap.py(), unwrapped, |unwrapped| {
            key.data_key(unwrapped)
        })
    }

    fn fingerprints(&self) -> Vec<[u8; 32]> {
        fingerprints_of(&self.unwrap)
    }
}

/// An object that is asked once about all recipients.
struct AllKeys<'py> {
    unwrap: Bound<'py, PyAny>,
}

impl Unwrap for AllKeys<'_> {
    fn unwrap_key(&self, key: &libseal::WrappedKey<'_>) -> Unwrapped {
        self.unwrap_keys(&[*key])
    }

    fn unwrap_keys(&self, keys: &[libseal::WrappedKey<'_>]) -> Unwrapped {
        let py = self.unwrap.py();
        let keys = PyTuple::new(py, keys.iter().map(WrappedKey::from_core));
        let data_key = keys.and_then(|keys| {
            let name = intern!(py, "unwrap_keys");
            self.unwrap.call_method1(name, (keys,))
        });
        // It is for one of the keys, and only the unwrapper knows for which.
        answer(py, data_key, |data_key| DataKey::try_from(data_key))
    }

    fn fingerprints(&self) -> Vec<[u8; 32]> {
        fingerprints_of(&self.unwrap)
    }
}

/// What the method `fingerprints` returns, if the unwrapper has one. It is for the text of an error, so a
/// fault in it is not worth another.
fn fingerprints_of(unwrap: &Bound<'_, PyAny>) -> Vec<[u8; 32]> {
    let name = intern!(unwrap.py(), "fingerprints");
    if !unwrap.get_type().hasattr(name).unwrap_or(false) {
        return Vec::new();
    }
    let fingerprints = unwrap.call_method0(name);
    let fingerprints = fingerprints.and_then(|found| found.extract::<Vec<[u8; 32]>>());
    fingerprints.unwrap_or_default()
}

/// The answer in what a call of Python code returned or raised.
fn answer(
    py: Python<'_>,
    result: PyResult<Bound<'_, PyAny>>,
    data_key_of: impl FnOnce(&[u8]) -> Result<DataKey, Error>,
) -> Unwrapped {
    let value = match result {
        Ok(value) if value.is_none() => return Unwrapped::NotMine,
        Ok(value) => value,
        Err(error) if errors::is_stop(py, &error) => return Unwrapped::Stop(error.into()),
        Err(error) => return Unwrapped::Failed(errors::failure(py, error).into()),
    };
    match data_key_bytes(&value) {
        Ok(bytes) => match data_key_of(bytes.as_bytes()) {
            Ok(data_key) => Unwrapped::DataKey(data_key),
            Err(error) => Unwrapped::Failed(error.into()),
        },
        Err(error) => Unwrapped::Failed(error.into()),
    }
}

fn data_key_bytes<'py>(value: &Bound<'py, PyAny>) -> PyResult<Input<'py>> {
    Input::from_py("data_key", value).map_err(|_| {
        if value.hasattr("__await__").unwrap_or(false) {
            // Or else Python warns that no one has awaited it.
            let _ = value.call_method0("close");
            return PyTypeError::new_err(ASYNCHRONOUS);
        }
        let given = type_name(value);
        let message = format!("an unwrapper returns 32 bytes or None, not {given}");
        PyTypeError::new_err(message)
    })
}

/// The argument `data_key`: 32 bytes.
pub(crate) fn data_key_from(value: &Bound<'_, PyAny>) -> PyResult<DataKey> {
    let bytes = Input::from_py("data_key", value)?;
    let data_key = DataKey::try_from(bytes.as_bytes());
    data_key.map_err(|error| errors::to_py(value.py(), error))
}
