//! One data key for many messages.
//!
//! For telemetry. libseal_sealing_key_init() wraps a data key once; after that,
//! libseal_sealing_key_seal() seals without the cost of RSA, and the backend unwraps all the messages
//! with one KMS call. Each opens alone, like any other. All have the same header, so anyone can see that
//! they come from one device, and the same encryption context.

use core::slice;
#[cfg(feature = "unseal")]
use core::time::Duration;

use libseal::{ErrorKind, SealingKey, SealingLimits};

#[cfg(not(feature = "unseal"))]
use crate::boundary::own_status::LIBSEAL_ERR_INVALID_ARGUMENT;
use crate::{
    boundary::{
        buffer::{Output, input_and_output},
        castable::Castable,
        failure::{Failure, Named},
        guard::{guard, guard_value},
        sized::{SizedStruct, read_sized},
        storage::{Occupied, Stored, Vacant, stored},
    },
    envelope::{EnvelopeParts, length, libseal_envelope},
    random::Source,
    sealer::{libseal_sealer, make},
    status::libseal_status,
};

/// Bytes in a libseal_sealing_key.
pub const LIBSEAL_SEALING_KEY_SIZE: usize = 160;

/// A data key for many messages, filled by libseal_sealing_key_init().
///
/// Holds the data key until libseal_sealing_key_wipe(), and no heap memory. Do not copy or move it: calls
/// with a copy return LIBSEAL_ERR_NOT_FILLED, as do calls with storage that was never filled, if it was
/// zero-initialised. An error changes nothing.
///
/// It does not survive fork(): in the child, calls that seal return LIBSEAL_ERR_INVALID_STATE, because the
/// limits would not hold if both processes could seal. Make one in each process. The parent is not
/// affected.
#[repr(C)]
pub struct libseal_sealing_key {
    #[doc(hidden)]
    pub opaque_: [u64; 20],
}

/// How much one sealing key seals. Every message has keys of its own, so the cipher needs no limit. The
/// limits bound what is lost with one data key.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct libseal_sealing_limits {
    /// sizeof(libseal_sealing_limits).
    pub size: usize,
    /// Messages; 0 for 1,048,576.
    pub messages: u64,
    /// Bytes of plaintext; 0 for 64 GiB.
    pub bytes: u64,
    /// Seconds from libseal_sealing_key_init() to the last message, by a clock that goes on while the
    /// machine sleeps; 0 for no limit. The library for firmware has no clock, so it refuses any other value
    /// with LIBSEAL_ERR_INVALID_ARGUMENT.
    pub age_seconds: u64,
}

// SAFETY: numbers, and the first one is the size.
unsafe impl SizedStruct for libseal_sealing_limits {
    const FIRST_SIZE: usize = size_of::<Self>();
}

impl Castable for libseal_sealing_key {
    const NAME: &'static str = "key";
    /// The header is memory of the caller, which is borrowed until the key is wiped.
    type Rust = SealingKey<'static, Source>;
}

// SAFETY: the constants below are checked at compile time, and it may not be copied.
unsafe impl Stored for libseal_sealing_key {
    const MARK: u64 = 0xc70e_519b_84ad_2f36;
    const MAY_BE_COPIED: bool = false;
}

const _: () = {
    assert!(size_of::<libseal_sealing_key>() == LIBSEAL_SEALING_KEY_SIZE);
    assert!(libseal_sealing_key::NEED <= LIBSEAL_SEALING_KEY_SIZE);
};

/// The length of the header that the messages of a sealing key have in common.
///
/// @return LIBSEAL_OK, what libseal_envelope lists.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_sealing_key_header_len(
    envelope: *const libseal_envelope,
    len: *mut usize,
) -> libseal_status {
    // SAFETY: `len` is memory for a number, and the envelope does not change during the call.
    unsafe { length(envelope, len, |envelope| envelope.header_len()) }
}

/// Draws a data key and wraps it for each recipient.
///
/// @param key         Overwritten, whatever it held. After an error it holds no key.
/// @param key_size    sizeof(libseal_sealing_key).
/// @param envelope    What each message is sealed with. The callback for random bytes and its
///                    `user_data` are borrowed until libseal_sealing_key_wipe().
/// @param limits      NULL for the default ones.
/// @param header      Room for libseal_sealing_key_header_len() bytes: the header of each message.
///                    Borrowed until libseal_sealing_key_wipe(). Do not change it.
/// @param header_len  Set to the length of the header.
/// @return LIBSEAL_OK, what libseal_envelope lists, LIBSEAL_ERR_STORAGE_TOO_SMALL,
///         LIBSEAL_ERR_BUFFER_TOO_SMALL, LIBSEAL_ERR_RANDOM_FAILED.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_sealing_key_init(
    key: *mut libseal_sealing_key,
    key_size: usize,
    envelope: *const libseal_envelope,
    limits: *const libseal_sealing_limits,
    header: *mut u8,
    header_cap: usize,
    header_len: *mut usize,
) -> libseal_status {
    guard(|| {
        let mut parts = EnvelopeParts::default();
        // SAFETY: `key` is `key_size` bytes that only this call uses, as are `header` and `header_len`;
        // envelope and limits do not change during the call.
        let (key, read, limits, output) = unsafe {
            (
                Vacant::read(key, key_size),
                parts.read(envelope),
                read_limits(limits),
                Output::read(header, header_cap, header_len).of("header or header_len"),
            )
        };
        let mut key = key?;
        read?;
        let limits = limits?;
        let mut output = output?;

        let envelope = parts.envelope();
        let place = output.take(envelope.header_len()?)?;
        let len = place.len();
        // SAFETY: the caller leaves the memory of the header alone until the key is wiped.
        let place = unsafe { slice::from_raw_parts_mut(place.as_mut_ptr(), len) };
        SealingKey::new_in_place(key.place(), envelope, limits, place)?;
        // SAFETY: the value is in its place.
        unsafe { key.occupy() };
        output.wrote(len);
        Ok(())
    })
}

