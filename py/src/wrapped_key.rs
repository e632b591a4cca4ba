//! `WrappedKey`.

use libseal::WrapAlgorithm;
use pyo3::{
    exceptions::PyValueError,
    prelude::*,
    types::{PyBytes, PyType},
};

use crate::{
    buffer::Input,
    convert::{hex, text},
    errors,
};

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
        algorithm: &Bound<'_, PyAny>,
        fingerprint: &Bound<'_, PyAny>,
        key_id: &Bound<'_, PyAny>,
        ciphertext: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let algorithm = text("algorithm", algorithm)?;
        let kind = kind_of(&algorithm).ok_or_else(|| {
            PyValueError::new_err(format!("unknown wrapping algorithm: {algorithm:?}"))
        })?;
        let fingerprint = Input::from_py("fingerprint", fingerprint)?;
        let fingerprint = <[u8; 32]>::try_from(fingerprint.as_bytes())
            .map_err(|_| PyValueError::new_err("fingerprint must be 32 bytes long"))?;
        let ciphertext = Input::from_py("ciphertext", ciphertext)?;
        Ok(Self {
            kind,
            fingerprint,
            key_id: text("key_id", key_id)?,
            ciphertext: ciphertext.as_bytes().to_vec(),
        })
    }

    /// How the data key is wrapped, as KMS calls it: RSAES_OAEP_SHA_256 or RSAES_OAEP_SHA_1.
    ///
    /// UNKNOWN_3, for example, for a kind that this version of libseal does not know. Unwrappers
    /// are not asked for those.
    #[getter]
    fn algorithm(&self) -> String {
        let known = WrapAlgorithm::from_kind(self.kind);
        known.map_or_else(
            || format!("{UNKNOWN}{}", self.kind),
            |algorithm| algorithm.name().to_owned(),
        )
    }

    /// SHA-256 of the recipient's DER SubjectPublicKeyInfo, 32 bytes: which key it is.
    #[getter]
    fn fingerprint<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.fingerprint)
    }

    /// What the sealer calls the key; may be empty.
    #[getter]
    fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The wrapped data key, for KMS Decrypt as CiphertextBlob.
    #[getter]
    fn ciphertext<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.ciphertext)
    }

    /// Makes the data key, 32 bytes, of what the KMS or HSM returned for ciphertext.
    ///
    /// For RSA that is the data key itself. Other kinds, such as ML-KEM, will have more to do
    /// here. What an unwrapper function returns goes through this; call it for
    /// Unsealer.provide_key, and in unwrap_keys.
    ///
    /// Raises KeyUnwrapError unless unwrapped is 32 bytes long, and InvalidKeyError for a kind
    /// that this version of libseal does not know.
    #[pyo3(signature = (unwrapped, /))]
    fn data_key<'py>(
        &self,
        py: Python<'py>,
        unwrapped: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let unwrapped = Input::from_py("unwrapped", unwrapped)?;
        let data_key = self.as_core().data_key(unwrapped.as_bytes());
        let data_key = data_key.map_err(|error| errors::to_py(py, error))?;
        Ok(PyBytes::new(py, data_key.as_bytes()))
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
