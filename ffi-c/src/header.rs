//! What a header says.
//!
//! Anybody can read a header, without a key: to route a message, or to find the key that opens it.
//! Nothing in it is to be trusted before a data key was accepted.

use core::{ffi::c_char, ops::Range};

use libseal::{Header, MAX_HEADER_LEN};

use crate::{
    guard::{Failure, guard, guard_value},
    own_status::{LIBSEAL_ERR_INVALID_ARGUMENT, LIBSEAL_ERR_STORAGE_TOO_SMALL},
    pointer::{array, clear, output, shared},
    status::libseal_status,
    wrapped_key::libseal_wrapped_key,
};

/// Most bytes of a header.
pub const LIBSEAL_MAX_HEADER_LEN: usize = 65536;

const _: () = assert!(LIBSEAL_MAX_HEADER_LEN == MAX_HEADER_LEN);

/// The header of a message.
pub struct libseal_header {
    _private: [u8; 0],
}

/// # Safety
/// `header` is NULL or of a header that nobody changes during `'a`.
unsafe fn read<'a>(header: *const libseal_header) -> Result<&'a Header, Failure> {
    // SAFETY: behind a `libseal_header` there always is a `Header`; the rest is the caller's word.
    unsafe { shared(header.cast::<Header>()) }
}

/// Reads the header that a message begins with. The first LIBSEAL_MAX_HEADER_LEN bytes of a message
/// are always enough for it.
///
/// @param in      The message, or its beginning.
/// @param header  Set to a new header, which the caller owns: libseal_header_free().
/// @return LIBSEAL_OK, LIBSEAL_ERR_NULL_POINTER, LIBSEAL_ERR_INVALID_ARGUMENT;
///         LIBSEAL_ERR_EMPTY_MESSAGE, or LIBSEAL_ERR_TRUNCATED if the header goes on after the end;
///         LIBSEAL_ERR_NOT_SEALED, LIBSEAL_ERR_UNSUPPORTED_VERSION, LIBSEAL_ERR_UNSUPPORTED_SUITE,
///         LIBSEAL_ERR_HEADER_MALFORMED, LIBSEAL_ERR_HEADER_TOO_LARGE.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_header_parse(
    r#in: *const u8,
    in_len: usize,
    header: *mut *mut libseal_header,
) -> libseal_status {
    guard(|| {
        // SAFETY: the caller's word.
        let header = unsafe { output(header, core::ptr::null_mut()) }?;
        // SAFETY: the caller's word.
        let message = unsafe { array(r#in, in_len) }?;
        *header = Box::into_raw(Box::new(Header::parse(message)?)).cast();
        Ok(())
    })
}

/// Frees a header from libseal_header_parse(), and nothing else. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libseal_header_free(header: *mut libseal_header) {
    guard(|| {
        if !header.is_null() {
            // SAFETY: `libseal_header_parse` made it, and this is its last use: the caller's word.
            drop(unsafe { Box::from_raw(header.cast::<Header>()) });
        }
        Ok(())
    });
}

/// Length of the header: where the payload begins in the message. 0 if `header` is NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_header_len(header: *const libseal_header) -> usize {
    // SAFETY: the caller's word.
    guard_value(|| Ok(unsafe { read(header) }?.len()))
}

/// Which bytes of the message to get for a part of the plaintext, with an HTTP range request for
/// example. They are for libseal_unsealer_update() after libseal_unsealer_seek().
///
/// They are whole chunks, so up to 32 KiB more. Where the plaintext ends before, so does the message:
/// the end of the range may be beyond it. Of no plaintext at the position 0, the range begins where the
/// first chunk does: what comes before is what libseal_unsealer_seek() wants.
///
/// @param start        Position in the plaintext.
/// @param len          Bytes of plaintext.
/// @param range_start  Set to the offset in the message.
/// @param range_len    Set to the number of bytes of the message.
/// @return LIBSEAL_OK, LIBSEAL_ERR_NULL_POINTER, LIBSEAL_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_header_ciphertext_range(
    header: *const libseal_header,
    start: u64,
    len: u64,
    range_start: *mut u64,
    range_len: *mut u64,
) -> libseal_status {
    let compute = |header: &Header| header.ciphertext_range(start, len);
    // SAFETY: the caller's word.
    guard(|| unsafe { range(header, range_start, range_len, compute) })
}

