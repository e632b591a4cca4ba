//! Unsealing piece by piece.
//!
//! 1. libseal_unsealer_new(). With libseal_unsealer_set_unwrap(), the data key is unwrapped within
//!    libseal_unsealer_update(), as soon as the header is complete.
//! 2. libseal_unsealer_update() with one piece of the message after the other. Without a callback
//!    it returns LIBSEAL_NEED_KEY at the end of the header. Unwrap one of the wrapped keys in
//!    libseal_unsealer_header(), now or tomorrow, here or elsewhere, and give the data key to
//!    libseal_unsealer_provide_key(); then the rest of the piece to libseal_unsealer_update().
//! 3. libseal_unsealer_finish() writes the last plaintext and confirms that nothing is missing.
//!
//! Every byte that comes out is authentic and in its place. But until libseal_unsealer_finish() has
//! returned LIBSEAL_OK, the message may still turn out to be cut short.
//!
//! For a part of a message, call libseal_unsealer_seek(), and give libseal_unsealer_update() the bytes
//! that libseal_header_ciphertext_range() names. libseal_stream.h has a reader that does so.

use core::{
    ffi::{c_int, c_void},
    ptr,
};

use libseal::{DataKey, ErrorKind, Unsealer};

use crate::{
    boundary::{
        boxed::Boxed,
        buffer::{Output, input_and_output, wiped_after_panic},
        castable::Castable,
        failure::{Failure, Named},
        guard::{Answer, guard, guard_value},
        own_status::{LIBSEAL_ERR_NULL_POINTER, LIBSEAL_NEED_KEY, LIBSEAL_OK},
        pointer::{output, shared},
    },
    context::{libseal_context_pair, read_required},
    header::libseal_header,
    lent::Lent,
    status::libseal_status,
    unwrap::{Callback, code_of, libseal_unwrap_fn},
    wrapped_key::LIBSEAL_DATA_KEY_LEN,
};

/// Most bytes that libseal_unsealer_finish() writes.
pub const LIBSEAL_UNSEALER_FINISH_BOUND: usize = 16383;

/// A message that is being unsealed.
///
/// LIBSEAL_ERR_BUFFER_TOO_SMALL and LIBSEAL_ERR_INVALID_STATE change nothing. Any other error ends it:
/// from then on, calls return LIBSEAL_ERR_INVALID_STATE. It takes less than 256 KiB of memory, however
/// long the message is.
pub struct libseal_unsealer {
    _private: [u8; 0],
}

impl Castable for libseal_unsealer {
    const NAME: &'static str = "unsealer";
    type Rust = CallingUnsealer;
}

impl Boxed for libseal_unsealer {}

/// An unsealer that calls back to unwrap.
pub(crate) struct CallingUnsealer {
    unsealer: Unsealer,
    callback: Option<Callback>,
    pub(crate) lent: Lent,
    unwrap_code: c_int,
    is_started: bool,
    /// After an error that is not harmless, and after a panic.
    is_over: bool,
}

impl CallingUnsealer {
    const fn new(unsealer: Unsealer) -> Self {
        Self {
            unsealer,
            callback: None,
            lent: Lent::NONE,
            unwrap_code: 0,
            is_started: false,
            is_over: false,
        }
    }

    /// Runs `call` unless an error has ended the message; its own error may end it.
    pub(crate) fn run<A: Answer>(
        &mut self,
        call: impl FnOnce(&mut Self) -> Result<A, Failure>,
    ) -> Result<A, Failure> {
        if self.is_over {
            return Err(Failure::invalid_state("an error has ended the message"));
        }
        self.is_over = true;
        let result = call(self);
        self.is_over = matches!(&result, Err(failure) if !failure.is_harmless());
        result
    }

    fn update_len(&self, in_len: usize) -> usize {
        if self.callback.is_some() && self.unsealer.header().is_none() {
            // The payload may begin anywhere in the input.
            Unsealer::update_bound(in_len)
        } else {
            self.unsealer.update_len(in_len)
        }
    }

    /// Returns how many bytes were consumed and written.
    fn update(&mut self, input: &[u8], out: &mut [u8]) -> Result<(usize, usize), Failure> {
        self.is_started = true;
        let progress = self.advance(input, out)?;
        let (true, Some(callback)) = (self.unsealer.needs_key(), self.callback) else {
            return Ok(progress);
        };
        if let Err(error) = self.unsealer.unwrap_with(callback) {
            self.unwrap_code = code_of(&error);
            return Err(error.into());
        }
        // Nothing has come out so far: the input was header.
        let (consumed, _) = progress;
        let payload = input.get(consumed..).ok_or(ErrorKind::Internal)?;
        let (_, written) = self.advance(payload, out)?;
        Ok((input.len(), written))
    }

