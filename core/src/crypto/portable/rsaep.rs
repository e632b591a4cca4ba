//! The RSA public operation, with the `rsa` crate, which needs a heap.

use rsa::{BoxedUint, RsaPublicKey, hazmat};
use zeroize::Zeroize;

/// RSAEP (RFC 8017 section 5.1.1): replaces the message in `block` by message^exponent mod modulus.
///
/// `modulus` is big-endian without leading zeros, and `block` is as long.
pub(super) fn rsaep(modulus: &[u8], exponent: u32, block: &mut [u8]) -> Option<()> {
    let precision = u32::try_from(modulus.len() * 8).ok()?;
    let number = |bytes: &[u8]| BoxedUint::from_be_slice(bytes, precision).ok();
    let key = RsaPublicKey::new(number(modulus)?, BoxedUint::from(exponent)).ok()?;
    let mut message = number(block)?;
    let encrypted = hazmat::rsa_encrypt(&key, &message);
    message.zeroize();
    let encrypted = encrypted.ok()?.to_be_bytes();
    (encrypted.len() == block.len()).then(|| block.copy_from_slice(&encrypted))
}
