//! Pointers from C, made into references: NULL, alignment and length are checked here.

use core::{ffi::c_char, slice};

use libseal::ErrorKind;

use crate::boundary::{
    failure::Failure,
    own_status::{
        LIBSEAL_ERR_INVALID_ARGUMENT, LIBSEAL_ERR_INVALID_UTF8, LIBSEAL_ERR_NULL_POINTER,
    },
    utf8::is_utf8,
};

/// A callback, which is a pointer too.
#[inline(always)]
pub(crate) fn callback<F>(function: Option<F>) -> Result<F, Failure> {
    function.ok_or(NULL)
}

const NULL: Failure = Failure::argument(LIBSEAL_ERR_NULL_POINTER, "is NULL");

/// Whether a pointer is neither NULL nor misaligned.
pub(crate) fn check<T>(pointer: *const T) -> Result<(), Failure> {
    if pointer.is_null() {
        return Err(NULL);
    }
    if !pointer.is_aligned() {
        let fault = "is not aligned for its type";
        return Err(Failure::argument(LIBSEAL_ERR_INVALID_ARGUMENT, fault));
    }
    Ok(())
}

/// # Safety
/// `pointer` is NULL, or of a `T` that nothing changes during `'a`.
#[cfg(feature = "unseal")]
pub(crate) unsafe fn shared<'a, T>(pointer: *const T) -> Result<&'a T, Failure> {
    check(pointer)?;
    // SAFETY: not NULL, so it is of a `T` that does not change; and aligned.
    Ok(unsafe { &*pointer })
}

/// So many bytes, in a parameter that is an array in C.
///
/// # Safety
/// `pointer` is NULL, or of `N` bytes that nothing changes during `'a`.
pub(crate) unsafe fn bytes<'a, const N: usize>(pointer: *const u8) -> Result<&'a [u8; N], Failure> {
    check(pointer)?;
    // SAFETY: not NULL, so it is of `N` bytes that do not change; bytes are always aligned.
    Ok(unsafe { &*pointer.cast() })
}

/// # Safety
/// `pointer` is NULL, or of a `T` that nothing else uses during `'a`.
#[cfg(feature = "unseal")]
pub(crate) unsafe fn exclusive<'a, T>(pointer: *mut T) -> Result<&'a mut T, Failure> {
    check(pointer)?;
    // SAFETY: not NULL, so it is of a `T` that nothing else uses; and aligned.
    Ok(unsafe { &mut *pointer })
}

/// An output parameter, set to what it holds if the call fails.
///
/// # Safety
/// `pointer` is NULL, or of memory for a `T` that nothing else uses during `'a`.
pub(crate) unsafe fn output<'a, T>(pointer: *mut T, on_error: T) -> Result<&'a mut T, Failure> {
    check(pointer)?;
    // SAFETY: aligned memory for a `T`. Nothing is read or dropped: it may be uninitialised.
    unsafe { pointer.write(on_error) };
    // SAFETY: initialised by the line before, and nothing else uses it.
    Ok(unsafe { &mut *pointer })
}

/// Whether a slice may have this place and length.
pub(crate) fn check_slice<T>(pointer: *const T, len: usize) -> Result<(), Failure> {
    check(pointer)?;
    match len.checked_mul(size_of::<T>()) {
        Some(bytes) if isize::try_from(bytes).is_ok() => Ok(()),
        _ => Err(Failure::argument(
            LIBSEAL_ERR_INVALID_ARGUMENT,
            "is longer than any memory",
        )),
    }
}

/// # Safety
/// `pointer` is of `len` `T`s that nothing changes during `'a`, unless `len` is 0 or it is NULL.
pub(crate) unsafe fn array<'a, T>(pointer: *const T, len: usize) -> Result<&'a [T], Failure> {
    if len == 0 {
        return Ok(&[]);
    }
    check_slice(pointer, len)?;
    // SAFETY: not NULL, so it is of `len` `T`s that do not change; aligned, and no slice is too long.
    Ok(unsafe { slice::from_raw_parts(pointer, len) })
}

/// Sets an output parameter for an error that comes before it is looked at.
///
/// # Safety
/// As [`output`].
#[cfg(feature = "unseal")]
pub(crate) unsafe fn clear<T: Default>(pointer: *mut T) {
    // SAFETY: NULL, or memory for a `T`. The error for NULL comes later, after other arguments.
    let _ = unsafe { output(pointer, T::default()) };
}

/// Text that ends with a NUL. Past `max` bytes it is `too_long`, and not read on.
///
/// # Safety
/// `pointer` is NULL, or of text that nothing changes during `'a`.
pub(crate) unsafe fn text<'a>(
    pointer: *const c_char,
    max: usize,
    too_long: ErrorKind,
) -> Result<&'a str, Failure> {
    check(pointer)?;
    // SAFETY: all bytes up to the NUL can be read, and `position` stops there.
    let len = (0..=max).position(|index| unsafe { *pointer.add(index) } == 0);
    let len = len.ok_or(too_long)?;
    // SAFETY: these are the bytes before the NUL, and they do not change.
    let text = unsafe { slice::from_raw_parts(pointer.cast(), len) };
    if !is_utf8(text) {
        return Err(Failure::argument(LIBSEAL_ERR_INVALID_UTF8, "is not UTF-8"));
    }
    // SAFETY: `is_utf8` says what `str::from_utf8` says.
    Ok(unsafe { str::from_utf8_unchecked(text) })
}
