//! Bytes in and bytes out: `in`, `in_len`, `out`, `out_cap`, `written`.

use core::slice;

use libseal::ErrorKind;
#[cfg(feature = "unseal")]
use zeroize::Zeroize;

use crate::boundary::{
    failure::{Failure, Named},
    own_status::LIBSEAL_ERR_INVALID_ARGUMENT,
    pointer::{array, check_slice, output},
};
#[cfg(feature = "unseal")]
use crate::status::libseal_status;

/// `out`, `out_cap` and `written`.
pub(crate) struct Output<'a> {
    room: &'a mut [u8],
    written: &'a mut usize,
}

impl<'a> Output<'a> {
    /// Sets `*written` to 0 in any case.
    ///
    /// # Safety
    /// `out` has room for `out_cap` bytes, unless that is 0 or it is NULL; `written` is NULL or has
    /// room for its number. Nothing else uses either during `'a`.
    pub(crate) unsafe fn read(
        out: *mut u8,
        out_cap: usize,
        written: *mut usize,
    ) -> Result<Self, Failure> {
        // SAFETY: `written` is NULL or memory for a number that nothing else uses.
        let written = unsafe { output(written, 0) }.of("written")?;
        let room = if out_cap == 0 {
            &mut []
        } else {
            check_slice(out, out_cap).of("out")?;
            // SAFETY: not NULL, so these are `out_cap` bytes that nothing else uses, and no more than a
            // slice can have. What C left in them, if anything, are bytes.
            unsafe { slice::from_raw_parts_mut(out, out_cap) }
        };
        Ok(Self { room, written })
    }

    /// The first `len` bytes. If there is less room, the caller is told how much it takes.
    pub(crate) fn take(&mut self, len: usize) -> Result<&mut [u8], Failure> {
        let room = self.room.get_mut(..len);
        if room.is_none() {
            *self.written = len;
        }
        room.ok_or(ErrorKind::BufferTooSmall.into())
    }

    #[cfg(feature = "unseal")]
    pub(crate) fn all(&mut self) -> &mut [u8] {
        self.room
    }

    pub(crate) fn wrote(self, len: usize) {
        *self.written = len;
    }
}

/// An input, and an output that it does not overlap. Sets `*written` to 0 in any case.
///
/// # Safety
/// As [`array`] for the input and [`Output::read`] for the output, if they do not overlap.
pub(crate) unsafe fn input_and_output<'a>(
    input: *const u8,
    in_len: usize,
    out: *mut u8,
    out_cap: usize,
    written: *mut usize,
) -> Result<(&'a [u8], Output<'a>), Failure> {
    // SAFETY: `written` is NULL or memory for a number, which overlaps nothing.
    unsafe { output(written, 0) }.of("written")?;
    let (in_start, out_start) = (input.addr(), out.addr());
    let overlap =
        in_start < out_start.saturating_add(out_cap) && out_start < in_start.saturating_add(in_len);
    if overlap && in_len > 0 && out_cap > 0 && !input.is_null() && !out.is_null() {
        let overlap = Failure::argument(LIBSEAL_ERR_INVALID_ARGUMENT, "overlaps in");
        return Err(overlap).of("out");
    }
    // SAFETY: they do not overlap, so what each of the two needs is what the caller promised.
    unsafe {
        let input = array(input, in_len).of("in")?;
        Ok((input, Output::read(out, out_cap, written)?))
    }
}

/// Passes a status on. If it came from a panic, wipes what the function may have left in `out`.
///
/// # Safety
/// As [`Output::read`], which no other value uses any more.
#[cfg(feature = "unseal")]
pub(crate) unsafe fn wiped_after_panic(
    status: libseal_status,
    out: *mut u8,
    out_cap: usize,
    written: *mut usize,
) -> libseal_status {
    if status == ErrorKind::Internal.code() {
        // SAFETY: the memory of the output belongs to the call, which uses it only here now.
        if let Ok(output) = unsafe { Output::read(out, out_cap, written) } {
            output.room.zeroize();
        }
    }
    status
}
