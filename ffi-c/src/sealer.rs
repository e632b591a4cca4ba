//! Sealing piece by piece.
//!
//! 1. libseal_sealer_start() writes the first bytes of the message: header, salt and commitment.
//! 2. libseal_sealer_update(), any number of times, turns each piece of plaintext into as many bytes
//!    of the message at once; nothing is buffered.
//! 3. libseal_sealer_finish() writes the last bytes; libseal_sealer_finish_with() takes the last piece
//!    of plaintext as well.
//!
//! A message without those last bytes is refused by every reader. That is how to abandon one:
//! libseal_sealer_wipe(), and no more.

use libseal::{Sealer, StartedMessage};

use crate::{
    guard::{Failure, guard, guard_value},
    pointer::{Output, clear, input_and_output},
    seal_params::{SealParams, length, libseal_seal_params},
    status::libseal_status,
    storage::{Storage, Stored},
};

/// Bytes in a libseal_sealer.
pub const LIBSEAL_SEALER_SIZE: usize = 512;
/// Bytes that libseal_sealer_finish() writes.
pub const LIBSEAL_SEALER_FINISH_LEN: usize = 16;

/// A message on the way out, filled by libseal_sealer_start().
///
/// Holds the message's key until its end: libseal_sealer_finish(), libseal_sealer_finish_with(),
/// libseal_sealer_wipe() or an error. In the complete library it may hold heap memory and threads until
/// then: storage that is reused or given up before its end leaks them.
///
/// Not to be copied or moved: a copy is refused with LIBSEAL_ERR_INVALID_STATE. So is storage that was
/// never started, provided that it is zero-initialised.
#[repr(C)]
pub struct libseal_sealer {
    #[doc(hidden)]
    pub opaque_: [u64; 64],
}

// SAFETY: it may not be copied.
unsafe impl Stored for Sealer {
    const MARK: u64 = 0x3ba7_e2d4_0c96_f158;
    const MAY_BE_COPIED: bool = false;
}

const _: () = {
    assert!(size_of::<libseal_sealer>() == LIBSEAL_SEALER_SIZE);
    assert!(Sealer::NEED <= LIBSEAL_SEALER_SIZE);
    assert!(LIBSEAL_SEALER_FINISH_LEN == Sealer::FINISH_LEN);
};

/// Runs `call` on a sealer, which does not survive an error that is not harmless.
///
/// # Safety
/// `sealer` is NULL or of storage that is large enough for a sealer and that nothing else uses.
pub(crate) unsafe fn run(
    sealer: *mut libseal_sealer,
    call: impl FnOnce(Storage<Sealer>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    /// Wipes the sealer unless told otherwise; after a panic too.
    struct Poison(*mut libseal_sealer);
    impl Drop for Poison {
        fn drop(&mut self) {
            // SAFETY: the word of the caller of `run`, whose `call` is over.
            unsafe { libseal_sealer_wipe(self.0) }
        }
    }
    let poison = Poison(sealer);
    // SAFETY: the caller's word.
    let result = unsafe { Storage::occupied(sealer.cast()) }.and_then(call);
    if result.is_ok() || result.is_err_and(Failure::is_harmless) {
        core::mem::forget(poison);
    }
    result
}

/// Exactly what libseal_sealer_start() writes.
///
/// @return LIBSEAL_OK;
///         LIBSEAL_ERR_NULL_POINTER;
///         LIBSEAL_ERR_INVALID_ARGUMENT for more than LIBSEAL_MAX_CONTEXT_PAIRS pairs or an unknown
///         algorithm;
///         LIBSEAL_ERR_INVALID_STATE if a public key was not filled;
///         LIBSEAL_ERR_INVALID_UTF8, LIBSEAL_ERR_KEY_ID_TOO_LONG, LIBSEAL_ERR_NO_RECIPIENTS,
///         LIBSEAL_ERR_TOO_MANY_RECIPIENTS;
///         LIBSEAL_ERR_CONTEXT_TOO_LONG, LIBSEAL_ERR_CONTEXT_KEY_EMPTY,
///         LIBSEAL_ERR_CONTEXT_KEY_DUPLICATE, LIBSEAL_ERR_CONTEXT_KEY_RESERVED.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_sealer_start_len(
    params: *const libseal_seal_params,
    len: *mut usize,
) -> libseal_status {
    let compute =
        |sealing: &SealParams<'_>| Sealer::start_len(&sealing.recipients, &sealing.context);
    // SAFETY: the caller's word.
    unsafe { length(params, len, compute) }
}

/// Begins a message: draws a data key, wraps it for each recipient, and writes the first bytes of
/// the message.
///
/// @param sealer       Storage; overwritten, whatever it held: a sealer in it has to have ended.
///                     After an error it holds none, also after LIBSEAL_ERR_BUFFER_TOO_SMALL.
/// @param sealer_size  sizeof(libseal_sealer).
/// @param out          For libseal_sealer_start_len() bytes.
/// @return as libseal_sealer_start_len(), LIBSEAL_ERR_STORAGE_TOO_SMALL,
///         LIBSEAL_ERR_BUFFER_TOO_SMALL, LIBSEAL_ERR_RANDOM_FAILED.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_sealer_start(
    sealer: *mut libseal_sealer,
    sealer_size: usize,
    params: *const libseal_seal_params,
    out: *mut u8,
    out_cap: usize,
    written: *mut usize,
) -> libseal_status {
    guard(|| {
        // SAFETY: the caller's word.
        unsafe { clear(written) };
        // SAFETY: the caller's word.
        let storage = unsafe { Storage::<Sealer>::emptied(sealer.cast(), sealer_size) }?;
        let mut sealing = SealParams::default();
        // SAFETY: the caller's word.
        unsafe { sealing.read(params) }?;
        // SAFETY: the caller's word.
        let mut output = unsafe { Output::new(out, out_cap, written) }?;

        let (recipients, context) = (&sealing.recipients, &sealing.context);
        let start = output.take(Sealer::start_len(recipients, context)?)?;
        let len = start.len();
        let message = StartedMessage::new(recipients, context, &mut sealing.random, start)?;
        storage.make(|| (&message).into());
        output.wrote(len);
        Ok(())
    })
}

