//! Encryption context.

use std::ffi::c_char;

use libseal::{ErrorKind, MAX_CONTEXT_LEN};

use crate::{
    guard::Failure,
    pointer::{array, text},
    status::LIBSEAL_ERR_INVALID_ARGUMENT,
};

/// Most bytes of an encryption context: its keys and values, and 4 bytes for each pair.
pub const LIBSEAL_MAX_CONTEXT_LEN: usize = 8192;
/// Most pairs that a call takes. A message from elsewhere may have more.
pub const LIBSEAL_MAX_CONTEXT_PAIRS: usize = 64;

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

/// A list without a heap.
#[derive(Debug)]
pub(crate) struct Bounded<T, const MAX: usize> {
    items: [T; MAX],
    len: usize,
}

impl<T: Copy, const MAX: usize> Bounded<T, MAX> {
    /// Empty; `filler` is what the unused places hold.
    pub(crate) fn filled_with(filler: T) -> Self {
        Self {
            items: [filler; MAX],
            len: 0,
        }
    }

    pub(crate) fn push(&mut self, item: T) -> Result<(), Failure> {
        let place = self.items.get_mut(self.len);
        *place.ok_or(Failure(LIBSEAL_ERR_INVALID_ARGUMENT))? = item;
        self.len += 1;
        Ok(())
    }

    pub(crate) fn as_slice(&self) -> &[T] {
        self.items.get(..self.len).unwrap_or_default()
    }
}

pub(crate) type Pairs<'a> = Bounded<(&'a str, &'a str), LIBSEAL_MAX_CONTEXT_PAIRS>;

/// # Safety
/// `list` is of `count` pairs, unless `count` is 0 or it is NULL; nobody changes them or what they
/// point to during `'a`.
pub(crate) unsafe fn read_context<'a>(
    list: *const libseal_context_pair,
    count: usize,
) -> Result<Pairs<'a>, Failure> {
    if count > LIBSEAL_MAX_CONTEXT_PAIRS {
        return Err(Failure(LIBSEAL_ERR_INVALID_ARGUMENT));
    }
    let mut pairs = Pairs::filled_with(("", ""));
    // SAFETY: the caller's word.
    for pair in unsafe { array(list, count) }? {
        // SAFETY: the caller's word.
        let text = |pointer| unsafe { text(pointer, MAX_CONTEXT_LEN, ErrorKind::ContextTooLong) };
        pairs.push((text(pair.key)?, text(pair.value)?))?;
    }
    Ok(pairs)
}
