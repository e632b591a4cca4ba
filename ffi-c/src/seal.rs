//! Sealing in one call.

use libseal::{ErrorKind, StartedMessage};

use crate::{
    guard::{Failure, guard},
    pointer::{Output, clear, input_and_output},
    seal_params::{SealParams, length, libseal_seal_params},
    status::libseal_status,
};

/// The length of a sealed message.
///
/// @param in_len  Length of the plaintext.
/// @param len     Set to the length of the message.
/// @return as libseal_sealer_start_len(), and LIBSEAL_ERR_MESSAGE_TOO_LONG from 4 PiB.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_sealed_len(
    params: *const libseal_seal_params,
    in_len: u64,
    len: *mut u64,
) -> libseal_status {
    let compute = |sealing: &SealParams<'_>| {
        libseal::sealed_len(&sealing.recipients, &sealing.context, in_len)
    };
    // SAFETY: the caller's word.
    unsafe { length(params, len, compute) }
}

/// Seals a message that is in memory.
///
/// @param in       The plaintext.
/// @param out      For the message, of libseal_sealed_len() bytes.
/// @return as libseal_sealer_start_len(), LIBSEAL_ERR_BUFFER_TOO_SMALL,
///         LIBSEAL_ERR_MESSAGE_TOO_LONG, LIBSEAL_ERR_RANDOM_FAILED.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_seal(
    params: *const libseal_seal_params,
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
        let (plaintext, mut output) =
            unsafe { input_and_output(r#in, in_len, out, out_cap, written) }?;
        // SAFETY: the caller's word.
        let (started, len) = unsafe { start(params, plaintext.len(), &mut output) }?;
        started.seal_rest(plaintext, output.take(len)?)?;
        output.wrote(len);
        Ok(())
    })
}

/// Begins the message; also returns the length of all of it.
///
/// Not inlined, so that what it takes of a small stack is given back before the rest is sealed.
#[inline(never)]
unsafe fn start(
    params: *const libseal_seal_params,
    plaintext_len: usize,
    output: &mut Output<'_>,
) -> Result<(StartedMessage, usize), Failure> {
    let mut sealing = SealParams::default();
    // SAFETY: the caller's word.
    unsafe { sealing.read(params) }?;
    let (recipients, context) = (&sealing.recipients, &sealing.context);
    let len = libseal::sealed_len(recipients, context, plaintext_len as u64)?;
    let len = usize::try_from(len).map_err(|_| ErrorKind::MessageTooLong)?;
    let message = output.take(len)?;
    let started = StartedMessage::new(recipients, context, &mut sealing.random, message)?;
    Ok((started, len))
}