/// Exactly what libseal_sealer_update() writes for so much input now: as many bytes, and 16 more for
/// each 16 KiB of plaintext that it completes. 0 if `sealer` is NULL or not started, SIZE_MAX if no
/// buffer is that long. LIBSEAL_SEALER_UPDATE_BOUND is enough at any time.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_sealer_update_len(
    sealer: *const libseal_sealer,
    in_len: usize,
) -> usize {
    guard_value(|| {
        // SAFETY: the caller's word.
        let sealer: &Sealer = unsafe { Storage::shared(sealer.cast()) }?;
        if isize::try_from(in_len).is_err() {
            return Ok(usize::MAX);
        }
        Ok(sealer.update_len(in_len))
    })
}

/// Seals the next piece, of any length.
///
/// @param in   The next plaintext.
/// @param out  For libseal_sealer_update_len() bytes.
/// @return LIBSEAL_OK, LIBSEAL_ERR_INVALID_STATE, LIBSEAL_ERR_BUFFER_TOO_SMALL,
///         LIBSEAL_ERR_NULL_POINTER, LIBSEAL_ERR_INVALID_ARGUMENT, LIBSEAL_ERR_MESSAGE_TOO_LONG at
///         4 PiB.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_sealer_update(
    sealer: *mut libseal_sealer,
    r#in: *const u8,
    in_len: usize,
    out: *mut u8,
    out_cap: usize,
    written: *mut usize,
) -> libseal_status {
    guard(|| {
        // SAFETY: the caller's word.
        unsafe { clear(written) };
        let call = |mut storage: Storage<Sealer>| {
            let sealer = storage.value();
            // SAFETY: the caller's word.
            let (plaintext, mut output) =
                unsafe { input_and_output(r#in, in_len, out, out_cap, written) }?;
            let len = sealer.update_len(plaintext.len());
            sealer.update(plaintext, output.take(len)?)?;
            output.wrote(len);
            Ok(())
        };
        // SAFETY: the caller's word.
        unsafe { run(sealer, call) }
    })
}

/// Ends the message: writes its last LIBSEAL_SEALER_FINISH_LEN bytes, and wipes the storage.
///
/// @param out  For LIBSEAL_SEALER_FINISH_LEN bytes.
/// @return LIBSEAL_OK, LIBSEAL_ERR_INVALID_STATE, LIBSEAL_ERR_BUFFER_TOO_SMALL,
///         LIBSEAL_ERR_NULL_POINTER, LIBSEAL_ERR_INVALID_ARGUMENT.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_sealer_finish(
    sealer: *mut libseal_sealer,
    out: *mut u8,
    out_cap: usize,
    written: *mut usize,
) -> libseal_status {
    guard(|| {
        // SAFETY: the caller's word.
        unsafe { clear(written) };
        let call = |mut storage: Storage<Sealer>| {
            // SAFETY: the caller's word.
            let mut output = unsafe { Output::new(out, out_cap, written) }?;
            let end = output.take(LIBSEAL_SEALER_FINISH_LEN)?;
            end.copy_from_slice(&storage.value().finish_in_place());
            storage.wipe();
            output.wrote(LIBSEAL_SEALER_FINISH_LEN);
            Ok(())
        };
        // SAFETY: the caller's word.
        unsafe { run(sealer, call) }
    })
}

/// Takes the rest of the plaintext and ends the message: libseal_sealer_update() and
/// libseal_sealer_finish() in one. Wipes the storage.
///
/// @param in   The last plaintext, or all of it.
/// @param out  For libseal_sealer_update_len() and LIBSEAL_SEALER_FINISH_LEN bytes.
/// @return as libseal_sealer_update().
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_sealer_finish_with(
    sealer: *mut libseal_sealer,
    r#in: *const u8,
    in_len: usize,
    out: *mut u8,
    out_cap: usize,
    written: *mut usize,
) -> libseal_status {
    guard(|| {
        // SAFETY: the caller's word.
        unsafe { clear(written) };
        let call = |mut storage: Storage<Sealer>| {
            let sealer = storage.value();
            // SAFETY: the caller's word.
            let (plaintext, mut output) =
                unsafe { input_and_output(r#in, in_len, out, out_cap, written) }?;
            let len = sealer.finish_with_len(plaintext.len());
            sealer.finish_with_in_place(plaintext, output.take(len)?)?;
            storage.wipe();
            output.wrote(len);
            Ok(())
        };
        // SAFETY: the caller's word.
        unsafe { run(sealer, call) }
    })
}

/// Abandons a message: wipes the storage. Does nothing if `sealer` is NULL, finished or not started.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libseal_sealer_wipe(sealer: *mut libseal_sealer) {
    guard(|| {
        // SAFETY: the caller's word.
        unsafe { Storage::<Sealer>::occupied(sealer.cast()) }?.wipe();
        Ok(())
    });
}
