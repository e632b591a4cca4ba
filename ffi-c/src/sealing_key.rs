//! One data key for many messages.
//!
//! For telemetry: libseal_sealing_key_init() wraps a data key once; each libseal_sealing_key_seal()
//! is a message like any other, without the cost of RSA for the device and of another KMS call for
//! the backend. All the messages have the same header, so everybody sees that they come from one
//! device, and the same encryption context.

use core::slice;
#[cfg(feature = "unseal")]
use core::time::Duration;

use libseal::{ErrorKind, Sealer, SealingKey, SealingLimits};

#[cfg(not(feature = "unseal"))]
use crate::own_status::LIBSEAL_ERR_INVALID_ARGUMENT;
use crate::{
    guard::{Failure, guard, guard_value},
    pointer::{Output, clear, input_and_output, shared},
    random::Source,
    seal_params::{SealParams, length, libseal_seal_params},
    sealer::libseal_sealer,
    status::libseal_status,
    storage::{Storage, Stored},
};

/// Bytes in a libseal_sealing_key.
pub const LIBSEAL_SEALING_KEY_SIZE: usize = 160;

/// A data key for many messages, filled by libseal_sealing_key_init().
///
/// Holds the data key until libseal_sealing_key_wipe(), and no heap memory. Not to be copied or
/// moved: a copy is refused with LIBSEAL_ERR_INVALID_STATE. So is storage that was never filled,
/// provided that it is zero-initialised. An error leaves it as it was.
#[repr(C)]
pub struct libseal_sealing_key {
    #[doc(hidden)]
    pub opaque_: [u64; 20],
}

/// How much one sealing key seals. Every message has keys of its own, derived with a fresh salt, so
/// the cipher needs no limit: these bound what is lost with one data key.
#[repr(C)]
pub struct libseal_sealing_limits {
    /// Messages; 0 for 1,048,576.
    pub messages: u64,
    /// Bytes of plaintext; 0 for 64 GiB.
    pub bytes: u64,
    /// Seconds from libseal_sealing_key_init() to the last message, by the monotonic clock of the
    /// machine; 0 for no limit. The library for firmware has no clock, so it refuses any other value
    /// with LIBSEAL_ERR_INVALID_ARGUMENT.
    pub age_seconds: u64,
}

/// A sealing key and where its salts come from.
pub(crate) struct KeyAndSource {
    key: SealingKey<'static>,
    random: Source,
}

// SAFETY: it may not be copied.
unsafe impl Stored for KeyAndSource {
    const MARK: u64 = 0xc70e_519b_84ad_2f36;
    const MAY_BE_COPIED: bool = false;
}

const _: () = {
    assert!(size_of::<libseal_sealing_key>() == LIBSEAL_SEALING_KEY_SIZE);
    assert!(KeyAndSource::NEED <= LIBSEAL_SEALING_KEY_SIZE);
};

/// The size of the header that the messages of a sealing key have in common.
///
/// @return as libseal_sealer_start_len().
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_sealing_key_header_len(
    params: *const libseal_seal_params,
    len: *mut usize,
) -> libseal_status {
    let compute =
        |sealing: &SealParams<'_>| SealingKey::header_len(&sealing.recipients, &sealing.context);
    // SAFETY: the caller's word.
    unsafe { length(params, len, compute) }
}

/// Draws a data key and wraps it for each recipient.
///
/// @param key         Storage; overwritten, whatever it held. After an error it holds no key.
/// @param key_size    sizeof(libseal_sealing_key).
/// @param params      What each message is sealed with. The callback for random bytes and its
///                    `user_data` are borrowed until libseal_sealing_key_wipe().
/// @param limits      NULL for the default ones.
/// @param header      For libseal_sealing_key_header_len() bytes: the header of each message.
///                    Borrowed until libseal_sealing_key_wipe(), and not to be changed.
/// @param header_len  Set to the length of the header, or of the one that is needed.
/// @return as libseal_sealer_start().
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_sealing_key_init(
    key: *mut libseal_sealing_key,
    key_size: usize,
    params: *const libseal_seal_params,
    limits: *const libseal_sealing_limits,
    header: *mut u8,
    header_cap: usize,
    header_len: *mut usize,
) -> libseal_status {
    guard(|| {
        // SAFETY: the caller's word.
        unsafe { clear(header_len) };
        // SAFETY: the caller's word.
        let storage = unsafe { Storage::emptied(key.cast(), key_size) }?;
        let mut sealing = SealParams::default();
        // SAFETY: the caller's word.
        unsafe { sealing.read(params) }?;
        // SAFETY: the caller's word.
        let limits = unsafe { read_limits(limits) }?;
        // SAFETY: the caller's word.
        let mut output = unsafe { Output::new(header, header_cap, header_len) }?;

        let (recipients, context) = (&sealing.recipients, &sealing.context);
        let place = output.take(SealingKey::header_len(recipients, context)?)?;
        let len = place.len();
        // SAFETY: the caller leaves the memory of `place` alone until the key is wiped.
        let place = unsafe { slice::from_raw_parts_mut(place.as_mut_ptr(), len) };
        let key =
            SealingKey::new_with_random(recipients, context, limits, &mut sealing.random, place)?;
        storage.put(KeyAndSource {
            key,
            random: sealing.random,
        });
        output.wrote(len);
        Ok(())
    })
}

