//! Secrets that wipe themselves.

use core::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    crypto::random::Random,
    error::{Error, ErrorKind},
};

/// The AES-256 key that one message, or a run of them, is sealed under.
///
/// Never printed. Each copy is wiped when it is dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct DataKey([u8; Self::LEN]);

impl DataKey {
    /// Length in bytes.
    pub const LEN: usize = 32;

    pub(crate) fn generate(random: &mut Random<'_>) -> Result<Self, Error> {
        let mut key = Self([0; Self::LEN]);
        random.fill(&mut key.0)?;
        Ok(key)
    }

    /// The secret itself, for an unwrapper that has to hand it on.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl From<[u8; DataKey::LEN]> for DataKey {
    fn from(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }
}

impl TryFrom<&[u8]> for DataKey {
    type Error = Error;

    /// Fails with [`DataKeyLength`](ErrorKind::DataKeyLength) unless there are exactly 32 bytes.
    fn try_from(bytes: &[u8]) -> Result<Self, Error> {
        let mut key = Self([0; Self::LEN]);
        if bytes.len() != Self::LEN {
            return Err(ErrorKind::DataKeyLength.into());
        }
        key.0.copy_from_slice(bytes);
        Ok(key)
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(..)")
    }
}
