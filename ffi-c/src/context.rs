//! Encryption context.

use core::ffi::c_char;

use arrayvec::ArrayVec;
use libseal::{ErrorKind, MAX_CONTEXT_LEN};

use crate::{
    guard::Failure,
    own_status::LIBSEAL_ERR_INVALID_ARGUMENT,
    pointer::{array, text},
};

/// Most bytes of an encryption context: its keys and values, and 4 bytes for each pair.
pub const LIBSEAL_MAX_CONTEXT_LEN: usize = 8192;
/// Most pairs that a call takes. A message from elsewhere may have more.
pub const LIBSEAL_MAX_CONTEXT_PAIRS: usize = 16;

const _: () = assert!(LIBSEAL_MAX_CONTEXT_LEN == MAX_CONTEXT_LEN);

/// A pair of the encryption context: everybody can read it, and nobody can change it unnoticed.
///
/// Keys are not empty, not given twice and do not begin with "libseal:"; the order does not matter.
/// The struct and what it points to are borrowed until the call that takes it returns.
#[repr(C)]
pub struct libseal_context_pair {
    /// Not NULL.
    pub key: *const c_char,
    /// Not NULL; may be empty.
    pub value: *const c_char,
}

/// Pairs as the core takes them, without a heap.
pub(crate) type Pairs<'a> = ArrayVec<(&'a str, &'a str), LIBSEAL_MAX_CONTEXT_PAIRS>;

/// Adds the pairs of a list to `pairs`.
///
/// # Safety
/// `list` is of `count` pairs, unless `count` is 0 or it is NULL; nobody changes them or what they
/// point to during `'a`.
pub(crate) unsafe fn read_context<'a>(
    list: *const libseal_context_pair,
    count: usize,
    pairs: &mut Pairs<'a>,
) -> Result<(), Failure> {
    // SAFETY: the caller's word.
    for pair in unsafe { array(list, count) }? {
        // SAFETY: the caller's word.
        let text = |pointer| unsafe { text(pointer, MAX_CONTEXT_LEN, ErrorKind::ContextTooLong) };
        let pair = (text(pair.key)?, text(pair.value)?);
        let added = pairs.try_push(pair);
        added.map_err(|_| Failure(LIBSEAL_ERR_INVALID_ARGUMENT))?;
    }
    Ok(())
}
