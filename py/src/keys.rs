//! `PublicKey` and `Recipient`.

use std::hash::{Hash, Hasher};

use libseal::{MAX_RECIPIENTS, WrapAlgorithm};
use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::{PyBytes, PyString, PyType},
};

use crate::{
    buffer::Input,
    convert::{hex, text_or_bytes_like, type_name},
    errors,
};

/// An RSA public key of 2048, 3072 or 4096 bits.
///
/// Takes a SubjectPublicKeyInfo in DER, as KMS GetPublicKey returns it, or in PEM, also as str.
/// Raises InvalidKeyError for anything else, and says what it is: a private key, a certificate,
/// a PKCS#1 key, a key that is not RSA or of a size that no KMS holds.
///
/// Keys compare equal if they are the same key, can be hashed, and can be pickled.
#[pyclass(frozen, eq, hash, module = "libseal")]
pub(crate) struct PublicKey {
    key: libseal::PublicKey,
}

impl PublicKey {
    pub(crate) fn from_core(key: &libseal::PublicKey) -> Self {
        Self { key: key.clone() }
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
    #[pyo3(signature = (der_or_pem, /))]
    fn py_new(der_or_pem: &Bound<'_, PyAny>) -> PyResult<Self> {
        let encoded = text_or_bytes_like("der_or_pem", der_or_pem)?;
        let key = libseal::PublicKey::new(encoded.as_bytes());
        let key = key.map_err(|error| errors::to_py(der_or_pem.py(), error))?;
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

    fn __repr__(&self) -> String {
        let fingerprint = hex(self.key.fingerprint());
        format!("<libseal.PublicKey RSA_{} {fingerprint}>", self.key.bits())
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> (Bound<'py, PyType>, (Bound<'py, PyBytes>,)) {
        (py.get_type::<Self>(), (self.der(py),))
    }
}

/// A public key to seal for, with what the message says about it.
///
/// key_id is a hint for whoever unseals, such as the alias or ARN of the KMS key: at most 2048
/// bytes of UTF-8, readable by everybody. algorithm is a KMS EncryptionAlgorithm:
/// RSAES_OAEP_SHA_256, or RSAES_OAEP_SHA_1 for an HSM that can do no other.
#[pyclass(frozen, eq, hash, module = "libseal")]
#[derive(Clone)]
pub(crate) struct Recipient {
    key: std::sync::Arc<Py<PublicKey>>,
    key_id: String,
    algorithm: WrapAlgorithm,
}

impl Recipient {
    fn plain(key: &Bound<'_, PublicKey>, key_id: &str) -> Self {
        Self {
            key: key.clone().unbind().into(),
            key_id: key_id.to_owned(),
            algorithm: WrapAlgorithm::default(),
        }
    }
}

impl PartialEq for Recipient {
    fn eq(&self, other: &Self) -> bool {
        self.key.get() == other.key.get()
            && self.key_id == other.key_id
            && self.algorithm == other.algorithm
    }
}

impl Hash for Recipient {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.get().hash(state);
        self.key_id.hash(state);
        self.algorithm.hash(state);
    }
}

#[pymethods]
impl Recipient {
    #[new]
    #[pyo3(signature = (key, key_id = "", algorithm = "RSAES_OAEP_SHA_256"))]
    fn py_new(key: &Bound<'_, PublicKey>, key_id: &str, algorithm: &str) -> PyResult<Self> {
        let Some(algorithm) = WrapAlgorithm::from_name(algorithm) else {
            let message = format!(
                "algorithm must be RSAES_OAEP_SHA_256 or RSAES_OAEP_SHA_1, not {algorithm:?}"
            );
            return Err(PyValueError::new_err(message));
        };
        Ok(Self {
            algorithm,
            ..Self::plain(key, key_id)
        })
    }

    /// The public key.
    #[getter]
    fn key(&self, py: Python<'_>) -> Py<PublicKey> {
        self.key.clone_ref(py)
    }

    /// What the message calls the key.
    #[getter]
    fn key_id(&self) -> &str {
        &self.key_id
    }

    /// How the data key is wrapped: the name of a KMS EncryptionAlgorithm.
    #[getter]
    fn algorithm(&self) -> &'static str {
        self.algorithm.name()
    }

    fn __repr__(&self) -> String {
        let key = self.key.get().__repr__();
        let algorithm = self.algorithm.name();
        format!("libseal.Recipient({key}, {:?}, {algorithm:?})", self.key_id)
    }

    fn __reduce__<'py>(
        &self,
        py: Python<'py>,
    ) -> (Bound<'py, PyType>, (Py<PublicKey>, &str, &'static str)) {
        let parts = (self.key(py), self.key_id(), self.algorithm());
        (py.get_type::<Self>(), parts)
    }
}

/// The argument `key` of whatever seals: one public key, or several recipients.
pub(crate) struct Recipients(Vec<Recipient>);

impl Recipients {
    pub(crate) fn from_py(key: &Bound<'_, PyAny>, key_id: &str) -> PyResult<Self> {
        if let Some(recipient) = recipient(key, key_id)? {
            return Ok(Self(vec![recipient]));
        }
        // A PEM is iterable too, which would make for puzzling messages.
        let is_encoded = key.is_instance_of::<PyString>() || Input::from_py("key", key).is_ok();
        let keys = key.try_iter().ok().filter(|_| !is_encoded);
        let keys = keys.ok_or_else(|| not_a_recipient("key", key))?;
        // One too many is enough for the core to refuse them.
        let recipients = keys.take(MAX_RECIPIENTS + 1).map(|key| {
            let key = key?;
            recipient(&key, key_id)?.ok_or_else(|| not_a_recipient("each of the keys", &key))
        });
        recipients.collect::<PyResult<_>>().map(Self)
    }

    pub(crate) fn as_core(&self) -> Vec<libseal::Recipient<'_>> {
        let recipients = self.0.iter().map(|recipient| {
            libseal::Recipient::new(&recipient.key.get().key)
                .with_key_id(&recipient.key_id)
                .with_algorithm(recipient.algorithm)
        });
        recipients.collect()
    }
}

fn recipient(key: &Bound<'_, PyAny>, key_id: &str) -> PyResult<Option<Recipient>> {
    if let Ok(key) = key.cast::<PublicKey>() {
        return Ok(Some(Recipient::plain(key, key_id)));
    }
    match key.cast::<Recipient>() {
        Ok(_) if !key_id.is_empty() => Err(PyValueError::new_err(
            "key_id= is for plain public keys: a Recipient has a key id of its own",
        )),
        Ok(recipient) => Ok(Some(recipient.get().clone())),
        Err(_) => Ok(None),
    }
}

fn not_a_recipient(what: &str, value: &Bound<'_, PyAny>) -> PyErr {
    PyTypeError::new_err(format!(
        "{what} must be a libseal.PublicKey or libseal.Recipient, not {}",
        type_name(value)
    ))
}
