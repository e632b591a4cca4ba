//! Sealing piece by piece.
//!
//! 1. libseal_sealer_start() writes the first bytes of the message.
//! 2. libseal_sealer_update(), any number of times, turns each piece of plaintext into ciphertext at
//!    once. Nothing is buffered.
//! 3. libseal_sealer_finish() writes the last bytes; libseal_sealer_finish_with() takes the last piece
//!    as well.
//!
//! Without its last bytes, every reader refuses the message. To abandon one: libseal_sealer_wipe().

use core::mem::MaybeUninit;

use libseal::Sealer;

use crate::{
    boundary::{
        buffer::{Output, input_and_output},
        castable::Castable,
        failure::Failure,
        guard::{guard, guard_value},
        storage::{Occupied, Stored, Vacant, stored},
    },
    envelope::{EnvelopeParts, length, libseal_envelope},
    lent::Lent,
    status::libseal_status,
};

/// Bytes in a libseal_sealer.
pub const LIBSEAL_SEALER_SIZE: usize = 512;
/// Bytes that libseal_sealer_finish() writes.
pub const LIBSEAL_SEALER_FINISH_LEN: usize = 16;

/// A message that is being sealed, filled by libseal_sealer_start().
///
/// Holds the message's key until it ends: with libseal_sealer_finish(), libseal_sealer_finish_with(),
/// libseal_sealer_wipe() or an error. In the complete library it holds heap memory until then, which
/// leaks if the storage is reused before.
///
/// Do not copy or move it: calls with a copy return LIBSEAL_ERR_NOT_FILLED, as do calls with storage that
/// was never started, if it was zero-initialised. A copy that is put back later is not noticed, and
/// reveals what was sealed in between.
///
/// It does not survive fork(): in the child, calls return LIBSEAL_ERR_INVALID_STATE and write nothing,
/// because both processes would encrypt with the same key stream. The parent is not affected.
#[repr(C)]
pub struct libseal_sealer {
    #[doc(hidden)]
    pub opaque_: [u64; 64],
}

/// A sealer and the threads it was lent.
pub(crate) struct LentSealer {
    sealer: Sealer,
    pub(crate) lent: Lent,
}

impl Castable for libseal_sealer {
    const NAME: &'static str = "sealer";
    type Rust = LentSealer;
}

// SAFETY: the constants below are checked at compile time, and it may not be copied.
unsafe impl Stored for libseal_sealer {
    const MARK: u64 = 0x3ba7_e2d4_0c96_f158;
    const MAY_BE_COPIED: bool = false;
}

const _: () = {
    assert!(size_of::<libseal_sealer>() == LIBSEAL_SEALER_SIZE);
    assert!(libseal_sealer::NEED <= LIBSEAL_SEALER_SIZE);
    assert!(LIBSEAL_SEALER_FINISH_LEN == Sealer::FINISH_LEN);
};

/// Makes a sealer in storage, where `start` begins a message with it: without a heap it is too large to
/// move about on a small stack.
pub(crate) fn make(
    mut storage: Vacant<'_, libseal_sealer>,
    start: impl FnOnce(&mut MaybeUninit<Sealer>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let place = storage.place().as_mut_ptr();
    // SAFETY: a member of the place, which is borrowed and not used in another way meanwhile.
    start(unsafe { &mut *(&raw mut (*place).sealer).cast() })?;
    // SAFETY: the other member, and then the value is in its place.
    unsafe {
        (&raw mut (*place).lent).write(Lent::NONE);
        storage.occupy();
    }
    Ok(())
}

/// What becomes of a sealer after a call.
#[derive(PartialEq, Eq)]
pub(crate) enum After {
    GoesOn,
    HasEnded,
}

/// Runs `call` on a sealer, which does not survive an error that is not harmless, nor a panic.
pub(crate) fn run(
    sealer: Occupied<'_, libseal_sealer>,
    call: impl FnOnce(&mut LentSealer) -> Result<After, Failure>,
) -> Result<(), Failure> {
    /// Wipes the sealer unless it goes on.
    struct Wiped<'s>(Option<Occupied<'s, libseal_sealer>>);
    impl Drop for Wiped<'_> {
        fn drop(&mut self) {
            if let Some(sealer) = self.0.take() {
                sealer.wipe();
            }
        }
    }
    let mut wiped = Wiped(Some(sealer));
    let Some(sealer) = &mut wiped.0 else {
        return Ok(());
    };
    let result = call(sealer.value());
    if match &result {
        Ok(after) => *after == After::GoesOn,
        Err(failure) => failure.is_harmless(),
    } {
        wiped.0 = None;
    }
    result.map(|_| ())
}

/// Exactly how many bytes libseal_sealer_start() will write.
///
/// @return LIBSEAL_OK, what libseal_envelope lists.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_sealer_start_len(
    envelope: *const libseal_envelope,
    len: *mut usize,
) -> libseal_status {
    // SAFETY: `len` is memory for a number, and the envelope does not change during the call.
    unsafe { length(envelope, len, |envelope| envelope.start_len()) }
}

