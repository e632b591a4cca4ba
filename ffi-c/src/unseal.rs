//! Unsealing in one call.

use core::ffi::c_void;

use libseal::ErrorKind;

use crate::{
    context::{Pairs, libseal_context_pair, read_context},
    guard::guard,
    pointer::{array, clear, input_and_output, output, wiped_after_panic},
    status::libseal_status,
    unwrap::{Callback, libseal_unwrap_fn},
};

/// The length of the plaintext of a message, from its header and its own length. Nothing is verified
/// yet.
///
/// @param in   The whole message.
/// @param len  Set to the length of the plaintext.
/// @return as libseal_header_parse(), and LIBSEAL_ERR_TRUNCATED also where no message ends.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_plaintext_len(
    r#in: *const u8,
    in_len: usize,
    len: *mut usize,
) -> libseal_status {
    guard(|| {
        // SAFETY: the caller's word.
        let len = unsafe { output(len, 0) }?;
        // SAFETY: the caller's word.
        *len = libseal::plaintext_len(unsafe { array(r#in, in_len) }?)?;
        Ok(())
    })
}

/// Unseals a message that is in memory. On LIBSEAL_OK it is authentic and complete.
///
/// @param in                The whole message.
/// @param unwrap            Unwraps the data key; not NULL. It is not called if `out` is too small.
/// @param user_data         For `unwrap`; may be NULL.
/// @param required_context  Pairs that the message must have, with these values, among others.
/// @param out               For the plaintext, of libseal_plaintext_len() bytes.
/// @return LIBSEAL_OK, LIBSEAL_ERR_BUFFER_TOO_SMALL, LIBSEAL_ERR_NULL_POINTER,
///         LIBSEAL_ERR_INVALID_ARGUMENT, LIBSEAL_ERR_INVALID_UTF8,
///         LIBSEAL_ERR_CONTEXT_TOO_LONG for a required key or value that no message can have;
///         LIBSEAL_ERR_EMPTY_MESSAGE, LIBSEAL_ERR_NOT_SEALED, LIBSEAL_ERR_UNSUPPORTED_VERSION,
///         LIBSEAL_ERR_UNSUPPORTED_SUITE, LIBSEAL_ERR_HEADER_MALFORMED,
///         LIBSEAL_ERR_HEADER_TOO_LARGE, LIBSEAL_ERR_TRUNCATED;
///         LIBSEAL_ERR_CONTEXT_MISMATCH, LIBSEAL_ERR_NO_MATCHING_RECIPIENT,
///         LIBSEAL_ERR_UNWRAP_FAILED, LIBSEAL_ERR_AUTHENTICATION_FAILED.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_unseal(
    r#in: *const u8,
    in_len: usize,
    unwrap: libseal_unwrap_fn,
    user_data: *mut c_void,
    required_context: *const libseal_context_pair,
    required_context_count: usize,
    out: *mut u8,
    out_cap: usize,
    written: *mut usize,
) -> libseal_status {
    let status = guard(|| {
        // SAFETY: the caller's word.
        unsafe { clear(written) };
        // SAFETY: the caller's word.
        let callback = unsafe { Callback::new(unwrap, user_data) }?;
        let mut required = Pairs::new();
        // SAFETY: the caller's word.
        unsafe { read_context(required_context, required_context_count, &mut required) }?;
        // SAFETY: the caller's word.
        let (message, mut output) =
            unsafe { input_and_output(r#in, in_len, out, out_cap, written) }?;
        match libseal::unseal_into(message, &callback, &required, output.all()) {
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
    // SAFETY: the caller's word.
    unsafe { wiped_after_panic(status, out, out_cap, written) }
}
