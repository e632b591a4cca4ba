//! `Header`.

use std::ops::Range;

use pyo3::{
    exceptions::PyTypeError,
    prelude::*,
    types::{PyBool, PyBytes, PyDict, PyRange, PyTuple, PyType},
};

use crate::{
    buffer::Input, convert::type_name, errors, fork, recipient::Recipients, unwrap::Unwrappers,
    wrapped_key::WrappedKey,
};

/// The header of a message: what it says about itself, without any key.
///
/// Header(message) reads the header that message, a bytes-like object, begins with; the rest of
/// the message need not be there. Raises FormatError or TruncatedError.
///
/// Untrusted until a data key has been accepted: the header of an UnsealReader is verified, what
/// inspect returns is not.
///
/// bytes(header) is what to store. Headers can be compared, hashed, copied and pickled. With the
/// data key, Unsealer.with_key and UnsealReader.with_key start from one.
#[pyclass(frozen, eq, hash, module = "libseal")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Header {
    header: libseal::Header,
}

impl Header {
    pub(crate) fn from_core(header: &libseal::Header) -> Self {
        Self {
            header: header.clone(),
        }
    }

    pub(crate) fn as_core(&self) -> &libseal::Header {
        &self.header
    }

    /// For each wrapped key whether it is kept: the argument `keep`.
    fn kept(&self, keep: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<bool>> {
        let answer = |key: &libseal::WrappedKey<'_>| match keep {
            None => Ok(false),
            Some(keep) if keep.is_callable() => {
                keep.call1((WrappedKey::from_core(key),))?.is_truthy()
            }
            Some(keep) => keep
                .cast::<PyBool>()
                .map(|keep| keep.is_true())
                .map_err(|_| {
                    let given = type_name(keep);
                    PyTypeError::new_err(format!("keep must be a bool or callable, not {given}"))
                }),
        };
        self.header.wrapped_keys().map(|key| answer(&key)).collect()
    }
}

#[pymethods]
impl Header {
    #[new]
    #[pyo3(signature = (message, /))]
    fn py_new(message: &Bound<'_, PyAny>) -> PyResult<Self> {
        let bytes = Input::from_py("message", message)?;
        let header = libseal::Header::parse(bytes.as_bytes());
        let header = header.map_err(|error| errors::to_py(message.py(), error))?;
        Ok(Self { header })
    }