    fn advance(&mut self, input: &[u8], out: &mut [u8]) -> Result<(usize, usize), Failure> {
        let Self { unsealer, lent, .. } = self;
        let progress = lent.run(input.len(), || unsealer.update(input, out))??;
        Ok((progress.consumed, progress.written))
    }
}

/// Begins a message.
///
/// @param require        Keys that the encryption context must have: with this value, or with any if it
///                       is NULL. The message is refused before a key is unwrapped if one is missing.
/// @param require_count  At most LIBSEAL_MAX_CONTEXT_PAIRS.
/// @param unsealer       Set to a new unsealer: libseal_unsealer_free().
/// @return LIBSEAL_OK, LIBSEAL_ERR_INVALID_UTF8,
///         LIBSEAL_ERR_CONTEXT_TOO_LONG for a key or value that no message can have.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_unsealer_new(
    require: *const libseal_context_pair,
    require_count: usize,
    unsealer: *mut *mut libseal_unsealer,
) -> libseal_status {
    guard(|| {
        // SAFETY: `unsealer` is memory for a pointer, and the `require_count` pairs do not change.
        let (unsealer, required) = unsafe {
            (
                output(unsealer, ptr::null_mut()).of("unsealer")?,
                read_required(require, require_count)?,
            )
        };
        *unsealer = libseal_unsealer::new(CallingUnsealer::new(Unsealer::new(&required)));
        Ok(())
    })
}

/// Begins a message whose header and data key are known: goes on right after the header. Give it the
/// bytes of the message from libseal_header_len() on; after the first 56 of them it can seek.
///
/// @param header    The header of the message. It may be freed after the call.
/// @param data_key  Wipe it after the call; the library has its own copy.
/// @param unsealer  Set to a new unsealer: libseal_unsealer_free().
/// @return LIBSEAL_OK, LIBSEAL_ERR_AUTHENTICATION_FAILED if the header was not made with this key.
///
/// cbindgen:ptrs-as-arrays=[[data_key;32]]
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_unsealer_new_with_key(
    header: *const libseal_header,
    data_key: *const u8,
    unsealer: *mut *mut libseal_unsealer,
) -> libseal_status {
    guard(|| {
        // SAFETY: `unsealer` is memory for a pointer; header and data key do not change during the call.
        let (unsealer, header, data_key) = unsafe {
            (
                output(unsealer, ptr::null_mut()).of("unsealer")?,
                libseal_header::shared(header)?,
                read_data_key(data_key)?,
            )
        };
        let with_key = Unsealer::with_key(header.clone(), data_key)?;
        *unsealer = libseal_unsealer::new(CallingUnsealer {
            is_started: true,
            ..CallingUnsealer::new(with_key)
        });
        Ok(())
    })
}

/// # Safety
/// `data_key` is NULL or of 32 bytes that do not change during the call.
pub(crate) unsafe fn read_data_key(data_key: *const u8) -> Result<DataKey, Failure> {
    // SAFETY: NULL or of 32 bytes that do not change.
    let data_key =
        unsafe { shared(data_key.cast::<[u8; LIBSEAL_DATA_KEY_LEN]>()) }.of("data_key")?;
    Ok(DataKey::try_from(&data_key[..])?)
}

/// Frees an unsealer, in any state, and wipes its keys. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libseal_unsealer_free(unsealer: *mut libseal_unsealer) {
    guard_value(|| {
        // SAFETY: `unsealer` is from one of the `new` above, and this is its last use.
        unsafe { libseal_unsealer::free(unsealer) };
        Ok(())
    });
}

/// Sets the callback that unwraps the data key. libseal_unsealer_update() never returns
/// LIBSEAL_NEED_KEY then.
///
/// @param unwrap     Not NULL. Kept, with `user_data`, until the unsealer is freed.
/// @param user_data  For `unwrap`; may be NULL.
/// @return LIBSEAL_OK, LIBSEAL_ERR_INVALID_STATE after the first libseal_unsealer_update().
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_unsealer_set_unwrap(
    unsealer: *mut libseal_unsealer,
    unwrap: libseal_unwrap_fn,
    user_data: *mut c_void,
) -> libseal_status {
    guard(|| {
        // SAFETY: `unsealer` is NULL or used only by this call, and `unwrap` can be called with
        // `user_data` for as long as it is there.
        let (unsealer, callback) = unsafe {
            (
                libseal_unsealer::exclusive(unsealer)?,
                Callback::new(unwrap, user_data),
            )
        };
        unsealer.run(|unsealer| {
            if unsealer.is_started {
                return Err(ErrorKind::InvalidState.into());
            }
            unsealer.callback = Some(callback?);
            Ok(())
        })
    })
}

