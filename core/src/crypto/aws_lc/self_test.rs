//! A key pair for the self-test.

use alloc::vec::Vec;

use aws_lc_rs::{
    error::{KeyRejected, Unspecified},
    rsa::{
        OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, PrivateDecryptingKey,
    },
};

use super::internal;
use crate::{crypto::OaepHash, error::ErrorKind};

/// Public test data, as its private half is: `rsa-2048` of the test vectors. No one seals for it.
pub(crate) const SELF_TEST_PUBLIC_KEY: &[u8] = include_bytes!("self_test_key.pub.der");
/// PKCS#8.
const PRIVATE_KEY: &[u8] = include_bytes!("self_test_key.der");

/// Decrypts what was encrypted with RSAES-OAEP for [`SELF_TEST_PUBLIC_KEY`].
pub(crate) fn self_test_decrypt(hash: OaepHash, ciphertext: &[u8]) -> Result<Vec<u8>, ErrorKind> {
    let algorithm = match hash {
        OaepHash::Sha256 => &OAEP_SHA256_MGF1SHA256,
        OaepHash::Sha1 => &OAEP_SHA1_MGF1SHA1,
    };
    let key = PrivateDecryptingKey::from_pkcs8(PRIVATE_KEY);
    let key = key.map_err(|_: KeyRejected| Unspecified);
    let key = key
        .and_then(OaepPrivateDecryptingKey::new)
        .map_err(internal)?;
    let mut message = alloc::vec![0; key.min_output_size()];
    let decrypted = key.decrypt(algorithm, ciphertext, &mut message, None);
    Ok(decrypted.map_or_else(|Unspecified| Vec::new(), |decrypted| decrypted.to_vec()))
}
