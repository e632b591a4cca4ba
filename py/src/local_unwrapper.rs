//! `LocalUnwrapper`.

use libseal::{Unwrap, Unwrapped};
use pyo3::{prelude::*, types::PyBytes};

use crate::{buffer::Input, convert::hex, errors, public_key::PublicKey, wrapped_key::WrappedKey};

/// Unwraps data keys with a private key in memory: for tests, and for private keys that are not
/// in a KMS.
///
/// LocalUnwrapper(private_pem, password=None) reads an RSA private key in PEM: PKCS#8, encrypted
/// or not, or PKCS#1. Raises InvalidKeyError for anything else, and if the password is missing or
/// wrong.
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
        let pem = Input::or_text("private_pem", private_pem)?;
        let password = password.map(|password| Input::or_text("password", password));
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
    /// Raises KeyUnwrapError if it is wrapped for this key and cannot be unwrapped.
    #[pyo3(signature = (wrapped_key, /))]
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        wrapped_key: &WrappedKey,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        match self.unwrap_key(py, &wrapped_key.as_core()) {
            Unwrapped::DataKey(data_key) => Ok(Some(PyBytes::new(py, data_key.as_bytes()))),
            Unwrapped::NotMine => Ok(None),
            Unwrapped::Failed(error) | Unwrapped::Stop(error) => {
                Err(errors::to_py(py, libseal::Error::unwrap_failed(error)))
            }
        }
    }

    fn __repr__(&self) -> String {
        let key = self.unwrapper.public_key();
        let fingerprint = hex(key.fingerprint());
        format!("<libseal.LocalUnwrapper RSA_{} {fingerprint}>", key.bits())
    }
}