/// The inverse: which plaintext lies in a part of the message.
///
/// Chunks that begin before the part do not count. One that does not end with it is taken for the last
/// one of the message, because only that is shorter than the others; so for a whole message, from 0 on,
/// `range_len` is the length of its plaintext. Nothing is verified yet.
///
/// @param start        Offset in the message.
/// @param len          Bytes of the message.
/// @param range_start  Set to the position in the plaintext.
/// @param range_len    Set to the number of bytes of plaintext.
/// @return LIBSEAL_OK, LIBSEAL_ERR_NULL_POINTER, LIBSEAL_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_header_plaintext_range(
    header: *const libseal_header,
    start: u64,
    len: u64,
    range_start: *mut u64,
    range_len: *mut u64,
) -> libseal_status {
    let compute = |header: &Header| header.plaintext_range(start, len);
    // SAFETY: the caller's word.
    guard(|| unsafe { range(header, range_start, range_len, compute) })
}

/// # Safety
/// As [`read`] and [`output`].
unsafe fn range(
    header: *const libseal_header,
    start: *mut u64,
    len: *mut u64,
    compute: impl FnOnce(&Header) -> Range<u64>,
) -> Result<(), Failure> {
    // SAFETY: the caller's word.
    unsafe {
        clear(start);
        clear(len);
    }
    // SAFETY: the caller's word.
    let range = compute(unsafe { read(header) }?);
    // SAFETY: the caller's word.
    let (start, len) = unsafe { (output(start, 0)?, output(len, 0)?) };
    *start = range.start;
    *len = range.end.saturating_sub(range.start);
    Ok(())
}

/// Number of pairs in the encryption context. 0 if `header` is NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_header_context_count(header: *const libseal_header) -> usize {
    // SAFETY: the caller's word.
    guard_value(|| Ok(unsafe { read(header) }?.context().count()))
}

/// A pair of the encryption context; pairs are in the order of their keys' bytes.
///
/// Key and value are UTF-8, not ended by a NUL, and may have NULs in them. Borrowed until the header
/// is freed.
///
/// @param index  Below libseal_header_context_count().
/// @return LIBSEAL_OK, LIBSEAL_ERR_NULL_POINTER, LIBSEAL_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_header_context_pair(
    header: *const libseal_header,
    index: usize,
    key: *mut *const c_char,
    key_len: *mut usize,
    value: *mut *const c_char,
    value_len: *mut usize,
) -> libseal_status {
    guard(|| {
        for pointer in [key, value] {
            if !pointer.is_null() {
                // SAFETY: the caller's word.
                unsafe { output(pointer, core::ptr::null()) }?;
            }
        }
        for len in [key_len, value_len] {
            // SAFETY: the caller's word.
            unsafe { clear(len) };
        }
        // SAFETY: the caller's word.
        let mut pairs = unsafe { read(header) }?.context();
        let pair = pairs.nth(index);
        let (key_text, value_text) = pair.ok_or(Failure(LIBSEAL_ERR_INVALID_ARGUMENT))?;
        // SAFETY: the caller's word.
        let (key, key_len, value, value_len) = unsafe {
            (
                output(key, core::ptr::null())?,
                output(key_len, 0)?,
                output(value, core::ptr::null())?,
                output(value_len, 0)?,
            )
        };
        (*key, *key_len) = (key_text.as_ptr().cast(), key_text.len());
        (*value, *value_len) = (value_text.as_ptr().cast(), value_text.len());
        Ok(())
    })
}

/// Number of recipients. 0 if `header` is NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_header_wrapped_key_count(header: *const libseal_header) -> usize {
    // SAFETY: the caller's word.
    guard_value(|| Ok(unsafe { read(header) }?.wrapped_keys().count()))
}

/// The data key as it is wrapped for one recipient, in the order of the header.
///
/// @param index        Below libseal_header_wrapped_key_count().
/// @param wrapped_key  Set to what is borrowed until the header is freed.
/// @param size         sizeof(libseal_wrapped_key); no more than that is written.
/// @return LIBSEAL_OK, LIBSEAL_ERR_NULL_POINTER, LIBSEAL_ERR_STORAGE_TOO_SMALL,
///         LIBSEAL_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_header_wrapped_key(
    header: *const libseal_header,
    index: usize,
    wrapped_key: *mut libseal_wrapped_key,
    size: usize,
) -> libseal_status {
    guard(|| {
        // The members of the first version; a longer struct is filled as far as it goes.
        if size < size_of::<libseal_wrapped_key>() {
            return Err(Failure(LIBSEAL_ERR_STORAGE_TOO_SMALL));
        }
        // SAFETY: the caller's word.
        let wrapped_key = unsafe { output(wrapped_key, libseal_wrapped_key::EMPTY) }?;
        // SAFETY: the caller's word.
        let key = unsafe { read(header) }?.wrapped_keys().nth(index);
        *wrapped_key = libseal_wrapped_key::new(&key.ok_or(Failure(LIBSEAL_ERR_INVALID_ARGUMENT))?);
        Ok(())
    })
}