/// Begins a message: draws a data key, wraps it for each recipient, and writes the first bytes of
/// the message.
///
/// @param sealer       Overwritten: what it held must have ended. After an error it holds no sealer,
///                     also after LIBSEAL_ERR_BUFFER_TOO_SMALL.
/// @param sealer_size  sizeof(libseal_sealer).
/// @param out          Room for libseal_sealer_start_len() bytes.
/// @return LIBSEAL_OK, what libseal_envelope lists, LIBSEAL_ERR_STORAGE_TOO_SMALL,
///         LIBSEAL_ERR_BUFFER_TOO_SMALL, LIBSEAL_ERR_RANDOM_FAILED.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_sealer_start(
    sealer: *mut libseal_sealer,
    sealer_size: usize,
    envelope: *const libseal_envelope,
    out: *mut u8,
    out_cap: usize,
    written: *mut usize,
) -> libseal_status {
    guard(|| {
        let mut parts = EnvelopeParts::default();
        // SAFETY: `sealer` is `sealer_size` bytes that only this call uses, as are `out` and `written`;
        // the envelope does not change during the call.
        let (sealer, read, output) = unsafe {
            (
                Vacant::read(sealer, sealer_size),
                parts.read(envelope),
                Output::read(out, out_cap, written),
            )
        };
        let sealer = sealer?;
        read?;
        let mut output = output?;

        let envelope = parts.envelope();
        let start = output.take(envelope.start_len()?)?;
        let len = start.len();
        make(sealer, |place| {
            envelope.start_in(place, start)?;
            Ok(())
        })?;
        output.wrote(len);
        Ok(())
    })
}

/// Exactly how many bytes libseal_sealer_update() will write for `in_len` bytes of input: `in_len`, and
/// 16 for each 16 KiB of plaintext that it completes. 0 if `sealer` is NULL or not started, SIZE_MAX if
/// no buffer is that long. LIBSEAL_SEALER_UPDATE_BOUND is enough at any time.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_sealer_update_len(
    sealer: *const libseal_sealer,
    in_len: usize,
) -> usize {
    guard_value(|| {
        // SAFETY: `sealer` is NULL or storage that does not change during the call.
        let sealer = unsafe { stored(sealer) }?;
        if isize::try_from(in_len).is_err() {
            return Ok(usize::MAX);
        }
        Ok(sealer.sealer.update_len(in_len))
    })
}

/// Seals the next piece, of any length. Any error but LIBSEAL_ERR_BUFFER_TOO_SMALL ends the message and
/// wipes the storage.
///
/// @param in   The next plaintext.
/// @param out  Room for libseal_sealer_update_len() bytes.
/// @return LIBSEAL_OK, LIBSEAL_ERR_BUFFER_TOO_SMALL, LIBSEAL_ERR_NOT_FILLED, LIBSEAL_ERR_INVALID_STATE
///         after the end and in a forked child, LIBSEAL_ERR_MESSAGE_TOO_LONG at 4 PiB.
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
        // SAFETY: `sealer` is NULL or storage that only this call uses; `in` is `in_len` bytes; `out` and
        // `written` are memory that only this call uses.
        let (sealer, buffers) = unsafe {
            (
                Occupied::read(sealer),
                input_and_output(r#in, in_len, out, out_cap, written),
            )
        };
        run(sealer?, |LentSealer { sealer, lent }| {
            let (plaintext, mut output) = buffers?;
            let len = sealer.update_len(plaintext.len());
            let room = output.take(len)?;
            lent.run(len, || sealer.update(plaintext, room))??;
            output.wrote(len);
            Ok(After::GoesOn)
        })
    })
}

/// Ends the message: writes its last LIBSEAL_SEALER_FINISH_LEN bytes, and wipes the storage.
///
/// @param out  Room for LIBSEAL_SEALER_FINISH_LEN bytes.
/// @return as libseal_sealer_update().
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_sealer_finish(
    sealer: *mut libseal_sealer,
    out: *mut u8,
    out_cap: usize,
    written: *mut usize,
) -> libseal_status {
    // SAFETY: `finish_with` takes the same arguments, and no input is an input.
    unsafe { libseal_sealer_finish_with(sealer, core::ptr::null(), 0, out, out_cap, written) }
}

/// Takes the rest of the plaintext and ends the message: libseal_sealer_update() and
/// libseal_sealer_finish() in one. Wipes the storage.
///
/// @param in   The last plaintext, or all of it.
/// @param out  Room for libseal_sealer_update_len() and LIBSEAL_SEALER_FINISH_LEN bytes.
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
        // SAFETY: `sealer` is NULL or storage that only this call uses; `in` is `in_len` bytes; `out` and
        // `written` are memory that only this call uses.
        let (sealer, buffers) = unsafe {
            (
                Occupied::read(sealer),
                input_and_output(r#in, in_len, out, out_cap, written),
            )
        };
        run(sealer?, |LentSealer { sealer, lent }| {
            let (plaintext, mut output) = buffers?;
            let len = sealer.finish_with_len(plaintext.len());
            let room = output.take(len)?;
            lent.run(len, || sealer.finish_with(plaintext, room))??;
            output.wrote(len);
            Ok(After::HasEnded)
        })
    })
}

/// Abandons a message: wipes the storage. Does nothing if `sealer` is NULL, has ended or was not
/// started.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libseal_sealer_wipe(sealer: *mut libseal_sealer) {
    guard_value(|| {
        // SAFETY: `sealer` is NULL or storage that only this call uses.
        unsafe { Occupied::read(sealer) }?.wipe();
        Ok(())
    });
}
