//! Sealing in one call.

use libseal::ErrorKind;

use crate::{
    boundary::{buffer::input_and_output, guard::guard},
    envelope::{EnvelopeParts, length, libseal_envelope},
    status::libseal_status,
};

/// The length of a sealed message.
///
/// @param in_len  Length of the plaintext.
/// @param len     Set to the length of the message.
/// @return LIBSEAL_OK, what libseal_envelope lists, LIBSEAL_ERR_MESSAGE_TOO_LONG from 4 PiB.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_sealed_len(
    envelope: *const libseal_envelope,
    in_len: u64,
    len: *mut u64,
) -> libseal_status {
    // SAFETY: `len` is memory for a number, and the envelope does not change during the call.
    unsafe { length(envelope, len, |envelope| envelope.sealed_len(in_len)) }
}

/// Seals a message that is in memory.
///
/// @param in   The plaintext.
/// @param out  Room for libseal_sealed_len() bytes.
/// @return LIBSEAL_OK, what libseal_envelope lists, LIBSEAL_ERR_BUFFER_TOO_SMALL,
///         LIBSEAL_ERR_MESSAGE_TOO_LONG, LIBSEAL_ERR_RANDOM_FAILED.
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_seal(
    envelope: *const libseal_envelope,
    r#in: *const u8,
    in_len: usize,
    out: *mut u8,
    out_cap: usize,
    written: *mut usize,
) -> libseal_status {
    guard(|| {
        let mut parts = EnvelopeParts::default();
        // SAFETY: `in` is `in_len` bytes; `out` and `written` are memory that only this call uses; the
        // envelope does not change during the call.
        let (plaintext, mut output) = unsafe {
            let buffers = input_and_output(r#in, in_len, out, out_cap, written)?;
            parts.read(envelope)?;
            buffers
        };
        let envelope = parts.envelope();
        let len = envelope.sealed_len(plaintext.len() as u64)?;
        let len = usize::try_from(len).map_err(|_| ErrorKind::MessageTooLong)?;
        envelope.seal_into(plaintext, output.take(len)?)?;
        output.wrote(len);
        Ok(())
    })
}
