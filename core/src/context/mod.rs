//! The encryption context: public pairs that are bound to the payload.
//!
//! Canonical form (`FORMAT.md`): for each pair `u16 length | key | u16 length | value`, in UTF-8. Keys
//! are not empty, unique, and ascend by their bytes.

#[cfg(feature = "alloc")]
pub(crate) mod read;
pub(crate) mod write;

use crate::error::ErrorKind;

/// Most bytes of an encryption context in its canonical form.
pub const MAX_CONTEXT_LEN: usize = 8192;

/// Keys with this prefix are kept for the format itself.
const RESERVED_PREFIX: &str = "libseal:";

fn check_key(key: &str) -> Result<(), ErrorKind> {
    if key.is_empty() {
        return Err(ErrorKind::ContextKeyEmpty);
    }
    if key.starts_with(RESERVED_PREFIX) {
        return Err(ErrorKind::ContextKeyReserved);
    }
    Ok(())
}
