//! Rust values in storage that C provides: an array of `uint64_t`.
//!
//! The first word is a mark that tells whether there is a value; the value follows at the next
//! address that is aligned for it.

use core::{mem::MaybeUninit, ptr};

use libseal::ErrorKind;
use zeroize::Zeroize;

use crate::{
    guard::Failure,
    own_status::{
        LIBSEAL_ERR_INVALID_ARGUMENT, LIBSEAL_ERR_NULL_POINTER, LIBSEAL_ERR_STORAGE_TOO_SMALL,
    },
};

const WORD: usize = size_of::<u64>();

/// A value that C code stores.
///
/// # Safety
/// If it `MAY_BE_COPIED`, then as plain bytes: it is aligned as a `u64` at most and does not
/// implement `Drop`.
pub(crate) unsafe trait Stored: Sized {
    /// Different for each type, and unlike anything that memory happens to hold.
    const MARK: u64;
    /// Whether the storage may be copied like any other struct. If not, a copy is told by its
    /// address.
    const MAY_BE_COPIED: bool;

    /// Bytes of storage that are enough wherever it begins.
    const NEED: usize = WORD + align_of::<Self>().saturating_sub(WORD) + size_of::<Self>();
}

/// Storage for a `T`, or what C takes for it.
pub(crate) struct Storage<T> {
    start: *mut u64,
    value: *mut T,
}

impl<T: Stored> Storage<T> {
    /// # Safety
    /// `start` is NULL or of storage that is large enough for a `T`, readable, and for a `&'a T`
    /// unchanged during `'a`.
    pub(crate) unsafe fn shared<'a>(start: *const u64) -> Result<&'a T, Failure> {
        // SAFETY: the storage is not written to.
        let storage = unsafe { Self::occupied(start.cast_mut()) }?;
        // SAFETY: there is a value.
        Ok(unsafe { &*storage.value })
    }

    /// # Safety
    /// `start` is NULL or of storage that is large enough for a `T` and that nobody else uses.
    pub(crate) unsafe fn occupied(start: *mut u64) -> Result<Self, Failure> {
        let storage = Self::checked(start)?;
        // SAFETY: not NULL and aligned, and the caller's word.
        if unsafe { start.read() } != storage.mark() {
            return Err(ErrorKind::InvalidState.into());
        }
        Ok(storage)
    }

    /// Empties storage of `size` bytes, whatever it held, so that a value can be put in.
    ///
    /// # Safety
    /// `start` is NULL or of `size` bytes that nobody else uses. They need not be initialised.
    pub(crate) unsafe fn emptied(start: *mut u64, size: usize) -> Result<Self, Failure> {
        let storage = Self::checked(start)?;
        let bytes =
            ptr::slice_from_raw_parts_mut(start.cast::<MaybeUninit<u8>>(), size.min(T::NEED));
        // SAFETY: within the storage.
        unsafe { &mut *bytes }.zeroize();
        if size < T::NEED {
            return Err(Failure(LIBSEAL_ERR_STORAGE_TOO_SMALL));
        }
        Ok(storage)
    }

    fn checked(start: *mut u64) -> Result<Self, Failure> {
        if start.is_null() {
            return Err(Failure(LIBSEAL_ERR_NULL_POINTER));
        }
        if !start.is_aligned() {
            return Err(Failure(LIBSEAL_ERR_INVALID_ARGUMENT));
        }
        let first = start.wrapping_add(1).cast::<u8>();
        let value = first.wrapping_add(first.align_offset(align_of::<T>()));
        Ok(Self {
            start,
            value: value.cast(),
        })
    }

    fn mark(&self) -> u64 {
        if T::MAY_BE_COPIED {
            T::MARK
        } else {
            T::MARK ^ self.start.addr() as u64
        }
    }

    /// Makes a value in storage that is [empty](Self::emptied). Not inlined, so that what it takes of
    /// a small stack is given back at once.
    #[inline(never)]
    pub(crate) fn make(self, value: impl FnOnce() -> T) {
        // SAFETY: `emptied` saw that the storage is large enough.
        unsafe {
            self.value.write(value());
            self.start.write(self.mark());
        }
    }

    /// Moves a value into storage that is [empty](Self::emptied), and wipes what it leaves behind.
    pub(crate) fn put(self, value: T) {
        let mut value = MaybeUninit::new(value);
        // SAFETY: `emptied` saw that the storage is large enough. The value is moved: it is not
        // dropped here.
        unsafe {
            self.value.copy_from_nonoverlapping(value.as_ptr(), 1);
            self.start.write(self.mark());
        }
        value.zeroize();
    }

    /// The value of storage that is [occupied](Self::occupied).
    pub(crate) fn value(&mut self) -> &mut T {
        // SAFETY: `occupied` found it.
        unsafe { &mut *self.value }
    }

    /// Drops the value of storage that is [occupied](Self::occupied), and wipes it.
    pub(crate) fn wipe(self) {
        // SAFETY: `occupied` found it, and wiping makes sure that nobody finds it again.
        unsafe { self.value.drop_in_place() };
        self.wipe_bytes();
    }

    fn wipe_bytes(&self) {
        let bytes = ptr::slice_from_raw_parts_mut(self.start.cast::<MaybeUninit<u8>>(), T::NEED);
        // SAFETY: within the storage, which is large enough for a value.
        unsafe { &mut *bytes }.zeroize();
    }
}