    /// The encryption context, by ascending key; a new dict each time.
    #[getter]
    fn context<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let context = PyDict::new(py);
        for (key, value) in self.header.context() {
            context.set_item(key, value)?;
        }
        Ok(context)
    }

    /// The wrapped data key of every recipient, in the order of the message.
    #[getter]
    fn wrapped_keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let keys = self.header.wrapped_keys();
        let keys = keys.map(|key| Bound::new(py, WrappedKey::from_core(&key)));
        PyTuple::new(py, keys.collect::<PyResult<Vec<_>>>()?)
    }

    /// Length of the header in bytes: where the payload begins.
    #[getter]
    fn length(&self) -> usize {
        self.header.len()
    }

    /// Which bytes of the message hold length bytes of plaintext from start on. Give them to
    /// Unsealer.update after Unsealer.seek. As an HTTP header:
    ///
    ///     f"bytes={r.start}-{r.stop - 1}"
    ///
    /// The range covers whole chunks, so it can be up to 32 KiB longer than length. If the
    /// plaintext ends earlier, so does the message: the end of the range may lie beyond it.
    #[pyo3(signature = (start, length))]
    fn ciphertext_range<'py>(
        &self,
        py: Python<'py>,
        start: u64,
        length: u64,
    ) -> PyResult<Bound<'py, PyAny>> {
        range(py, self.header.ciphertext_range(start, length))
    }

    /// The inverse: which plaintext lies in length bytes of the message from start on.
    ///
    /// Chunks that begin before start do not count. A chunk that goes on after the range is taken
    /// for the last one of the message, because only the last is shorter than the others. So for
    /// a whole message, from 0 on, the end is the length of its plaintext.
    #[pyo3(signature = (start, length))]
    fn plaintext_range<'py>(
        &self,
        py: Python<'py>,
        start: u64,
        length: u64,
    ) -> PyResult<Bound<'py, PyAny>> {
        range(py, self.header.plaintext_range(start, length))
    }

    /// Which bytes of the message hold several ranges of plaintext, each of them a start and a
    /// stop: sorted, and merged where they touch or lie at most max_gap bytes apart. A gap of some
    /// hundred KiB is usually read sooner than another request is answered.
    ///
    /// An empty range needs no bytes. As with ciphertext_range, the end of the last one may lie
    /// beyond the message.
    #[pyo3(signature = (ranges, *, max_gap = 0))]
    fn ciphertext_ranges<'py>(
        &self,
        py: Python<'py>,
        ranges: Vec<(u64, u64)>,
        max_gap: u64,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let ranges = ranges.into_iter().map(|(start, stop)| start..stop);
        let ranges: Vec<_> = ranges.collect();
        let merged = self.header.ciphertext_ranges(&ranges, max_gap).into_iter();
        merged.map(|merged| range(py, merged)).collect()
    }

    /// Length of the plaintext of a message with this header that is message_len bytes long.
    /// Needs no key and verifies nothing.
    ///
    /// Raises TruncatedError if no whole message has this length.
    #[pyo3(signature = (message_len, /))]
    fn plaintext_len(&self, py: Python<'_>, message_len: u64) -> PyResult<u64> {
        let len = self.header.plaintext_len(message_len);
        len.map_err(|error| errors::to_py(py, error))
    }

    /// The header of the same message for other recipients: to rotate keys, or to share a
    /// message. Put it in the place of this one and leave the rest of the message as it is; the
    /// encryption context stays too.
    ///
    /// unwrap is asked for the data key, once. The data key is wrapped for recipients: a PublicKey,
    /// a Recipient, or an iterable of them. keep says which recipients keep their wrapped keys and
    /// stand first: True for all, False for none, or a callable that is given each WrappedKey. To
    /// replace all, to add some, to remove one:
    ///
    ///     header.rewrap(unwrap, new_key)
    ///     header.rewrap(unwrap, new_key, keep=True)
    ///     header.rewrap(unwrap, keep=lambda key: key.fingerprint != old_key.fingerprint)
    ///
    /// Whoever could open the old message still can, with a copy of the old header.
    ///
    /// For what unwrap is and what is raised see unseal. LimitError if no recipient is left, or too
    /// many.
    #[pyo3(
        signature = (unwrap, recipients = None, *, keep = None),
        text_signature = "($self, unwrap, recipients=(), *, keep=False)"
    )]
    fn rewrap(
        &self,
        py: Python<'_>,
        unwrap: &Bound<'_, PyAny>,
        recipients: Option<&Bound<'_, PyAny>>,
        keep: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let unwrappers = Unwrappers::from_py(unwrap)?;
        let recipients = recipients.map(Recipients::from_py).transpose()?;
        let recipients = recipients
            .as_ref()
            .map(Recipients::as_core)
            .unwrap_or_default();
        let mut kept = self.kept(keep)?.into_iter();
        let data_key = self.header.unwrap_with(unwrappers.as_core());
        let data_key = data_key.map_err(|error| errors::to_py(py, error))?;
        let rewrap = || {
            self.header
                .rewrap(&data_key, |_| kept.next() == Some(true), &recipients)
        };
        let rewrapped = py.detach(|| fork::draw(rewrap));
        let header = rewrapped.map_err(|error| errors::to_py(py, error))?;
        Ok(Self { header })
    }

    fn __bytes__<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.header.as_bytes())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let context = self.context(py)?;
        let keys = self.wrapped_keys(py)?;
        Ok(format!(
            "<libseal.Header context={context:?} wrapped_keys={keys:?}>"
        ))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> (Bound<'py, PyType>, (Bound<'py, PyBytes>,)) {
        (py.get_type::<Self>(), (self.__bytes__(py),))
    }
}

/// A Python `range`; unlike `PyRange::new` for all of `u64`.
pub(crate) fn range(py: Python<'_>, range: Range<u64>) -> PyResult<Bound<'_, PyAny>> {
    py.get_type::<PyRange>().call1((range.start, range.end))
}
