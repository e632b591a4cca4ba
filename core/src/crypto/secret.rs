//! Secrets that wipe themselves.

#[cfg(feature = "alloc")]
use alloc::boxed::Box;
use core::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::error::{Error, ErrorKind};

/// The AES-256 key that one message, or a run of them, is sealed under.
///
/// Never printed. Each copy is wiped when it is dropped. With `alloc` the bytes stay in one place on
/// the heap, so moving a key leaves nothing behind.
#[derive(Clone)]
pub struct DataKey(Bytes);

#[cfg(feature = "alloc")]
type Bytes = Box<[u8; DataKey::LEN]>;
#[cfg(not(feature = "alloc"))]
type Bytes = [u8; DataKey::LEN];

impl DataKey {
    /// Length in bytes.
    pub const LEN: usize = 32;

    /// The secret itself, for an unwrapper that has to hand it on.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl From<[u8; DataKey::LEN]> for DataKey {
    fn from(mut bytes: [u8; Self::LEN]) -> Self {
        let mut key = zeros();
        key.copy_from_slice(&bytes);
        bytes.zeroize();
        Self(key)
    }
}

#[cfg(feature = "alloc")]
fn zeros() -> Bytes {
    Box::new([0; DataKey::LEN])
}

#[cfg(not(feature = "alloc"))]
const fn zeros() -> Bytes {
    [0; DataKey::LEN]
}

impl TryFrom<&[u8]> for DataKey {
    type Error = Error;

    /// Fails with [`DataKeyLength`](ErrorKind::DataKeyLength) unless there are exactly 32 bytes.
    fn try_from(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() != Self::LEN {
            return Err(ErrorKind::DataKeyLength.into());
        }
        let mut key = zeros();
        key.copy_from_slice(bytes);
        Ok(Self(key))
    }
}

impl Zeroize for DataKey {
    fn zeroize(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}

impl Drop for DataKey {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl ZeroizeOnDrop for DataKey {}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(..)")
    }
}
