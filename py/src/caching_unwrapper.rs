//! `CachingUnwrapper`.

use std::{cell::Cell, time::Duration};

use libseal::{BoxError, CacheLimits, DataKey, Error, Unwrap, Unwrapped};
use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::PyValueError,
    prelude::*,
    sync::PyOnceLock,
    types::{IntoPyDict, PyBytes, PyDict},
};

use crate::{
    convert::{self, Age, object},
    errors,
    unwrap::{self, Unwrappers, data_key_from},
    wrapped_key::WrappedKey,
};

/// Of a data key, unless the caller says something else.
const MAX_AGE: Age = Age(Duration::from_secs(300));

/// Keeps the data keys that another unwrapper has unwrapped, so the KMS is called once for each
/// data key and not for each message. Messages of one SealingKey have one data key.
///
///     unwrap = libseal.CachingUnwrapper(libseal.aws.KmsUnwrapper(client, keys))
///
/// unwrap is any unwrapper, or a sequence of them: see unseal. If it is asynchronous, the functions
/// of libseal.aio take this object.
///
/// - Threads or tasks that want the same data key at the same time cause one call. The others wait
///   for it, and get its data key or its exception.
/// - Only data keys are kept. After a failure, or for a key that unwrap does not hold, the next
///   caller asks again. So strangers fill the cache only with messages for your own keys.
/// - unwrap is asked about one recipient at a time, so no message can put a wrong data key in the
///   place of the right one.
///
/// A data key is kept for max_age, in seconds or as a timedelta, from when the call for it began;
/// None is no limit. At most max_entries are kept; a further one takes the place of the one that
/// was not used for longest. Each is handed out at most max_uses times; those who waited for one
/// call all get its data key.
///
/// Data keys lie in memory of Rust and are wiped when they leave the cache. While one is there,
/// this process can unseal its messages without the KMS, whatever has been revoked since.
///
/// Threads can share this object. A forked child begins with an empty cache, and so does a copy or
/// an unpickled object, which have the same unwrap and limits.
#[pyclass(frozen, module = "libseal")]
pub(crate) struct CachingUnwrapper {
    cache: libseal::CachingUnwrapper<Inner>,
}

/// What is asked for data keys that are not in the cache.
struct Inner {
    unwrap: Py<PyAny>,
    is_async: bool,
}

thread_local! {
    /// Whether something like `KeyboardInterrupt` was raised in this thread, and not in the one whose
    /// call it waited for.
    static INTERRUPTED: Cell<bool> = const { Cell::new(false) };
}

impl Unwrap for Inner {
    fn unwrap_key(&self, key: &libseal::WrappedKey<'_>) -> Unwrapped {
        Python::attach(|py| {
            let answer = match Unwrappers::from_py(self.unwrap.bind(py)) {
                Ok(unwrappers) => unwrappers.as_core().unwrap_key(key),
                Err(error) => Unwrapped::Stop(error.into()),
            };
            if let Unwrapped::Stop(error) = &answer {
                INTERRUPTED.set(errors::is_interrupt(py, error));
            }
            answer
        })
    }

    fn fingerprints(&self) -> Vec<[u8; 32]> {
        Python::attach(|py| {
            let unwrappers = Unwrappers::from_py(self.unwrap.bind(py));
            unwrappers.map_or_else(|_| Vec::new(), |found| found.as_core().fingerprints())
        })
    }
}

impl CachingUnwrapper {
    /// Whether what is inside has to be awaited.
    pub(crate) fn is_async(&self) -> bool {
        self.cache.inner().is_async
    }

