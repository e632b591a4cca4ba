//! What C passes, made into references: NULL, alignment, length and overlap are checked here.

use core::{ffi::c_char, slice};

use libseal::ErrorKind;
use zeroize::Zeroize;

use crate::{
    guard::Failure,
    own_status::{
        LIBSEAL_ERR_INVALID_ARGUMENT, LIBSEAL_ERR_INVALID_UTF8, LIBSEAL_ERR_NULL_POINTER,
    },
    status::libseal_status,
    utf8::is_utf8,
};

fn check<T>(pointer: *const T) -> Result<(), Failure> {
    if pointer.is_null() {
        return Err(Failure(LIBSEAL_ERR_NULL_POINTER));
    }
    if !pointer.is_aligned() {
        return Err(Failure(LIBSEAL_ERR_INVALID_ARGUMENT));
    }
    Ok(())
}

/// # Safety
/// `pointer` is NULL, or of a `T` that nobody changes during `'a`.
pub(crate) unsafe fn shared<'a, T>(pointer: *const T) -> Result<&'a T, Failure> {
    check(pointer)?;
    // SAFETY: not NULL and aligned; the rest is the caller's word.
    Ok(unsafe { &*pointer })
}

/// # Safety
/// `pointer` is NULL, or of a `T` that nobody else uses during `'a`.
pub(crate) unsafe fn exclusive<'a, T>(pointer: *mut T) -> Result<&'a mut T, Failure> {
    check(pointer)?;
    // SAFETY: not NULL and aligned; the rest is the caller's word.
    Ok(unsafe { &mut *pointer })
}

/// An output parameter, set to what it holds if the call fails.
///
/// # Safety
/// `pointer` is NULL, or of memory for a `T` that nobody else uses during `'a`.
pub(crate) unsafe fn output<'a, T>(pointer: *mut T, on_error: T) -> Result<&'a mut T, Failure> {
    check(pointer)?;
    // SAFETY: not NULL and aligned. Nothing is read or dropped: the memory may be uninitialised.
    unsafe { pointer.write(on_error) };
    // SAFETY: initialised just now.
    Ok(unsafe { &mut *pointer })
}

fn check_slice<T>(pointer: *const T, len: usize) -> Result<(), Failure> {
    check(pointer)?;
    match len.checked_mul(size_of::<T>()) {
        Some(bytes) if isize::try_from(bytes).is_ok() => Ok(()),
        _ => Err(Failure(LIBSEAL_ERR_INVALID_ARGUMENT)),
    }
}

/// # Safety
/// `pointer` is of `len` `T`s that nobody changes during `'a`, unless `len` is 0 or it is NULL.
pub(crate) unsafe fn array<'a, T>(pointer: *const T, len: usize) -> Result<&'a [T], Failure> {
    if len == 0 {
        return Ok(&[]);
    }
    check_slice(pointer, len)?;
    // SAFETY: not NULL, aligned and of a possible length; the rest is the caller's word.
    Ok(unsafe { slice::from_raw_parts(pointer, len) })
}

/// Text that ends with a NUL. Past `max` bytes it is `too_long`, and not read on.
///
/// # Safety
/// `pointer` is NULL, or of text that nobody changes during `'a`.
pub(crate) unsafe fn text<'a>(
    pointer: *const c_char,
    max: usize,
    too_long: ErrorKind,
) -> Result<&'a str, Failure> {
    check(pointer)?;
    // SAFETY: every byte up to the NUL may be read, and `position` stops there.
    let len = (0..=max).position(|index| unsafe { *pointer.add(index) } == 0);
    let len = len.ok_or(too_long)?;
    // SAFETY: the bytes before the NUL; the rest is the caller's word.
    let text = unsafe { slice::from_raw_parts(pointer.cast(), len) };
    if !is_utf8(text) {
        return Err(Failure(LIBSEAL_ERR_INVALID_UTF8));
    }
    // SAFETY: checked just now.
    Ok(unsafe { str::from_utf8_unchecked(text) })
}

/// `out`, `out_cap` and `written`.
pub(crate) struct Output<'a> {
    room: &'a mut [u8],
    written: &'a mut usize,
}

impl<'a> Output<'a> {
    /// # Safety
    /// `out` has room for `out_cap` bytes, unless that is 0 or it is NULL; `written` is NULL or as
    /// for [`output`]. Nobody else uses either during `'a`.
    pub(crate) unsafe fn new(
        out: *mut u8,
        out_cap: usize,
        written: *mut usize,
    ) -> Result<Self, Failure> {
        // SAFETY: the caller's word.
        let written = unsafe { output(written, 0) }?;
        let room = if out_cap == 0 {
            &mut []
        } else {
            check_slice(out, out_cap)?;
            // SAFETY: not NULL and of a possible length; that it is memory of the caller's alone is the
            // caller's word. What C left in it, if anything, are bytes.
            unsafe { slice::from_raw_parts_mut(out, out_cap) }
        };
        Ok(Self { room, written })
    }

    /// The first `len` bytes, or too small a buffer, which is told how many bytes are needed.
    pub(crate) fn take(&mut self, len: usize) -> Result<&mut [u8], Failure> {
        let room = self.room.get_mut(..len);
        if room.is_none() {
            *self.written = len;
        }
        room.ok_or(ErrorKind::BufferTooSmall.into())
    }

    pub(crate) fn all(&mut self) -> &mut [u8] {
        self.room
    }

    pub(crate) fn wrote(self, len: usize) {
        *self.written = len;
    }
}

/// An input and an output that must not overlap.
///
/// # Safety
/// As [`array`] and [`Output::new`].
pub(crate) unsafe fn input_and_output<'a>(
    input: *const u8,
    in_len: usize,
    out: *mut u8,
    out_cap: usize,
    written: *mut usize,
) -> Result<(&'a [u8], Output<'a>), Failure> {
    // SAFETY: the caller's word.
    unsafe { output(written, 0) }?;
    let (in_start, out_start) = (input.addr(), out.addr());
    let overlap =
        in_start < out_start.saturating_add(out_cap) && out_start < in_start.saturating_add(in_len);
    if overlap && in_len > 0 && out_cap > 0 && !input.is_null() && !out.is_null() {
        return Err(Failure(LIBSEAL_ERR_INVALID_ARGUMENT));
    }
    // SAFETY: the caller's word, and they do not overlap.
    unsafe { Ok((array(input, in_len)?, Output::new(out, out_cap, written)?)) }
}

/// Sets an output parameter for an error that comes before it is looked at.
///
/// # Safety
/// As [`output`].
pub(crate) unsafe fn clear<T: Default>(pointer: *mut T) {
    // SAFETY: the caller's word. NULL is found again later, after other arguments.
    let _ = unsafe { output(pointer, T::default()) };
}

/// Passes a status on; if it came from a panic, wipes what the function may have left in `out`.
///
/// # Safety
/// As [`Output::new`].
pub(crate) unsafe fn wiped_after_panic(
    status: libseal_status,
    out: *mut u8,
    out_cap: usize,
    written: *mut usize,
) -> libseal_status {
    if status == ErrorKind::Internal.code() {
        // SAFETY: the caller's word.
        if let Ok(output) = unsafe { Output::new(out, out_cap, written) } {
            output.room.zeroize();
        }
    }
    status
}
