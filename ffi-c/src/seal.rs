//! Sealing in one call.

use libseal::ErrorKind;

use crate::{
    guard::guard,
    pointer::{clear, input_and_output, output},
    seal_params::{SealParams, libseal_seal_params},
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
    guard(|| {
        // SAFETY: the caller's word.
        let len = unsafe { output(len, 0) }?;
        let mut sealing = SealParams::default();
        // SAFETY: the caller's word.
        unsafe { sealing.read(params) }?;
        *len = libseal::sealed_len(&sealing.recipients, &sealing.context, in_len)?;
        Ok(())
    })
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
        let mut sealing = SealParams::default();
        // SAFETY: the caller's word.
        unsafe { sealing.read(params) }?;
        // SAFETY: the caller's word.
        let (plaintext, mut output) =
            unsafe { input_and_output(r#in, in_len, out, out_cap, written) }?;

        let (recipients, context) = (&sealing.recipients, &sealing.context);
        let len = libseal::sealed_len(recipients, context, plaintext.len() as u64)?;
        let len = usize::try_from(len).map_err(|_| ErrorKind::MessageTooLong)?;
        let message = output.take(len)?;
        libseal::seal_into_with_random(
            recipients,
            context,
            plaintext,
            &mut sealing.random,
            message,
        )?;
        output.wrote(len);
        Ok(())
    })
}
