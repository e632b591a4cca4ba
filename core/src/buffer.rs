//! Buffers that grow when they have to.

use alloc::{vec, vec::Vec};
use zeroize::Zeroize;

use crate::error::ErrorKind;

/// The first `len` bytes of a buffer. If it has to grow, what was in it is wiped.
pub(crate) fn room(buffer: &mut Vec<u8>, len: usize) -> Result<&mut [u8], ErrorKind> {
    if buffer.len() < len {
        buffer.zeroize();
        *buffer = vec![0; len];
    }
    buffer.get_mut(..len).ok_or(ErrorKind::Internal)
}