/// # Safety
/// `limits` is NULL or of limits that do not change during the call.
unsafe fn read_limits(limits: *const libseal_sealing_limits) -> Result<SealingLimits, Failure> {
    let mut read = SealingLimits::default();
    if !limits.is_null() {
        // SAFETY: limits that do not change during the call.
        let limits = unsafe { read_sized(limits) }.of("limits")?;
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
    Err(Failure::new(LIBSEAL_ERR_INVALID_ARGUMENT))
}

/// The length of a message sealed by libseal_sealing_key_seal(). 0 if `key` is NULL or not filled, or
/// if no message has this length, which begins at 4 PiB.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_sealing_key_sealed_len(
    key: *const libseal_sealing_key,
    in_len: u64,
) -> u64 {
    guard_value(|| {
        // SAFETY: `key` is NULL or storage that does not change during the call.
        let key = unsafe { stored(key) }?;
        Ok(key.sealed_len(in_len)?)
    })
}

/// Seals a message that is in memory.
///
/// @param in   The plaintext.
/// @param out  Room for libseal_sealing_key_sealed_len() bytes.
/// @return LIBSEAL_OK, LIBSEAL_ERR_NOT_FILLED, LIBSEAL_ERR_INVALID_STATE after
///         libseal_sealing_key_wipe() and in a forked child, LIBSEAL_ERR_BUFFER_TOO_SMALL,
///         LIBSEAL_ERR_MESSAGE_TOO_LONG, LIBSEAL_ERR_RANDOM_FAILED;
///         LIBSEAL_ERR_SEALING_KEY_EXHAUSTED if the message would exceed the limits.
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
        // SAFETY: `key` is NULL or storage that only this call uses; `in` is `in_len` bytes; `out` and
        // `written` are memory that only this call uses.
        let (key, buffers) = unsafe {
            (
                Occupied::read(key),
                input_and_output(r#in, in_len, out, out_cap, written),
            )
        };
        let mut key: Occupied<'_, libseal_sealing_key> = key?;
        let (plaintext, mut output) = buffers?;

        let key = key.value();
        let len = key.sealed_len(plaintext.len() as u64)?;
        let len = usize::try_from(len).map_err(|_| ErrorKind::MessageTooLong)?;
        key.seal_into(plaintext, output.take(len)?)?;
        output.wrote(len);
        Ok(())
    })
}

/// Exactly how many bytes libseal_sealing_key_start() will write. 0 if `key` is NULL or not filled.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_sealing_key_start_len(key: *const libseal_sealing_key) -> usize {
    guard_value(|| {
        // SAFETY: `key` is NULL or storage that does not change during the call.
        let key = unsafe { stored(key) }?;
        Ok(key.start_len())
    })
}

/// Begins a message that goes on like one of libseal_sealer_start(). The sealer is independent of the
/// sealing key from then on. A stream of unknown length is better off with a data key of its own:
/// libseal_sealer_start().
///
/// @param sealer       As for libseal_sealer_start().
/// @param sealer_size  sizeof(libseal_sealer).
/// @param max_len      The most plaintext that the message will hold, taken from the limits at once.
/// @param out          Room for libseal_sealing_key_start_len() bytes.
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
        // SAFETY: `sealer` is `sealer_size` bytes that only this call uses, as are `out` and `written`;
        // `key` is NULL or storage that only this call uses.
        let (sealer, key, output) = unsafe {
            (
                Vacant::read(sealer, sealer_size),
                Occupied::read(key),
                Output::read(out, out_cap, written),
            )
        };
        let sealer = sealer?;
        let mut key: Occupied<'_, libseal_sealing_key> = key?;
        let mut output = output?;

        let key = key.value();
        let len = key.start_len();
        let start = output.take(len)?;
        make(sealer, |place| {
            key.start_in(place, max_len, start)?;
            Ok(())
        })?;
        output.wrote(len);
        Ok(())
    })
}

/// Wipes a sealing key. Does nothing if `key` is NULL or not filled.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libseal_sealing_key_wipe(key: *mut libseal_sealing_key) {
    guard_value(|| {
        // SAFETY: `key` is NULL or storage that only this call uses.
        unsafe { Occupied::read(key) }?.wipe();
        Ok(())
    });
}