    /// A data key in the cache costs no way through Python. Whoever has to wait is detached.
    pub(crate) fn unwrap_keys(
        &self,
        py: Python<'_>,
        keys: &[libseal::WrappedKey<'_>],
    ) -> Unwrapped {
        if let Some(data_key) = keys.iter().find_map(|key| self.cache.get(key)) {
            return Unwrapped::DataKey(data_key);
        }
        loop {
            INTERRUPTED.set(false);
            return match py.detach(|| self.cache.unwrap_keys_unless(keys, interrupt)) {
                // The thread that asked is gone, and this one can still ask.
                Unwrapped::Stop(error)
                    if errors::is_interrupt(py, &error) && !INTERRUPTED.get() =>
                {
                    continue;
                }
                Unwrapped::Stop(error) => Unwrapped::Stop(own_copy(py, error)),
                Unwrapped::Failed(error) => Unwrapped::Failed(own_copy(py, error)),
                answer => answer,
            };
        }
    }

    pub(crate) fn fingerprints(&self) -> Vec<[u8; 32]> {
        self.cache.fingerprints()
    }
}

/// Ctrl-C, for a thread that waits for another one.
fn interrupt() -> Option<BoxError> {
    let raised = Python::attach(|py| py.check_signals().err())?;
    INTERRUPTED.set(true);
    Some(raised.into())
}

fn own_copy(py: Python<'_>, error: BoxError) -> BoxError {
    match error.downcast::<Error>() {
        Ok(error) => errors::own_copy(py, &error).into(),
        Err(error) => error,
    }
}

/// The argument `name`, of which 0 would mean no cache.
fn at_least_one(name: &str, value: i64) -> PyResult<u64> {
    let value = u64::try_from(value).ok().filter(|value| *value > 0);
    value.ok_or_else(|| no_cache(&format!("{name} must be at least 1")))
}

fn no_cache(rule: &str) -> PyErr {
    PyValueError::new_err(format!(
        "{rule}; to cache nothing, use the unwrapper itself"
    ))
}

#[pymethods]
impl CachingUnwrapper {
    #[new]
    #[pyo3(
        signature = (unwrap, *, max_age = Some(MAX_AGE), max_entries = 1000, max_uses = None),
        text_signature = "(unwrap, *, max_age=300.0, max_entries=1000, max_uses=None)"
    )]
    fn py_new(
        unwrap: &Bound<'_, PyAny>,
        max_age: Option<Age>,
        max_entries: i64,
        max_uses: Option<i64>,
    ) -> PyResult<Self> {
        let max_age = max_age.map_or(Duration::MAX, |age| age.0);
        if max_age.is_zero() {
            return Err(no_cache(
                "max_age must be more than 0, or None for no limit",
            ));
        }
        let max_entries = at_least_one("max_entries", max_entries)?;
        let max_uses = max_uses.map(|uses| at_least_one("max_uses", uses));
        let limits = CacheLimits::default()
            .with_max_age(max_age)
            .with_max_entries(usize::try_from(max_entries)?)
            .with_max_uses(max_uses.transpose()?.unwrap_or(u64::MAX));
        let inner = Inner {
            is_async: unwrap::is_any_async(unwrap)?,
            unwrap: unwrap.clone().unbind(),
        };
        Ok(Self {
            cache: libseal::CachingUnwrapper::new(inner, limits),
        })
    }

    /// The unwrapper, or the sequence of them, that is asked for what is not in the cache.
    #[getter]
    fn unwrap(&self, py: Python<'_>) -> Py<PyAny> {
        self.cache.inner().unwrap.clone_ref(py)
    }

    /// What the cache did in this process, for a dashboard: a CacheStatistics.
    #[getter]
    fn statistics<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let class = CLASS.import(py, "libseal._types", "CacheStatistics")?;
        let found = py.detach(|| self.cache.statistics());
        let numbers = (found.hits, found.misses, found.failures, found.shared);
        let (hits, misses, failures, shared) = numbers;
        class.call1((
            hits,
            misses,
            failures,
            shared,
            found.evictions,
            found.entries,
        ))
    }

    /// Wipes all data keys. Callers that wait get theirs; it is not kept.
    fn clear(&self, py: Python<'_>) {
        py.detach(|| self.cache.clear());
    }

    /// The fingerprints of the keys that unwrap holds, as far as it knows them.
    #[pyo3(name = "fingerprints")]
    fn py_fingerprints<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyBytes>> {
        convert::fingerprints_to_py(py, self.fingerprints())
    }

    /// Returns the data key, 32 bytes, or None if it is wrapped for a key that unwrap does not hold.
    ///
    /// Raises what unwrap raised, or KeyUnwrapError with that as its cause.
    #[pyo3(signature = (wrapped_key, /))]
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        wrapped_key: &Bound<'_, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let wrapped_key = object::<WrappedKey>("wrapped_key", wrapped_key)?.get();
        unwrap::check_sync(self.is_async())?;
        convert::answer_to_py(py, self.unwrap_keys(py, &[wrapped_key.as_core()]))
    }

    /// The data key, if it is in the cache; for libseal.aio.
    #[pyo3(signature = (wrapped_key, /))]
    fn _get<'py>(
        &self,
        py: Python<'py>,
        wrapped_key: &Bound<'_, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let wrapped_key = object::<WrappedKey>("wrapped_key", wrapped_key)?.get();
        let data_key: Option<DataKey> = self.cache.get(&wrapped_key.as_core());
        Ok(data_key.map(|data_key| PyBytes::new(py, data_key.as_bytes())))
    }

    /// Keeps a data key; for libseal.aio.
    #[pyo3(signature = (wrapped_key, data_key, /))]
    fn _put(&self, wrapped_key: &Bound<'_, PyAny>, data_key: &Bound<'_, PyAny>) -> PyResult<()> {
        let wrapped_key = object::<WrappedKey>("wrapped_key", wrapped_key)?.get();
        let data_key = data_key_from(data_key)?;
        self.cache.put(&wrapped_key.as_core(), data_key);
        Ok(())
    }

    /// An unwrapper may hold its cache, and would keep the data keys for ever.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.cache.inner().unwrap)
    }

    fn __getnewargs_ex__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<((Py<PyAny>,), Bound<'py, PyDict>)> {
        Ok(((self.unwrap(py),), self.limits().into_py_dict(py)?))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let unwrap = self.cache.inner().unwrap.bind(py).repr()?;
        let limits = self.limits().into_py_dict(py)?;
        let limits = limits
            .iter()
            .map(|(name, limit)| format!(", {name}={limit}"));
        let limits: String = limits.collect();
        Ok(format!("libseal.CachingUnwrapper({unwrap}{limits})"))
    }
}

impl CachingUnwrapper {
    /// The limits as arguments.
    fn limits(&self) -> [(&'static str, Option<Limit>); 3] {
        let limits = self.cache.limits();
        let max_age = limits.max_age();
        let max_age = (max_age != Duration::MAX).then_some(max_age.as_secs_f64());
        let max_uses = Some(limits.max_uses()).filter(|uses| *uses != u64::MAX);
        [
            ("max_age", max_age.map(Limit::Seconds)),
            (
                "max_entries",
                Some(Limit::Count(limits.max_entries() as u64)),
            ),
            ("max_uses", max_uses.map(Limit::Count)),
        ]
    }
}

#[derive(IntoPyObject)]
enum Limit {
    Seconds(f64),
    Count(u64),
}
