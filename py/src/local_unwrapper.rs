//! `LocalUnwrapper`.

use libseal::KeyUnwrap;
use pyo3::{prelude::*, types::PyBytes};

use crate::{
    convert::{hex, text_or_bytes_like},
    errors,
    header::WrappedKey,
    keys::PublicKey,
};

/// Unwraps data keys with a private key in memory: for tests, and for those who hold their own
/// key instead of leaving it in a KMS.
///
/// Takes an RSA private key in PEM, PKCS#8 (encrypted or not) or PKCS#1. Raises InvalidKeyError if
/// it is none, or if the password is missing or wrong.
///
/// Do not let strangers time it over a network: its arithmetic is not of constant time.
#[pyclass(frozen, module = "libseal")]
pub(crate) struct LocalUnwrapper {
    unwrapper: libseal::LocalUnwrapper,
}

#[pymethods]
impl LocalUnwrapper {
    #[new]
    #[pyo3(signature = (private_pem, password = None))]
    fn py_new(
        private_pem: &Bound<'_, PyAny>,
        password: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let py = private_pem.py();
        let pem = text_or_bytes_like("private_pem", private_pem)?;
        let password = password.map(|password| text_or_bytes_like("password", password));
        let password = password.transpose()?;
        let (pem, password) = (pem.as_bytes(), password.as_ref().map(|p| p.as_bytes()));
        let unwrapper = py.detach(|| libseal::LocalUnwrapper::new(pem, password));
        let unwrapper = unwrapper.map_err(|error| errors::to_py(py, error))?;
        Ok(Self { unwrapper })
    }

    /// The public key to seal for.
    #[getter]
    fn public_key(&self) -> PublicKey {
        PublicKey::from_core(self.unwrapper.public_key())
    }

    /// Returns the data key, 32 bytes, or None if it is wrapped for another key.
    ///
    /// Raises KeyUnwrapError if it is wrapped for this key and does not unwrap.
    #[pyo3(signature = (wrapped_key, /))]
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        wrapped_key: &WrappedKey,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let unwrapped = py.detach(|| self.unwrapper.unwrap_key(&wrapped_key.as_core()));
        let data_key = unwrapped.map_err(|error| errors::unwrapper_error(py, error))?;
        Ok(data_key.map(|data_key| PyBytes::new(py, data_key.as_bytes())))
    }

    fn __repr__(&self) -> String {
        let key = self.unwrapper.public_key();
        let fingerprint = hex(key.fingerprint());
        format!("<libseal.LocalUnwrapper RSA_{} {fingerprint}>", key.bits())
    }
}