/// How many bytes libseal_unsealer_update() will write for `in_len` bytes of input: exactly, or with a
/// callback and before the end of the header, at most. 0 if `unsealer` is NULL or takes no more input.
/// LIBSEAL_UNSEALER_UPDATE_BOUND is enough at any time.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_unsealer_update_len(
    unsealer: *const libseal_unsealer,
    in_len: usize,
) -> usize {
    guard_value(|| {
        // SAFETY: `unsealer` is NULL or does not change during the call.
        let unsealer = unsafe { libseal_unsealer::shared(unsealer) }?;
        Ok(if unsealer.is_over {
            0
        } else {
            unsealer.update_len(in_len)
        })
    })
}

/// Takes the next piece of the message, of any length, and writes the plaintext of the chunks that are
/// complete and authentic.
///
/// @param in        The next piece.
/// @param consumed  Set to the number of bytes taken: all of them on LIBSEAL_OK, none on an error.
///                  May be NULL if there is a callback or the key is known.
/// @param out       Room for libseal_unsealer_update_len() bytes.
/// @return LIBSEAL_OK, LIBSEAL_ERR_BUFFER_TOO_SMALL, LIBSEAL_ERR_INVALID_STATE;
///         LIBSEAL_NEED_KEY without a callback, at the end of the header: call
///         libseal_unsealer_provide_key(), and then this function again with the bytes that were not
///         consumed. Without the key that is LIBSEAL_ERR_INVALID_STATE, so that no loop goes on for ever;
///         LIBSEAL_ERR_NOT_SEALED, LIBSEAL_ERR_UNSUPPORTED_VERSION, LIBSEAL_ERR_UNSUPPORTED_SUITE,
///         LIBSEAL_ERR_HEADER_MALFORMED, LIBSEAL_ERR_HEADER_TOO_LARGE;
///         LIBSEAL_ERR_CONTEXT_MISMATCH, LIBSEAL_ERR_AUTHENTICATION_FAILED;
///         LIBSEAL_ERR_MESSAGE_TOO_LONG after 4 PiB;
///         with a callback LIBSEAL_ERR_NO_MATCHING_RECIPIENT, LIBSEAL_ERR_UNWRAP_FAILED,
///         LIBSEAL_ERR_KMS_UNAVAILABLE, LIBSEAL_ERR_KMS_REFUSED, LIBSEAL_ERR_WRAPPED_KEY_REJECTED.
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
        // SAFETY: `unsealer` is NULL or used only by this call; `in` is `in_len` bytes; `consumed`, `out`
        // and `written` are NULL or memory that only this call uses.
        let (consumed, buffers, unsealer) = unsafe {
            (
                (!consumed.is_null()).then(|| output(consumed, 0).of("consumed")),
                input_and_output(r#in, in_len, out, out_cap, written),
                libseal_unsealer::exclusive(unsealer)?,
            )
        };
        unsealer.run(|unsealer| {
            let may_need_key = unsealer.callback.is_none() && unsealer.unsealer.header().is_none();
            if consumed.is_none() && (may_need_key || unsealer.unsealer.needs_key()) {
                let fault = "is NULL, and the data key may be needed";
                return Err(Failure::argument(LIBSEAL_ERR_NULL_POINTER, fault)).of("consumed");
            }
            let consumed = consumed.transpose()?;
            let (input, mut output) = buffers?;
            let out = output.take(unsealer.update_len(input.len()))?;
            let (taken, len) = unsealer.update(input, out)?;
            output.wrote(len);
            if let Some(consumed) = consumed {
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
    // SAFETY: the call is over, and `out` and `written` are still its own.
    unsafe { wiped_after_panic(status, out, out_cap, written) }
}

/// The header, once it is complete; before that, and if `unsealer` is NULL, NULL. Trusted once a
/// data key has been accepted.
///
/// Borrowed until the unsealer is freed. Not for libseal_header_free().
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_unsealer_header(
    unsealer: *const libseal_unsealer,
) -> *const libseal_header {
    let header = guard_value(|| {
        // SAFETY: `unsealer` is NULL or stays as it is; its header stays until it is freed.
        let unsealer = unsafe { libseal_unsealer::shared(unsealer) }?;
        Ok(unsealer.unsealer.header().map(libseal_header::borrowed))
    });
    header.unwrap_or(ptr::null())
}

/// Goes on after LIBSEAL_NEED_KEY with the data key that one of the header's wrapped keys holds.
///
/// @param data_key  What libseal_wrapped_key_data_key() made of the answer of the KMS. Wipe it after the
///                  call; the library has its own copy.
/// @return LIBSEAL_OK, LIBSEAL_ERR_INVALID_STATE if no key is needed,
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
        // SAFETY: `unsealer` is NULL or used only by this call, and the data key does not change.
        let (unsealer, data_key) = unsafe {
            (
                libseal_unsealer::exclusive(unsealer)?,
                read_data_key(data_key),
            )
        };
        unsealer.run(|unsealer| {
            if !unsealer.unsealer.needs_key() {
                return Err(ErrorKind::InvalidState.into());
            }
            Ok(unsealer.unsealer.provide_key(data_key?)?)
        })
    })
}

