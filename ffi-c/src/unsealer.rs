//! Unsealing piece by piece.
//!
//! 1. libseal_unsealer_new(). With libseal_unsealer_set_unwrap(), the data key is unwrapped as soon
//!    as the header is complete, within libseal_unsealer_update().
//! 2. libseal_unsealer_update() with one piece of the message after the other. Without a callback
//!    it returns LIBSEAL_NEED_KEY at the end of the header: show what libseal_unsealer_header()
//!    holds to whoever can unwrap it, now or tomorrow, here or elsewhere. Give the data key to
//!    libseal_unsealer_provide_key(), and the rest of the piece to libseal_unsealer_update().
//! 3. libseal_unsealer_finish() writes the last plaintext and confirms that nothing is missing.
//!
//! Every byte that comes out is authentic and in its place. But until libseal_unsealer_finish() has
//! returned LIBSEAL_OK, the message may still turn out to be cut short.
//!
//! For a part of a message, go on after the first bytes with libseal_unsealer_seek(), and give
//! libseal_unsealer_update() the bytes that libseal_header_ciphertext_range() names.

use core::ffi::{c_int, c_void};

use libseal::{DataKey, ErrorKind, Unsealer};

use crate::{
    context::{Pairs, libseal_context_pair, read_context},
    guard::{Answer, Failure, guard, guard_value},
    header::libseal_header,
    own_status::{LIBSEAL_ERR_NULL_POINTER, LIBSEAL_NEED_KEY, LIBSEAL_OK},
    pointer::{Output, clear, exclusive, input_and_output, output, shared, wiped_after_panic},
    status::libseal_status,
    threads::thread_count,
    unwrap::{Callback, LIBSEAL_DATA_KEY_LEN, libseal_unwrap_fn},
};

/// Most bytes that libseal_unsealer_finish() writes.
pub const LIBSEAL_UNSEALER_FINISH_BOUND: usize = 16383;

/// A message on the way in.
pub struct libseal_unsealer {
    unsealer: Unsealer,
    callback: Option<Callback>,
    started: bool,
    /// After an error that is not harmless, and after a panic.
    poisoned: bool,
}

impl libseal_unsealer {
    /// Runs `call` unless an error has ended the message; its own error may end it.
    fn run<A: Answer>(
        &mut self,
        call: impl FnOnce(&mut Self) -> Result<A, Failure>,
    ) -> Result<A, Failure> {
        if self.poisoned {
            return Err(ErrorKind::InvalidState.into());
        }
        self.poisoned = true;
        let result = call(self);
        self.poisoned = matches!(result, Err(failure) if !failure.is_harmless());
        result
    }

    fn update_len(&self, in_len: usize) -> usize {
        if self.callback.is_some() && self.unsealer.header().is_none() {
            // The payload may begin in the middle of the input, and nobody knows yet where.
            Unsealer::update_bound(in_len)
        } else {
            self.unsealer.update_len(in_len)
        }
    }

    /// Returns how many bytes were consumed and written.
    fn update(&mut self, input: &[u8], out: &mut [u8]) -> Result<(usize, usize), Failure> {
        self.started = true;
        let progress = self.unsealer.update(input, out)?;
        let callback = self.callback.as_ref();
        let (true, Some(callback)) = (self.unsealer.needs_key(), callback) else {
            return Ok((progress.consumed, progress.written));
        };
        self.unsealer.unwrap_with(callback)?;
        // Nothing has come out so far: the input was header.
        let payload = input.get(progress.consumed..).unwrap_or_default();
        let progress = self.unsealer.update(payload, out)?;
        Ok((input.len(), progress.written))
    }
}

/// Begins a message.
///
/// @param required_context  Pairs that the message must have, with these values, among others; it is
///                          refused before a key is unwrapped if it has not.
/// @param unsealer          Set to a new unsealer, which the caller owns: libseal_unsealer_free().
/// @return LIBSEAL_OK, LIBSEAL_ERR_NULL_POINTER, LIBSEAL_ERR_INVALID_ARGUMENT,
///         LIBSEAL_ERR_INVALID_UTF8, LIBSEAL_ERR_CONTEXT_TOO_LONG for a key or value that no message
///         can have.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_unsealer_new(
    required_context: *const libseal_context_pair,
    required_context_count: usize,
    unsealer: *mut *mut libseal_unsealer,
) -> libseal_status {
    guard(|| {
        // SAFETY: the caller's word.
        let unsealer = unsafe { output(unsealer, core::ptr::null_mut()) }?;
        let mut required = Pairs::new();
        // SAFETY: the caller's word.
        unsafe { read_context(required_context, required_context_count, &mut required) }?;
        *unsealer = Box::into_raw(Box::new(libseal_unsealer {
            unsealer: Unsealer::new(&required),
            callback: None,
            started: false,
            poisoned: false,
        }));
        Ok(())
    })
}

