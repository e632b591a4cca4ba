//! SHA-2, HMAC and HKDF.

use aws_lc_rs::{digest, hkdf, hmac};

#[cfg(any(test, feature = "fips"))]
use zeroize::Zeroizing;

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

/// HKDF-Expand with SHA-512 under one key, for many messages. `aws-lc-rs` has no interface for it that keeps
/// what HMAC makes of the key, so it is made of HMAC here.
#[cfg(any(test, feature = "fips"))]
pub(crate) struct ExpandKey(hmac::Key);

#[cfg(any(test, feature = "fips"))]
impl ExpandKey {
    /// In its final place, or where the stack is wiped: it is moved.
    pub(crate) fn new(prk: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA512, prk))
    }

    /// As [`hkdf_expand_sha512`].
    pub(crate) fn expand(&self, info: [&[u8]; 3], out: &mut [u8]) -> Result<(), ErrorKind> {
        const ROUND_LEN: usize = 64;
        let mut previous = Zeroizing::new([0; ROUND_LEN]);
        for (number, block) in (1..).zip(out.chunks_mut(ROUND_LEN)) {
            let mut hmac = hmac::Context::with_key(&self.0);
            if number > 1 {
                hmac.update(&*previous);
            }
            info.iter().for_each(|part| hmac.update(part));
            hmac.update(&[number]);
            previous.copy_from_slice(hmac.sign().as_ref());
            let round = previous.get(..block.len()).ok_or(ErrorKind::Internal)?;
            block.copy_from_slice(round);
        }
        Ok(())
    }
}

struct OutputLen(usize);

impl hkdf::KeyType for OutputLen {
    fn len(&self) -> usize {
        self.0
    }
}
