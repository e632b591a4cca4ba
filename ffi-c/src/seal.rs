//! Sealing in one call.

use libseal::ErrorKind;

use crate::{
    context::{libseal_context_pair, read_context},
    guard::guard,
    pointer::{clear, input_and_output, output},
    recipient::{libseal_recipient, read_recipients},
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
    recipients: *const libseal_recipient,
    recipient_count: usize,
    context: *const libseal_context_pair,
    context_count: usize,
    in_len: u64,
    len: *mut u64,
) -> libseal_status {
    guard(|| {
        // SAFETY: the caller's word.
        let len = unsafe { output(len, 0) }?;
        // SAFETY: the caller's word.
        let recipients = unsafe { read_recipients(recipients, recipient_count) }?;
        // SAFETY: the caller's word.
        let context = unsafe { read_context(context, context_count) }?;
        *len = libseal::sealed_len(recipients.as_slice(), context.as_slice(), in_len)?;
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
    recipients: *const libseal_recipient,
    recipient_count: usize,
    context: *const libseal_context_pair,
    context_count: usize,
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
        let recipients = unsafe { read_recipients(recipients, recipient_count) }?;
        let recipients = recipients.as_slice();
        // SAFETY: the caller's word.
        let context = unsafe { read_context(context, context_count) }?;
        let context = context.as_slice();
        // SAFETY: the caller's word.
        let (plaintext, mut output) =
            unsafe { input_and_output(r#in, in_len, out, out_cap, written) }?;

        let len = libseal::sealed_len(recipients, context, plaintext.len() as u64)?;
        let len = usize::try_from(len).map_err(|_| ErrorKind::MessageTooLong)?;
        libseal::seal_into(recipients, context, plaintext, output.take(len)?)?;
        output.wrote(len);
        Ok(())
    })
}