/// Frees an unsealer, in any state, and wipes its keys. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libseal_unsealer_free(unsealer: *mut libseal_unsealer) {
    guard(|| {
        if !unsealer.is_null() {
            // SAFETY: `libseal_unsealer_new` made it, and this is its last use: the caller's word.
            drop(unsafe { Box::from_raw(unsealer) });
        }
        Ok(())
    });
}

/// Sets the callback that unwraps the data key; libseal_unsealer_update() never returns
/// LIBSEAL_NEED_KEY then.
///
/// @param unwrap     Not NULL. Kept, with `user_data`, until the unsealer is freed.
/// @param user_data  For `unwrap`; may be NULL.
/// @return LIBSEAL_OK, LIBSEAL_ERR_NULL_POINTER, LIBSEAL_ERR_INVALID_ARGUMENT,
///         LIBSEAL_ERR_INVALID_STATE after the first libseal_unsealer_update().
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_unsealer_set_unwrap(
    unsealer: *mut libseal_unsealer,
    unwrap: libseal_unwrap_fn,
    user_data: *mut c_void,
) -> libseal_status {
    guard(|| {
        // SAFETY: the caller's word.
        unsafe { exclusive(unsealer) }?.run(|unsealer| {
            if unsealer.started {
                return Err(ErrorKind::InvalidState.into());
            }
            // SAFETY: the caller's word.
            unsealer.callback = Some(unsafe { Callback::new(unwrap, user_data) }?);
            Ok(())
        })
    })
}

/// Has long pieces unsealed on several threads: those of 512 KiB or more, best of a few MiB. From the
/// next libseal_unsealer_update() on.
///
/// Each thread takes a stack and a few KiB of heap, from the first long piece until the unsealer is
/// freed. Where the system gives no threads, the caller's does the work.
///
/// @param threads  How many work at a time; 1 is the caller's own, 0 as many as the machine has cores.
///                 256 are the most.
/// @return LIBSEAL_OK, LIBSEAL_ERR_INVALID_STATE after an error, LIBSEAL_ERR_NULL_POINTER,
///         LIBSEAL_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_unsealer_set_threads(
    unsealer: *mut libseal_unsealer,
    threads: usize,
) -> libseal_status {
    guard(|| {
        // SAFETY: the caller's word.
        unsafe { exclusive(unsealer) }?.run(|unsealer| {
            unsealer.unsealer.set_threads(thread_count(threads));
            Ok(())
        })
    })
}

/// What libseal_unsealer_update() writes for so much input now: exactly, or with a callback and
/// before the end of the header, at most. 0 if `unsealer` is NULL or wants no more input.
/// LIBSEAL_UNSEALER_UPDATE_BOUND is enough at any time.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_unsealer_update_len(
    unsealer: *const libseal_unsealer,
    in_len: usize,
) -> usize {
    guard_value(|| {
        // SAFETY: the caller's word.
        let unsealer = unsafe { shared(unsealer) }?;
        Ok(if unsealer.poisoned {
            0
        } else {
            unsealer.update_len(in_len)
        })
    })
}

