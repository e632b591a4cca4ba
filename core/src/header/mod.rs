//! The header: prefix, context, recipients, MAC. See `FORMAT.md`.

#[cfg(feature = "alloc")]
pub(crate) mod read;
#[cfg(feature = "alloc")]
mod refusal;
pub(crate) mod write;

use zeroize::Zeroizing;

use crate::{
    crypto::{self, secret::DataKey},
    error::ErrorKind,
};

const MAGIC: [u8; 4] = *b"SEAL";
const VERSION: u8 = 1;
const SUITE: u8 = 1;
const PREFIX_LEN: usize = 6;
const MAC_LEN: usize = 32;
const MAC_KEY_INFO: &[u8] = b"libseal/v1 header mac";

/// Most bytes of a header, prefix to MAC.
pub const MAX_HEADER_LEN: usize = 64 * 1024;

fn mac(data_key: &[u8; DataKey::LEN], authenticated: &[u8]) -> Result<[u8; MAC_LEN], ErrorKind> {
    let mut mac_key = Zeroizing::new([0; 64]);
    crypto::hkdf_expand_sha512(data_key, [MAC_KEY_INFO, b"", b""], &mut *mac_key)?;
    let mut full = [0; 64];
    crypto::hmac_sha512(&*mac_key, &[authenticated], &mut full);
    let mut mac = [0; MAC_LEN];
    mac.copy_from_slice(&full[..MAC_LEN]);
    Ok(mac)
}