/// Moves to `position` in the plaintext, forwards or backwards. The next byte released is the one at
/// `position`.
///
/// It needs a data key, and the bytes of the message before the first chunk: see
/// libseal_header_ciphertext_range(). It may also follow libseal_unsealer_finish().
///
/// Each chunk opens alone, so what comes out is authentic and in its place wherever one starts. Where
/// the plaintext ends is known only after libseal_unsealer_finish(); the last chunk is enough for it.
///
/// @param position  Position in the plaintext. That it is beyond the end shows only later.
/// @param offset    Set to the offset in the message of the next byte for libseal_unsealer_update(),
///                  where a chunk begins.
/// @return LIBSEAL_OK, LIBSEAL_ERR_INVALID_STATE before those bytes are there and after an error,
///         LIBSEAL_ERR_MESSAGE_TOO_LONG for a position from 4 PiB on.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_unsealer_seek(
    unsealer: *mut libseal_unsealer,
    position: u64,
    offset: *mut u64,
) -> libseal_status {
    guard(|| {
        // SAFETY: `unsealer` is NULL or used only by this call, and `offset` is memory for a number.
        let (offset, unsealer) = unsafe {
            let offset = output(offset, 0).of("offset");
            (offset, libseal_unsealer::exclusive(unsealer)?)
        };
        unsealer.run(|unsealer| {
            *offset? = unsealer.unsealer.seek(position)?;
            Ok(())
        })
    })
}

/// Exactly how many bytes libseal_unsealer_finish() will write, at most LIBSEAL_UNSEALER_FINISH_BOUND.
/// 0 if `unsealer` is NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_unsealer_finish_len(unsealer: *const libseal_unsealer) -> usize {
    guard_value(|| {
        // SAFETY: `unsealer` is NULL or does not change during the call.
        let unsealer = unsafe { libseal_unsealer::shared(unsealer) }?;
        Ok(if unsealer.is_over {
            0
        } else {
            unsealer.unsealer.finish_len()
        })
    })
}

/// Ends the message: writes the last plaintext, and confirms that the message is complete.
///
/// @param out  Room for libseal_unsealer_finish_len() bytes.
/// @return LIBSEAL_OK: what came out is all of the plaintext, or after libseal_unsealer_seek() the end
///         of it;
///         LIBSEAL_ERR_BUFFER_TOO_SMALL, LIBSEAL_ERR_INVALID_STATE also while a key is needed;
///         LIBSEAL_ERR_EMPTY_MESSAGE if nothing came, LIBSEAL_ERR_TRUNCATED if the end is missing for
///         certain, LIBSEAL_ERR_NOT_SEALED if what came is too short to be one and begins otherwise;
///         LIBSEAL_ERR_END_NOT_AUTHENTIC if the last chunk does not verify: it was cut, extended or
///         altered, which cannot be told apart.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_unsealer_finish(
    unsealer: *mut libseal_unsealer,
    out: *mut u8,
    out_cap: usize,
    written: *mut usize,
) -> libseal_status {
    let status = guard(|| {
        // SAFETY: `unsealer` is NULL or used only by this call; `out` and `written` are memory that only
        // this call uses.
        let (output, unsealer) = unsafe {
            let output = Output::read(out, out_cap, written);
            (output, libseal_unsealer::exclusive(unsealer)?)
        };
        unsealer.run(|unsealer| {
            unsealer.is_started = true;
            unsealer.lent.check()?;
            let mut output = output?;
            let out = output.take(unsealer.unsealer.finish_len())?;
            let len = unsealer.unsealer.finish(out)?;
            output.wrote(len);
            Ok(())
        })
    });
    // SAFETY: the call is over, and `out` and `written` are still its own.
    unsafe { wiped_after_panic(status, out, out_cap, written) }
}

/// If unwrapping failed: what the callback returned, which libseal_unwrap_fn says more about. 0 if there
/// was no such error, there is no callback, or `unsealer` is
/// NULL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_unsealer_unwrap_code(unsealer: *const libseal_unsealer) -> c_int {
    // SAFETY: `unsealer` is NULL or does not change during the call.
    guard_value(|| Ok(unsafe { libseal_unsealer::shared(unsealer) }?.unwrap_code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_the_message() {
        let mut unsealer = CallingUnsealer::new(Unsealer::new(&[]));
        let status = guard(|| unsealer.run(|_| -> Result<(), _> { panic!("on purpose") }));
        assert_eq!(status, ErrorKind::Internal.code());
        let failure = unsealer.run(|_| Ok(())).unwrap_err();
        assert_eq!(failure.status(), ErrorKind::InvalidState.code());
    }
}
