//! Headers.
//!
//! Anyone can read a header, without a key: to route a message, or to find the key that opens it.
//! Trust nothing in it before a data key has been accepted.

use core::{ffi::c_char, ops::Range, ptr};

use libseal::{Header, MAX_HEADER_LEN, WrappedKey};

use crate::{
    boundary::{
        boxed::Boxed,
        castable::Castable,
        failure::{Failure, Named},
        guard::{guard, guard_value},
        own_status::{LIBSEAL_ERR_INVALID_ARGUMENT, LIBSEAL_ERR_STRUCT_SIZE},
        pointer::{array, clear, output},
    },
    context::{libseal_context_pair, read_required},
    recipient::{Recipients, libseal_recipient, read_recipients},
    status::libseal_status,
    unsealer::read_data_key,
    wrapped_key::libseal_wrapped_key,
};

/// Most bytes of a header.
pub const LIBSEAL_MAX_HEADER_LEN: usize = 65536;

const _: () = assert!(LIBSEAL_MAX_HEADER_LEN == MAX_HEADER_LEN);

/// The header of a message.
pub struct libseal_header {
    _private: [u8; 0],
}

impl Castable for libseal_header {
    const NAME: &'static str = "header";
    type Rust = Header;
}

impl Boxed for libseal_header {}

/// Reads the header that a message begins with. The first LIBSEAL_MAX_HEADER_LEN bytes of a message
/// are always enough.
///
/// @param in      The message, or its beginning.
/// @param header  Set to a new header: libseal_header_free().
/// @return LIBSEAL_OK;
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
        // SAFETY: `header` is memory for a pointer, and `in` is `in_len` bytes.
        let (header, message) = unsafe {
            let header = output(header, ptr::null_mut()).of("header")?;
            (header, array(r#in, in_len).of("in")?)
        };
        *header = libseal_header::new(Header::parse(message)?);
        Ok(())
    })
}

/// Frees a header from libseal_header_parse() or libseal_header_rewrap(), and no other. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libseal_header_free(header: *mut libseal_header) {
    guard_value(|| {
        // SAFETY: `header` is from `libseal_header_parse`, and this is its last use.
        unsafe { libseal_header::free(header) };
        Ok(())
    });
}

/// Length of the header: where the payload begins in the message. 0 if `header` is NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_header_len(header: *const libseal_header) -> usize {
    // SAFETY: `header` is NULL or a header that does not change during the call.
    guard_value(|| Ok(unsafe { libseal_header::shared(header) }?.len()))
}

/// The libseal_header_len() bytes of the header, as they stand in the message: to store them and parse
/// them again, or to compare messages. NULL if `header` is NULL.
///
/// Borrowed until the header is freed.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_header_bytes(header: *const libseal_header) -> *const u8 {
    let bytes = guard_value(|| {
        // SAFETY: `header` is NULL or a header that stays until it is freed.
        let header = unsafe { libseal_header::shared(header) }?;
        Ok(Some(header.as_bytes().as_ptr()))
    });
    bytes.unwrap_or(ptr::null())
}

/// Refuses a header whose encryption context lacks a required pair.
///
/// @param require        Keys that the context must have: with this value, or with any if it is NULL.
/// @param require_count  At most LIBSEAL_MAX_CONTEXT_PAIRS.
/// @return LIBSEAL_OK, LIBSEAL_ERR_CONTEXT_MISMATCH, LIBSEAL_ERR_INVALID_UTF8,
///         LIBSEAL_ERR_CONTEXT_TOO_LONG for a key or value that no message can have.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_header_require(
    header: *const libseal_header,
    require: *const libseal_context_pair,
    require_count: usize,
) -> libseal_status {
    guard(|| {
        // SAFETY: `header` and the `require_count` pairs of `require` do not change during the call.
        let (header, required) = unsafe {
            (
                libseal_header::shared(header)?,
                read_required(require, require_count)?,
            )
        };
        Ok(header.require(&required)?)
    })
}

