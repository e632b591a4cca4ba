//! `Recipient`, and the argument `recipients`.

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

use libseal::{MAX_RECIPIENTS, WrapAlgorithm};
use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::{PyString, PyType},
};

use crate::{
    buffer::Input,
    convert::{object, text, type_name},
    public_key::PublicKey,
};

/// A public key to seal for, with what the header says about it.
///
/// key_id is a hint for the backend, such as the alias or ARN of the KMS key: at most 2048 bytes
/// of UTF-8, which anyone can read. algorithm is a KMS EncryptionAlgorithm: RSAES_OAEP_SHA_256, or
/// RSAES_OAEP_SHA_1 for a KMS or HSM that can do no other.
#[pyclass(frozen, eq, hash, module = "libseal")]
#[derive(Clone)]
pub(crate) struct Recipient {
    key: Arc<Py<PublicKey>>,
    key_id: String,
    algorithm: WrapAlgorithm,
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

/// The argument `key_id`.
#[derive(Default)]
struct KeyId(String);

impl FromPyObject<'_, '_> for KeyId {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        text("key_id", &value).map(Self)
    }
}

/// The argument `algorithm`: the name of a KMS EncryptionAlgorithm.
#[derive(Default)]
pub(crate) struct Algorithm(pub(crate) WrapAlgorithm);

impl FromPyObject<'_, '_> for Algorithm {
    type Error = PyErr;

    fn extract(value: Borrowed<'_, '_, PyAny>) -> PyResult<Self> {
        let name = text("algorithm", &value)?;
        WrapAlgorithm::from_name(&name).map(Self).ok_or_else(|| {
            let message =
                format!("algorithm must be RSAES_OAEP_SHA_256 or RSAES_OAEP_SHA_1, not {name:?}");
            PyValueError::new_err(message)
        })
    }
}

#[pymethods]
impl Recipient {
    #[new]
    #[pyo3(
        signature = (key, key_id = KeyId::default(), algorithm = Algorithm::default()),
        text_signature = "(key, key_id='', algorithm='RSAES_OAEP_SHA_256')"
    )]
    fn py_new(key: &Bound<'_, PyAny>, key_id: KeyId, algorithm: Algorithm) -> PyResult<Self> {
        Ok(Self {
            key: object("key", key)?.clone().unbind().into(),
            key_id: key_id.0,
            algorithm: algorithm.0,
        })
    }

    /// The public key.
    #[getter]
    fn key(&self, py: Python<'_>) -> Py<PublicKey> {
        self.key.clone_ref(py)
    }

    /// What the header calls the key.
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

/// The argument `recipients`: a public key, a recipient, or an iterable of them.
pub(crate) struct Recipients(Vec<Recipient>);

impl Recipients {
    pub(crate) fn from_py(recipients: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Some(only) = recipient(recipients) {
            return Ok(Self(vec![only]));
        }
        // A PEM is iterable too, and its letters would make for puzzling messages.
        let several = recipients
            .try_iter()
            .ok()
            .filter(|_| !is_encoded(recipients));
        let several = several.ok_or_else(|| not_a_recipient("recipients", recipients))?;
        // One too many is enough for the core to refuse them.
        let several = several.take(MAX_RECIPIENTS + 1).map(|value| {
            let value = value?;
            recipient(&value).ok_or_else(|| not_a_recipient("each of recipients", &value))
        });
        several.collect::<PyResult<_>>().map(Self)
    }

    pub(crate) fn as_core(&self) -> Vec<libseal::Recipient<'_>> {
        let recipients = self.0.iter().map(|recipient| {
            libseal::Recipient::new(recipient.key.get().as_core())
                .with_key_id(&recipient.key_id)
                .with_algorithm(recipient.algorithm)
        });
        recipients.collect()
    }
}

fn recipient(value: &Bound<'_, PyAny>) -> Option<Recipient> {
    if let Ok(key) = value.cast::<PublicKey>() {
        return Some(Recipient {
            key: key.clone().unbind().into(),
            key_id: String::new(),
            algorithm: WrapAlgorithm::default(),
        });
    }
    let recipient = value.cast::<Recipient>().ok()?;
    Some(recipient.get().clone())
}

fn not_a_recipient(name: &str, value: &Bound<'_, PyAny>) -> PyErr {
    let hint = if is_encoded(value) {
        ": libseal.PublicKey() makes one of a key in PEM or DER"
    } else {
        ""
    };
    PyTypeError::new_err(format!(
        "{name} must be a libseal.PublicKey or libseal.Recipient, not {}{hint}",
        type_name(value)
    ))
}

/// Whether this may be a key in PEM or DER.
fn is_encoded(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyString>() || Input::from_py("recipients", value).is_ok()
}
