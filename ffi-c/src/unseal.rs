//! Unsealing in one call.

use core::ffi::c_void;

use libseal::ErrorKind;

use crate::{
    boundary::{
        buffer::{input_and_output, wiped_after_panic},
        failure::Named,
        guard::guard,
        pointer::{array, clear, output},
    },
    context::{libseal_context_pair, read_required},
    status::libseal_status,
    unwrap::{Callback, libseal_unwrap_fn},
};

/// The length of the plaintext of a message, from its header and its own length. Needs no key and
/// verifies nothing.
///
/// @param in   The whole message.
/// @param len  Set to the length of the plaintext.
/// @return as libseal_header_parse(), and LIBSEAL_ERR_TRUNCATED also if no message is this long.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_plaintext_len(
    r#in: *const u8,
    in_len: usize,
    len: *mut usize,
) -> libseal_status {
    guard(|| {
        // SAFETY: `len` is memory for a number, and `in` is `in_len` bytes.
        let (len, message) = unsafe {
            let len = output(len, 0).of("len")?;
            (len, array(r#in, in_len).of("in")?)
        };
        *len = libseal::plaintext_len(message)?;
        Ok(())
    })
}

/// Unseals a message that is in memory. On LIBSEAL_OK it is authentic and complete.
///
/// After LIBSEAL_ERR_EMPTY_MESSAGE, LIBSEAL_ERR_TRUNCATED and LIBSEAL_ERR_END_NOT_AUTHENTIC, the rest of
/// the message may still be on its way: reading it again can help.
///
/// @param in             The whole message.
/// @param unwrap         Unwraps the data key; not NULL. It is not called if `out` is too small.
/// @param user_data      For `unwrap`; may be NULL.
/// @param require        Keys that the encryption context must have: with this value, or with any if it
///                       is NULL. The message is refused before a key is unwrapped if one is missing.
/// @param require_count  At most LIBSEAL_MAX_CONTEXT_PAIRS.
/// @param out            Room for libseal_plaintext_len() bytes.
/// @return LIBSEAL_OK, LIBSEAL_ERR_BUFFER_TOO_SMALL, LIBSEAL_ERR_INVALID_UTF8,
///         LIBSEAL_ERR_CONTEXT_TOO_LONG for a required key or value that no message can have;
///         LIBSEAL_ERR_EMPTY_MESSAGE, LIBSEAL_ERR_NOT_SEALED, LIBSEAL_ERR_UNSUPPORTED_VERSION,
///         LIBSEAL_ERR_UNSUPPORTED_SUITE, LIBSEAL_ERR_HEADER_MALFORMED,
///         LIBSEAL_ERR_HEADER_TOO_LARGE, LIBSEAL_ERR_TRUNCATED;
///         LIBSEAL_ERR_CONTEXT_MISMATCH, LIBSEAL_ERR_NO_MATCHING_RECIPIENT,
///         LIBSEAL_ERR_UNWRAP_FAILED, LIBSEAL_ERR_KMS_UNAVAILABLE, LIBSEAL_ERR_KMS_REFUSED,
///         LIBSEAL_ERR_WRAPPED_KEY_REJECTED, LIBSEAL_ERR_AUTHENTICATION_FAILED,
///         LIBSEAL_ERR_END_NOT_AUTHENTIC. What the callback returned is in libseal_last_error().
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_unseal(
    r#in: *const u8,
    in_len: usize,
    unwrap: libseal_unwrap_fn,
    user_data: *mut c_void,
    require: *const libseal_context_pair,
    require_count: usize,
    out: *mut u8,
    out_cap: usize,
    written: *mut usize,
) -> libseal_status {
    let status = guard(|| {
        // SAFETY: `in` is `in_len` bytes; `out` and `written` are memory that only this call uses;
        // `unwrap` can be called with `user_data`; the `require_count` pairs do not change.
        let (callback, required, (message, mut output)) = unsafe {
            clear(written);
            (
                Callback::new(unwrap, user_data)?,
                read_required(require, require_count)?,
                input_and_output(r#in, in_len, out, out_cap, written)?,
            )
        };
        match libseal::unseal_into(message, callback, &required, output.all()) {
            Ok(len) => output.wrote(len),
            Err(error) if error.kind() == ErrorKind::BufferTooSmall => {
                // A message that is cut short may get here; its plaintext is shorter than itself.
                let need = libseal::plaintext_len(message).unwrap_or(message.len());
                output.take(need)?;
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    });
    // SAFETY: the call is over, and `out` and `written` are still its own.
    unsafe { wiped_after_panic(status, out, out_cap, written) }
}
