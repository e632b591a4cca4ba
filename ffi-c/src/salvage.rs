//! Salvage: what is left of a message that was cut short or altered.

use zeroize::Zeroizing;

use crate::{
    boundary::{boxed::Boxed, guard::guard},
    reader::libseal_reader,
    sink::{Sink, libseal_sink},
    status::libseal_status,
};

/// What is read at a time, unless a pool is lent.
const PIECE_LEN: usize = 256 * 1024;

/// Writes the verified beginning of a message to a sink: the plaintext of every chunk of 16 KiB up to
/// the first that is not whole or not authentic. A part of a chunk cannot be verified, so it is left
/// out.
///
/// LIBSEAL_OK alone means that the message is whole, and that all of its plaintext has been written.
/// On any other status libseal_reader_position() is the number of bytes that have been written and
/// are authentic, if the reader began at the start. Mark them as incomplete wherever you keep them.
///
/// If the source fails, for example at a bad sector, what came before is written too. A call that is
/// repeated goes on from there. If the message is to end where the source fails, let the callback
/// answer with 0 bytes.
///
/// @param reader  Begins at its position: at the start, unless it was moved.
/// @param sink    Not kept after the call.
/// @return LIBSEAL_OK if the message is whole;
///         LIBSEAL_ERR_TRUNCATED or LIBSEAL_ERR_END_NOT_AUTHENTIC if its end is missing,
///         LIBSEAL_ERR_AUTHENTICATION_FAILED if a chunk was altered, or header or data key are wrong;
///         LIBSEAL_ERR_IO_FAILED if source or sink failed: libseal_last_error() says which one;
///         otherwise as libseal_reader_read().
#[unsafe(no_mangle)]
#[must_use]
pub unsafe extern "C" fn libseal_reader_salvage(
    reader: *mut libseal_reader,
    sink: *const libseal_sink,
) -> libseal_status {
    guard(|| {
        // SAFETY: `reader` is NULL or used only by this call; the callback of the sink can be called
        // during it.
        let (reader, mut sink) = unsafe { (libseal_reader::exclusive(reader)?, Sink::new(sink)?) };
        reader.run(|driver, reading| {
            let piece_len = driver.lent.piece_len().unwrap_or(PIECE_LEN);
            let mut piece = Zeroizing::new(vec![0; piece_len]);
            loop {
                let position = reading.position();
                let len = driver.read(reading, &mut piece)?;
                let (verified, _) = piece.split_at(len);
                if verified.is_empty() {
                    return Ok(());
                }
                if let Err(failure) = sink.write(verified) {
                    reading.seek(position);
                    return Err(failure);
                }
            }
        })
    })
}
