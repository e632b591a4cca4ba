//! `Header` and `WrappedKey`: what a message says about itself.

use std::ops::Range;

use libseal::WrapAlgorithm;
use pyo3::{
    exceptions::PyValueError,
    prelude::*,
    types::{PyBytes, PyDict, PyRange, PyTuple, PyType},
};

use crate::{buffer::Input, convert::hex, errors};

/// A data key as one recipient can unwrap it: what an unwrapper is asked.
///
/// Untrusted: choose among keys that you allow, by fingerprint, and take the key id as a hint.
#[pyclass(frozen, eq, hash, module = "libseal")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct WrappedKey {
    kind: u8,
    fingerprint: [u8; 32],
    key_id: String,
    ciphertext: Vec<u8>,
}

impl WrappedKey {
    pub(crate) fn from_core(key: &libseal::WrappedKey<'_>) -> Self {
        Self {
            kind: key.kind(),
            fingerprint: *key.fingerprint(),
            key_id: key.key_id().to_owned(),
            ciphertext: key.ciphertext().to_vec(),
        }
    }

    pub(crate) fn as_core(&self) -> libseal::WrappedKey<'_> {
        libseal::WrappedKey::new(self.kind, &self.fingerprint, &self.key_id, &self.ciphertext)
    }
}

#[pymethods]
impl WrappedKey {
    #[new]
    #[pyo3(signature = (algorithm, fingerprint, key_id, ciphertext))]
    fn py_new(
        algorithm: &str,
        fingerprint: &Bound<'_, PyAny>,
        key_id: String,
        ciphertext: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let kind = kind_of(algorithm).ok_or_else(|| {
            PyValueError::new_err(format!("unknown wrapping algorithm: {algorithm:?}"))
        })?;
        let fingerprint = Input::from_py("fingerprint", fingerprint)?;
        let fingerprint = <[u8; 32]>::try_from(fingerprint.as_bytes())
            .map_err(|_| PyValueError::new_err("fingerprint must be 32 bytes long"))?;
        let ciphertext = Input::from_py("ciphertext", ciphertext)?;
        Ok(Self {
            kind,
            fingerprint,
            key_id,
            ciphertext: ciphertext.as_bytes().to_vec(),
        })
    }

    /// How the data key is wrapped, as KMS calls it: RSAES_OAEP_SHA_256 or RSAES_OAEP_SHA_1.
    ///
    /// UNKNOWN_3, for example, if this version of libseal does not know how; unwrappers are not
    /// asked for those.
    #[getter]
    fn algorithm(&self) -> String {
        let known = WrapAlgorithm::from_kind(self.kind);
        known.map_or_else(
            || format!("{UNKNOWN}{}", self.kind),
            |a| a.name().to_owned(),
        )
    }

    /// SHA-256 of the recipient's DER SubjectPublicKeyInfo, 32 bytes: which key it is.
    #[getter]
    fn fingerprint<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.fingerprint)
    }

    /// What the sealer says that the key is called; may be empty.
    #[getter]
    fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The wrapped data key, for KMS Decrypt as CiphertextBlob.
    #[getter]
    fn ciphertext<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.ciphertext)
    }

    fn __repr__(&self) -> String {
        format!(
            "<libseal.WrappedKey {} {} key_id={:?}>",
            self.algorithm(),
            hex(&self.fingerprint),
            self.key_id
        )
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> (Bound<'py, PyType>, Parts<'py>) {
        let parts = (
            self.algorithm(),
            self.fingerprint(py),
            self.key_id.clone(),
            self.ciphertext(py),
        );
        (py.get_type::<Self>(), parts)
    }
}

type Parts<'py> = (String, Bound<'py, PyBytes>, String, Bound<'py, PyBytes>);

const UNKNOWN: &str = "UNKNOWN_";

fn kind_of(algorithm: &str) -> Option<u8> {
    if let Some(number) = algorithm.strip_prefix(UNKNOWN) {
        let kind: u8 = number.parse().ok()?;
        return (kind > 0 && WrapAlgorithm::from_kind(kind).is_none()).then_some(kind);
    }
    WrapAlgorithm::from_name(algorithm).map(WrapAlgorithm::kind)
}

/// What a message says about itself, to anybody.
///
/// A stranger's word, until a data key has been accepted: the header of an UnsealReader is
/// verified, what inspect returns is not.
#[pyclass(frozen, module = "libseal")]
pub(crate) struct Header {
    header: libseal::Header,
}

impl Header {
    pub(crate) fn from_core(header: &libseal::Header) -> Self {
        Self {
            header: header.clone(),
        }
    }
}

#[pymethods]
impl Header {
    /// The encryption context, by ascending key; a new dict each time.
    #[getter]
    fn context<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let context = PyDict::new(py);
        for (key, value) in self.header.context() {
            context.set_item(key, value)?;
        }
        Ok(context)
    }

    /// The data key as each recipient can unwrap it, in the order of the message.
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

    /// Which bytes of the message to get for length bytes of plaintext from start on; give them
    /// to Unsealer.update after Unsealer.seek. As an HTTP header:
    ///
    ///     f"bytes={r.start}-{r.stop - 1}"
    ///
    /// They are whole chunks, so up to 32 KiB more. Where the plaintext ends before, so does the
    /// message: the end of the range may be beyond it.
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
    /// Chunks that begin before start do not count. One that does not end with the range is
    /// taken for the last one of the message, because only that is shorter than the others; so
    /// for a whole message, from 0 on, the end is the length of its plaintext.
    #[pyo3(signature = (start, length))]
    fn plaintext_range<'py>(
        &self,
        py: Python<'py>,
        start: u64,
        length: u64,
    ) -> PyResult<Bound<'py, PyAny>> {
        range(py, self.header.plaintext_range(start, length))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let context = self.context(py)?;
        let keys = self.wrapped_keys(py)?;
        Ok(format!(
            "<libseal.Header context={context:?} wrapped_keys={keys:?}>"
        ))
    }
}

/// A Python `range`; unlike `PyRange::new` for all of `u64`.
fn range(py: Python<'_>, range: Range<u64>) -> PyResult<Bound<'_, PyAny>> {
    py.get_type::<PyRange>().call1((range.start, range.end))
}

/// Reads the header that a message begins with.
#[pyfunction]
#[pyo3(signature = (blob, /))]
pub(crate) fn parse_header(blob: &Bound<'_, PyAny>) -> PyResult<Header> {
    let message = Input::from_py("blob", blob)?;
    let header = libseal::Header::parse(message.as_bytes());
    let header = header.map_err(|error| errors::to_py(blob.py(), error))?;
    Ok(Header { header })
}