/// Takes the next piece of the message, of any length, and writes the plaintext of the chunks of
/// 16 KiB that are complete and authentic.
///
/// @param in        The next piece.
/// @param consumed  Set to the number of bytes taken: all of them on LIBSEAL_OK, none on an error.
///                  May be NULL if there is a callback.
/// @param out       For libseal_unsealer_update_len() bytes.
/// @return LIBSEAL_OK;
///         LIBSEAL_NEED_KEY, with no callback: wants libseal_unsealer_provide_key(), and then what
///         was not consumed;
///         LIBSEAL_ERR_INVALID_STATE, LIBSEAL_ERR_BUFFER_TOO_SMALL, LIBSEAL_ERR_NULL_POINTER,
///         LIBSEAL_ERR_INVALID_ARGUMENT;
///         LIBSEAL_ERR_NOT_SEALED, LIBSEAL_ERR_UNSUPPORTED_VERSION, LIBSEAL_ERR_UNSUPPORTED_SUITE,
///         LIBSEAL_ERR_HEADER_MALFORMED, LIBSEAL_ERR_HEADER_TOO_LARGE;
///         LIBSEAL_ERR_CONTEXT_MISMATCH, LIBSEAL_ERR_AUTHENTICATION_FAILED;
///         with a callback LIBSEAL_ERR_NO_MATCHING_RECIPIENT, LIBSEAL_ERR_UNWRAP_FAILED.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_unsealer_update(
    unsealer: *mut libseal_unsealer,
    r#in: *const u8,
    in_len: usize,
    consumed: *mut usize,
    out: *mut u8,
    out_cap: usize,
    written: *mut usize,
) -> libseal_status {
    let status = guard(|| {
        // SAFETY: the caller's word.
        unsafe {
            clear(consumed);
            clear(written);
        }
        // SAFETY: the caller's word.
        unsafe { exclusive(unsealer) }?.run(|unsealer| {
            if consumed.is_null() && unsealer.callback.is_none() {
                return Err(Failure(LIBSEAL_ERR_NULL_POINTER));
            }
            // SAFETY: the caller's word.
            let (input, mut output) =
                unsafe { input_and_output(r#in, in_len, out, out_cap, written) }?;
            let out = output.take(unsealer.update_len(input.len()))?;
            let (taken, len) = unsealer.update(input, out)?;
            output.wrote(len);
            // SAFETY: the caller's word.
            if let Some(consumed) = unsafe { consumed.as_mut() } {
                *consumed = taken;
            }
            let needs_key = unsealer.unsealer.needs_key();
            Ok(if needs_key {
                LIBSEAL_NEED_KEY
            } else {
                LIBSEAL_OK
            })
        })
    });
    // SAFETY: the caller's word.
    unsafe { wiped_after_panic(status, out, out_cap, written) }
}

/// The header, once it is complete; before that, and if `unsealer` is NULL, NULL. Trusted once a
/// data key was accepted.
///
/// Borrowed until the unsealer is freed; not for libseal_header_free().
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_unsealer_header(
    unsealer: *const libseal_unsealer,
) -> *const libseal_header {
    let header = guard_value(|| {
        // SAFETY: the caller's word.
        let unsealer = unsafe { shared(unsealer) }?;
        Ok(unsealer.unsealer.header().map(core::ptr::from_ref))
    });
    header.map_or(core::ptr::null(), <*const _>::cast)
}

/// Goes on after LIBSEAL_NEED_KEY with the data key that one of the header's wrapped keys holds.
///
/// @param data_key  Wipe it after the call; the library has its own copy.
/// @return LIBSEAL_OK, LIBSEAL_ERR_NULL_POINTER, LIBSEAL_ERR_INVALID_ARGUMENT,
///         LIBSEAL_ERR_INVALID_STATE if no key is wanted,
///         LIBSEAL_ERR_AUTHENTICATION_FAILED if the header was not made with this key.
///
/// cbindgen:ptrs-as-arrays=[[data_key;32]]
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_unsealer_provide_key(
    unsealer: *mut libseal_unsealer,
    data_key: *const u8,
) -> libseal_status {
    guard(|| {
        // SAFETY: the caller's word.
        unsafe { exclusive(unsealer) }?.run(|unsealer| {
            if !unsealer.unsealer.needs_key() {
                return Err(ErrorKind::InvalidState.into());
            }
            // SAFETY: the caller's word.
            let data_key = unsafe { shared(data_key.cast::<[u8; LIBSEAL_DATA_KEY_LEN]>()) }?;
            let data_key = DataKey::try_from(&data_key[..])?;
            Ok(unsealer.unsealer.provide_key(data_key)?)
        })
    })
}

/// Goes to another place in the plaintext, before or behind: the next byte that comes out is the one at
/// `position`.
///
/// Wants a data key, and the bytes of the message before the first chunk: those before the range that
/// libseal_header_ciphertext_range() gives for 0 bytes at the position 0. Also fine after
/// libseal_unsealer_finish().
///
/// Each chunk opens alone, so what comes out is authentic and in its place wherever one starts. Where
/// the plaintext ends is known only after libseal_unsealer_finish(), as ever: the last chunk is enough
/// for it.
///
/// @param position  Position in the plaintext; one behind its end shows only later.
/// @param offset    Set to the offset in the message of the byte that libseal_unsealer_update() wants
///                  next, where a chunk begins.
/// @return LIBSEAL_OK, LIBSEAL_ERR_NULL_POINTER, LIBSEAL_ERR_INVALID_ARGUMENT,
///         LIBSEAL_ERR_INVALID_STATE before those bytes are there and after an error,
///         LIBSEAL_ERR_MESSAGE_TOO_LONG for a position from 4 PiB.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_unsealer_seek(
    unsealer: *mut libseal_unsealer,
    position: u64,
    offset: *mut u64,
) -> libseal_status {
    guard(|| {
        // SAFETY: the caller's word.
        unsafe { clear(offset) };
        // SAFETY: the caller's word.
        unsafe { exclusive(unsealer) }?.run(|unsealer| {
            // SAFETY: the caller's word.
            let offset = unsafe { output(offset, 0) }?;
            *offset = unsealer.unsealer.seek(position)?;
            Ok(())
        })
    })
}

/// Exactly what libseal_unsealer_finish() writes, at most LIBSEAL_UNSEALER_FINISH_BOUND. 0 if
/// `unsealer` is NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_unsealer_finish_len(unsealer: *const libseal_unsealer) -> usize {
    guard_value(|| {
        // SAFETY: the caller's word.
        let unsealer = unsafe { shared(unsealer) }?;
        Ok(if unsealer.poisoned {
            0
        } else {
            unsealer.unsealer.finish_len()
        })
    })
}

