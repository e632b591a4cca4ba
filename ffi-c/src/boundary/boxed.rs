//! Handles that the library allocates: from `_new` or `_parse` to `_free`.

use core::ptr;

use crate::boundary::{
    castable::Castable,
    failure::{Failure, Named},
    pointer,
};

/// A C type that is only ever behind a pointer, to a boxed Rust value.
pub(crate) trait Boxed: Castable + Sized {
    /// Makes a handle, which belongs to the caller until [`free`](Self::free).
    fn new(value: Self::Rust) -> *mut Self {
        Box::into_raw(Box::new(value)).cast()
    }

    /// A handle for a value that stays where it is. It is not to be freed.
    fn borrowed(value: &Self::Rust) -> *const Self {
        ptr::from_ref(value).cast()
    }

    /// # Safety
    /// `handle` is NULL or from [`new`](Self::new) or [`borrowed`](Self::borrowed), and its value
    /// stays and does not change during `'a`.
    unsafe fn shared<'a>(handle: *const Self) -> Result<&'a Self::Rust, Failure>
    where
        Self::Rust: 'a,
    {
        // SAFETY: a handle of this type points to a `Self::Rust`, which the caller leaves alone.
        unsafe { pointer::shared(handle.cast::<Self::Rust>()) }.of(Self::NAME)
    }

    /// # Safety
    /// `handle` is NULL or from [`new`](Self::new), and nothing else uses its value during `'a`.
    unsafe fn exclusive<'a>(handle: *mut Self) -> Result<&'a mut Self::Rust, Failure>
    where
        Self::Rust: 'a,
    {
        // SAFETY: a handle of this type points to a `Self::Rust`, which nothing else uses.
        unsafe { pointer::exclusive(handle.cast::<Self::Rust>()) }.of(Self::NAME)
    }

    /// Drops the value and frees its memory. NULL is fine.
    ///
    /// # Safety
    /// `handle` is NULL or from [`new`](Self::new), and this is its last use.
    unsafe fn free(handle: *mut Self) {
        if !handle.is_null() {
            // SAFETY: `new` made the box of this type, and no one frees it a second time.
            drop(unsafe { Box::from_raw(handle.cast::<Self::Rust>()) });
        }
    }
}
