//! Encryption context.

use core::ffi::c_char;

use arrayvec::ArrayVec;
use libseal::{ErrorKind, MAX_CONTEXT_LEN};

use crate::boundary::{
    failure::{Failure, Named},
    own_status::LIBSEAL_ERR_INVALID_ARGUMENT,
    pointer::{array, text},
};

/// Most bytes of an encryption context: its keys and values, and 4 bytes for each pair.
pub const LIBSEAL_MAX_CONTEXT_LEN: usize = 8192;
/// Most pairs that a call takes. A message from elsewhere may have more.
pub const LIBSEAL_MAX_CONTEXT_PAIRS: usize = 16;

const _: () = assert!(LIBSEAL_MAX_CONTEXT_LEN == MAX_CONTEXT_LEN);

/// A pair of the encryption context: anyone can read it, and no one can change it unnoticed.
///
/// A context has each key once, in any order. Keys are not empty and do not begin with "libseal:".
/// This struct never changes, so it has no size.
#[repr(C)]
pub struct libseal_context_pair {
    /// Not NULL.
    pub key: *const c_char,
    /// May be empty. To seal, it must not be NULL; to require a key with any value, it is NULL.
    pub value: *const c_char,
}

/// Pairs to seal with.
pub(crate) type Context<'a> = ArrayVec<(&'a str, &'a str), LIBSEAL_MAX_CONTEXT_PAIRS>;

/// Pairs that a message must have.
#[cfg(feature = "unseal")]
pub(crate) type Required<'a> = ArrayVec<(&'a str, Option<&'a str>), LIBSEAL_MAX_CONTEXT_PAIRS>;

/// Adds the pairs of a list to a context, which is made where it stays: it is too large to move about on
/// a small stack.
///
/// # Safety
/// `list` is of `count` pairs, unless `count` is 0 or it is NULL; nothing changes them or their texts
/// during `'a`.
pub(crate) unsafe fn read_context<'a>(
    list: *const libseal_context_pair,
    count: usize,
    context: &mut Context<'a>,
) -> Result<(), Failure> {
    // SAFETY: the list is of `count` pairs, which do not change.
    for pair in unsafe { pairs(list, count) }? {
        // SAFETY: the texts of a pair do not change.
        let pair = unsafe {
            let key = pair_text(pair.key).of("the key of a pair")?;
            (key, pair_text(pair.value).of("the value of a pair")?)
        };
        let added = context.try_push(pair);
        added.map_err(|_| too_many_pairs()).of("the pairs")?;
    }
    Ok(())
}

/// # Safety
/// As [`read_context`].
#[cfg(feature = "unseal")]
pub(crate) unsafe fn read_required<'a>(
    list: *const libseal_context_pair,
    count: usize,
) -> Result<Required<'a>, Failure> {
    // SAFETY: the list is of `count` pairs, which do not change.
    let pairs = unsafe { pairs(list, count) }?.iter();
    let pairs = pairs.map(|pair| {
        let has_value = !pair.value.is_null();
        // SAFETY: the texts of a pair do not change.
        let value = || unsafe { pair_text(pair.value) }.of("the value of a pair");
        // SAFETY: as for the value.
        let key = unsafe { pair_text(pair.key) }.of("the key of a pair")?;
        Ok((key, has_value.then(value).transpose()?))
    });
    pairs.collect()
}

/// # Safety
/// `list` is of `count` pairs that nothing changes during `'a`, unless `count` is 0 or it is NULL.
unsafe fn pairs<'a>(
    list: *const libseal_context_pair,
    count: usize,
) -> Result<&'a [libseal_context_pair], Failure> {
    if count > LIBSEAL_MAX_CONTEXT_PAIRS {
        return Err(too_many_pairs()).of("the pairs");
    }
    // SAFETY: of `count` pairs, which is no wild number, or NULL.
    unsafe { array(list, count) }.of("the list of pairs")
}

fn too_many_pairs() -> Failure {
    let fault = "are more than LIBSEAL_MAX_CONTEXT_PAIRS";
    Failure::argument(LIBSEAL_ERR_INVALID_ARGUMENT, fault)
}

/// # Safety
/// As [`text`].
unsafe fn pair_text<'a>(pointer: *const c_char) -> Result<&'a str, Failure> {
    // SAFETY: NULL, or text that does not change.
    unsafe { text(pointer, MAX_CONTEXT_LEN, ErrorKind::ContextTooLong) }
}