unsafe fn read_limits(limits: *const libseal_sealing_limits) -> Result<SealingLimits, Failure> {
    let mut read = SealingLimits::default();
    if !limits.is_null() {
        // SAFETY: the caller's word.
        let limits = unsafe { shared(limits) }?;
        if limits.messages != 0 {
            read = read.with_messages(limits.messages);
        }
        if limits.bytes != 0 {
            read = read.with_bytes(limits.bytes);
        }
        if limits.age_seconds != 0 {
            read = with_age(read, limits.age_seconds)?;
        }
    }
    Ok(read)
}

#[cfg(feature = "unseal")]
#[expect(clippy::unnecessary_wraps, reason = "the library for firmware refuses")]
fn with_age(limits: SealingLimits, seconds: u64) -> Result<SealingLimits, Failure> {
    Ok(limits.with_age(Duration::from_secs(seconds)))
}

/// Refused, because a limit that cannot be enforced must not be ignored.
#[cfg(not(feature = "unseal"))]
fn with_age(_: SealingLimits, _: u64) -> Result<SealingLimits, Failure> {
    Err(Failure(LIBSEAL_ERR_INVALID_ARGUMENT))
}

/// The length of a message sealed by libseal_sealing_key_seal(). 0 if `key` is NULL or not filled, or
/// if there is no message of this length, which is from 4 PiB.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_sealing_key_sealed_len(
    key: *const libseal_sealing_key,
    in_len: u64,
) -> u64 {
    guard_value(|| {
        // SAFETY: the caller's word.
        let held: &KeyAndSource = unsafe { Storage::shared(key.cast()) }?;
        Ok(held.key.sealed_len(in_len)?)
    })
}

/// Seals a message that is in memory.
///
/// @param in   The plaintext.
/// @param out  For the message, of libseal_sealing_key_sealed_len() bytes.
/// @return LIBSEAL_OK, LIBSEAL_ERR_INVALID_STATE, LIBSEAL_ERR_NULL_POINTER,
///         LIBSEAL_ERR_INVALID_ARGUMENT, LIBSEAL_ERR_BUFFER_TOO_SMALL, LIBSEAL_ERR_MESSAGE_TOO_LONG,
///         LIBSEAL_ERR_RANDOM_FAILED;
///         LIBSEAL_ERR_SEALING_KEY_EXHAUSTED if the message would go beyond the limits.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_sealing_key_seal(
    key: *mut libseal_sealing_key,
    r#in: *const u8,
    in_len: usize,
    out: *mut u8,
    out_cap: usize,
    written: *mut usize,
) -> libseal_status {
    guard(|| {
        // SAFETY: the caller's word.
        unsafe { clear(written) };
        // SAFETY: the caller's word.
        let mut storage = unsafe { Storage::<KeyAndSource>::occupied(key.cast()) }?;
        let KeyAndSource { key, random } = storage.value();
        // SAFETY: the caller's word.
        let (plaintext, mut output) =
            unsafe { input_and_output(r#in, in_len, out, out_cap, written) }?;

        let len = key.sealed_len(plaintext.len() as u64)?;
        let len = usize::try_from(len).map_err(|_| ErrorKind::MessageTooLong)?;
        key.seal_into_with_random(plaintext, random, output.take(len)?)?;
        output.wrote(len);
        Ok(())
    })
}

/// Exactly what libseal_sealing_key_start() writes. 0 if `key` is NULL or not filled.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_sealing_key_start_len(key: *const libseal_sealing_key) -> usize {
    guard_value(|| {
        // SAFETY: the caller's word.
        let held: &KeyAndSource = unsafe { Storage::shared(key.cast()) }?;
        Ok(held.key.start_len())
    })
}

/// Begins a message that goes on as one of libseal_sealer_start() does. The sealer is independent of
/// the sealing key from then on. A stream of unknown length is better off with a data key of its own:
/// libseal_sealer_start().
///
/// @param sealer       Storage, as for libseal_sealer_start().
/// @param sealer_size  sizeof(libseal_sealer).
/// @param max_len      The most plaintext that the message will hold, taken from the limits at once.
/// @param out          For libseal_sealing_key_start_len() bytes.
/// @return as libseal_sealing_key_seal(), and LIBSEAL_ERR_STORAGE_TOO_SMALL.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_sealing_key_start(
    key: *mut libseal_sealing_key,
    sealer: *mut libseal_sealer,
    sealer_size: usize,
    max_len: u64,
    out: *mut u8,
    out_cap: usize,
    written: *mut usize,
) -> libseal_status {
    guard(|| {
        // SAFETY: the caller's word.
        unsafe { clear(written) };
        // SAFETY: the caller's word.
        let sealer = unsafe { Storage::<Sealer>::emptied(sealer.cast(), sealer_size) }?;
        // SAFETY: the caller's word.
        let mut storage = unsafe { Storage::<KeyAndSource>::occupied(key.cast()) }?;
        let KeyAndSource { key, random } = storage.value();
        // SAFETY: the caller's word.
        let mut output = unsafe { Output::new(out, out_cap, written) }?;

        let len = key.start_len();
        let message = key.start_message(max_len, random, output.take(len)?)?;
        sealer.make(|| (&message).into());
        output.wrote(len);
        Ok(())
    })
}

/// Wipes a sealing key. Does nothing if `key` is NULL or not filled.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libseal_sealing_key_wipe(key: *mut libseal_sealing_key) {
    guard(|| {
        // SAFETY: the caller's word.
        unsafe { Storage::<KeyAndSource>::occupied(key.cast()) }?.wipe();
        Ok(())
    });
}
