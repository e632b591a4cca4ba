//! `PublicKey`.

use std::{
    hash::{Hash, Hasher},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    intern,
    prelude::*,
    types::{PyBytes, PyString, PyType},
};

use crate::{
    buffer::Input,
    convert::{hex, type_name},
    errors,
};

/// An RSA public key of 2048, 3072 or 4096 bits.
///
/// PublicKey(encoded) reads a SubjectPublicKeyInfo in DER, as KMS GetPublicKey returns it, in PEM,
/// and what ``aws kms get-public-key`` prints: JSON, or the DER in base64. Text may be str. For
/// anything else it raises InvalidKeyError and says what it is, and how to get the key out of it: a
/// private key, a certificate (see from_certificate), a key bundle that expires (see from_bundle),
/// a PKCS#1 key, a key for signatures, a key that is not RSA or has a size that no KMS holds.
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

    /// Reads a key bundle, and refuses it if it has expired.
    ///
    /// A bundle is the JSON of ``aws kms get-public-key`` with more members, of which each may be
    /// missing: Alias, Fingerprint, Created and NotAfter. What they say about the key must be
    /// true. The time at, or now, must not be later than NotAfter, nor more than a day earlier
    /// than Created. Nothing in a bundle says who made it.
    ///
    /// Raises InvalidKeyError: KEY_NOT_VALID_NOW, FINGERPRINT_MISMATCH, and those of PublicKey().
    /// Raises ValueError if at has no time zone.
    #[staticmethod]
    #[pyo3(signature = (bundle, /, *, at = None))]
    fn from_bundle(bundle: &Bound<'_, PyAny>, at: Option<Time>) -> PyResult<Self> {
        let json = Input::or_text("bundle", bundle)?;
        let key = libseal::PublicKey::from_bundle(json.as_bytes(), at.unwrap_or_else(Time::now).0);
        let key = key.map_err(|error| errors::to_py(bundle.py(), error))?;
        Ok(Self { key })
    }

    /// Reads the key in an X.509 certificate in PEM or DER.
    ///
    /// In PEM, the first certificate is that of the key, and those after it are intermediates.
    /// Refused are a certificate that is not valid at the time at, or now, and one whose KeyUsage
    /// lacks keyEncipherment.
    ///
    /// With roots, certificates in PEM or one in DER, it must be one of them or lead to one of
    /// them. Without roots, anyone can have made the certificate: get it from a place you trust,
    /// or compare the fingerprint of the key. It is not asked whether a certificate was revoked,
    /// and names in it are not compared with anything.
    ///
    /// Raises InvalidKeyError: KEY_NOT_VALID_NOW, WRONG_KEY_USAGE, CERTIFICATE_NOT_TRUSTED, and
    /// those of PublicKey(). Raises ValueError if at has no time zone.
    #[staticmethod]
    #[pyo3(signature = (certificate, /, *, roots = None, at = None))]
    fn from_certificate(
        certificate: &Bound<'_, PyAny>,
        roots: Option<&Bound<'_, PyAny>>,
        at: Option<Time>,
    ) -> PyResult<Self> {
        let encoded = Input::or_text("certificate", certificate)?;
        let roots = roots
            .map(|roots| Input::or_text("roots", roots))
            .transpose()?;
        let roots = roots.as_ref().map(Input::as_bytes);
        let key = libseal::PublicKey::from_certificate(
            encoded.as_bytes(),
            roots,
            at.unwrap_or_else(Time::now).0,
        );
        let key = key.map_err(|error| errors::to_py(certificate.py(), error))?;
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

/// The argument `at`: a `datetime` with a time zone, in seconds since 1970. What is earlier is 1970.
struct Time(u64);

impl Time {
    fn now() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Self(now.unwrap_or_default().as_secs())
    }
}

impl FromPyObject<'_, '_> for Time {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        let py = value.py();
        let not_a_time = |_| {
            let name = type_name(&value);
            PyTypeError::new_err(format!("at must be a datetime, not {name}"))
        };
        let offset = value
            .call_method0(intern!(py, "utcoffset"))
            .map_err(not_a_time)?;
        let timestamp = value
            .call_method0(intern!(py, "timestamp"))
            .map_err(not_a_time)?;
        if offset.is_none() {
            let message = "at must have a time zone, as datetime.now(timezone.utc) has";
            return Err(PyValueError::new_err(message));
        }
        let timestamp = Duration::try_from_secs_f64(timestamp.extract::<f64>()?.max(0.0));
        Ok(Self(timestamp.unwrap_or_default().as_secs()))
    }
}
