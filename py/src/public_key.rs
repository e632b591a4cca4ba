//! `PublicKey`.

use std::hash::{Hash, Hasher};

use pyo3::{
    exceptions::PyValueError,
    prelude::*,
    types::{PyBytes, PyString, PyType},
};

use crate::{buffer::Input, convert::hex, errors};

/// An RSA public key of 2048, 3072 or 4096 bits.
///
/// PublicKey(encoded) reads a SubjectPublicKeyInfo in DER, as KMS GetPublicKey returns it, in PEM,
/// and what ``aws kms get-public-key`` prints: JSON, or the DER in base64. Text may be str. For
/// anything else it raises InvalidKeyError and says what it is, and how to get the key out of it: a
/// private key, a certificate, a PKCS#1 key, a key for signatures, a key that is not RSA or has a
/// size that no KMS holds.
///
/// With a fingerprint, it refuses every other key, with the name FINGERPRINT_MISMATCH: for a key
/// from a place that others can write to. The fingerprint is 32 bytes, or 64 hexadecimal digits in
/// a str, as ``openssl pkey -pubin -outform DER | sha256sum`` prints them.
///
/// Keys can be compared, hashed, copied and pickled.
#[pyclass(frozen, eq, hash, module = "libseal")]
pub(crate) struct PublicKey {
    key: libseal::PublicKey,
}

impl PublicKey {
    pub(crate) fn from_core(key: &libseal::PublicKey) -> Self {
        Self { key: key.clone() }
    }

    pub(crate) fn as_core(&self) -> &libseal::PublicKey {
        &self.key
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Hash for PublicKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.fingerprint().hash(state);
    }
}

#[pymethods]
impl PublicKey {
    #[new]
    #[pyo3(signature = (encoded, /, *, fingerprint = None))]
    fn py_new(
        encoded: &Bound<'_, PyAny>,
        fingerprint: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let py = encoded.py();
        let encoded = Input::or_text("encoded", encoded)?;
        let fingerprint = fingerprint.map(expected_fingerprint).transpose()?;
        let key = match fingerprint {
            Some(fingerprint) => libseal::PublicKey::pinned(encoded.as_bytes(), &fingerprint),
            None => libseal::PublicKey::new(encoded.as_bytes()),
        };
        let key = key.map_err(|error| errors::to_py(py, error))?;
        Ok(Self { key })
    }

    /// Size of the modulus in bits: 2048, 3072 or 4096.
    #[getter]
    fn bits(&self) -> usize {
        self.key.bits()
    }

    /// SHA-256 of the DER SubjectPublicKeyInfo, 32 bytes: how a message names its recipients.
    #[getter]
    fn fingerprint<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.key.fingerprint())
    }

    /// The SubjectPublicKeyInfo in DER, as bytes: to store the key or send it to a device.
    #[getter]
    fn der<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.key.to_der())
    }

    pub(crate) fn __repr__(&self) -> String {
        let fingerprint = hex(self.key.fingerprint());
        format!("<libseal.PublicKey RSA_{} {fingerprint}>", self.key.bits())
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> (Bound<'py, PyType>, (Bound<'py, PyBytes>,)) {
        (py.get_type::<Self>(), (self.der(py),))
    }
}

/// The argument `fingerprint`.
fn expected_fingerprint(value: &Bound<'_, PyAny>) -> PyResult<[u8; 32]> {
    let wrong =
        || PyValueError::new_err("fingerprint must be 32 bytes, or 64 hexadecimal digits in a str");
    match value.cast::<PyString>() {
        Ok(digits) => from_hex(digits.to_str()?).ok_or_else(wrong),
        Err(_) => {
            let bytes = Input::from_py("fingerprint", value)?;
            bytes.as_bytes().try_into().map_err(|_| wrong())
        }
    }
}

fn from_hex(digits: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let digits = digits.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let value = |digit: &u8| char::from(*digit).to_digit(16);
        let [high, low] = pair else { return None };
        *byte = u8::try_from(value(high)? * 16 + value(low)?).ok()?;
    }
    Some(bytes)
}