/// Which bytes of the message to fetch for a part of the plaintext, with an HTTP range request for
/// example. Give them to libseal_unsealer_update() after libseal_unsealer_seek().
///
/// The range covers whole chunks, so it can be up to 32 KiB longer than `len`. If the plaintext ends
/// earlier, so does the message: the end of the range may lie beyond it. For `start` 0 and `len` 0, the
/// range starts at the first chunk. Give everything before that to the unsealer before it can seek.
///
/// @param start        Position in the plaintext.
/// @param len          Bytes of plaintext.
/// @param range_start  Set to the offset in the message.
/// @param range_len    Set to the number of bytes of the message.
/// @return LIBSEAL_OK.
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
    // SAFETY: `header` does not change, and `range_start` and `range_len` are memory for numbers.
    guard(|| unsafe { range(header, range_start, range_len, compute) })
}

/// The inverse: which plaintext lies in a part of the message. Nothing is verified.
///
/// Chunks that begin before the part do not count. A chunk that goes on after the part is taken for the
/// last one of the message, because only the last is shorter than the others. So for a whole message,
/// from 0 on, `range_len` is the length of its plaintext.
///
/// @param start        Offset in the message.
/// @param len          Bytes of the message.
/// @param range_start  Set to the position in the plaintext.
/// @param range_len    Set to the number of bytes of plaintext.
/// @return LIBSEAL_OK.
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
    // SAFETY: `header` does not change, and `range_start` and `range_len` are memory for numbers.
    guard(|| unsafe { range(header, range_start, range_len, compute) })
}

fn no_such_index() -> Failure {
    let text = "index is not below the number that the header has";
    Failure::with_text(LIBSEAL_ERR_INVALID_ARGUMENT, text)
}

/// # Safety
/// As [`Boxed::shared`] and [`output`].
unsafe fn range(
    header: *const libseal_header,
    start: *mut u64,
    len: *mut u64,
    compute: impl FnOnce(&Header) -> Range<u64>,
) -> Result<(), Failure> {
    // SAFETY: `start` and `len` are NULL or memory for numbers, and `header` does not change.
    let (header, start, len) = unsafe {
        clear(start);
        clear(len);
        let header = libseal_header::shared(header)?;
        let start = output(start, 0).of("range_start")?;
        (header, start, output(len, 0).of("range_len")?)
    };
    let range = compute(header);
    *start = range.start;
    *len = range.end.saturating_sub(range.start);
    Ok(())
}

/// Number of pairs in the encryption context. 0 if `header` is NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_header_context_count(header: *const libseal_header) -> usize {
    // SAFETY: `header` is NULL or a header that does not change during the call.
    guard_value(|| Ok(unsafe { libseal_header::shared(header) }?.context().count()))
}

/// A pair of the encryption context; pairs are in the order of their keys' bytes.
///
/// Key and value are UTF-8 without a NUL at their end, and may contain NULs. Borrowed until the header
/// is freed.
///
/// @param index  Below libseal_header_context_count().
/// @return LIBSEAL_OK.
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
        // SAFETY: each output is NULL or memory for what it holds, and `header` does not change.
        let (key, key_len, value, value_len, header) = unsafe {
            let outputs = (
                output(key, ptr::null()).of("key"),
                output(key_len, 0).of("key_len"),
                output(value, ptr::null()).of("value"),
                output(value_len, 0).of("value_len"),
            );
            let header = libseal_header::shared(header)?;
            (outputs.0?, outputs.1?, outputs.2?, outputs.3?, header)
        };
        let pair = header.context().nth(index);
        let (key_text, value_text) = pair.ok_or_else(no_such_index)?;
        (*key, *key_len) = (key_text.as_ptr().cast(), key_text.len());
        (*value, *value_len) = (value_text.as_ptr().cast(), value_text.len());
        Ok(())
    })
}

/// Number of recipients. 0 if `header` is NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_header_wrapped_key_count(header: *const libseal_header) -> usize {
    guard_value(|| {
        // SAFETY: `header` is NULL or a header that does not change during the call.
        let header = unsafe { libseal_header::shared(header) }?;
        Ok(header.wrapped_keys().count())
    })
}