/// Ends the message: writes the last plaintext, and confirms that the message is complete.
///
/// @param out  For libseal_unsealer_finish_len() bytes.
/// @return LIBSEAL_OK: all plaintext that came out is the whole message, or after
///         libseal_unsealer_seek(), the end of it;
///         LIBSEAL_ERR_INVALID_STATE also while a key is wanted, LIBSEAL_ERR_BUFFER_TOO_SMALL,
///         LIBSEAL_ERR_NULL_POINTER, LIBSEAL_ERR_INVALID_ARGUMENT;
///         LIBSEAL_ERR_EMPTY_MESSAGE if nothing came, LIBSEAL_ERR_TRUNCATED if the end is missing;
///         LIBSEAL_ERR_AUTHENTICATION_FAILED if the last chunk was altered or cut: the two cannot be
///         told apart.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_unsealer_finish(
    unsealer: *mut libseal_unsealer,
    out: *mut u8,
    out_cap: usize,
    written: *mut usize,
) -> libseal_status {
    let status = guard(|| {
        // SAFETY: the caller's word.
        unsafe { clear(written) };
        // SAFETY: the caller's word.
        unsafe { exclusive(unsealer) }?.run(|unsealer| {
            unsealer.started = true;
            // SAFETY: the caller's word.
            let mut output = unsafe { Output::new(out, out_cap, written) }?;
            let out = output.take(unsealer.unsealer.finish_len())?;
            let len = unsealer.unsealer.finish(out)?;
            output.wrote(len);
            Ok(())
        })
    });
    // SAFETY: the caller's word.
    unsafe { wiped_after_panic(status, out, out_cap, written) }
}

/// After LIBSEAL_ERR_UNWRAP_FAILED: the first value, other than 0 and LIBSEAL_UNWRAP_NOT_MINE,
/// that the callback returned. 0 if there was none, there is no callback, or `unsealer` is NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_unsealer_unwrap_code(unsealer: *const libseal_unsealer) -> c_int {
    guard_value(|| {
        // SAFETY: the caller's word.
        let unsealer = unsafe { shared(unsealer) }?;
        Ok(unsealer.callback.as_ref().map_or(0, Callback::code))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_the_message() {
        let mut unsealer = libseal_unsealer {
            unsealer: Unsealer::new(&[]),
            callback: None,
            started: false,
            poisoned: false,
        };
        let status = guard(|| unsealer.run(|_| -> Result<(), _> { panic!("on purpose") }));
        assert_eq!(status, ErrorKind::Internal.code());
        assert_eq!(
            unsealer.run(|_| Ok(())),
            Err(ErrorKind::InvalidState.into())
        );
    }
}
