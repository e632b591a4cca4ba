//! SHA-2, HMAC and HKDF.

use aws_lc_rs::{digest, hkdf, hmac};

use super::internal;
use crate::error::ErrorKind;

pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = digest::Context::new(&digest::SHA256);
    parts.iter().for_each(|part| hash.update(part));
    let mut out = [0; 32];
    out.copy_from_slice(hash.finish().as_ref());
    out
}

pub(crate) fn hmac_sha512(key: &[u8], parts: &[&[u8]], mac: &mut [u8; 64]) {
    let mut hmac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA512, key));
    parts.iter().for_each(|part| hmac.update(part));
    mac.copy_from_slice(hmac.sign().as_ref());
}

pub(crate) fn hkdf_expand_sha512(
    prk: &[u8; 32],
    info: [&[u8]; 3],
    out: &mut [u8],
) -> Result<(), ErrorKind> {
    let prk = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA512, prk);
    let okm = prk.expand(&info, OutputLen(out.len()));
    okm.and_then(|okm| okm.fill(out)).map_err(internal)
}

struct OutputLen(usize);

impl hkdf::KeyType for OutputLen {
    fn len(&self) -> usize {
        self.0
    }
}
