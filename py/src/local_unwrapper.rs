//! `LocalUnwrapper`.

use libseal::{Unwrap, Unwrapped};
use pyo3::{prelude::*, types::PyBytes};

use crate::{
    buffer::Input,
    convert::{self, hex, object},
    errors,
    public_key::PublicKey,
    recipient::Algorithm,
    wrapped_key::WrappedKey,
};

/// Unwraps data keys with a private key in memory: for tests, and for private keys that are not
/// in a KMS.
///
/// LocalUnwrapper(private_key, password=None) reads an RSA private key in PEM or DER: PKCS#8,
/// encrypted or not, or PKCS#1. For anything else it raises InvalidKeyError and says what it is. So
/// it does, with the name PRIVATE_KEY_PASSWORD, if the password is missing or wrong, or if there is
/// one and the key is not encrypted.
///
/// Its arithmetic is not proven constant-time: do not let strangers time it over a network.
#[pyclass(frozen, module = "libseal")]
pub(crate) struct LocalUnwrapper {
    unwrapper: libseal::LocalUnwrapper,
}

impl LocalUnwrapper {
    pub(crate) fn unwrap_key(&self, py: Python<'_>, key: &libseal::WrappedKey<'_>) -> Unwrapped {
        py.detach(|| self.unwrapper.unwrap_key(key))
    }

    pub(crate) fn fingerprints(&self) -> Vec<[u8; 32]> {
        self.unwrapper.fingerprints()
    }
}

#[pymethods]
impl LocalUnwrapper {
    #[new]
    #[pyo3(signature = (private_key, password = None))]
    fn py_new(
        private_key: &Bound<'_, PyAny>,
        password: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let py = private_key.py();
        let key = Input::or_text("private_key", private_key)?;
        let password = password.map(|password| Input::or_text("password", password));
        let password = password.transpose()?;
        let (key, password) = (key.as_bytes(), password.as_ref().map(|p| p.as_bytes()));
        let unwrapper = py.detach(|| libseal::LocalUnwrapper::new(key, password));
        let unwrapper = unwrapper.map_err(|error| errors::to_py(py, error))?;
        Ok(Self { unwrapper })
    }

    /// The public key to seal for.
    #[getter]
    fn public_key(&self) -> PublicKey {
        PublicKey::from_core(self.unwrapper.public_key())
    }

    /// Decrypts what RSA-OAEP holds, of any length: for what libseal has not wrapped, such as
    /// the files of another tool. No message needs it.
    ///
    /// algorithm is a KMS EncryptionAlgorithm: RSAES_OAEP_SHA_256 or RSAES_OAEP_SHA_1. Raises
    /// WrappedKeyRejectedError if ciphertext was altered, or encrypted for another key or with
    /// another algorithm.
    #[pyo3(
        signature = (ciphertext, algorithm = Algorithm::default()),
        text_signature = "($self, ciphertext, algorithm='RSAES_OAEP_SHA_256')"
    )]
    fn decrypt<'py>(
        &self,
        ciphertext: &Bound<'py, PyAny>,
        algorithm: Algorithm,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let py = ciphertext.py();
        let input = Input::from_py("ciphertext", ciphertext)?;
        let ciphertext = input.as_bytes();
        let plaintext = py.detach(|| self.unwrapper.decrypt(algorithm.0, ciphertext));
        let plaintext = plaintext.map_err(|error| errors::to_py(py, error))?;
        Ok(PyBytes::new(py, &plaintext))
    }

    /// Returns the data key, 32 bytes, or None if it is wrapped for another key.
    ///
    /// Raises KeyUnwrapError if it is wrapped for this key and cannot be unwrapped.
    #[pyo3(signature = (wrapped_key, /))]
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        wrapped_key: &Bound<'_, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let wrapped_key = object::<WrappedKey>("wrapped_key", wrapped_key)?.get();
        convert::answer_to_py(py, self.unwrap_key(py, &wrapped_key.as_core()))
    }

    /// The fingerprint of the key, in a list.
    #[pyo3(name = "fingerprints")]
    fn py_fingerprints<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyBytes>> {
        convert::fingerprints_to_py(py, self.fingerprints())
    }

    fn __repr__(&self) -> String {
        let key = self.unwrapper.public_key();
        let fingerprint = hex(key.fingerprint());
        format!("<libseal.LocalUnwrapper RSA_{} {fingerprint}>", key.bits())
    }
}

/// Generates a private RSA key of 2048, 3072 or 4096 bits, for trying out and for tests.
///
/// Returns a PKCS#8 in PEM, as bytes, which LocalUnwrapper reads. It is not encrypted: real keys
/// stay in a KMS, and this one is as safe as the place where you keep it.
///
/// Takes some tenths of a second to some seconds. Raises InvalidKeyError for another size.
#[pyfunction]
#[pyo3(signature = (bits = 3072))]
pub(crate) fn generate_private_key(py: Python<'_>, bits: usize) -> PyResult<Bound<'_, PyBytes>> {
    let pem = py.detach(|| libseal::generate_private_key(bits));
    let pem = pem.map_err(|error| errors::to_py(py, error))?;
    Ok(PyBytes::new(py, pem.as_bytes()))
}