/// The data key as it is wrapped for one recipient, in the order of the header.
///
/// @param index        Below libseal_header_wrapped_key_count().
/// @param wrapped_key  Set to a struct whose pointers are borrowed until the header is freed.
/// @param size         sizeof(libseal_wrapped_key). No more than that is written.
/// @return LIBSEAL_OK.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_header_wrapped_key(
    header: *const libseal_header,
    index: usize,
    wrapped_key: *mut libseal_wrapped_key,
    size: usize,
) -> libseal_status {
    guard(|| {
        // The members of the first version; a longer struct is filled as far as they go.
        if size < size_of::<libseal_wrapped_key>() {
            let fault = "is less than that of the struct in the first version";
            return Err(Failure::argument(LIBSEAL_ERR_STRUCT_SIZE, fault)).of("size");
        }
        // SAFETY: `wrapped_key` is memory for the struct, and `header` does not change.
        let (wrapped_key, header) = unsafe {
            let wrapped_key = output(wrapped_key, libseal_wrapped_key::EMPTY).of("wrapped_key")?;
            (wrapped_key, libseal_header::shared(header)?)
        };
        let key = header.wrapped_keys().nth(index);
        *wrapped_key = libseal_wrapped_key::new(&key.ok_or_else(no_such_index)?);
        Ok(())
    })
}

/// Makes the header of the same message for other recipients: to rotate keys, or to share a message. Put
/// it in the place of the old header and leave the payload as it is. The encryption context stays too.
///
/// Whoever could open the old message still can, with a copy of the old header. Random bytes come from
/// the operating system.
///
/// @param header           The old header.
/// @param data_key         What libseal_wrapped_key_data_key() made of the answer of the KMS. Wipe it
///                         after the call.
/// @param kept             Indexes of the wrapped keys to keep as they are, in ascending order: see
///                         libseal_header_wrapped_key(). They stand first.
/// @param kept_count       How many there are. 0 keeps none.
/// @param recipients       For whom to wrap the data key as well.
/// @param recipient_count  How many there are. With those that are kept, 1 to LIBSEAL_MAX_RECIPIENTS.
/// @param rewrapped        Set to a new header: libseal_header_free(). See libseal_header_bytes().
/// @return LIBSEAL_OK;
///         LIBSEAL_ERR_AUTHENTICATION_FAILED if the header was not made with this key;
///         LIBSEAL_ERR_NO_RECIPIENTS, LIBSEAL_ERR_TOO_MANY_RECIPIENTS, LIBSEAL_ERR_KEY_ID_TOO_LONG,
///         LIBSEAL_ERR_INVALID_UTF8, LIBSEAL_ERR_NOT_FILLED for a recipient's key;
///         LIBSEAL_ERR_HEADER_TOO_LARGE, LIBSEAL_ERR_RANDOM_FAILED.
///
/// cbindgen:ptrs-as-arrays=[[data_key;32]]
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_header_rewrap(
    header: *const libseal_header,
    data_key: *const u8,
    kept: *const usize,
    kept_count: usize,
    recipients: *const libseal_recipient,
    recipient_count: usize,
    rewrapped: *mut *mut libseal_header,
) -> libseal_status {
    guard(|| {
        let mut list = Recipients::new();
        // SAFETY: `rewrapped` is memory for a pointer. Header, data key, the `kept_count` indexes and the
        // `recipient_count` recipients do not change during the call.
        let (rewrapped, header, data_key, kept) = unsafe {
            let rewrapped = output(rewrapped, ptr::null_mut()).of("rewrapped")?;
            read_recipients(recipients, recipient_count, &mut list)?;
            (
                rewrapped,
                libseal_header::shared(header)?,
                read_data_key(data_key)?,
                array(kept, kept_count).of("kept")?,
            )
        };
        let count = header.wrapped_keys().count();
        let is_ascending = kept.is_sorted_by(|a, b| a < b);
        if !is_ascending || kept.last().is_some_and(|last| *last >= count) {
            let fault = "must be ascending indexes of wrapped keys of the header";
            return Err(Failure::argument(LIBSEAL_ERR_INVALID_ARGUMENT, fault)).of("kept");
        }
        let mut indexes = 0..count;
        let keep = |_: &WrappedKey<'_>| indexes.next().is_some_and(|index| kept.contains(&index));
        *rewrapped = libseal_header::new(header.rewrap(&data_key, keep, &list)?);
        Ok(())
    })
}
